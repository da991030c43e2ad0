//! A state in memory that counts what is read and written, and fails when it is told to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use scimkit_store::StoreError;
use scimkit_store::state::{Batch, Fence, JobId, Lease, MemoryState, StateStore, Step, Table};
use scimkit_types::Timestamp;

/// How much was read and written, and held at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many records of each table were asked for or found.
    read: BTreeMap<Table, usize>,
    /// How many changes of each table there were.
    written: BTreeMap<Table, usize>,
    /// How many batches there were.
    pub(crate) batches: usize,
    /// How many bytes of keys and records were read and written.
    pub(crate) bytes: usize,
    /// The most records that one call read.
    pub(crate) largest_read: usize,
    /// The most steps of one batch.
    pub(crate) largest_batch: usize,
}

impl Counts {
    pub(crate) fn read(&self, table: Table) -> usize {
        self.read.get(&table).copied().unwrap_or_default()
    }

    pub(crate) fn written(&self, table: Table) -> usize {
        self.written.get(&table).copied().unwrap_or_default()
    }
}

/// Counts what passes.
#[derive(Debug, Default)]
pub(crate) struct CountedState {
    state: MemoryState,
    counts: Mutex<Counts>,
    /// How many batches are still done, if there is an end to that.
    left: Mutex<Option<usize>>,
}

impl CountedState {
    /// What was counted since it was last taken.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut self.counts.lock().unwrap())
    }

    /// Fails every batch after so many, until it is told otherwise.
    pub(crate) fn fail_after(&self, batches: Option<usize>) {
        *self.left.lock().unwrap() = batches;
    }

    fn note(&self, table: Table, rows: usize, bytes: usize) {
        let mut counts = self.counts.lock().unwrap();
        *counts.read.entry(table).or_default() += rows;
        counts.largest_read = counts.largest_read.max(rows);
        counts.bytes += bytes;
    }
}

#[async_trait]
impl StateStore for CountedState {
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
        let text = self.state.get(job, table, key).await?;
        self.note(table, 1, key.len() + text.as_ref().map_or(0, String::len));
        Ok(text)
    }

    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        let texts = self.state.get_many(job, table, keys).await?;
        let bytes = keys.iter().chain(texts.iter().flatten()).map(String::len).sum();
        self.note(table, keys.len(), bytes);
        Ok(texts)
    }

    async fn scan(
        &self,
        job: &JobId,
        table: Table,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.state.scan(job, table, prefix, after, limit).await?;
        self.note(table, rows.len(), rows.iter().map(|(key, text)| key.len() + text.len()).sum());
        Ok(rows)
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64, StoreError> {
        self.state.count(job, table, prefix).await
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<(), StoreError> {
        if let Some(left) = &mut *self.left.lock().unwrap() {
            *left = left.checked_sub(1).ok_or_else(|| StoreError::backend("the disk is full"))?;
        }
        {
            let mut counts = self.counts.lock().unwrap();
            counts.batches += 1;
            counts.largest_batch = counts.largest_batch.max(batch.steps.len());
            for step in &batch.steps {
                counts.bytes += match step {
                    Step::Put { key, value, .. } => key.len() + value.len(),
                    Step::Delete { key, .. } | Step::Clear { prefix: key, .. } => key.len(),
                    Step::Schedule { .. } => 0,
                };
                match step {
                    Step::Put { table, .. } | Step::Delete { table, .. } | Step::Clear { table, .. } => {
                        *counts.written.entry(*table).or_default() += 1;
                    }
                    Step::Schedule { .. } => {}
                }
            }
        }
        self.state.commit(job, fence, batch).await
    }
}
