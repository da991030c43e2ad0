//! So many requests in so much time.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::instant;

/// So many requests in a window of time.
///
/// A quota always has at least one request and a window of at least a nanosecond and at most a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    requests: NonZeroU32,
    /// In nanoseconds, at least 1.
    window: i64,
}

impl Quota {
    /// A quota; `None` if there is no request or no time in it, or the window is longer than a hundred years.
    pub fn new(requests: u32, window: Duration) -> Option<Self> {
        let requests = NonZeroU32::new(requests)?;
        let window = i64::try_from(window.as_nanos()).ok()?;
        (1..=instant::CENTURY).contains(&window).then_some(Self { requests, window })
    }

    /// So many requests a second.
    pub const fn per_second(requests: NonZeroU32) -> Self {
        Self { requests, window: instant::SECOND }
    }

    /// So many requests a minute.
    pub const fn per_minute(requests: NonZeroU32) -> Self {
        Self { requests, window: 60 * instant::SECOND }
    }

    /// So many requests an hour.
    pub const fn per_hour(requests: NonZeroU32) -> Self {
        Self { requests, window: 3600 * instant::SECOND }
    }

    /// The most requests in a window.
    pub const fn requests(self) -> NonZeroU32 {
        self.requests
    }

    /// The length of the window.
    pub const fn window(self) -> Duration {
        Duration::from_nanos(self.window.unsigned_abs())
    }

    pub(crate) const fn window_nanos(self) -> i64 {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_has_requests_and_time() {
        assert!(Quota::new(0, Duration::from_secs(1)).is_none());
        assert!(Quota::new(1, Duration::ZERO).is_none());
        assert!(Quota::new(1, Duration::MAX).is_none());
        let quota = Quota::new(3, Duration::from_millis(1500)).unwrap();
        assert_eq!((quota.requests().get(), quota.window()), (3, Duration::from_millis(1500)));
        let windows = [Quota::per_second, Quota::per_minute, Quota::per_hour].map(|per| per(NonZeroU32::MIN).window().as_secs());
        assert_eq!(windows, [1, 60, 3600]);
    }
}
