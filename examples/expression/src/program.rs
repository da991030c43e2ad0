//! The program `expression`.

use std::io::{self, Read, Write};
use std::sync::Arc;

use clap::Parser;
use scimkit_mapping::{BacktrackingEngine, Evaluation, EvaluationError, Expression, ExpressionError, ExpressionOptions};
use scimkit_types::{ComplexValue, Value};

use crate::lines::answer_lines;
use crate::setting::{Setting, in_language};

/// Explains an expression of attribute mappings.
///
/// Shows the tree, what kind of value it gives, the value of each part that is evaluated, and the result. A fault is drawn on standard
/// error and ends with exit code 2.
#[derive(Clone, Debug, Parser)]
#[command(name = "expression")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["expression", "jsonl"]))]
pub struct Arguments {
    /// An expression such as `Join(" ", [givenName], [surname])`
    pub expression: Option<String>,

    /// An attribute and its value; a value that begins with `[` or `{` is JSON
    #[arg(long = "set", value_name = "NAME=VALUE", conflicts_with = "jsonl")]
    pub attributes: Vec<String>,

    /// The instant that `Now` gives
    #[arg(long, value_name = "INSTANT", conflicts_with = "jsonl")]
    pub now: Option<String>,

    /// A value that `SelectUniqueValue` finds taken
    #[arg(long, value_name = "VALUE", conflicts_with = "jsonl")]
    pub taken: Vec<String>,

    /// What `Guid` gives
    #[arg(long, value_name = "GUID", conflicts_with = "jsonl")]
    pub guid: Option<String>,

    /// Allow look-around and back-references in regular expressions
    #[arg(long, conflicts_with = "jsonl")]
    pub backtracking: bool,

    /// Answer JSON Lines from standard input instead
    #[arg(long)]
    pub jsonl: bool,
}

/// Why the program cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// An argument is at fault.
    #[error("{0}")]
    Argument(String),
    /// The text is not an expression; the place is drawn.
    #[error("{error}{}", drawing(error))]
    Parse {
        /// The place and what was expected there.
        error: ExpressionError,
    },
    /// The expression has no value.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// The input cannot be read or the output not be written.
    #[error("the input or the output failed")]
    Stream(#[from] io::Error),
}

/// The most characters of a text that is drawn.
const MOST_DRAWN: usize = 500;

fn drawing(error: &ExpressionError) -> String {
    if error.input().chars().nth(MOST_DRAWN).is_some() {
        return format!(", at byte {}", error.span().start);
    }
    format!("\n{}", error.caret())
}

/// Runs the program and returns its exit code, 0.
///
/// # Errors
/// An argument or the expression is at fault, the expression has no value, or the input or output fails.
pub fn run(arguments: &Arguments, input: impl Read, output: &mut dyn Write) -> Result<u8, Failure> {
    match &arguments.expression {
        Some(text) => explain(text, arguments, output)?,
        None => answer_lines(input, output)?,
    }
    output.flush()?;
    Ok(0)
}

fn explain(text: &str, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let mut options = ExpressionOptions::default();
    if arguments.backtracking {
        options = options.with_patterns(Arc::new(BacktrackingEngine::default()));
    }
    let expression = Expression::parse_with(text, &options).map_err(|error| Failure::Parse { error })?;
    let attributes: Result<ComplexValue, Failure> = arguments.attributes.iter().map(|text| attribute(text)).collect();
    let setting = Setting::new(attributes?, arguments.now.as_deref(), arguments.taken.clone(), arguments.guid.as_deref());
    let setting = setting.map_err(Failure::Argument)?;

    writeln!(output, "tree:")?;
    expression.tree().lines().try_for_each(|line| writeln!(output, "  {line}"))?;
    writeln!(output, "printed: {expression}")?;
    writeln!(output, "type: {}", expression.result_type(None))?;
    let (result, steps) = expression.trace(&setting.record, &setting.environment());
    if !steps.is_empty() {
        writeln!(output, "trace:")?;
    }
    for step in steps {
        writeln!(output, "  {}{step}", "  ".repeat(step.depth))?;
    }
    match result? {
        Evaluation::Value(value) => writeln!(output, "result: {}", json(&in_language(value)))?,
        Evaluation::IgnoreObject => writeln!(output, "result: the object is left alone")?,
        _ => writeln!(output, "result: the attribute is left alone")?,
    }
    Ok(())
}

fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// The name and value of `--set`.
fn attribute(text: &str) -> Result<(String, Value), Failure> {
    let fault = |expected: &str| Failure::Argument(format!("expected {expected} in `--set`, found `{text}`"));
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| fault("`NAME=VALUE`"))?;
    let value = if value.starts_with(['[', '{']) {
        serde_json::from_str(value).map_err(|_| fault("JSON as the value"))?
    } else {
        Value::from(value)
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_explain(arguments: &[&str]) -> Result<String, Failure> {
        let arguments = Arguments::try_parse_from(std::iter::once(&"expression").chain(arguments)).unwrap();
        let mut output = Vec::new();
        assert_eq!(run(&arguments, io::empty(), &mut output)?, 0);
        Ok(String::from_utf8(output).unwrap())
    }

    #[track_caller]
    fn check(arguments: &[&str], expected: &[&str]) {
        assert_eq!(try_explain(arguments).unwrap().lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_expression_is_explained() {
        check(
            &[r#"Join(" ", [givenName],[surname])"#, "--set", "givenName=Åsa"],
            &[
                "tree:",
                "  Join",
                "    separator: text \" \"",
                "    source: attribute givenName",
                "    source: attribute surname",
                "printed: Join(\" \", [givenName], [surname])",
                "type: text",
                "trace:",
                "  Join(\" \", [givenName], [surname]) gives \"Åsa\"",
                "    [givenName] gives \"Åsa\"",
                "    [surname] gives null",
                "result: \"Åsa\"",
            ],
        );
        let text = try_explain(&["IIF(IsPresent([a]), IgnoreAttributeFlow, Now())", "--set", "a=[\"x\"]"]).unwrap();
        assert!(text.contains("type: a date\n") && text.ends_with("result: the attribute is left alone\n"), "{text}");
    }

    #[test]
    fn faults_are_drawn_or_named() {
        let message = |arguments: &[&str]| try_explain(arguments).unwrap_err().to_string();
        assert_eq!(message(&["Tolower([a])"]), "`Tolower` is not a function; did you mean `ToLower`?\nTolower([a])\n^^^^^^^");
        assert_eq!(message(&["Item([a], 1)"]), "`Item` expected the number of an element, from 1 as `index`");
        assert_eq!(message(&["[a]", "--set", "a"]), "expected `NAME=VALUE` in `--set`, found `a`");
        assert_eq!(message(&["[a]", "--set", "a=["]), "expected JSON as the value in `--set`, found `a=[`");
        assert!(message(&["[a]", "--now", "later"]).contains("`later`"));
        let pattern = r#"Replace([a], , "(?<=x)y", , "z", , )"#;
        assert!(message(&[pattern]).contains("feature `fancy-regex`"));
        assert!(try_explain(&[pattern, "--set", "a=xy", "--backtracking"]).unwrap().ends_with("result: \"xz\"\n"));
    }
}
