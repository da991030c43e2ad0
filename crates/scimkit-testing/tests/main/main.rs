//! What the parts for tests promise.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod clients;
mod counting;
mod directory;
mod entra_requests;
mod okta_requests;
mod recorded;
mod services;
mod transports;
mod virtual_time;
