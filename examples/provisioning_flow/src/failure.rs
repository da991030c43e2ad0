//! How a run ends when it does not end well.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// Why the run ended early: one clear message, and the exit code that goes with it.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    message: String,
}

/// Which exit code goes with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The input is wrong: exit code 2.
    Input,
    /// A cycle failed and can be resumed: exit code 3.
    Cycle,
    /// The run was stopped by the user: exit code 130.
    Stopped,
}

impl Failure {
    /// Wrong input.
    pub fn input(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Input, message: message.into() }
    }

    /// Wrong input, with the error that says where.
    pub fn input_because(message: impl Into<String>, error: &dyn Error) -> Self {
        Self { kind: FailureKind::Input, message: chain(message.into(), error) }
    }

    /// A failed cycle.
    pub fn cycle(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Cycle, message: message.into() }
    }

    /// A failed cycle, with the error that says why.
    pub fn cycle_because(message: impl Into<String>, error: &dyn Error) -> Self {
        Self { kind: FailureKind::Cycle, message: chain(message.into(), error) }
    }

    /// Stopped by the user.
    pub fn stopped(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Stopped, message: message.into() }
    }

    /// This failure with what to do about it, if it is one of a cycle.
    #[must_use]
    pub(crate) fn with_hint(self, hint: &str) -> Self {
        match self.kind {
            FailureKind::Cycle => Self { message: format!("{}; {hint}", self.message), ..self },
            _ => self,
        }
    }

    /// What kind of failure it is.
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            FailureKind::Input => 2,
            FailureKind::Cycle => 3,
            FailureKind::Stopped => 130,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// A message and the causes of an error, those left out that only repeat what was said.
pub(crate) fn chain(message: String, error: &dyn Error) -> String {
    let mut text = message;
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        if !part.is_empty() && !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = error.source();
    }
    text
}
