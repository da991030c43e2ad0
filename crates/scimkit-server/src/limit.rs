//! Rate limits for each tenant and class of request.

use std::num::NonZeroUsize;
use std::time::Duration;

use scimkit_rate_limit::{Decision, Fields, Keyed, Quota, SlidingWindow};
use scimkit_store::Tenant;
use scimkit_types::profile::{Limits, RequestLimit};
use scimkit_types::{Clock, Timestamp};

use crate::config::ConfigError;

/// For how many tenants usage is kept at once; beyond it a new tenant waits until another one is idle.
const TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// Whether a request reads or writes: each class has a quota of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Read,
    Write,
}

impl Class {
    /// A word for headers and figures.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// The usage of all tenants that have the same limits.
#[derive(Debug)]
pub(crate) struct Limiter {
    read: Option<Windows>,
    write: Option<Windows>,
}

type Windows = Keyed<Tenant, SlidingWindow>;

/// What a request was charged, or why it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// What the answer says of the limit and of what is left of it.
    pub(crate) fields: Fields,
    /// The seconds after which a refused request is worth sending again, at least one.
    pub(crate) retry_after: Option<u64>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Result<Self, ConfigError> {
        let windows = |limit: Option<RequestLimit>| match limit {
            None => Ok(None),
            Some(limit) => Quota::new(limit.requests, Duration::from_secs(u64::from(limit.seconds)))
                .map(|quota| Some(Keyed::new(SlidingWindow::new(quota), TENANTS)))
                .ok_or(ConfigError::RequestLimit { requests: limit.requests, seconds: limit.seconds }),
        };
        Ok(Self { read: windows(limits.read)?, write: windows(limits.write)? })
    }

    /// Charges a request; a refused one costs nothing. `None` without a limit.
    pub(crate) fn charge(&self, class: Class, tenant: &Tenant, cost: u32, clock: &dyn Clock) -> Option<Charge> {
        let windows = match class {
            Class::Read => self.read.as_ref()?,
            Class::Write => self.write.as_ref()?,
        };
        let now = clock.now();
        let retry_after = match windows.admit(tenant, cost, now) {
            Decision::Admitted => None,
            Decision::Refused { retry_at } => Some(whole_seconds(now, retry_at)),
            Decision::Impossible => Some(IMPOSSIBLE_RETRY),
        };
        Some(Charge { fields: windows.fields(class.word(), tenant, now), retry_after })
    }
}

/// What a request is told that costs more than the whole quota and so never passes.
const IMPOSSIBLE_RETRY: u64 = 3600;

/// The time until `at`, rounded up: whoever waits so long is not early.
pub(crate) fn whole_seconds(now: Timestamp, at: Timestamp) -> u64 {
    let nanos = at.as_nanosecond().saturating_sub(now.as_nanosecond()).max(1);
    let seconds = (nanos + 999_999_999) / 1_000_000_000;
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use scimkit_types::ManualClock;

    use super::*;

    fn limiter() -> Limiter {
        let mut limits = Limits::default();
        limits.read = Some(RequestLimit::new(2, 60));
        Limiter::new(&limits).unwrap()
    }

    #[test]
    fn tenants_and_classes_have_quotas_of_their_own() {
        let (limiter, clock) = (limiter(), ManualClock::new(Timestamp::UNIX_EPOCH));
        let read = |tenant: &str| {
            let charge = limiter.charge(Class::Read, &Tenant::new(tenant), 1, &clock).unwrap();
            (charge.fields.limit, charge.retry_after)
        };
        let (some, none) = (r#""read";r=1;t=60"#.to_owned(), r#""read";r=0;t=60"#.to_owned());
        let expected = ((some.clone(), None), (none.clone(), None), (none, Some(60)), (some, None));
        assert_eq!((read("a"), read("a"), read("a"), read("b")), expected);
        assert_eq!(limiter.charge(Class::Write, &Tenant::new("a"), 1, &clock), None);
    }

    #[test]
    fn whoever_waits_as_told_is_admitted() {
        let (limiter, clock) = (limiter(), ManualClock::new(Timestamp::UNIX_EPOCH));
        let read = || limiter.charge(Class::Read, &Tenant::default(), 1, &clock).unwrap().retry_after;
        assert_eq!(read(), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(read(), None);
        clock.advance(Duration::from_millis(1));
        let wait = read().unwrap();
        assert_eq!(wait, 60);
        clock.advance(Duration::from_secs(wait));
        assert_eq!(read(), None);
    }

    #[test]
    fn a_quota_without_requests_is_refused() {
        let mut limits = Limits::default();
        limits.write = Some(RequestLimit::new(0, 60));
        assert!(matches!(Limiter::new(&limits), Err(ConfigError::RequestLimit { requests: 0, seconds: 60 })));
    }
}
