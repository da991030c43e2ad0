//! Why a service could not be probed.

use std::error::Error;

use scimkit_example_command::with_causes;

/// Why a service could not be probed, on one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// A failure with its causes.
    pub fn new(message: impl Into<String>, cause: &dyn Error) -> Self {
        let text = format!("{}: {}", message.into(), with_causes(cause));
        Self(text.replace(['\n', '\r'], " "))
    }

    /// A failure without a cause.
    pub fn plain(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
