//! Instants as nanoseconds since 1970 in 8 bytes.
//!
//! Those before 1677 and after 2162 are taken for the nearest one that fits; a clock that stands still there admits no more than one quota.

use jiff::Timestamp;

pub(crate) const SECOND: i64 = 1_000_000_000;

/// A hundred years, the longest window.
pub(crate) const CENTURY: i64 = 100 * 365 * 86_400 * SECOND;

pub(crate) fn from_timestamp(at: Timestamp) -> i64 {
    let nanos = at.as_nanosecond();
    // A century is kept free so that a window can be added to any instant.
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }).min(i64::MAX - CENTURY)
}

pub(crate) fn to_timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::MAX)
}
