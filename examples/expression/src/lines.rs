//! JSON Lines in, JSON Lines out.

use std::io::{self, Read, Write};

use scimkit_mapping::{Evaluation, EvaluationErrorKind, Expression, ExpressionError, ExpressionErrorKind};
use scimkit_types::{ComplexValue, Value};
use serde::{Deserialize, Serialize};

use crate::setting::{Setting, in_language};

/// The question of one line.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object with `expression`")]
struct Question {
    expression: String,
    #[serde(default)]
    inputs: Option<ComplexValue>,
    #[serde(default)]
    now: Option<String>,
    #[serde(default)]
    taken: Option<Vec<String>>,
    #[serde(default)]
    guid: Option<String>,
}

/// The answer to one line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Value { ok: bool, value: Value },
    Flow { ok: bool, flow: &'static str },
    Fault { ok: bool, error: Fault },
}

/// What is wrong with a line or an expression.
#[derive(Debug, Serialize)]
struct Fault {
    kind: &'static str,
    /// In bytes of the expression; `None` where there is no single place.
    offset: Option<usize>,
    message: String,
}

/// Answers each line of the input by one line, in order, until the input ends; a bad line has an error as its answer.
///
/// What has been answered is written before more input is waited for.
///
/// # Errors
/// The input cannot be read or the output not be written.
pub fn answer_lines(input: impl Read, output: &mut dyn Write) -> io::Result<()> {
    scimkit_example_command::answer_lines(input, output, |line| answer(line).unwrap_or_else(Answer::from))
}

fn answer(line: Option<&[u8]>) -> Result<Answer, Fault> {
    let line = scimkit_example_command::object(line).map_err(Fault::input)?;
    let question: Question = serde_json::from_str(line).map_err(|error| Fault::input(error.to_string()))?;
    let expression = Expression::parse(&question.expression)?;
    let inputs = question.inputs.unwrap_or_default();
    let setting = Setting::new(inputs, question.now.as_deref(), question.taken.unwrap_or_default(), question.guid.as_deref());
    let setting = setting.map_err(Fault::input)?;
    match expression.evaluate(&setting.record, &setting.environment()) {
        Ok(Evaluation::Value(value)) => Ok(Answer::Value { ok: true, value: in_language(value) }),
        Ok(Evaluation::IgnoreAttribute) => Ok(Answer::Flow { ok: true, flow: "attribute-ignored" }),
        Ok(Evaluation::IgnoreObject) => Ok(Answer::Flow { ok: true, flow: "object-ignored" }),
        Ok(_) => Err(Fault { kind: "evaluation", offset: None, message: "the result has no form in JSON Lines".to_owned() }),
        Err(error) => Err(Fault { kind: kind(error.kind()), offset: None, message: error.to_string() }),
    }
}

const fn kind(kind: &EvaluationErrorKind) -> &'static str {
    match kind {
        EvaluationErrorKind::Argument { .. } => "argument",
        EvaluationErrorKind::List { .. } => "list",
        EvaluationErrorKind::Condition => "condition",
        EvaluationErrorKind::Raised { .. } => "raised",
        EvaluationErrorKind::NotUnique { .. } => "not-unique",
        EvaluationErrorKind::Environment { .. } => "environment",
        EvaluationErrorKind::Limit { .. } => "limit",
        EvaluationErrorKind::Pattern { .. } => "pattern",
        EvaluationErrorKind::UnknownRole { .. } | EvaluationErrorKind::DisabledRole { .. } => "role",
        _ => "evaluation",
    }
}

impl Fault {
    /// The line itself is at fault.
    fn input(message: impl Into<String>) -> Self {
        Self { kind: "input", offset: None, message: message.into() }
    }
}

impl From<ExpressionError> for Fault {
    fn from(error: ExpressionError) -> Self {
        let kind = match error.kind() {
            ExpressionErrorKind::Limit { .. } => "limit",
            ExpressionErrorKind::UnknownFunction { .. } => "unknown-function",
            ExpressionErrorKind::ArgumentCount { .. } => "arguments",
            ExpressionErrorKind::Pattern { .. } => "pattern",
            _ => "syntax",
        };
        Self { kind, offset: Some(error.span().start), message: error.to_string() }
    }
}

impl From<Fault> for Answer {
    fn from(error: Fault) -> Self {
        Self::Fault { ok: false, error }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(question: &str, expected: &Value) {
        let mut output = Vec::new();
        answer_lines(question.as_bytes(), &mut output).unwrap();
        let answer: Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(answer, *expected);
    }

    #[track_caller]
    fn check_fault(question: &str, kind: &str, offset: Option<usize>) {
        let mut output = Vec::new();
        answer_lines(question.as_bytes(), &mut output).unwrap();
        let answer: Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(
            (&answer["ok"], &answer["error"]["kind"], &answer["error"]["offset"]),
            (&json!(false), &json!(kind), &json!(offset)),
            "{answer}"
        );
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }

    #[test]
    fn each_kind_of_answer_has_its_form() {
        check(r#"{"expression": "[a]", "inputs": {"a": ["x", null]}}"#, &json!({"ok": true, "value": ["x", null]}));
        check(r#"{"expression": "[a]"}"#, &json!({"ok": true, "value": null}));
        check(r#"{"expression": "Count([a])", "inputs": {"a": ["x", "y"]}, "id": 7}"#, &json!({"ok": true, "value": 2}));
        check(r#"{"expression": "IsNull([a])", "inputs": null}"#, &json!({"ok": true, "value": "True"}));
        check(r#"{"expression": "Now()", "now": "2026-05-06T07:08:09Z"}"#, &json!({"ok": true, "value": "5/6/2026 7:08:09 AM"}));
        check(r#"{"expression": "IgnoreFlowIfNullOrEmpty([a])"}"#, &json!({"ok": true, "flow": "attribute-ignored"}));
        check(r#"{"expression": "IgnoreObjectFlow"}"#, &json!({"ok": true, "flow": "object-ignored"}));
        let guid = "a1b2c3d4-e5f6-7890-1234-567890abcdef";
        check(&format!(r#"{{"expression": "Guid()", "guid": "{guid}"}}"#), &json!({"ok": true, "value": guid}));
        check(r#"{"expression": "SelectUniqueValue(\"a\", \"b\")", "taken": ["a"]}"#, &json!({"ok": true, "value": "b"}));
    }

    #[test]
    fn each_fault_has_its_kind_and_place() {
        check_fault("x", "input", None);
        check_fault("{}", "input", None);
        check_fault(r#"["[a]"]"#, "input", None);
        check_fault(r#"{"expression": "[a]", "now": "soon"}"#, "input", None);
        check_fault(r#"{"expression": "[a] ]"}"#, "syntax", Some(4));
        check_fault(r#"{"expression": "Trim(Upper([a]))"}"#, "unknown-function", Some(5));
        check_fault(r#"{"expression": "Trim()"}"#, "arguments", Some(0));
        check_fault(r#"{"expression": "Replace([a], , \"(\", , \"\", , )"}"#, "pattern", Some(0));
        check_fault(&json!({"expression": "a".repeat(10_001)}).to_string(), "limit", Some(0));
        check_fault(r#"{"expression": "Item([a], 0)"}"#, "argument", None);
        check_fault(r#"{"expression": "Error(\"no\")"}"#, "raised", None);
        check_fault(r#"{"expression": "SelectUniqueValue(\"a\", \"b\")", "taken": ["a", "b"]}"#, "not-unique", None);
    }

    #[test]
    fn answers_keep_the_order_of_the_lines() {
        let mut output = Vec::new();
        answer_lines(&b"{\"expression\": \"1\"}\nbad\n{\"expression\": \"2\"}"[..], &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&answers[0]["value"], &answers[1]["ok"], &answers[2]["value"]), (&json!(1), &json!(false), &json!(2)));
    }
}
