//! Failing on purpose.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use scimkit_client::{Transport, TransportError, TransportErrorKind};

use crate::counting::too_many;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// It fails and never reaches the transport inside.
    Before(TransportErrorKind),
    /// It has its effect, and the answer is lost.
    After(TransportErrorKind),
    /// It never reaches the transport inside, and nothing is ever heard of it.
    HangBefore,
    /// It has its effect, and nothing is ever heard of it.
    HangAfter,
    /// It never reaches the transport inside, and is answered by this status and a page of HTML, as gateways do.
    AnswerBefore(u16),
    /// It has its effect, and is answered by this status and a page of HTML.
    AnswerAfter(u16),
    /// It never reaches the transport inside, and is answered by 429 with a SCIM error and `Retry-After` of so many seconds.
    Throttled(u64),
    /// It has its effect, and the body of the answer ends half-way.
    Truncate,
    /// It has its effect, and is answered by 204 without a body and a header.
    Empty,
}

/// Fails or hangs at chosen requests, counted from 1 in the order in which they are sent.
///
/// A process that is killed at a request is a future that is dropped while the request hangs:
///
/// ```
/// use std::sync::Arc;
/// use futures_util::future::{Either, select};
/// use http::{Request, StatusCode};
/// use scimkit_client::Transport;
/// use scimkit_testing::{Fault, FlakyTransport, ScriptedTransport, VirtualTime};
///
/// let service = ScriptedTransport::new().answering(StatusCode::NO_CONTENT, "");
/// let flaky = FlakyTransport::new(service).with_fault(1, Fault::HangAfter);
/// let request = Request::delete("https://example.com/scim/v2/Users/1").body(bytes::Bytes::new())?;
/// let outcome = VirtualTime::default().run(select(flaky.send(request), Box::pin(flaky.hung())))?;
/// assert!(matches!(outcome, Either::Right(_)));
/// assert_eq!(flaky.transport().requests().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FlakyTransport<T> {
    transport: T,
    faults: BTreeMap<u64, Fault>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: u64,
    is_hung: bool,
    waiting: Vec<Waker>,
}

impl<T: Transport> FlakyTransport<T> {
    /// A transport that does not fail yet.
    pub fn new(transport: T) -> Self {
        Self { transport, faults: BTreeMap::new(), state: Mutex::default() }
    }

    /// This transport with a fault at a request, counted from 1.
    #[must_use]
    pub fn with_fault(mut self, request: u64, fault: Fault) -> Self {
        self.faults.insert(request, fault);
        self
    }

    /// This transport with a fault at each of these requests, such as a storm of 429.
    #[must_use]
    pub fn with_faults(self, requests: impl IntoIterator<Item = u64>, fault: Fault) -> Self {
        requests.into_iter().fold(self, |flaky, request| flaky.with_fault(request, fault))
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// Waits until a request hangs.
    pub async fn hung(&self) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.is_hung {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    async fn hang(&self) -> ! {
        let waiting = {
            let mut state = self.state();
            state.is_hung = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        loop {
            std::future::pending::<()>().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<T: Transport> Transport for FlakyTransport<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let number = {
            let mut state = self.state();
            state.requests += 1;
            state.requests
        };
        match self.faults.get(&number) {
            None => self.transport.send(request).await,
            Some(Fault::Before(kind)) => Err(TransportError::new(*kind)),
            Some(Fault::After(kind)) => {
                self.transport.send(request).await?;
                Err(TransportError::new(*kind))
            }
            Some(Fault::HangBefore) => self.hang().await,
            Some(Fault::HangAfter) => {
                self.transport.send(request).await?;
                self.hang().await
            }
            Some(Fault::AnswerBefore(status)) => Ok(page(*status)),
            Some(Fault::AnswerAfter(status)) => {
                self.transport.send(request).await?;
                Ok(page(*status))
            }
            Some(Fault::Throttled(seconds)) => Ok(too_many(Duration::from_secs(*seconds))),
            Some(Fault::Truncate) => {
                let answer = self.transport.send(request).await?;
                Ok(answer.map(|body| body.slice(..body.len() / 2)))
            }
            Some(Fault::Empty) => {
                self.transport.send(request).await?;
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = StatusCode::NO_CONTENT;
                Ok(answer)
            }
        }
    }
}

/// A page of HTML, as gateways answer.
fn page(status: u16) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(b"<html><body>Something went wrong.</body></html>"));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}
