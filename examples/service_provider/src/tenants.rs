//! The file of tenants.
//!
//! ```toml
//! [[tenants]]
//! name = "acme"                      # what its resources are kept under
//! tokens = ["…"]                     # bearer tokens that let its clients in; two while one takes over from the other
//! token_digests = ["9f86d0…"]        # the same as SHA-256 in hexadecimal, so that the file holds no secret
//! reader_tokens = ["…"]              # bearer tokens that allow reading only
//! resource_types = ["User"]          # the resource types that its clients may use; default all
//! dialect = "entra"                  # what is tolerated of its clients; default that of the service
//! read_limit = "300/60"              # default that of the service
//! write_limit = "100/60"
//! host = "acme.example.com"          # the host that stands for it, or
//! path = "/acme/scim/v2"             # the base path that stands for it; default those of the service
//! base_url = "https://acme.example.com/scim/v2"   # the address that its clients use, with a host or path of its own
//! ```

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use scimkit_server::Permissions;
use scimkit_types::Dialect;
use scimkit_types::profile::RequestLimit;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::arguments::{check_token, request_limit};
use crate::options::Options;

/// One tenant.
#[derive(Clone, Default)]
pub struct TenantOptions {
    /// What its resources are kept under.
    pub name: String,
    /// The tokens that let its clients in, with what they allow.
    pub tokens: Vec<(Token, Permissions)>,
    /// The resource types that its clients may use; all if there are none.
    pub resource_types: Vec<String>,
    /// What is tolerated of its clients; `None` for what the service tolerates.
    pub dialect: Option<Dialect>,
    /// Requests that read; `None` for the limit of the service.
    pub read_limit: Option<RequestLimit>,
    /// Requests that write; `None` for the limit of the service.
    pub write_limit: Option<RequestLimit>,
    /// The host that stands for it.
    pub host: Option<String>,
    /// The base path that stands for it.
    pub path: Option<String>,
    /// The address that its clients use.
    pub base_url: Option<String>,
}

/// A bearer token, or what is known of it.
#[derive(Clone)]
#[non_exhaustive]
pub enum Token {
    /// The token.
    Clear(SecretString),
    /// Its SHA-256 digest.
    Digest([u8; 32]),
}

impl Token {
    /// What it is told from others by, as far as it is known.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Clear(token) => token.expose_secret().as_bytes(),
            Self::Digest(digest) => digest,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl fmt::Debug for TenantOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A file of tenants that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantsError {
    /// The file cannot be opened.
    #[error("cannot read the tenants `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is neither TOML nor JSON, or has members that are not known. It says where, and shows nothing of the file, since there
    /// are tokens in it.
    #[error("the file `{}` does not list tenants: {fault}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        fault: String,
    },
    /// A tenant cannot be used.
    #[error("the tenant `{name}` cannot be used: {fault}")]
    Tenant {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tenants: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    token_digests: Vec<String>,
    #[serde(default)]
    reader_tokens: Vec<String>,
    #[serde(default)]
    resource_types: Vec<String>,
    dialect: Option<String>,
    read_limit: Option<String>,
    write_limit: Option<String>,
    host: Option<String>,
    path: Option<String>,
    base_url: Option<String>,
}

/// Reads a file: JSON if its name ends so, else TOML.
pub(crate) fn read(path: &Path) -> Result<Vec<TenantOptions>, TenantsError> {
    let text = std::fs::read_to_string(path).map_err(|source| TenantsError::File { path: path.to_owned(), source })?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let file: Result<File, String> = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
            format!("{} in line {line}", error.message())
        })
    };
    let file = file.map_err(|fault| TenantsError::Text { path: path.to_owned(), fault })?;
    let mut tenants: Vec<TenantOptions> = Vec::new();
    for entry in file.tenants {
        let name = entry.name.clone();
        let is_new = tenants.iter().all(|tenant| tenant.name != name);
        let tenant = if is_new { entry.options() } else { Err("there is another one of this name".to_owned()) };
        tenants.push(tenant.map_err(|fault| TenantsError::Tenant { name, fault })?);
    }
    Ok(tenants)
}

/// Checks that tenants can be told apart, and that the profile knows what they name: a token of two tenants would let the clients of one
/// see the resources of the other.
pub(crate) fn check(options: &Options) -> Result<(), TenantsError> {
    // A profile that does not hold together is told when it is served.
    let catalog = options.profile.catalog().ok();
    let mut tokens: HashSet<&[u8]> = options.token.iter().map(|token| token.expose_secret().as_bytes()).collect();
    let mut places = HashSet::new();
    for tenant in &options.tenants {
        let fault = |fault: String| Err(TenantsError::Tenant { name: tenant.name.clone(), fault });
        if !tenant.tokens.iter().all(|(token, _)| tokens.insert(token.bytes())) {
            return fault("one of its tokens stands elsewhere too".to_owned());
        }
        let place = (tenant.host.as_deref().map(str::to_ascii_lowercase), tenant.path.as_deref());
        if place != (None, None) && !places.insert(place) {
            return fault("another tenant has the same host and path".to_owned());
        }
        let is_unknown = |name: &&String| catalog.as_ref().is_some_and(|catalog| catalog.resource_type(name).is_none());
        if let Some(name) = tenant.resource_types.iter().find(is_unknown) {
            return fault(format!("expected resource types of the profile at `resource_types`, found `{name}`"));
        }
    }
    Ok(())
}

impl Entry {
    fn options(self) -> Result<TenantOptions, String> {
        if self.name.is_empty() {
            return Err("expected a name that is not empty".to_owned());
        }
        let mut tokens = Vec::new();
        for (list, permissions) in [(self.tokens, Permissions::ReadWrite), (self.reader_tokens, Permissions::Read)] {
            for token in list {
                check_token(&token).map_err(|_| "expected tokens of letters, digits and `-._~+/=`".to_owned())?;
                tokens.push((Token::Clear(SecretString::from(token)), permissions));
            }
        }
        for text in self.token_digests {
            let digest = digest(&text).ok_or("expected digests of 64 hexadecimal digits")?;
            tokens.push((Token::Digest(digest), Permissions::ReadWrite));
        }
        let limit = |member: &'static str, text: Option<String>| {
            text.map(|text| request_limit(member, &text)).transpose().map_err(|error| error.to_string())
        };
        if self.base_url.is_some() && self.host.is_none() && self.path.is_none() {
            return Err("expected a host or a path beside `base_url`".to_owned());
        }
        Ok(TenantOptions {
            name: self.name,
            tokens,
            resource_types: self.resource_types,
            dialect: self.dialect.map(|text| text.parse::<Dialect>()).transpose().map_err(|error| error.to_string())?,
            read_limit: limit("read_limit", self.read_limit)?,
            write_limit: limit("write_limit", self.write_limit)?,
            host: self.host,
            path: self.path,
            base_url: self.base_url,
        })
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}
