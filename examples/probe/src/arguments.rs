//! What can be said on the command line.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use secrecy::SecretString;

/// Says what a SCIM service can do, what it does wrong, and how long a cycle would take. It changes nothing.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    /// The address of the service, such as `https://example.com/scim/v2`.
    #[arg(value_name = "URL")]
    pub url: String,

    /// The bearer token.
    #[arg(long, value_name = "TOKEN", env = "SCIMKIT_TOKEN", hide_env_values = true, value_parser = secret)]
    pub token: Option<SecretString>,

    /// How many users a cycle would provision.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub users: u32,

    /// How many requests may read, such as `300/60` for 300 in 60 seconds.
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    pub read_limit: Option<Rate>,

    /// How many requests may write.
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    pub write_limit: Option<Rate>,
}

/// Any text, which is shown nowhere, not even in a message about it.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// The requests.
    pub requests: u64,
    /// The time.
    pub window: Duration,
}

impl Rate {
    /// A rate, if it is one: some requests in some time.
    pub(crate) fn new(requests: u64, window: Duration) -> Option<Self> {
        (requests > 0 && !window.is_zero()).then_some(Self { requests, window })
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(requests, seconds)| Some((requests.parse().ok()?, seconds.parse().ok()?)));
        let rate = parts.and_then(|(requests, seconds)| Self::new(requests, Duration::from_secs(seconds)));
        rate.ok_or_else(|| format!("expected a limit such as `300/60`, found `{text}`"))
    }
}
