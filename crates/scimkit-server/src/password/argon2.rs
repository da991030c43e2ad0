//! Passwords kept as Argon2 hashes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ::argon2::password_hash::phc::PasswordHash;
use ::argon2::{Argon2, PasswordHasher, PasswordVerifier};
use async_trait::async_trait;
use scimkit_store::Tenant;
use scimkit_types::ScimType;
use secrecy::{ExposeSecret, SecretString};

use super::{AcceptedPassword, PasswordSink};
use crate::handler::{Context, HandlerError, Result};

/// The most bytes of a password: hashing takes time that grows with its length.
const MAX_LENGTH: usize = 1024;

/// Where the hashes of passwords are kept, as PHC strings such as `$argon2id$v=19$…`.
///
/// # Contract
/// A resource is known by tenant, resource type and id; `id`s of different tenants may be equal.
///
/// # Errors
/// Whatever kept the hash from being kept or read; it is logged and never answered.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None.
#[async_trait]
pub trait PasswordHashes: fmt::Debug + Send + Sync {
    /// Keeps a hash in the place of what there was.
    ///
    /// # Errors
    /// Whatever kept it from being kept.
    async fn put(&self, tenant: &Tenant, resource_type: &str, id: &str, hash: &str) -> Result<()>;

    /// The hash of a resource, if there is one.
    ///
    /// # Errors
    /// Whatever kept it from being read.
    async fn find(&self, tenant: &Tenant, resource_type: &str, id: &str) -> Result<Option<String>>;

    /// Forgets the hash of a resource, if there is one.
    ///
    /// # Errors
    /// Whatever kept it from being forgotten.
    async fn remove(&self, tenant: &Tenant, resource_type: &str, id: &str) -> Result<()>;
}

/// Hashes in memory, gone with the process.
#[derive(Default)]
pub struct MemoryPasswordHashes {
    hashes: Mutex<HashMap<(Tenant, String, String), String>>,
}

impl MemoryPasswordHashes {
    /// No hashes.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<(Tenant, String, String), String>) -> T) -> T {
        act(&mut self.hashes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for MemoryPasswordHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPasswordHashes").finish_non_exhaustive()
    }
}

#[async_trait]
impl PasswordHashes for MemoryPasswordHashes {
    async fn put(&self, tenant: &Tenant, resource_type: &str, id: &str, hash: &str) -> Result<()> {
        self.with(|hashes| hashes.insert((tenant.clone(), resource_type.to_owned(), id.to_owned()), hash.to_owned()));
        Ok(())
    }

    async fn find(&self, tenant: &Tenant, resource_type: &str, id: &str) -> Result<Option<String>> {
        Ok(self.with(|hashes| hashes.get(&(tenant.clone(), resource_type.to_owned(), id.to_owned())).cloned()))
    }

    async fn remove(&self, tenant: &Tenant, resource_type: &str, id: &str) -> Result<()> {
        self.with(|hashes| hashes.remove(&(tenant.clone(), resource_type.to_owned(), id.to_owned())));
        Ok(())
    }
}

/// A sink that keeps Argon2id hashes with a random salt each, by the parameters that the `argon2` crate recommends.
///
/// Hashing takes some ten milliseconds and 19 MiB by design, and happens in the thread that polls the request. A service on a runtime
/// whose threads must not be busy so long wraps the sink: it calls [`hash`](Self::hash) where its runtime lets work block (tokio:
/// `spawn_blocking`) and forwards the rest.
///
/// ```
/// # use std::sync::Arc;
/// use scimkit_server::{Argon2Passwords, MemoryPasswordHashes};
///
/// let passwords = Argon2Passwords::new(Arc::new(MemoryPasswordHashes::new()));
/// let accepted = passwords.hash(&"correct horse battery staple".into())?;
/// assert_eq!(format!("{accepted:?}"), "AcceptedPassword(..)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Argon2Passwords {
    hashes: Arc<dyn PasswordHashes>,
}

impl Argon2Passwords {
    /// A sink that keeps hashes there.
    pub fn new(hashes: Arc<dyn PasswordHashes>) -> Self {
        Self { hashes }
    }

    /// Hashes a password with a new salt, as a PHC string.
    ///
    /// # Errors
    /// `Refused` with `invalidValue` if the password is empty or longer than 1,024 bytes; `Internal` if there is no randomness.
    pub fn hash(&self, password: &SecretString) -> Result<AcceptedPassword> {
        let bytes = password.expose_secret().as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_LENGTH {
            let detail = format!("expected a password of 1 to {MAX_LENGTH} bytes, found {}", bytes.len());
            return Err(HandlerError::of(ScimType::InvalidValue, detail));
        }
        let hash = Argon2::default().hash_password(bytes).map_err(HandlerError::internal)?;
        Ok(AcceptedPassword::new(hash.to_string()))
    }

    /// Whether this is the password of a resource, for the product's own sign-in. The time it takes does not tell whether there is such
    /// a resource.
    ///
    /// # Errors
    /// `Internal` if the hash cannot be read.
    pub async fn verify(&self, tenant: &Tenant, resource_type: &str, id: &str, password: &SecretString) -> Result<bool> {
        let hash = self.hashes.find(tenant, resource_type, id).await?;
        Ok(is_password(hash.as_deref(), password))
    }
}

/// Whether a password has this hash; without a hash as much is computed, and it never has.
pub(crate) fn is_password(hash: Option<&str>, password: &SecretString) -> bool {
    let bytes = password.expose_secret().as_bytes();
    if bytes.len() > MAX_LENGTH {
        return false;
    }
    let Some(parsed) = hash.and_then(|hash| PasswordHash::new(hash).ok()) else {
        // The result is of no use; the time is.
        let mut out = [0; 32];
        if let Err(error) = Argon2::default().hash_password_into(bytes, b"a salt of no use", &mut out) {
            tracing::debug!(%error, "a password could not be hashed");
        }
        return false;
    };
    Argon2::default().verify_password(bytes, &parsed).is_ok()
}

#[async_trait]
impl PasswordSink for Argon2Passwords {
    async fn accept(&self, _context: &Context<'_>, password: &SecretString) -> Result<AcceptedPassword> {
        self.hash(password)
    }

    async fn keep(&self, context: &Context<'_>, id: &str, accepted: AcceptedPassword) -> Result<()> {
        let hash = accepted.secret().expose_secret();
        self.hashes.put(context.tenant(), &context.resource_type.name, id, hash).await
    }

    async fn forget(&self, context: &Context<'_>, id: &str) -> Result<()> {
        self.hashes.remove(context.tenant(), &context.resource_type.name, id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7643-9.2-01: a hash, with a salt of its own.
    #[test]
    fn a_password_is_kept_as_a_salted_hash() {
        let passwords = Argon2Passwords::new(Arc::new(MemoryPasswordHashes::new()));
        let hash = |password: &str| passwords.hash(&password.into()).unwrap().secret().expose_secret().to_owned();
        let (first, second) = (hash("hush-hush"), hash("hush-hush"));
        assert!(first.starts_with("$argon2id$v=19$") && !first.contains("hush"), "{first}");
        assert_ne!(first, second);
        assert!(is_password(Some(&first), &"hush-hush".into()) && !is_password(Some(&first), &"hush".into()));
        assert!(!is_password(None, &"hush-hush".into()) && !is_password(Some("hush-hush"), &"hush-hush".into()));
    }

    #[test]
    fn empty_and_endless_passwords_are_refused_without_being_named() {
        let passwords = Argon2Passwords::new(Arc::new(MemoryPasswordHashes::new()));
        for password in [String::new(), "x".repeat(1025)] {
            let error = passwords.hash(&password.as_str().into()).unwrap_err().to_string();
            assert!(!error.contains("xx") && error.contains("1024"), "{error}");
        }
    }
}
