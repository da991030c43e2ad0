//! Rate limits for each tenant and class of request.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use scimkit_rate_limit::{Decision, Keyed, Quota, SlidingWindow};
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

/// The usage of all tenants.
#[derive(Debug)]
pub(crate) struct Limiter {
    read: Option<Mutex<Windows>>,
    write: Option<Mutex<Windows>>,
}

type Windows = Keyed<Tenant, SlidingWindow>;

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Result<Self, ConfigError> {
        let windows = |limit: Option<RequestLimit>| match limit {
            None => Ok(None),
            Some(limit) => Quota::new(limit.requests, Duration::from_secs(u64::from(limit.seconds)))
                .map(|quota| Some(Mutex::new(Keyed::new(SlidingWindow::new(quota), TENANTS))))
                .ok_or(ConfigError::RequestLimit { requests: limit.requests, seconds: limit.seconds }),
        };
        Ok(Self { read: windows(limits.read)?, write: windows(limits.write)? })
    }

    /// Charges a request; a refused one costs nothing.
    ///
    /// # Errors
    /// The seconds after which the request is worth sending again, at least one.
    pub(crate) fn charge(&self, class: Class, tenant: &Tenant, cost: u32, clock: &dyn Clock) -> Result<(), u64> {
        let windows = match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
        };
        let Some(windows) = windows else { return Ok(()) };
        // The clock is read under the lock, so that a late caller does not look like a clock that was set back.
        let (decision, now) = {
            let mut windows = windows.lock().unwrap_or_else(PoisonError::into_inner);
            let now = clock.now();
            (windows.admit(tenant.clone(), cost, now), now)
        };
        match decision {
            Decision::Admitted => Ok(()),
            Decision::Refused { retry_at } => Err(whole_seconds(now, retry_at)),
            Decision::Impossible => Err(IMPOSSIBLE_RETRY),
        }
    }
}

/// What a request is told that costs more than the whole quota and so never passes.
const IMPOSSIBLE_RETRY: u64 = 3600;

/// The time until `at`, rounded up: whoever waits so long is not early.
fn whole_seconds(now: Timestamp, at: Timestamp) -> u64 {
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
        let read = |tenant: &str| limiter.charge(Class::Read, &Tenant::new(tenant), 1, &clock);
        assert_eq!((read("a"), read("a"), read("a"), read("b")), (Ok(()), Ok(()), Err(60), Ok(())));
        assert_eq!(limiter.charge(Class::Write, &Tenant::new("a"), 1, &clock), Ok(()));
    }

    #[test]
    fn whoever_waits_as_told_is_admitted() {
        let (limiter, clock) = (limiter(), ManualClock::new(Timestamp::UNIX_EPOCH));
        let read = || limiter.charge(Class::Read, &Tenant::default(), 1, &clock);
        read().unwrap();
        clock.advance(Duration::from_millis(1));
        read().unwrap();
        clock.advance(Duration::from_millis(1));
        let wait = read().unwrap_err();
        assert_eq!(wait, 60);
        clock.advance(Duration::from_secs(wait));
        assert_eq!(read(), Ok(()));
    }

    #[test]
    fn a_quota_without_requests_is_refused() {
        let mut limits = Limits::default();
        limits.write = Some(RequestLimit::new(0, 60));
        assert!(matches!(Limiter::new(&limits), Err(ConfigError::RequestLimit { requests: 0, seconds: 60 })));
    }
}
