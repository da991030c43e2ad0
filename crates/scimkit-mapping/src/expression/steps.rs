//! The intermediate values of an evaluation.

use std::cell::{Cell, RefCell};

use scimkit_types::Value;

use super::error::EvaluationErrorKind;
use super::evaluate::{Context, Evaluation, Outcome, Stop, size};
use super::node::Node;
use super::{EvaluationError, Expression};
use crate::environment::Environment;
use crate::record::{Attributes, SourceRecord};

/// The most intermediate values that are kept of one evaluation.
const MAX_KEPT: usize = 1_000;
/// The bytes of intermediate values behind which no more of them are kept.
const MAX_BYTES: usize = 1 << 20;

/// One part of an expression and what it gave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// How deep the part stands in the expression, from 0.
    pub depth: usize,
    /// The part, printed.
    pub text: String,
    /// What it gave.
    pub outcome: Result<Evaluation, EvaluationErrorKind>,
}

/// Collects steps, each part before the parts that it is made of.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    steps: RefCell<Vec<Step>>,
    depth: Cell<usize>,
    bytes: Cell<usize>,
}

impl Recorder {
    /// Notes that a part is evaluated; constants are not noted.
    pub(super) fn begin(&self, node: &Node) -> Option<usize> {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        let mut steps = self.steps.borrow_mut();
        if matches!(node, Node::Text(_) | Node::Number { .. }) || steps.len() >= MAX_KEPT || self.bytes.get() >= MAX_BYTES {
            return None;
        }
        steps.push(Step { depth, text: node.to_string(), outcome: Ok(Evaluation::IgnoreAttribute) });
        Some(steps.len() - 1)
    }

    /// Notes what the part gave.
    pub(super) fn end(&self, place: Option<usize>, outcome: &Outcome<'_>) {
        self.depth.set(self.depth.get().saturating_sub(1));
        let mut steps = self.steps.borrow_mut();
        if let Some(step) = place.and_then(|place| steps.get_mut(place)) {
            step.outcome = match outcome {
                Ok(value) => {
                    self.bytes.set(self.bytes.get().saturating_add(size(value)));
                    Ok(Evaluation::Value(value.clone().into_owned()))
                }
                Err(Stop::IgnoreAttribute) => Ok(Evaluation::IgnoreAttribute),
                Err(Stop::IgnoreObject) => Ok(Evaluation::IgnoreObject),
                Err(Stop::Error(kind)) => Err((**kind).clone()),
            };
        }
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps.into_inner()
    }
}

/// What is shown in place of a value.
pub(crate) fn hidden() -> Value {
    Value::from("[Redact]")
}

impl Step {
    /// Hides the value.
    pub(crate) fn redact(&mut self) {
        if let Ok(Evaluation::Value(value)) = &mut self.outcome {
            *value = hidden();
        }
    }
}

impl Expression {
    /// The value for a record, and the value of every part that was evaluated; constants are left out.
    ///
    /// At most 1,000 parts are kept, and none behind a megabyte of values. With `Redact` in the expression the steps show `[Redact]` for
    /// each value; the result is the value that flows.
    ///
    /// ```
    /// use scimkit_mapping::{Environment, Evaluation, Expression, SourceRecord};
    ///
    /// let expression = Expression::parse(r#"IIF(IsPresent([nick]), [nick], ToUpper([name]))"#)?;
    /// let mut record = SourceRecord::new("7", "User");
    /// record.attributes.insert("name", "Ola");
    /// let (result, steps) = expression.trace(&record, &Environment::new("2026-03-01T08:00:00Z".parse()?));
    /// assert_eq!(result?, Evaluation::Value("OLA".into()));
    /// let texts: Vec<_> = steps.iter().map(|step| (step.depth, step.text.as_str())).skip(1).collect();
    /// assert_eq!(texts, [(1, "IsPresent([nick])"), (2, "[nick]"), (1, "ToUpper([name])"), (2, "[name]")]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trace(&self, record: &SourceRecord, environment: &Environment<'_>) -> (Result<Evaluation, EvaluationError>, Vec<Step>) {
        let attributes = Attributes::new(record);
        let context = Context::new(&attributes, environment, None).recording();
        let result = match context.evaluate(&self.root) {
            Ok(value) => Ok(Evaluation::Value(value.into_owned())),
            Err(stop) => stop.into_evaluation().map_err(|kind| EvaluationError::new(None, kind)),
        };
        let mut steps = context.into_recorder().into_steps();
        if self.calls("Redact") {
            steps.iter_mut().for_each(Step::redact);
        }
        (result, steps)
    }
}
