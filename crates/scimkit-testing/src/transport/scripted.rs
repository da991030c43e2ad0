//! Answers given beforehand.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use scimkit_client::{Transport, TransportError, TransportErrorKind};

/// Gives the answers of a script in their order, and remembers the requests.
///
/// A request after the end of the script is refused, as [`TransportErrorKind::Refused`].
///
/// ```
/// use http::{Request, StatusCode};
/// use scimkit_client::{Transport, TransportErrorKind};
/// use scimkit_testing::{ScriptedTransport, VirtualTime};
///
/// let script = ScriptedTransport::new()
///     .failing(TransportErrorKind::Interrupted)
///     .answering(StatusCode::OK, r#"{"id": "1"}"#);
/// let request = Request::get("https://example.com/scim/v2/Users/1").body(bytes::Bytes::new())?;
/// let answer = VirtualTime::default().run(async {
///     assert!(script.send(request.clone()).await.is_err());
///     script.send(request).await
/// })??;
/// assert_eq!(answer.status(), StatusCode::OK);
/// assert_eq!((script.requests().len(), script.remaining()), (2, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct ScriptedTransport {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Result<Response<Bytes>, TransportErrorKind>>,
    requests: Vec<Request<Bytes>>,
}

impl ScriptedTransport {
    /// A script without answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// This script and one more answer, with a body of SCIM's media type.
    #[must_use]
    pub fn answering(self, status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
        self.answering_with(response)
    }

    /// This script and one more answer.
    #[must_use]
    pub fn answering_with(self, response: Response<Bytes>) -> Self {
        self.state().answers.push_back(Ok(response));
        self
    }

    /// This script and one more request that is not answered.
    #[must_use]
    pub fn failing(self, kind: TransportErrorKind) -> Self {
        self.state().answers.push_back(Err(kind));
        self
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.state().requests.clone()
    }

    /// How many answers have not been given.
    pub fn remaining(&self) -> usize {
        self.state().answers.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut state = self.state();
        state.requests.push(request);
        let number = state.requests.len();
        match state.answers.pop_front() {
            Some(answer) => answer.map_err(TransportError::new),
            None => {
                let reason = format!("the script has no answer for request {number}");
                Err(TransportError::with_source(TransportErrorKind::Refused, reason))
            }
        }
    }
}
