use std::time::Duration;

use scimkit_rate_limit::{Quota, Timestamp};

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

pub(crate) fn quota(requests: u32, window_millis: u64) -> Quota {
    Quota::new(requests, Duration::from_millis(window_millis)).unwrap()
}

/// The most cost in any half-open window `(t, t + window]` of these charges.
pub(crate) fn most_in_a_window(charges: &[(i64, u32)], window: i64) -> u32 {
    let in_window = |end: i64| charges.iter().filter(|(at, _)| (end - window + 1..=end).contains(at)).map(|(_, cost)| cost).sum();
    charges.iter().map(|(at, _)| in_window(*at)).max().unwrap_or_default()
}
