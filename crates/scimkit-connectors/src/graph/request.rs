//! One request to Microsoft Graph and what its answer means.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use scimkit_client::{Transport, TransportErrorKind};
use scimkit_provisioning::{SourceError, SourceErrorKind};
use serde::Deserialize;

/// The name of a page, such as a file name: an extension of a response that errors then name instead of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageName(pub Arc<str>);

impl PageName {
    /// A name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

/// A body and the name of the page for messages.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) name: String,
    pub(super) body: Bytes,
}

impl Answer {
    /// The error that something stands in the page that must not.
    pub(super) fn invalid(&self, message: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Invalid, format!("{}: {message}", self.name))
    }
}

/// Reads the page at a link, which must be at the same host as the base.
pub(super) async fn get(transport: &dyn Transport, base: &Uri, link: &str, most_bytes: usize) -> Result<Answer, SourceError> {
    let uri = address(base, link)?;
    let place = uri.path().to_owned();
    let request = Request::builder().method(Method::GET).uri(uri).header(header::ACCEPT, "application/json").body(Bytes::new());
    let request = request.map_err(|error| SourceError::new(SourceErrorKind::Invalid, "cannot build a request").with_source(error))?;
    let response = transport.send(request).await.map_err(|error| {
        let kind = match error.kind() {
            TransportErrorKind::Token => SourceErrorKind::Unauthorized,
            TransportErrorKind::TooLarge | TransportErrorKind::Refused => SourceErrorKind::Invalid,
            _ => SourceErrorKind::Unavailable,
        };
        SourceError::new(kind, format!("`{place}` was not answered")).with_source(error)
    })?;
    let name = response.extensions().get::<PageName>().map_or_else(|| format!("`{place}`"), |name| format!("`{}`", name.0));
    let (status, body) = (response.status(), response.into_body());
    if status != StatusCode::OK {
        return Err(refusal(&name, status, &body));
    }
    if body.len() > most_bytes {
        let message = format!("{name}: expected at most {most_bytes} bytes, found {}", body.len());
        return Err(SourceError::new(SourceErrorKind::Invalid, message));
    }
    Ok(Answer { name, body })
}

/// The link as an address at the base's host. A token for the directory must not go anywhere else.
pub(super) fn address(base: &Uri, link: &str) -> Result<Uri, SourceError> {
    let invalid = |message: String| SourceError::new(SourceErrorKind::Invalid, message);
    let uri: Uri =
        link.parse().map_err(|error: http::uri::InvalidUri| invalid("a link is not an address".to_owned()).with_source(error))?;
    let origin = |uri: &Uri| {
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{scheme}://{host}{port}").to_ascii_lowercase()
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(invalid("expected a link without a user name or password".to_owned()));
    }
    let (expected, found) = (origin(base), origin(&uri));
    if expected == found { Ok(uri) } else { Err(invalid(format!("expected a link to `{expected}`, found one to `{found}`"))) }
}

fn refusal(name: &str, status: StatusCode, body: &[u8]) -> SourceError {
    let code = error_code(body);
    let is_expired = status.is_client_error()
        && code.as_deref().is_some_and(|code| {
            ["syncStateNotFound", "resyncRequired", "syncStateInvalid"].iter().any(|known| known.eq_ignore_ascii_case(code))
        });
    let (kind, meaning) = match status {
        _ if is_expired || status == StatusCode::GONE => (SourceErrorKind::PositionExpired, "the position is too old"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (SourceErrorKind::Unauthorized, "the credentials are refused"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => (SourceErrorKind::Unavailable, "try later"),
        _ if status.is_server_error() => (SourceErrorKind::Unavailable, "try later"),
        _ => (SourceErrorKind::Invalid, "expected 200"),
    };
    let code = code.map_or_else(String::new, |code| format!(" `{code}`"));
    SourceError::new(kind, format!("{name}: answered {}{code}: {meaning}", status.as_u16()))
}

/// The code of an error body, if it looks like one.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
    }
    let code = serde_json::from_slice::<Body>(body).ok()?.error.code;
    let is_code = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_code.then_some(code)
}
