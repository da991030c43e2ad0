//! Provisioning state in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_types::Timestamp;

use super::{Batch, Fence, JobId, Lease, StateStore, Step, Table, check_batch, end_of_prefix};
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
            Some(fence) if !(is_own && state.holds(fence)) => return Err(StoreError::new(StoreErrorKind::Fenced)),
            Some(_) => {}
            None if !is_own && state.holder.as_ref().is_some_and(|holder| holder.expires_at > now) => {
                return Err(StoreError::new(StoreErrorKind::Held));
            }
            None => state.fence += 1,
        }
        let expires_at = now.saturating_add(duration).unwrap_or(Timestamp::MAX);
        state.holder = Some(Holder { owner: owner.to_owned(), expires_at });
        Ok(Lease::new(Fence(state.fence), expires_at))
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<()> {
        if let Some(state) = self.jobs().get_mut(job).filter(|state| state.holds(fence)) {
            state.holder = None;
        }
        Ok(())
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
