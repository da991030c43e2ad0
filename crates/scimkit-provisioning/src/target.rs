//! Where people and groups go to.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use scimkit_filter::Filter;
use scimkit_types::{PatchOperation, Resource, ScimType, Timestamp};

/// A service whose resources are kept equal to what the mappings say.
///
/// # Contract
/// A call that returns an error says in [`TargetError::may_have_had_effect`] whether the service may have done it all the same.
/// Waiting for quotas and repeating what is safe to repeat happen below this trait; but no request is sent at the instant `not_after` or
/// later: the call then ends with the kind [`Expired`](TargetErrorKind::Expired). The job may belong to another worker by then.
#[async_trait]
pub trait Target: Debug + Send + Sync {
    /// Finds the resources of a type that meet a filter. Lists of members are left out.
    ///
    /// # Errors
    /// [`TargetError`]; a service that cannot filter so answers with the kind `Rejected` and `invalidFilter`.
    async fn find(&self, resource_type: &str, filter: &Filter, not_after: Timestamp) -> Result<Vec<Resource>, TargetError>;

    /// Lists the resources of a type from a 1-based index on, as many as the service puts on a page. Lists of members are left out.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn list(&self, resource_type: &str, start_index: u64, not_after: Timestamp) -> Result<TargetPage, TargetError>;

    /// Reads one resource, whole.
    ///
    /// # Errors
    /// [`TargetError`]; `Gone` if there is no such resource.
    async fn get(&self, resource_type: &str, id: &str, not_after: Timestamp) -> Result<Resource, TargetError>;

    /// Creates a resource and returns it with its id.
    ///
    /// # Errors
    /// [`TargetError`]; `Conflict` if a unique value is in use.
    async fn create(&self, resource_type: &str, resource: &Resource, not_after: Timestamp) -> Result<Resource, TargetError>;

    /// Changes a resource. All operations are done or none.
    ///
    /// # Errors
    /// [`TargetError`]; `Gone` if there is no such resource.
    async fn patch(&self, resource_type: &str, id: &str, operations: &[PatchOperation], not_after: Timestamp) -> Result<(), TargetError>;

    /// Makes several changes that do not depend on each other, if it can be in one request; the answers are in the order of the changes,
    /// each with the id of the resource. One that fails does not stop the others. A target without bulk requests makes them one by one.
    async fn bulk(&self, changes: &[TargetChange], not_after: Timestamp) -> Vec<Result<String, TargetError>> {
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            answers.push(match change {
                TargetChange::Create { resource_type, resource } => {
                    self.create(resource_type, resource, not_after).await.and_then(|created| {
                        let id = created.id().map(str::to_owned);
                        id.ok_or_else(|| {
                            TargetError::new(TargetErrorKind::Incompatible, "the service answered without an id").with_effect()
                        })
                    })
                }
                TargetChange::Patch { resource_type, id, operations } => {
                    self.patch(resource_type, id, operations, not_after).await.map(|()| id.clone())
                }
                TargetChange::Delete { resource_type, id } => self.delete(resource_type, id, not_after).await.map(|()| id.clone()),
            });
        }
        answers
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// [`TargetError`]; `Gone` if there is no such resource.
    async fn delete(&self, resource_type: &str, id: &str, not_after: Timestamp) -> Result<(), TargetError>;
}

/// One of several changes that are made together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TargetChange {
    /// A resource is created.
    Create {
        /// Its type.
        resource_type: String,
        /// The resource.
        resource: Resource,
    },
    /// A resource is changed.
    Patch {
        /// Its type.
        resource_type: String,
        /// Its id.
        id: String,
        /// All of which are done or none.
        operations: Vec<PatchOperation>,
    },
    /// A resource is deleted.
    Delete {
        /// Its type.
        resource_type: String,
        /// Its id.
        id: String,
    },
}

/// Some of a target's resources.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TargetPage {
    /// How many resources there are on all pages.
    pub total: u64,
    /// The resources of this page; none after the last one.
    pub resources: Vec<Resource>,
}

impl TargetPage {
    /// A page.
    pub const fn new(total: u64, resources: Vec<Resource>) -> Self {
        Self { total, resources }
    }
}

/// Why a target did not do what it was asked. `Display` names no attribute value of ours; it may hold the service's own words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct TargetError {
    /// What kind of failure it is.
    pub kind: TargetErrorKind,
    /// Whether the service may have done what it was asked.
    pub may_have_had_effect: bool,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The keyword of the answer.
    pub scim_type: Option<ScimType>,
    /// When the service wants to be asked again.
    pub retry_after: Option<Duration>,
    /// What happened.
    pub message: String,
    /// What caused it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TargetError {
    /// A failure that had no effect.
    pub fn new(kind: TargetErrorKind, message: impl Into<String>) -> Self {
        Self { kind, may_have_had_effect: false, status: None, scim_type: None, retry_after: None, message: message.into(), source: None }
    }

    /// This failure as one that may have had an effect all the same.
    #[must_use]
    pub fn with_effect(self) -> Self {
        Self { may_have_had_effect: true, ..self }
    }

    /// Whether the failure says nothing about the object, so that the cycle cannot go on.
    pub const fn ends_cycle(&self) -> bool {
        matches!(
            self.kind,
            TargetErrorKind::Unavailable | TargetErrorKind::Throttled | TargetErrorKind::Unauthorized | TargetErrorKind::Expired
        )
    }
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetErrorKind {
    /// The service does not answer.
    Unavailable,
    /// The service says that there were too many requests, also after waiting.
    Throttled,
    /// The service refuses the credentials.
    Unauthorized,
    /// There is no such resource, said by a SCIM error.
    Gone,
    /// A unique value is in use.
    Conflict,
    /// The service refuses the request for what it holds, or for the rights of the client.
    Rejected,
    /// The service failed.
    ServerError,
    /// The answer is not SCIM.
    Incompatible,
    /// The request was not sent, as it had waited for too long.
    Expired,
}
