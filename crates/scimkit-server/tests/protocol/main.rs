//! The protocol, spoken to a server in the same process.

mod concurrency;
mod discovery;
mod errors;
mod groups;
mod limits;
mod profiles;
mod query;
mod resources;
mod support;
mod versions;
