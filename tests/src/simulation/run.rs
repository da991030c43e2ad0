//! Running a scenario: workers, faults and kills, then a quiet end at which everything is checked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join;
use scimkit_client::{Class, Classes, RateLimited, Retry, RetryPolicy, Transport, random_from_seed};
use scimkit_mapping::{AttributeMapping, ObjectMapping, SynchronizationSchema};
use scimkit_provisioning::{CycleError, CycleReport, Due, Engine, ProvisioningJob, Scope, Source};
use scimkit_rate_limit::{Limits, Quota};
use scimkit_store::{MemoryState, StateStore, StoreErrorKind, Table};
use scimkit_testing::{CountingService, FlakyTransport, InProcess, VirtualTime, fake};
use scimkit_types::profile::RequestLimit;
use scimkit_types::{Clock, ManualClock, Profile, Resource, schema};

use super::directory::{Directory, person};
use super::model::{Held, Model, Planted};
use super::network::{Network, Sent, SentBy};
use super::process::{Fate, Process};
use super::scenario::{Event, INTERVAL, Scenario};
use super::state::FaultyState;
use crate::job::{ServiceKind, compile, without_uniqueness};
use crate::world::{BASE, TOKEN, World, client};

const WINDOW: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(25);
const READS: u32 = 40;
const WRITES: u32 = 25;

/// What a simulation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Cycles that were completed.
    pub cycles: u64,
    /// Cycles that ended with an error.
    pub failed_cycles: u64,
    /// Workers that were killed.
    pub kills: u64,
    /// Workers that stood still, or had a rival.
    pub rivals: u64,
    /// Faults of requests, writes and reads that were set up.
    pub faults: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Cycles that the deletion guard held.
    pub held: u64,
    /// People who could not get the name that they were to have, as somebody who left keeps it.
    pub blocked: u64,
    /// Days that passed.
    pub days: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.cycles += other.cycles;
        self.failed_cycles += other.failed_cycles;
        self.kills += other.kills;
        self.rivals += other.rivals;
        self.faults += other.faults;
        self.requests += other.requests;
        self.held += other.held;
        self.blocked += other.blocked;
        self.days += other.days;
    }
}

/// What was found to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Wire = Arc<Network<CountingService<InProcess>>>;

/// Runs a scenario and checks it.
///
/// # Errors
/// [`Violation`] of an invariant.
pub fn simulate(scenario: &Scenario) -> Result<Stats, Violation> {
    let mut simulation = Simulation::new(scenario);
    simulation.plant();
    for step in 0..scenario.waits.len() {
        simulation.step(step)?;
    }
    simulation.finish()?;
    Ok(simulation.stats)
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    time: VirtualTime,
    world: World,
    state: Arc<FaultyState>,
    wire: Wire,
    directory: Arc<Directory>,
    profile: Profile,
    has_other_mapping: bool,
    is_held: bool,
    workers: u64,
    planted: Planted,
    stats: Stats,
}

fn profile(scenario: &Scenario) -> Profile {
    let mut profile = scenario.service.profile();
    profile.seats = None;
    profile.limits.read = Some(RequestLimit::new(READS, 60));
    profile.limits.write = Some(RequestLimit::new(WRITES, 60));
    if scenario.defends_itself { profile } else { without_uniqueness(profile) }
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let time = VirtualTime::default().with_max_steps(3_000_000);
        let arrival = Arc::new(ManualClock::new(time.now()));
        let state = Arc::new(FaultyState::new(Arc::new(MemoryState::new())));
        let profile = profile(scenario);
        let service = fake::ringcentral(profile.clone(), &TOKEN.into(), Arc::clone(&arrival) as Arc<dyn Clock>).unwrap();
        let clock = Arc::clone(&arrival) as Arc<dyn Clock>;
        let counting = CountingService::new(service.transport(), profile.limits.clone(), clock);
        let wire = Arc::new(Network::new(counting, arrival, time.clock(), time.timer(), random_from_seed(scenario.seed ^ 0x5eed)));
        let world = World { service, state: Arc::clone(&state) as Arc<dyn StateStore>, clock: time.clock() };
        let directory = Arc::new(Directory::new(scenario.people, scenario.groups, scenario.assigns));
        Self {
            scenario,
            time,
            world,
            state,
            wire,
            directory,
            profile,
            has_other_mapping: false,
            is_held: false,
            workers: 0,
            planted: Planted::new(),
            stats: Stats::default(),
        }
    }

    /// Puts accounts into the service: those of others, and some that people of the directory have already.
    fn plant(&mut self) {
        let client = client(self.world.service.transport(), BASE);
        let names = (0..self.scenario.others).map(|number| (format!("other{number}@example.org"), "Other"));
        let adopted = (0..self.scenario.adopted).map(|number| (format!("{}@EXAMPLE.com", person(number)), "Adopted"));
        for (name, title) in names.chain(adopted) {
            let user: Resource = serde_json::from_value(serde_json::json!({
                "schemas": [schema::USER], "userName": name, "active": true, "nickName": "Kalle", "title": title,
                "name": { "givenName": "Given", "familyName": "Family" }, "emails": [{ "type": "work", "value": name }],
            }))
            .unwrap();
            self.time.run(client.create("/Users", &user)).unwrap().unwrap();
        }
        self.planted = self.held().users.into_iter().map(|stored| (stored.id.clone(), stored)).collect();
        self.time.advance(WINDOW * 2);
    }

    fn job(&mut self) -> ProvisioningJob {
        let schema = SynchronizationSchema::from_json(self.scenario.service.schema()).unwrap();
        let mut mappings: Vec<ObjectMapping> = schema.object_mappings().filter(|mapping| mapping.enabled).cloned().collect();
        if self.has_other_mapping {
            for attribute in mappings.iter_mut().flat_map(|mapping| &mut mapping.attribute_mappings) {
                if attribute.target_attribute_name == "title" {
                    let other = AttributeMapping::new("title", r#"Append([jobTitle], " (Oslo)")"#);
                    attribute.source = other.source;
                }
            }
        }
        let mut job = compile("simulated", &mappings, self.profile.clone());
        self.workers += 1;
        job.owner = Some(format!("worker {}", self.workers));
        job.scope = if self.scenario.assigns { Scope::Assigned } else { Scope::All };
        job.deletion_threshold = self.scenario.threshold;
        job.concurrency = 4;
        job
    }

    /// A connection of one process, which knows nothing of what the process before it sent.
    fn limited<T: Transport>(&self, transport: T) -> Arc<RateLimited<T>> {
        let quota = |count| Limits::new([Quota::new(count, WINDOW).unwrap()]);
        let classes = Classes::new(quota(READS), quota(WRITES));
        Arc::new(RateLimited::new(transport, classes, self.time.clock(), self.time.timer()))
    }

    fn engine(&mut self, transport: impl Transport + 'static) -> Engine {
        let job = self.job();
        let transport = SentBy::new(transport, self.workers);
        let retry = Retry::new(transport, RetryPolicy::default(), self.time.timer(), random_from_seed(self.scenario.seed));
        let retry = retry.with_clock(self.time.clock());
        let engine = self.world.engine(job, Arc::clone(&self.directory) as Arc<dyn Source>, retry);
        if self.is_held { engine.with_removals_allowed() } else { engine }
    }

    fn step(&mut self, step: usize) -> Result<(), Violation> {
        let wait = self.scenario.waits.get(step).copied().unwrap_or(1);
        let mut wait = INTERVAL * wait;
        // Between the steps the job is run once a day, so that what failed is tried again in time.
        while wait > DAY {
            self.time.advance(DAY);
            wait -= DAY;
            let quiet = Arc::new(FlakyTransport::new(Arc::clone(&self.wire)));
            self.work(&quiet, Fate::Runs)?;
        }
        self.time.advance(wait);
        let events: Vec<Event> = self.scenario.at(step).collect();
        let (mut requests, mut commits, mut reads, mut fates, mut late) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for event in events {
            match event {
                Event::Change(change) => self.directory.apply(change),
                Event::LateChange(change) => late.push(change),
                Event::Mapping => self.has_other_mapping = !self.has_other_mapping,
                Event::Request(at, fault) => requests.push((at, fault)),
                Event::Commit(at, fault) => commits.push((at, fault)),
                Event::Read(at) => reads.push(at),
                Event::Kill(..) | Event::Stall(_) | Event::Rival(_) => fates.push(event),
            }
        }
        self.stats.faults += u64::try_from(requests.len() + commits.len() + reads.len()).unwrap();
        let flaky =
            requests.into_iter().fold(FlakyTransport::new(Arc::clone(&self.wire)), |flaky, (at, fault)| flaky.with_fault(at, fault));
        let flaky = Arc::new(flaky);
        self.state.fail_at(commits);
        self.directory.fail_at(reads);
        let mut late = Some(late);
        for fate in fates {
            match fate {
                Event::Kill(polls, seconds) => {
                    self.work(&flaky, Fate::Killed(polls))?;
                    self.time.advance(Duration::from_secs(seconds));
                }
                Event::Stall(polls) => self.compete(&flaky, Fate::Stalled(polls, Duration::from_mins(7)), Duration::from_secs(330))?,
                Event::Rival(millis) => self.compete(&flaky, Fate::Runs, Duration::from_millis(millis))?,
                _ => {}
            }
            late.take().into_iter().flatten().for_each(|change| self.directory.apply(change));
        }
        self.work(&flaky, Fate::Runs)?;
        late.take().into_iter().flatten().for_each(|change| self.directory.apply(change));
        Ok(())
    }

    /// Lets a worker do what is due; waits once if the job is still with one that was killed.
    fn work(&mut self, transport: &Arc<FlakyTransport<Wire>>, fate: Fate) -> Result<(), Violation> {
        for _ in 0..2 {
            let intents = self.count(Table::Intent);
            let limited = self.limited(Arc::clone(transport));
            let engine = self.engine(limited);
            let released = self.is_held;
            let ended = self.time.run(Process::new(engine.run_due(), fate, self.time.timer()));
            match ended.map_err(|stalled| Violation(format!("a cycle hangs: {stalled}")))? {
                None => {
                    self.stats.kills += 1;
                    return self.check_sent(released, intents);
                }
                Some(Err(CycleError::State(error))) if *error.kind() == StoreErrorKind::Held => {
                    self.time.advance(Duration::from_secs(301));
                }
                Some(ended) => {
                    self.judge(ended.map(Option::unwrap_or_default))?;
                    return self.check_sent(released, intents);
                }
            }
        }
        Ok(())
    }

    /// Lets a second worker try to take the job: a while after the first has begun, or has come to stand still.
    fn compete(&mut self, transport: &Arc<FlakyTransport<Wire>>, fate: Fate, after: Duration) -> Result<(), Violation> {
        let intents = self.count(Table::Intent);
        let limited = self.limited(Arc::clone(transport));
        let first = self.engine(Arc::clone(&limited));
        let first_worker = self.workers;
        let second = self.engine(limited);
        let wire = Arc::clone(&self.wire);
        let released = self.is_held;
        let process = Process::new(first.run_cycle(), fate, self.time.timer());
        let is_stalled = Arc::clone(&process.is_stalled);
        let timer = self.time.timer();
        let rival = async {
            if matches!(fate, Fate::Stalled(..)) {
                for _ in 0..2_000 {
                    if is_stalled.load(Ordering::Relaxed) {
                        break;
                    }
                    timer.sleep(Duration::from_millis(250)).await;
                }
            }
            timer.sleep(after).await;
            let sent_before = wire.sent_by(first_worker);
            (sent_before, second.run_cycle().await)
        };
        let ended = self.time.run(join(process, rival));
        let (first, (sent_before, second)) = ended.map_err(|stalled| Violation(format!("rivals hang: {stalled}")))?;
        self.stats.rivals += 1;
        let was_refused = matches!(&second, Err(CycleError::State(error)) if *error.kind() == StoreErrorKind::Held);
        let sent_after = wire.sent_by(first_worker) - sent_before;
        let has_stalled = matches!(fate, Fate::Stalled(..)) && matches!(&first, Some(Err(CycleError::State(_))));
        if has_stalled && !was_refused && sent_after > 0 {
            return Err(Violation(format!("invariant 20: a worker sent {sent_after} requests after it had lost the job")));
        }
        if let Some(first) = first {
            self.judge(first)?;
        }
        self.judge(second)?;
        // Both may have removed what is allowed.
        if self.scenario.threshold.is_some() {
            self.count_sent();
            return Ok(());
        }
        self.check_sent(released, intents)
    }

    /// Looks at how a cycle ended.
    fn judge(&mut self, ended: Result<CycleReport, CycleError>) -> Result<(), Violation> {
        match ended {
            Ok(_) => {
                self.stats.cycles += 1;
                self.is_held = false;
            }
            Err(CycleError::TooManyDeletes { planned, threshold }) => {
                if planned <= threshold {
                    return Err(Violation(format!("invariant 18: {planned} removals are held at a threshold of {threshold}")));
                }
                self.stats.held += 1;
                self.is_held = true;
            }
            Err(error @ (CycleError::CorruptState { .. } | CycleError::PlanRefused { .. } | CycleError::Output(_))) => {
                return Err(Violation(format!("a cycle ended with: {error}")));
            }
            Err(_) => self.stats.failed_cycles += 1,
        }
        Ok(())
    }

    fn count_sent(&mut self) -> Sent {
        let sent = self.wire.take_sent();
        self.stats.requests += sent.reads + sent.writes;
        sent
    }

    /// Deletion guard: a cycle that was not released removes no more than it may, beside what an earlier one had begun.
    fn check_sent(&mut self, is_released: bool, intents: u64) -> Result<(), Violation> {
        let sent = self.count_sent();
        let removals = u64::try_from(sent.removals.len()).unwrap();
        match self.scenario.threshold.filter(|_| !is_released) {
            Some(threshold) if removals > threshold + intents => {
                Err(Violation(format!("invariant 18: {removals} removals at a threshold of {threshold}: {:?}", sent.removals)))
            }
            _ => Ok(()),
        }
    }

    /// Lets the job come to its end without faults, checks everything, and then that a further cycle sends nothing.
    fn finish(&mut self) -> Result<(), Violation> {
        self.state.fail_at([]);
        self.directory.fail_at([]);
        let mut quiet = 0;
        for _ in 0..12 {
            let engine = self.engine_at_end();
            match self.time.run(engine.due()).unwrap().map_err(|error| Violation(format!("at the end: {error}")))? {
                Due::At(at) => self.time.advance(at.duration_since(self.time.now()).try_into().unwrap_or_default()),
                Due::Never(state) => return Err(Violation(format!("at the end the job is {state}"))),
                _ => {}
            }
            let engine = self.engine_at_end();
            let ended = self.time.run(engine.run_cycle()).map_err(|stalled| Violation(format!("at the end a cycle hangs: {stalled}")))?;
            match &ended {
                Ok(_) => quiet += 1,
                Err(CycleError::TooManyDeletes { .. }) => {}
                Err(CycleError::State(error)) if *error.kind() == StoreErrorKind::Held => self.time.advance(Duration::from_secs(301)),
                Err(error) => return Err(Violation(format!("a cycle without faults failed: {error}"))),
            }
            self.judge(ended)?;
            self.count_sent();
            if quiet >= 2 && (self.count(Table::Escrow) == 0 || quiet >= 5) {
                break;
            }
            self.time.advance(DAY);
        }
        self.check()?;
        self.check_idle()
    }

    /// Idempotence: a cycle without changes sends nothing.
    fn check_idle(&mut self) -> Result<(), Violation> {
        self.time.advance(INTERVAL);
        let engine = self.engine_at_end();
        let report = self.time.run(engine.run_cycle()).unwrap().map_err(|error| Violation(format!("an idle cycle failed: {error}")))?;
        let sent = self.count_sent();
        if report.imported != 0 || report.written() != 0 || sent.writes != 0 || sent.reads != 0 {
            return Err(Violation(format!("invariant 15: a cycle without changes sent {sent:?}: {report:?}")));
        }
        let days = self.time.now().duration_since(VirtualTime::default().now()).as_secs() / 86_400;
        self.stats.days = u64::try_from(days).unwrap_or_default();
        Ok(())
    }

    fn engine_at_end(&mut self) -> Engine {
        let limited = self.limited(Arc::clone(&self.wire));
        self.engine(limited)
    }

    fn count(&self, table: Table) -> u64 {
        let job = scimkit_store::JobId::new("simulated");
        self.time.run(self.world.state.count(&job, table, "")).unwrap().unwrap()
    }

    fn held(&self) -> Held {
        let of = |resource_type| self.time.run(self.world.service.resources(resource_type)).unwrap().unwrap();
        let groups = if self.scenario.service == ServiceKind::Standard { of("Group") } else { Vec::new() };
        Held { users: of("User"), groups }
    }

    fn check(&mut self) -> Result<(), Violation> {
        self.wire.deliver();
        let directory = self.directory.look();
        let model =
            Model { scenario: self.scenario, directory: &directory, has_other_mapping: self.has_other_mapping, planted: &self.planted };
        let (mut faults, blocked) = model.check(&self.held());
        self.stats.blocked = u64::try_from(blocked.len()).unwrap();
        let service = self.wire.service();
        if service.refused() > 0 {
            faults.push(format!("invariant 19: {} requests were over the quota", service.refused()));
        }
        for (class, most) in [(Class::Read, READS), (Class::Write, WRITES)] {
            let found = service.most_in_window(class, WINDOW);
            if found > usize::try_from(most).unwrap() {
                faults.push(format!("invariant 19: {found} requests in a window of {most}"));
            }
        }
        if self.count(Table::Intent) > 0 {
            faults.push("invariant 16: an intent is left open".to_owned());
        }
        if blocked.is_empty() && self.count(Table::Escrow) > 0 {
            let job = scimkit_store::JobId::new("simulated");
            let rows = self.time.run(self.world.state.scan(&job, Table::Escrow, "", None, 5)).unwrap().unwrap();
            faults.push(format!("invariant 14: still in escrow: {rows:?}"));
        }
        if faults.is_empty() { Ok(()) } else { Err(Violation(faults.join("\n"))) }
    }
}
