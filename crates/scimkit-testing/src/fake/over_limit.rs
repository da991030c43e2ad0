//! How services answer whoever is over their limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use scimkit_server::Server;
use scimkit_types::profile::Limits;
use scimkit_types::{Clock, Timestamp};

/// How long `RingCentral` answers nothing more to an application that was over a limit.
const PENALTY: Duration = Duration::from_secs(60);

/// Answers in the way of a service when its server answers 429.
#[derive(Clone, Debug)]
pub(crate) enum OverLimit {
    /// With the error of its platform, and with a penalty: for a minute every request of the class is refused.
    RingCentral(Arc<Penalties>),
    /// With an error that says when to come back to nobody.
    Aws,
}

/// Until when each class is refused.
#[derive(Debug)]
pub(crate) struct Penalties {
    clock: Arc<dyn Clock>,
    limits: Limits,
    until: Mutex<[Option<Timestamp>; 2]>,
}

impl OverLimit {
    pub(super) fn ringcentral(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self::RingCentral(Arc::new(Penalties { clock, limits, until: Mutex::default() }))
    }

    /// What the service answers.
    pub(crate) async fn answer(&self, server: &Server, request: Request<Bytes>) -> Response<Bytes> {
        match self {
            Self::RingCentral(penalties) => {
                let is_write = is_write(&request);
                if let Some(left) = penalties.left(is_write) {
                    return penalties.refusal(is_write, left);
                }
                let response = server.handle(request).await;
                if response.status() != StatusCode::TOO_MANY_REQUESTS {
                    return response;
                }
                penalties.begin(is_write);
                penalties.refusal(is_write, PENALTY)
            }
            Self::Aws => {
                let response = server.handle(request).await;
                if response.status() == StatusCode::TOO_MANY_REQUESTS { throttled() } else { response }
            }
        }
    }
}

impl Penalties {
    fn left(&self, is_write: bool) -> Option<Duration> {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner).get(usize::from(is_write)).copied().flatten()?;
        Duration::try_from(until.duration_since(self.clock.now())).ok().filter(|left| !left.is_zero())
    }

    fn begin(&self, is_write: bool) {
        let until = self.clock.now().saturating_add(PENALTY).unwrap_or(Timestamp::MAX);
        if let Some(slot) = self.until.lock().unwrap_or_else(PoisonError::into_inner).get_mut(usize::from(is_write)) {
            *slot = Some(until);
        }
    }

    fn refusal(&self, is_write: bool, left: Duration) -> Response<Bytes> {
        let error = r#"{"errorCode":"CMN-301","message":"Request rate exceeded","errors":[{"errorCode":"CMN-301","message":"Request rate exceeded"}]}"#;
        let mut response = refusal("application/json", error);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let (group, limit) = if is_write { ("Heavy", self.limits.write) } else { ("Light", self.limits.read) };
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        headers.insert("x-rate-limit-group", HeaderValue::from_static(group));
        headers.insert("x-rate-limit-remaining", HeaderValue::from(0));
        if let Some(limit) = limit {
            headers.insert("x-rate-limit-limit", HeaderValue::from(limit.requests));
            headers.insert("x-rate-limit-window", HeaderValue::from(limit.seconds));
        }
        response
    }
}

fn is_write(request: &Request<Bytes>) -> bool {
    let is_search = request.method() == Method::POST && request.uri().path().ends_with("/.search");
    !is_search && request.method() != Method::GET && request.method() != Method::HEAD
}

fn throttled() -> Response<Bytes> {
    let error =
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"429","detail":"ThrottlingException: too many requests"}"#;
    refusal("application/scim+json", error)
}

fn refusal(media_type: &'static str, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
