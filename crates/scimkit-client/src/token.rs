//! Bearer tokens and where they come from (RFC 6750).

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::transport::TransportError;

/// An access token. It is shown nowhere and wiped from memory when it is dropped.
#[derive(Clone)]
pub struct BearerToken(SecretString);

impl BearerToken {
    /// A token.
    ///
    /// # Errors
    /// [`TokenError`] if the text is empty or holds a character that no token has (RFC 6750 section 2.1).
    pub fn new(token: impl Into<SecretString>) -> Result<Self, TokenError> {
        let token = token.into();
        let text = token.expose_secret();
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_token { Ok(Self(token)) } else { Err(TokenError::new("expected a token of visible ASCII characters")) }
    }

    /// The text of the token, for whoever sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub(crate) fn to_header(&self) -> Result<HeaderValue, TokenError> {
        let text = SecretString::from(format!("Bearer {}", self.expose()));
        let mut header =
            HeaderValue::from_str(text.expose_secret()).map_err(|_| TokenError::new("expected a token of visible ASCII characters"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}

/// A token that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct TokenError {
    reason: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TokenError {
    /// An error without a cause. The reason must hold no secret.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None }
    }

    /// An error with its cause. Neither text may hold a secret.
    pub fn with_source(reason: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { reason: reason.into(), source: Some(source.into()) }
    }

    /// Whether there may be a token later: a cause is a [`TransportError`] that is retryable, so the authorization server was not heard.
    pub fn is_retryable(&self) -> bool {
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<TransportError>() {
                return error.is_retryable();
            }
            cause = error.source();
        }
        false
    }
}

/// Gives access tokens.
///
/// # Contract
/// A token is kept as long as it can be used: `token` does not ask for a new one at every call. When several callers were rejected with one
/// token, only the first `refresh` asks for a new one; the others get that one.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// The token to use now.
    ///
    /// # Errors
    /// [`TokenError`] if there is none.
    async fn token(&self) -> Result<BearerToken, TokenError>;

    /// A token that is not the rejected one.
    ///
    /// # Errors
    /// [`TokenError`] if there is no other one.
    async fn refresh(&self, rejected: &BearerToken) -> Result<BearerToken, TokenError>;
}

/// One token that never changes.
#[derive(Clone, Debug)]
pub struct StaticToken(BearerToken);

impl StaticToken {
    /// A source of this token.
    pub const fn new(token: BearerToken) -> Self {
        Self(token)
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        Ok(self.0.clone())
    }

    async fn refresh(&self, _rejected: &BearerToken) -> Result<BearerToken, TokenError> {
        Err(TokenError::new("the token was rejected and there is no other one"))
    }
}

#[async_trait]
impl<S: TokenSource + ?Sized> TokenSource for std::sync::Arc<S> {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        (**self).token().await
    }

    async fn refresh(&self, rejected: &BearerToken) -> Result<BearerToken, TokenError> {
        (**self).refresh(rejected).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = BearerToken::new("s3cret").unwrap();
        assert_eq!(
            format!("{token:?} {:?}", StaticToken::new(token.clone())),
            "BearerToken([redacted]) StaticToken(BearerToken([redacted]))"
        );
        assert!(token.to_header().unwrap().is_sensitive());
    }

    #[test]
    fn a_token_cannot_smuggle_a_header() {
        for text in ["", "a b", "a\r\nx: y", "å"] {
            let error = BearerToken::new(text).unwrap_err();
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }
}
