//! Text to tree.

mod expression;
mod failure;
mod literal;
mod path;
#[cfg(test)]
mod work;

use std::cell::Cell;

use nom::IResult;
use scimkit_types::{Catalog, Dialect, Tolerance};

use crate::ast::{AttributePath, Filter, PatchPath};
use crate::error::ParseError;
use failure::{Failure, What};
pub(crate) use literal::parse_number;

/// How large a filter may be. Each limit is enforced while parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of text. Default 8,192.
    pub length: usize,
    /// Parentheses (a `not` with its own counts once) and brackets inside each other. Default 64; more than 256 counts as 256, so that
    /// no walk over the tree can overflow the stack.
    pub depth: usize,
    /// Comparisons and tests for presence. Default 512.
    pub terms: usize,
    /// Bytes of one value as it is written: what stands between the quotation marks, or a number. Default 4,096.
    pub value: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { length: 8192, depth: 64, terms: 512, value: 4096 }
    }
}

impl Limits {
    /// These limits with another length in bytes.
    #[must_use]
    pub const fn with_length(self, length: usize) -> Self {
        Self { length, ..self }
    }

    /// These limits with another depth.
    #[must_use]
    pub const fn with_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// These limits with another number of terms.
    #[must_use]
    pub const fn with_terms(self, terms: usize) -> Self {
        Self { terms, ..self }
    }

    /// These limits with another length of one value in bytes.
    #[must_use]
    pub const fn with_value(self, value: usize) -> Self {
        Self { value, ..self }
    }
}

/// How to parse.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ParseOptions<'a> {
    /// What is tolerated beyond the grammar. The switches that count are [`Tolerance::FilterWhiteSpace`],
    /// [`Tolerance::FilterMissingBlank`], [`Tolerance::FilterLiteralCase`], [`Tolerance::FilterAfterBrackets`] and
    /// [`Tolerance::DotAfterSchema`]. Default none: the ABNF of RFC 7644 with its errata.
    pub dialect: Dialect,
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

    /// These options with what is tolerated beyond the grammar.
    #[must_use]
    pub const fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// These options with other limits.
    #[must_use]
    pub const fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

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
        Parser::new(options).run(text, Parser::whole_filter)
    }

    /// Parses a filter and tells which tolerances of [`ParseOptions::dialect`] it needed.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse_reporting(text: &str, options: &ParseOptions<'_>) -> Result<(Self, Dialect), ParseError> {
        let parser = Parser::new(options);
        parser.run(text, Parser::whole_filter).map(|tree| parser.reporting(tree))
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
        Parser::new(options).run(text, Parser::whole_attribute_path)
    }

    /// Parses the path of an attribute and tells which tolerances of [`ParseOptions::dialect`] it needed.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse_reporting(text: &str, options: &ParseOptions<'_>) -> Result<(Self, Dialect), ParseError> {
        let parser = Parser::new(options);
        parser.run(text, Parser::whole_attribute_path).map(|tree| parser.reporting(tree))
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
        Parser::new(options).run(text, Parser::whole_patch_path)
    }

    /// Parses the path of a PATCH operation and tells which tolerances of [`ParseOptions::dialect`] it needed.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what was expected there.
    pub fn parse_reporting(text: &str, options: &ParseOptions<'_>) -> Result<(Self, Dialect), ParseError> {
        let parser = Parser::new(options);
        parser.run(text, Parser::whole_patch_path).map(|tree| parser.reporting(tree))
    }
}

/// The deepest nesting that any limit allows.
const MAX_DEPTH: usize = 256;

/// The rest of the input and what was read, or why not.
type Parsed<'i, T> = IResult<&'i str, T, Failure>;

/// The bytes at the start of the input that pass a test; like nom's `take_while`, which decodes characters, and twice as fast.
///
/// The test must pass all bytes of a character beyond ASCII or none.
#[inline]
fn bytes_while(input: &str, test: impl Fn(u8) -> bool) -> Parsed<'_, &str> {
    let end = input.bytes().position(|byte| !test(byte)).unwrap_or(input.len());
    looked_at(end);
    let (taken, rest) = input.split_at_checked(end).unwrap_or(("", input));
    Ok((rest, taken))
}

/// Tells a test how many bytes or terms were looked at or moved, so that it sees without a clock that time is linear.
#[inline(always)]
fn looked_at(count: usize) {
    #[cfg(test)]
    work::add(count);
    #[cfg(not(test))]
    let _ = count;
}

/// One run over one text.
///
/// Parsers are methods from the rest of the input to an [`IResult`]. Those of whole filters write the tree to where it stays, as a tree is
/// some hundred bytes long and would be copied with each result otherwise. No parser reads on after it has failed and none is tried twice on the
/// same text, except for a name's few bytes, so that time is linear.
struct Parser<'o> {
    options: &'o ParseOptions<'o>,
    terms: Cell<usize>,
    in_brackets: Cell<bool>,
    /// The tolerances that were needed.
    needed: Cell<Dialect>,
}

/// Where an expression stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// At the top or in parentheses there.
    Filter,
    /// In brackets, where no other brackets may open (EID 4690).
    Brackets,
}

impl<'o> Parser<'o> {
    const fn new(options: &'o ParseOptions<'o>) -> Self {
        Self { options, terms: Cell::new(0), in_brackets: Cell::new(false), needed: Cell::new(Dialect::STRICT) }
    }

    #[inline]
    fn run<'i, T>(&self, text: &'i str, parse: impl FnOnce(&Self, &'i str, &mut Option<T>) -> Parsed<'i, ()>) -> Result<T, ParseError> {
        if text.len() > self.options.limits.length {
            return Err(failure::too_long(text, self.options.limits.length));
        }
        let mut tree = None;
        match parse(self, text, &mut tree) {
            Ok((rest, ())) => tree.ok_or_else(|| self.explain(text, &Failure::at(rest, What::Expected("a filter or path")).fatal())),
            Err(error) => Err(self.explain(text, &error)),
        }
    }

    #[cold]
    fn explain(&self, text: &str, error: &nom::Err<Failure>) -> ParseError {
        match error {
            nom::Err::Error(failure) | nom::Err::Failure(failure) => failure.explain(text, self.in_brackets.get()),
            // Only streaming parsers ask for more, and none is used here.
            nom::Err::Incomplete(_) => Failure::at("", What::Expected("more text")).explain(text, false),
        }
    }

    /// What was read, with the tolerances that it needed.
    fn reporting<T>(&self, tree: T) -> (T, Dialect) {
        (tree, self.needed.get())
    }

    /// Whether a deviation that is at hand is tolerated; if so, it is noted.
    #[cold]
    fn tolerates(&self, tolerance: Tolerance) -> bool {
        let is_tolerated = self.options.dialect.allows(tolerance);
        if is_tolerated {
            self.needed.set(self.needed.get().with(tolerance));
        }
        is_tolerated
    }

    /// Fails unless one more level may open at `rest`.
    fn deeper(&self, rest: &str, depth: usize) -> Result<usize, nom::Err<Failure>> {
        let limit = self.options.limits.depth.min(MAX_DEPTH);
        if depth < limit { Ok(depth + 1) } else { Err(Failure::at(rest, What::Limit { what: "depth", limit }).fatal()) }
    }

    /// Counts a term that starts at `rest`.
    fn count_term(&self, rest: &str) -> Result<(), nom::Err<Failure>> {
        looked_at(1);
        let limit = self.options.limits.terms;
        if self.terms.get() >= limit {
            return Err(Failure::at(rest, What::Limit { what: "number of terms", limit }).fatal());
        }
        self.terms.set(self.terms.get() + 1);
        Ok(())
    }
}
