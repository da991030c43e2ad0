//! The `Retry-After` header (RFC 9110 section 10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// What stands for a number of seconds that cannot be held: more than a century.
const LONGEST: u64 = 1 << 32;

/// How long the peer wants to be left alone.
///
/// A date is read against the `Date` of the same answer, which the same clock made, and else against `now`; without both it says nothing.
pub(crate) fn read(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(LONGEST)));
    }
    let at = date(text)?;
    let sent_at = headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(date).or(now)?;
    Some(Duration::try_from(at.duration_since(sent_at)).unwrap_or(Duration::ZERO))
}

fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(retry_after: &str, date: Option<&str>, now: Option<i64>, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        let now = now.map(|second| Timestamp::from_second(second).unwrap());
        assert_eq!(read(&headers, now), expected.map(Duration::from_secs), "{retry_after}");
    }

    #[test]
    fn seconds_and_dates_are_read() {
        check("120", None, None, Some(120));
        check(" 0 ", None, None, Some(0));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0), Some(30));
        check("Thu, 01 Jan 1970 00:01:00 GMT", None, Some(20), Some(40));
        check("Thu, 01 Jan 1970 00:01:00 GMT", None, Some(100), Some(0));
        check("Thu, 01 Jan 1970 00:01:00 GMT", None, None, None);
    }

    #[test]
    fn nonsense_says_nothing_and_a_huge_number_is_long() {
        for text in ["", "-1", "1.5", "soon"] {
            check(text, None, Some(0), None);
        }
        check("99999999999999999999999", None, None, Some(LONGEST));
    }
}
