//! Why text is not a filter or path, and why a filter does not fit a resource type.

use std::ops::Range;

/// Text that is not a filter or path. `Display` is one line; [`caret`](Self::caret) draws the place.
///
/// ```
/// use scimkit_filter::Filter;
/// let error = Filter::parse(r#"userName px "x""#).unwrap_err();
/// assert_eq!(error.to_string(), "expected an operator such as `eq` or `pr`, found `px`");
/// assert_eq!(error.caret(), "userName px \"x\"\n         ^^");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    span: Range<usize>,
    input: String,
    is_in_brackets: bool,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, span: Range<usize>, input: &str, is_in_brackets: bool) -> Self {
        Self { kind, span, input: input.to_owned(), is_in_brackets }
    }

    /// What is wrong.
    pub const fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// Where, in bytes of the input. Empty at the end of the input.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The text that was parsed; what is over the limit of the length is cut off.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Whether the fault is inside the brackets of a value path, where a PATCH path answers `invalidFilter` and not `invalidPath` (AMB-12).
    pub const fn is_in_brackets(&self) -> bool {
        self.is_in_brackets
    }

    /// Two lines: the input, and `^` under each character that is wrong. Characters that could disturb a terminal are shown as `�`.
    pub fn caret(&self) -> String {
        let width = |range: Range<usize>| self.input.get(range).unwrap_or_default().chars().count();
        let mut drawing: String = self.input.chars().map(|c| if is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
        drawing.push('\n');
        drawing.extend(std::iter::repeat_n(' ', width(0..self.span.start)));
        drawing.extend(std::iter::repeat_n('^', width(self.span()).max(1)));
        drawing
    }
}

/// Whether a character is a control character, breaks the line or turns the direction of the text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
        /// What is limited: `length`, `depth`, `number of terms` or `length of a value`.
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
    /// A complex attribute without a sub-attribute `value` is compared as a whole.
    #[error("`{path}` is complex, expected one of its sub-attributes")]
    SubAttributeNeeded {
        /// The path.
        path: String,
    },
    /// The attribute must not be compared at all, such as a password.
    #[error("`{path}` cannot be part of a filter")]
    Sensitive {
        /// The path.
        path: String,
    },
}
