//! Bearer tokens on every request.

use async_trait::async_trait;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};

use crate::token::{BearerToken, TokenError, TokenSource};
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// Puts a bearer token on every request (RFC 6750 section 2.1). After an answer of 401 it asks for another token and sends again, once.
///
/// A token that cannot be had is [`TransportErrorKind::Token`]; when that is because the authorization server did not answer, it is
/// [`TransportErrorKind::Connect`], for the request had no effect and a [`Retry`](crate::Retry) outside may try again.
#[derive(Clone, Debug)]
pub struct Authorized<T, S> {
    transport: T,
    tokens: S,
}

impl<T: Transport, S: TokenSource> Authorized<T, S> {
    /// A transport whose requests carry the tokens of this source.
    pub const fn new(transport: T, tokens: S) -> Self {
        Self { transport, tokens }
    }

    /// The transport inside.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    async fn send_with(&self, mut request: Request<Bytes>, token: &BearerToken) -> Result<Response<Bytes>, TransportError> {
        request.headers_mut().insert(AUTHORIZATION, token.to_header().map_err(no_token)?);
        self.transport.send(request).await
    }
}

#[async_trait]
impl<T: Transport, S: TokenSource> Transport for Authorized<T, S> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let token = self.tokens.token().await.map_err(no_token)?;
        let response = self.send_with(request.clone(), &token).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // 401 says that the request was not done, so even a create may be sent again.
        let token = self.tokens.refresh(&token).await.map_err(no_token)?;
        self.send_with(request, &token).await
    }
}

/// The request had no effect in either case; when the authorization server was not heard, it may be tried again.
fn no_token(error: TokenError) -> TransportError {
    let kind = if error.is_retryable() { TransportErrorKind::Connect } else { TransportErrorKind::Token };
    TransportError::with_source(kind, error)
}
