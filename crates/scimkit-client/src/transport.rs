//! The seam between SCIM and a carrier of HTTP messages.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Sends a request and returns the answer.
///
/// # Contract
/// Every answer is returned as it came, whatever its status; redirects are not followed. A request is sent at most once for a call.
/// The body of an answer is bounded: a larger one is [`TransportErrorKind::TooLarge`]. Dropping the future abandons the request, which may
/// nevertheless have an effect.
///
/// # Errors
/// [`TransportError`] when there is no answer; its kind says whether the request may have had an effect.
///
/// # Wrappers
/// [`Retry`](crate::Retry), [`Authorized`](crate::Authorized) and [`RateLimited`](crate::RateLimited) are transports around a transport.
/// Put them together as `Retry(Authorized(RateLimited(transport)))`, so that every attempt is authorized and counted.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request whose URI is absolute and returns the answer.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Box<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// A transport that calls a function: how a server in the same process is reached, and how a test answers.
///
/// ```
/// use scimkit_client::{TransportError, transport_fn};
///
/// let transport = transport_fn(|request: http::Request<bytes::Bytes>| async move {
///     Ok::<_, TransportError>(http::Response::new(request.into_body()))
/// });
/// ```
pub fn transport_fn<F, R>(send: F) -> TransportFn<F>
where
    F: Fn(Request<Bytes>) -> R + Send + Sync,
    R: Future<Output = Result<Response<Bytes>, TransportError>> + Send,
{
    TransportFn(send)
}

/// A transport that calls a function; see [`transport_fn`].
#[derive(Clone)]
pub struct TransportFn<F>(F);

impl<F> fmt::Debug for TransportFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportFn")
    }
}

#[async_trait]
impl<F, R> Transport for TransportFn<F>
where
    F: Fn(Request<Bytes>) -> R + Send + Sync,
    R: Future<Output = Result<Response<Bytes>, TransportError>> + Send,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (self.0)(request).await
    }
}

/// What kept a request from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The peer, or the authorization server before it, was never reached: the request had no effect and may be sent again.
    Connect,
    /// No answer came in time. The request may have had an effect.
    Timeout,
    /// The connection broke after the request was begun and before the answer was complete. The request may have had an effect.
    Interrupted,
    /// The answer is larger than the limit. The request may have had an effect.
    TooLarge,
    /// The request was not sent, by a rule of this side: an address that is not allowed, or a cost above the whole quota.
    Refused,
    /// The request was not sent, or was answered by 401, and there is no token for it.
    Token,
    /// The request was not sent (or not sent again after an answer that refused it), as its [`NotAfter`](crate::NotAfter) had passed
    /// while it waited. It had no effect.
    Expired,
}

impl TransportErrorKind {
    const fn text(self) -> &'static str {
        match self {
            Self::Connect => "the peer could not be reached",
            Self::Timeout => "no answer came in time",
            Self::Interrupted => "the connection broke before the answer was complete",
            Self::TooLarge => "the answer is larger than the limit",
            Self::Refused => "the request was not sent, as a rule of this side forbids it",
            Self::Token => "there is no access token for the request",
            Self::Expired => "the request was not sent, as it had waited for too long",
        }
    }
}

/// A request that was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{}", .kind.text())]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// An error without a cause.
    pub const fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error with its cause, whose text must hold no secret.
    pub fn with_source(kind: TransportErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What happened.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Whether the same request may succeed later. A request that may have had an effect must also be one that can be repeated.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, TransportErrorKind::Connect | TransportErrorKind::Timeout | TransportErrorKind::Interrupted)
    }

    /// Whether the request may have reached the peer and changed something there.
    pub const fn may_have_had_effect(&self) -> bool {
        matches!(self.kind, TransportErrorKind::Timeout | TransportErrorKind::Interrupted | TransportErrorKind::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_after_sending_may_have_had_an_effect() {
        use TransportErrorKind as Kind;
        let effects = [
            (Kind::Connect, false, true),
            (Kind::Timeout, true, true),
            (Kind::Interrupted, true, true),
            (Kind::TooLarge, true, false),
            (Kind::Refused, false, false),
            (Kind::Token, false, false),
            (Kind::Expired, false, false),
        ];
        for (kind, effect, retryable) in effects {
            let error = TransportError::new(kind);
            assert_eq!((error.may_have_had_effect(), error.is_retryable()), (effect, retryable), "{kind:?}");
        }
    }

    #[test]
    fn boxed_and_shared_transports_are_transports() {
        fn takes(_: impl Transport) {}
        let transport: Arc<dyn Transport> = Arc::new(transport_fn(|_| async { Ok(Response::new(Bytes::new())) }));
        takes(Arc::clone(&transport));
        takes(Box::new(transport) as Box<dyn Transport>);
    }
}
