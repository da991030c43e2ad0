//! What is sent, for whoever listens.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_types::Clock;

use crate::transport::{Transport, TransportError};

/// Tells `tracing` of every request: method, path, status or failure, and milliseconds, at the level `DEBUG`; ids may stand in paths.
///
/// Bodies, headers and the query of an address, which may hold a filter, are not told. Around the transport itself this shows every
/// attempt; around [`Retry`](crate::Retry) every call.
#[derive(Clone)]
pub struct Traced<T> {
    transport: T,
    clock: Arc<dyn Clock>,
}

impl<T: Transport> Traced<T> {
    /// A transport that tells what it sends.
    pub const fn new(transport: T, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }
}

impl<T: fmt::Debug> fmt::Debug for Traced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").field("transport", &self.transport).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport> Transport for Traced<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let began_at = self.clock.now();
        tracing::debug!(%method, path, "send request");
        let outcome = self.transport.send(request).await;
        let millis = u64::try_from(self.clock.now().duration_since(began_at).as_millis()).unwrap_or_default();
        match &outcome {
            Ok(response) => tracing::debug!(%method, path, status = response.status().as_u16(), millis, "received response"),
            Err(error) => tracing::debug!(%method, path, kind = ?error.kind(), millis, "received no response"),
        }
        outcome
    }
}
