//! The header fields by which services tell of limits.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::decision::Decision;
use crate::limit::Limit;
use crate::structured::{self, Member};

/// Whether a service served a request or told the client to slow down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a request was refused for its number or it was not")]
pub enum Answer {
    /// Any other answer.
    Served,
    /// 429, or 503 with `Retry-After`.
    Throttled,
}

/// What the header fields of an answer say about limits.
///
/// Read are `Retry-After` (seconds or a date, RFC 9110 section 10.2.3); `RateLimit` and `RateLimit-Policy` as in
/// draft-ietf-httpapi-ratelimit-headers-11 and in its earlier forms (`limit=`, `remaining=`, `reset=`, and fields of their own for those);
/// `X-RateLimit-Limit`, `-Remaining`, `-Reset`; and RingCentral's `X-Rate-Limit-Group`, `-Limit`, `-Remaining`, `-Window`. A malformed field
/// is ignored as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// How long the service wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The service's limits.
    pub policies: Vec<Policy>,
    /// What is left of them.
    pub service_limits: Vec<ServiceLimit>,
}

/// A limit of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What the service calls it, at most 64 characters.
    pub name: String,
    /// How many requests.
    pub quota: u64,
    /// In how much time, if it was said.
    pub window: Option<Duration>,
}

/// What is left of a limit of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceLimit {
    /// What the service calls the policy, at most 64 characters.
    pub name: String,
    /// How many requests.
    pub remaining: u64,
    /// The time within which no more than that can be used, if it was said.
    pub effective_window: Option<Duration>,
}

/// The most policies that are kept of one answer.
const POLICIES: usize = 16;

/// The most characters of a name.
const NAME: usize = 64;

/// What stands for a number of seconds that cannot be held: more than a century.
const LONGEST: u64 = 1 << 32;

/// Above this, the seconds until a reset are taken for seconds since 1970.
const DATES_FROM: u64 = 1_000_000_000;

impl Advice {
    /// Reads header fields; names of any case, several of a name in their order.
    ///
    /// A date is read against the `Date` of the same answer, which the same clock made, and else against `now`; without both it says nothing.
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>, now: impl Into<Option<Timestamp>>) -> Self {
        let mut found = Found::default();
        for (name, value) in fields {
            found.take(name, value);
        }
        found.into_advice(now.into())
    }

    /// The least that is left of a limit, and for how long.
    pub(crate) fn least(&self) -> Option<(u64, Option<Duration>)> {
        let least = self.service_limits.iter().min_by_key(|limit| limit.remaining)?;
        Some((least.remaining, least.effective_window.or_else(|| self.window(&least.name))))
    }

    /// For how long nothing is left, if that was said.
    pub(crate) fn exhausted_for(&self) -> Option<Duration> {
        let exhausted = self.service_limits.iter().filter(|limit| limit.remaining == 0);
        exhausted.filter_map(|limit| limit.effective_window.or_else(|| self.window(&limit.name))).max()
    }

    fn window(&self, name: &str) -> Option<Duration> {
        self.policies.iter().find(|policy| policy.name == name)?.window
    }

    fn policy(&mut self, name: &str, quota: Option<u64>, window: Option<u64>) {
        let Some(quota) = quota.filter(|_| self.policies.len() < POLICIES) else { return };
        let window = window.filter(|seconds| *seconds > 0).map(seconds);
        if quota == 0 {
            // Nothing may be sent at all: as when nothing is left.
            self.service_limit(name, Some(0), window.map(|window| window.as_secs()));
        } else {
            self.policies.push(Policy { name: short(name), quota, window });
        }
    }

    fn service_limit(&mut self, name: &str, remaining: Option<u64>, window: Option<u64>) {
        let Some(remaining) = remaining.filter(|_| self.service_limits.len() < POLICIES) else { return };
        self.service_limits.push(ServiceLimit { name: short(name), remaining, effective_window: window.map(seconds) });
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(LONGEST))
}

fn short(name: &str) -> String {
    name.chars().take(NAME).collect()
}

/// Header fields that were found, as text.
#[derive(Default)]
struct Found<'a> {
    retry_after: Option<&'a str>,
    date: Option<&'a str>,
    policies: Vec<&'a str>,
    limits: Vec<&'a str>,
    /// Fields of earlier drafts, and of those who put `X-` before them.
    plain: Plain<'a>,
    /// RingCentral's.
    grouped: Plain<'a>,
}

#[derive(Default)]
struct Plain<'a> {
    group: Option<&'a str>,
    limit: Option<&'a str>,
    remaining: Option<&'a str>,
    reset: Option<&'a str>,
    window: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn take(&mut self, name: &str, value: &'a str) {
        let name = name.to_ascii_lowercase();
        let (fields, rest) = if let Some(rest) = name.strip_prefix("x-rate-limit-") {
            (&mut self.grouped, rest)
        } else if let Some(rest) = name.strip_prefix("x-ratelimit-") {
            (&mut self.plain, rest)
        } else {
            match name.as_str() {
                "retry-after" => self.retry_after = Some(value),
                "date" => self.date = Some(value),
                "ratelimit-policy" => self.policies.push(value),
                "ratelimit" => self.limits.push(value),
                "ratelimit-limit" => self.plain.limit = Some(value),
                "ratelimit-remaining" => self.plain.remaining = Some(value),
                "ratelimit-reset" => self.plain.reset = Some(value),
                _ => {}
            }
            return;
        };
        match rest {
            "group" => fields.group = Some(value),
            "limit" => fields.limit = Some(value),
            "remaining" => fields.remaining = Some(value),
            "reset" => fields.reset = Some(value),
            "window" => fields.window = Some(value),
            _ => {}
        }
    }

    fn into_advice(self, now: Option<Timestamp>) -> Advice {
        let sent_at = self.date.and_then(date).or(now);
        let mut advice = Advice { retry_after: self.retry_after.and_then(|text| delay(text, sent_at)), ..Advice::default() };
        for value in self.policies {
            for member in structured::parse(value).unwrap_or_default() {
                policy(&member, &mut advice);
            }
        }
        for value in self.limits {
            service_limits(&structured::parse(value).unwrap_or_default(), &mut advice);
        }
        for plain in [self.plain, self.grouped] {
            let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
            // The limit of earlier drafts may be followed by policies: `100, 100;w=60`.
            let members = plain.limit.and_then(structured::parse).unwrap_or_default();
            let limit = members.first().and_then(|member| member.item.number());
            for member in members.iter().skip(1) {
                policy(member, &mut advice);
            }
            let reset = number(plain.reset).and_then(|reset| {
                let since = if reset < DATES_FROM { 0 } else { u64::try_from(sent_at?.as_second()).unwrap_or_default() };
                Some(reset.saturating_sub(since))
            });
            let name = plain.group.map_or_else(String::new, |group| group.trim().to_ascii_lowercase());
            let window = number(plain.window);
            advice.policy(&name, limit, window);
            advice.service_limit(&name, number(plain.remaining), reset.or(window));
        }
        advice
    }
}

/// `"default";q=100;w=60`, or in earlier drafts `100;w=60`.
fn policy(member: &Member<'_>, advice: &mut Advice) {
    let window = member.number("w");
    if let Some(quota) = member.item.number() {
        advice.policy(&format!("{quota};w={}", window.unwrap_or_default()), Some(quota), window);
    } else if let Some(name) = member.item.text() {
        let counts_requests = member.parameter("qu").is_none_or(|unit| matches!(unit.text(), Some("requests" | "request")));
        if counts_requests {
            advice.policy(name, member.number("q"), window);
        }
    }
}

/// `"default";r=50;t=30`, or in earlier drafts `limit=100, remaining=50, reset=30`.
fn service_limits(members: &[Member<'_>], advice: &mut Advice) {
    let number = |key: &str| members.iter().find(|member| member.key == Some(key)).and_then(|member| member.item.number());
    if members.iter().any(|member| member.key.is_some()) {
        advice.service_limit("", number("remaining"), number("reset"));
        return;
    }
    for member in members {
        if let Some(name) = member.item.text() {
            advice.service_limit(name, member.number("r"), member.number("t"));
        }
    }
}

fn delay(text: &str, sent_at: Option<Timestamp>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(seconds(text.parse().unwrap_or(LONGEST)));
    }
    Some(Duration::try_from(date(text)?.duration_since(sent_at?)).unwrap_or(Duration::ZERO))
}

fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// The values of the header fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).
///
/// ```
/// use std::time::Duration;
/// use scimkit_rate_limit::{Fields, Limit, Quota, SlidingWindow, Timestamp};
///
/// let window = SlidingWindow::new(Quota::new(100, Duration::from_secs(60)).ok_or("no quota")?);
/// let mut state = window.unused();
/// window.admit(&mut state, 1, Timestamp::UNIX_EPOCH);
/// let fields = Fields::of("read", &window, &state, Timestamp::UNIX_EPOCH + Duration::from_secs(20));
/// assert_eq!(fields.policy, r#""read";q=100;w=60"#);
/// assert_eq!(fields.limit, r#""read";r=99;t=40"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fields {
    /// Of `RateLimit-Policy`: the quotas; several are numbered. Empty without a limit, when neither field is sent.
    pub policy: String,
    /// Of `RateLimit`: what is left, and the seconds, rounded up, until there is more.
    pub limit: String,
}

impl Fields {
    /// What a limit promises and what is left of it in a state.
    ///
    /// With several rules the remaining quota is that of the strictest at present, under the name of the first policy.
    pub fn of<L: Limit>(name: &str, limit: &L, state: &L::State, now: Timestamp) -> Self {
        let mut fields = Self { policy: String::new(), limit: String::new() };
        for (place, quota) in limit.quotas().into_iter().enumerate() {
            if place > 0 {
                fields.policy.push_str(", ");
            }
            structured::write_string(&numbered(name, place), &mut fields.policy);
            let window = quota.window().as_secs() + u64::from(quota.window().subsec_nanos() > 0);
            // Writing to a string cannot fail.
            let _ = write!(fields.policy, ";q={};w={window}", quota.requests());
        }
        if !fields.policy.is_empty() {
            let remaining = limit.remaining(state, 0, now);
            structured::write_string(&numbered(name, 0), &mut fields.limit);
            let _ = write!(fields.limit, ";r={remaining}");
            if let Decision::Refused { retry_at } = limit.decide(state, 0, remaining.saturating_add(1).min(limit.capacity()), now) {
                let _ = write!(fields.limit, ";t={}", whole_seconds(now, retry_at));
            }
        }
        fields
    }
}

fn numbered(name: &str, place: usize) -> String {
    if place == 0 { name.to_owned() } else { format!("{name}-{}", place + 1) }
}

/// The time until `at`, rounded up: whoever waits so long is not early.
fn whole_seconds(now: Timestamp, at: Timestamp) -> u64 {
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        fields: &[(&str, &str)],
        retry_after: Option<u64>,
        policies: &[(&str, u64, Option<u64>)],
        limits: &[(&str, u64, Option<u64>)],
    ) {
        let advice = Advice::read(fields.iter().copied(), Timestamp::from_second(1_800_000_000).unwrap());
        assert_eq!(advice.retry_after, retry_after.map(Duration::from_secs), "{fields:?}");
        let found: Vec<_> = advice.policies.iter().map(|p| (p.name.as_str(), p.quota, p.window.map(|w| w.as_secs()))).collect();
        assert_eq!(found, policies, "{fields:?}");
        let found: Vec<_> =
            advice.service_limits.iter().map(|l| (l.name.as_str(), l.remaining, l.effective_window.map(|w| w.as_secs()))).collect();
        assert_eq!(found, limits, "{fields:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check(&[("Retry-After", "120")], Some(120), &[], &[]);
        check(&[("retry-after", " 0 ")], Some(0), &[], &[]);
        check(&[("Retry-After", "Fri, 15 Jan 2027 08:00:30 GMT")], Some(30), &[], &[]);
        let sent = ("Date", "Sun, 06 Nov 1994 08:49:07 GMT");
        check(&[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), sent], Some(30), &[], &[]);
        check(&[("Retry-After", "Sun, 06 Nov 1994 08:49:00 GMT"), sent], Some(0), &[], &[]);
        check(&[("Retry-After", "99999999999999999999999")], Some(LONGEST), &[], &[]);
        for nonsense in ["", "-1", "1.5", "soon"] {
            check(&[("Retry-After", nonsense)], None, &[], &[]);
        }
    }

    #[test]
    fn a_date_says_nothing_without_another_one() {
        let date = "Thu, 01 Jan 1970 00:01:00 GMT";
        let retry_after = |now: Option<Timestamp>| Advice::read([("Retry-After", date)], now).retry_after;
        assert_eq!(retry_after(None), None);
        assert_eq!(retry_after(Some(Timestamp::from_second(20).unwrap())), Some(Duration::from_secs(40)));
        assert_eq!(Advice::read([("Retry-After", date), ("Date", date)], None).retry_after, Some(Duration::ZERO));
        let fields = [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000007")];
        assert_eq!(Advice::read(fields, None).service_limits[0].effective_window, None);
    }

    /// The examples of the draft's revision 11, in one field and split over several.
    #[test]
    fn fields_of_the_current_draft_are_read() {
        let policy = r#""permin";q=50;w=60,"perhr";q=1000;w=3600"#;
        let policies = [("permin", 50, Some(60)), ("perhr", 1000, Some(3600))];
        check(&[("RateLimit-Policy", policy), ("RateLimit", r#""permin";r=20;t=23"#)], None, &policies, &[("permin", 20, Some(23))]);
        let (one, other) = policy.split_once(',').unwrap();
        check(&[("RateLimit-Policy", one), ("ratelimit-policy", other)], None, &policies, &[]);
        check(&[("RateLimit-Policy", r#""peruser";q=65535;qu="content-bytes";w=10;pk=:sdfjLJUOUH==:"#)], None, &[], &[]);
        check(&[("RateLimit", r#""default";r=999;pk=:dHJpYWwxMjEzMjM=:"#)], None, &[], &[("default", 999, None)]);
    }

    #[test]
    fn fields_of_earlier_drafts_are_read() {
        check(
            &[("RateLimit-Policy", "default;q=100;w=10"), ("RateLimit", "default;r=50;t=5")],
            None,
            &[("default", 100, Some(10))],
            &[("default", 50, Some(5))],
        );
        let fields = [("RateLimit", "limit=100, remaining=50, reset=30"), ("RateLimit-Policy", "100;w=60, 1000;w=3600")];
        check(&fields, None, &[("100;w=60", 100, Some(60)), ("1000;w=3600", 1000, Some(3600))], &[("", 50, Some(30))]);
        let fields = [("RateLimit-Limit", "100, 100;w=10"), ("RateLimit-Remaining", "9"), ("RateLimit-Reset", "4")];
        check(&fields, None, &[("100;w=10", 100, Some(10)), ("", 100, None)], &[("", 9, Some(4))]);
        let fields = [("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000007")];
        check(&fields, None, &[("", 60, None)], &[("", 0, Some(7))]);
    }

    #[test]
    fn fields_of_ringcentral_are_read() {
        let group = [("X-Rate-Limit-Group", "Light"), ("X-Rate-Limit-Limit", "50")];
        let rest = [("X-Rate-Limit-Remaining", "49"), ("X-Rate-Limit-Window", "60")];
        check(&[group, rest].concat(), None, &[("light", 50, Some(60))], &[("light", 49, Some(60))]);
    }

    #[test]
    fn a_malformed_field_is_ignored() {
        check(&[("RateLimit-Policy", r#""a";q=1;w=1,"#), ("RateLimit", r#""a";r=-1"#)], None, &[], &[]);
        check(&[("X-Rate-Limit-Limit", "many"), ("X-Rate-Limit-Remaining", "-3")], None, &[], &[]);
        check(&[("RateLimit-Policy", r#""a";q=0;w=9"#)], None, &[], &[("a", 0, Some(9))]);
    }
}
