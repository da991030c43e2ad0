//! Carrying a request there and its answer back.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use scimkit_client::BearerToken;
use scimkit_client::response::ResponseLimits;

/// A blocking carrier of requests: no redirect is followed, and answers are bounded in time and size.
#[derive(Debug)]
pub struct Carrier {
    agent: ureq::Agent,
    token: Option<BearerToken>,
    max_body: u64,
}

/// A request that was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CarryError {
    /// The address is not one to send a token to.
    #[error("expected `https`, or an address of this machine")]
    Plain,
    /// The token cannot stand in a header.
    #[error("expected a token of visible ASCII characters")]
    Token,
    /// There is no answer.
    #[error("the service did not answer")]
    NoAnswer(#[source] Box<ureq::Error>),
}

impl Carrier {
    /// A carrier that shows this token.
    pub fn new(token: Option<BearerToken>, limits: ResponseLimits) -> Self {
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.into(), token, max_body: u64::try_from(limits.max_body).unwrap_or(u64::MAX) }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// [`CarryError`] if there is none.
    pub fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, CarryError> {
        if !is_safe(request.uri()) {
            return Err(CarryError::Plain);
        }
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| CarryError::Token)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let no_answer = |error| CarryError::NoAnswer(Box::new(error));
        let (parts, body) = request.into_parts();
        // An empty body would be announced with a length, which some services refuse for GET and DELETE.
        let answer = if body.is_empty() {
            self.agent.run(Request::from_parts(parts, ()))
        } else {
            self.agent.run(Request::from_parts(parts, body.to_vec()))
        };
        let (parts, mut body) = answer.map_err(no_answer)?.into_parts();
        let body = body.with_config().limit(self.max_body).read_to_vec().map_err(no_answer)?;
        Ok(Response::from_parts(parts, Bytes::from(body)))
    }
}

/// Whether an address can be trusted with a token: `https`, or a loopback address.
fn is_safe(uri: &Uri) -> bool {
    let is_here = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && is_here
}
