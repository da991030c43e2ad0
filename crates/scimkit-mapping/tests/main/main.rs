//! Mappings from outside: the public API only.

mod expressions;
mod mapping_set;
mod properties;
mod schema;
