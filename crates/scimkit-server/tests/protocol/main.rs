//! The protocol, spoken to a server in the same process.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests reports by panicking")]

mod bulk;
mod concurrency;
mod cursors;
mod discovery;
mod entra;
mod errors;
mod groups;
mod limits;
mod me;
mod profiles;
mod properties;
mod query;
mod resources;
mod root;
mod support;
mod versions;
