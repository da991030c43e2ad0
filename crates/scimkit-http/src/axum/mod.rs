//! A [`Server`](scimkit_server::Server) as an [`axum::Router`].

mod failures;
mod forwarded;
mod serve;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::ops::DerefMut;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use ::axum::Router;
use ::axum::body::{Body, HttpBody};
use ::axum::extract::{OriginalUri, Request};
use ::axum::http::StatusCode;
use ::axum::http::request::Parts;
use ::axum::response::Response;
use ::axum::routing::get;
use bytes::{Bytes, BytesMut};
use scimkit_server::{Readiness, Tenants, body_too_large, body_too_slow, error_response, internal, too_many_requests};
use scimkit_types::ErrorResponse;
use tracing::Instrument;

pub use self::failures::FailedAuthentications;
pub use self::serve::{ServeOptions, serve};

/// How requests arrive.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EdgeOptions {
    /// The proxies that are believed when they say which client asked for which host, by `Forwarded` or by `X-Forwarded-For` and
    /// `X-Forwarded-Host`. Default: none, so that these headers mean nothing.
    ///
    /// Where there is a `Forwarded`, only that counts: a proxy that writes the others must remove it, else clients say there what they like.
    ///
    /// The application must be served by [`serve`] or with `into_make_service_with_connect_info::<SocketAddr>()`, else no peer is known
    /// to be a proxy.
    pub trusted_proxies: Vec<IpAddr>,
    /// How often an address may fail to authenticate. Default: `None` for as often as it likes, since an address means something only where
    /// clients connect themselves, or every proxy is a trusted one: behind another one all clients have its address and share its failures.
    ///
    /// The address is that of the peer, or what the trusted proxies say; an application that is not served as told above knows none, and
    /// nobody is limited.
    pub failed_authentications: Option<FailedAuthentications>,
}

impl EdgeOptions {
    /// These options with one more proxy that is believed.
    #[must_use]
    pub fn with_trusted_proxy(mut self, proxy: IpAddr) -> Self {
        self.trusted_proxies.push(proxy);
        self
    }

    /// These options with a bound on the failed authentications of each address.
    #[must_use]
    pub fn with_failed_authentications(self, failures: FailedAuthentications) -> Self {
        Self { failed_authentications: Some(failures), ..self }
    }
}

/// A router that answers every request by the server, or by that of several [`Tenants`] that the request is for.
///
/// It reads bodies up to the servers' limit and, if the servers have a deadline, no longer than that (408), and turns a panic of a handler into a SCIM error body with status 500. What may write is
/// done to its end even if the client goes away meanwhile, so that hooks, records and passwords keep up with the resources; it must run in
/// a tokio runtime, as [`serve`] does. It can be merged into an application's router as the fallback, or nested; the server sees the whole path in either case, so its base path is the address
/// where clients find it.
///
/// ```
/// # use std::sync::Arc;
/// # use scimkit_server::{BearerTokens, Server, StoreHandler};
/// # fn run(handler: Arc<StoreHandler>, tokens: BearerTokens) -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder(handler.clone(), Arc::new(tokens)).build()?;
/// let application: axum::Router = scimkit_http::axum::probes(handler).merge(scimkit_http::axum::router(server));
/// # Ok(())
/// # }
/// ```
pub fn router(tenants: impl Into<Tenants>) -> Router {
    router_with(tenants, EdgeOptions::default())
}

/// As [`router`], with options.
pub fn router_with(tenants: impl Into<Tenants>, options: EdgeOptions) -> Router {
    let shared: Arc<Shared> = Arc::new((tenants.into(), options));
    Router::new().fallback(move |OriginalUri(uri): OriginalUri, request: Request| {
        let shared = Arc::clone(&shared);
        async move {
            let (mut parts, body) = request.into_parts();
            parts.uri = uri;
            forwarded::apply(&mut parts, &shared.1.trusted_proxies);
            answer(shared, parts, body).await.map(Body::from)
        }
    })
}

/// Routes for those who watch over the service: `/health` answers 200 as long as there is an answer, `/ready` answers 200 or, when the
/// service cannot do its work, 503. Both stand outside of authentication and tell nothing else.
pub fn probes(readiness: Arc<dyn Readiness>) -> Router {
    Router::new().route("/health", get(|| async { "up\n" })).route(
        "/ready",
        get(move || {
            let readiness = Arc::clone(&readiness);
            async move {
                match CatchPanic(Box::pin(async move { readiness.check().await })).await {
                    Ok(Ok(())) => return (StatusCode::OK, "ready\n"),
                    Ok(Err(error)) => tracing::warn!(%error, "the service is not ready"),
                    // The panic hook has said where.
                    Err(Panicked) => {}
                }
                (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            }
        }),
    )
}

/// What answers requests, and how they arrive.
type Shared = (Tenants, EdgeOptions);

/// Answers a request. Whoever failed to authenticate too often is refused before the body is read.
async fn answer(shared: Arc<Shared>, parts: Parts, body: Body) -> Response<Bytes> {
    let (tenants, options) = &*shared;
    let client = options.failed_authentications.as_ref().and_then(|_| forwarded::client(&parts, &options.trusted_proxies));
    let body = match body.size_hint().exact() {
        Some(0) => Bytes::new(),
        _ => {
            if let Some(refusal) = refusal(options, client) {
                return refusal;
            }
            match tenants.within(read(body, tenants.max_body())).await {
                Some(Ok(body)) => body,
                None => return body_too_slow(),
                Some(Err(ReadError::TooLarge { limit })) => return body_too_large(limit),
                Some(Err(error @ ReadError::Broken(_))) => return error_response(&ErrorResponse::new(400, error.to_string())),
            }
        }
    };
    let request = Request::from_parts(parts, body);
    if request.method().is_safe() {
        return CatchPanic(pin!(handle(&shared, client, request))).await.unwrap_or_else(|_| internal());
    }
    // A connection that breaks ends what is done for it, and a write must not end between the change and its record.
    let work = CatchPanic(Box::pin(async move { handle(&shared, client, request).await }));
    match ::tokio::spawn(work.in_current_span()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) | Err(_) => internal(),
    }
}

/// Hands a request to its server, and counts its failure. Others of the address may have failed while the body arrived, so the client is
/// looked at just before: else many requests that wait for the end of their bodies would all be let through.
async fn handle((tenants, options): &Shared, client: Option<IpAddr>, request: Request<Bytes>) -> Response<Bytes> {
    if let Some(refusal) = refusal(options, client) {
        return refusal;
    }
    let response = tenants.handle(request).await;
    let failed = options.failed_authentications.as_ref().zip(client).and_then(|(failures, client)| failures.answered(client, &response));
    failed.map_or(response, too_many_requests)
}

/// The answer to a client that has failed to authenticate too often.
fn refusal(options: &EdgeOptions, client: Option<IpAddr>) -> Option<Response<Bytes>> {
    options.failed_authentications.as_ref()?.refused(client?).map(too_many_requests)
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
struct CatchPanic<P>(Pin<P>);

/// A future panicked; the panic hook has said where.
#[derive(Debug)]
struct Panicked;

impl<P: DerefMut<Target: Future> + Unpin> Future for CatchPanic<P> {
    type Output = Result<<P::Target as Future>::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.0.as_mut();
        // The future is not polled again after a panic, so that nobody sees what it left half done.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}
