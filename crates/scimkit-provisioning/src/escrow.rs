//! When an object that failed is tried again.

use std::time::Duration;

use scimkit_store::{Batch, Table};
use scimkit_types::Timestamp;
use serde::de::IgnoredAny;

use crate::decide::Reason;
use crate::error::{Result, counted};
use crate::event::log_prefix;
use crate::quarantine::KEPT;
use crate::records::Escrow;
use crate::run::Run;
use crate::state::{CHUNK, Work};

/// How long after each failure an object is tried again; the last one repeats.
const BACK_OFF_HOURS: [u64; 3] = [6, 12, 24];

impl Escrow {
    /// The entry after one more failure.
    pub(crate) fn next(known: Option<&Self>, cycle: u64, now: Timestamp, reason: &Reason) -> Self {
        let failures = known.map_or(0, |known| known.failures).saturating_add(1);
        let index = usize::try_from(failures - 1).unwrap_or(usize::MAX).min(BACK_OFF_HOURS.len() - 1);
        let wait = BACK_OFF_HOURS.get(index).copied().map(Duration::from_hours).unwrap_or_default();
        Self {
            first_failed_at: known.map_or(now, |known| known.first_failed_at),
            cycle,
            failures,
            next_attempt_at: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
            code: reason.code,
            reason: reason.text.clone(),
        }
    }

    /// How often the object failed and when it is tried again, for people.
    pub(crate) fn told(&self) -> String {
        let Self { first_failed_at, failures, next_attempt_at, .. } = self;
        let times = counted(u64::from(*failures), "time");
        if self.is_given_up(*next_attempt_at) {
            return format!("failed {times} since {first_failed_at}; not tried again unless it changes");
        }
        format!("failed {times} since {first_failed_at}; tried again by the first cycle from {next_attempt_at} on")
    }

    fn is_given_up(&self, now: Timestamp) -> bool {
        self.first_failed_at.saturating_add(KEPT).is_ok_and(|end| now >= end)
    }
}

/// Marks the objects whose time has come to be tried again, and forgets those that were given up.
pub(crate) async fn release_due(run: &Run<'_>) -> Result<()> {
    let now = run.clock.now();
    let mut walk = run.state.walk::<Escrow>(Table::Escrow, "");
    while let Some(rows) = walk.next().await? {
        let mut batch = Batch::new();
        for (key, escrow) in rows {
            if escrow.is_given_up(now) {
                batch.delete(Table::Escrow, key);
            } else if escrow.next_attempt_at <= now {
                batch.put(Table::Pending, Work::of_escrow(&key), "null");
            }
        }
        run.state.commit(batch).await?;
    }
    Ok(())
}

/// Forgets the records of the provisioning log whose time is over.
pub(crate) async fn prune_log(run: &Run<'_>) -> Result<()> {
    let Some(retention) = run.job.log_retention else { return Ok(()) };
    let Ok(oldest) = run.clock.now().checked_sub(retention) else { return Ok(()) };
    let end = log_prefix(oldest);
    loop {
        let rows = run.state.page::<IgnoredAny>(Table::Log, None, CHUNK).await?;
        let mut batch = Batch::new();
        for (key, _) in rows.into_iter().take_while(|(key, _)| *key < end) {
            batch.delete(Table::Log, key);
        }
        if batch.is_empty() {
            return Ok(());
        }
        run.state.commit(batch).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ErrorCode;

    #[test]
    fn back_off_grows_to_a_day() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let reason = Reason::new(ErrorCode::Rejected, "no");
        let mut entry = Escrow::next(None, 1, at(0), &reason);
        for (failed_at, next) in [(0, 6), (6, 18), (18, 42), (42, 66)] {
            assert_eq!(entry.next_attempt_at, at(next), "after the failure at {failed_at} h");
            assert!(entry.told().ends_with(&format!("tried again by the first cycle from {} on", at(next))), "{}", entry.told());
            entry = Escrow::next(Some(&entry), 1, at(next), &reason);
        }
        assert_eq!(entry.first_failed_at, at(0));
        assert_eq!(entry.told(), "failed 5 times since 1970-01-01T00:00:00Z; tried again by the first cycle from 1970-01-04T18:00:00Z on");
        assert!(!entry.is_given_up(at(28 * 24 - 1)));
        assert!(entry.is_given_up(at(28 * 24)));
        let last = Escrow::next(Some(&entry), 1, at(27 * 24), &reason);
        assert_eq!(last.told(), "failed 6 times since 1970-01-01T00:00:00Z; not tried again unless it changes");
    }
}
