//! Workers that share the jobs of a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join;
use scimkit_mapping::SeededEntropy;
use scimkit_provisioning::{
    CycleError, Due, Engine, Engines, JobRun, Notice, Notifier, QuarantineReason, ResetScope, ScheduleState, TargetErrorKind, WorkError,
    WorkReport, Worker,
};
use scimkit_store::{Batch, JobId, StateStore, StoreErrorKind, Table};
use scimkit_types::{Clock, ManualClock};

use crate::world::{Fault, World, block_on, person};

const MINUTE: Duration = Duration::from_mins(1);

/// Jobs of one store, each with a directory and a service of its own that hold one person.
#[derive(Debug)]
struct Fleet {
    state: Arc<dyn StateStore>,
    clock: Arc<ManualClock>,
    engines: Mutex<BTreeMap<String, Engine>>,
    /// How often the engine of a job was asked for.
    asked: AtomicUsize,
}

impl Fleet {
    fn new() -> Arc<Self> {
        let World { state, clock, .. } = World::new();
        Arc::new(Self { state, clock, engines: Mutex::default(), asked: AtomicUsize::new(0) })
    }

    fn with_jobs(names: &[&str]) -> (Arc<Self>, Vec<World>) {
        let fleet = Self::new();
        let worlds = names.iter().map(|name| fleet.add(name)).collect();
        (fleet, worlds)
    }

    /// Adds a job and starts it.
    fn add(&self, name: &str) -> World {
        let mut world = World::new();
        world.state = Arc::clone(&self.state);
        world.clock = Arc::clone(&self.clock);
        world.job.id = JobId::new(name);
        world.source.assign("User", &["u1"]);
        world.source.tell("User", vec![person("u1", "ada@example.com")]);
        self.engines.lock().unwrap().insert(name.to_owned(), world.engine());
        block_on(world.engine().start()).unwrap();
        world
    }

    fn worker(self: &Arc<Self>, seed: u64) -> Worker {
        let entropy = SeededEntropy::new(seed);
        Worker::new(Arc::clone(self) as _, Arc::clone(&self.state), Arc::clone(&self.clock) as _, &entropy)
    }

    /// Runs what is due.
    fn run(self: &Arc<Self>, limit: usize) -> WorkReport {
        block_on(self.worker(1).run_due(limit)).unwrap()
    }

    fn advance(&self, minutes: u64) {
        self.clock.advance(Duration::from_mins(minutes));
    }

    /// In how many minutes something is due.
    fn idle(self: &Arc<Self>) -> u64 {
        let report = self.run(1);
        assert!(report.runs.is_empty(), "{report:?}");
        report.idle_for(self.clock.now()).as_secs() / 60
    }
}

#[async_trait]
impl Engines for Fleet {
    async fn engine(&self, job: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let engine = self.engines.lock().unwrap().get(job.as_str()).cloned();
        engine.ok_or_else(|| format!("nobody knows `{}`", job.as_str()).into())
    }
}

/// The names of the jobs of which a cycle was completed.
#[track_caller]
fn completed(report: &WorkReport) -> Vec<&str> {
    report
        .runs
        .iter()
        .map(|run| {
            assert!(matches!(run.outcome, Ok(Some(_))), "{run:?}");
            run.job.as_str()
        })
        .collect()
}

#[track_caller]
fn only(report: WorkReport) -> JobRun {
    let [run] = <[JobRun; 1]>::try_from(report.runs).unwrap();
    run
}

/// Each due job is run once; then nothing is due for an interval, however many ask.
#[test]
fn each_due_job_is_run_once_an_interval() {
    let (fleet, worlds) = Fleet::with_jobs(&["a", "b", "c"]);
    let mut ran = completed(&fleet.run(2)).into_iter().map(str::to_owned).collect::<Vec<_>>();
    ran.extend(completed(&fleet.run(2)).into_iter().map(str::to_owned));
    ran.sort_unstable();
    assert_eq!(ran, ["a", "b", "c"]);
    assert!(worlds.iter().all(|world| world.target.content("User").len() == 1));
    assert_eq!(fleet.idle(), 40);
    fleet.advance(39);
    assert_eq!(fleet.idle(), 1);
    fleet.advance(1);
    assert_eq!(completed(&fleet.run(10)).len(), 3);
    assert_eq!(fleet.asked.load(Ordering::Relaxed), 6, "an idle worker asks for no engine");
}

/// Two workers at once share what is due.
#[test]
fn workers_share_what_is_due() {
    let (fleet, worlds) = Fleet::with_jobs(&["a", "b", "c", "d", "e"]);
    let (one, two) = (fleet.worker(1), fleet.worker(2));
    let (one, two) = block_on(join(one.run_due(3), two.run_due(3)));
    let (one, two) = (one.unwrap(), two.unwrap());
    let mut all = completed(&one);
    all.extend(completed(&two));
    all.sort_unstable();
    assert_eq!(all, ["a", "b", "c", "d", "e"]);
    assert!(worlds.iter().all(|world| world.target.writes() == ["create User"]));
}

/// A job runs under the lease with which it was handed out, and is free afterwards.
#[test]
fn a_cycle_takes_no_second_lease() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let fence = |owner: &str| {
        let lease = block_on(fleet.state.lease(&JobId::new("a"), owner, None, fleet.clock.now(), MINUTE)).unwrap();
        block_on(fleet.state.release(&JobId::new("a"), lease.fence)).unwrap();
        lease.fence.0
    };
    let before = fence("somebody");
    completed(&fleet.run(1));
    assert_eq!(fence("somebody else"), before + 2);
    assert_eq!(worlds[0].target.writes(), ["create User"]);
}

/// A job that is run by hand, or by another program that knows only its engine, is not run again by a worker before it is due.
#[test]
fn a_cycle_by_hand_counts() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    block_on(worlds[0].engine().run_cycle()).unwrap();
    assert_eq!(fleet.idle(), 40);
    assert!(matches!(block_on(worlds[0].engine().due()).unwrap(), Due::At(_)));
}

/// A job that somebody else has is left alone, and is to be had when that one's lease ends.
#[test]
fn a_job_that_is_held_is_left_alone() {
    let (fleet, _worlds) = Fleet::with_jobs(&["a"]);
    block_on(fleet.state.lease(&JobId::new("a"), "dead", None, fleet.clock.now(), 7 * MINUTE)).unwrap();
    assert_eq!(fleet.idle(), 7);
    fleet.advance(7);
    assert_eq!(completed(&fleet.run(1)), ["a"]);
}

/// A paused job is handed out to nobody; started again it is due when it would have been.
#[test]
fn a_paused_job_is_not_run() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let engine = worlds[0].engine();
    block_on(engine.pause()).unwrap();
    assert_eq!(block_on(engine.due()).unwrap(), Due::Never(ScheduleState::Paused));
    assert_eq!(fleet.run(1).next_due_at, None);
    block_on(engine.start()).unwrap();
    assert_eq!(completed(&fleet.run(1)), ["a"]);
    block_on(engine.pause()).unwrap();
    fleet.advance(30);
    block_on(engine.start()).unwrap();
    assert_eq!(fleet.idle(), 10);
    block_on(engine.pause()).unwrap();
    fleet.advance(30);
    assert_eq!(fleet.run(1).next_due_at, None);
    block_on(engine.start()).unwrap();
    assert_eq!(completed(&fleet.run(1)), ["a"]);
}

/// Pauses a job while its engine is made, or starts it again while its cycle runs.
#[derive(Debug)]
struct Meddler {
    fleet: Arc<Fleet>,
    pauses: bool,
}

#[async_trait]
impl Engines for Meddler {
    async fn engine(&self, job: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
        let engine = self.fleet.engine(job).await?;
        if self.pauses {
            engine.pause().await?;
        }
        Ok(engine.with_notifier(Arc::new(Starter(self.fleet.engine(job).await?))))
    }
}

/// Starts a job again when people are told of it, which is while it is held.
#[derive(Debug)]
struct Starter(Engine);

#[async_trait]
impl Notifier for Starter {
    async fn notify(&self, _notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.pause().await?;
        self.0.start().await?;
        Ok(())
    }
}

fn meddling(fleet: &Arc<Fleet>, pauses: bool) -> WorkReport {
    let engines = Arc::new(Meddler { fleet: Arc::clone(fleet), pauses });
    let worker = Worker::new(engines, Arc::clone(&fleet.state), Arc::clone(&fleet.clock) as _, &SeededEntropy::new(3));
    block_on(worker.run_due(1)).unwrap()
}

/// A pause holds from the moment that it was asked for, also for a job that was just handed out.
#[test]
fn a_pause_before_the_cycle_begins_keeps_it_from_beginning() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    assert!(matches!(only(meddling(&fleet, true)).outcome, Ok(None)));
    assert!(worlds[0].target.requests.lock().unwrap().is_empty());
    assert_eq!(fleet.run(1).next_due_at, None);
    block_on(worlds[0].engine().start()).unwrap();
    assert_eq!(completed(&fleet.run(1)), ["a"]);
}

/// Pausing and starting a job whose cycle runs neither stops it nor lets it get lost.
#[test]
fn a_job_that_is_paused_and_started_while_it_runs_is_not_lost() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    *worlds[0].target.unaskable.lock().unwrap() = [("userName".to_owned(), TargetErrorKind::Unauthorized)].into();
    assert!(matches!(only(meddling(&fleet, false)).outcome, Err(WorkError::Cycle(CycleError::Target(_)))));
    assert_eq!(fleet.idle(), 5);
    worlds[0].target.unaskable.lock().unwrap().clear();
    fleet.advance(5);
    assert_eq!(completed(&meddling(&fleet, false)), ["a"]);
    assert_eq!(fleet.idle(), 40);
}

/// A job that nobody knows holds up no other, and is asked for again after a while.
#[test]
fn a_job_that_nobody_knows_is_put_off() {
    let (fleet, _worlds) = Fleet::with_jobs(&["a", "b"]);
    block_on(fleet.state.offer(&JobId::new("unknown"), "2020-01-01T00:00:00Z".parse().unwrap())).unwrap();
    let run = only(fleet.run(1));
    assert_eq!(run.job.as_str(), "unknown");
    let Err(WorkError::Engine(cause)) = &run.outcome else { panic!("{run:?}") };
    assert_eq!(cause.to_string(), "nobody knows `unknown`");
    assert_eq!(completed(&fleet.run(2)).len(), 2);
    assert_eq!(fleet.idle(), 5);
    fleet.advance(5);
    assert_eq!(only(fleet.run(2)).job.as_str(), "unknown");
    // It is not held meanwhile.
    block_on(fleet.state.lease(&JobId::new("unknown"), "somebody", None, fleet.clock.now(), MINUTE)).unwrap();
    let patient = fleet.worker(9).with_retry_after(Duration::from_hours(2));
    fleet.advance(5);
    only(block_on(patient.run_due(1)).unwrap());
    fleet.advance(35);
    assert_eq!(completed(&fleet.run(9)).len(), 2);
}

/// An engine of another job touches neither job.
#[test]
fn the_engine_of_another_job_is_not_run() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let other = worlds[0].engine();
    fleet.engines.lock().unwrap().insert("b".to_owned(), other);
    block_on(fleet.state.offer(&JobId::new("b"), "2020-01-01T00:00:00Z".parse().unwrap())).unwrap();
    let run = only(fleet.run(1));
    assert!(matches!(&run.outcome, Err(WorkError::OtherJob { found }) if found.as_str() == "a"), "{run:?}");
    assert!(worlds[0].target.requests.lock().unwrap().is_empty());
}

/// An engine that was made with another state keeps its state where it was handed out.
#[test]
fn the_state_of_a_job_is_where_it_was_handed_out() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let mut elsewhere = World::new();
    elsewhere.job.id = JobId::new("a");
    elsewhere.source = Arc::clone(&worlds[0].source);
    elsewhere.clock = Arc::clone(&fleet.clock);
    fleet.engines.lock().unwrap().insert("a".to_owned(), elsewhere.engine());
    assert_eq!(completed(&fleet.run(1)), ["a"]);
    assert_eq!(block_on(worlds[0].engine().linked()).unwrap().len(), 1);
    assert!(block_on(elsewhere.engine().linked()).unwrap().is_empty());
}

/// A job in quarantine is handed out at its next attempt, and no more once it is disabled; a restart brings it back.
#[test]
fn quarantine_says_when_a_job_is_handed_out() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let engine = worlds[0].engine();
    *worlds[0].target.unaskable.lock().unwrap() = [("userName".to_owned(), TargetErrorKind::Unauthorized)].into();
    for minutes in [5, 10, 20] {
        assert!(matches!(only(fleet.run(1)).outcome, Err(WorkError::Cycle(_))));
        assert_eq!(fleet.idle(), minutes);
        fleet.advance(minutes);
    }
    block_on(engine.quarantine()).unwrap();
    assert_eq!(fleet.idle(), 40);
    fleet.advance(28 * 24 * 60);
    assert!(matches!(only(fleet.run(1)).outcome, Ok(None)));
    assert_eq!(fleet.run(1).next_due_at, None);
    assert_eq!(block_on(engine.due()).unwrap(), Due::Never(ScheduleState::Disabled));
    worlds[0].target.unaskable.lock().unwrap().clear();
    block_on(engine.restart(ResetScope::QUARANTINE_STATE)).unwrap();
    assert_eq!(completed(&fleet.run(1)), ["a"]);
    assert_eq!(block_on(engine.status()).unwrap().status.quarantine, None);
}

/// Somebody puts a job into quarantine while workers wait for it: it is due at the next attempt.
#[test]
fn quarantine_on_demand_moves_the_next_cycle() {
    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    completed(&fleet.run(1));
    block_on(worlds[0].engine().quarantine()).unwrap();
    assert_eq!(fleet.idle(), 5);
    let quarantine = block_on(worlds[0].engine().status()).unwrap().status.quarantine.unwrap();
    assert_eq!(quarantine.reason, QuarantineReason::OnDemand);
    block_on(worlds[0].engine().restart(ResetScope::QUARANTINE_STATE)).unwrap();
    assert_eq!(fleet.idle(), 40);
}

/// A longer interval holds for a job that was scheduled by the shorter one.
#[test]
fn a_job_that_is_not_due_by_its_own_account_is_not_run() {
    let (fleet, mut worlds) = Fleet::with_jobs(&["a"]);
    completed(&fleet.run(1));
    worlds[0].job.interval = Duration::from_hours(2);
    fleet.engines.lock().unwrap().insert("a".to_owned(), worlds[0].engine());
    worlds[0].target.requests.lock().unwrap().clear();
    fleet.advance(40);
    assert!(matches!(only(fleet.run(1)).outcome, Ok(None)));
    assert_eq!(fleet.idle(), 80);
    assert!(worlds[0].target.requests.lock().unwrap().is_empty());
}

/// A failure of the service is repeated when the job is due, and holds up nobody.
#[test]
fn a_cycle_that_fails_is_repeated_when_it_is_due() {
    let (fleet, worlds) = Fleet::with_jobs(&["a", "b"]);
    worlds[0].target.faults.lock().unwrap().insert(1, Fault::Before);
    let report = fleet.run(2);
    let failed: Vec<&JobRun> = report.runs.iter().filter(|run| run.outcome.is_err()).collect();
    assert_eq!((report.runs.len(), failed.len(), failed[0].job.as_str()), (2, 1, "a"));
    assert_eq!(fleet.idle(), 40);
    fleet.advance(40);
    assert_eq!(completed(&fleet.run(2)).len(), 2);
    assert_eq!(worlds[0].target.content("User").len(), 1);
}

/// A job whose state cannot be read is put off, so that it does not keep workers busy.
#[test]
fn a_job_with_a_corrupt_state_is_put_off() {
    let (fleet, worlds) = Fleet::with_jobs(&["a", "b"]);
    let job = JobId::new("a");
    let lease = block_on(fleet.state.lease(&job, "somebody", None, fleet.clock.now(), MINUTE)).unwrap();
    let mut batch = Batch::new();
    batch.put(Table::Job, "status", "7");
    block_on(fleet.state.commit(&job, lease.fence, batch)).unwrap();
    block_on(fleet.state.release(&job, lease.fence)).unwrap();
    let report = fleet.run(2);
    let outcome = &report.runs.iter().find(|run| run.job == job).unwrap().outcome;
    assert!(matches!(outcome, Err(WorkError::Cycle(CycleError::CorruptState { .. }))), "{outcome:?}");
    assert_eq!(fleet.idle(), 5);
    assert!(worlds[0].target.requests.lock().unwrap().is_empty());
}

/// A worker whose lease ended while the engine was made leaves the job to whoever took it.
#[test]
fn a_worker_that_lost_the_job_writes_nothing() {
    /// Takes so long that somebody else gets the job.
    #[derive(Debug)]
    struct Slow(Arc<Fleet>);

    #[async_trait]
    impl Engines for Slow {
        async fn engine(&self, job: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
            self.0.advance(6);
            assert_eq!(completed(&self.0.worker(2).run_due(1).await.unwrap()), [job.as_str()]);
            self.0.state.lease(job, "a third one", None, self.0.clock.now(), MINUTE).await?;
            self.0.engine(job).await
        }
    }

    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let slow =
        Worker::new(Arc::new(Slow(Arc::clone(&fleet))), Arc::clone(&fleet.state), Arc::clone(&fleet.clock) as _, &SeededEntropy::new(1));
    let outcome = only(block_on(slow.run_due(1)).unwrap()).outcome;
    let Err(WorkError::Cycle(CycleError::State(error))) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), &StoreErrorKind::Fenced);
    assert_eq!(worlds[0].target.writes(), ["create User"]);
    assert_eq!(fleet.idle(), 40);
}

/// What people are still to be told of a job is not left until its next cycle.
#[test]
fn a_notice_that_could_not_be_sent_is_repeated_after_a_while() {
    /// Fails once.
    #[derive(Debug, Default)]
    struct Flaky(Mutex<Vec<String>>);

    #[async_trait]
    impl Notifier for Flaky {
        async fn notify(&self, notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let mut told = self.0.lock().unwrap();
            told.push(notice.id.clone());
            if told.len() == 1 { Err("the mail server is away".into()) } else { Ok(()) }
        }
    }

    let (fleet, worlds) = Fleet::with_jobs(&["a"]);
    let notifier = Arc::new(Flaky::default());
    let engine = worlds[0].engine().with_notifier(Arc::clone(&notifier) as _);
    fleet.engines.lock().unwrap().insert("a".to_owned(), engine);
    *worlds[0].target.unaskable.lock().unwrap() = [("userName".to_owned(), TargetErrorKind::Unauthorized)].into();
    let worker = fleet.worker(1).with_retry_after(2 * MINUTE);
    assert!(matches!(only(block_on(worker.run_due(1)).unwrap()).outcome, Err(WorkError::Cycle(_))));
    let probes = || worlds[0].target.probes.lock().unwrap().len();
    let probed = probes();
    assert_eq!(fleet.idle(), 2);
    fleet.advance(2);
    assert!(matches!(only(block_on(worker.run_due(1)).unwrap()).outcome, Ok(None)));
    let told = notifier.0.lock().unwrap().clone();
    assert_eq!((told.len(), told.first()), (2, told.last()));
    assert_eq!(probes(), probed, "the service is asked at the next attempt only");
    assert_eq!(fleet.idle(), 3);
}
