//! SCIM 2.0 data as values.
//!
//! A [`Resource`] keeps everything that a peer sent: unknown attributes, unknown extensions, nulls and numbers survive a round trip.
//! A [`Catalog`] of [`Schema`]s and [`ResourceType`]s says what the data means.
//! Typed views such as [`User`] and [`Group`] are conveniences over a resource.
//! [`validate::accept`] says whether a resource fits its type and brings it into canonical form; a [`Projection`] chooses what a
//! response carries.
//! The protocol's messages ([`ListResponse`], [`PatchOp`], [`ErrorResponse`], …) and the vocabulary that the other crates share
//! ([`Change`], [`Dialect`], [`Profile`], [`Clock`], [`Timer`]) live here too.
//!
//! ```
//! use scimkit_types::{Catalog, Resource};
//!
//! let user: Resource = serde_json::from_str(
//!     r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "USERNAME": "åsa@example.com"}"#,
//! )?;
//! assert_eq!(user.get("userName").and_then(|value| value.as_str()), Some("åsa@example.com"));
//!
//! let catalog = Catalog::standard();
//! let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
//! assert_eq!(user_type.endpoint, "/Users");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | feature | purpose |
//! |---|---|
//! | `generators` | random schemas and resources for property tests; not part of the stable API |
//!
//! There is no I/O.

pub mod change;
pub mod compare;
pub mod dialect;
#[cfg(feature = "generators")]
pub mod generators;
pub mod messages;
pub mod profile;
pub mod project;
pub mod resource;
pub mod schema;
pub mod time;
pub mod validate;
pub mod value;
pub mod version;
pub mod views;

pub use change::Change;
pub use dialect::{Dialect, Tolerance};
pub use messages::{
    BulkOperation, BulkRequest, BulkResponse, ErrorResponse, ListResponse, OperationKind, PatchOp, PatchOperation, ScimType, SearchRequest,
    SortOrder,
};
pub use profile::Profile;
pub use project::Projection;
pub use resource::{Meta, Resource};
pub use schema::{
    Attribute, AttributeName, AttributeType, Catalog, CatalogError, CatalogFault, Mutability, ResourceType, Returned, Schema,
    SchemaExtension, SchemaUri, Uniqueness,
};
pub use time::{Clock, ManualClock, SystemClock, Timer, Timestamp};
pub use validate::Violation;
pub use value::{ComplexValue, Number, Value};
pub use version::{Precondition, Version};
pub use views::{EnterpriseUser, Group, User};
