//! What the program is called with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use scimkit_types::dialect::DialectError;
use scimkit_types::{Dialect, Profile};
use secrecy::SecretString;

use crate::options::{Options, Store, StoreFormatError};

const STANDARD: &str = include_str!("../../../testdata/profiles/standard.json");
const RINGCENTRAL: &str = include_str!("../../../testdata/profiles/ringcentral.json");

/// A SCIM service provider for any client.
#[derive(Clone, Debug, Parser)]
#[command(name = "service_provider", about)]
pub struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// Where resources are kept: `memory` or `sqlite:PATH`
    #[arg(long, default_value = "memory")]
    pub store: String,

    /// The bearer token that lets a client in; made and printed if there is none
    #[arg(long, env = "SCIMKIT_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// How the service behaves: `standard`, `ringcentral` or a file
    #[arg(long, default_value = "standard")]
    pub profile: String,

    /// What is tolerated of clients: `strict`, `lenient`, `entra`, `entra-optscim`, `okta`, `aws` or `ringcentral`; the profile's choice if there is none
    #[arg(long)]
    pub dialect: Option<String>,

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
    /// `--token` cannot stand in a header.
    #[error("expected a token of letters, digits and `-._~+/=` for `--token`")]
    Token,
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
        if let Some(token) = &self.token {
            check_token(token)?;
        }
        let mut options = Options::new(profile(&self.profile)?).with_listen(listen).with_store(store);
        options.is_directory_provider_set |= self.directory_provider_set;
        options.dialect = dialect;
        options.base_url.clone_from(&self.base_url);
        options.token = self.token.as_deref().map(SecretString::from);
        Ok(options)
    }
}

/// RFC 6750 section 2.1: the characters of a bearer token.
fn check_token(token: &str) -> Result<(), ArgumentsError> {
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
