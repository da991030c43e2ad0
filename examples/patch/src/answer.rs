//! The answer to one line.

use scimkit_filter::{ParseError, ParseErrorKind, ResolveError};
use scimkit_types::{ErrorResponse, Resource};
use serde::Serialize;

/// One line of output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Print {
        ok: bool,
        print: String,
    },
    Matches {
        ok: bool,
        matches: bool,
    },
    Patched {
        ok: bool,
        resource: Resource,
        changed: bool,
        tolerances: Vec<&'static str>,
    },
    Refused {
        ok: bool,
        status: u16,
        #[serde(rename = "scimType")]
        scim_type: Option<&'static str>,
        detail: String,
    },
    Fault {
        ok: bool,
        error: Fault,
    },
}

/// What is wrong with a line, a filter or a path.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    kind: &'static str,
    /// In bytes of the filter or path; `None` where there is no single place.
    offset: Option<usize>,
    message: String,
}

impl Fault {
    /// The line itself is at fault.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { kind: "input", offset: None, message: message.into() }
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        let kind = match error.kind() {
            ParseErrorKind::Limit { .. } => "limit",
            _ => "syntax",
        };
        Self { kind, offset: Some(error.span().start), message: error.to_string() }
    }
}

impl From<ResolveError> for Fault {
    fn from(error: ResolveError) -> Self {
        let kind = match error {
            ResolveError::UnknownAttribute { .. } => "unknown-attribute",
            ResolveError::Comparison { .. } => "comparison",
            ResolveError::SubAttributeNeeded { .. } => "sub-attribute-needed",
            ResolveError::Sensitive { .. } => "sensitive",
            _ => "meaning",
        };
        Self { kind, offset: None, message: error.to_string() }
    }
}

impl From<Fault> for Answer {
    fn from(error: Fault) -> Self {
        Self::Fault { ok: false, error }
    }
}

impl From<ErrorResponse> for Answer {
    fn from(error: ErrorResponse) -> Self {
        let scim_type = error.scim_type.map(scimkit_types::ScimType::as_str);
        Self::Refused { ok: false, status: error.status, scim_type, detail: error.detail }
    }
}
