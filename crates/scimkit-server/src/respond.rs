//! Answers. The only place that makes error bodies: every error on the wire is a SCIM error body (R7644-3.12-01).

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use scimkit_rate_limit::Fields;
use scimkit_types::{ErrorResponse, ScimType, Value, Version};

use crate::authenticate::AuthenticationError;
use crate::handler::HandlerError;

/// The media type of SCIM (R7644-3.1-01).
pub(crate) const MEDIA_TYPE: &str = "application/scim+json";

/// Why a request is not answered as it asked.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// With this body.
    Error(ErrorResponse),
    /// The actor is not known.
    Authentication { error: AuthenticationError, challenge: String },
    /// The actor may only read.
    InsufficientScope { challenge: String },
    /// The path takes other methods.
    Method(&'static [Method]),
    /// Too many requests.
    RateLimit { retry_after: u64 },
    /// The time of the request was over; whether a write was under way.
    Deadline { may_be_done: bool },
    /// The body is too large.
    BodyTooLarge { limit: usize },
    /// The handler's.
    Handler(HandlerError),
}

impl From<ErrorResponse> for Refusal {
    fn from(error: ErrorResponse) -> Self {
        Self::Error(error)
    }
}

impl From<HandlerError> for Refusal {
    fn from(error: HandlerError) -> Self {
        Self::Handler(error)
    }
}

impl Refusal {
    pub(crate) fn of(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::Error(ErrorResponse::of(scim_type, detail))
    }

    pub(crate) fn status(status: u16, detail: impl Into<String>) -> Self {
        Self::Error(ErrorResponse::new(status, detail))
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        match self {
            Self::Error(error) => error_response(&error),
            Self::Authentication { error, challenge } => authentication(&error, &challenge),
            Self::InsufficientScope { challenge } => {
                let error = ErrorResponse::new(403, "these credentials allow reading only");
                with_header(error_response(&error), WWW_AUTHENTICATE, &format!("{challenge}, error=\"insufficient_scope\""))
            }
            Self::Method(methods) => {
                let allowed = allow(methods);
                let error = ErrorResponse::new(405, format!("expected one of the methods {allowed}"));
                with_header(error_response(&error), ALLOW, &allowed)
            }
            Self::RateLimit { retry_after } => too_many_requests(retry_after),
            Self::Deadline { may_be_done: false } => {
                let error = ErrorResponse::new(503, "the service took too long; try again");
                with_header(error_response(&error), RETRY_AFTER, "1")
            }
            Self::Deadline { may_be_done: true } => {
                error_response(&ErrorResponse::new(504, "the service took too long; the request may or may not have been done"))
            }
            Self::BodyTooLarge { limit } => body_too_large(limit),
            Self::Handler(error) => handler(error),
        }
    }
}

fn authentication(error: &AuthenticationError, challenge: &str) -> Response<Bytes> {
    let (status, detail, code) = match error {
        AuthenticationError::Missing => (401, "expected credentials, found none", None),
        AuthenticationError::Malformed => (400, "expected one `Authorization` header with one token", Some("invalid_request")),
        AuthenticationError::Invalid => (401, "the credentials are not valid", Some("invalid_token")),
        AuthenticationError::TooMany { retry_after } => return too_many_requests(*retry_after),
        AuthenticationError::Unavailable(cause) => {
            tracing::error!(error = %error, cause = %cause, "authentication failed");
            return internal();
        }
    };
    // R6750-3-02: error codes belong to the challenge of bearer tokens.
    let code = code.filter(|_| challenge.contains("Bearer"));
    let challenge = code.map_or_else(|| challenge.to_owned(), |code| format!("{challenge}, error=\"{code}\""));
    with_header(error_response(&ErrorResponse::new(status, detail)), WWW_AUTHENTICATE, &challenge)
}

fn handler(error: HandlerError) -> Response<Bytes> {
    match error {
        HandlerError::NotFound => error_response(&ErrorResponse::new(404, "there is no such resource")),
        HandlerError::PreconditionFailed => {
            error_response(&ErrorResponse::new(412, "the resource is not of the version that the request expects"))
        }
        HandlerError::Busy => {
            let error = ErrorResponse::new(503, "the resource is changed by others at the same time; try again");
            with_header(error_response(&error), RETRY_AFTER, "1")
        }
        HandlerError::Refused(error) => error_response(&error),
        HandlerError::Internal(cause) => {
            tracing::error!(cause = %cause, "the handler failed");
            internal()
        }
    }
}

/// An error as an answer, for layers around a server that refuse requests themselves.
///
/// ```
/// use scimkit_types::ErrorResponse;
/// let response = scimkit_server::error_response(&ErrorResponse::new(503, "the service is being moved"));
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["content-type"], "application/scim+json");
/// ```
pub fn error_response(error: &ErrorResponse) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut error = error.clone();
    error.status = status.as_u16();
    body(status, &error.to_json())
}

/// The answer to a request whose body is over the limit (413), for layers that read bodies.
pub fn body_too_large(limit: usize) -> Response<Bytes> {
    error_response(&ErrorResponse::new(413, format!("the body is over the limit of {limit} bytes")))
}

/// The answer to a request whose body took too long to arrive (408), for layers that read bodies; the connection is of no use any more.
pub fn body_too_slow() -> Response<Bytes> {
    let error = ErrorResponse::new(408, "the body took too long to arrive; send the request again");
    with_header(error_response(&error), CONNECTION, "close")
}

/// The answer to a request that came too early (429), with the seconds after which it is worth sending again, for layers with limits of
/// their own.
pub fn too_many_requests(retry_after: u64) -> Response<Bytes> {
    let error = ErrorResponse::new(429, format!("there were too many requests; try again in {retry_after} s"));
    with_header(error_response(&error), RETRY_AFTER, &retry_after.to_string())
}

/// The answer of a server that failed (500); it says nothing of the cause.
pub fn internal() -> Response<Bytes> {
    error_response(&ErrorResponse::new(500, "the service failed; its log says why"))
}

/// A single resource.
pub(crate) fn resource(status: StatusCode, resource: &Value, location: &str, version: Option<&Version>) -> Response<Bytes> {
    with_resource_headers(body(status, resource), location, version)
}

/// A change whose result is not shown.
pub(crate) fn no_content(location: Option<&str>, version: Option<&Version>) -> Response<Bytes> {
    let response = empty(StatusCode::NO_CONTENT);
    match location {
        Some(location) => with_resource_headers(response, location, version),
        None => response,
    }
}

/// R7232-4.1-01: the headers of the answer that is left out.
pub(crate) fn not_modified(location: &str, version: &Version) -> Response<Bytes> {
    with_resource_headers(empty(StatusCode::NOT_MODIFIED), location, Some(version))
}

/// The answer to OPTIONS.
pub(crate) fn options(methods: &[Method]) -> Response<Bytes> {
    with_header(empty(StatusCode::NO_CONTENT), ALLOW, &allow(methods))
}

/// Room for the JSON of a user, so that writing it does not have to make more.
const USUAL_LENGTH: usize = 2048;

/// Any JSON.
pub(crate) fn body(status: StatusCode, value: &Value) -> Response<Bytes> {
    json(status, text(value))
}

/// A value as JSON.
pub(crate) fn text(value: &Value) -> Bytes {
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    value.write_json(&mut text);
    Bytes::from(text)
}

/// JSON that was written before.
pub(crate) fn json(status: StatusCode, text: Bytes) -> Response<Bytes> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// R7644-3.8-03: the answer as plain JSON for a client that would rather have that; SCIM's media type for all others.
pub(crate) fn negotiated(mut response: Response<Bytes>, request: &HeaderMap) -> Response<Bytes> {
    let is_scim = response.headers().get(CONTENT_TYPE).is_some_and(|found| found == MEDIA_TYPE);
    if is_scim && request.contains_key(ACCEPT) && quality(request, "application/json") > quality(request, MEDIA_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// How much a client wants a media type, in thousandths (RFC 9110 section 12.5.1): the most specific range counts.
fn quality(request: &HeaderMap, media_type: &str) -> u16 {
    let ranges = request.get_all(ACCEPT).iter().filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(','));
    let fitting = ranges.filter_map(|range| {
        let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
        let rank = match range.trim() {
            "*/*" => 0_u8,
            "application/*" => 1,
            exact if exact.eq_ignore_ascii_case(media_type) => 2,
            _ => return None,
        };
        let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
        let weight = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")).map(|(_, weight)| thousandths(weight.trim()));
        Some((rank, weight.unwrap_or(1000)))
    });
    fitting.max_by_key(|(rank, _)| *rank).map_or(0, |(_, weight)| weight)
}

/// A weight such as `0.5`; one that cannot be read counts in full.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    match (whole, format!("{fraction:0<3}").parse::<u16>()) {
        ("0", Ok(thousandths)) if fraction.len() <= 3 => thousandths,
        _ => 1000,
    }
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The answer to HEAD: with the length that the body would have (RFC 9110 section 8.6).
pub(crate) fn without_body(mut response: Response<Bytes>) -> Response<Bytes> {
    let body = std::mem::take(response.body_mut());
    if body.is_empty() { response } else { with_header(response, CONTENT_LENGTH, &body.len().to_string()) }
}

/// R7643-3.1-15, R7643-3.1-16: the headers say what `meta` says.
fn with_resource_headers(response: Response<Bytes>, location: &str, version: Option<&Version>) -> Response<Bytes> {
    let mut response = with_header(response, CONTENT_LOCATION, location);
    // The same value, kept once.
    if let Some(location) = response.headers().get(CONTENT_LOCATION).cloned() {
        response.headers_mut().insert(LOCATION, location);
    }
    match version {
        Some(version) => with_header(response, ETAG, &version.to_tag()),
        None => response,
    }
}

/// An answer with the address of what it is about.
pub(crate) fn with_location(response: Response<Bytes>, location: &str) -> Response<Bytes> {
    with_header(response, LOCATION, location)
}

/// Says what is left of a quota (draft-ietf-httpapi-ratelimit-headers).
pub(crate) fn with_quota(response: Response<Bytes>, fields: &Fields) -> Response<Bytes> {
    let response = with_header(response, HeaderName::from_static("ratelimit-policy"), &fields.policy);
    with_header(response, HeaderName::from_static("ratelimit"), &fields.limit)
}

/// A value that a header cannot hold is left out: it comes from the configuration or a handler, never from the request.
fn with_header(mut response: Response<Bytes>, name: HeaderName, value: &str) -> Response<Bytes> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn allow(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().chain(std::iter::once(&Method::OPTIONS)).map(Method::as_str).collect();
    names.join(", ")
}
