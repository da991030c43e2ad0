//! What is done to the state of provisioning, statement by statement.

use std::collections::BTreeMap;

use scimkit_types::Timestamp;

use super::session::{Each, Parameter, Session, first, parameters};
use super::{Work, senseless};
use crate::error::{Result, StoreError, StoreErrorKind};
use crate::keys::{instant_key, instant_of_key};
use crate::state::{Batch, Fence, JobId, Lease, Step, Table, end_of_prefix};

struct Holder {
    /// The number under which the records of the job stand.
    job: i64,
    fence: u64,
    owner: Option<String>,
    expires_at: Timestamp,
}

/// Who holds a job, which nobody else takes until a writing transaction ends.
async fn holder<S: Session>(session: &mut S, job: &JobId) -> Result<Option<Holder>> {
    let sql = format!("SELECT r.number, r.fence, r.owner, r.expires_at FROM @job_lease r WHERE r.job = ?1{}", S::DIALECT.lock_row());
    let Some(mut row) = first(session, &sql, &parameters![job.as_str()]).await? else { return Ok(None) };
    let job = row.take()?;
    let fence = u64::try_from(row.take::<i64>()?).map_err(|_| senseless("a fence is negative"))?;
    let owner = row.take()?;
    let expires_at = row.take::<Option<Vec<u8>>>()?.map_or(Some(Timestamp::MIN), |key| instant_of_key(&key));
    Ok(Some(Holder { job, fence, owner, expires_at: expires_at.ok_or_else(|| senseless("the end of a lease is no instant"))? }))
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

/// The condition that a record is of a job and a table, whose number and name are the first two parameters. A job that nobody has ever taken
/// has no number and no records.
const OF_TABLE: &str = "job = (SELECT number FROM @job_lease WHERE job = ?1) AND tbl = ?2";

/// The number of a table among the records, which never changes.
const fn number(table: Table) -> i64 {
    match table {
        Table::Job => 0,
        Table::Record => 1,
        Table::Pending => 2,
        Table::Plan => 3,
        Table::Link => 4,
        Table::LinkByTarget => 5,
        Table::LinkByMatch => 6,
        Table::Intent => 7,
        Table::Escrow => 8,
        Table::Waiting => 9,
        Table::Listing => 10,
        Table::Assignment => 11,
        Table::Seen => 12,
        Table::Claim => 13,
        Table::Entitlement => 14,
        Table::Log => 15,
        Table::Referrer => 16,
        Table::Reference => 17,
        Table::Written => 18,
        Table::Touched => 19,
    }
}

/// Where records of a table stand. Small ones stand in the order of their keys themselves, so that each costs one step down a tree and those
/// that go together lie together; large ones in the order in which they came, found by an index that stays small.
const fn relation(table: i64) -> &'static Relation {
    match table {
        0 | 1 | 3 | 4 | 7 | 10 | 15 => &LARGE,
        _ => &SMALL,
    }
}

/// Reads records.
pub(crate) struct GetMany(pub(crate) JobId, pub(crate) Table, pub(crate) Vec<String>);

impl Work for GetMany {
    type Answer = Vec<Option<String>>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let Self(job, table, keys) = self;
        let number = number(*table);
        session.texts(&relation(number).get, &parameters![job.as_str(), number], keys).await
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
        let number = number(self.table);
        let mut parameters: Vec<Parameter> = parameters![self.job.as_str(), number, start_at, limit].into();
        let until = match end_of_prefix(&self.prefix) {
            Some(end) => {
                parameters.push(end.into());
                " AND key < ?5"
            }
            None => "",
        };
        let name = relation(number).name;
        let sql = format!("SELECT key, value FROM {name} WHERE {OF_TABLE} AND {start}{until} ORDER BY key LIMIT ?4");
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
        let Self(job, table, prefix) = self;
        let (sql, parameters) = if prefix.is_empty() {
            // A sum is there also where nothing has been counted.
            let sql = format!("SELECT CAST(COALESCE(SUM(records), 0) AS BIGINT) FROM @state_size WHERE {OF_TABLE}");
            (sql, parameters![job.as_str(), number(*table)].into())
        } else {
            let (until, parameters) = below(job.as_str(), *table, prefix);
            let name = relation(number(*table)).name;
            (format!("SELECT count(*) FROM {name} WHERE {OF_TABLE} AND key >= ?3{until}"), parameters)
        };
        let count: i64 = first(session, &sql, &parameters).await?.map_or(Ok(0), |mut row| row.take())?;
        u64::try_from(count).map_err(StoreError::backend)
    }
}

/// The parameters of a statement about the keys that start so, and the rest of its condition.
fn below(job: impl Into<Parameter>, table: Table, prefix: &str) -> (&'static str, Vec<Parameter>) {
    let mut parameters = vec![job.into(), number(table).into(), prefix.into()];
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
        let holder = holder(session, job).await?;
        let Some(Holder { job, .. }) = holder.filter(|holder| holds(Some(holder), *fence)) else {
            return Err(StoreError::new(StoreErrorKind::Fenced));
        };
        let mut records = Vec::with_capacity(batch.steps.len());
        let mut grown = BTreeMap::new();
        for step in &batch.steps {
            match step {
                Step::Put { table, key, value } => records.push((number(*table), key.as_str(), Some(value.as_str()))),
                Step::Delete { table, key } => records.push((number(*table), key.as_str(), None)),
                Step::Clear { table, prefix } => {
                    write(session, job, std::mem::take(&mut records), &mut grown).await?;
                    let (until, parameters) = below(job, *table, prefix);
                    let (table, name) = (number(*table), relation(number(*table)).name);
                    let sql = format!("DELETE FROM {name} WHERE job = ?1 AND tbl = ?2 AND key >= ?3{until}");
                    count(&mut grown, table, 0, session.execute(&sql, &parameters).await?)?;
                }
                Step::Schedule { due_at } => {
                    let sql = "UPDATE @job_lease SET due_at = ?2 WHERE number = ?1";
                    session.execute(sql, &parameters![job, instant_key(*due_at)]).await?;
                }
            }
        }
        write(session, job, records, &mut grown).await?;
        let grown = grown.into_iter().filter(|(_, by)| *by != 0);
        let sizes: Vec<Vec<Parameter>> = grown.map(|(table, by)| parameters![job, table, by].into()).collect();
        session.each(&GROW, &sizes).await.map(drop)
    }

    fn is_deferred(&self) -> bool {
        self.2.is_deferred
    }
}

/// The statements about records that stand in one place.
struct Relation {
    name: &'static str,
    get: Each,
    add: Each,
    replace: Each,
    delete: Each,
}

macro_rules! relation {
    ($name:literal) => {
        Relation {
            name: $name,
            get: Each {
                one: concat!(
                    "SELECT value FROM ",
                    $name,
                    " WHERE job = (SELECT number FROM @job_lease WHERE job = ?1) AND tbl = ?2 AND key = ?3"
                ),
                all: concat!(
                    "SELECT key, value FROM ",
                    $name,
                    " WHERE job = (SELECT number FROM @job_lease WHERE job = ?1) AND tbl = ?2 AND key = ANY(?3)"
                ),
            },
            add: Each {
                one: concat!("INSERT INTO ", $name, " (job, tbl, key, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"),
                all: concat!(
                    "INSERT INTO ",
                    $name,
                    " (job, tbl, key, value) SELECT ?1::bigint, ?2::bigint, new.key, new.value \
                     FROM unnest(?3::text[], ?4::text[]) AS new(key, value) ON CONFLICT DO NOTHING"
                ),
            },
            replace: Each {
                one: concat!("UPDATE ", $name, " SET value = ?4 WHERE job = ?1 AND tbl = ?2 AND key = ?3 AND value <> ?4"),
                all: concat!(
                    "UPDATE ",
                    $name,
                    " s SET value = new.value FROM unnest(?3::text[], ?4::text[]) AS new(key, value) \
                     WHERE s.job = ?1::bigint AND s.tbl = ?2::bigint AND s.key = new.key AND s.value <> new.value"
                ),
            },
            delete: Each {
                one: concat!("DELETE FROM ", $name, " WHERE job = ?1 AND tbl = ?2 AND key = ?3"),
                all: concat!(
                    "DELETE FROM ",
                    $name,
                    " s USING unnest(?1::bigint[], ?2::bigint[], ?3::text[]) AS gone(job, tbl, key) \
                     WHERE s.job = gone.job AND s.tbl = gone.tbl AND s.key = gone.key"
                ),
            },
        }
    };
}

static LARGE: Relation = relation!("@state");
static SMALL: Relation = relation!("@state_entry");

const GROW: Each = Each {
    one: "INSERT INTO @state_size (job, tbl, records) VALUES (?1, ?2, ?3) \
          ON CONFLICT (job, tbl) DO UPDATE SET records = records + excluded.records",
    all: "INSERT INTO @state_size AS s (job, tbl, records) SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[]) \
          ON CONFLICT (job, tbl) DO UPDATE SET records = s.records + excluded.records",
};

/// Notes how many records of a table came and went.
fn count(grown: &mut BTreeMap<i64, i64>, table: i64, came: u64, went: u64) -> Result<()> {
    let number = |count: u64| i64::try_from(count).map_err(StoreError::backend);
    *grown.entry(table).or_default() += number(came)? - number(went)?;
    Ok(())
}

/// What becomes of one record: its table, its key, and its text if it is there afterwards.
type Record<'a> = (i64, &'a str, Option<&'a str>);

/// Writes records in the order of their keys, as the index has them, table by table, and notes how many came and went. Of several of one key
/// the last one counts.
async fn write<S: Session>(session: &mut S, job: i64, mut records: Vec<Record<'_>>, grown: &mut BTreeMap<i64, i64>) -> Result<()> {
    records.reverse();
    records.sort_by_key(|(table, key, _)| (*table, *key));
    records.dedup_by_key(|(table, key, _)| (*table, *key));
    for records in records.chunk_by(|(left, ..), (right, ..)| left == right) {
        let Some((table, ..)) = records.first().copied() else { continue };
        let (mut put, mut gone) = (Vec::with_capacity(records.len()), Vec::new());
        for (_, key, value) in records {
            match value {
                Some(value) => put.push((*key, *value)),
                None => gone.push(parameters![job, table, *key].into()),
            }
        }
        let relation = relation(table);
        let went = session.each(&relation.delete, &gone).await?;
        let came = session.put(&relation.add, &relation.replace, [job, table], &put).await?;
        count(grown, table, came, went)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Databases keep the numbers, so none is ever given to another table; those that the records of older databases got are these.
    #[test]
    fn the_numbers_of_tables_are_those_of_the_migrations() {
        let numbers: Vec<i64> = Table::ALL.into_iter().map(number).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
        for migration in [include_str!("../sqlite/schema-5.sql"), include_str!("../postgres/schema-3.sql")] {
            for table in Table::ALL.into_iter().filter(|table| number(*table) < number(Table::Referrer)) {
                let pair = format!("({}, '{}')", number(table), table.name());
                assert!(migration.contains(&pair), "{pair}");
            }
        }
    }
}
