//! State that fails at chosen writes, and between whose steps a process can be killed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_store::{Batch, Fence, JobId, Lease, StateStore, StoreError, Table};
use scimkit_testing::give_way;
use scimkit_types::Timestamp;

use crate::killed_state::CommitFault;

/// Forwards to a state, with a step before and after each write.
#[derive(Debug)]
pub struct FaultyState {
    state: Arc<dyn StateStore>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    commits: u64,
    at: BTreeMap<u64, CommitFault>,
}

impl FaultyState {
    /// A state that does not fail yet.
    pub fn new(state: Arc<dyn StateStore>) -> Self {
        Self { state, faults: Mutex::default() }
    }

    /// Lets writes fail from now on, counted from 1; forgets the faults before.
    pub fn fail_at(&self, faults: impl IntoIterator<Item = (u64, CommitFault)>) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults { commits: 0, at: faults.into_iter().collect() };
    }

    fn next(&self) -> Option<CommitFault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.commits += 1;
        let number = faults.commits;
        faults.at.remove(&number)
    }
}

fn lost() -> StoreError {
    StoreError::backend("the connection to the database was lost")
}

#[async_trait]
impl StateStore for FaultyState {
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease, StoreError> {
        // No step after the answer: what a process knows of its lease it may be told late, but not in this world's time.
        give_way().await;
        self.state.lease(job, owner, held, now, duration).await
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<(), StoreError> {
        give_way().await;
        self.state.release(job, fence).await
    }

    async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>, StoreError> {
        give_way().await;
        self.state.take_due(owner, now, duration, limit).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        give_way().await;
        self.state.next_due().await
    }

    async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<(), StoreError> {
        give_way().await;
        self.state.offer(job, due_at).await
    }

    async fn withhold(&self, job: &JobId, reason: &str) -> Result<(), StoreError> {
        give_way().await;
        self.state.withhold(job, reason).await
    }

    async fn withheld(&self, job: &JobId) -> Result<Option<String>, StoreError> {
        give_way().await;
        self.state.withheld(job).await
    }

    async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>, StoreError> {
        self.state.get(job, table, key).await
    }

    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        self.state.get_many(job, table, keys).await
    }

    async fn scan(
        &self,
        job: &JobId,
        table: Table,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        give_way().await;
        self.state.scan(job, table, prefix, after, limit).await
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64, StoreError> {
        self.state.count(job, table, prefix).await
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<(), StoreError> {
        give_way().await;
        match self.next() {
            None => self.state.commit(job, fence, batch).await?,
            Some(CommitFault::Before) => return Err(lost()),
            Some(CommitFault::After) => {
                self.state.commit(job, fence, batch).await?;
                return Err(lost());
            }
        }
        give_way().await;
        Ok(())
    }
}
