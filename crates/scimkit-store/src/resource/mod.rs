//! Keeping resources.

mod candidates;
mod creation;
pub(crate) mod document;
mod forward;
mod members;
mod memberships;
mod memory;
mod packed;

pub(crate) use memberships::{Edge, memberships_of};
pub use memberships::{MAX_LEVELS, Membership};
pub use memory::MemoryResources;

use std::fmt::Debug;

use async_trait::async_trait;
use scimkit_filter::{ResolvedFilter, ResolvedPath};
use scimkit_types::{Change, Resource, SortOrder, Timestamp};

use crate::error::Result;

/// A tenant: resources of one are never seen by another (RFC 7644 section 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(String);

impl Tenant {
    /// A tenant of this name; the empty name is the only tenant of a service without tenants.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which resource: its tenant, the name of its type and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ResourceKey {
    /// The tenant.
    pub tenant: Tenant,
    /// The name of the resource type.
    pub resource_type: String,
    /// The id.
    pub id: String,
}

impl ResourceKey {
    /// The key of a resource.
    pub fn new(tenant: Tenant, resource_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self { tenant, resource_type: resource_type.into(), id: id.into() }
    }
}

/// Counts the changes of one resource; the version on the wire is made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// A value that must occur once among the resources of a type and tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UniqueKey {
    /// The path of the attribute, such as `userName`.
    pub attribute: String,
    /// The comparison key of the value.
    pub key: String,
}

impl UniqueKey {
    /// A value that must occur once.
    pub fn new(attribute: impl Into<String>, key: impl Into<String>) -> Self {
        Self { attribute: attribute.into(), key: key.into() }
    }
}

/// A resource to be created.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewResource {
    /// Its key; the id is new.
    pub key: ResourceKey,
    /// The document without `id` and `meta`; large multi-valued references included, which the store keeps apart.
    pub document: Resource,
    /// The values that must occur once.
    pub unique: Vec<UniqueKey>,
    /// The top-level attributes that are large multi-valued references, such as `members`.
    pub member_attributes: Vec<String>,
    /// When it is created.
    pub created_at: Timestamp,
    /// How many resources of the type the tenant may have, this one included.
    pub limit: Option<u64>,
}

impl NewResource {
    /// A resource to be created, without unique values, members and limit.
    pub const fn new(key: ResourceKey, document: Resource, created_at: Timestamp) -> Self {
        Self { key, document, unique: Vec::new(), member_attributes: Vec::new(), created_at, limit: None }
    }
}

/// A resource as it is kept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredResource {
    /// Its id.
    pub id: String,
    /// The document without `id` and `meta`; with members if the selection asked for them.
    pub document: Resource,
    /// Counts its changes.
    pub revision: Revision,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Timestamp,
}

impl StoredResource {
    /// A resource as it is kept.
    pub const fn new(id: String, document: Resource, revision: Revision, created_at: Timestamp, modified_at: Timestamp) -> Self {
        Self { id, document, revision, created_at, modified_at }
    }
}

/// Which parts of a resource are loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// Everything.
    #[default]
    Whole,
    /// Everything but large multi-valued references.
    WithoutMembers,
}

/// A change of a resource, done as a whole or not at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// Which resource.
    pub key: ResourceKey,
    /// The revision that it must have; `None` when any will do, as for changes of members alone.
    pub expected: Option<Revision>,
    /// The new document without `id`, `meta` and members; `None` when it stays.
    pub document: Option<Resource>,
    /// The values that must occur once; read only with a document.
    pub unique: Vec<UniqueKey>,
    /// Changes of members, in order. Only member changes stand here.
    pub members: Vec<Change>,
    /// When it changes; a resource that changed later already keeps that instant.
    pub modified_at: Timestamp,
}

impl Update {
    /// An update that changes nothing yet.
    pub const fn new(key: ResourceKey, modified_at: Timestamp) -> Self {
        Self { key, expected: None, document: None, unique: Vec::new(), members: Vec::new(), modified_at }
    }
}

/// By what and in which order results are sorted. Missing values come last when ascending; ties are ordered by id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sort {
    /// The attribute.
    pub path: ResolvedPath,
    /// The order.
    pub order: SortOrder,
}

impl Sort {
    /// A sort.
    pub const fn new(path: ResolvedPath, order: SortOrder) -> Self {
        Self { path, order }
    }
}

/// A place in the order of a query's results: just after one of them, whether it is still there or not.
///
/// A position belongs to the sort of its query and to no particular store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// The sort key of the result, of creation without a sort; `None` if it has no value. The bytes are an order-preserving key and
    /// may be those of an attribute's value.
    pub key: Option<Vec<u8>>,
    /// The id of the result.
    pub id: String,
}

impl Position {
    /// A place just after a result.
    pub const fn new(key: Option<Vec<u8>>, id: String) -> Self {
        Self { key, id }
    }
}

/// A query over the resources of one type and tenant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// The tenant.
    pub tenant: Tenant,
    /// The name of the resource type.
    pub resource_type: String,
    /// What a resource must meet; it never widens the tenant.
    pub filter: Option<ResolvedFilter>,
    /// By what results are sorted; by creation, then id, when missing.
    pub sort: Option<Sort>,
    /// Where results begin, from [`Page::next`] of a query with the same sort; at the first when missing.
    pub after: Option<Position>,
    /// How many results are skipped from there.
    pub offset: u64,
    /// How many results are returned at most.
    pub count: u64,
    /// Which parts are loaded.
    pub selection: Selection,
}

impl Query {
    /// A query for the first `count` resources.
    pub const fn new(tenant: Tenant, resource_type: String, count: u64) -> Self {
        Self { tenant, resource_type, filter: None, sort: None, after: None, offset: 0, count, selection: Selection::Whole }
    }
}

/// A page of results.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// How many resources match, on all pages.
    pub total: u64,
    /// The resources of this page.
    pub resources: Vec<StoredResource>,
    /// Where the next page begins; `None` after the last result and on a page without resources. A walk from position to position
    /// neither skips nor doubles a resource whose sort key stays, whatever is created and deleted meanwhile.
    pub next: Option<Position>,
}

impl Page {
    /// A page of results, the last one.
    pub const fn new(total: u64, resources: Vec<StoredResource>) -> Self {
        Self { total, resources, next: None }
    }
}

/// Keeps the resources of a service provider.
///
/// # Contract
/// Every call is atomic and, once it has returned, durable as far as the implementation keeps anything. A call sees every call that
/// returned before it began. Uniqueness and limits hold under any concurrency. No call reaches another tenant.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// `resource_store_conformance!` of the feature `conformance` proves an implementation.
#[async_trait]
pub trait ResourceStore: Debug + Send + Sync {
    /// Creates a resource with revision 1 and returns it.
    ///
    /// # Errors
    /// `NotUnique`, `Full`, `NulCharacter` or `Backend`; then nothing was created.
    async fn create(&self, resource: NewResource) -> Result<StoredResource>;

    /// Reads a resource; `None` if there is none.
    ///
    /// # Errors
    /// `Backend` or `Corrupt`.
    async fn get(&self, key: &ResourceKey, selection: Selection) -> Result<Option<StoredResource>>;

    /// Changes a resource and returns it without members; `None` if there is none. The revision grows by one, unless member changes
    /// without a document change nothing: then the resource is returned as it is.
    ///
    /// # Errors
    /// `RevisionMismatch` if `expected` is not the present revision; `NotUnique`, `NulCharacter` or `Backend`. Then nothing was changed.
    async fn update(&self, update: Update) -> Result<Option<StoredResource>>;

    /// Deletes a resource and its memberships everywhere; `false` if there is none. The revision of each resource that had it as a member
    /// grows by one, and it was modified at `deleted_at` unless it changed later already.
    ///
    /// # Errors
    /// `RevisionMismatch` if `expected` is not the present revision; `Backend`.
    async fn delete(&self, key: &ResourceKey, expected: Option<Revision>, deleted_at: Timestamp) -> Result<bool>;

    /// Finds resources.
    ///
    /// # Errors
    /// `NulCharacter` if the filter compares with text that holds U+0000, which no resource holds; `Backend` or `Corrupt`.
    async fn query(&self, query: &Query) -> Result<Page>;

    /// The resources that have these as members, directly or through others: for each id a list, ordered by id and type.
    ///
    /// What nests deeper than [`MAX_LEVELS`] is not followed; in a circle, no resource is listed as an indirect member of itself.
    ///
    /// # Errors
    /// `Backend` or `Corrupt`.
    async fn memberships(&self, tenant: &Tenant, ids: &[String]) -> Result<Vec<Vec<Membership>>>;
}
