//! The protocol, spoken to a server in the same process.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests reports by panicking")]

mod audit;
mod bounds;
mod bulk;
mod concurrency;
mod cursors;
mod deadline;
mod discovery;
mod entra;
mod errors;
mod groups;
mod hooks;
mod limits;
mod me;
mod passwords;
mod permissions;
mod profiles;
mod properties;
mod query;
mod resources;
mod root;
mod statuses;
mod support;
mod tenants;
mod versions;
