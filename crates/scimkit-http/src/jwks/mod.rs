//! Access tokens of an authorization server: JWTs checked against its published keys (RFC 7519, RFC 7517, RFC 9068).
//!
//! Signatures are verified by `ring`, which needs no provider to be chosen for the process: no feature that another part of an
//! application turns on can make it fail or panic.

mod key;
mod keys;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;
use http::request::Parts;
use scimkit_client::Transport;
use scimkit_server::{Actor, AuthenticationError, AuthenticationScheme, Authenticator, bearer_token};
use scimkit_types::Clock;

pub use self::key::Algorithm;
use self::keys::Keys;
pub use self::token::Claims;
use self::token::Token;

/// Which tokens are taken, and from whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JwksOptions {
    /// Where the keys are published; usually an address with `https`.
    pub jwks_uri: Uri,
    /// Who must have issued a token, exactly as its claim `iss` says.
    pub issuer: String,
    /// For whom a token may be: one of these must stand in its claim `aud`.
    pub audiences: Vec<String>,
    /// The algorithms that a token may be signed with. Default: all of [`Algorithm::ALL`].
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks of the issuer and of this machine may be apart. Default 60 s.
    pub clock_skew: Duration,
    /// After how long keys are fetched again. Default 1 hour.
    pub refresh_after: Duration,
    /// How long keys are used while they cannot be fetched. Default 24 hours.
    pub keep_for: Duration,
    /// How long to wait between two attempts to fetch keys, whether a token names an unknown key or fetching fails. Default 30 s.
    pub wait_between_fetches: Duration,
}

impl JwksOptions {
    /// Tokens of this issuer for this audience, by the keys that are published there.
    pub fn new(jwks_uri: Uri, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            jwks_uri,
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            algorithms: Algorithm::ALL.to_vec(),
            clock_skew: Duration::from_secs(60),
            refresh_after: Duration::from_secs(3600),
            keep_for: Duration::from_secs(24 * 3600),
            wait_between_fetches: Duration::from_secs(30),
        }
    }

    /// These options with one more audience.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// These options with these algorithms only.
    #[must_use]
    pub fn with_algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// These options with another tolerance for clocks.
    #[must_use]
    pub fn with_clock_skew(self, clock_skew: Duration) -> Self {
        Self { clock_skew, ..self }
    }
}

/// Tells who a token stands for; `None` for nobody, so that the token is not valid here.
pub type ActorOf = Arc<dyn Fn(&Claims) -> Option<Actor> + Send + Sync>;

/// Lets in whoever has an access token of an authorization server, as a JWT in the `Authorization` header.
///
/// A token must be signed by a published key, with an allowed algorithm that fits the key; it must be of the issuer, for one of the
/// audiences, not expired and not from the future. Algorithms with shared secrets and `none` are never taken.
///
/// Keys are fetched through a [`Transport`], whose limits of time, size and rate hold for it, and kept. They are fetched again when they
/// are old, and when a token names a key that is not known, but not more often than
/// [`wait_between_fetches`](JwksOptions::wait_between_fetches): so keys can be rotated at any time, and tokens with made-up keys do not
/// load the authorization server.
///
/// ```
/// # use std::sync::Arc;
/// use scimkit_http::jwks::{Claims, JwksAuthenticator, JwksOptions};
/// use scimkit_server::Actor;
/// use scimkit_store::Tenant;
/// # fn run(transport: Arc<dyn scimkit_client::Transport>) -> Result<(), http::uri::InvalidUri> {
///
/// let keys = "https://login.example.com/keys".parse()?;
/// let options = JwksOptions::new(keys, "https://login.example.com/", "https://scim.example.com/");
/// let actor = |claims: &Claims| Some(Actor::new(claims.text("client_id")?, Tenant::new(claims.text("tenant")?)));
/// let authenticator = JwksAuthenticator::new(transport, Arc::new(scimkit_types::SystemClock::default()), options, Arc::new(actor));
/// # Ok(())
/// # }
/// ```
pub struct JwksAuthenticator {
    keys: Keys,
    clock: Arc<dyn Clock>,
    options: JwksOptions,
    actor_of: ActorOf,
}

impl JwksAuthenticator {
    /// An authenticator that has fetched nothing yet.
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, options: JwksOptions, actor_of: ActorOf) -> Self {
        Self { keys: Keys::new(transport), clock, options, actor_of }
    }
}

impl fmt::Debug for JwksAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksAuthenticator").field("options", &self.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for JwksAuthenticator {
    async fn authenticate(&self, parts: &Parts) -> Result<Actor, AuthenticationError> {
        let token = Token::parse(bearer_token(parts)?).ok_or(AuthenticationError::Invalid)?;
        let algorithm = token.algorithm.filter(|algorithm| self.options.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(AuthenticationError::Invalid)?;
        // What is no longer or not yet valid is not worth fetching keys for.
        let now = self.clock.now();
        token.claims.check(&self.options, now).ok_or(AuthenticationError::Invalid)?;
        let key = self.keys.find(token.key_id.as_deref(), algorithm, &self.options, self.clock.as_ref()).await;
        let key = key.map_err(|error| AuthenticationError::Unavailable(Box::new(error)))?.ok_or(AuthenticationError::Invalid)?;
        if !key.verifies(algorithm, token.signed, &token.signature) {
            return Err(AuthenticationError::Invalid);
        }
        (self.actor_of)(&token.claims).ok_or(AuthenticationError::Invalid)
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![AuthenticationScheme::oauth2()]
    }

    fn challenge(&self) -> String {
        "Bearer realm=\"scim\"".to_owned()
    }
}
