//! Instants as nanoseconds since 1970 in 8 bytes.
//!
//! Those before 1677 and after 2162 are taken for the nearest one that fits; a clock that stands still there admits no more than one quota.

use std::time::Duration;

use jiff::Timestamp;

pub(crate) const SECOND: i64 = 1_000_000_000;

pub(crate) const DAY: i64 = 86_400 * SECOND;

/// A hundred years, the longest window.
pub(crate) const CENTURY: i64 = 100 * 365 * 86_400 * SECOND;

const FIRST_SECOND: i64 = (i64::MIN + CENTURY) / SECOND + 1;
const LAST_SECOND: i64 = (i64::MAX - CENTURY) / SECOND - 1;

/// Before every instant.
pub(crate) const NEVER: i64 = i64::MIN;

/// The present instant of a caller.
#[inline]
pub(crate) fn from_timestamp(at: Timestamp) -> i64 {
    // A century is kept free so that a window can be added to or taken from any instant; what is left fits.
    let second = at.as_second().clamp(FIRST_SECOND, LAST_SECOND);
    second.wrapping_mul(SECOND).wrapping_add(i64::from(at.subsec_nanosecond()))
}

/// An instant that nothing is added to.
#[inline]
pub(crate) fn exactly(at: Timestamp) -> i64 {
    at.as_second().saturating_mul(SECOND).saturating_add(i64::from(at.subsec_nanosecond()))
}

#[inline]
pub(crate) fn to_timestamp(nanos: i64) -> Timestamp {
    let subsecond = i32::try_from(nanos % SECOND).unwrap_or_default();
    Timestamp::new(nanos / SECOND, subsecond).unwrap_or(Timestamp::MAX)
}

/// A duration in nanoseconds, at most a century.
pub(crate) fn from_duration(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(CENTURY).min(CENTURY)
}
