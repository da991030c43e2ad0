//! Quotas on every request.

mod lane;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use scimkit_rate_limit::{Advice, Answer, Limiter, Limits, Priority, RequestNumber, SharedDecision, SharedLimit, Timestamp};
use scimkit_types::{Clock, Timer};
use serde::{Deserialize, Serialize};

use self::lane::{Ask, Lane, SHORTEST};
use crate::class::{Class, Cost, NotAfter};
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// The quotas of a service, by the class of a request.
///
/// RingCentral calls them groups: what it counts as Light is read, what it counts as Heavy is write.
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

/// What was used of the quotas, to be kept over a restart; see [`RateLimited::with_usage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Of requests that read.
    pub read: scimkit_rate_limit::Usage,
    /// Of requests that write.
    pub write: scimkit_rate_limit::Usage,
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
/// A request takes its [`Cost`] from the quota of its [`Class`] when it is sent and gives it back one window after its answer, or after its
/// deadline if nobody waited for an answer; so the service never counts more than the quota in a window, however long requests are under way.
/// Requests of a class are sent in the order in which they came, those [on demand](Priority::OnDemand) before others, of which at least each
/// fifth is sent. The priority is an extension of the request.
///
/// What the service says of its limits is kept to, if it is stricter than the quota: `Retry-After` after 429 or 503 pauses the class, and
/// `RateLimit`, `RateLimit-Policy` and `X-Rate-Limit-*` in any answer lower the quota for a time ([`Advice`]).
///
/// When it begins, the quotas count as under way, since an earlier process may have sent that much just before: nothing is sent before a
/// [deadline](Self::with_deadline) and then one window have passed. Who knows more says so by [`with_usage`](Self::with_usage) or
/// [`unused`](Self::unused).
///
/// An answer is passed on as it came, 429 too: sending again is the work of [`Retry`](crate::Retry) around this.
/// A request that waited past its [`NotAfter`](crate::NotAfter) is not sent.
pub struct RateLimited<T> {
    transport: T,
    read: Lane,
    write: Lane,
    counters: Counters,
    deadline: Duration,
    before: Before,
    shared: Option<(Arc<dyn SharedLimit>, Arc<dyn SharedLimit>)>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
}

/// What is known of those who used the quotas before.
#[derive(Debug)]
enum Before {
    Unknown,
    Used(Usage),
    Nobody,
}

impl Before {
    fn limiter(&self, limits: Limits, of: impl Fn(&Usage) -> &scimkit_rate_limit::Usage, deadline: Duration, now: Timestamp) -> Limiter {
        match self {
            Self::Unknown => Limiter::full(limits, deadline, now),
            Self::Used(usage) => Limiter::with_usage(limits, of(usage), deadline, now),
            Self::Nobody => Limiter::new(limits),
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    throttled: AtomicU64,
}

/// How long a request may be under way, unless it is said.
const DEADLINE: Duration = Duration::from_secs(30);

impl<T: Transport> RateLimited<T> {
    /// A transport that keeps to these quotas, of which nothing can be used before a [deadline](Self::with_deadline) and then one window
    /// have passed.
    pub fn new(transport: T, classes: Classes, clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        let Classes { read, write } = classes;
        let [read, write] = [read, write].map(|limits| Lane::new(Limiter::new(limits)));
        let (counters, before) = (Counters::default(), Before::Unknown);
        Self { transport, read, write, counters, deadline: DEADLINE, before, shared: None, clock, timer }.begun()
    }

    /// This transport when an earlier one, which is no more, ended with this usage. To be said before the first request.
    ///
    /// The usage must be taken after the last request was sent; if that is not certain, leave it away. What was under way then counts as
    /// arriving a [deadline](Self::with_deadline) from now.
    #[must_use]
    pub fn with_usage(self, usage: &Usage) -> Self {
        Self { before: Before::Used(usage.clone()), ..self }.begun()
    }

    /// This transport when it is certain that nothing was sent in the window before and nothing is under way, such as on the very first
    /// start. To be said before the first request.
    #[must_use]
    pub fn unused(self) -> Self {
        Self { before: Before::Nobody, ..self }.begun()
    }

    /// This transport with another bound on how long a request can be under way, also for those of an earlier process. Default 30 seconds.
    /// To be said before the first request.
    ///
    /// A request that nobody waits for any more may still arrive at the service until so long after it was sent.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }.begun()
    }

    /// This transport as it begins, with what is known of those before.
    fn begun(self) -> Self {
        let (deadline, now) = (self.deadline, self.clock.now());
        let read = self.read.with(|limiter| self.before.limiter(limiter.limit().clone(), |usage| &usage.read, deadline, now));
        let write = self.write.with(|limiter| self.before.limiter(limiter.limit().clone(), |usage| &usage.write, deadline, now));
        Self { read, write, ..self }
    }

    /// This transport when other processes use the same quotas: a request also takes a slot of the shared quota of its class.
    ///
    /// While the shared quota cannot be reached nothing is sent, and requests fail with [`Connect`](TransportErrorKind::Connect). Priorities
    /// and order hold within this process.
    #[must_use]
    pub fn with_shared(self, read: Arc<dyn SharedLimit>, write: Arc<dyn SharedLimit>) -> Self {
        Self { shared: Some((read, write)), ..self }
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

    /// What was used of the quotas, to be kept over a restart.
    pub fn usage(&self) -> Usage {
        Usage { read: self.read.usage(&*self.clock), write: self.write.usage(&*self.clock) }
    }

    /// How much cost of a class could be sent now.
    pub fn remaining(&self, class: Class) -> u32 {
        self.lane(class).remaining(&*self.clock)
    }

    const fn lane(&self, class: Class) -> &Lane {
        match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
        }
    }

    fn shared(&self, class: Class) -> Option<&dyn SharedLimit> {
        let (read, write) = self.shared.as_ref()?;
        Some(match class {
            Class::Read => &**read,
            Class::Write => &**write,
        })
    }

    /// Waits until the shared quota admits the cost.
    async fn shared_slot(&self, shared: &dyn SharedLimit, cost: u32) -> Result<RequestNumber, TransportError> {
        loop {
            let decision = shared.start(cost, self.deadline).await;
            match decision.map_err(|error| TransportError::with_source(TransportErrorKind::Connect, error))? {
                SharedDecision::Admitted(number) => return Ok(number),
                SharedDecision::Impossible => return Err(above_quota(cost)),
                SharedDecision::Refused { retry_after } => self.timer.sleep(retry_after.max(SHORTEST)).await,
            }
        }
    }

    const fn counter(&self, class: Class) -> &AtomicU64 {
        match class {
            Class::Read => &self.counters.reads,
            Class::Write => &self.counters.writes,
        }
    }
}

/// Gives a slot back to all processes. If they cannot be told, it counts until the deadline of the request.
async fn finish_shared(shared: Option<(&dyn SharedLimit, RequestNumber)>, cost: u32) {
    if let Some((shared, number)) = shared
        && let Err(error) = shared.finish(number, cost).await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "a request counts until its deadline");
    }
}

fn above_quota(cost: u32) -> TransportError {
    TransportError::with_source(TransportErrorKind::Refused, format!("the cost {cost} is above the whole quota"))
}

/// Whether an answer tells to slow down: 503 only if it says for how long.
fn answer(response: &Response<Bytes>) -> Answer {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => Answer::Throttled,
        StatusCode::SERVICE_UNAVAILABLE if response.headers().contains_key(RETRY_AFTER) => Answer::Throttled,
        _ => Answer::Served,
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
        let priority = request.extensions().get::<Priority>().copied().unwrap_or_default();
        let not_after = request.extensions().get::<NotAfter>().copied();
        let Some(mut slot) = self.lane(class).slot(Ask { cost, priority, not_after }, &*self.clock, &*self.timer).await else {
            return Err(if NotAfter::allows(&request, self.clock.now()) { above_quota(cost) } else { expired() });
        };
        let shared = match self.shared(class) {
            None => None,
            Some(shared) => Some((shared, self.shared_slot(shared, cost).await?)),
        };
        // The wait for the shared quota may have been long.
        if !NotAfter::allows(&request, self.clock.now()) {
            finish_shared(shared, cost).await;
            return Err(expired());
        }
        self.counter(class).fetch_add(1, Ordering::Relaxed);
        slot.sent(self.deadline);
        let response = self.transport.send(request).await;
        // A transport that fails has given up, by its own deadline or because nothing was or will be sent.
        slot.answered();
        finish_shared(shared, cost).await;
        let response = response?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            self.counters.throttled.fetch_add(1, Ordering::Relaxed);
        }
        let fields = response.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let pause = slot.learn(answer(&response), |now| Advice::read(fields, now));
        if let (Some(pause), Some((shared, _))) = (pause, shared)
            && let Err(error) = shared.pause(pause).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "other processes do not know of a pause");
        }
        Ok(response)
    }
}
