//! The `Retry-After` header (RFC 9110 section 10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;
use scimkit_rate_limit::Advice;

/// How long the peer wants to be left alone, as [`Advice`] reads it.
pub(crate) fn read(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let fields = [RETRY_AFTER, DATE];
    let fields = fields.iter().filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)));
    Advice::read(fields, now).retry_after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_against_the_date_of_the_answer() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers, None), None);
        headers.insert(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(read(&headers, None), None);
        headers.insert(DATE, "Sun, 06 Nov 1994 08:49:07 GMT".parse().unwrap());
        assert_eq!(read(&headers, Some(Timestamp::UNIX_EPOCH)), Some(Duration::from_secs(30)));
        headers.insert(RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(read(&headers, Some(Timestamp::UNIX_EPOCH)), None);
    }
}
