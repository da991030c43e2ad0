//! What can be changed from the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

/// Provisions a company's people into a SCIM service, both in this process, and shows that the two are in step.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Options {
    /// Which service to provision: RingCentral with users, or a standard service with users and groups.
    #[arg(long, value_enum, default_value_t = ServiceKind::Ringcentral)]
    pub profile: ServiceKind,

    /// A directory of Microsoft Graph delta pages (folders `initial` and `next-day`) instead of the invented one.
    #[arg(long, value_name = "PATH")]
    pub directory: Option<PathBuf>,

    /// The job file, TOML or JSON, instead of the built-in one. Files that it names stand beside it; those of the built-in job need not.
    #[arg(long, value_name = "FILE")]
    pub job: Option<PathBuf>,

    /// The folder that keeps everything, the service's database too; a run that was stopped goes on there.
    #[arg(long, value_name = "PATH")]
    pub state: Option<PathBuf>,

    /// Where the service listens; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,

    /// A bearer token that the client sends; by default it is authorized by OAuth 2, as the service's administrator would.
    #[arg(long, value_name = "TOKEN", env = "SCIMKIT_FLOW_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Prints the address where the administrator allows the access, and waits for the browser to come back from there.
    #[arg(long, conflicts_with = "token")]
    pub browser: bool,

    /// Lets the service stop answering after so many requests, to see a cycle fail; run again without it to go on.
    #[arg(long, value_name = "REQUESTS", value_parser = requests)]
    pub stop_service_after: Option<u64>,

    /// What happens on the next day: what happens in a company, or half of the directory is gone by mistake, which is held back.
    #[arg(long, value_enum, default_value_t = Day::Usual)]
    pub day: Day,

    /// How many people the invented directory has. The expected content is reviewed for 500 only.
    #[arg(long, value_name = "NUMBER", default_value_t = 500, value_parser = people, conflicts_with = "directory")]
    pub people: u32,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address with a port, such as `127.0.0.1:8080`".to_owned())
}

fn requests(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

fn people(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (20..=100_000).contains(number));
    number.ok_or_else(|| "expected a whole number from 20 to 100000".to_owned())
}

/// What happens on the next day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Day {
    /// People join, change and leave.
    #[default]
    Usual,
    /// Half of the directory is gone.
    Bad,
}

impl Day {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Bad => "bad",
        }
    }
}

/// Which service to provision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum ServiceKind {
    /// Behaves as RingCentral does.
    Ringcentral,
    /// The standard's users and groups.
    Standard,
}

impl ServiceKind {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ringcentral => "ringcentral",
            Self::Standard => "standard",
        }
    }

    /// The service's profile, as JSON.
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Ringcentral => include_str!("../../../testdata/profiles/ringcentral.json"),
            Self::Standard => include_str!("../../../testdata/profiles/standard.json"),
        }
    }

    /// The job file, as TOML.
    pub const fn job(self) -> &'static str {
        match self {
            Self::Ringcentral => include_str!("../data/ringcentral.toml"),
            Self::Standard => include_str!("../data/standard.toml"),
        }
    }

    /// The job's mappings, a synchronization schema as JSON.
    pub const fn mappings(self) -> &'static str {
        match self {
            Self::Ringcentral => include_str!("../data/ringcentral-job.json"),
            Self::Standard => include_str!("../data/standard-job.json"),
        }
    }

    /// What the service must hold in the end, as JSON: reviewed by people, for the invented directory of 500.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Ringcentral => include_str!("../data/expected/ringcentral.json"),
            Self::Standard => include_str!("../data/expected/standard.json"),
        }
    }
}
