//! Generators of random schemas, resource types and resources that fit them, for property tests with [`proptest`].
//!
//! This module is not part of the stable API: what it generates, and its functions, can change in any release.
//!
//! A generated [`Catalog`](crate::Catalog) has resource types with every kind of attribute and 0 to 2 extensions; the first type is called
//! [`RESOURCE_TYPE`]. A generated resource is one as a service provider stores it: [`validate::accept`](crate::validate::accept) returns it
//! as it is. Text has what goes wrong easily: letters whose case folds to more than one letter, composed and decomposed accents, quotes,
//! backslashes, characters with a meaning in SQL patterns, and characters beyond 16 bits; U+0000, which some stores refuse, does not occur.
//!
//! ```
//! use proptest::prelude::*;
//! use scimkit_types::generators;
//!
//! proptest!(|((catalog, resources) in generators::catalog_with_resources(2))| {
//!     prop_assert!(catalog.resource_type(generators::RESOURCE_TYPE).is_some());
//!     prop_assert_eq!(resources.len(), 2);
//! });
//! ```

mod resource;
mod schema;
mod text;
mod value;

pub use resource::{catalog_with_resources, resource, successor};
pub use schema::{RESOURCE_TYPE, attribute, catalog};
pub use text::{attribute_name, filled_text, text};
pub use value::{element, value};
