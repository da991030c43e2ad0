//! Why a service could not be probed.

use std::error::Error;

/// Why a service could not be probed, on one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// A failure with its causes.
    pub fn new(message: impl Into<String>, cause: &dyn Error) -> Self {
        let mut text = message.into();
        let mut next = Some(cause);
        while let Some(error) = next {
            let part = error.to_string();
            if !text.contains(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            next = error.source();
        }
        Self(text.replace(['\n', '\r'], " "))
    }

    /// A failure without a cause.
    pub fn plain(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
