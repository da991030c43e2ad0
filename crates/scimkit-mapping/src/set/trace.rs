//! Why each attribute has the value it has.

use scimkit_types::Value;

use super::evaluate::Flow;
use super::{MappingSet, Source};
use crate::environment::{Environment, Operation};
use crate::expression::EvaluationError;
use crate::record::SourceRecord;

/// How the value of one target attribute came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// The target attribute.
    pub target: String,
    /// The expression, printed; empty for a mapping that has only a default.
    pub source: String,
    /// Whether the values must not be shown.
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
        let trace = |mapping: &super::Mapping| Trace {
            target: mapping.target.text.clone(),
            source: match &mapping.source {
                Source::Expression(expression) => expression.to_string(),
                Source::Reference(name) => format!("[{name}]"),
                Source::Default => String::new(),
            },
            is_redacted: mapping.is_redacted,
            outcome: match mapping.flow(record, environment, operation) {
                Ok((Flow::Values(values), _)) => TraceOutcome::Values(values),
                Ok((Flow::Default, _)) => TraceOutcome::Default(mapping.default.clone()),
                Ok((Flow::Reference(reference), _)) => TraceOutcome::References(reference.source_ids),
                Ok((Flow::Cleared, _)) => TraceOutcome::Cleared,
                Ok((Flow::LeftOut(reason), _)) => TraceOutcome::LeftOut { reason },
                Ok((Flow::IgnoreObject, _)) => TraceOutcome::ObjectIgnored,
                Err(error) => TraceOutcome::Failed(error),
            },
        };
        self.mappings.iter().map(trace).collect()
    }
}
