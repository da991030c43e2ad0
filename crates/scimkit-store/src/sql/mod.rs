//! What the stores in databases have in common: one set of statements, one translator of filters, one way of doing each call.
//!
//! A call is a piece of [`Work`] over a [`Session`], which is a transaction in one database. The statements are the same text for all:
//! `@` stands before the name of each table, so that a database may put a schema there, and `?1` is the first parameter.

pub(crate) mod filter;
pub(crate) mod groups;
pub(crate) mod handout;
pub(crate) mod marks;
pub(crate) mod members;
pub(crate) mod resources;
pub(crate) mod session;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod walk;

use std::fmt::Debug;
use std::future::Future;

use crate::error::{Result, StoreError, StoreErrorKind};
use session::Session;

/// One call of a store, done in one transaction. It may be done again from the start when the database asks for that.
pub(crate) trait Work: Send + Sync + 'static {
    /// What the call returns.
    type Answer: Send + 'static;

    /// Does the call.
    fn run<S: Session>(&self, session: &mut S) -> impl Future<Output = Result<Self::Answer>> + Send;

    /// Whether a machine that fails may lose what is written, with all that came after it, until something else is written.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "PostgreSQL is told in the transaction"))]
    fn is_deferred(&self) -> bool {
        false
    }
}

/// A database that does work.
pub(crate) trait Database: Debug + Send + Sync {
    /// Does work in a transaction that is kept if the work succeeds, and durable then.
    fn write<W: Work>(&self, work: W) -> impl Future<Output = Result<W::Answer>> + Send;

    /// Does work that reads; all of it sees one state.
    fn read<W: Work>(&self, work: W) -> impl Future<Output = Result<W::Answer>> + Send;
}

/// An error about content that cannot be read.
pub(crate) fn corrupt(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt { what: what.to_owned() }, source)
}

/// An error about content that was read and makes no sense.
pub(crate) fn senseless(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt { what: what.to_owned() })
}

/// Makes a store with a field `database` a [`ResourceStore`](crate::ResourceStore).
macro_rules! resource_store {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl $crate::resource::ResourceStore for $store {
            async fn create(&self, resource: $crate::NewResource) -> $crate::error::Result<$crate::StoredResource> {
                $crate::resource::document::check_new(&resource)?;
                if $crate::sql::marks::is_due(&resource.key) {
                    $crate::sql::Database::write(&self.database, $crate::sql::marks::Divide(resource.key.clone())).await?;
                }
                $crate::sql::Database::write(&self.database, $crate::sql::resources::Create(resource)).await
            }

            async fn get(
                &self,
                key: &$crate::ResourceKey,
                selection: $crate::Selection,
            ) -> $crate::error::Result<Option<$crate::StoredResource>> {
                if !$crate::resource::document::may_exist(key) {
                    return Ok(None);
                }
                $crate::sql::Database::read(&self.database, $crate::sql::resources::Get(key.clone(), selection)).await
            }

            async fn update(&self, update: $crate::Update) -> $crate::error::Result<Option<$crate::StoredResource>> {
                $crate::resource::document::check_update(&update)?;
                $crate::sql::Database::write(&self.database, $crate::sql::resources::Change(update)).await
            }

            async fn delete(
                &self,
                key: &$crate::ResourceKey,
                expected: Option<$crate::Revision>,
                deleted_at: scimkit_types::Timestamp,
            ) -> $crate::error::Result<bool> {
                if !$crate::resource::document::may_exist(key) {
                    return Ok(false);
                }
                $crate::sql::Database::write(&self.database, $crate::sql::resources::Delete(key.clone(), expected, deleted_at)).await
            }

            async fn query(&self, query: &$crate::Query) -> $crate::error::Result<$crate::Page> {
                $crate::resource::document::check_query(query)?;
                $crate::sql::Database::read(&self.database, $crate::sql::resources::Find(query.clone())).await
            }

            async fn memberships(&self, tenant: &$crate::Tenant, ids: &[String]) -> $crate::error::Result<Vec<Vec<$crate::Membership>>> {
                $crate::sql::Database::read(&self.database, $crate::sql::groups::Memberships(tenant.clone(), ids.to_vec())).await
            }
        }
    };
}

/// Makes a store with a field `database` a [`StateStore`](crate::StateStore).
macro_rules! state_store {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl $crate::state::StateStore for $store {
            async fn lease(
                &self,
                job: &$crate::JobId,
                owner: &str,
                held: Option<$crate::Fence>,
                now: scimkit_types::Timestamp,
                duration: std::time::Duration,
            ) -> $crate::error::Result<$crate::Lease> {
                let expires_at = now.saturating_add(duration).unwrap_or(scimkit_types::Timestamp::MAX);
                let take = $crate::sql::state::Take { job: job.clone(), owner: owner.to_owned(), held, now, expires_at };
                $crate::sql::Database::write(&self.database, take).await
            }

            async fn release(&self, job: &$crate::JobId, fence: $crate::Fence) -> $crate::error::Result<()> {
                $crate::sql::Database::write(&self.database, $crate::sql::state::GiveBack(job.clone(), fence)).await
            }

            async fn take_due(
                &self,
                owner: &str,
                now: scimkit_types::Timestamp,
                duration: std::time::Duration,
                limit: usize,
            ) -> $crate::error::Result<Vec<($crate::JobId, $crate::Lease)>> {
                let expires_at = now.saturating_add(duration).unwrap_or(scimkit_types::Timestamp::MAX);
                let take = $crate::sql::handout::TakeDue { owner: owner.to_owned(), now, expires_at, limit };
                $crate::sql::Database::write(&self.database, take).await
            }

            async fn next_due(&self) -> $crate::error::Result<Option<scimkit_types::Timestamp>> {
                $crate::sql::Database::read(&self.database, $crate::sql::handout::NextDue).await
            }

            async fn offer(&self, job: &$crate::JobId, due_at: scimkit_types::Timestamp) -> $crate::error::Result<()> {
                $crate::sql::Database::write(&self.database, $crate::sql::handout::Offer(job.clone(), due_at)).await
            }

            async fn withhold(&self, job: &$crate::JobId, reason: &str) -> $crate::error::Result<()> {
                $crate::state::check_text("reason", reason)?;
                $crate::sql::Database::write(&self.database, $crate::sql::handout::Withhold(job.clone(), reason.to_owned())).await
            }

            async fn withheld(&self, job: &$crate::JobId) -> $crate::error::Result<Option<String>> {
                $crate::sql::Database::read(&self.database, $crate::sql::handout::Withheld(job.clone())).await
            }

            async fn get(&self, job: &$crate::JobId, table: $crate::Table, key: &str) -> $crate::error::Result<Option<String>> {
                let keys = [key.to_owned()];
                Ok(self.get_many(job, table, &keys).await?.pop().flatten())
            }

            async fn get_many(
                &self,
                job: &$crate::JobId,
                table: $crate::Table,
                keys: &[String],
            ) -> $crate::error::Result<Vec<Option<String>>> {
                $crate::sql::Database::read(&self.database, $crate::sql::state::GetMany(job.clone(), table, keys.to_vec())).await
            }

            async fn scan(
                &self,
                job: &$crate::JobId,
                table: $crate::Table,
                prefix: &str,
                after: Option<&str>,
                limit: usize,
            ) -> $crate::error::Result<Vec<(String, String)>> {
                let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
                let scan = $crate::sql::state::Scan { job: job.clone(), table, prefix, after, limit };
                $crate::sql::Database::read(&self.database, scan).await
            }

            async fn count(&self, job: &$crate::JobId, table: $crate::Table, prefix: &str) -> $crate::error::Result<u64> {
                $crate::sql::Database::read(&self.database, $crate::sql::state::Count(job.clone(), table, prefix.to_owned())).await
            }

            async fn commit(&self, job: &$crate::JobId, fence: $crate::Fence, batch: $crate::Batch) -> $crate::error::Result<()> {
                $crate::state::check_batch(&batch)?;
                $crate::sql::Database::write(&self.database, $crate::sql::state::Commit(job.clone(), fence, batch)).await
            }
        }
    };
}

pub(crate) use {resource_store, state_store};
