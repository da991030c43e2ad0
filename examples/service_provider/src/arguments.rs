//! What the program is called with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Parser;
use scimkit_types::dialect::DialectError;
use scimkit_types::profile::RequestLimit;
use scimkit_types::{Dialect, Profile};
use secrecy::SecretString;

use crate::options::{JwksSource, Options, Store, StoreFormatError};
use crate::tenants::{self, TenantsError};

const STANDARD: &str = include_str!("../../../testdata/profiles/standard.json");
const RINGCENTRAL: &str = include_str!("../../../testdata/profiles/ringcentral.json");

/// A SCIM service provider for any client.
#[derive(Clone, Debug, Parser)]
#[command(name = "service_provider", about)]
pub struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// Where resources are kept: `memory`, `sqlite:PATH` or `postgres://USER@HOST/DATABASE`, the last one with the feature `postgres`;
    /// `?sslmode=verify-full` encrypts, `&sslrootcert=FILE` names the authorities to trust
    #[arg(long, default_value = "memory")]
    pub store: String,

    /// The bearer token that lets a client in; made and printed if there is none
    #[arg(long, env = "SCIMKIT_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// A file with the bearer token on its first line, for those who do not want it among the arguments; it counts more than `--token`
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Where an authorization server publishes the keys of its access tokens, which then let clients in
    #[arg(long, value_name = "ADDRESS", requires_all = ["issuer", "audience"])]
    pub jwks: Option<String>,

    /// The issuer of access tokens, as their claim `iss` names it
    #[arg(long, requires = "jwks")]
    pub issuer: Option<String>,

    /// This service, as the claim `aud` of access tokens names it
    #[arg(long, requires = "jwks")]
    pub audience: Option<String>,

    /// The claim of access tokens with the name of the tenant; all belong to one tenant if there is none
    #[arg(long, value_name = "CLAIM", requires = "jwks")]
    pub tenant_claim: Option<String>,

    /// A TOML or JSON file with tenants, each with its tokens and what is different for it; README.md shows one
    #[arg(long, value_name = "FILE")]
    pub tenants: Option<PathBuf>,

    /// How the service behaves: `standard`, `ringcentral` or a file
    #[arg(long, default_value = "standard")]
    pub profile: String,

    /// What is tolerated of clients: `strict`, `lenient`, `entra`, `entra-optscim`, `okta`, `aws` or `ringcentral`; the profile's choice if there is none
    #[arg(long)]
    pub dialect: Option<String>,

    /// How many requests of a tenant may read, such as `300/60` for 300 in 60 seconds; the profile's choice if there is none
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    pub read_limit: Option<String>,

    /// How many requests of a tenant may write, such as `100/60`; the profile's choice if there is none
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    pub write_limit: Option<String>,

    /// Where Prometheus reads figures, such as `127.0.0.1:9090`
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,

    /// A file that gets a line of JSON for every write: who did what to which resource, and what became of it
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,

    /// The address of a proxy that is believed when it says which host a client asked for; may be given several times
    #[arg(long, value_name = "IP")]
    pub trusted_proxy: Vec<String>,

    /// The address that clients use, if it is not the one to listen on
    #[arg(long, value_name = "ADDRESS")]
    pub base_url: Option<String>,

    /// Choose SCIM as the directory provider, as an administrator does; some profiles answer 403 before
    #[arg(long)]
    pub directory_provider_set: bool,
}

/// An argument that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentsError {
    /// `--listen` is no address.
    #[error("expected an address such as `127.0.0.1:8080` for `--listen`, found `{found}`")]
    Listen {
        /// What was found.
        found: String,
    },
    /// `--store` is no store.
    #[error(transparent)]
    Store(#[from] StoreFormatError),
    /// `--dialect` is no dialect.
    #[error(transparent)]
    Dialect(#[from] DialectError),
    /// A token cannot stand in a header.
    #[error("expected a token of letters, digits and `-._~+/=` for `--token`, in `SCIMKIT_TOKEN` or on the first line of `--token-file`")]
    Token,
    /// The file of `--token-file` cannot be opened.
    #[error("cannot read the token file `{}`", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An address cannot be read.
    #[error("expected an address such as `{example}` for `{argument}`, found `{found}`")]
    Address {
        /// The argument.
        argument: &'static str,
        /// What it could be.
        example: &'static str,
        /// What was found.
        found: String,
    },
    /// A limit of requests cannot be read.
    #[error("expected a limit such as `300/60` for `{argument}`, found `{found}`")]
    Limit {
        /// The argument, or the member of a tenant.
        argument: &'static str,
        /// What was found.
        found: String,
    },
    /// The file of `--tenants` cannot be used.
    #[error(transparent)]
    Tenants(#[from] TenantsError),
    /// The file of `--profile` cannot be opened.
    #[error("cannot read the profile `{}`; `standard` and `ringcentral` need no file", path.display())]
    ProfileFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of `--profile` is no profile; the cause says where.
    #[error("the file `{}` is not a profile", path.display())]
    ProfileText {
        /// The file.
        path: PathBuf,
        /// Why, with line and column.
        #[source]
        source: serde_json::Error,
    },
}

impl Arguments {
    /// The options that these arguments stand for.
    ///
    /// # Errors
    /// [`ArgumentsError`] naming the first argument at fault.
    pub fn options(&self) -> Result<Options, ArgumentsError> {
        let listen: SocketAddr = self.listen.parse().map_err(|_| ArgumentsError::Listen { found: self.listen.clone() })?;
        let store: Store = self.store.parse()?;
        let dialect = self.dialect.as_deref().map(str::parse::<Dialect>).transpose()?;
        let token = self.token()?;
        let mut profile = profile(&self.profile)?;
        let limits = &mut profile.limits;
        for (limit, argument, text) in
            [(&mut limits.read, "--read-limit", &self.read_limit), (&mut limits.write, "--write-limit", &self.write_limit)]
        {
            if let Some(text) = text {
                *limit = Some(request_limit(argument, text)?);
            }
        }
        let mut options = Options::new(profile).with_listen(listen).with_store(store);
        options.is_directory_provider_set |= self.directory_provider_set;
        options.dialect = dialect;
        options.base_url.clone_from(&self.base_url);
        options.token = token;
        options.jwks = self.jwks()?;
        options.tenants = self.tenants.as_deref().map(tenants::read).transpose()?.unwrap_or_default();
        tenants::check(&options)?;
        let metrics = self.metrics.as_deref().map(|text| address("--metrics", "127.0.0.1:9090", text));
        options.metrics = metrics.transpose()?;
        options.audit.clone_from(&self.audit);
        let proxies = self.trusted_proxy.iter().map(|text| address("--trusted-proxy", "10.0.0.1", text));
        options.trusted_proxies = proxies.collect::<Result<_, _>>()?;
        Ok(options)
    }

    fn token(&self) -> Result<Option<SecretString>, ArgumentsError> {
        let token = match &self.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ArgumentsError::TokenFile { path: path.clone(), source })?;
                Some(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            None => self.token.clone(),
        };
        if let Some(token) = &token {
            check_token(token)?;
        }
        Ok(token.map(SecretString::from))
    }

    fn jwks(&self) -> Result<Option<JwksSource>, ArgumentsError> {
        let Some(text) = &self.jwks else { return Ok(None) };
        let (argument, example) = ("--jwks", "https://login.example.com/keys");
        let uri: http::Uri = address(argument, example, text)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(ArgumentsError::Address { argument, example, found: text.clone() });
        }
        Ok(Some(JwksSource {
            uri,
            issuer: self.issuer.clone().unwrap_or_default(),
            audience: self.audience.clone().unwrap_or_default(),
            tenant_claim: self.tenant_claim.clone(),
        }))
    }
}

fn address<T: FromStr>(argument: &'static str, example: &'static str, text: &str) -> Result<T, ArgumentsError> {
    text.parse().map_err(|_| ArgumentsError::Address { argument, example, found: text.to_owned() })
}

/// A limit such as `300/60`: so many requests in so many seconds.
pub(crate) fn request_limit(argument: &'static str, text: &str) -> Result<RequestLimit, ArgumentsError> {
    let parsed = text.split_once('/').and_then(|(requests, seconds)| Some((requests.parse().ok()?, seconds.parse().ok()?)));
    match parsed {
        Some((requests, seconds)) if requests > 0 && seconds > 0 => Ok(RequestLimit::new(requests, seconds)),
        _ => Err(ArgumentsError::Limit { argument, found: text.to_owned() }),
    }
}

/// RFC 6750 section 2.1: the characters of a bearer token.
pub(crate) fn check_token(token: &str) -> Result<(), ArgumentsError> {
    let is_valid = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    if is_valid { Ok(()) } else { Err(ArgumentsError::Token) }
}

fn profile(name: &str) -> Result<Profile, ArgumentsError> {
    let path = Path::new(name);
    let read = |text: &str| serde_json::from_str(text).map_err(|source| ArgumentsError::ProfileText { path: path.to_owned(), source });
    match name {
        "standard" => read(STANDARD),
        "ringcentral" => read(RINGCENTRAL),
        _ => {
            let text = std::fs::read_to_string(path);
            read(&text.map_err(|source| ArgumentsError::ProfileFile { path: path.to_owned(), source })?)
        }
    }
}
