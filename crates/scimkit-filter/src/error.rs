//! Why text is not a filter or path, and why a filter does not fit a resource type.

use std::ops::Range;

/// Text that is not a filter or path. `Display` is one line; [`caret`](Self::caret) draws the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    span: Range<usize>,
    input: String,
}

impl ParseError {
    #[expect(dead_code, reason = "the parser will use it")]
    pub(crate) fn new(kind: ParseErrorKind, span: Range<usize>, input: &str) -> Self {
        Self { kind, span, input: input.to_owned() }
    }

    /// What is wrong.
    pub const fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// Where, in bytes of the input.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The text that was parsed.
    pub fn input(&self) -> &str {
        &self.input
    }
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else was expected at this place.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What was expected.
        expected: &'static str,
        /// What was found: a piece of the input in backticks, or `the end`.
        found: String,
    },
    /// A limit was reached.
    #[error("the {what} is over the limit of {limit}")]
    Limit {
        /// What is limited: `length`, `depth` or `number of terms`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// A filter or path that does not fit the resource type. Each is `invalidFilter` in a filter and `invalidPath` in a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The resource type has no such attribute.
    #[error("`{path}` is not an attribute of `{resource_type}`")]
    UnknownAttribute {
        /// The path.
        path: String,
        /// The name of the resource type.
        resource_type: String,
    },
    /// The attribute cannot be compared in this way.
    #[error("`{path}` cannot be compared by `{operator}` with {value}")]
    Comparison {
        /// The path.
        path: String,
        /// The operator on the wire.
        operator: &'static str,
        /// The kind of value, such as `text`.
        value: &'static str,
    },
    /// The attribute must not be compared at all, such as a password.
    #[error("`{path}` cannot be part of a filter")]
    Sensitive {
        /// The path.
        path: String,
    },
}
