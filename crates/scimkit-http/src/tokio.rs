//! A timer on tokio.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use scimkit_types::Timer;

/// Waits by tokio's clock. Its futures must run in a tokio runtime with time enabled.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TokioTimer;

impl TokioTimer {
    /// A timer.
    pub const fn new() -> Self {
        Self
    }
}

impl Timer for TokioTimer {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that the rule names")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Made when it is first polled: only then there must be a runtime.
        Box::pin(async move { ::tokio::time::sleep(duration).await })
    }
}
