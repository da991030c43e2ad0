//! What a service is started with.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use scimkit_server::Authenticator;
use scimkit_types::{Dialect, Profile};
use secrecy::SecretString;

use crate::tenants::TenantOptions;

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
    /// Access tokens of an authorization server that let clients in. Default: none.
    pub jwks: Option<JwksSource>,
    /// What else lets clients in. Default: nothing.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// The tenants beside the one of `token`. Default: none.
    pub tenants: Vec<TenantOptions>,
    /// Where figures are shown to Prometheus. Default: nowhere.
    pub metrics: Option<SocketAddr>,
    /// The file that records of writes are added to. Default: none.
    pub audit: Option<PathBuf>,
    /// The proxies that are believed when they say which host a client asked for. Default: none.
    pub trusted_proxies: Vec<IpAddr>,
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
            jwks: None,
            authenticator: None,
            tenants: Vec::new(),
            metrics: None,
            audit: None,
            trusted_proxies: Vec::new(),
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

    /// These options with something else that lets clients in.
    #[must_use]
    pub fn with_authenticator(self, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { authenticator: Some(authenticator), ..self }
    }
}

/// An authorization server whose access tokens let clients in.
#[derive(Clone, Debug)]
pub struct JwksSource {
    /// Where it publishes its keys.
    pub uri: Uri,
    /// Its name, as the claim `iss` says.
    pub issuer: String,
    /// The name of this service in the claim `aud`.
    pub audience: String,
    /// The claim with the name of the tenant; `None` if all clients belong to the tenant without a name.
    pub tenant_claim: Option<String>,
}

/// Where resources are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Store {
    /// In memory, gone with the process.
    Memory,
    /// In a SQLite file, which is created if there is none.
    Sqlite(PathBuf),
    /// In a PostgreSQL database, by its address; needs the feature `postgres`.
    Postgres(PostgresAddress),
}

/// The address of a database, such as `postgres://scim@localhost/people`. Neither `Debug` nor `Display` shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresAddress(String);

impl PostgresAddress {
    /// The address with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Passwords stand in front of the last `@` or among the parameters.
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        write!(f, "postgres://{}", place.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a store such as `memory`, `sqlite:people.db` or `postgres://scim@localhost/people`, found `{found}`")]
pub struct StoreFormatError {
    /// What was found; of an address no more than its scheme, since a password may stand in it.
    pub found: String,
}

impl FromStr for Store {
    type Err = StoreFormatError;

    fn from_str(text: &str) -> Result<Self, StoreFormatError> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(PostgresAddress(text.to_owned()))),
            _ => Err(StoreFormatError {
                found: text.split_once("://").map_or_else(|| text.to_owned(), |(scheme, _)| format!("{scheme}://…")),
            }),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_password() {
        for text in ["postgres://scim:hush@localhost:5432/people", "postgresql://localhost:5432/people?password=hush&user=scim"] {
            let store: Store = text.parse().unwrap();
            assert_eq!(store.to_string(), "postgres://localhost:5432/people");
            assert!(!format!("{store:?}").contains("hush"));
        }
        let fault = "postgre://scim:hush@localhost/people".parse::<Store>().unwrap_err().to_string();
        assert!(fault.ends_with("found `postgre://…`"), "{fault}");
    }
}
