//! Whether a service can do its work.

use std::error::Error;
use std::fmt::Debug;

use async_trait::async_trait;

/// Tells whether a service can do its work now, as the one who balances load asks.
///
/// # Contract
/// The answer is cheap and changes nothing; it needs no actor.
///
/// # Errors
/// What the service lacks; it is logged and never answered.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None.
#[async_trait]
pub trait Readiness: Debug + Send + Sync {
    /// Checks what the service depends on.
    ///
    /// # Errors
    /// What it lacks.
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>>;
}
