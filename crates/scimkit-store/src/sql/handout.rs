//! Handing out jobs that are due, statement by statement.

use scimkit_types::Timestamp;

use super::session::{Each, Row, Session, SqlDialect, first, parameters};
use super::{Work, senseless};
use crate::error::{Result, StoreError};
use crate::keys::{instant_key, instant_of_key};
use crate::state::{Fence, JobId, Lease};

/// Takes jobs that are due.
pub(crate) struct TakeDue {
    pub(crate) owner: String,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) limit: usize,
}

impl Work for TakeDue {
    type Answer = Vec<(JobId, Lease)>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let Self { owner, now, expires_at, limit } = self;
        let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
        let due = session.rows(&due(S::DIALECT), &parameters![instant_key(*now), limit]).await?;
        let (mut taken, mut rows) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
        for mut row in due {
            let (number, job, fence): (i64, String, i64) = (row.take()?, row.take()?, row.take()?);
            let fence = fence.checked_add(1).ok_or_else(|| senseless("there are no more fences"))?;
            rows.push(parameters![number, fence, owner.as_str(), instant_key(*expires_at)].into());
            taken.push((JobId::new(job), Lease::new(Fence(u64::try_from(fence).map_err(StoreError::backend)?), *expires_at)));
        }
        session.each(&TAKE, &rows).await?;
        Ok(taken)
    }
}

/// The jobs that are due and to be had, those that have been due for longest first; nobody else takes them until the transaction ends.
pub(super) fn due(dialect: SqlDialect) -> String {
    format!(
        "SELECT r.number, r.job, r.fence FROM @job_lease r \
         WHERE r.withheld IS NULL AND r.due_at <= ?1 AND (r.owner IS NULL OR r.expires_at <= ?1) \
         ORDER BY r.due_at, r.number LIMIT ?2{}",
        dialect.lock_free_row()
    )
}

const TAKE: Each = Each {
    one: "UPDATE @job_lease SET fence = ?2, owner = ?3, expires_at = ?4 WHERE number = ?1",
    all: "UPDATE @job_lease r SET fence = new.fence, owner = new.owner, expires_at = new.expires_at \
          FROM unnest(?1::bigint[], ?2::bigint[], ?3::text[], ?4::bytea[]) AS new(number, fence, owner, expires_at) \
          WHERE r.number = new.number",
};

/// Tells when there is a job to be had.
pub(crate) struct NextDue;

impl Work for NextDue {
    type Answer = Option<Timestamp>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let mut next = match first(session, NEXT_FREE, &[]).await? {
            Some(mut row) => instant(&mut row)?,
            None => None,
        };
        for mut row in session.rows(HELD, &[]).await? {
            let (due_at, expires_at) = (instant(&mut row)?, instant(&mut row)?);
            let Some(due_at) = due_at else { continue };
            let free_at = expires_at.map_or(due_at, |expires_at| expires_at.max(due_at));
            next = Some(next.map_or(free_at, |next| next.min(free_at)));
        }
        Ok(next)
    }
}

/// When the first job that nobody has is due.
pub(super) const NEXT_FREE: &str = "SELECT r.due_at FROM @job_lease r \
                                    WHERE r.withheld IS NULL AND r.due_at IS NOT NULL AND r.owner IS NULL ORDER BY r.due_at LIMIT 1";

/// The jobs that somebody has: no more than are being run, and were when a worker died.
pub(super) const HELD: &str = "SELECT r.due_at, r.expires_at FROM @job_lease r WHERE r.owner IS NOT NULL AND r.withheld IS NULL";

fn instant(row: &mut Row) -> Result<Option<Timestamp>> {
    let key: Option<Vec<u8>> = row.take()?;
    key.map(|key| instant_of_key(&key).ok_or_else(|| senseless("what a job is due at is no instant"))).transpose()
}

/// Lets a job be handed out.
pub(crate) struct Offer(pub(crate) JobId, pub(crate) Timestamp);

impl Work for Offer {
    type Answer = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
        let sql = "INSERT INTO @job_lease AS r (job, fence, due_at) VALUES (?1, 0, ?2) \
                   ON CONFLICT (job) DO UPDATE SET withheld = NULL, \
                   due_at = CASE WHEN r.due_at < excluded.due_at THEN r.due_at ELSE excluded.due_at END";
        session.execute(sql, &parameters![self.0.as_str(), instant_key(self.1)]).await.map(drop)
    }
}

/// Keeps a job from being handed out.
pub(crate) struct Withhold(pub(crate) JobId, pub(crate) String);

impl Work for Withhold {
    type Answer = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
        let sql = "INSERT INTO @job_lease (job, fence, withheld) VALUES (?1, 0, ?2) \
                   ON CONFLICT (job) DO UPDATE SET withheld = excluded.withheld";
        session.execute(sql, &parameters![self.0.as_str(), self.1.as_str()]).await.map(drop)
    }
}

/// Tells why a job is not handed out.
pub(crate) struct Withheld(pub(crate) JobId);

impl Work for Withheld {
    type Answer = Option<String>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let sql = "SELECT r.withheld FROM @job_lease r WHERE r.job = ?1";
        first(session, sql, &parameters![self.0.as_str()]).await?.map_or(Ok(None), |mut row| row.take())
    }
}
