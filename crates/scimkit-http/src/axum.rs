//! A [`Server`] as an [`axum::Router`].

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::axum::Router;
use ::axum::body::{Body, HttpBody};
use ::axum::extract::{OriginalUri, Request};
use ::axum::response::Response;
use bytes::{Bytes, BytesMut};
use scimkit_server::{Server, body_too_large, internal};

/// A router that answers every request by the server.
///
/// It reads bodies up to the server's limit, and turns a panic of a handler into a SCIM error body with status 500. It can be merged into
/// an application's router as the fallback, or nested; the server sees the whole path in either case, so its base path is the address
/// where clients find it.
///
/// ```
/// # use std::sync::Arc;
/// # use scimkit_server::{BearerTokens, Server, StoreHandler};
/// # fn run(handler: StoreHandler, tokens: BearerTokens) -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder(Arc::new(handler), Arc::new(tokens)).build()?;
/// let application: axum::Router = axum::Router::new()
///     .route("/health", axum::routing::get(|| async { "up" }))
///     .merge(scimkit_http::axum::router(server));
/// # Ok(())
/// # }
/// ```
pub fn router(server: Server) -> Router {
    Router::new().fallback(move |OriginalUri(uri): OriginalUri, request: Request| {
        let server = server.clone();
        async move {
            let (mut parts, body) = request.into_parts();
            parts.uri = uri;
            answer(&server, ::axum::http::Request::from_parts(parts, body)).await.map(Body::from)
        }
    })
}

async fn answer(server: &Server, request: Request) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let body = match read(body, server.max_body()).await {
        Ok(body) => body,
        Err(ReadError::TooLarge { limit }) => return body_too_large(limit),
        Err(error @ ReadError::Broken(_)) => {
            return scimkit_server::error_response(&scimkit_types::ErrorResponse::new(400, error.to_string()));
        }
    };
    CatchPanic(Box::pin(server.handle(::axum::http::Request::from_parts(parts, body)))).await.unwrap_or_else(|_| internal())
}

/// Why a body could not be read.
#[derive(Debug)]
enum ReadError {
    TooLarge { limit: usize },
    Broken(::axum::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the body is over the limit of {limit} bytes"),
            Self::Broken(_) => f.write_str("the body ended before it was complete"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLarge { .. } => None,
            Self::Broken(error) => Some(error),
        }
    }
}

/// Reads a body; nothing beyond the limit is kept, and nothing at all if its length was announced.
async fn read(mut body: Body, limit: usize) -> Result<Bytes, ReadError> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
        return Err(ReadError::TooLarge { limit });
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() else { continue };
        if data.len() > limit.saturating_sub(whole.len()) {
            return Err(ReadError::TooLarge { limit });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Ends a future that panics with an error instead.
struct CatchPanic<F>(Pin<Box<F>>);

/// A future panicked; the panic hook has said where.
#[derive(Debug)]
struct Panicked;

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.0.as_mut();
        // The future is not polled again after a panic, so that nobody sees what it left half done.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}
