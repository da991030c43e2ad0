//! The test of the connection.

use scimkit_filter::Filter;
use scimkit_mapping::{Entropy, MappingSet, MatchingAttribute};
use scimkit_types::{ScimType, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{ConnectionError, Result, counted};
use crate::run::Run;
use crate::target::{TargetError, TargetErrorKind};

impl Engine {
    /// Asks the service, for each matching attribute, for a random UUID, which nobody has; it must answer with an empty list.
    /// [`connection_verdict`](Self::connection_verdict) gives the same as a value.
    ///
    /// # Errors
    /// [`ConnectionError`], which says what to do.
    pub async fn test_connection(&self) -> Result<(), ConnectionError> {
        for mapping in &self.job.mappings {
            for attribute in mapping.matching() {
                self.ask_for_nobody(mapping, attribute).await.1?;
            }
        }
        Ok(())
    }

    /// Tests the connection and tells, for each matching attribute, what was tried, what came, and what to do. After a failure that every
    /// request would meet, nothing more is tried.
    pub async fn connection_verdict(&self) -> ConnectionVerdict {
        let mut checks = Vec::new();
        for mapping in &self.job.mappings {
            for attribute in mapping.matching() {
                let (filter, result) = self.ask_for_nobody(mapping, attribute).await;
                let failure = result.as_ref().err().map(ConnectionError::failure);
                checks.push(ConnectionCheck::new(mapping, attribute, &filter, result.as_ref().err()));
                if failure.is_some_and(ConnectionFailure::is_met_by_all) {
                    return ConnectionVerdict { is_usable: false, checks };
                }
            }
        }
        ConnectionVerdict { is_usable: checks.iter().all(|check| check.failure.is_none()), checks }
    }

    async fn ask_for_nobody(&self, mapping: &MappingSet, attribute: &MatchingAttribute) -> (Filter, Result<(), ConnectionError>) {
        let filter = for_nobody(attribute, self.entropy.as_ref());
        let result = match self.target.find(mapping.resource_type(), &filter, Timestamp::MAX).await {
            Ok(found) if found.is_empty() => Ok(()),
            Ok(found) => Err(ConnectionError::IgnoresFilter { attribute: attribute.target.clone(), found: found.len() }),
            Err(error) => Err(match error.kind {
                _ if error.scim_type == Some(ScimType::InvalidFilter) => {
                    ConnectionError::CannotFilter { attribute: attribute.target.clone(), error }
                }
                TargetErrorKind::Unavailable => ConnectionError::Unreachable(error),
                TargetErrorKind::Throttled => ConnectionError::Busy(error),
                TargetErrorKind::Unauthorized => ConnectionError::Unauthorized(error),
                TargetErrorKind::Incompatible | TargetErrorKind::Gone => ConnectionError::Incompatible(error),
                _ => ConnectionError::Refused(error),
            }),
        };
        (filter, result)
    }
}

/// The test that each cycle begins with, as in Microsoft's service: one request, for the first matching attribute. If it fails, the cycle
/// does, before anything is read or written.
pub(crate) async fn check_connection(run: &Run<'_>) -> Result<()> {
    let first = run.job.mappings.iter().find_map(|mapping| Some((mapping, mapping.matching().first()?)));
    let Some((mapping, attribute)) = first else { return Ok(()) };
    let filter = for_nobody(attribute, run.entropy);
    let found = run.call(|not_after| run.target.find(mapping.resource_type(), &filter, not_after)).await??;
    if found.is_empty() {
        return Ok(());
    }
    let error = ConnectionError::IgnoresFilter { attribute: attribute.target.clone(), found: found.len() };
    Err(TargetError::new(TargetErrorKind::Incompatible, error.to_string()).into())
}

/// A filter on a matching attribute for a random UUID, which nobody has.
fn for_nobody(attribute: &MatchingAttribute, entropy: &dyn Entropy) -> Filter {
    Filter::equal(attribute.filter_path.clone(), random_uuid(entropy))
}

/// A random UUID (version 4).
fn random_uuid(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let mut text = format!("{number:032x}");
    for place in [20, 16, 12, 8] {
        text.insert(place, '-');
    }
    text
}

/// What a test of the connection came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionVerdict {
    /// Whether the service can be provisioned as the job says.
    pub is_usable: bool,
    /// What was tried, in order.
    pub checks: Vec<ConnectionCheck>,
}

impl ConnectionVerdict {
    /// What to do, each advice once; nothing if the service can be used.
    pub fn advice(&self) -> Vec<&str> {
        let mut advice: Vec<&str> = Vec::new();
        for text in self.checks.iter().filter_map(|check| check.advice.as_deref()) {
            if !advice.contains(&text) {
                advice.push(text);
            }
        }
        advice
    }
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionCheck {
    /// The type of the source object.
    pub object_type: String,
    /// The matching attribute.
    pub attribute: String,
    /// What the service was asked for, such as `User` with the filter ``userName eq "…"``.
    pub tried: String,
    /// What it answered, or how it did not.
    pub came: String,
    /// The status of the answer, if it was a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What is wrong; `None` if the service can be used so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ConnectionFailure>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl ConnectionCheck {
    fn new(mapping: &MappingSet, attribute: &MatchingAttribute, filter: &Filter, error: Option<&ConnectionError>) -> Self {
        let came = match error {
            None => "an empty list, as it must be".to_owned(),
            Some(ConnectionError::IgnoresFilter { found, .. }) => {
                format!("{} for a value that nobody has", counted(u64::try_from(*found).unwrap_or(u64::MAX), "resource"))
            }
            Some(error) => error.cause().map(ToString::to_string).unwrap_or_default(),
        };
        Self {
            object_type: mapping.object_type().to_owned(),
            attribute: attribute.target.clone(),
            tried: format!("find `{}` with the filter `{filter}`", mapping.resource_type()),
            came,
            status: error.and_then(ConnectionError::cause).and_then(|cause| cause.status),
            failure: error.map(ConnectionError::failure),
            advice: error.map(ConnectionError::advice),
        }
    }
}

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ConnectionFailure {
    /// The service cannot be reached.
    Unreachable,
    /// The service has had too many requests.
    Busy,
    /// The service refuses the token.
    Unauthorized,
    /// The service refuses the client.
    Refused,
    /// The service cannot filter on a matching attribute.
    CannotFilter,
    /// The service finds something for a value that nobody has.
    IgnoresFilter,
    /// The answer is not SCIM.
    Incompatible,
}

impl ConnectionFailure {
    /// Whether every other request would fail in the same way.
    const fn is_met_by_all(self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy | Self::Unauthorized)
    }
}

impl ConnectionError {
    /// What is wrong.
    pub const fn failure(&self) -> ConnectionFailure {
        match self {
            Self::Unreachable(_) => ConnectionFailure::Unreachable,
            Self::Busy(_) => ConnectionFailure::Busy,
            Self::Unauthorized(_) => ConnectionFailure::Unauthorized,
            Self::Refused(_) => ConnectionFailure::Refused,
            Self::CannotFilter { .. } => ConnectionFailure::CannotFilter,
            Self::IgnoresFilter { .. } => ConnectionFailure::IgnoresFilter,
            Self::Incompatible(_) => ConnectionFailure::Incompatible,
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Unreachable(_) => "check the address and that the service is running".to_owned(),
            Self::Busy(error) => match error.retry_after {
                Some(after) => format!("try again in {} seconds, and check that the job's quota is that of the service", after.as_secs()),
                None => "try again in a minute, and check that the job's quota is that of the service".to_owned(),
            },
            Self::Unauthorized(_) => "check that the token is the one the service gave and that it has not expired".to_owned(),
            Self::Refused(error) if error.status == Some(403) => {
                "check that the account of the token may read and write users and groups, and that provisioning is switched on".to_owned()
            }
            Self::Refused(_) => "do what the service says, then test again".to_owned(),
            Self::CannotFilter { attribute, .. } => {
                format!("match on an attribute that the service can filter on instead of `{attribute}`")
            }
            Self::IgnoresFilter { attribute, .. } => {
                format!(
                    "match on another attribute than `{attribute}`, or ask the service's maker to honor filters: it would link the wrong people"
                )
            }
            Self::Incompatible(_) => "check the address, which often ends in `/scim/v2`".to_owned(),
        }
    }

    fn cause(&self) -> Option<&TargetError> {
        match self {
            Self::Unreachable(error) | Self::Busy(error) | Self::Unauthorized(error) | Self::Refused(error) | Self::Incompatible(error) => {
                Some(error)
            }
            Self::CannotFilter { error, .. } => Some(error),
            Self::IgnoresFilter { .. } => None,
        }
    }
}
