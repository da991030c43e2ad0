//! Sending again what may be sent again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use scimkit_types::{Clock, Timer};

use crate::class::{Class, NotAfter, is_repeatable};
use crate::create_once::{Lookup, Trace};
use crate::response;
use crate::retry_after;
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// How often and how fast to send again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included. Default 4.
    pub max_attempts: u32,
    /// The upper end of the first wait; it doubles with each further one. Default 500 ms.
    pub base_delay: Duration,
    /// The upper end of any wait that the peer did not ask for. Default 30 s.
    pub max_delay: Duration,
    /// The longest `Retry-After` that is waited for; a longer one is passed to the caller with its answer. Default 5 min.
    pub longest_retry_after: Duration,
    /// How many more failures than successes are sent again: a success gives back a tenth, and a refusal with `Retry-After`, which says by
    /// itself how long to wait, costs no more than that. Default 100.
    pub budget: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            longest_retry_after: Duration::from_secs(300),
            budget: 100,
        }
    }
}

impl RetryPolicy {
    /// This policy with another number of attempts.
    #[must_use]
    pub const fn with_max_attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts, ..self }
    }

    /// This policy with other bounds of the waits.
    #[must_use]
    pub const fn with_delays(self, base_delay: Duration, max_delay: Duration) -> Self {
        Self { base_delay, max_delay, ..self }
    }

    /// This policy with another budget.
    #[must_use]
    pub const fn with_budget(self, budget: u32) -> Self {
        Self { budget, ..self }
    }

    /// This policy with another longest `Retry-After`.
    #[must_use]
    pub const fn with_longest_retry_after(self, longest_retry_after: Duration) -> Self {
        Self { longest_retry_after, ..self }
    }
}

/// Sends a request again when that is safe.
///
/// | what happened | sent again |
/// |---|---|
/// | the peer was never reached | always |
/// | 429; 503 with `Retry-After` | always: the request was refused |
/// | a body of JSON that ends before its end | GET, `.search` |
/// | 500, 502, 503, 504; timeout; broken connection | GET, HEAD, `.search`, PUT, DELETE, and PATCH marked [`Repeatable`](crate::Repeatable) |
/// | the same | a create of [`Client::create_once`](crate::Client::create_once), after a lookup that finds nothing |
/// | anything else | never |
///
/// A create is thus never sent again after it may have had its effect, unless a lookup shows that it had none. When the last attempt was not
/// done, and an earlier one may have been, the outcome is that of the earlier one.
///
/// Waits are random between nothing and a bound that doubles, on top of what `Retry-After` asks for, so that many who are refused at once do
/// not come back at once.
pub struct Retry<T> {
    transport: T,
    policy: RetryPolicy,
    timer: Arc<dyn Timer>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    clock: Option<Arc<dyn Clock>>,
    /// What is left of the budget, in tenths.
    budget: AtomicU64,
}

impl<T: Transport> Retry<T> {
    /// A transport that sends again by this policy; `random` gives evenly distributed numbers, as [`random_from_seed`] does.
    pub fn new(transport: T, policy: RetryPolicy, timer: Arc<dyn Timer>, random: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let budget = AtomicU64::new(tenths(&policy));
        Self { transport, policy, timer, random: Box::new(random), clock: None, budget }
    }

    /// This transport with a clock, by which it does not send again after a request's [`NotAfter`](crate::NotAfter). Whoever has
    /// [`RateLimited`](crate::RateLimited) inside needs none.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// How long to wait before sending again; `None` if the outcome is final.
    fn delay(&self, attempt: u32, repeatable: bool, outcome: &Result<Response<Bytes>, TransportError>) -> Option<Duration> {
        let jitter = self.jitter(attempt);
        match outcome {
            Ok(response) => {
                let status = response.status();
                let asked = retry_after::read(response.headers(), None);
                let refused = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE && asked.is_some();
                let failed = matches!(
                    status,
                    StatusCode::INTERNAL_SERVER_ERROR
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                );
                if asked.is_some_and(|asked| asked > self.policy.longest_retry_after) || !(refused || failed && repeatable) {
                    return None;
                }
                let cost = if refused && asked.is_some() { REFUSAL } else { FAILURE };
                self.spend(cost).then(|| jitter.saturating_add(asked.unwrap_or_default()))
            }
            Err(error) => {
                let safe = error.kind() == TransportErrorKind::Connect || repeatable;
                (error.is_retryable() && safe && self.spend(FAILURE)).then_some(jitter)
            }
        }
    }

    /// A random part of a bound that doubles with every attempt.
    fn jitter(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.policy.base_delay.saturating_mul(factor).min(self.policy.max_delay);
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos((self.random)() % nanos.saturating_add(1).max(1))
    }

    /// How long to wait before reading again what was cut off; `None` if the budget is used up.
    fn delay_of_a_cut(&self, attempt: u32) -> Option<Duration> {
        self.spend(FAILURE).then(|| self.jitter(attempt))
    }

    /// Takes from the budget, if there is so much left.
    fn spend(&self, cost: u64) -> bool {
        self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost)).is_ok()
    }

    fn earn(&self) {
        let full = tenths(&self.policy);
        // At the full budget there is nothing to store.
        let _: Result<u64, u64> =
            self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left < full).then(|| left.saturating_add(1)));
    }
}

/// What a failure that is sent again costs of the budget, in tenths.
const FAILURE: u64 = 10;

/// What a refusal costs whose `Retry-After` is waited for: as much as a success gives back.
const REFUSAL: u64 = 1;

fn tenths(policy: &RetryPolicy) -> u64 {
    u64::from(policy.budget) * FAILURE
}

/// A source of evenly distributed numbers (the `SplitMix64` generator): good enough to spread waits, not for secrets.
pub fn random_from_seed(seed: u64) -> impl Fn() -> u64 + Send + Sync + 'static {
    let state = AtomicU64::new(seed);
    move || {
        let mut z = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl<T: fmt::Debug> fmt::Debug for Retry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("transport", &self.transport).field("policy", &self.policy).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport> Transport for Retry<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let lookup = request.extensions().get::<Lookup>().cloned();
        let Some(lookup) = lookup else { return self.repeat(request).await };
        self.create(request, &lookup).await
    }
}

type Outcome = Result<Response<Bytes>, TransportError>;

impl<T: Transport> Retry<T> {
    async fn repeat(&self, request: Request<Bytes>) -> Outcome {
        let (is_read, repeatable) = (Class::of(&request) == Class::Read, is_repeatable(&request));
        let mut uncertain: Option<Outcome> = None;
        let mut attempt = 1;
        loop {
            let outcome = self.transport.send(request.clone()).await;
            let is_cut_off = is_read && is_cut_off(&outcome);
            let delay = match attempt < self.policy.max_attempts {
                false => None,
                true if is_cut_off => self.delay_of_a_cut(attempt),
                true => self.delay(attempt, repeatable, &outcome),
            };
            let Some(delay) = delay else {
                if !is_cut_off {
                    self.settle(&outcome);
                }
                // That the last attempt was not done says nothing of an earlier one whose answer was lost.
                return if was_not_done(&outcome) { uncertain.unwrap_or(outcome) } else { outcome };
            };
            if may_have_had_effect(&outcome) {
                uncertain = Some(outcome);
            }
            if !self.wait(delay, &request).await {
                return uncertain.unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Expired)));
            }
            attempt += 1;
        }
    }

    /// Sends a create again only after a lookup has shown that no attempt so far had its effect.
    async fn create(&self, request: Request<Bytes>, lookup: &Lookup) -> Outcome {
        let mut is_uncertain = false;
        let mut attempt = 1;
        loop {
            let outcome = self.transport.send(request.clone()).await;
            let is_lost = may_have_had_effect(&outcome);
            let is_conflict = outcome.as_ref().is_ok_and(|response| response.status() == StatusCode::CONFLICT);
            let delay = if attempt < self.policy.max_attempts { self.delay(attempt, is_lost, &outcome) } else { None };
            let must_look = is_lost || is_uncertain && is_conflict;
            if !must_look {
                let Some(delay) = delay else {
                    self.settle(&outcome);
                    return outcome;
                };
                if !self.wait(delay, &request).await {
                    return Err(TransportError::new(TransportErrorKind::Expired));
                }
                attempt += 1;
                continue;
            }
            is_uncertain = true;
            if !self.wait(delay.unwrap_or_default(), &request).await {
                return outcome;
            }
            let found = self.repeat(lookup.request_like(&request)).await;
            match found.as_ref().map_or(Trace::Unclear, |response| lookup.read(response)) {
                Trace::Found(response) => return Ok(response),
                Trace::Nothing if delay.is_some() => attempt += 1,
                Trace::Nothing | Trace::Unclear => return outcome,
            }
        }
    }

    /// Waits; false if the request may not be sent any more then.
    async fn wait(&self, delay: Duration, request: &Request<Bytes>) -> bool {
        self.timer.sleep(delay).await;
        self.clock.as_ref().is_none_or(|clock| NotAfter::allows(request, clock.now()))
    }

    fn settle(&self, outcome: &Outcome) {
        let was_done = |status: StatusCode| !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS;
        if outcome.as_ref().is_ok_and(|response| was_done(response.status())) {
            self.earn();
        }
    }
}

/// Whether a success has only the beginning of its body, which no transport can see when the length was not told.
fn is_cut_off(outcome: &Outcome) -> bool {
    outcome.as_ref().is_ok_and(|response| response.status().is_success() && response::is_cut_off(response.body()))
}

/// Whether a request was refused or never sent.
fn was_not_done(outcome: &Outcome) -> bool {
    match outcome {
        Ok(response) => response.status() == StatusCode::TOO_MANY_REQUESTS,
        Err(error) => !error.may_have_had_effect(),
    }
}

/// Whether a request may have had an effect that its answer does not tell: there is none, or it is a failure of the server.
fn may_have_had_effect(outcome: &Outcome) -> bool {
    match outcome {
        Ok(response) => response.status().is_server_error(),
        Err(error) => error.may_have_had_effect(),
    }
}
