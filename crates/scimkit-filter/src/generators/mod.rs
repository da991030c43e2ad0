//! Generators of random filters, paths and PATCH requests for property tests with [`proptest`].
//!
//! This module is not part of the stable API: what it generates, and its functions, can change in any release.
//!
//! [`filter`], [`attribute_path`], [`patch_path`] and [`patch_request`] fit a resource type, such as one of those of
//! [`scimkit_types::generators`]; the functions whose names begin with `any` give whatever the grammar can express.
//!
//! ```
//! use proptest::prelude::*;
//! use scimkit_filter::generators;
//! use scimkit_types::{Catalog, Dialect};
//!
//! let catalog = Catalog::standard();
//! let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
//! proptest!(|(filter in generators::filter(&catalog, user_type))| {
//!     prop_assert!(filter.resolve(&catalog, user_type, Dialect::STRICT).is_ok());
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fitting;
mod grammar;
mod request;

pub use fitting::{attribute_path, filter, patch_path};
pub use grammar::{any_attribute_path, any_filter, any_patch_path};
pub use request::{patch_operation, patch_request};
