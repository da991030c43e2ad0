//! Provisioning state in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_types::Timestamp;

use super::{Batch, Fence, JobId, Lease, StateStore, Step, Table, check_batch, check_text, end_of_prefix};
use crate::error::{Result, StoreError, StoreErrorKind};

/// Keeps provisioning state in memory, for tests and for jobs that may begin again from the start.
///
/// ```
/// use std::time::Duration;
/// use scimkit_store::{Batch, JobId, MemoryState, StateStore, Table};
/// use scimkit_types::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), scimkit_store::StoreError> {
/// let state = MemoryState::new();
/// let job = JobId::new("users");
/// let lease = state.lease(&job, "worker 1", None, Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await?;
/// let mut batch = Batch::new();
/// batch.put(Table::Link, "user 1", r#"{"target": "2819c223"}"#);
/// state.commit(&job, lease.fence, batch).await?;
/// assert_eq!(state.count(&job, Table::Link, "").await?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryState {
    jobs: Mutex<HashMap<JobId, JobState>>,
}

#[derive(Debug, Default)]
struct JobState {
    tables: HashMap<Table, BTreeMap<String, String>>,
    fence: u64,
    holder: Option<Holder>,
    due_at: Option<Timestamp>,
    withheld: Option<String>,
}

#[derive(Debug)]
struct Holder {
    owner: String,
    expires_at: Timestamp,
}

impl MemoryState {
    /// A store without state.
    pub fn new() -> Self {
        Self::default()
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, JobState>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Default>(&self, job: &JobId, table: Table, read: impl FnOnce(&BTreeMap<String, String>) -> T) -> T {
        self.jobs().get(job).and_then(|state| state.tables.get(&table)).map(read).unwrap_or_default()
    }
}

/// The bounds of the keys that start with a prefix and are greater than `after`; `None` if there can be none.
fn bounds<'a>(prefix: &'a str, after: Option<&'a str>, end: Option<&'a str>) -> Option<(Bound<&'a str>, Bound<&'a str>)> {
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    let is_empty = matches!((start, end), (Bound::Excluded(start) | Bound::Included(start), Some(end)) if start >= end);
    (!is_empty).then(|| (start, end.map_or(Bound::Unbounded, Bound::Excluded)))
}

impl JobState {
    fn holds(&self, fence: Fence) -> bool {
        self.holder.is_some() && self.fence == fence.0
    }

    /// Gives the job to an owner, under a new fence.
    fn take(&mut self, owner: &str, now: Timestamp, duration: Duration) -> Lease {
        self.fence += 1;
        self.keep(owner, now, duration)
    }

    /// Lets the owner have the job under the present fence.
    fn keep(&mut self, owner: &str, now: Timestamp, duration: Duration) -> Lease {
        let expires_at = now.saturating_add(duration).unwrap_or(Timestamp::MAX);
        self.holder = Some(Holder { owner: owner.to_owned(), expires_at });
        Lease::new(Fence(self.fence), expires_at)
    }

    /// From when on the job is handed out, as things stand.
    fn free_at(&self) -> Option<Timestamp> {
        let due_at = self.due_at.filter(|_| self.withheld.is_none())?;
        Some(self.holder.as_ref().map_or(due_at, |holder| holder.expires_at.max(due_at)))
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Put { table, key, value } => {
                self.tables.entry(table).or_default().insert(key, value);
            }
            Step::Delete { table, key } => {
                if let Some(records) = self.tables.get_mut(&table) {
                    records.remove(&key);
                }
            }
            Step::Clear { table, prefix } => {
                let Some(records) = self.tables.get_mut(&table) else { return };
                let mut cleared = records.split_off(prefix.as_str());
                if let Some(end) = end_of_prefix(&prefix) {
                    records.append(&mut cleared.split_off(end.as_str()));
                }
            }
            Step::Schedule { due_at } => self.due_at = Some(due_at),
        }
    }
}

#[async_trait]
impl StateStore for MemoryState {
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease> {
        let mut jobs = self.jobs();
        let state = jobs.entry(job.clone()).or_default();
        let is_own = state.holder.as_ref().is_some_and(|holder| holder.owner == owner);
        match held {
            Some(fence) if !(is_own && state.holds(fence)) => Err(StoreError::new(StoreErrorKind::Fenced)),
            Some(_) => Ok(state.keep(owner, now, duration)),
            None if !is_own && state.holder.as_ref().is_some_and(|holder| holder.expires_at > now) => {
                Err(StoreError::new(StoreErrorKind::Held))
            }
            None => Ok(state.take(owner, now, duration)),
        }
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<()> {
        if let Some(state) = self.jobs().get_mut(job).filter(|state| state.holds(fence)) {
            state.holder = None;
        }
        Ok(())
    }

    async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>> {
        let mut jobs = self.jobs();
        let free = jobs.iter_mut().filter(|(_, state)| state.free_at().is_some_and(|at| at <= now));
        let mut free: Vec<(&JobId, &mut JobState)> = free.collect();
        free.sort_unstable_by(|(left, one), (right, other)| (one.due_at, left).cmp(&(other.due_at, right)));
        Ok(free.into_iter().take(limit).map(|(job, state)| (job.clone(), state.take(owner, now, duration))).collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        Ok(self.jobs().values().filter_map(JobState::free_at).min())
    }

    async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<()> {
        let mut jobs = self.jobs();
        let state = jobs.entry(job.clone()).or_default();
        state.withheld = None;
        state.due_at = Some(state.due_at.map_or(due_at, |known| known.min(due_at)));
        Ok(())
    }

    async fn withhold(&self, job: &JobId, reason: &str) -> Result<()> {
        check_text("reason", reason)?;
        self.jobs().entry(job.clone()).or_default().withheld = Some(reason.to_owned());
        Ok(())
    }

    async fn withheld(&self, job: &JobId) -> Result<Option<String>> {
        Ok(self.jobs().get(job).and_then(|state| state.withheld.clone()))
    }

    async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>> {
        Ok(self.read(job, table, |records| records.get(key).cloned()))
    }

    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>> {
        let jobs = self.jobs();
        let records = jobs.get(job).and_then(|state| state.tables.get(&table));
        Ok(keys.iter().map(|key| records.and_then(|records| records.get(key)).cloned()).collect())
    }

    async fn scan(&self, job: &JobId, table: Table, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, String)>> {
        let end = end_of_prefix(prefix);
        let Some(bounds) = bounds(prefix, after, end.as_deref()) else { return Ok(Vec::new()) };
        Ok(self.read(job, table, |records| {
            records.range::<str, _>(bounds).take(limit).map(|(key, value)| (key.clone(), value.clone())).collect()
        }))
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64> {
        let end = end_of_prefix(prefix);
        let Some(bounds) = bounds(prefix, None, end.as_deref()) else { return Ok(0) };
        Ok(self.read(
            job,
            table,
            |records| {
                if prefix.is_empty() { records.len() as u64 } else { records.range::<str, _>(bounds).count() as u64 }
            },
        ))
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<()> {
        check_batch(&batch)?;
        let mut jobs = self.jobs();
        let state = jobs.get_mut(job).filter(|state| state.holds(fence)).ok_or_else(|| StoreError::new(StoreErrorKind::Fenced))?;
        batch.steps.into_iter().for_each(|step| state.apply(step));
        Ok(())
    }
}
