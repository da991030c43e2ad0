//! Where an embedding product has a say in changes.

use std::fmt::Debug;

use async_trait::async_trait;
use scimkit_types::{PatchOp, Resource};

use crate::handler::{Context, Result};
use crate::policy::Action;

/// A change that is about to be made. There is never a password in it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Proposal<'a> {
    /// A resource is created.
    Create {
        /// The body as it was sent.
        body: &'a Resource,
    },
    /// A resource is replaced.
    Replace {
        /// The id of the resource.
        id: &'a str,
        /// The body as it was sent.
        body: &'a Resource,
    },
    /// A resource is patched.
    Patch {
        /// The id of the resource.
        id: &'a str,
        /// The operations; none if only the password changes.
        patch: &'a PatchOp,
    },
    /// A resource is deleted.
    Delete {
        /// The id of the resource.
        id: &'a str,
    },
}

/// A change that was made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Changed<'a> {
    /// What was done; a resource that a bulk request made and had to take back is deleted.
    pub action: Action,
    /// The id of the resource.
    pub id: &'a str,
    /// The resource as the handler returned it: attributes that the answer does not include may be missing. `None` if it was deleted.
    pub resource: Option<&'a Resource>,
}

/// Has a say in changes of resources: for products that embed a server and must check or be told.
///
/// # Contract
/// [`before`](Self::before) is called after permissions, policies, limits and the reading of the body, and before the handler; a body
/// that a hook has let pass may still be refused as not valid. [`after`](Self::after) is called once the handler has made the change,
/// for each operation of a bulk request by itself; it cannot fail, and the answer waits for it.
///
/// # Errors
/// [`HandlerError::Refused`](crate::HandlerError::Refused) with the answer; then nothing is changed.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None.
#[async_trait]
pub trait Hook: Debug + Send + Sync {
    /// Lets a change pass or refuses it.
    ///
    /// # Errors
    /// Why the change must not be made.
    async fn before(&self, context: &Context<'_>, proposal: &Proposal<'_>) -> Result<()>;

    /// Learns of a change that was made.
    async fn after(&self, context: &Context<'_>, change: &Changed<'_>);
}
