//! A tree and a record give a value.

use std::borrow::Cow;
use std::cell::Cell;

use scimkit_types::{Number, Value};

use super::error::{EvaluationError, EvaluationErrorKind};
use super::node::{CallNode, Comparison, Node, Pattern, Word};
use super::{Expression, MAX_LENGTH};
use crate::environment::Environment;
use crate::record::SourceRecord;
use crate::target;

/// The most bytes of a text that an expression makes.
pub(crate) const MAX_TEXT: usize = 64 * 1024;
/// The most nodes that one evaluation visits. Nothing repeats, so that no expression of legal length comes near.
const MAX_STEPS: usize = 4 * MAX_LENGTH;

/// What an expression gives for a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Evaluation {
    /// A value; null if there is none.
    Value(Value),
    /// The target attribute is to be left alone.
    IgnoreAttribute,
    /// The object is to be left alone.
    IgnoreObject,
}

impl Expression {
    /// The value for a record. It depends on nothing but the record and the environment.
    ///
    /// Conditions, numbers and dates are text in the language: conditions are `True` and `False`, dates look like
    /// `3/16/2026 7:00:00 AM` in UTC. Only the chosen branch of `IIF` and `Switch` is evaluated.
    ///
    /// # Errors
    /// [`EvaluationError`] if a function cannot do its work.
    pub fn evaluate(&self, record: &SourceRecord, environment: &Environment<'_>) -> Result<Evaluation, EvaluationError> {
        self.evaluate_for(record, environment, None)
    }

    /// The value for a target attribute.
    pub(crate) fn evaluate_for(
        &self,
        record: &SourceRecord,
        environment: &Environment<'_>,
        target: Option<&str>,
    ) -> Result<Evaluation, EvaluationError> {
        let context = Context { record, environment, target, steps: Cell::new(0) };
        match context.evaluate(&self.root) {
            Ok(value) => Ok(Evaluation::Value(value)),
            Err(Stop::IgnoreAttribute) => Ok(Evaluation::IgnoreAttribute),
            Err(Stop::IgnoreObject) => Ok(Evaluation::IgnoreObject),
            Err(Stop::Error(kind)) => Err(EvaluationError::new(target.map(str::to_owned), *kind)),
        }
    }
}

/// A value, or why evaluation stops here.
pub(crate) type Outcome = Result<Value, Stop>;

/// Why evaluation stops before there is a value.
#[derive(Debug)]
pub(crate) enum Stop {
    IgnoreAttribute,
    IgnoreObject,
    Error(Box<EvaluationErrorKind>),
}

impl From<EvaluationErrorKind> for Stop {
    fn from(kind: EvaluationErrorKind) -> Self {
        Self::Error(Box::new(kind))
    }
}

/// What one evaluation works on.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) record: &'a SourceRecord,
    pub(crate) environment: &'a Environment<'a>,
    pub(crate) target: Option<&'a str>,
    steps: Cell<usize>,
}

impl Context<'_> {
    pub(crate) fn evaluate(&self, node: &Node) -> Outcome {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            return Err(EvaluationErrorKind::Limit { what: "number of steps", limit: MAX_STEPS }.into());
        }
        match node {
            Node::Text(text) => Ok(Value::from(text.as_str())),
            Node::Number { value, .. } => Ok(Value::from(*value)),
            Node::Attribute { name, path } => Ok(self.attribute(name, path.as_deref())),
            Node::Word(Word::IgnoreAttributeFlow) => Err(Stop::IgnoreAttribute),
            Node::Word(Word::IgnoreObjectFlow) => Err(Stop::IgnoreObject),
            Node::Word(word) => Ok(Value::from(word.as_str())),
            Node::Call(call) => (call.function.evaluate)(&Call { context: self, call }),
            Node::Concat(parts) => {
                let mut output = Output::default();
                for part in parts {
                    if let Some(text) = text_of(&self.evaluate(part)?)? {
                        output.push(&text)?;
                    }
                }
                Ok(output.into())
            }
            Node::Compare { left, operator, right } => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                Ok(Value::from(holds(*operator, &left, &right)?))
            }
        }
    }

    fn attribute(&self, name: &str, path: Option<&scimkit_filter::PatchPath>) -> Value {
        if name.eq_ignore_ascii_case("IsSoftDeleted") {
            return Value::from(self.environment.is_soft_deleted);
        }
        match (&*self.record.value(name), path) {
            (Value::Null, Some(path)) => target::select(&self.record.attributes, path),
            (value, _) => value.clone(),
        }
    }
}

/// Compares two values: as numbers if both read as numbers, and one of them is a number or an order is asked for; else as text by code
/// point. Null is as empty text.
fn holds(operator: Comparison, left: &Value, right: &Value) -> Result<bool, Stop> {
    let (left_text, right_text) = (text_of(left)?.unwrap_or_default(), text_of(right)?.unwrap_or_default());
    let asks_for_order = !matches!(operator, Comparison::Equal | Comparison::NotEqual);
    let is_numeric = asks_for_order || matches!(left, Value::Number(_)) || matches!(right, Value::Number(_));
    let order = match (number(&left_text), number(&right_text)) {
        (Some(left), Some(right)) if is_numeric => left.compare(&right),
        _ => left_text.cmp(&right_text),
    };
    Ok(operator.holds(order))
}

/// The number that a text stands for; whole numbers of 64 bits are exact.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    if !is_plain {
        return None;
    }
    text.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

/// The text of a value; `None` for null. A list of one value stands for the value.
pub(crate) fn text_of(value: &Value) -> Result<Option<Cow<'_, str>>, Stop> {
    Ok(match value {
        Value::Null => None,
        Value::Boolean(true) => Some(Cow::Borrowed("True")),
        Value::Boolean(false) => Some(Cow::Borrowed("False")),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::List(values) => match values.as_slice() {
            [] => None,
            [only] if !matches!(only, Value::List(_)) => text_of(only)?,
            more => return Err(EvaluationErrorKind::List { found: more.len() }.into()),
        },
        Value::Complex(_) => return Err(EvaluationErrorKind::Type { expected: "text" }.into()),
    })
}

/// Text that grows up to [`MAX_TEXT`] bytes.
#[derive(Debug, Default)]
pub(crate) struct Output(String);

impl Output {
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Stop> {
        if self.0.len() + text.len() > MAX_TEXT {
            return Err(EvaluationErrorKind::Limit { what: "length of a text", limit: MAX_TEXT }.into());
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl From<Output> for Value {
    fn from(output: Output) -> Self {
        Self::String(output.0)
    }
}

/// A call in the middle of an evaluation; a function evaluates the arguments that it needs.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) call: &'a CallNode,
}

impl Call<'_> {
    /// The number of arguments, those left out counted.
    pub(crate) const fn len(&self) -> usize {
        self.call.arguments.len()
    }

    /// Whether an argument was given.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.call.arguments.get(index).is_some_and(Option::is_some)
    }

    /// The argument as it stands in the expression.
    pub(crate) fn node(&self, index: usize) -> Option<&Node> {
        self.call.arguments.get(index).and_then(Option::as_ref)
    }

    /// The argument's value; null if it was left out.
    pub(crate) fn value(&self, index: usize) -> Outcome {
        self.node(index).map_or(Ok(Value::Null), |node| self.context.evaluate(node))
    }

    /// The argument's text; `None` for null.
    pub(crate) fn text(&self, index: usize) -> Result<Option<String>, Stop> {
        Ok(text_of(&self.value(index)?)?.map(Cow::into_owned))
    }

    /// The argument's text if it is neither null nor empty.
    pub(crate) fn present(&self, index: usize) -> Result<Option<String>, Stop> {
        Ok(self.text(index)?.filter(|text| !text.is_empty()))
    }

    /// The argument as a whole number, given bare or as text; `None` for null and empty text.
    pub(crate) fn integer(&self, index: usize) -> Result<Option<i64>, Stop> {
        match self.value(index)? {
            Value::Number(number) => Ok(Some(number.as_i64().ok_or_else(|| self.expected(index, "a whole number of 64 bits"))?)),
            other => match text_of(&other)? {
                Some(text) if !text.trim().is_empty() => {
                    text.trim().parse().map(Some).map_err(|_| self.expected(index, "a whole number of 64 bits"))
                }
                _ => Ok(None),
            },
        }
    }

    /// The argument as a whole number that must be there.
    pub(crate) fn required_integer(&self, index: usize) -> Result<i64, Stop> {
        self.integer(index)?.ok_or_else(|| self.expected(index, "a whole number"))
    }

    /// The argument as a condition; null and empty text are false.
    pub(crate) fn condition(&self, index: usize) -> Result<bool, Stop> {
        let value = self.value(index)?;
        match text_of(&value)? {
            None => Ok(false),
            Some(text) if text.is_empty() || text.eq_ignore_ascii_case("False") => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("True") => Ok(true),
            Some(text) => text.trim().parse::<i64>().map(|number| number != 0).map_err(|_| EvaluationErrorKind::Condition.into()),
        }
    }

    /// The argument as a list: nothing for null, one element for a single value.
    pub(crate) fn list(&self, index: usize) -> Result<Vec<Value>, Stop> {
        Ok(match self.value(index)? {
            Value::Null => Vec::new(),
            Value::List(values) => values,
            other => vec![other],
        })
    }

    /// The regular expression that stands as a constant at this place.
    pub(crate) fn prepared(&self, index: usize) -> Option<&Pattern> {
        self.call.patterns.iter().find(|(at, _)| *at == index).map(|(_, pattern)| pattern)
    }

    /// The error that an argument is not what it must be.
    pub(crate) fn expected(&self, index: usize, expected: &'static str) -> Stop {
        let function = self.call.function;
        EvaluationErrorKind::Argument { function: function.name, parameter: function.parameter(index), expected }.into()
    }
}
