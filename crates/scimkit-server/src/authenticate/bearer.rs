//! Bearer tokens that were agreed on beforehand (RFC 6750).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Actor, AuthenticationError, AuthenticationScheme, Authenticator, credentials};

/// Bearer tokens that were agreed on beforehand; several are valid at once, so that one can take over from another.
///
/// Tokens are kept as SHA-256 digests and compared in constant time.
///
/// ```
/// use scimkit_server::{Actor, BearerTokens};
/// use scimkit_store::Tenant;
///
/// let tokens = BearerTokens::new()
///     .with_token(&"old-token".into(), Actor::new("entra", Tenant::default()))
///     .with_token(&"new-token".into(), Actor::new("entra", Tenant::default()));
/// assert!(!format!("{tokens:?}").contains("token\""));
/// ```
#[derive(Clone, Default)]
pub struct BearerTokens {
    tokens: Vec<([u8; 32], Arc<Actor>)>,
}

impl BearerTokens {
    /// No tokens: nobody is let in.
    pub fn new() -> Self {
        Self::default()
    }

    /// These tokens and one more.
    #[must_use]
    pub fn with_token(self, token: &SecretString, actor: Actor) -> Self {
        self.with_digest(digest(token.expose_secret().as_bytes()), actor)
    }

    /// These tokens and one more, of which only the SHA-256 digest is known.
    #[must_use]
    pub fn with_digest(mut self, digest: [u8; 32], actor: Actor) -> Self {
        self.tokens.push((digest, Arc::new(actor)));
        self
    }

    /// The actor of a token. Every token is compared, so that the time taken tells nothing.
    fn find(&self, token: &[u8]) -> Option<&Actor> {
        let given = digest(token);
        let mut found = None;
        for (digest, actor) in &self.tokens {
            if bool::from(digest.ct_eq(&given)) {
                found = Some(actor.as_ref());
            }
        }
        found
    }
}

impl fmt::Debug for BearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actors: Vec<&str> = self.tokens.iter().map(|(_, actor)| actor.id.as_str()).collect();
        f.debug_struct("BearerTokens").field("actors", &actors).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for BearerTokens {
    async fn authenticate(&self, parts: &Parts) -> Result<Actor, AuthenticationError> {
        let token = bearer_token(parts)?;
        self.find(token.as_bytes()).cloned().ok_or(AuthenticationError::Invalid)
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![AuthenticationScheme::bearer()]
    }

    fn challenge(&self) -> String {
        "Bearer realm=\"scim\"".to_owned()
    }
}

/// The token of a request's `Authorization: Bearer` header (RFC 6750 section 2.1), for authenticators.
///
/// # Errors
/// `Missing` without such a header, `Malformed` with several or with one that holds no token.
pub fn bearer_token(parts: &Parts) -> Result<&str, AuthenticationError> {
    credentials(parts, "bearer")
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use scimkit_store::Tenant;

    use super::*;

    fn parts(headers: &[&str]) -> Parts {
        let mut request = http::Request::builder();
        for header in headers {
            request = request.header(AUTHORIZATION, *header);
        }
        request.body(()).unwrap().into_parts().0
    }

    /// R6750-2.1-01, R7235-2.1-01: the scheme compares without case.
    #[test]
    fn a_token_is_found_whatever_the_case_of_the_scheme() {
        assert_eq!(bearer_token(&parts(&["bearer  abc"])).unwrap(), "abc");
        assert_eq!(bearer_token(&parts(&["BEARER abc"])).unwrap(), "abc");
    }

    /// R6750-2-01, R6750-3-02: no credentials, several and none that can be read are told apart.
    #[test]
    fn credentials_are_missing_or_malformed() {
        assert!(matches!(bearer_token(&parts(&[])), Err(AuthenticationError::Missing)));
        assert!(matches!(bearer_token(&parts(&["Basic abc"])), Err(AuthenticationError::Missing)));
        assert!(matches!(bearer_token(&parts(&["Bearer"])), Err(AuthenticationError::Malformed)));
        assert!(matches!(bearer_token(&parts(&["Bearer a b"])), Err(AuthenticationError::Malformed)));
        assert!(matches!(bearer_token(&parts(&["Bearer a", "Bearer b"])), Err(AuthenticationError::Malformed)));
    }

    #[tokio::test]
    async fn several_tokens_are_valid_at_once() {
        let tokens = BearerTokens::new()
            .with_token(&"one".into(), Actor::new("first", Tenant::new("a")))
            .with_token(&"two".into(), Actor::new("second", Tenant::new("b")));
        assert_eq!(tokens.authenticate(&parts(&["Bearer one"])).await.unwrap().id, "first");
        assert_eq!(tokens.authenticate(&parts(&["Bearer two"])).await.unwrap().tenant, Tenant::new("b"));
        assert!(matches!(tokens.authenticate(&parts(&["Bearer three"])).await, Err(AuthenticationError::Invalid)));
    }

    /// Invariant 5: secrets never reach a log line.
    #[test]
    fn debug_shows_no_token_and_no_digest() {
        let tokens = BearerTokens::new().with_token(&"hush".into(), Actor::new("first", Tenant::default()));
        assert_eq!(format!("{tokens:?}"), r#"BearerTokens { actors: ["first"], .. }"#);
    }
}
