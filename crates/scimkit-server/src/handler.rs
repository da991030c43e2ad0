//! The seam to storage: what a service provider does with resources once a request has been read.

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;
use scimkit_filter::ResolvedFilter;
use scimkit_store::{Position, Sort, Tenant};
use scimkit_types::profile::Limits;
use scimkit_types::validate::{self, Operation};
use scimkit_types::value::MemberName;
use scimkit_types::{
    Catalog, Dialect, ErrorResponse, PatchOp, Precondition, Profile, Projection, Resource, ResourceType, ScimType, Timestamp, Tolerance,
    Value, Version,
};

use crate::authenticate::Actor;
use crate::shape::Shape;
use crate::tolerance::Tolerances;

/// The result of a call to a handler.
pub type Result<T, E = HandlerError> = std::result::Result<T, E>;

/// Makes ids of new resources.
pub type IdSource = Arc<dyn Fn() -> String + Send + Sync>;

/// Why a handler did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// There is no such resource: 404.
    #[error("there is no such resource")]
    NotFound,
    /// A precondition of the request does not hold: 412.
    #[error("a precondition of the request does not hold")]
    PreconditionFailed,
    /// The resource is changed by many at once: 503 with a `Retry-After`.
    #[error("the resource is changed by others at the same time")]
    Busy,
    /// The request is refused with this answer.
    #[error(transparent)]
    Refused(#[from] ErrorResponse),
    /// The handler failed: 500. The cause is logged and never answered.
    #[error("the handler failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl HandlerError {
    /// A refusal with a keyword, under the status that goes with it.
    pub fn of(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::Refused(ErrorResponse::of(scim_type, detail))
    }

    /// A failure with its cause.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// What a request says about the version that it expects (RFC 7644 section 3.14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preconditions {
    /// `If-Match`; judged first (R7232-6-01).
    pub if_match: Precondition,
    /// `If-None-Match`.
    pub if_none_match: Precondition,
}

impl Preconditions {
    /// Checks the present version of a resource that exists. The check and the write must be one atomic step.
    ///
    /// # Errors
    /// [`HandlerError::PreconditionFailed`].
    pub fn check(&self, present: &Version) -> Result<()> {
        let holds = self.if_match.holds(Some(present)) && self.if_none_match.holds(Some(present));
        if holds { Ok(()) } else { Err(HandlerError::PreconditionFailed) }
    }

    /// Whether the request expects anything.
    pub fn is_none(&self) -> bool {
        self.if_match == Precondition::None && self.if_none_match == Precondition::None
    }
}

/// A query that fits its resource type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Search {
    /// What a resource must meet; it never widens the tenant.
    pub filter: Option<ResolvedFilter>,
    /// By what results are sorted.
    pub sort: Option<Sort>,
    /// The 1-based index of the first result wanted; at least 1.
    pub start_index: u64,
    /// Where results begin, from [`Found::next`] of the same query; then `start_index` is 1. Only a server with cursors asks so.
    pub after: Option<Position>,
    /// How many results are wanted at most; within the limits of the profile, and 0 when only the total is asked for.
    pub count: u64,
    /// Which attributes are answered; what is not need not be loaded.
    pub projection: Projection,
}

/// What a query found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// How many resources match, on all pages.
    pub total: u64,
    /// The resources of this page.
    pub resources: Vec<Resource>,
    /// Where the next page begins; `None` after the last one. A server without cursors does not read it.
    pub next: Option<Position>,
}

impl Found {
    /// What a query found, on the last page.
    pub const fn new(total: u64, resources: Vec<Resource>) -> Self {
        Self { total, resources, next: None }
    }
}

/// What a handler may know of the request and the service.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Context<'a> {
    /// Who asks.
    pub actor: &'a Actor,
    /// The resource type that is asked for.
    pub resource_type: &'a ResourceType,
    /// All schemas and resource types.
    pub catalog: &'a Catalog,
    /// What the service offers and expects.
    pub profile: &'a Profile,
    /// What is tolerated of the tenant's clients.
    pub dialect: Dialect,
    /// The limits of the tenant's requests.
    pub limits: &'a Limits,
    /// When the request arrived.
    pub now: Timestamp,
    pub(crate) shape: &'a Shape,
    pub(crate) base_url: &'a str,
    pub(crate) ids: &'a (dyn Fn() -> String + Send + Sync),
    pub(crate) tolerances: &'a Tolerances,
}

impl<'a> Context<'a> {
    /// The tenant whose resources the actor sees.
    pub const fn tenant(&self) -> &'a Tenant {
        &self.actor.tenant
    }

    /// A new id.
    pub fn new_id(&self) -> String {
        (self.ids)()
    }

    /// The address of a resource.
    pub fn location(&self, resource_type: &ResourceType, id: &str) -> String {
        location(self.base_url, resource_type, id)
    }

    /// Counts tolerances that fired.
    pub fn count(&self, tolerances: impl IntoIterator<Item = Tolerance>) {
        self.tolerances.count(self.tenant(), tolerances);
    }

    /// Checks a resource as the profile and the dialect say, counts the tolerances that fired and returns the resource as it is to be
    /// stored (see [`validate::accept`]).
    ///
    /// # Errors
    /// A refusal that names every violation, under the keyword of the first.
    pub fn accept(&self, resource: &Resource, operation: Operation<'_>) -> Result<Resource> {
        self.accepted(validate::accept(self.catalog, self.resource_type, resource, operation, &self.policy()))
    }

    /// As [`accept`](Self::accept) after a PATCH, at the cost of what the PATCH wrote: `before` tells what the attributes and extensions
    /// were that it wrote, and the resource was accepted with those (see [`validate::accept_changes`]).
    ///
    /// # Errors
    /// A refusal that names every violation, under the keyword of the first.
    pub fn accept_changes(&self, resource: Resource, before: &[(MemberName, Option<Value>)]) -> Result<Resource> {
        self.accepted(validate::accept_changes(self.catalog, self.resource_type, resource, before, &self.policy()))
    }

    fn policy(&self) -> validate::Policy {
        let mut policy = validate::Policy::from(self.profile);
        policy.dialect = self.dialect;
        policy
    }

    fn accepted(&self, result: Result<validate::Accepted, Vec<validate::Violation>>) -> Result<Resource> {
        let accepted = result.map_err(|violations| refuse(&violations))?;
        self.count(accepted.tolerances);
        Ok(accepted.resource)
    }
}

impl Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("actor", &self.actor.id)
            .field("resource_type", &self.resource_type.name)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// How many violations an answer names.
const NAMED_VIOLATIONS: usize = 20;

fn refuse(violations: &[validate::Violation]) -> HandlerError {
    let named: Vec<String> = violations.iter().take(NAMED_VIOLATIONS).map(ToString::to_string).collect();
    let mut detail = named.join("; ");
    if violations.len() > NAMED_VIOLATIONS {
        detail.push_str("; and more");
    }
    HandlerError::of(violations.first().map_or(ScimType::InvalidValue, |violation| violation.scim_type), detail)
}

/// The address of a resource; the id is percent-encoded.
pub(crate) fn location(base_url: &str, resource_type: &ResourceType, id: &str) -> String {
    let id: std::borrow::Cow<'_, str> = percent_encoding::utf8_percent_encode(id, SEGMENT).into();
    [base_url, "/", resource_type.endpoint.trim_matches('/'), "/", &id].concat()
}

/// What must not stand in a path segment as it is (RFC 3986 section 3.3).
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'@');

/// Does what requests ask for, over whatever storage there is.
///
/// A handler gets requests that were authenticated, admitted, read and checked for shape. It validates what it stores
/// ([`Context::accept`]) and applies PATCH operations. [`StoreHandler`](crate::StoreHandler) does all that over a
/// [`ResourceStore`](scimkit_store::ResourceStore).
///
/// # Contract
/// Every call sees only the tenant of [`Context::tenant`]. A write is done as a whole or not at all, also
/// when its future is dropped because the time of the request is over. [`Preconditions`] are checked in one
/// atomic step with the write. A returned resource has its `id` and, in `meta`, `created`, `lastModified` and `version`, whatever the
/// projection says; the server adds `meta.resourceType`, `meta.location` and missing `$ref`s, and applies the projection. Attributes that
/// the projection does not include may be missing.
///
/// # Errors
/// [`HandlerError`]; then nothing was changed.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// The protocol tests of this crate run against any handler.
#[async_trait]
pub trait ResourceHandler: Debug + Send + Sync {
    /// Creates a resource (RFC 7644 section 3.3). The body is as it was sent.
    ///
    /// # Errors
    /// `Refused` with `uniqueness`, `invalidValue`, `invalidSyntax` or 403; `Internal`.
    async fn create(&self, context: &Context<'_>, body: Resource, projection: &Projection) -> Result<Resource>;

    /// Reads a resource (RFC 7644 section 3.4.1).
    ///
    /// # Errors
    /// `NotFound` or `Internal`.
    async fn get(&self, context: &Context<'_>, id: &str, projection: &Projection) -> Result<Resource>;

    /// Replaces a resource and never creates one (RFC 7644 section 3.5.1). The body is as it was sent.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `Busy`, `Refused` or `Internal`.
    async fn replace(
        &self,
        context: &Context<'_>,
        id: &str,
        body: Resource,
        preconditions: &Preconditions,
        projection: &Projection,
    ) -> Result<Resource>;

    /// Applies PATCH operations as a whole or not at all (RFC 7644 section 3.5.2). Without effect, version and `lastModified` stay.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `Busy`, `Refused` or `Internal`.
    async fn patch(
        &self,
        context: &Context<'_>,
        id: &str,
        patch: PatchOp,
        preconditions: &Preconditions,
        projection: &Projection,
    ) -> Result<Resource>;

    /// Deletes a resource (RFC 7644 section 3.6).
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `Busy` or `Internal`.
    async fn delete(&self, context: &Context<'_>, id: &str, preconditions: &Preconditions) -> Result<()>;

    /// Finds resources of one type (RFC 7644 section 3.4.2).
    ///
    /// # Errors
    /// `Refused` or `Internal`.
    async fn query(&self, context: &Context<'_>, search: &Search) -> Result<Found>;
}
