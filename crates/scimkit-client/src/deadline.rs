//! A time that no attempt exceeds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response};
use scimkit_types::Timer;

use crate::transport::{Transport, TransportError, TransportErrorKind};

/// Gives up a request that takes too long: it is [`TransportErrorKind::Timeout`] then, and may have had an effect.
///
/// Put it directly around a transport that has no deadline of its own, inside [`RateLimited`](crate::RateLimited), so that waiting for a
/// slot does not count.
#[derive(Clone)]
pub struct Deadline<T> {
    transport: T,
    longest: Duration,
    timer: Arc<dyn Timer>,
}

impl<T: Transport> Deadline<T> {
    /// A transport whose requests take so long at most.
    pub const fn new(transport: T, longest: Duration, timer: Arc<dyn Timer>) -> Self {
        Self { transport, longest, timer }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }
}

impl<T: fmt::Debug> fmt::Debug for Deadline<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("transport", &self.transport).field("longest", &self.longest).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport> Transport for Deadline<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        match select(self.transport.send(request), self.timer.sleep(self.longest)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(TransportError::new(TransportErrorKind::Timeout)),
        }
    }
}
