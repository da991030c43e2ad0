//! What went wrong while parsing: small and without allocation, made readable only when the whole parse has failed.

use nom::error::ErrorKind;

use crate::error::{ParseError, ParseErrorKind};

/// A fault at a place of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The number of bytes from the fault to the end of the input.
    remaining: usize,
    /// The number of bytes that are wrong; 0 to take the word that stands there.
    length: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Expected(&'static str),
    Limit { what: &'static str, limit: usize },
}

impl Failure {
    /// A fault at the start of what remains of the input.
    pub(super) const fn at(rest: &str, what: What) -> Self {
        Self { remaining: rest.len(), length: 0, what }
    }

    /// A fault that covers these many bytes of what remains of the input.
    pub(super) const fn over(rest: &str, length: usize, what: What) -> Self {
        Self { remaining: rest.len(), length, what }
    }

    /// An error after which nothing else is tried.
    pub(super) const fn fatal(self) -> nom::Err<Self> {
        nom::Err::Failure(self)
    }

    pub(super) fn explain(self, input: &str, is_in_brackets: bool) -> ParseError {
        let start = input.len().saturating_sub(self.remaining);
        let rest = input.get(start..).unwrap_or_default();
        let length = if self.length == 0 { word_length(rest) } else { self.length };
        let kind = match self.what {
            What::Limit { what, limit } => ParseErrorKind::Limit { what, limit },
            What::Expected(expected) => ParseErrorKind::Expected { expected, found: found(rest.get(..length).unwrap_or(rest)) },
        };
        ParseError::new(kind, start..start + length, input, is_in_brackets)
    }
}

/// Keeps the failure that is further into the input.
impl nom::error::ParseError<&str> for Failure {
    fn from_error_kind(input: &str, _: ErrorKind) -> Self {
        Self::at(input, What::Expected("a filter or path"))
    }

    fn append(_: &str, _: ErrorKind, other: Self) -> Self {
        other
    }

    fn or(self, other: Self) -> Self {
        if other.remaining < self.remaining { other } else { self }
    }
}

/// The error of a text that is over the limit of its length. The text is cut there.
pub(super) fn too_long(text: &str, limit: usize) -> ParseError {
    let end = text.floor_char_boundary(limit);
    ParseError::new(ParseErrorKind::Limit { what: "length", limit }, end..end, text.get(..end).unwrap_or_default(), false)
}

/// The bytes of the word at the start of a text: up to a blank or bracket, at least one character.
fn word_length(rest: &str) -> usize {
    let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '[' | ']' | '"')).unwrap_or(rest.len());
    if end > 0 { end } else { rest.chars().next().map_or(0, char::len_utf8) }
}

/// The longest piece of the input, in characters, that an error shows.
const SHOWN: usize = 32;

fn found(text: &str) -> String {
    if text.is_empty() {
        return "the end".to_owned();
    }
    let mut shown = String::from("`");
    for c in text.chars().take(SHOWN) {
        // Blanks other than U+0020 would not be told apart, and control characters could reach a terminal.
        if c != ' ' && (c.is_whitespace() || crate::error::is_unsafe(c)) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}
