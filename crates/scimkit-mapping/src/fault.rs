//! What is wrong with a mapping.

use std::fmt;

/// A fault of a mapping and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Where, such as ``attribute mapping `userName` ``.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Fault {}
