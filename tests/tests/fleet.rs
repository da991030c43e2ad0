//! Worker processes that share the jobs of one PostgreSQL, and one of them is killed by the operating system.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[cfg(test)]
#[path = "../../crates/scimkit-store/tests/cluster.rs"]
#[expect(dead_code, reason = "tests of the stores use more of it")]
mod cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use scimkit_e2e::{Content, KillAt, Loopback, TOKEN, without_uniqueness};
use scimkit_store::postgres::PostgresState;
use scimkit_store::{JobId, StateStore, Table};
use scimkit_testing::VirtualTime;
use scimkit_testing::fake::{self, FakeService};
use scimkit_types::{ManualClock, Profile, Timestamp};
use tokio::process::{Child, Command};

use crate::cluster::{Cluster, pool};

/// How long a job is held without a sign of life, and the time between its cycles.
const LEASE: Duration = Duration::from_mins(5);
const INTERVAL: Duration = Duration::from_mins(40);

/// A service that lets the same person in twice, and the jobs that provision it.
struct Scene {
    cluster: Cluster,
    service: FakeService,
    state: PostgresState,
    jobs: usize,
}

impl Scene {
    /// `None` if there is no PostgreSQL.
    async fn new(jobs: usize) -> Option<Self> {
        let cluster = Cluster::start("-c fsync=off -c synchronous_commit=off -c full_page_writes=off", |_| {})?;
        let clock = Arc::new(ManualClock::new(start()));
        let service = fake::ringcentral(without_uniqueness(Profile::standard()), &TOKEN.into(), clock).unwrap();
        let state = PostgresState::open(pool(cluster.url().parse().unwrap(), 2)).await.unwrap();
        Some(Self { cluster, service, state, jobs })
    }

    fn worker(&self, loopback: &Loopback, now: Timestamp) -> Child {
        Command::new(env!("CARGO_BIN_EXE_fleet_worker"))
            .args([&self.cluster.url(), loopback.base(), &now.to_string(), &self.jobs.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// One worker begins alone and is killed at a request.
    async fn kill_one(&self, kill_at: KillAt) {
        let loopback = Loopback::start(self.service.server.clone(), Some(kill_at)).await;
        let mut worker = self.worker(&loopback, start());
        loopback.kill().await;
        worker.start_kill().unwrap();
        let status = worker.wait().await.unwrap();
        assert_eq!(status.code(), None, "{status}");
    }

    /// Several workers at once run what is due; tells which jobs they ran, with the number of the cycle.
    async fn run(&self, workers: usize, now: Timestamp) -> BTreeMap<String, u64> {
        let loopback = Loopback::start(self.service.server.clone(), None).await;
        let workers: Vec<Child> = (0..workers).map(|_| self.worker(&loopback, now)).collect();
        let mut runs = BTreeMap::new();
        for worker in workers {
            let output = worker.wait_with_output().await.unwrap();
            assert!(output.status.success(), "{}", output.status);
            for line in String::from_utf8(output.stdout).unwrap().lines() {
                let (job, cycle) = line.split_once(' ').unwrap();
                let before = runs.insert(job.to_owned(), cycle.parse().unwrap());
                assert_eq!(before, None, "{job} was run twice");
            }
        }
        runs
    }

    /// The jobs of which a cycle was completed.
    async fn completed(&self) -> BTreeSet<String> {
        let mut completed = BTreeSet::new();
        for job in self.names() {
            if self.state.get(&JobId::new(job.as_str()), Table::Job, "status").await.unwrap().is_some() {
                completed.insert(job);
            }
        }
        completed
    }

    fn names(&self) -> BTreeSet<String> {
        (0..self.jobs).map(|number| format!("job{number}")).collect()
    }

    /// Each person is there once.
    async fn check_service(&self) {
        let content = Content::of(self.service.store.as_ref()).await;
        let names: BTreeSet<&String> = content.resources.iter().map(|(name, _)| name).collect();
        assert_eq!((content.users(), names.len()), (self.jobs, self.jobs));
    }
}

fn start() -> Timestamp {
    VirtualTime::default().now()
}

fn after(wait: Duration) -> Timestamp {
    start().checked_add(wait).unwrap()
}

/// Of four worker processes one is killed: what it has not done goes to the others when its leases have ended; nothing is run twice and
/// nothing is lost, neither then nor in the next interval.
async fn check_fleet(jobs: usize, kill_at: KillAt) {
    let Some(scene) = Scene::new(jobs).await else { return };
    scene.kill_one(kill_at).await;

    let first = scene.run(3, start()).await;
    let completed = scene.completed().await;
    let left: BTreeSet<String> = scene.names().difference(&completed).cloned().collect();
    assert!(!left.is_empty() && left.len() <= 6, "the dead worker had {left:?}");
    assert!(first.keys().all(|job| completed.contains(job)));
    assert_eq!(scene.state.next_due().await.unwrap(), Some(after(LEASE)));

    let second = scene.run(3, after(LEASE)).await;
    assert_eq!(second.keys().cloned().collect::<BTreeSet<_>>(), left);
    // A worker that is killed when a cycle was complete, but not yet told of, lets the next one begin another cycle.
    assert!(first.values().all(|number| *number == 1) && second.values().all(|number| *number <= 2), "{first:?} {second:?}");
    scene.check_service().await;

    let next = scene.run(4, after(LEASE + INTERVAL)).await;
    assert_eq!(next.keys().cloned().collect::<BTreeSet<_>>(), scene.names());
    for (job, number) in &next {
        let before = first.get(job).or_else(|| second.get(job)).unwrap_or(&1);
        assert_eq!(*number, before + 1, "{job}");
    }
    scene.check_service().await;
}

/// Invariant 20 over many workers: the dead worker's last request was done, and nobody was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_run_two_hundred_jobs_once_though_one_is_killed() {
    check_fleet(200, KillAt::After(60)).await;
}

/// The same if its last request came to nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_a_worker_that_is_killed_before_a_request_are_not_lost() {
    check_fleet(24, KillAt::Before(20)).await;
}
