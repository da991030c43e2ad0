//! Why text is not an expression, and why an expression has no value.

use std::ops::Range;

use crate::pattern::PatternFault;

/// Text that is not an expression. `Display` is one line; [`caret`](Self::caret) draws the place.
///
/// ```
/// use scimkit_mapping::Expression;
/// let error = Expression::parse("Tolower([mail])").unwrap_err();
/// assert_eq!(error.to_string(), "`Tolower` is not a function; did you mean `ToLower`?");
/// assert_eq!(error.caret(), "Tolower([mail])\n^^^^^^^");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ExpressionError {
    kind: ExpressionErrorKind,
    span: Range<usize>,
    input: String,
}

impl ExpressionError {
    pub(crate) fn new(kind: ExpressionErrorKind, span: Range<usize>, input: &str) -> Self {
        Self { kind, span, input: input.to_owned() }
    }

    /// What is wrong.
    pub const fn kind(&self) -> &ExpressionErrorKind {
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

    /// Two lines: the line of the input in which the error is, and carets under the place.
    pub fn caret(&self) -> String {
        let head = self.input.get(..self.span.start).unwrap_or(&self.input);
        let line_start = head.rfind('\n').map_or(0, |end| end + 1);
        let line = self.input.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = head.get(line_start..).map_or(0, |text| text.chars().count());
        let marked = self.input.get(self.span.clone()).unwrap_or_default();
        let width = marked.lines().next().map_or(0, |text| text.chars().count()).max(1);
        format!("{line}\n{}{}", " ".repeat(column), "^".repeat(width))
    }
}

/// What is wrong with the text of an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionErrorKind {
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
        /// What is limited: `length` or `depth`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// There is no function of this name.
    #[error("`{name}` is not a function{}", suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownFunction {
        /// The name.
        name: String,
        /// A function with nearly this name.
        suggestion: Option<&'static str>,
    },
    /// A function was called with too few or too many arguments, or without one that it needs.
    #[error("`{function}` takes {expected}, found {found}")]
    ArgumentCount {
        /// The function.
        function: &'static str,
        /// What it takes.
        expected: String,
        /// How many there are.
        found: usize,
    },
    /// A regular expression that is none, is too large, or needs an engine that was not passed in.
    #[error("{fault}, found `{pattern}`")]
    Pattern {
        /// The regular expression.
        pattern: String,
        /// What is wrong with it.
        fault: PatternFault,
    },
}

/// An expression that has no value for a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{kind}", target.as_ref().map(|target| format!("no value for `{target}`: ")).unwrap_or_default())]
pub struct EvaluationError {
    target: Option<String>,
    kind: EvaluationErrorKind,
}

impl EvaluationError {
    pub(crate) const fn new(target: Option<String>, kind: EvaluationErrorKind) -> Self {
        Self { target, kind }
    }

    /// The target attribute of the mapping, such as `userName`; `None` when an expression was evaluated on its own.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// What is wrong.
    pub const fn kind(&self) -> &EvaluationErrorKind {
        &self.kind
    }
}

/// Why there is no value. `Display` shows no attribute value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationErrorKind {
    /// An argument of a function is not what the function needs.
    #[error("`{function}` expected {expected} as `{parameter}`")]
    Argument {
        /// The function.
        function: &'static str,
        /// The name of the parameter.
        parameter: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A list stands where one value is needed.
    #[error("expected one value, found a list of {found}")]
    List {
        /// The number of values.
        found: usize,
    },
    /// Something that is neither true nor false stands as a condition.
    #[error("expected a condition that is true or false")]
    Condition,
    /// The expression called `Error`.
    #[error("the expression ended with an error{}", message.as_ref().map(|message| format!(": {message}")).unwrap_or_default())]
    Raised {
        /// The message, if it is a constant of the expression; a computed one could hold a person's data.
        message: Option<String>,
    },
    /// Every value that `SelectUniqueValue` offers is taken.
    #[error("every one of the {offered} values is taken")]
    NotUnique {
        /// How many there were.
        offered: usize,
    },
    /// The environment lacks what a function needs.
    #[error("`{function}` needs {what} in the environment")]
    Environment {
        /// The function.
        function: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// A limit was reached.
    #[error("the {what} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A computed regular expression is none, is too large, or needs an engine that was not passed in.
    #[error("no regular expression for `{function}`: {fault}")]
    Pattern {
        /// The function.
        function: &'static str,
        /// What is wrong with it.
        fault: PatternFault,
    },
    /// An assignment names a role that the application does not define.
    #[error("the application has no role `{id}`")]
    UnknownRole {
        /// The id that the assignment names.
        id: String,
    },
    /// An assignment names a role that cannot be assigned.
    #[error("the role `{name}` is disabled")]
    DisabledRole {
        /// The role's name.
        name: String,
    },
    /// The value does not fit the target attribute's type.
    #[error("expected a value of type {expected}")]
    Type {
        /// The name of the type.
        expected: &'static str,
    },
    /// The target requires the attribute, and there is neither a value nor a default.
    #[error("the attribute is required")]
    Required,
}
