//! How long a cycle would take.

use std::time::Duration;

use crate::arguments::Rate;

/// What an initial cycle sends, and how long that takes at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Estimate {
    pub reads: u64,
    pub writes: u64,
    pub time: Duration,
}

/// An initial cycle: one test of the connection, one read for each page of what is there, and one create for each user. Reads come before
/// writes. Under a limit the first window's requests are free, and each further window takes its time and a round trip; without one the
/// requests are sent one after the other.
pub(crate) fn cycle(users: u64, present: u64, page: u64, round_trip: Duration, read: Option<Rate>, write: Option<Rate>) -> Estimate {
    let reads = 1 + present.div_ceil(page.max(1)).max(1);
    let time = under(reads, round_trip, read).saturating_add(under(users, round_trip, write));
    Estimate { reads, writes: users, time }
}

fn under(requests: u64, round_trip: Duration, rate: Option<Rate>) -> Duration {
    let times = |duration: Duration, count: u64| duration.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    match rate {
        None => times(round_trip, requests),
        Some(rate) => {
            times(rate.window.saturating_add(round_trip), requests.saturating_sub(1) / rate.requests.max(1)).saturating_add(round_trip)
        }
    }
}

/// A duration for people.
pub(crate) fn words(time: Duration) -> String {
    match time.as_secs() {
        0 => "less than a second".to_owned(),
        1 => "a second".to_owned(),
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds @ ..7200 => format!("{} minutes", seconds.div_ceil(60)),
        seconds => format!("{} hours", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_takes_as_many_windows_as_its_writes_need() {
        let rate = |requests| Rate::new(requests, Duration::from_secs(60));
        let trip = Duration::from_millis(100);
        let estimate = cycle(2500, 950, 100, trip, rate(300), rate(1000));
        assert_eq!((estimate.reads, estimate.writes), (11, 2500));
        assert_eq!(estimate.time, trip + Duration::from_millis(2 * 60_100) + trip);
        assert_eq!(cycle(10, 0, 100, trip, None, None).time, trip * 12);
    }

    #[test]
    fn times_are_told_in_words() {
        for (seconds, text) in [(0, "less than a second"), (1, "a second"), (119, "119 seconds"), (121, "3 minutes"), (7201, "3 hours")] {
            assert_eq!(words(Duration::from_secs(seconds)), text);
        }
    }
}
