//! Remembering what was sent and answered.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Transport, TransportError, TransportErrorKind};

/// Remembers every request with what became of it, in the order in which the requests were sent.
///
/// It keeps tokens and attribute values in memory; it is for tests.
#[derive(Debug, Default)]
pub struct Recording<T> {
    transport: T,
    exchanges: Mutex<Vec<Exchange>>,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The request.
    pub request: Request<Bytes>,
    /// The answer, or why there is none; `None` while the request is under way or after it was abandoned.
    pub outcome: Option<Result<Response<Bytes>, TransportErrorKind>>,
}

impl<T: Transport> Recording<T> {
    /// A transport that remembers.
    pub const fn new(transport: T) -> Self {
        Self { transport, exchanges: Mutex::new(Vec::new()) }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// What was sent so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was sent so far, which is then forgotten. Requests under way are forgotten too.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl<T: Transport> Transport for Recording<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let index = {
            let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
            exchanges.push(Exchange { request: request.clone(), outcome: None });
            exchanges.len() - 1
        };
        let answer = self.transport.send(request).await;
        let outcome = match &answer {
            Ok(response) => Ok(response.clone()),
            Err(error) => Err(error.kind()),
        };
        if let Some(exchange) = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            exchange.outcome = Some(outcome);
        }
        answer
    }
}
