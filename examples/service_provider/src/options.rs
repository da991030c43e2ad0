//! What a service is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use scimkit_types::{Dialect, Profile};
use secrecy::SecretString;

/// What a service is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the service offers and expects.
    pub profile: Profile,
    /// What is tolerated of clients; `None` for what the profile says.
    pub dialect: Option<Dialect>,
    /// Where the service listens; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// The address that clients use; `None` for the one that the service listens on.
    pub base_url: Option<String>,
    /// Where resources are kept. Default: in memory.
    pub store: Store,
    /// The bearer token that lets a client in. Default: none, so that nobody is let in.
    pub token: Option<SecretString>,
    /// Whether an administrator has chosen SCIM as the directory provider. Default: only if the profile does not ask for that.
    pub is_directory_provider_set: bool,
}

impl Options {
    /// A service that behaves as a profile says, with every default.
    pub fn new(profile: Profile) -> Self {
        Self {
            is_directory_provider_set: profile.directory_provider.is_none(),
            profile,
            dialect: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            base_url: None,
            store: Store::Memory,
            token: None,
        }
    }

    /// These options with another place to listen.
    #[must_use]
    pub fn with_listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// These options with another place to keep resources.
    #[must_use]
    pub fn with_store(self, store: Store) -> Self {
        Self { store, ..self }
    }

    /// These options with a token that lets a client in.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(SecretString::from(token)), ..self }
    }
}

/// Where resources are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Store {
    /// In memory, gone with the process.
    Memory,
    /// In a SQLite file, which is created if there is none.
    Sqlite(PathBuf),
}

/// A text that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a store such as `memory` or `sqlite:people.db`, found `{found}`")]
pub struct StoreFormatError {
    /// What was found.
    pub found: String,
}

impl FromStr for Store {
    type Err = StoreFormatError;

    fn from_str(text: &str) -> Result<Self, StoreFormatError> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err(StoreFormatError { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}
