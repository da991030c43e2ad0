//! Remembering what was sent and answered.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Transport, TransportError, TransportErrorKind};

/// Remembers every request with what became of it, in the order in which the requests were sent.
///
/// It keeps tokens and attribute values in memory; it is for tests.
///
/// ```
/// use std::sync::Arc;
/// use scimkit_testing::clients::{Attributes, EntraClient};
/// use scimkit_testing::{Recording, VirtualTime, fake};
/// use scimkit_types::Profile;
///
/// let time = VirtualTime::default();
/// let service = fake::service(Profile::standard(), time.clock())?;
/// let recording = Arc::new(Recording::new(service.transport()));
/// let mut entra = EntraClient::new(recording.clone(), "https://fake.example/scim/v2")?;
/// time.run(entra.provision_user("object-1", &Attributes::new().with("userName", "kari@example.com")))??;
/// let exchanges = recording.take();
/// assert_eq!(exchanges.iter().map(|exchange| exchange.request.method().as_str()).collect::<Vec<_>>(), ["GET", "POST"]);
/// assert!(exchanges.iter().all(|exchange| exchange.outcome.as_ref().is_some_and(Result::is_ok)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Recording<T> {
    transport: T,
    recorded: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    exchanges: Vec<Exchange>,
    /// How many were taken before.
    taken: usize,
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
        Self { transport, recorded: Mutex::new(Recorded { exchanges: Vec::new(), taken: 0 }) }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// What was sent so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.recorded().exchanges.clone()
    }

    /// What was sent so far, which is then forgotten. Requests under way are forgotten too.
    pub fn take(&self) -> Vec<Exchange> {
        let mut recorded = self.recorded();
        recorded.taken += recorded.exchanges.len();
        std::mem::take(&mut recorded.exchanges)
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<T: Transport> Transport for Recording<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let number = {
            let mut recorded = self.recorded();
            recorded.exchanges.push(Exchange { request: request.clone(), outcome: None });
            recorded.taken + recorded.exchanges.len() - 1
        };
        let answer = self.transport.send(request).await;
        let outcome = match &answer {
            Ok(response) => Ok(response.clone()),
            Err(error) => Err(error.kind()),
        };
        let mut recorded = self.recorded();
        let index = number.checked_sub(recorded.taken);
        if let Some(exchange) = index.and_then(|index| recorded.exchanges.get_mut(index)) {
            exchange.outcome = Some(outcome);
        }
        drop(recorded);
        answer
    }
}
