//! What the parts for tests promise.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod clients;
mod counting;
mod directory;
mod entra_requests;
mod okta_requests;
mod recorded;
mod services;
mod transports;
mod virtual_time;
