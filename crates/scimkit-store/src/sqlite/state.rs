//! Provisioning state in SQLite.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use scimkit_types::Timestamp;

use super::database::Database;
use super::error::senseless;
use crate::error::{Result, StoreError, StoreErrorKind};
use crate::keys::{instant_key, instant_of_key};
use crate::state::{Batch, Fence, JobId, Lease, StateStore, Step, Table, check_batch, end_of_prefix};

/// Keeps provisioning state in SQLite; see the [module](super) for what holds for the file.
///
/// ```
/// use scimkit_store::{JobId, StateStore, Table, sqlite::SqliteState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), scimkit_store::StoreError> {
/// let state = SqliteState::open_in_memory()?;
/// assert_eq!(state.get(&JobId::new("users"), Table::Job, "watermark").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteState {
    database: Database,
}

impl SqliteState {
    /// Opens or creates a database file. Blocks while it does.
    ///
    /// # Errors
    /// `Backend` if the file cannot be used; `Corrupt` if it is no database of this library.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { database: Database::open(path.as_ref())? })
    }

    /// A database that lives as long as the store.
    ///
    /// # Errors
    /// `Backend` if memory is short.
    pub fn open_in_memory() -> Result<Self> {
        Ok(Self { database: Database::open_in_memory()? })
    }
}

struct Holder {
    fence: u64,
    owner: Option<String>,
    expires_at: Timestamp,
}

fn holder(transaction: &Transaction<'_>, job: &JobId) -> Result<Option<Holder>> {
    let mut statement = transaction.prepare_cached("SELECT fence, owner, expires_at FROM job_lease WHERE job = ?1")?;
    let row = statement
        .query_row([job.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, Option<Vec<u8>>>(2)?)))
        .optional()?;
    let Some((fence, owner, expires_at)) = row else { return Ok(None) };
    let fence = u64::try_from(fence).map_err(|_| senseless("a fence is negative"))?;
    let expires_at = expires_at.map_or(Some(Timestamp::MIN), |key| instant_of_key(&key));
    Ok(Some(Holder { fence, owner, expires_at: expires_at.ok_or_else(|| senseless("the end of a lease is no instant"))? }))
}

fn holds(holder: Option<&Holder>, fence: Fence) -> bool {
    holder.is_some_and(|holder| holder.owner.is_some() && holder.fence == fence.0)
}

fn lease(
    transaction: &Transaction<'_>,
    job: &JobId,
    owner: &str,
    held: Option<Fence>,
    now: Timestamp,
    duration: Duration,
) -> Result<Lease> {
    let present = holder(transaction, job)?;
    let is_own = present.as_ref().is_some_and(|present| present.owner.as_deref() == Some(owner));
    let last = present.as_ref().map_or(0, |present| present.fence);
    let fence = match held {
        Some(fence) if is_own && holds(present.as_ref(), fence) => last,
        Some(_) => return Err(StoreError::new(StoreErrorKind::Fenced)),
        None if !is_own && present.is_some_and(|present| present.owner.is_some() && present.expires_at > now) => {
            return Err(StoreError::new(StoreErrorKind::Held));
        }
        None => last + 1,
    };
    let expires_at = now.saturating_add(duration).unwrap_or(Timestamp::MAX);
    let stored = i64::try_from(fence).map_err(StoreError::backend)?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO job_lease (job, fence, owner, expires_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![job.as_str(), stored, owner, instant_key(expires_at).as_slice()])?;
    Ok(Lease::new(Fence(fence), expires_at))
}

fn apply(transaction: &Transaction<'_>, job: &JobId, step: &Step) -> Result<()> {
    match step {
        Step::Put { table, key, value } => transaction
            .prepare_cached("INSERT OR REPLACE INTO state (job, tbl, key, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![job.as_str(), table.name(), key, value])?,
        Step::Delete { table, key } => transaction
            .prepare_cached("DELETE FROM state WHERE job = ?1 AND tbl = ?2 AND key = ?3")?
            .execute(params![job.as_str(), table.name(), key])?,
        Step::Clear { table, prefix } => match end_of_prefix(prefix) {
            Some(end) => transaction
                .prepare_cached("DELETE FROM state WHERE job = ?1 AND tbl = ?2 AND key >= ?3 AND key < ?4")?
                .execute(params![job.as_str(), table.name(), prefix, end])?,
            None => transaction.prepare_cached("DELETE FROM state WHERE job = ?1 AND tbl = ?2 AND key >= ?3")?.execute(params![
                job.as_str(),
                table.name(),
                prefix
            ])?,
        },
    };
    Ok(())
}

#[async_trait]
impl StateStore for SqliteState {
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease> {
        let (job, owner) = (job.clone(), owner.to_owned());
        self.database.write(move |transaction| lease(transaction, &job, &owner, held, now, duration)).await
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<()> {
        let job = job.clone();
        let release = move |transaction: &Transaction<'_>| {
            if holds(holder(transaction, &job)?.as_ref(), fence) {
                transaction.execute("UPDATE job_lease SET owner = NULL, expires_at = NULL WHERE job = ?1", [job.as_str()])?;
            }
            Ok(())
        };
        self.database.write(release).await
    }

    async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>> {
        let keys = [key.to_owned()];
        Ok(self.get_many(job, table, &keys).await?.pop().flatten())
    }

    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>> {
        let (job, keys) = (job.clone(), keys.to_vec());
        let read = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached("SELECT value FROM state WHERE job = ?1 AND tbl = ?2 AND key = ?3")?;
            let mut one = |key: &String| statement.query_row(params![job.as_str(), table.name(), key], |row| row.get(0)).optional();
            Ok(keys.iter().map(&mut one).collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn scan(&self, job: &JobId, table: Table, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, String)>> {
        let (job, prefix, after) = (job.clone(), prefix.to_owned(), after.map(str::to_owned));
        let read = move |transaction: &Transaction<'_>| {
            let is_after = after.as_ref().is_some_and(|after| *after >= prefix);
            let end = end_of_prefix(&prefix);
            let start = if is_after { "key > ?3" } else { "key >= ?3" };
            let until = if end.is_some() { "key < ?4" } else { "?4 IS NULL" };
            let sql = format!("SELECT key, value FROM state WHERE job = ?1 AND tbl = ?2 AND {start} AND {until} ORDER BY key LIMIT ?5");
            let start = after.filter(|_| is_after).unwrap_or(prefix);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = transaction.prepare_cached(&sql)?;
            let rows = statement.query_map(params![job.as_str(), table.name(), start, end, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64> {
        let (job, prefix) = (job.clone(), prefix.to_owned());
        let read = move |transaction: &Transaction<'_>| {
            let end = end_of_prefix(&prefix);
            let until = if end.is_some() { "key < ?4" } else { "?4 IS NULL" };
            let sql = format!("SELECT count(*) FROM state WHERE job = ?1 AND tbl = ?2 AND key >= ?3 AND {until}");
            let mut statement = transaction.prepare_cached(&sql)?;
            let count: i64 = statement.query_row(params![job.as_str(), table.name(), prefix, end], |row| row.get(0))?;
            u64::try_from(count).map_err(StoreError::backend)
        };
        self.database.read(read).await
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<()> {
        check_batch(&batch)?;
        let job = job.clone();
        let commit = move |transaction: &Transaction<'_>| {
            if !holds(holder(transaction, &job)?.as_ref(), fence) {
                return Err(StoreError::new(StoreErrorKind::Fenced));
            }
            batch.steps.iter().try_for_each(|step| apply(transaction, &job, step))
        };
        self.database.write(commit).await
    }
}
