//! Text to tree.

use scimkit_types::Catalog;

/// How closely text must follow the grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grammar {
    /// The ABNF of RFC 7644 with its errata: single blanks only.
    #[default]
    Strict,
    /// Any white space, a missing blank before a value or a parenthesis, `True` for `true`, and an operator after a value path's
    /// sub-attribute.
    Lenient,
}

/// How large a filter may be. Each limit is enforced while parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of text. Default 8,192.
    pub length: usize,
    /// Parentheses, brackets and `not` inside each other. Default 64.
    pub depth: usize,
    /// Comparisons and tests for presence. Default 512.
    pub terms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { length: 8192, depth: 64, terms: 512 }
    }
}

/// How to parse.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ParseOptions<'a> {
    /// How closely text must follow the grammar.
    pub grammar: Grammar,
    /// How large the text may be.
    pub limits: Limits,
    /// The schemas whose URIs are known, so that the longest one can be split off a path; without it a path is split at the last colon.
    pub catalog: Option<&'a Catalog>,
}

impl<'a> ParseOptions<'a> {
    /// These options with the schemas whose URIs are known.
    #[must_use]
    pub const fn with_catalog(self, catalog: &'a Catalog) -> Self {
        Self { catalog: Some(catalog), ..self }
    }

    /// These options with another grammar.
    #[must_use]
    pub const fn with_grammar(self, grammar: Grammar) -> Self {
        Self { grammar, ..self }
    }
}

use crate::ast::{AttributePath, Filter, PatchPath};
use crate::error::ParseError;

impl Filter {
    /// Parses a filter, strictly and within the default limits.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &ParseOptions::default())
    }

    /// Parses a filter.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse_with(text: &str, options: &ParseOptions<'_>) -> Result<Self, ParseError> {
        todo!("{text} {options:?}")
    }
}

impl AttributePath {
    /// Parses the path of an attribute, strictly and within the default limits.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &ParseOptions::default())
    }

    /// Parses the path of an attribute.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse_with(text: &str, options: &ParseOptions<'_>) -> Result<Self, ParseError> {
        todo!("{text} {options:?}")
    }
}

impl PatchPath {
    /// Parses the path of a PATCH operation, strictly and within the default limits.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &ParseOptions::default())
    }

    /// Parses the path of a PATCH operation.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse_with(text: &str, options: &ParseOptions<'_>) -> Result<Self, ParseError> {
        todo!("{text} {options:?}")
    }
}
