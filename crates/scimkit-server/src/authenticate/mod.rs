//! Who asks: from a request's head to an actor (RFC 7644 section 2, RFC 6750).

#[cfg(feature = "argon2")]
mod basic;
mod bearer;
mod first_of;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::request::Parts;
use scimkit_store::Tenant;

#[cfg(feature = "argon2")]
pub use self::basic::BasicCredentials;
pub use self::bearer::{BearerTokens, bearer_token};
pub use self::first_of::FirstOf;
use crate::policy::Action;

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
    /// What the actor may do with resources of some types only, by the name of the type; what is not named it may not even read.
    /// Default: `None`, so that the permissions are good for all types.
    pub resource_types: Option<BTreeMap<String, Permissions>>,
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
        Self { id: id.into(), tenant, permissions: Permissions::ReadWrite, resource_types: None, resource: None }
    }

    /// This actor with other permissions.
    #[must_use]
    pub fn with_permissions(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }

    /// This actor restricted to the resource types named so, this one with these permissions; never beyond those of the actor.
    #[must_use]
    pub fn with_resource_type(mut self, name: impl Into<String>, permissions: Permissions) -> Self {
        self.resource_types.get_or_insert_default().insert(name.into(), permissions);
        self
    }

    /// Whether the actor may do that to resources of a type.
    pub fn may(&self, action: Action, resource_type: &str) -> bool {
        let of_type = match &self.resource_types {
            None => Some(self.permissions),
            Some(named) => named.iter().find(|(name, _)| name.eq_ignore_ascii_case(resource_type)).map(|(_, permissions)| *permissions),
        };
        let may_write = |permissions: Permissions| permissions == Permissions::ReadWrite;
        of_type.is_some_and(|of_type| !action.is_write() || (may_write(of_type) && may_write(self.permissions)))
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
    /// Too many credentials were to be checked lately: 429 with a `Retry-After`.
    #[error("there were too many credentials to be checked")]
    TooMany {
        /// The seconds after which it is worth trying again, at least one.
        retry_after: u64,
    },
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

    /// User names and passwords (RFC 7617).
    pub fn basic() -> Self {
        Self {
            type_: "httpbasic".to_owned(),
            name: "HTTP Basic".to_owned(),
            description: "Authentication by a user name and a password in the Authorization header".to_owned(),
            spec_uri: Some("https://www.rfc-editor.org/rfc/rfc7617".to_owned()),
        }
    }

    /// Access tokens of an authorization server (RFC 6749, RFC 9068).
    pub fn oauth2() -> Self {
        Self {
            type_: "oauth2".to_owned(),
            name: "OAuth 2.0".to_owned(),
            description: "Authentication by an access token of an authorization server in the Authorization header".to_owned(),
            spec_uri: Some("https://www.rfc-editor.org/rfc/rfc6749".to_owned()),
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

/// What follows the name of a scheme in the only `Authorization` header of a request.
///
/// # Errors
/// `Missing` without such a header or with another scheme, `Malformed` with several or with nothing after the name.
fn credentials<'p>(parts: &'p Parts, scheme: &str) -> Result<&'p str, AuthenticationError> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let header = headers.next().ok_or(AuthenticationError::Missing)?;
    if headers.next().is_some() {
        return Err(AuthenticationError::Malformed);
    }
    let header = header.to_str().map_err(|_| AuthenticationError::Malformed)?.trim();
    let (found, credentials) = header.split_once(' ').unwrap_or((header, ""));
    if !found.eq_ignore_ascii_case(scheme) {
        return Err(AuthenticationError::Missing);
    }
    let credentials = credentials.trim();
    let is_one = !credentials.is_empty() && !credentials.contains(char::is_whitespace);
    if is_one { Ok(credentials) } else { Err(AuthenticationError::Malformed) }
}
