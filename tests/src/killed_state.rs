//! State whose writer is killed at a chosen write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_store::{Batch, Fence, JobId, Lease, StateStore, StoreError, Table};
use scimkit_types::Timestamp;
use tokio::sync::Notify;

/// What becomes of the write at which the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitFault {
    /// It is lost.
    Before,
    /// It is kept.
    After,
}

/// Forwards to a state; at one write it hangs for ever and tells so.
#[derive(Debug)]
pub struct KilledState {
    state: Arc<dyn StateStore>,
    at: Option<(u64, CommitFault)>,
    commits: AtomicU64,
    hung: Notify,
}

impl KilledState {
    /// A state that hangs at a write, counted from 1.
    pub fn new(state: Arc<dyn StateStore>, at: Option<(u64, CommitFault)>) -> Self {
        Self { state, at, commits: AtomicU64::new(0), hung: Notify::new() }
    }

    /// How many writes there were.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Waits until a write hangs.
    pub async fn hung(&self) {
        self.hung.notified().await;
    }
}

#[async_trait]
impl StateStore for KilledState {
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease, StoreError> {
        self.state.lease(job, owner, held, now, duration).await
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<(), StoreError> {
        self.state.release(job, fence).await
    }

    async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>, StoreError> {
        self.state.take_due(owner, now, duration, limit).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.state.next_due().await
    }

    async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<(), StoreError> {
        self.state.offer(job, due_at).await
    }

    async fn withhold(&self, job: &JobId, reason: &str) -> Result<(), StoreError> {
        self.state.withhold(job, reason).await
    }

    async fn withheld(&self, job: &JobId) -> Result<Option<String>, StoreError> {
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
        self.state.scan(job, table, prefix, after, limit).await
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64, StoreError> {
        self.state.count(job, table, prefix).await
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<(), StoreError> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        match self.at {
            Some((at, fault)) if at == number => {
                if fault == CommitFault::After {
                    self.state.commit(job, fence, batch).await?;
                }
                self.hung.notify_one();
                std::future::pending().await
            }
            _ => self.state.commit(job, fence, batch).await,
        }
    }
}
