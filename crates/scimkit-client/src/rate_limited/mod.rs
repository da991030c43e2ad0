//! Quotas on every request.

mod lane;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use scimkit_rate_limit::{Limits, SlidingWindow, Usage};
use scimkit_types::{Clock, Timer};

use self::lane::Lane;
use crate::class::{Class, Cost, NotAfter};
use crate::retry_after;
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// The quotas of a service, by the class of a request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Classes {
    /// The limits of requests that read. Default none.
    pub read: Limits,
    /// The limits of requests that write. Default none.
    pub write: Limits,
}

impl Classes {
    /// Limits for each class.
    pub fn new(read: impl Into<Limits>, write: impl Into<Limits>) -> Self {
        Self { read: read.into(), write: write.into() }
    }
}

/// How many requests were sent, every attempt counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests that read.
    pub reads: u64,
    /// Requests that write.
    pub writes: u64,
    /// Answers of 429.
    pub throttled: u64,
}

/// Sends no more requests than a quota allows, and waits until it does.
///
/// A request takes its [`Cost`] from the quota of its [`Class`] when it is sent and gives it back one window after its answer, or after it
/// was abandoned; so the service never counts more than the quota in a window, however long requests are under way. Requests of a class are
/// sent in the order in which they came. After an answer of 429 or 503 with `Retry-After` nothing of the class is sent for that long.
///
/// A request that waited past its [`NotAfter`](crate::NotAfter) is not sent.
///
/// An answer is passed on as it came, 429 too: sending again is the work of [`Retry`](crate::Retry) around this.
pub struct RateLimited<T> {
    transport: T,
    read: Lane,
    write: Lane,
    counters: Counters,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    throttled: AtomicU64,
}

/// The longest pause that a peer can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

impl<T: Transport> RateLimited<T> {
    /// A transport that keeps to these quotas.
    pub fn new(transport: T, classes: Classes, clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        let Classes { read, write } = classes;
        Self { transport, read: Lane::new(read), write: Lane::new(write), counters: Counters::default(), clock, timer }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// How many requests were sent.
    pub fn counts(&self) -> Counts {
        Counts {
            reads: self.counters.reads.load(Ordering::Relaxed),
            writes: self.counters.writes.load(Ordering::Relaxed),
            throttled: self.counters.throttled.load(Ordering::Relaxed),
        }
    }

    /// What the quotas of a class have admitted, in the order of its limits, to be kept over a restart.
    pub fn usage(&self, class: Class) -> Vec<Usage> {
        let now = self.clock.now();
        self.lane(class).read(|limits| limits.limiters().iter().map(|window: &SlidingWindow| window.usage(now)).collect())
    }

    /// How much cost of a class could be sent now.
    pub fn remaining(&self, class: Class) -> u32 {
        let now = self.clock.now();
        self.lane(class).read(|limits| limits.remaining(now))
    }

    const fn lane(&self, class: Class) -> &Lane {
        match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
        }
    }

    const fn counter(&self, class: Class) -> &AtomicU64 {
        match class {
            Class::Read => &self.counters.reads,
            Class::Write => &self.counters.writes,
        }
    }

    /// The pause that an answer asks for.
    fn pause(&self, response: &Response<Bytes>) -> Option<Duration> {
        let asks = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let pause = if asks { retry_after::read(response.headers(), Some(self.clock.now())) } else { None };
        pause.map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl<T: fmt::Debug> fmt::Debug for RateLimited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimited").field("transport", &self.transport).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport> Transport for RateLimited<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let expired = || TransportError::new(TransportErrorKind::Expired);
        if !NotAfter::allows(&request, self.clock.now()) {
            return Err(expired());
        }
        let class = Class::of(&request);
        let cost = request.extensions().get::<Cost>().map_or(1, |cost| cost.0);
        let Some(slot) = self.lane(class).slot(cost, &*self.clock, &*self.timer).await else {
            return Err(TransportError::with_source(TransportErrorKind::Refused, format!("the cost {cost} is above the whole quota")));
        };
        // The wait for the slot may have been long.
        if !NotAfter::allows(&request, self.clock.now()) {
            return Err(expired());
        }
        self.counter(class).fetch_add(1, Ordering::Relaxed);
        let response = self.transport.send(request).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            self.counters.throttled.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(pause) = self.pause(&response) {
            slot.pause(pause);
        }
        Ok(response)
    }
}
