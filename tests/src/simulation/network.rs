//! A network between workers and a service: what was sent arrives, even if whoever sent it is not there any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response};
use scimkit_client::{Transport, TransportError, TransportErrorKind};
use scimkit_types::{Clock, ManualClock, Timer, Timestamp};

/// Lets requests take their time, and delivers each at its own instant, whatever became of its sender.
pub struct Network<T> {
    service: T,
    /// What the service takes the time from: the instant of the arrival.
    arrival: Arc<ManualClock>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    on_the_way: Vec<(Timestamp, u64, Request<Bytes>)>,
    answers: Vec<(u64, Result<Response<Bytes>, TransportError>)>,
    /// Those whose senders are gone.
    orphans: Vec<u64>,
    sent: Sent,
    /// How many requests each worker sent.
    by_worker: BTreeMap<u64, u64>,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
struct Worker(u64);

/// Tells the network who sends.
#[derive(Debug)]
pub(crate) struct SentBy<T> {
    transport: T,
    worker: u64,
}

impl<T: Transport> SentBy<T> {
    pub(crate) const fn new(transport: T, worker: u64) -> Self {
        Self { transport, worker }
    }
}

#[async_trait]
impl<T: Transport> Transport for SentBy<T> {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        request.extensions_mut().insert(Worker(self.worker));
        self.transport.send(request).await
    }
}

/// What was sent since it was asked last.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sent {
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// The resources that were disabled or deleted.
    pub removals: BTreeSet<String>,
}

impl<T: Transport> Network<T> {
    /// A network to a service that takes the time from `arrival`.
    pub fn new(
        service: T,
        arrival: Arc<ManualClock>,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { service, arrival, clock, timer, random: Box::new(random), state: Mutex::default() }
    }

    /// The service.
    pub const fn service(&self) -> &T {
        &self.service
    }

    /// What was sent since this was asked last.
    pub fn take_sent(&self) -> Sent {
        std::mem::take(&mut self.state().sent)
    }

    /// How many requests a worker sent.
    pub fn sent_by(&self, worker: u64) -> u64 {
        self.state().by_worker.get(&worker).copied().unwrap_or_default()
    }

    /// Lets arrive what has come to its time.
    pub fn deliver(&self) {
        let now = self.clock.now();
        let mut due = {
            let mut state = self.state();
            let (due, later) = std::mem::take(&mut state.on_the_way).into_iter().partition::<Vec<_>, _>(|(at, ..)| *at <= now);
            state.on_the_way = later;
            due
        };
        due.sort_by_key(|(at, number, _)| (*at, *number));
        for (at, number, request) in due {
            self.arrival.set(at);
            let answer = self.service.send(request).now_or_never();
            let answer = answer.unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout)));
            let mut state = self.state();
            if !state.orphans.contains(&number) {
                state.answers.push((number, answer));
            }
        }
        self.arrival.set(now);
    }

    /// A latency: mostly short, now and then as long as a timeout lets.
    fn latency(&self) -> Duration {
        let drawn = (self.random)();
        let most = if drawn.is_multiple_of(97) { 25_000 } else { 400 };
        Duration::from_millis((drawn >> 8) % most)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Network<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

/// What a request disables or deletes.
fn removals(request: &Request<Bytes>) -> Vec<String> {
    let path = request.uri().path();
    if request.method() == Method::DELETE {
        return vec![path.to_owned()];
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(request.body()) else { return Vec::new() };
    if request.method() == Method::PATCH {
        return if disables(&body) { vec![path.to_owned()] } else { Vec::new() };
    }
    let Some(base) = path.strip_suffix("/Bulk") else { return Vec::new() };
    let operations = body.get("Operations").and_then(serde_json::Value::as_array);
    let removes = |operation: &&serde_json::Value| {
        let is_delete = operation.get("method").and_then(serde_json::Value::as_str) == Some("DELETE");
        is_delete || operation.get("data").is_some_and(disables)
    };
    operations
        .into_iter()
        .flatten()
        .filter(removes)
        .filter_map(|operation| Some(format!("{base}{}", operation.get("path")?.as_str()?)))
        .collect()
}

/// Whether the body of a PATCH disables.
fn disables(body: &serde_json::Value) -> bool {
    let is_false = |value: &serde_json::Value| value == false || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("false"));
    let operations = body.get("Operations").and_then(serde_json::Value::as_array);
    operations.into_iter().flatten().any(|operation| {
        let value = operation.get("value").unwrap_or(&serde_json::Value::Null);
        match operation.get("path").and_then(serde_json::Value::as_str) {
            Some(path) => path == "active" && is_false(value),
            None => value.get("active").is_some_and(is_false),
        }
    })
}

/// Somebody who waits for an answer; the request goes on without them.
struct Waiting<'a>(&'a Mutex<State>, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.answers.retain(|(number, _)| *number != self.1);
        if state.on_the_way.iter().any(|(_, number, _)| *number == self.1) {
            state.orphans.push(self.1);
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Network<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (there, back) = (self.latency(), self.latency());
        let number = {
            let mut state = self.state();
            let is_read = request.method() == Method::GET || request.uri().path().ends_with("/.search");
            if is_read {
                state.sent.reads += 1;
            } else {
                state.sent.writes += 1;
            }
            state.sent.removals.extend(removals(&request));
            if let Some(Worker(worker)) = request.extensions().get() {
                *state.by_worker.entry(*worker).or_default() += 1;
            }
            let at = self.clock.now().saturating_add(there).unwrap_or(Timestamp::MAX);
            let number = state.next;
            state.next += 1;
            state.on_the_way.push((at, number, request));
            number
        };
        let waiting = Waiting(&self.state, number);
        self.timer.sleep(there).await;
        self.deliver();
        self.timer.sleep(back).await;
        let answer = {
            let mut state = self.state();
            let index = state.answers.iter().position(|(answered, _)| *answered == number);
            index.map(|index| state.answers.swap_remove(index).1)
        };
        drop(waiting);
        answer.unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout)))
    }
}
