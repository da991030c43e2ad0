//! A tree and a record give a value.

use std::borrow::Cow;
use std::cell::Cell;

use scimkit_types::{Number, Value};

use super::Expression;
use super::error::{EvaluationError, EvaluationErrorKind};
use super::node::{CallNode, Comparison, Node, Word};
use super::steps::Recorder;
use crate::environment::Environment;
use crate::pattern::Pattern;
use crate::record::{Attributes, SourceRecord};
use crate::target;

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
        let attributes = Attributes::new(record);
        let context = Context::new(&attributes, environment, None);
        match context.evaluate(&self.root) {
            Ok(value) => Ok(Evaluation::Value(value.into_owned())),
            Err(stop) => stop.into_evaluation().map_err(|kind| EvaluationError::new(None, kind)),
        }
    }
}

/// A value, borrowed from the record or the expression where it can be, or why evaluation stops here.
pub(crate) type Outcome<'a> = Result<Cow<'a, Value>, Stop>;

/// A value that was made.
#[expect(clippy::unnecessary_wraps, reason = "what functions return")]
pub(crate) fn owned<'a>(value: impl Into<Value>) -> Outcome<'a> {
    Ok(Cow::Owned(value.into()))
}

/// Why evaluation stops before there is a value.
#[derive(Debug)]
pub(crate) enum Stop {
    IgnoreAttribute,
    IgnoreObject,
    Error(Box<EvaluationErrorKind>),
}

impl Stop {
    /// What the whole expression gives: a flow that is ignored, or the error.
    pub(crate) fn into_evaluation(self) -> Result<Evaluation, EvaluationErrorKind> {
        match self {
            Self::IgnoreAttribute => Ok(Evaluation::IgnoreAttribute),
            Self::IgnoreObject => Ok(Evaluation::IgnoreObject),
            Self::Error(kind) => Err(*kind),
        }
    }
}

impl From<EvaluationErrorKind> for Stop {
    fn from(kind: EvaluationErrorKind) -> Self {
        Self::Error(Box::new(kind))
    }
}

/// What one evaluation works on.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) attributes: &'a Attributes<'a>,
    pub(crate) environment: &'a Environment<'a>,
    pub(crate) target: Option<&'a str>,
    steps: Cell<usize>,
    recorder: Option<Recorder>,
}

impl<'a> Context<'a> {
    pub(crate) const fn new(attributes: &'a Attributes<'a>, environment: &'a Environment<'a>, target: Option<&'a str>) -> Self {
        Self { attributes, environment, target, steps: Cell::new(0), recorder: None }
    }

    /// The same, with the intermediate values kept.
    pub(crate) fn recording(self) -> Self {
        Self { recorder: Some(Recorder::default()), ..self }
    }

    /// The intermediate values that were kept.
    pub(crate) fn into_recorder(self) -> Recorder {
        self.recorder.unwrap_or_default()
    }

    /// Counts work against the limit.
    pub(crate) fn charge(&self, steps: usize) -> Result<(), Stop> {
        let limit = self.environment.limits.steps;
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > limit {
            return Err(EvaluationErrorKind::Limit { what: "number of steps", limit }.into());
        }
        Ok(())
    }

    pub(crate) fn evaluate<'c>(&'c self, node: &'c Node) -> Outcome<'c> {
        self.charge(1)?;
        let Some(recorder) = &self.recorder else { return self.compute(node) };
        let place = recorder.begin(node);
        let outcome = self.compute(node);
        recorder.end(place, &outcome);
        outcome
    }

    fn compute<'c>(&'c self, node: &'c Node) -> Outcome<'c> {
        match node {
            Node::Text(text) => Ok(Cow::Borrowed(text)),
            Node::Number { value, .. } => owned(*value),
            Node::Attribute { name, path } => Ok(self.attribute(name, path.as_deref())),
            Node::Word(Word::IgnoreAttributeFlow) => Err(Stop::IgnoreAttribute),
            Node::Word(Word::IgnoreObjectFlow) => Err(Stop::IgnoreObject),
            Node::Word(word) => owned(word.as_str()),
            Node::Call(call) => self.bounded((call.function.evaluate)(Call { context: self, call })?),
            Node::Concat(parts) => {
                let mut output = self.output();
                for part in parts {
                    if let Some(text) = into_text(self.evaluate(part)?)? {
                        output.push(&text)?;
                    }
                }
                output.finish()
            }
            Node::Compare { left, operator, right } => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                owned(holds(*operator, &left, &right)?)
            }
        }
    }

    /// Holds what a function made against the limit of its size.
    fn bounded<'c>(&self, value: Cow<'c, Value>) -> Outcome<'c> {
        let limit = self.environment.limits.text;
        if matches!(&value, Cow::Owned(value) if size(value) > limit) { Err(too_long(limit)) } else { Ok(value) }
    }

    /// An empty text that grows up to the limit.
    pub(crate) const fn output(&self) -> Output {
        Output { text: String::new(), limit: self.environment.limits.text }
    }

    /// The value that an expression sees under the name of an attribute.
    pub(crate) fn input(&self, name: &str) -> Value {
        match Node::attribute(name) {
            Node::Attribute { name, path } => self.attribute(&name, path.as_deref()).into_owned(),
            _ => Value::Null,
        }
    }

    fn attribute(&self, name: &str, path: Option<&scimkit_filter::PatchPath>) -> Cow<'_, Value> {
        if name.eq_ignore_ascii_case("IsSoftDeleted") {
            return Cow::Owned(Value::from(self.environment.is_soft_deleted));
        }
        match (self.attributes.value(name), path) {
            (value, Some(path)) if *value == Value::Null => Cow::Owned(target::select(&self.attributes.record.attributes, path)),
            (value, _) => value,
        }
    }
}

/// The bytes of a text, or of all texts of a list.
pub(super) fn size(value: &Value) -> usize {
    value.elements().iter().map(|value| value.as_str().map_or(1, |text| text.len().max(1))).sum()
}

fn too_long(limit: usize) -> Stop {
    EvaluationErrorKind::Limit { what: "length of a text", limit }.into()
}

/// Compares two values: as numbers if both read as numbers, and one of them is a number or an order is asked for; else as text by code
/// point. Null is as empty text.
fn holds(operator: Comparison, left: &Value, right: &Value) -> Result<bool, Stop> {
    let (left_text, right_text) = (text_of(left)?.unwrap_or_default(), text_of(right)?.unwrap_or_default());
    let asks_for_order = !matches!(operator, Comparison::Equal | Comparison::NotEqual);
    let is_numeric = asks_for_order || matches!(left, Value::Number(_)) || matches!(right, Value::Number(_));
    let order = match (is_numeric, number(&left_text), number(&right_text)) {
        (true, Some(left), Some(right)) => left.compare(&right),
        _ => left_text.cmp(&right_text),
    };
    Ok(operator.holds(order))
}

/// The number that a text stands for, without loss: as JSON writes it, or whole with leading zeros.
pub(crate) fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    text.parse::<Number>().ok().or_else(|| text.parse::<i64>().ok().map(Number::from))
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

/// The text of a value that may be borrowed; `None` for null.
pub(crate) fn into_text(value: Cow<'_, Value>) -> Result<Option<Cow<'_, str>>, Stop> {
    match value {
        Cow::Borrowed(value) => text_of(value),
        Cow::Owned(Value::String(text)) => Ok(Some(Cow::Owned(text))),
        Cow::Owned(Value::Boolean(true)) => Ok(Some(Cow::Borrowed("True"))),
        Cow::Owned(Value::Boolean(false)) => Ok(Some(Cow::Borrowed("False"))),
        Cow::Owned(value) => Ok(text_of(&value)?.map(|text| Cow::Owned(text.into_owned()))),
    }
}

/// Text that grows up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Output {
    text: String,
    limit: usize,
}

impl Output {
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Stop> {
        if self.text.len() + text.len() > self.limit {
            return Err(too_long(self.limit));
        }
        self.text.push_str(text);
        Ok(())
    }

    pub(crate) fn finish<'a>(self) -> Outcome<'a> {
        owned(self.text)
    }
}

/// A call in the middle of an evaluation; a function evaluates the arguments that it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) call: &'a CallNode,
}

impl<'a> Call<'a> {
    /// The number of arguments, those left out counted.
    pub(crate) const fn len(self) -> usize {
        self.call.arguments.len()
    }

    /// Whether an argument was given.
    pub(crate) fn has(self, index: usize) -> bool {
        self.call.arguments.get(index).is_some_and(Option::is_some)
    }

    /// The argument as it stands in the expression.
    pub(crate) fn node(self, index: usize) -> Option<&'a Node> {
        self.call.arguments.get(index).and_then(Option::as_ref)
    }

    /// The argument's value; null if it was left out.
    pub(crate) fn value(self, index: usize) -> Outcome<'a> {
        self.node(index).map_or(Ok(Cow::Owned(Value::Null)), |node| self.context.evaluate(node))
    }

    /// The argument's text; `None` for null.
    pub(crate) fn text(self, index: usize) -> Result<Option<Cow<'a, str>>, Stop> {
        into_text(self.value(index)?)
    }

    /// The argument's text if it is neither null nor empty.
    pub(crate) fn present(self, index: usize) -> Result<Option<Cow<'a, str>>, Stop> {
        Ok(self.text(index)?.filter(|text| !text.is_empty()))
    }

    /// The argument as a whole number, given bare or as text; `None` for null and empty text.
    pub(crate) fn integer(self, index: usize) -> Result<Option<i64>, Stop> {
        let value = self.value(index)?;
        match &*value {
            Value::Number(number) => Ok(Some(number.as_i64().ok_or_else(|| self.expected(index, "a whole number of 64 bits"))?)),
            other => match text_of(other)? {
                Some(text) if !text.trim().is_empty() => {
                    text.trim().parse().map(Some).map_err(|_| self.expected(index, "a whole number of 64 bits"))
                }
                _ => Ok(None),
            },
        }
    }

    /// The argument as a whole number that must be there.
    pub(crate) fn required_integer(self, index: usize) -> Result<i64, Stop> {
        self.integer(index)?.ok_or_else(|| self.expected(index, "a whole number"))
    }

    /// What stands before a 1-based place, which is the value of an argument.
    pub(crate) fn place(self, index: usize, number: i64) -> Result<usize, Stop> {
        number.checked_sub(1).and_then(|number| usize::try_from(number).ok()).ok_or_else(|| self.expected(index, "a number from 1"))
    }

    /// The argument as a condition; null and empty text are false.
    pub(crate) fn condition(self, index: usize) -> Result<bool, Stop> {
        let value = self.value(index)?;
        match text_of(&value)? {
            None => Ok(false),
            Some(text) if text.is_empty() || text.eq_ignore_ascii_case("False") => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("True") => Ok(true),
            Some(text) => text.trim().parse::<i64>().map(|number| number != 0).map_err(|_| EvaluationErrorKind::Condition.into()),
        }
    }

    /// The argument as a list: nothing for null, one element for a single value.
    pub(crate) fn list(self, index: usize) -> Result<Cow<'a, [Value]>, Stop> {
        Ok(match self.value(index)? {
            Cow::Borrowed(Value::Null) | Cow::Owned(Value::Null) => Cow::Borrowed(&[]),
            Cow::Borrowed(Value::List(values)) => Cow::Borrowed(values),
            Cow::Borrowed(other) => Cow::Borrowed(std::slice::from_ref(other)),
            Cow::Owned(Value::List(values)) => Cow::Owned(values),
            Cow::Owned(other) => Cow::Owned(vec![other]),
        })
    }

    /// The regular expression that stands as a constant at this place.
    pub(crate) fn prepared(self, index: usize) -> Option<&'a Pattern> {
        self.call.patterns.iter().find(|(at, _)| *at == index).map(|(_, pattern)| pattern)
    }

    /// The error that an argument is not what it must be.
    pub(crate) fn expected(self, index: usize, expected: &'static str) -> Stop {
        let function = self.call.function;
        EvaluationErrorKind::Argument { function: function.name, parameter: function.parameter(index), expected }.into()
    }
}
