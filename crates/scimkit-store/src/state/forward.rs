//! A shared store is a store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use scimkit_types::Timestamp;

use super::{Batch, Fence, JobId, Lease, StateStore, Table};
use crate::error::Result;

macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: StateStore + ?Sized> StateStore for $pointer {
            async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease> {
                (**self).lease(job, owner, held, now, duration).await
            }

            async fn release(&self, job: &JobId, fence: Fence) -> Result<()> {
                (**self).release(job, fence).await
            }

            async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>> {
                (**self).take_due(owner, now, duration, limit).await
            }

            async fn next_due(&self) -> Result<Option<Timestamp>> {
                (**self).next_due().await
            }

            async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<()> {
                (**self).offer(job, due_at).await
            }

            async fn withhold(&self, job: &JobId, reason: &str) -> Result<()> {
                (**self).withhold(job, reason).await
            }

            async fn withheld(&self, job: &JobId) -> Result<Option<String>> {
                (**self).withheld(job).await
            }

            async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>> {
                (**self).get(job, table, key).await
            }

            async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>> {
                (**self).get_many(job, table, keys).await
            }

            async fn scan(
                &self,
                job: &JobId,
                table: Table,
                prefix: &str,
                after: Option<&str>,
                limit: usize,
            ) -> Result<Vec<(String, String)>> {
                (**self).scan(job, table, prefix, after, limit).await
            }

            async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64> {
                (**self).count(job, table, prefix).await
            }

            async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<()> {
                (**self).commit(job, fence, batch).await
            }
        }
    };
}

forward!(Arc<T>);
forward!(&T);
