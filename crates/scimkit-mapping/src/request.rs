//! Text to tree with a test evaluation, as Microsoft Graph's `parseExpression` does it.

use std::borrow::Cow;

use scimkit_types::{ComplexValue, Value};
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::expression::{Evaluation, Expression, ExpressionOptions, text_of};
use crate::record::SourceRecord;
use crate::schema::{AttributeDefinition, MappingSource, ObjectDefinition};

/// An expression to parse, and an object to try it on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ParseExpressionRequest {
    /// The expression as text.
    pub expression: String,
    /// The target attribute; kept for the form of the call, a value is not converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_attribute_definition: Option<AttributeDefinition>,
    /// What to evaluate the expression on; without it, it is not evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_input_object: Option<TestInput>,
}

impl ParseExpressionRequest {
    /// A request without a test.
    pub fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), ..Self::default() }
    }

    /// This request with an object to evaluate the expression on.
    #[must_use]
    pub fn with_test<'a>(self, properties: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let properties = properties.into_iter().map(|(key, value)| TestProperty { key: key.to_owned(), value }).collect();
        Self { test_input_object: Some(TestInput { definition: None, properties }), ..self }
    }
}

/// An object to evaluate an expression on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TestInput {
    /// What the object is; kept for the form of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<ObjectDefinition>,
    /// The attributes.
    #[serde(default)]
    pub properties: Vec<TestProperty>,
}

/// An attribute and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestProperty {
    /// The name of the attribute.
    pub key: String,
    /// The value.
    #[serde(default)]
    pub value: Value,
}

/// What became of an expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ParseExpressionResponse {
    /// Why the expression was not parsed or not evaluated.
    pub error: Option<ParseExpressionFault>,
    /// Whether the test gave values; false if there was no test.
    pub evaluation_succeeded: bool,
    /// The values as text; empty for null and for an attribute or object that is to be left alone.
    pub evaluation_result: Vec<String>,
    /// The expression as a tree, as it stands in a synchronization schema.
    pub parsed_expression: Option<MappingSource>,
    /// Whether the text is an expression.
    pub parsing_succeeded: bool,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ParseExpressionFault {
    /// `ParsingFailed` or `EvaluationFailed`.
    pub code: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// The byte of the text at which it is wrong.
    pub offset: Option<usize>,
}

/// Parses an expression and evaluates it on the test object, if there is one.
///
/// ```
/// use scimkit_mapping::{Environment, ExpressionOptions, ParseExpressionRequest, parse_expression};
///
/// let request = ParseExpressionRequest::new(r#"Replace([preferredLanguage], "-", , , "_", , )"#)
///     .with_test([("preferredLanguage", "EN-US".into())]);
/// let response = parse_expression(&request, &Environment::new("2026-03-01T08:00:00Z".parse()?), &ExpressionOptions::default());
/// assert!(response.parsing_succeeded && response.evaluation_succeeded);
/// assert_eq!(response.evaluation_result, ["EN_US"]);
/// assert_eq!(response.parsed_expression.and_then(|tree| tree.name).as_deref(), Some("Replace"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse_expression(
    request: &ParseExpressionRequest,
    environment: &Environment<'_>,
    options: &ExpressionOptions,
) -> ParseExpressionResponse {
    let mut response = ParseExpressionResponse {
        error: None,
        evaluation_succeeded: false,
        evaluation_result: Vec::new(),
        parsed_expression: None,
        parsing_succeeded: false,
    };
    let fault = |code: &'static str, message: String, offset| Some(ParseExpressionFault { code: Cow::Borrowed(code), message, offset });
    let expression = match Expression::parse_with(&request.expression, options) {
        Ok(expression) => expression,
        Err(error) => {
            response.error = fault("ParsingFailed", error.to_string(), Some(error.span().start));
            return response;
        }
    };
    response.parsing_succeeded = true;
    response.parsed_expression = Some(expression.to_source());
    let Some(test) = &request.test_input_object else { return response };
    let mut record = SourceRecord::new("", "User");
    record.attributes = test.properties.iter().map(|property| (property.key.as_str(), property.value.clone())).collect::<ComplexValue>();
    match expression.evaluate(&record, environment) {
        Ok(evaluation) => {
            response.evaluation_succeeded = true;
            response.evaluation_result = texts(&evaluation);
        }
        Err(error) => response.error = fault("EvaluationFailed", error.to_string(), None),
    }
    response
}

fn texts(evaluation: &Evaluation) -> Vec<String> {
    let Evaluation::Value(value) = evaluation else { return Vec::new() };
    let text = |value: &Value| match text_of(value) {
        Ok(text) => text.map(Cow::into_owned),
        Err(_) => serde_json::to_string(value).ok(),
    };
    value.elements().iter().filter_map(text).collect()
}
