//! State in SQLite whose calls end at once, so that nothing but the simulated time passes.

use std::time::Duration;

use async_trait::async_trait;
use scimkit_store::sqlite::SqliteState;
use scimkit_store::{Batch, Fence, JobId, Lease, StateStore, StoreError, Table};
use scimkit_types::Timestamp;
use tokio::runtime::{Builder, Runtime};

/// A database in memory with a runtime of its own, in which each call runs to its end.
#[derive(Debug)]
pub(crate) struct BlockingState {
    runtime: Runtime,
    state: SqliteState,
}

impl Default for BlockingState {
    fn default() -> Self {
        Self { runtime: Builder::new_current_thread().build().unwrap(), state: SqliteState::open_in_memory().unwrap() }
    }
}

#[async_trait]
impl StateStore for BlockingState {
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease, StoreError> {
        self.runtime.block_on(self.state.lease(job, owner, held, now, duration))
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<(), StoreError> {
        self.runtime.block_on(self.state.release(job, fence))
    }

    async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>, StoreError> {
        self.runtime.block_on(self.state.take_due(owner, now, duration, limit))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.runtime.block_on(self.state.next_due())
    }

    async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<(), StoreError> {
        self.runtime.block_on(self.state.offer(job, due_at))
    }

    async fn withhold(&self, job: &JobId, reason: &str) -> Result<(), StoreError> {
        self.runtime.block_on(self.state.withhold(job, reason))
    }

    async fn withheld(&self, job: &JobId) -> Result<Option<String>, StoreError> {
        self.runtime.block_on(self.state.withheld(job))
    }

    async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>, StoreError> {
        self.runtime.block_on(self.state.get(job, table, key))
    }

    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        self.runtime.block_on(self.state.get_many(job, table, keys))
    }

    async fn scan(
        &self,
        job: &JobId,
        table: Table,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.runtime.block_on(self.state.scan(job, table, prefix, after, limit))
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64, StoreError> {
        self.runtime.block_on(self.state.count(job, table, prefix))
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<(), StoreError> {
        self.runtime.block_on(self.state.commit(job, fence, batch))
    }
}
