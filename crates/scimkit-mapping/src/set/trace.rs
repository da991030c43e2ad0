//! Why each attribute has the value it has.

use std::fmt;

use scimkit_types::Value;

use super::evaluate::Flow;
use super::{Mapping, MappingSet, Source};
use crate::environment::{Environment, Operation};
use crate::expression::{Context, Evaluation, EvaluationError, Step, hidden};
use crate::record::{Attributes, SourceRecord};
use crate::schema::{FlowType, NullPolicy};

/// How the value of one target attribute came about. `Display` is a few lines for people.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// The target attribute.
    pub target: String,
    /// The expression, printed; empty for a mapping that has only a default.
    pub source: String,
    /// The source attributes that the expression names, with their values; null for one that the record does not have.
    pub inputs: Vec<(String, Value)>,
    /// The parts of the expression that were evaluated, with their values.
    pub steps: Vec<Step>,
    /// When the value flows.
    pub flow_type: FlowType,
    /// What becomes of the target's value when there is none.
    pub null_policy: NullPolicy,
    /// Whether the values must not be shown; they are `[Redact]` then, wherever they stand.
    pub is_redacted: bool,
    /// What came of it.
    pub outcome: TraceOutcome,
}

/// What came of a mapping.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TraceOutcome {
    /// These values, typed as the target's schema says.
    Values(Vec<Value>),
    /// The default of the mapping, since the source has no value.
    Default(Vec<Value>),
    /// References to these source objects.
    References(Vec<String>),
    /// The target's value is to be removed.
    Cleared,
    /// The target keeps what it has.
    LeftOut {
        /// Why nothing flows.
        reason: &'static str,
    },
    /// The object is to be left alone.
    ObjectIgnored,
    /// The mapping cannot give a value.
    Failed(EvaluationError),
}

impl MappingSet {
    /// How the value of each target attribute comes about, in the order of the mappings; one that fails does not hide the others.
    pub fn trace(&self, record: &SourceRecord, environment: &Environment<'_>, operation: Operation) -> Vec<Trace> {
        self.mappings.iter().map(|mapping| mapping.trace(record, environment, operation)).collect()
    }
}

impl Mapping {
    fn trace(&self, record: &SourceRecord, environment: &Environment<'_>, operation: Operation) -> Trace {
        let attributes = Attributes::new(record);
        let context = Context::new(&attributes, environment, Some(&self.target.text)).recording();
        let outcome = match self.flow(&context, operation) {
            Ok((Flow::Values(values), _)) => TraceOutcome::Values(values.into_vec()),
            Ok((Flow::Default, _)) => TraceOutcome::Default(self.default.clone().into_vec()),
            Ok((Flow::Reference(reference), _)) => TraceOutcome::References(reference.source_ids),
            Ok((Flow::Cleared, _)) => TraceOutcome::Cleared,
            Ok((Flow::LeftOut(reason), _)) => TraceOutcome::LeftOut { reason },
            Ok((Flow::IgnoreObject, _)) => TraceOutcome::ObjectIgnored,
            Err(error) => TraceOutcome::Failed(error),
        };
        let (source, names) = match &self.source {
            Source::Expression(expression) => (expression.to_string(), expression.attributes()),
            Source::Reference(name) => (format!("[{name}]"), Vec::new()),
            Source::Default => (String::new(), Vec::new()),
        };
        let inputs = names.into_iter().map(|name| (name.to_owned(), context.input(name))).collect();
        let mut trace = Trace {
            target: self.target.text.clone(),
            source,
            inputs,
            steps: context.into_recorder().into_steps(),
            flow_type: self.flow_type,
            null_policy: self.null_policy,
            is_redacted: self.is_redacted,
            outcome,
        };
        if self.is_redacted {
            trace.redact();
        }
        trace
    }
}

impl Trace {
    fn redact(&mut self) {
        self.inputs.iter_mut().for_each(|(_, value)| *value = hidden());
        self.steps.iter_mut().for_each(Step::redact);
        if let TraceOutcome::Values(values) | TraceOutcome::Default(values) = &mut self.outcome {
            values.iter_mut().for_each(|value| *value = hidden());
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} = {}", self.target, self.outcome)?;
        if !self.source.is_empty() {
            writeln!(f, "  from {}", self.source)?;
        }
        for (name, value) in &self.inputs {
            writeln!(f, "  [{name}] is {}", Shown(value))?;
        }
        // The first step is the whole expression, whose value is known; one attribute alone stands among the inputs.
        for step in self.steps.iter().skip(1).filter(|step| !step.text.starts_with('[')) {
            writeln!(f, "  {}{step}", "  ".repeat(step.depth))?;
        }
        if self.flow_type != FlowType::Always {
            writeln!(f, "  flows {:?}", self.flow_type)?;
        }
        if self.null_policy == NullPolicy::Clear {
            writeln!(f, "  no value clears the target's")?;
        }
        Ok(())
    }
}

impl fmt::Display for TraceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, values: &[Value]| {
            for (index, value) in values.iter().enumerate() {
                write!(f, "{}{}", if index > 0 { ", " } else { "" }, Shown(value))?;
            }
            Ok(())
        };
        match self {
            Self::Values(values) => list(f, values),
            Self::Default(values) => {
                list(f, values)?;
                f.write_str(", the default, since the source has no value")
            }
            Self::References(ids) if ids.is_empty() => f.write_str("no reference"),
            Self::References(ids) => write!(f, "references to {}", ids.join(", ")),
            Self::Cleared => f.write_str("cleared, since the source has no value"),
            Self::LeftOut { reason } => write!(f, "left out: {reason}"),
            Self::ObjectIgnored => f.write_str("none: the expression leaves the whole object alone"),
            Self::Failed(error) => write!(f, "none: {error}"),
        }
    }
}

/// A value as JSON.
pub(crate) struct Shown<'a>(pub(crate) &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(Evaluation::Value(value)) => write!(f, "{} gives {}", self.text, Shown(value)),
            Ok(Evaluation::IgnoreAttribute) => write!(f, "{} ignores the attribute", self.text),
            Ok(Evaluation::IgnoreObject) => write!(f, "{} ignores the object", self.text),
            Err(kind) => write!(f, "{} fails: {kind}", self.text),
        }
    }
}
