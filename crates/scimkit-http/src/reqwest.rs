//! A transport on reqwest.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use ::reqwest::redirect::Policy;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use scimkit_client::{Transport, TransportError, TransportErrorKind};

/// Where requests may go without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlainHttp {
    /// To this machine only: `localhost` and loopback addresses.
    #[default]
    Loopback,
    /// Anywhere. Tokens and personal data can then be read on the way.
    Anywhere,
}

/// How a [`ReqwestTransport`] behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReqwestOptions {
    /// How long a request may take, from connecting to the end of the answer. Default 30 s.
    pub timeout: Duration,
    /// How long connecting may take. Default 10 s.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Short, so that a request seldom meets one that the peer just closed. Default 15 s.
    pub idle_timeout: Duration,
    /// The most bytes of the body of an answer. Default 16 MiB.
    pub max_body: usize,
    /// Where requests may go without TLS. Default to this machine only.
    pub plain_http: PlainHttp,
    /// The settings of TLS. Default those of [`client_config`](crate::tls::client_config).
    #[cfg(feature = "rustls")]
    pub tls: Option<rustls::ClientConfig>,
}

impl Default for ReqwestOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15),
            max_body: 16 * 1024 * 1024,
            plain_http: PlainHttp::default(),
            #[cfg(feature = "rustls")]
            tls: None,
        }
    }
}

impl ReqwestOptions {
    /// These options with another time that a request may take.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// These options with another time that connecting may take.
    #[must_use]
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// These options with another largest body.
    #[must_use]
    pub fn with_max_body(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// These options with another rule for requests without TLS.
    #[must_use]
    pub fn with_plain_http(self, plain_http: PlainHttp) -> Self {
        Self { plain_http, ..self }
    }

    /// These options with other settings of TLS, as for an authority of one's own.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn with_tls(self, tls: rustls::ClientConfig) -> Self {
        Self { tls: Some(tls), ..self }
    }
}

/// A transport that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ReqwestSetupError(#[source] Box<dyn Error + Send + Sync>);

/// Sends requests with reqwest, in a tokio runtime.
///
/// Redirects are not followed, no cookies are kept, nothing is sent twice, and no proxy is used: settings of the environment such as
/// `HTTPS_PROXY` are not read, since they would send tokens elsewhere. `https` needs the feature `rustls`.
///
/// A connection that cannot be made, TLS included, is [`TransportErrorKind::Connect`]; the end of the time is
/// [`TransportErrorKind::Timeout`]; anything else that goes wrong after that is [`TransportErrorKind::Interrupted`].
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: ::reqwest::Client,
    max_body: usize,
    plain_http: PlainHttp,
}

impl ReqwestTransport {
    /// A transport with these options.
    ///
    /// # Errors
    /// [`ReqwestSetupError`] if TLS cannot be set up.
    #[cfg_attr(
        not(feature = "rustls"),
        expect(clippy::needless_pass_by_value, reason = "the feature `rustls` takes the settings of TLS out")
    )]
    pub fn new(options: ReqwestOptions) -> Result<Self, ReqwestSetupError> {
        let builder = ::reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(::reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(options.idle_timeout);
        #[cfg(feature = "rustls")]
        let builder = {
            let tls = options.tls.map_or_else(crate::tls::client_config, Ok).map_err(|error| ReqwestSetupError(error.into()))?;
            builder.tls_backend_preconfigured(tls)
        };
        let client = builder.build().map_err(|error| ReqwestSetupError(error.into()))?;
        Ok(Self { client, max_body: options.max_body, plain_http: options.plain_http })
    }

    fn check(&self, uri: &Uri) -> Result<(), TransportError> {
        let refused = |reason: &str| Err(TransportError::with_source(TransportErrorKind::Refused, reason));
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) if cfg!(feature = "rustls") => Ok(()),
            (Some("https"), Some(_)) => refused("expected the feature `rustls` for an address with `https`"),
            (Some("http"), Some(host)) if self.plain_http == PlainHttp::Anywhere || is_loopback(host) => Ok(()),
            (Some("http"), Some(_)) => refused("expected `https` for an address that is not on this machine"),
            _ => refused("expected an absolute address with `http` or `https`"),
        }
    }

    /// The body of an answer, read piece by piece up to the limit.
    async fn body(&self, response: &mut ::reqwest::Response) -> Result<Bytes, TransportError> {
        let too_large = || TransportError::new(TransportErrorKind::TooLarge);
        let limit = u64::try_from(self.max_body).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if chunk.len() > self.max_body - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.check(request.uri())?;
        let request = ::reqwest::Request::try_from(request).map_err(failure)?;
        let mut received = self.client.execute(request).await.map_err(failure)?;
        let body = self.body(&mut received).await?;
        let mut response = Response::new(body);
        *response.status_mut() = received.status();
        *response.version_mut() = received.version();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response)
    }
}

/// What kept reqwest from an answer. Its text is kept without the address, whose query may hold a filter.
fn failure(error: ::reqwest::Error) -> TransportError {
    let kind = if error.is_builder() {
        TransportErrorKind::Refused
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else {
        TransportErrorKind::Interrupted
    };
    TransportError::with_source(kind, error.without_url())
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
