//! User names and passwords (RFC 7617).

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use scimkit_rate_limit::{Decision, Limiter, Quota, SlidingWindow};
use scimkit_types::{Clock, SystemClock};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Actor, AuthenticationError, AuthenticationScheme, Authenticator, credentials};
use crate::limit::whole_seconds;
use crate::password::is_password;

/// Clients that authenticate by a user name and a password, which are kept as PHC strings of Argon2.
///
/// Checking a password takes some ten milliseconds by design, in the thread that polls the request. Therefore the digest of a password
/// that was right is remembered in memory, and the next request with it is let in at once. How many others are checked is bounded
/// ([`with_check_limit`](Self::with_check_limit)), so that guessing takes no more than a few percent of a processor, whoever guesses.
///
/// ```
/// use scimkit_server::{Actor, BasicCredentials};
/// use scimkit_store::Tenant;
///
/// let hash = "$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$Fi6CvyqDV9NXqFSGT0ztRw";
/// let clients = BasicCredentials::new().with_client("entra", hash, Actor::new("entra", Tenant::default()));
/// ```
#[derive(Clone)]
pub struct BasicCredentials {
    clients: HashMap<String, Arc<BasicClient>>,
    /// How many passwords were checked lately.
    checks: Arc<Mutex<Limiter<SlidingWindow>>>,
    clock: Arc<dyn Clock>,
}

/// The passwords that are checked in a minute: some seconds of work at most.
const CHECKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

struct BasicClient {
    hash: String,
    actor: Actor,
    /// The digest of the password that was right.
    known: Mutex<Option<SecretBox<[u8; 32]>>>,
}

impl BasicCredentials {
    /// No clients: nobody is let in.
    pub fn new() -> Self {
        let checks = limiter(Quota::per_minute(CHECKS));
        Self { clients: HashMap::new(), checks, clock: Arc::new(SystemClock::default()) }
    }

    /// These clients with another bound on the passwords that are checked, right and wrong ones of all clients together. Default: 100 in
    /// a minute.
    ///
    /// A request beyond it is answered by 429 with `Retry-After`. One whose password was right before is not checked and passes, so that
    /// guessing locks nobody out who has been in since the start.
    #[must_use]
    pub fn with_check_limit(self, quota: Quota) -> Self {
        Self { checks: limiter(quota), ..self }
    }

    /// These clients with another clock for the bound on checks. Default: the machine's.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// These clients and one more, of whose password the PHC string is known. Nobody is let in by a text that is none.
    #[must_use]
    pub fn with_client(mut self, user_name: impl Into<String>, hash: impl Into<String>, actor: Actor) -> Self {
        let client = BasicClient { hash: hash.into(), actor, known: Mutex::new(None) };
        self.clients.insert(user_name.into(), Arc::new(client));
        self
    }
}

fn limiter(quota: Quota) -> Arc<Mutex<Limiter<SlidingWindow>>> {
    Arc::new(Mutex::new(Limiter::new(SlidingWindow::new(quota))))
}

impl Default for BasicCredentials {
    fn default() -> Self {
        Self::new()
    }
}

impl BasicCredentials {
    /// Takes one of the checks that there may be.
    fn begin_check(&self) -> Result<(), AuthenticationError> {
        let now = self.clock.now();
        match self.checks.lock().unwrap_or_else(PoisonError::into_inner).admit(1, now) {
            Decision::Admitted => Ok(()),
            Decision::Refused { retry_at } => Err(AuthenticationError::TooMany { retry_after: whole_seconds(now, retry_at) }),
            // A quota has at least one request, so that one always fits.
            Decision::Impossible => Err(AuthenticationError::Invalid),
        }
    }
}

impl BasicClient {
    /// The digest of a password; it is good for this client alone.
    fn digest(&self, password: &SecretString) -> [u8; 32] {
        Sha256::new().chain_update(&self.hash).chain_update([0]).chain_update(password.expose_secret()).finalize().into()
    }

    /// Whether the password was right before.
    fn knows(&self, password: &SecretString) -> bool {
        let digest = self.digest(password);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|known| known.expose_secret().ct_eq(&digest).into())
    }

    /// Whether the password is right, which takes long.
    fn admits(&self, password: &SecretString) -> bool {
        let is_right = is_password(Some(&self.hash), password);
        if is_right {
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(SecretBox::new(Box::new(self.digest(password))));
        }
        is_right
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut actors: Vec<&str> = self.clients.values().map(|client| client.actor.id.as_str()).collect();
        actors.sort_unstable();
        f.debug_struct("BasicCredentials").field("actors", &actors).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for BasicCredentials {
    async fn authenticate(&self, parts: &Parts) -> Result<Actor, AuthenticationError> {
        let decoded = STANDARD.decode(credentials(parts, "basic")?).map_err(|_| AuthenticationError::Malformed)?;
        let text = String::from_utf8(decoded).map_err(|_| AuthenticationError::Malformed)?;
        let (user_name, password) = text.split_once(':').ok_or(AuthenticationError::Malformed)?;
        let password = SecretString::from(password);
        let client = self.clients.get(user_name);
        if let Some(client) = client.filter(|client| client.knows(&password)) {
            return Ok(client.actor.clone());
        }
        self.begin_check()?;
        match client {
            Some(client) if client.admits(&password) => Ok(client.actor.clone()),
            Some(_) => Err(AuthenticationError::Invalid),
            None => {
                // As long as for a client that there is, so that the time does not tell who there is.
                is_password(None, &password);
                Err(AuthenticationError::Invalid)
            }
        }
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![AuthenticationScheme::basic()]
    }

    fn challenge(&self) -> String {
        "Basic realm=\"scim\", charset=\"UTF-8\"".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::AUTHORIZATION;
    use scimkit_store::Tenant;
    use scimkit_types::{ManualClock, Timestamp};

    use super::super::super::password::{Argon2Passwords, MemoryPasswordHashes};
    use super::*;

    fn parts(header: &str) -> Parts {
        http::Request::builder().header(AUTHORIZATION, header).body(()).unwrap().into_parts().0
    }

    /// R7235-2.1-01: a name and a password, hashed; a colon belongs to the password.
    #[tokio::test]
    async fn a_client_is_let_in_by_its_password() {
        let accepted = Argon2Passwords::new(Arc::new(MemoryPasswordHashes::new())).hash(&"pass:word".into()).unwrap();
        let clients = BasicCredentials::new()
            .with_client("okta", accepted.secret().expose_secret(), Actor::new("okta", Tenant::new("a")))
            .with_client("broken", "pass:word", Actor::new("broken", Tenant::new("a")));
        let ask = async |credentials: &str| clients.authenticate(&parts(&format!("Basic {}", STANDARD.encode(credentials)))).await;
        for _ in 0..2 {
            assert_eq!(ask("okta:pass:word").await.unwrap().tenant, Tenant::new("a"));
            assert!(matches!(ask("okta:pass").await, Err(AuthenticationError::Invalid)));
        }
        for credentials in ["nobody:pass:word", "broken:pass:word", "okta:"] {
            assert!(matches!(ask(credentials).await, Err(AuthenticationError::Invalid)), "{credentials}");
        }
        assert!(matches!(ask("okta").await, Err(AuthenticationError::Malformed)));
        assert!(matches!(clients.authenticate(&parts("Basic %%%")).await, Err(AuthenticationError::Malformed)));
        assert!(matches!(clients.authenticate(&parts("Bearer x")).await, Err(AuthenticationError::Missing)));
        assert_eq!(format!("{clients:?}"), r#"BasicCredentials { actors: ["broken", "okta"], .. }"#);
    }

    /// R7644-7.7-01: guessing is bounded, and locks out nobody who has been in.
    #[tokio::test]
    async fn only_so_many_passwords_are_checked() {
        let accepted = Argon2Passwords::new(Arc::new(MemoryPasswordHashes::new())).hash(&"right".into()).unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let clients = BasicCredentials::new()
            .with_client("okta", accepted.secret().expose_secret(), Actor::new("okta", Tenant::default()))
            .with_client("entra", accepted.secret().expose_secret(), Actor::new("entra", Tenant::default()))
            .with_check_limit(Quota::new(3, Duration::from_secs(60)).unwrap())
            .with_clock(Arc::<ManualClock>::clone(&clock));
        let ask = async |credentials: &str| {
            let answer = clients.authenticate(&parts(&format!("Basic {}", STANDARD.encode(credentials)))).await;
            match answer {
                Ok(actor) => actor.id,
                Err(error) => error.to_string(),
            }
        };
        let (wrong, late) = ("the credentials are not valid", "there were too many credentials to be checked");
        assert_eq!(
            (ask("okta:right").await, ask("okta:guess").await, ask("nobody:guess").await),
            ("okta".into(), wrong.into(), wrong.into())
        );
        for credentials in ["okta:guess", "nobody:guess", "entra:right"] {
            assert_eq!(ask(credentials).await, late, "{credentials}");
        }
        assert_eq!(ask("okta:right").await, "okta");
        clock.advance(Duration::from_secs(60));
        assert_eq!(ask("entra:right").await, "entra");
    }
}
