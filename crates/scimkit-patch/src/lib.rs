//! SCIM PATCH both ways (RFC 7644 section 3.5.2): apply operations to a resource, and produce the operations that lead from one
//! resource to another.
//!
//! ```
//! use scimkit_patch::{Context, DiffOptions, apply, diff};
//! use scimkit_types::{Catalog, PatchOp, Resource, schema};
//!
//! let catalog = Catalog::standard();
//! let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
//! let context = Context::new(&catalog, user_type);
//!
//! let mut current = Resource::new([schema::USER]);
//! current.insert("userName", "ola@example.com");
//! let mut desired = current.clone();
//! desired.insert("title", "Guide");
//!
//! let operations = diff(&current, &desired, &context, &DiffOptions::default())?;
//! let applied = apply(&current, &PatchOp::new(operations), &context)?;
//! assert!(applied.is_changed);
//! assert_eq!(applied.resource, desired);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | call |
//! |---|---|
//! | execute a request on a copy of a resource | [`apply()`] |
//! | execute a request on the resource itself, without copying a group's members | [`apply_in_place()`] |
//! | turn a request on a large group into changes of single members | [`compile()`] |
//! | find the operations between two resources | [`diff()`] |
//! | write operations the way a peer wants them | [`encode()`] |
//! | keep within a peer's limits | [`split()`] |
//! | bring a service from one state of a resource to another, whatever its [`Abilities`] | [`update()`] |
//!
//! What a peer may send beyond the standard is said by the [`Dialect`] of the [`Context`]; without one, everything is strict.
//! There are no features and there is no I/O. Whether the result of a patch is a valid resource as a whole, such as whether required
//! sub-attributes are there, is for `scimkit_types::validate` to say.

mod abilities;
mod apply;
mod coerce;
mod compile;
mod diff;
mod encode;
mod equal;
mod error;
mod scope;
mod split;
mod target;
mod update;

pub use abilities::Abilities;
pub use apply::{Applied, Patched, apply, apply_in_place};
pub use compile::{Compiled, compile};
pub use diff::{DiffOptions, diff};
pub use encode::encode;
pub use error::{DiffError, PatchError};
pub use scimkit_types::{Dialect, PatchOp, PatchOperation};
pub use scope::Context;
pub use split::split;
pub use update::{UpdateRequest, update};

/// The most operations of one request that [`apply()`] and [`compile()`] accept.
pub const MAX_OPERATIONS: usize = 1_000;
