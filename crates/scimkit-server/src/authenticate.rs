//! Who asks: from a request's head to an actor (RFC 7644 section 2, RFC 6750).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::request::Parts;
use scimkit_store::Tenant;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whoever asks, once authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actor {
    /// A name or id that may be logged.
    pub id: String,
    /// The tenant whose resources the actor sees.
    pub tenant: Tenant,
    /// What the actor may do.
    pub permissions: Permissions,
    /// The resource that stands for the actor, which `/Me` is another name of (RFC 7644 section 3.11). Default: none.
    pub resource: Option<ActorResource>,
}

/// The resource that stands for an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorResource {
    /// The name of its type, such as `User`.
    pub resource_type: String,
    /// Its id.
    pub id: String,
}

impl Actor {
    /// An actor that may read and write.
    pub fn new(id: impl Into<String>, tenant: Tenant) -> Self {
        Self { id: id.into(), tenant, permissions: Permissions::ReadWrite, resource: None }
    }

    /// This actor with other permissions.
    #[must_use]
    pub fn with_permissions(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }

    /// This actor with the resource that stands for it.
    #[must_use]
    pub fn with_resource(self, resource_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self { resource: Some(ActorResource { resource_type: resource_type.into(), id: id.into() }), ..self }
    }
}

/// What an actor may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Permissions {
    /// Read resources only.
    Read,
    /// Read and write resources.
    #[default]
    ReadWrite,
}

/// Why an actor could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The request has no credentials: 401 with a challenge that names no error (RFC 6750 section 3).
    #[error("the request has no credentials")]
    Missing,
    /// The credentials cannot be read, or there are several: 400.
    #[error("the credentials cannot be read")]
    Malformed,
    /// The credentials are not valid, or not any more: 401.
    #[error("the credentials are not valid")]
    Invalid,
    /// The credentials could not be checked: 500.
    #[error("the credentials could not be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A way to authenticate, as `/ServiceProviderConfig` publishes it (RFC 7643 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationScheme {
    /// One of `oauth`, `oauth2`, `oauthbearertoken`, `httpbasic` and `httpdigest`.
    pub type_: String,
    /// A name for people.
    pub name: String,
    /// A description for people.
    pub description: String,
    /// The address of the scheme's specification.
    pub spec_uri: Option<String>,
}

impl AuthenticationScheme {
    /// Bearer tokens (RFC 6750).
    pub fn bearer() -> Self {
        Self {
            type_: "oauthbearertoken".to_owned(),
            name: "OAuth Bearer Token".to_owned(),
            description: "Authentication by a bearer token in the Authorization header".to_owned(),
            spec_uri: Some("https://www.rfc-editor.org/rfc/rfc6750".to_owned()),
        }
    }
}

/// Tells who asks.
///
/// # Contract
/// The answer depends on the head of the request alone; the body is not read before the actor is known. A tenant that the request names
/// (by path, host or header) must be checked against the credentials here (R7644-6.1-01).
///
/// # Errors
/// [`AuthenticationError`]; its cause is logged and never answered.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None: what credentials mean is the implementation's affair.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Who asks.
    ///
    /// # Errors
    /// [`AuthenticationError`].
    async fn authenticate(&self, parts: &Parts) -> Result<Actor, AuthenticationError>;

    /// The ways to authenticate that are published.
    fn schemes(&self) -> Vec<AuthenticationScheme>;

    /// The challenge of a 401 without its error, such as `Bearer realm="scim"` (RFC 9110 section 11.6.1).
    fn challenge(&self) -> String;
}

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
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let header = headers.next().ok_or(AuthenticationError::Missing)?;
    if headers.next().is_some() {
        return Err(AuthenticationError::Malformed);
    }
    let header = header.to_str().map_err(|_| AuthenticationError::Malformed)?;
    let header = header.trim();
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthenticationError::Missing);
    }
    let token = token.trim();
    if token.is_empty() || token.contains(char::is_whitespace) { Err(AuthenticationError::Malformed) } else { Ok(token) }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
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
