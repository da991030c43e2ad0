//! A worker that is killed at any moment and started again ends where it would have ended undisturbed: the service holds the same, the
//! state holds the same, nobody is there twice and no change is lost.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use scimkit_client::random_from_seed;
use scimkit_e2e::{CommitFault, Company, Content, KilledState, People, ServiceKind, World, compile, dump, without_uniqueness};
use scimkit_mapping::{AttributeMapping, ObjectMapping};
use scimkit_provisioning::{CycleError, ProvisioningJob, Scope, Source};
use scimkit_store::sqlite::SqliteState;
use scimkit_store::{MemoryState, StateStore};
use scimkit_testing::{Delayed, Fault, FlakyTransport, VirtualTime};
use scimkit_types::{ManualClock, Profile, schema};

/// When a worker is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kill {
    /// Not at all.
    Never,
    /// At a request, counted from 1 from the worker's start.
    Request(u64, Fault),
    /// At a write of its state, counted from 1 from the worker's start.
    Commit(u64, CommitFault),
}

/// How far all workers together have come, beside what the world holds: the cycle that is next.
#[derive(Debug)]
struct Progress {
    next_cycle: usize,
}

/// What a worker did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    is_killed: bool,
    requests: u64,
    commits: u64,
}

/// The first day, the next day, and once more with nothing new.
const CYCLES: usize = 3;

/// What runs a worker: virtual time, or a runtime.
trait Runner: Send + Sync {
    /// Latency of requests, where time can be virtual.
    fn wire(&self, world: &World) -> Box<dyn scimkit_client::Transport>;

    /// Runs a future to its end.
    fn run(&self, future: Pin<&mut dyn Future<Output = bool>>) -> bool;
}

/// Virtual time: answers overtake each other.
struct Virtual(VirtualTime);

impl Runner for Virtual {
    fn wire(&self, world: &World) -> Box<dyn scimkit_client::Transport> {
        let latency = Duration::ZERO..=Duration::from_millis(300);
        Box::new(Delayed::new(world.service.transport(), latency, self.0.timer(), random_from_seed(5)))
    }

    fn run(&self, future: Pin<&mut dyn Future<Output = bool>>) -> bool {
        self.0.run(future).unwrap()
    }
}

/// A runtime, which databases need.
struct Tokio(tokio::runtime::Runtime);

impl Runner for Tokio {
    fn wire(&self, world: &World) -> Box<dyn scimkit_client::Transport> {
        Box::new(world.service.transport())
    }

    fn run(&self, future: Pin<&mut dyn Future<Output = bool>>) -> bool {
        self.0.block_on(future)
    }
}

/// A company, a service and what runs the workers between them.
struct Scene<'a> {
    job: &'a ProvisioningJob,
    company: &'a Company,
    runner: &'a dyn Runner,
    world: World,
}

impl Scene<'_> {
    /// Starts a worker, which goes on where the one before was killed.
    fn work(&self, progress: &mut Progress, kill: Kill) -> Life {
        let flaky = FlakyTransport::new(self.runner.wire(&self.world));
        let (flaky, commit) = match kill {
            Kill::Never => (flaky, None),
            Kill::Request(number, fault) => (flaky.with_fault(number, fault), None),
            Kill::Commit(number, fault) => (flaky, Some((number, fault))),
        };
        let flaky = Arc::new(flaky);
        let state = Arc::new(KilledState::new(Arc::clone(&self.world.state), commit));
        let mut world = self.world.clone();
        world.state = Arc::clone(&state) as Arc<dyn StateStore>;

        let work = async {
            while progress.next_cycle < CYCLES {
                let day = if progress.next_cycle == 0 { 1 } else { 2 };
                let engine = world.engine(self.job.clone(), self.company.on_day(day), Arc::clone(&flaky));
                engine.test_connection().await.unwrap();
                engine.run_cycle().await?;
                progress.next_cycle += 1;
            }
            Ok::<(), CycleError>(())
        };
        let killed = async {
            select(pin!(flaky.hung()), pin!(state.hung())).await;
        };
        let life = async {
            match select(pin!(work), pin!(killed)).await {
                Either::Left((ended, _)) => {
                    ended.unwrap();
                    false
                }
                // The future of the work is dropped with the block: nobody hears of it again.
                Either::Right(_) => true,
            }
        };
        let is_killed = self.runner.run(pin!(life));
        Life { is_killed, requests: flaky.requests(), commits: state.commits() }
    }

    /// What the service and the state hold.
    fn outcome(&self) -> (Content, Vec<String>) {
        let mut outcome = None;
        {
            let look = pin!(async {
                let content = Content::of(self.world.service.store.as_ref()).await;
                let state = dump(self.world.state.as_ref(), &self.job.id, self.world.service.store.as_ref()).await;
                outcome = Some((content, state));
                true
            });
            self.runner.run(look);
        }
        outcome.unwrap()
    }
}

/// Everything a runner and a state are good for: all kills of one kind of service.
struct Trial {
    kind: ServiceKind,
    job: ProvisioningJob,
    company: Company,
    start: fn(ServiceKind) -> (Box<dyn Runner>, World),
}

impl Trial {
    fn new(kind: ServiceKind, start: fn(ServiceKind) -> (Box<dyn Runner>, World)) -> Self {
        Self { kind, job: kind.job(kind.profile()), company: Company::new(20, 3), start }
    }

    /// Lets workers be killed one after the other, then one come to its end; says what it came to and what the first worker did.
    fn run(&self, kills: &[Kill]) -> ((Content, Vec<String>), Life) {
        let (runner, world) = (self.start)(self.kind);
        let scene = Scene { job: &self.job, company: &self.company, runner: runner.as_ref(), world };
        let mut progress = Progress { next_cycle: 0 };
        let mut first = None;
        for kill in kills.iter().chain([&Kill::Never]) {
            let life = scene.work(&mut progress, *kill);
            first.get_or_insert(life);
            assert!(!life.is_killed || *kill != Kill::Never, "the last worker did not come to its end after {kills:?}");
        }
        assert_eq!(progress.next_cycle, CYCLES);
        (scene.outcome(), first.unwrap())
    }

    #[track_caller]
    fn check(&self, undisturbed: &(Content, Vec<String>), kills: &[Kill]) {
        let (outcome, first) = self.run(kills);
        assert!(first.is_killed, "{kills:?} killed nobody");
        outcome.0.assert_is(&undisturbed.0, &format!("{:?} {kills:?}: the service", self.kind));
        let missing = undisturbed.1.iter().filter(|line| !outcome.1.contains(line)).map(|line| format!("- {line}"));
        let surplus = outcome.1.iter().filter(|line| !undisturbed.1.contains(line)).map(|line| format!("+ {line}"));
        let differences: Vec<String> = missing.chain(surplus).take(6).collect();
        assert!(differences.is_empty(), "{:?} {kills:?}: the state:\n{}", self.kind, differences.join("\n"));
    }

    /// Kills at every request, before it and after its effect.
    fn check_requests(&self) {
        let (undisturbed, life) = self.run(&[]);
        assert!(undisturbed.0.users() > 10 && life.requests > 20, "{life:?}");
        for number in 1..=life.requests {
            for fault in [Fault::HangBefore, Fault::HangAfter] {
                self.check(&undisturbed, &[Kill::Request(number, fault)]);
            }
        }
    }
}

fn in_memory(kind: ServiceKind) -> (Box<dyn Runner>, World) {
    let time = VirtualTime::default();
    // The service does not defend itself against users who are there twice, so the engine must see to it.
    let world = World::new(without_uniqueness(kind.profile()), Arc::new(MemoryState::new()), time.clock());
    (Box::new(Virtual(time)), world)
}

fn in_sqlite(kind: ServiceKind) -> (Box<dyn Runner>, World) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let clock = Arc::new(ManualClock::new(VirtualTime::default().now()));
    let world = World::new(kind.profile(), Arc::new(SqliteState::open_in_memory().unwrap()), clock);
    (Box::new(Tokio(runtime)), world)
}

/// Crash safety, with many requests under way at once whose answers overtake each other.
#[test]
fn killed_at_any_request_over_memory_ends_the_same() {
    for kind in ServiceKind::ALL {
        Trial::new(kind, in_memory).check_requests();
    }
}

/// Crash safety over a database.
#[test]
fn killed_at_any_request_over_sqlite_ends_the_same() {
    for kind in ServiceKind::ALL {
        Trial::new(kind, in_sqlite).check_requests();
    }
}

/// Crash safety between requests: a write of the state is kept or lost.
#[test]
fn killed_at_any_write_of_the_state_ends_the_same() {
    for kind in ServiceKind::ALL {
        let trial = Trial::new(kind, in_memory);
        let (undisturbed, life) = trial.run(&[]);
        assert!(life.commits > 20, "{life:?}");
        for number in 1..=life.commits {
            trial.check(&undisturbed, &[Kill::Commit(number, CommitFault::Before)]);
            // A kill after a write leaves what a kill before the next one leaves, unless other requests end in between.
            if number % 4 == 0 || number == life.commits {
                trial.check(&undisturbed, &[Kill::Commit(number, CommitFault::After)]);
            }
        }
    }
}

/// Crash safety of the resumption itself: the worker that settles what was left open is killed too.
#[test]
fn killed_again_while_settling_ends_the_same() {
    for kind in ServiceKind::ALL {
        let trial = Trial::new(kind, in_memory);
        let (undisturbed, life) = trial.run(&[]);
        let seconds = [Kill::Request(2, Fault::HangAfter), Kill::Request(3, Fault::HangBefore), Kill::Commit(2, CommitFault::After)];
        for (number, second) in (1..life.requests).zip(seconds.into_iter().cycle()) {
            trial.check(&undisturbed, &[Kill::Request(number, Fault::HangAfter), second]);
        }
    }
}

/// Crash safety of names that go round: two change theirs, and one more takes that of somebody who is renamed; each comes to its own
/// resource wherever the worker is killed.
#[test]
fn names_that_change_hands_are_right_wherever_it_is_killed() {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![
        AttributeMapping::new("userName", "[mail]").matching(1),
        AttributeMapping::new("title", "[jobTitle]"),
        AttributeMapping::new("active", "Not([IsSoftDeleted])"),
    ];
    let mut job = compile("people", &[mapping], without_uniqueness(Profile::standard()));
    job.scope = Scope::All;
    // One query for the new one, then a name in between, two that are free at once, two that were freed, and the last one.
    for number in 1..=6 {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            let time = VirtualTime::default();
            let world = World::new(without_uniqueness(Profile::standard()), Arc::new(MemoryState::new()), time.clock());
            let people = Arc::new(People::new(3));
            for id in ["p1", "p2", "p3"] {
                people.set(id, [("jobTitle", id.to_owned())]);
            }
            let source: Arc<dyn Source> = Arc::clone(&people) as _;
            time.run(world.engine(job.clone(), Arc::clone(&source), world.service.transport()).run_cycle()).unwrap().unwrap();
            people.set("p1", [("mail", "p2@example.com".to_owned())]);
            people.set("p2", [("mail", "p1@example.com".to_owned())]);
            people.set("p3", [("mail", "p4@example.com".to_owned())]);
            people.set("p9", [("mail", "p3@example.com".to_owned()), ("jobTitle", "p9".to_owned())]);

            let flaky = Arc::new(FlakyTransport::new(world.service.transport()).with_fault(number, fault));
            let engine = world.engine(job.clone(), Arc::clone(&source), Arc::clone(&flaky));
            let killed = time.run(async { matches!(select(pin!(engine.run_cycle()), pin!(flaky.hung())).await, Either::Right(_)) });
            assert_eq!(killed, Ok(true), "{number} {fault:?}");
            let engine = world.engine(job.clone(), Arc::clone(&source), world.service.transport());
            let report = time.run(engine.run_cycle()).unwrap().unwrap();
            assert_eq!(report.failures(), 0, "{number} {fault:?}: {report:?}");

            let content = time.run(Content::of(world.service.store.as_ref())).unwrap();
            let found: Vec<String> =
                content.resources.iter().map(|(name, user)| format!("{name} {}", user.get("title").unwrap())).collect();
            let expected = [("p1", "p2"), ("p2", "p1"), ("p3", "p9"), ("p4", "p3")];
            let expected: Vec<String> = expected.iter().map(|(name, title)| format!("user {name}@example.com \"{title}\"")).collect();
            assert_eq!(found, expected, "{number} {fault:?}");
        }
    }
}

/// Crash safety when the job changes between the kill and the start: an uncertain create is looked up by the value as it was sent, though
/// the mappings give another one now, and nobody is there twice.
#[test]
fn a_create_is_found_by_the_value_as_sent() {
    let job = |matching: &str| {
        let mut mapping = ObjectMapping::new("User", schema::USER);
        mapping.attribute_mappings =
            vec![AttributeMapping::new("userName", matching).matching(1), AttributeMapping::new("title", "[jobTitle]")];
        let mut job = compile("people", &[mapping], Profile::standard());
        job.scope = Scope::All;
        job
    };
    let (before, after) = (job("[mail]"), job(r#"Append([mail], ".no")"#));
    // One read tells that there is nobody; then come the creates.
    for number in 2..=9 {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            let time = VirtualTime::default();
            let world = World::new(without_uniqueness(Profile::standard()), Arc::new(MemoryState::new()), time.clock());
            let people: Arc<dyn Source> = Arc::new(People::new(8));
            let latency = Duration::ZERO..=Duration::from_millis(300);
            let wire = Delayed::new(world.service.transport(), latency, time.timer(), random_from_seed(number));
            let flaky = Arc::new(FlakyTransport::new(wire).with_fault(number, fault));
            let engine = world.engine(before.clone(), Arc::clone(&people), Arc::clone(&flaky));
            let killed = time.run(async { matches!(select(pin!(engine.run_cycle()), pin!(flaky.hung())).await, Either::Right(_)) });
            assert_eq!(killed, Ok(true), "{number} {fault:?}");

            let engine = world.engine(after.clone(), people, world.service.transport());
            time.run(engine.run_cycle()).unwrap().unwrap();
            let content = time.run(Content::of(world.service.store.as_ref())).unwrap();
            let names: Vec<String> = (1..=8).map(|number| format!("user p{number}@example.com.no")).collect();
            let found: Vec<&String> = content.resources.iter().map(|(name, _)| name).collect();
            assert_eq!(found, names.iter().collect::<Vec<_>>(), "{number} {fault:?}");
        }
    }
}
