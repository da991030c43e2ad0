//! What an actor may do beyond its permissions.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

use scimkit_types::ErrorResponse;

use crate::authenticate::Actor;

/// What is done to resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A resource is created.
    Create,
    /// One resource is read.
    Get,
    /// Resources are searched.
    Query,
    /// A resource is replaced.
    Replace,
    /// A resource is patched.
    Patch,
    /// A resource is deleted.
    Delete,
}

impl Action {
    /// Whether resources can change.
    pub const fn is_write(self) -> bool {
        match self {
            Self::Get | Self::Query => false,
            Self::Create | Self::Replace | Self::Patch | Self::Delete => true,
        }
    }
}

/// What a request is about to do.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Access<'a> {
    /// What is done.
    pub action: Action,
    /// The name of the resource type.
    pub resource_type: &'a str,
    /// The id of the resource; `None` when it is created or searched.
    pub id: Option<&'a str>,
}

/// Decides on requests of authenticated actors (R7644-2-02, R7644-2-03).
///
/// A policy is asked after authentication and permissions, before anything is charged, read or written.
///
/// # Contract
/// The answer must not need I/O. A refusal is answered as it is.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None.
pub trait Policy: Debug + Send + Sync {
    /// Lets the request pass or refuses it.
    ///
    /// # Errors
    /// The refusal, as it is answered; by habit with status 403.
    fn admit(&self, actor: &Actor, access: &Access<'_>) -> Result<(), ErrorResponse>;
}

/// Refuses every request until an administrator has chosen SCIM as the directory provider, as `RingCentral` does.
///
/// Discovery is answered all the same.
#[derive(Debug, Default)]
pub struct DirectoryProviderSwitch {
    is_set: AtomicBool,
}

impl DirectoryProviderSwitch {
    /// A switch in this position.
    pub const fn new(is_set: bool) -> Self {
        Self { is_set: AtomicBool::new(is_set) }
    }

    /// Moves the switch.
    pub fn set(&self, is_set: bool) {
        self.is_set.store(is_set, Ordering::Release);
    }

    /// Whether requests are answered.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }
}

impl Policy for DirectoryProviderSwitch {
    fn admit(&self, _actor: &Actor, _access: &Access<'_>) -> Result<(), ErrorResponse> {
        if self.is_set() {
            return Ok(());
        }
        Err(ErrorResponse::new(403, "the directory provider of this account is not set to SCIM; an administrator has to choose it first"))
    }
}
