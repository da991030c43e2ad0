//! Latency.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Transport, TransportError};
use scimkit_types::Timer;

/// Lets requests and answers take their time, each way for itself, so that they also overtake each other.
pub struct Delayed<T> {
    transport: T,
    latency: RangeInclusive<Duration>,
    timer: Arc<dyn Timer>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl<T: Transport> Delayed<T> {
    /// A transport with a latency each way that lies evenly in a range; `random` gives evenly distributed numbers, as
    /// [`random_from_seed`](scimkit_client::random_from_seed) does. An empty range is its start.
    pub fn new(
        transport: T,
        latency: RangeInclusive<Duration>,
        timer: Arc<dyn Timer>,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { transport, latency, timer, random: Box::new(random) }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    fn draw(&self) -> Duration {
        let width = self.latency.end().saturating_sub(*self.latency.start());
        let width = u64::try_from(width.as_nanos()).unwrap_or(u64::MAX);
        let part = (self.random)() % width.saturating_add(1).max(1);
        self.latency.start().saturating_add(Duration::from_nanos(part))
    }
}

impl<T: fmt::Debug> fmt::Debug for Delayed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delayed").field("transport", &self.transport).field("latency", &self.latency).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport> Transport for Delayed<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // Both are drawn at once, so that what is drawn depends on the order of requests only.
        let (there, back) = (self.draw(), self.draw());
        self.timer.sleep(there).await;
        let answer = self.transport.send(request).await;
        self.timer.sleep(back).await;
        answer
    }
}
