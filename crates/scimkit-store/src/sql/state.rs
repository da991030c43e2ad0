//! What is done to the state of provisioning, statement by statement.

use std::collections::{BTreeMap, HashMap};

use scimkit_types::Timestamp;

use super::session::{Each, Parameter, Session, first, parameters};
use super::{Work, senseless};
use crate::error::{Result, StoreError, StoreErrorKind};
use crate::keys::{instant_key, instant_of_key};
use crate::state::{Batch, Fence, JobId, Lease, Step, Table, end_of_prefix};

struct Holder {
    fence: u64,
    owner: Option<String>,
    expires_at: Timestamp,
}

/// Who holds a job, which nobody else takes until a writing transaction ends.
async fn holder<S: Session>(session: &mut S, job: &JobId) -> Result<Option<Holder>> {
    let sql = format!("SELECT r.fence, r.owner, r.expires_at FROM @job_lease r WHERE r.job = ?1{}", S::DIALECT.lock_row());
    let Some(mut row) = first(session, &sql, &parameters![job.as_str()]).await? else { return Ok(None) };
    let fence = u64::try_from(row.take::<i64>()?).map_err(|_| senseless("a fence is negative"))?;
    let owner = row.take()?;
    let expires_at = row.take::<Option<Vec<u8>>>()?.map_or(Some(Timestamp::MIN), |key| instant_of_key(&key));
    Ok(Some(Holder { fence, owner, expires_at: expires_at.ok_or_else(|| senseless("the end of a lease is no instant"))? }))
}

fn holds(holder: Option<&Holder>, fence: Fence) -> bool {
    holder.is_some_and(|holder| holder.owner.is_some() && holder.fence == fence.0)
}

/// Takes or renews a job.
pub(crate) struct Take {
    pub(crate) job: JobId,
    pub(crate) owner: String,
    pub(crate) held: Option<Fence>,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Work for Take {
    type Answer = Lease;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Lease> {
        let Self { job, owner, held, now, expires_at } = self;
        // The row is there before it is locked, so that two that come first do not both find none.
        let sql = "INSERT INTO @job_lease (job, fence) VALUES (?1, 0) ON CONFLICT DO NOTHING";
        session.execute(sql, &parameters![job.as_str()]).await?;
        let present = holder(session, job).await?;
        let is_own = present.as_ref().is_some_and(|present| present.owner.as_deref() == Some(owner));
        let last = present.as_ref().map_or(0, |present| present.fence);
        let fence = match held {
            Some(fence) if is_own && holds(present.as_ref(), *fence) => last,
            Some(_) => return Err(StoreError::new(StoreErrorKind::Fenced)),
            None if !is_own && present.is_some_and(|present| present.owner.is_some() && present.expires_at > *now) => {
                return Err(StoreError::new(StoreErrorKind::Held));
            }
            None => last + 1,
        };
        let stored = i64::try_from(fence).map_err(StoreError::backend)?;
        let sql = "UPDATE @job_lease SET fence = ?2, owner = ?3, expires_at = ?4 WHERE job = ?1";
        session.execute(sql, &parameters![job.as_str(), stored, owner.as_str(), instant_key(*expires_at)]).await?;
        Ok(Lease::new(Fence(fence), *expires_at))
    }
}

/// Gives a job back.
pub(crate) struct GiveBack(pub(crate) JobId, pub(crate) Fence);

impl Work for GiveBack {
    type Answer = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
        let Self(job, fence) = self;
        if holds(holder(session, job).await?.as_ref(), *fence) {
            let sql = "UPDATE @job_lease SET owner = NULL, expires_at = NULL WHERE job = ?1";
            session.execute(sql, &parameters![job.as_str()]).await?;
        }
        Ok(())
    }
}

/// Reads records.
pub(crate) struct GetMany(pub(crate) JobId, pub(crate) Table, pub(crate) Vec<String>);

impl Work for GetMany {
    type Answer = Vec<Option<String>>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let Self(job, table, keys) = self;
        let sql = format!("SELECT key, value FROM @state WHERE job = ?1 AND tbl = ?2 AND {}", S::DIALECT.among("key", "?3"));
        // No key holds U+0000, and not every database takes it.
        let sought = keys.iter().filter(|key| !key.contains('\0')).cloned().collect();
        let [job, table] = parameters![job.as_str(), table.name()];
        let mut found: HashMap<String, String> = HashMap::new();
        for mut row in session.rows(&sql, &[job, table, Parameter::Texts(sought)]).await? {
            found.insert(row.take()?, row.take()?);
        }
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }
}

/// Reads records in the order of their keys.
pub(crate) struct Scan {
    pub(crate) job: JobId,
    pub(crate) table: Table,
    pub(crate) prefix: String,
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

impl Work for Scan {
    type Answer = Vec<(String, String)>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        if self.prefix.contains('\0') {
            return Ok(Vec::new());
        }
        let after = self.after.as_ref().filter(|after| **after >= self.prefix);
        let start = if after.is_some() { "key > ?3" } else { "key >= ?3" };
        // What comes after a text with U+0000 is what comes after its part before that.
        let start_at = after.unwrap_or(&self.prefix).split('\0').next().unwrap_or_default();
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut parameters: Vec<Parameter> = parameters![self.job.as_str(), self.table.name(), start_at, limit].into();
        let until = match end_of_prefix(&self.prefix) {
            Some(end) => {
                parameters.push(end.into());
                " AND key < ?5"
            }
            None => "",
        };
        let sql = format!("SELECT key, value FROM @state WHERE job = ?1 AND tbl = ?2 AND {start}{until} ORDER BY key LIMIT ?4");
        session.rows(&sql, &parameters).await?.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

/// Counts records.
pub(crate) struct Count(pub(crate) JobId, pub(crate) Table, pub(crate) String);

impl Work for Count {
    type Answer = u64;

    async fn run<S: Session>(&self, session: &mut S) -> Result<u64> {
        if self.2.contains('\0') {
            return Ok(0);
        }
        if self.2.is_empty()
            && let Some(sql) = S::DIALECT.size_of_table()
        {
            let size: i64 = first(session, sql, &parameters![self.0.as_str(), self.1.name()]).await?.map_or(Ok(0), |mut row| row.take())?;
            return u64::try_from(size).map_err(StoreError::backend);
        }
        let (until, parameters) = below(&self.0, self.1, &self.2);
        let sql = format!("SELECT count(*) FROM @state WHERE job = ?1 AND tbl = ?2 AND key >= ?3{until}");
        let count: i64 = first(session, &sql, &parameters).await?.map_or(Ok(0), |mut row| row.take())?;
        u64::try_from(count).map_err(StoreError::backend)
    }
}

/// The parameters of a statement about the keys that start so, and the rest of its condition.
fn below(job: &JobId, table: Table, prefix: &str) -> (&'static str, Vec<Parameter>) {
    let mut parameters: Vec<Parameter> = parameters![job.as_str(), table.name(), prefix].into();
    match end_of_prefix(prefix) {
        Some(end) => {
            parameters.push(end.into());
            (" AND key < ?4", parameters)
        }
        None => ("", parameters),
    }
}

/// Does a batch.
pub(crate) struct Commit(pub(crate) JobId, pub(crate) Fence, pub(crate) Batch);

impl Work for Commit {
    type Answer = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
        let Self(job, fence, batch) = self;
        if let Some(sql) = S::DIALECT.defer().filter(|_| batch.is_deferred) {
            session.execute(sql, &[]).await?;
        }
        if !holds(holder(session, job).await?.as_ref(), *fence) {
            return Err(StoreError::new(StoreErrorKind::Fenced));
        }
        // Of the steps on one record between two that clear a table, the last one counts.
        let mut records: BTreeMap<(&'static str, &str), Option<&str>> = BTreeMap::new();
        for step in &batch.steps {
            match step {
                Step::Put { table, key, value } => {
                    records.insert((table.name(), key), Some(value));
                }
                Step::Delete { table, key } => {
                    records.insert((table.name(), key), None);
                }
                Step::Clear { table, prefix } => {
                    write(session, job, std::mem::take(&mut records)).await?;
                    let (until, parameters) = below(job, *table, prefix);
                    let sql = format!("DELETE FROM @state WHERE job = ?1 AND tbl = ?2 AND key >= ?3{until}");
                    session.execute(&sql, &parameters).await?;
                }
            }
        }
        write(session, job, records).await
    }

    fn is_deferred(&self) -> bool {
        self.2.is_deferred
    }
}

const PUT: Each = Each {
    one: "INSERT INTO @state (job, tbl, key, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (job, tbl, key) DO UPDATE SET value = excluded.value",
    all: "INSERT INTO @state (job, tbl, key, value) SELECT * FROM unnest(?1::text[], ?2::text[], ?3::text[], ?4::text[]) \
          ON CONFLICT (job, tbl, key) DO UPDATE SET value = excluded.value",
};

const DELETE: Each = Each {
    one: "DELETE FROM @state WHERE job = ?1 AND tbl = ?2 AND key = ?3",
    all: "DELETE FROM @state s USING unnest(?1::text[], ?2::text[], ?3::text[]) AS gone(job, tbl, key) \
          WHERE s.job = gone.job AND s.tbl = gone.tbl AND s.key = gone.key",
};

/// Writes records in the order of their keys, as the index has them.
async fn write<S: Session>(session: &mut S, job: &JobId, records: BTreeMap<(&'static str, &str), Option<&str>>) -> Result<()> {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for ((table, key), value) in records {
        match value {
            Some(value) => put.push(parameters![job.as_str(), table, key, value].into()),
            None => gone.push(parameters![job.as_str(), table, key].into()),
        }
    }
    session.each(&DELETE, &gone).await?;
    session.each(&PUT, &put).await
}
