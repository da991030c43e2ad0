//! SCIM 2.0 for Rust: one dependency that re-exports the scimkit crates by feature.
