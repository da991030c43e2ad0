//! The expression language of attribute mappings: text to tree, tree to text, and evaluation.

mod error;
mod evaluate;
mod node;
mod parse;
mod print;
mod steps;
mod tree;

pub use error::{EvaluationError, EvaluationErrorKind, ExpressionError, ExpressionErrorKind};
pub use evaluate::Evaluation;
pub(crate) use evaluate::{Call, Context, Outcome, Output, Stop, into_text, number, owned, text_of};
pub(crate) use node::{Node, PreparedPatterns, Word};
pub use steps::Step;
pub(crate) use steps::hidden;
pub(crate) use tree::from_source;

use std::sync::Arc;

use crate::pattern::PatternEngine;

/// An expression: a value made of attributes, constants and functions.
///
/// The text is at most 10,000 characters long and nests at most 64 deep. Function names compare with case, as in Microsoft Entra;
/// a name that is nearly right is an error with a suggestion. What stands printed parses to the same expression again.
///
/// ```
/// use scimkit_mapping::{Environment, Evaluation, Expression, SourceRecord};
///
/// let expression = Expression::parse(r#"Join(" ",[givenName],[surname])"#)?;
/// assert_eq!(expression.to_string(), r#"Join(" ", [givenName], [surname])"#);
/// assert_eq!(expression.attributes(), ["givenName", "surname"]);
///
/// let mut record = SourceRecord::new("7", "User");
/// record.attributes.insert("givenName", "Ola");
/// let environment = Environment::new("2026-03-01T08:00:00Z".parse()?);
/// assert_eq!(expression.evaluate(&record, &environment)?, Evaluation::Value("Ola".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub(crate) root: Node,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// [`ExpressionError`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Self::parse_with(text, &ExpressionOptions::default())
    }

    /// Parses an expression, with an engine for regular expressions that the linear one cannot run.
    ///
    /// # Errors
    /// [`ExpressionError`] with the place and what was expected there.
    pub fn parse_with(text: &str, options: &ExpressionOptions) -> Result<Self, ExpressionError> {
        parse::parse(text, options).map(|root| Self { root })
    }

    /// The names of the attributes that the expression reads, in order of appearance, each once (names compare without case).
    pub fn attributes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.root.walk(&mut |node| {
            if let Node::Attribute { name, .. } = node
                && !names.iter().any(|known| known.eq_ignore_ascii_case(name))
            {
                names.push(name);
            }
        });
        names
    }

    /// The attribute, if the expression is nothing but one.
    pub(crate) fn as_attribute(&self) -> Option<&str> {
        match &self.root {
            Node::Attribute { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether a function of this name is called anywhere.
    pub(crate) fn calls(&self, function: &str) -> bool {
        self.count_calls(function) > 0
    }

    /// How often a function of this name is called.
    pub(crate) fn count_calls(&self, function: &str) -> usize {
        let mut count = 0;
        self.root.walk(&mut |node| count += usize::from(matches!(node, Node::Call(call) if call.function.name == function)));
        count
    }

    /// The function whose call is the whole expression.
    pub(crate) fn outermost(&self) -> Option<&'static crate::functions::Function> {
        match &self.root {
            Node::Call(call) => Some(call.function),
            _ => None,
        }
    }
}

impl std::str::FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        Self::parse(text)
    }
}

/// How expressions are read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ExpressionOptions {
    /// Runs regular expressions with look-around and back-references. Default none: they are faults.
    pub patterns: Option<Arc<dyn PatternEngine>>,
}

impl ExpressionOptions {
    /// These options with an engine for regular expressions that the linear one cannot run.
    #[must_use]
    pub fn with_patterns(self, patterns: Arc<dyn PatternEngine>) -> Self {
        Self { patterns: Some(patterns) }
    }
}

/// An engine is no part of an expression's meaning.
impl PartialEq for ExpressionOptions {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The most characters of an expression's text.
pub(crate) const MAX_LENGTH: usize = 10_000;
/// How deep calls may nest.
pub(crate) const MAX_DEPTH: usize = 64;
