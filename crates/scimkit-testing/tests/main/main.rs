//! What the parts for tests promise.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod counting;
mod services;
mod transports;
mod virtual_time;
