//! Running the jobs of a store that are due, beside other workers.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use scimkit_mapping::Entropy;
use scimkit_store::{Batch, JobId, Lease, StateStore, StoreError};
use scimkit_types::{Clock, Timestamp};

use crate::control::Due;
use crate::engine::{Engine, Until, random_name};
use crate::error::{CycleError, Result};
use crate::migration::migrate;
use crate::report::{CycleReport, Tally};
use crate::state::State;

/// Makes the engines of jobs: whoever embeds a [`Worker`] knows which source, target and mappings a job has.
///
/// # Contract
/// Every worker of a store can make the engine of every job in it. A call is to end well within the
/// [time for which a job is handed out](Worker::with_lease_duration). What jobs share, such as a connection with its quota, is best kept;
/// an engine that is kept is cheap to clone. A job that is gone for good is withheld from all workers by [`StateStore::withhold`].
#[async_trait]
pub trait Engines: Debug + Send + Sync {
    /// The engine of a job. Whatever state it was made with, it keeps its state where the worker does.
    ///
    /// # Errors
    /// Whatever keeps the engine from being made, such as that the job is not known. The job is handed out again
    /// [after a while](Worker::with_retry_after).
    async fn engine(&self, job: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>>;
}

/// Runs the jobs that are due, of those that a state store holds, beside any number of other workers: in this process, in others, on other
/// machines. Each due job goes to exactly one of them. A worker that dies loses its jobs to the others when its leases have ended.
///
/// A job takes part once it was [started](Engine::start), and from then on until it is [paused](Engine::pause). It is due when
/// [`Engine::due`] says so: an interval after its last cycle began, in quarantine at the next attempt. The store is asked for what is due,
/// not each job, so that an idle worker costs one small read however many jobs there are.
///
/// A worker starts no task and waits for nothing: it runs what is due when it is asked to, and says when to ask again. Several calls may
/// be under way at once, and a cycle that takes hours holds up only the call that it is part of: run as many loops as the one below as
/// there are to be cycles at once, each with a clone of the worker.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use scimkit_mapping::Entropy;
/// use scimkit_provisioning::{Engine, Engines, Worker};
/// use scimkit_store::{JobId, MemoryState, StateStore};
/// use scimkit_types::{Clock, ManualClock, Timer, Timestamp};
///
/// /// Knows the jobs, by their names.
/// #[derive(Debug)]
/// struct Customers(std::collections::HashMap<String, Engine>);
///
/// #[async_trait::async_trait]
/// impl Engines for Customers {
///     async fn engine(&self, job: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
///         self.0.get(job.as_str()).cloned().ok_or_else(|| format!("there is no customer `{}`", job.as_str()).into())
///     }
/// }
///
/// /// Runs until the store cannot be used. A job that is started while the loop sleeps waits for half a minute at most.
/// async fn work(worker: Worker, clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Result<(), scimkit_store::StoreError> {
///     loop {
///         let report = worker.run_due(1).await?;
///         for run in &report.runs {
///             if let Err(error) = &run.outcome {
///                 eprintln!("{}: {error}", run.job.as_str());
///             }
///         }
///         timer.sleep(report.idle_for(clock.now()).min(Duration::from_secs(30))).await;
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// // A store that workers share is one in PostgreSQL, or in SQLite on one machine.
/// let state: Arc<dyn StateStore> = Arc::new(MemoryState::new());
/// let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
/// let entropy = scimkit_mapping::SeededEntropy::new(7);
/// let worker = Worker::new(Arc::new(Customers([].into())), Arc::clone(&state), Arc::clone(&clock), &entropy);
/// assert_eq!(worker.run_due(8).await?.next_due_at, None);
///
/// // `Engine::start` does this.
/// state.offer(&JobId::new("acme"), clock.now()).await?;
/// let report = worker.run_due(8).await?;
/// assert_eq!(report.runs[0].outcome.as_ref().unwrap_err().to_string(), "the engine of the job could not be made");
/// // It is not asked for again at once.
/// assert_eq!(worker.run_due(8).await?.idle_for(clock.now()), Duration::from_secs(300));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Worker {
    engines: Arc<dyn Engines>,
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    name: String,
    lease_duration: Duration,
    retry_after: Duration,
}

impl Worker {
    /// A worker for the jobs of a store. It and its clones get a name of their own from the random bytes.
    pub fn new(engines: Arc<dyn Engines>, state: Arc<dyn StateStore>, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let name = format!("worker-{}", random_name(entropy));
        Self { engines, store: state, clock, name, lease_duration: Duration::from_mins(5), retry_after: Duration::from_mins(5) }
    }

    /// This worker with another time for which a job is handed out to it, until the job's engine is there: from then on the job is held for
    /// its own [`lease_duration`](crate::ProvisioningJob::lease_duration) at a time. Default 5 minutes.
    #[must_use]
    pub fn with_lease_duration(self, lease_duration: Duration) -> Self {
        Self { lease_duration, ..self }
    }

    /// This worker with another time after which a job is handed out again that could not be run: its engine could not be made, or its
    /// state could not be read or written. Default 5 minutes. A cycle that failed otherwise is repeated when the job is due.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        Self { retry_after, ..self }
    }

    /// Runs jobs that are due, side by side, at most `limit` and at least one of them, first those that have been due for longest, and
    /// returns when all of them have ended.
    ///
    /// Dropping the call ends the cycles where they are, as a kill does; the jobs are handed out again when their leases have ended.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked for jobs. What a job fails with is its [outcome](JobRun::outcome).
    pub async fn run_due(&self, limit: usize) -> Result<WorkReport, StoreError> {
        let now = self.clock.now();
        let next_due_at = self.store.next_due().await?;
        if next_due_at.is_none_or(|at| at > now) {
            return Ok(WorkReport { runs: Vec::new(), next_due_at });
        }
        let taken = self.store.take_due(&self.name, now, self.lease_duration, limit.max(1)).await?;
        let runs = join_all(taken.into_iter().map(|(job, lease)| self.run(job, lease))).await;
        Ok(WorkReport { runs, next_due_at: Some(self.clock.now()) })
    }

    async fn run(&self, job: JobId, lease: Lease) -> JobRun {
        let outcome = match self.engine(&job).await {
            Ok(engine) => Box::pin(engine.run_handed_out(&self.name, lease, self.retry_after)).await.map_err(WorkError::from),
            Err(error) => {
                if let Err(error) = self.put_off(&job, lease).await {
                    tracing::warn!(job = job.as_str(), %error, "job not put off, handed out again when its lease has ended");
                }
                Err(error)
            }
        };
        JobRun { job, outcome }
    }

    async fn engine(&self, job: &JobId) -> Result<Engine, WorkError> {
        let mut engine = self.engines.engine(job).await.map_err(WorkError::Engine)?;
        if engine.job.id != *job {
            return Err(WorkError::OtherJob { found: engine.job.id.clone() });
        }
        // INVARIANT (one owner): the lease that the job was handed out with is one of this store.
        engine.store = Arc::clone(&self.store);
        Ok(engine)
    }

    /// Gives a job back that cannot be run, for later.
    async fn put_off(&self, job: &JobId, lease: Lease) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.schedule(after(self.clock.now(), self.retry_after));
        self.store.commit(job, lease.fence, batch).await?;
        self.store.release(job, lease.fence).await
    }
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

impl Engine {
    /// Runs a cycle of a job that a worker was handed, under the lease that it has, if the job is due by its own account, too.
    async fn run_handed_out(&self, worker: &str, lease: Lease, retry_after: Duration) -> Result<Option<CycleReport>> {
        let (store, clock, id) = (Arc::clone(&self.store), Arc::clone(&self.clock), self.job.id.clone());
        let state = State::held(store, clock, id, worker.to_owned(), self.job.lease_duration, lease);
        let result = match migrate(&state, &self.job).await {
            Ok(()) => self.run_if_due(&state).await,
            Err(error) => Err(error),
        };
        let closed = match self.put_off(&state, retry_after).await {
            Ok(()) => state.close().await,
            // Nobody is handed the job before its lease has ended.
            Err(error) => Err(error),
        };
        let report = result?;
        closed?;
        Ok(report)
    }

    async fn run_if_due(&self, state: &State) -> Result<Option<CycleReport>> {
        match self.due_in(state).await? {
            Due::Now => {
                let (began_at, tally) = (self.clock.now(), Tally::default());
                let result = self.run_held(state, &tally, Until::Done).await;
                return self.conclude(state, began_at, &tally, result).await.map(Some);
            }
            Due::At(at) => state.schedule(at).await?,
            Due::Never(_) => {}
        }
        self.give_notice(state).await?;
        Ok(None)
    }

    /// Puts a job off that could not be run, so that it is not handed out again at once; and one of which people are still to be told not
    /// for longer than that.
    async fn put_off(&self, state: &State, retry_after: Duration) -> Result<()> {
        let retry_at = after(self.clock.now(), retry_after);
        if !state.is_scheduled() {
            return state.schedule(retry_at).await;
        }
        if self.notifier.is_none() {
            return Ok(());
        }
        let status = state.status().await?;
        if status.notices.is_empty() { Ok(()) } else { state.schedule(retry_at.min(self.due_at(&status))).await }
    }
}

/// What a worker did.
#[derive(Debug)]
#[non_exhaustive]
pub struct WorkReport {
    /// The jobs that it was handed, those first that had been due for longest.
    pub runs: Vec<JobRun>,
    /// When to ask again: at once if there was something to do, else when the next job is due or the lease of another worker ends, as far
    /// as is known now; `None` if no job is due ever. A job that is started later may be due before.
    pub next_due_at: Option<Timestamp>,
}

impl WorkReport {
    /// How long there is nothing to do, as far as is known; [`Duration::MAX`] if no job is due ever.
    pub fn idle_for(&self, now: Timestamp) -> Duration {
        self.next_due_at.map_or(Duration::MAX, |at| Duration::try_from(at.duration_since(now)).unwrap_or_default())
    }
}

/// A job that was handed out, and what came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct JobRun {
    /// The job.
    pub job: JobId,
    /// The numbers of its cycle; `None` if there was none, since the job turned out to be not due yet, paused or disabled.
    pub outcome: Result<Option<CycleReport>, WorkError>,
}

/// Why a worker could not run a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// There is no engine for it.
    #[error("the engine of the job could not be made")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is an engine, but for another job.
    #[error("expected the engine of the job that was asked for, found that of `{}`", found.as_str())]
    OtherJob {
        /// The other job.
        found: JobId,
    },
    /// The cycle could not be completed.
    #[error(transparent)]
    Cycle(#[from] CycleError),
}
