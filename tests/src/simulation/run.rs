//! Running a scenario: workers, faults and kills, then a quiet end at which everything is checked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join;
use scimkit_client::{Classes, RateLimited, Retry, RetryPolicy, Transport, random_from_seed};
use scimkit_provisioning::{CycleError, CycleReport, Engine, ErrorCode, Source};
use scimkit_rate_limit::{Limits, Quota};
use scimkit_store::{MemoryState, StateStore, StoreErrorKind, Table};
use scimkit_testing::{CountingService, FlakyTransport, InProcess, VirtualTime, fake};
use scimkit_types::{Clock, ManualClock, Profile, Resource, schema};

use super::blocking::BlockingState;
use super::deployment::profile;
use super::model::Planted;
use super::network::{Network, Sent, SentBy};
use super::process::{Fate, Process};
use super::scenario::{Event, INTERVAL, Scenario};
use super::state::FaultyState;
use crate::world::{BASE, TOKEN, World, client};
use scimkit_testing::directory::{Change, Directory, person};

pub(super) const WINDOW: Duration = Duration::from_mins(1);
pub(super) const DAY: Duration = Duration::from_hours(25);
pub(super) const READS: u32 = 40;
pub(super) const WRITES: u32 = 25;

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
    /// Persons provisioned on demand, plans that were made and applied, restarts and pauses, and changes by others.
    pub orders: u64,
    /// People who could not get the name that they were to have, as somebody who left keeps it.
    pub blocked: u64,
    /// Actions of plans that were passed over, since what they were planned from had changed.
    pub outdated: u64,
    /// Accounts that others changed while their people were out of the scope.
    pub let_go: u64,
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
        self.orders += other.orders;
        self.blocked += other.blocked;
        self.outdated += other.outdated;
        self.let_go += other.let_go;
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

pub(super) type Wire = Arc<Network<CountingService<InProcess>>>;

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

pub(super) struct Simulation<'a> {
    pub scenario: &'a Scenario,
    pub time: VirtualTime,
    pub world: World,
    pub state: Arc<FaultyState>,
    pub wire: Wire,
    pub directory: Arc<Directory>,
    pub profile: Profile,
    pub has_other_mapping: bool,
    /// Whether only the assigned are in scope now.
    pub assigns: bool,
    /// How many removals a cycle may do now.
    pub threshold: Option<u64>,
    pub is_held: bool,
    pub workers: u64,
    pub planted: Planted,
    /// The nicknames that somebody gave to the accounts of these ids.
    pub nicknames: BTreeMap<String, String>,
    /// Whether others changed what the job manages.
    pub has_drift: bool,
    /// Whether the next cycle may remove as much as it likes.
    pub is_forced: bool,
    pub stats: Stats,
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let time = VirtualTime::default().with_max_steps(3_000_000);
        let arrival = Arc::new(ManualClock::new(time.now()));
        let kept: Arc<dyn StateStore> = if scenario.is_on_disk { Arc::new(BlockingState::default()) } else { Arc::new(MemoryState::new()) };
        let state = Arc::new(FaultyState::new(kept));
        let profile = profile(scenario);
        let clock = Arc::clone(&arrival) as Arc<dyn Clock>;
        let fake = if scenario.is_narrow { fake::aws } else { fake::ringcentral };
        let service = fake(profile.clone(), &TOKEN.into(), Arc::clone(&clock)).unwrap();
        let counting = CountingService::new(service.transport(), profile.limits.clone(), clock);
        let wire = Arc::new(Network::new(counting, arrival, time.clock(), time.timer(), random_from_seed(scenario.seed ^ 0x5eed)));
        let world = World { service, state: Arc::clone(&state) as Arc<dyn StateStore>, clock: time.clock() };
        let directory = Directory::new(scenario.people, scenario.groups, scenario.assigns);
        let directory = Arc::new(if scenario.reads_one { directory.with_reads_of_one() } else { directory });
        Self {
            scenario,
            time,
            world,
            state,
            wire,
            directory,
            profile,
            has_other_mapping: false,
            assigns: scenario.assigns,
            threshold: scenario.threshold,
            is_held: false,
            workers: 0,
            planted: Planted::new(),
            nicknames: BTreeMap::new(),
            has_drift: false,
            is_forced: false,
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
                "displayName": "Family",
                "name": { "givenName": "Given", "familyName": "Family" }, "emails": [{ "type": "work", "value": name }],
            }))
            .unwrap();
            self.time.run(client.create("/Users", &user)).unwrap().unwrap();
        }
        self.planted = self.held().users.into_iter().map(|stored| (stored.id.clone(), stored)).collect();
        self.time.advance(WINDOW * 2);
    }

    /// A connection of one process, which knows nothing of what the process before it sent.
    pub(super) fn limited<T: Transport>(&self, transport: T) -> Arc<RateLimited<T>> {
        let quota = |count| Limits::new([Quota::new(count, WINDOW).unwrap()]);
        let classes = Classes::new(quota(READS), quota(WRITES));
        Arc::new(RateLimited::new(transport, classes, self.time.clock(), self.time.timer()))
    }

    pub(super) fn engine(&mut self, transport: impl Transport + 'static) -> Engine {
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
        let mut is_paused = false;
        for event in events {
            match event {
                Event::Change(change) => self.directory.apply(change),
                Event::LateChange(change) => late.push(change),
                Event::Mapping => self.has_other_mapping = !self.has_other_mapping,
                Event::Scope(assigns) => {
                    self.assigns = assigns;
                    self.directory.assign_only(assigns);
                }
                Event::Threshold(threshold) => self.threshold = threshold,
                Event::Request(at, fault) => requests.push((at, fault)),
                Event::Commit(at, fault) => commits.push((at, fault)),
                Event::Read(at) => reads.push(at),
                Event::Other(other) => self.meddle(other),
                Event::Pause => is_paused = true,
                Event::Kill(..) | Event::Stall(_) | Event::Rival(_) | Event::OnDemand(..) | Event::Plan(..) | Event::Restart(_) => {
                    fates.push(event);
                }
            }
        }
        if is_paused {
            self.pause(true)?;
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
                Event::OnDemand(object, polls) => self.provision_on_demand(&flaky, object, polls)?,
                Event::Plan(meanwhile, polls) => {
                    let late: Vec<Change> = late.take().unwrap_or_default();
                    self.plan_and_apply(&flaky, meanwhile, polls, &late)?;
                }
                Event::Restart(scope) => self.restart(scope)?,
                _ => {}
            }
            late.take().into_iter().flatten().for_each(|change| self.directory.apply(change));
        }
        self.work(&flaky, Fate::Runs)?;
        if is_paused {
            self.pause(false)?;
        }
        late.take().into_iter().flatten().for_each(|change| self.directory.apply(change));
        Ok(())
    }

    /// Lets a worker do what is due; waits once if the job is still with one that was killed.
    fn work(&mut self, transport: &Arc<FlakyTransport<Wire>>, fate: Fate) -> Result<(), Violation> {
        for _ in 0..2 {
            let intents = self.count(Table::Intent);
            let limited = self.limited(Arc::clone(transport));
            let engine = self.engine(limited);
            let released = self.is_released();
            let ended = self.time.run(Process::new(engine.run_due(), fate, self.time.timer()));
            match ended.map_err(|stalled| Violation(format!("a cycle hangs: {stalled}")))? {
                None => {
                    self.stats.kills += 1;
                    return self.check_sent(released, intents);
                }
                Some(Err(CycleError::State(error))) if *error.kind() == StoreErrorKind::Held => {
                    self.time.advance(Duration::from_secs(301));
                }
                // Nothing is due.
                Some(Ok(None)) => return self.check_sent(false, 0),
                Some(Ok(Some(report))) => {
                    self.judge(Ok(report))?;
                    return self.check_sent(released, intents);
                }
                Some(Err(error)) => {
                    self.judge(Err(error))?;
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
        let released = self.is_released();
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
        // A database that failed says nothing of who has the job.
        let has_lost_it = |error: &CycleError| match error {
            CycleError::State(error) => matches!(error.kind(), StoreErrorKind::Held | StoreErrorKind::Fenced),
            _ => false,
        };
        let has_stalled = matches!(fate, Fate::Stalled(..)) && matches!(&first, Some(Err(error)) if has_lost_it(error));
        if has_stalled && !was_refused && sent_after > 0 {
            return Err(Violation(format!("invariant 20: a worker sent {sent_after} requests after it had lost the job")));
        }
        if let Some(first) = first {
            self.judge(first)?;
        }
        self.judge(second)?;
        // Both may have removed what is allowed.
        if self.threshold.is_some() {
            self.count_sent();
            return Ok(());
        }
        self.check_sent(released, intents)
    }

    /// Looks at how a cycle ended.
    pub(super) fn judge(&mut self, ended: Result<CycleReport, CycleError>) -> Result<(), Violation> {
        match ended {
            Ok(report) => {
                self.stats.outdated += report.skipped.get(&ErrorCode::PlanOutdated).copied().unwrap_or_default();
                self.stats.cycles += 1;
                (self.is_held, self.is_forced) = (false, false);
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

    /// Whether the removals of the next cycle were released.
    pub(super) const fn is_released(&self) -> bool {
        self.is_held || self.is_forced
    }

    pub(super) fn count_sent(&mut self) -> Sent {
        let sent = self.wire.take_sent();
        self.stats.requests += sent.reads + sent.writes;
        sent
    }

    /// Deletion guard: a cycle that was not released removes no more than it may, beside what an earlier one had begun.
    pub(super) fn check_sent(&mut self, is_released: bool, intents: u64) -> Result<(), Violation> {
        let sent = self.count_sent();
        let removals = u64::try_from(sent.removals.len()).unwrap();
        match self.threshold.filter(|_| !is_released) {
            Some(threshold) if removals > threshold + intents => {
                Err(Violation(format!("invariant 18: {removals} removals at a threshold of {threshold}: {:?}", sent.removals)))
            }
            _ => Ok(()),
        }
    }
}
