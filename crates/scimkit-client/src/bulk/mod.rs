//! Many operations, divided into bulk requests that the service provider takes (RFC 7644 section 3.7).

mod order;
mod plan;
mod references;

pub use plan::{BulkOutcome, BulkPlan};

use crate::client::Client;
use crate::error::ClientError;

/// How large bulk requests may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkLimits {
    /// The most operations of one request. Default 100.
    pub max_operations: usize,
    /// The most bytes of one request. Default 1 MiB.
    pub max_payload_size: usize,
}

impl Default for BulkLimits {
    fn default() -> Self {
        Self { max_operations: 100, max_payload_size: 1024 * 1024 }
    }
}

impl BulkLimits {
    /// Limits of operations and bytes.
    pub const fn new(max_operations: usize, max_payload_size: usize) -> Self {
        Self { max_operations, max_payload_size }
    }
}

impl Client {
    /// Sends the requests of a plan, one after the other, until all operations are answered or must not be sent.
    ///
    /// What was answered is in the plan, also when this ends with an error or is dropped half-way; calling it again goes on with what was
    /// not sent, and never sends anew what was.
    ///
    /// # Errors
    /// [`ClientError`] if a request has no answer; the operations of that request are then [`BulkOutcome::Unanswered`].
    pub async fn run_bulk(&self, plan: &mut BulkPlan) -> Result<(), ClientError> {
        while let Some(request) = plan.next_request() {
            let response = self.bulk(request).await?;
            plan.record(response);
        }
        Ok(())
    }
}
