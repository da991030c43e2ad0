//! Runs the jobs that are due and ends when there are none: `fleet_worker POSTGRES BASE NOW JOBS`. It is killed on the way, or not.
//!
//! A line on standard output says which job was run, and the number of its cycle. Each job, from `job0` on, has one person of its own; all
//! of them provision the same service.
#![expect(clippy::unwrap_used, reason = "only a test starts this, and it sees what was written")]

use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::{Manager, Pool};
use scimkit_client::Client;
use scimkit_e2e::{People, client, compile, engine, without_uniqueness};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_mapping::{AttributeMapping, ObjectMapping, SeededEntropy};
use scimkit_provisioning::{Engine, Engines, ProvisioningJob, Scope, Worker};
use scimkit_store::postgres::PostgresState;
use scimkit_store::{JobId, StateStore};
use scimkit_types::{Clock, ManualClock, Profile, Timestamp, schema};
use tokio_postgres::NoTls;

/// How many cycles are under way at once: so many loops, and so many jobs in each.
const LOOPS: usize = 3;
const TOGETHER: usize = 2;

#[derive(Debug)]
struct Fleet {
    /// What all jobs share.
    job: ProvisioningJob,
    client: Client,
    state: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Engines for Fleet {
    async fn engine(&self, job: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
        let mut own = self.job.clone();
        own.id = job.clone();
        let people = People::default();
        people.set("1", [("mail", format!("{}@example.com", job.as_str()))]);
        Ok(engine(own, Arc::new(people), &self.client, Arc::clone(&self.state), Arc::clone(&self.clock)))
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [postgres, base, now, jobs] = arguments.as_slice() else {
        std::process::exit(2);
    };
    let pool = Pool::builder(Manager::new(postgres.parse().unwrap(), NoTls)).max_size(8).build().unwrap();
    let state: Arc<dyn StateStore> = Arc::new(PostgresState::open(pool).await.unwrap());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now.parse().unwrap()));
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![AttributeMapping::new("userName", "[mail]").matching(1)];
    let mut job = compile("job", &[mapping], without_uniqueness(Profile::standard()));
    job.scope = Scope::All;
    let client = client(ReqwestTransport::new(ReqwestOptions::default()).unwrap(), base);
    let fleet = Arc::new(Fleet { job, client, state: Arc::clone(&state), clock: Arc::clone(&clock) });
    for number in 0..jobs.parse::<usize>().unwrap() {
        fleet.engine(&JobId::new(format!("job{number}"))).await.unwrap().start().await.unwrap();
    }

    let entropy = SeededEntropy::new(u64::from(std::process::id()));
    let worker = Worker::new(fleet, state, Arc::clone(&clock), &entropy);
    let loops: Vec<_> = (0..LOOPS).map(|_| tokio::spawn(work(worker.clone(), clock.now()))).collect();
    for work in loops {
        work.await.unwrap();
    }
}

async fn work(worker: Worker, now: Timestamp) {
    loop {
        let report = worker.run_due(TOGETHER).await.unwrap();
        for run in &report.runs {
            // A worker that starts a job at the moment when another one is done with it offers what is not due any more.
            let Some(cycle) = run.outcome.as_ref().unwrap() else { continue };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{} {}", run.job.as_str(), cycle.number).unwrap();
        }
        // Somebody else may be taking what is due: nothing is left only when the store says so.
        if report.next_due_at.is_none_or(|at| at > now) {
            return;
        }
    }
}
