//! User names and passwords (RFC 7617).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Actor, AuthenticationError, AuthenticationScheme, Authenticator, credentials};
use crate::password::is_password;

/// Clients that authenticate by a user name and a password, which are kept as PHC strings of Argon2.
///
/// Checking a password takes some ten milliseconds by design, in the thread that polls the request. Therefore the digest of a password
/// that was right is remembered in memory, and the next request with it is let in at once.
///
/// ```
/// use scimkit_server::{Actor, BasicCredentials};
/// use scimkit_store::Tenant;
///
/// let hash = "$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$Fi6CvyqDV9NXqFSGT0ztRw";
/// let clients = BasicCredentials::new().with_client("entra", hash, Actor::new("entra", Tenant::default()));
/// ```
#[derive(Clone, Default)]
pub struct BasicCredentials {
    clients: HashMap<String, Arc<BasicClient>>,
}

struct BasicClient {
    hash: String,
    actor: Actor,
    /// The digest of the password that was right.
    known: Mutex<Option<SecretBox<[u8; 32]>>>,
}

impl BasicCredentials {
    /// No clients: nobody is let in.
    pub fn new() -> Self {
        Self::default()
    }

    /// These clients and one more, of whose password the PHC string is known. Nobody is let in by a text that is none.
    #[must_use]
    pub fn with_client(mut self, user_name: impl Into<String>, hash: impl Into<String>, actor: Actor) -> Self {
        let client = BasicClient { hash: hash.into(), actor, known: Mutex::new(None) };
        self.clients.insert(user_name.into(), Arc::new(client));
        self
    }
}

impl BasicClient {
    fn admits(&self, password: &SecretString) -> bool {
        let digest = Sha256::new().chain_update(&self.hash).chain_update([0]).chain_update(password.expose_secret()).finalize();
        let digest: [u8; 32] = digest.into();
        let is_known =
            |known: &Option<SecretBox<[u8; 32]>>| known.as_ref().is_some_and(|known| known.expose_secret().ct_eq(&digest).into());
        if is_known(&self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            return true;
        }
        let is_right = is_password(Some(&self.hash), password);
        if is_right {
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(SecretBox::new(Box::new(digest)));
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
        match self.clients.get(user_name) {
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
    use http::header::AUTHORIZATION;
    use scimkit_store::Tenant;

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
}
