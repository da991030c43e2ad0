//! From a record to what the target should have.

use scimkit_types::value::MemberName;
use scimkit_types::{ComplexValue, Resource, Value};

use super::{Mapping, MappingSet, Source};
use crate::environment::{Environment, Operation};
use crate::expression::{Context, Evaluation, EvaluationError, EvaluationErrorKind, text_of};
use crate::record::{Attributes, SourceRecord};
use crate::schema::{FlowType, NullPolicy};
use crate::values::Values;

/// What the target should have for an object.
///
/// An attribute of the mappings that stands neither in `resource` nor in `cleared` is left out: the target keeps what it has.
/// What of this flows to an object that the target has already is for [`MappingSet::expected`] to say.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Desired {
    /// The attributes with `schemas`, typed as the target's schema says, without references.
    pub resource: Resource,
    /// The references, whose objects must be found in the target first.
    pub references: Vec<DesiredReference>,
    /// The paths of attributes that the target must not have any more. Empty for a new object.
    pub cleared: Vec<String>,
    /// The paths of attributes whose value is the default of their mapping. Empty unless the object is new.
    pub defaulted: Vec<String>,
    /// The values to match by: the index in [`MappingSet::matching`] and the value, by precedence.
    pub matching: Vec<(usize, String)>,
    /// The paths of attributes whose values must not be shown.
    pub redacted: Vec<String>,
    /// Whether an expression said that the object is to be left alone; nothing else is set then.
    pub is_object_ignored: bool,
}

/// An attribute of the target that refers to other objects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DesiredReference {
    /// The path of the whole attribute, such as `members`.
    pub target: String,
    /// The name of the source's references, as the mapping has it.
    pub source: String,
    /// The ids of the objects in the source. Empty if there is to be no reference.
    pub source_ids: Vec<String>,
    /// Whether the attribute has a list of references.
    pub is_multi_valued: bool,
    /// Which of the references flow; [`FlowType::merge`] applies it to those that the target has.
    pub flow_type: FlowType,
}

/// What one mapping gives.
#[derive(Debug)]
pub(super) enum Flow {
    /// Converted values, at least one.
    Values(Values),
    /// The default of the mapping.
    Default,
    Reference(DesiredReference),
    Cleared,
    /// Nothing flows, and why.
    LeftOut(&'static str),
    IgnoreObject,
}

impl MappingSet {
    /// What the target should have for an object, by the present attributes of the record alone.
    ///
    /// A source without a value leaves the attribute out, unless the mapping has a default and the object is new, or the mapping's null
    /// policy clears it and the object is not new. Empty text counts as no value.
    ///
    /// # Errors
    /// [`EvaluationError`] of the first mapping that cannot give a value, or of a new object without a required attribute.
    pub fn evaluate(&self, record: &SourceRecord, environment: &Environment<'_>, operation: Operation) -> Result<Desired, EvaluationError> {
        let mut desired = Desired::default();
        let mut values = vec![Value::Null; self.slots.len()];
        let attributes = Attributes::new(record);
        for mapping in &self.mappings {
            let context = Context::new(&attributes, environment, Some(&mapping.target.text));
            let (flow, matching_value) = mapping.flow(&context, operation)?;
            if let (Some(index), Some(value)) = (mapping.matching_index, matching_value) {
                desired.matching.push((index, value));
            }
            if mapping.is_redacted {
                desired.redacted.push(mapping.target.text.clone());
            }
            match flow {
                Flow::Values(new) => mapping.write(&mut values, new),
                Flow::Default => {
                    mapping.write(&mut values, mapping.default.clone());
                    desired.defaulted.push(mapping.target.text.clone());
                }
                Flow::Reference(reference) => desired.references.push(reference),
                Flow::Cleared => desired.cleared.push(mapping.target.text.clone()),
                Flow::LeftOut(_) => {}
                Flow::IgnoreObject => return Ok(Desired { is_object_ignored: true, ..Desired::default() }),
            }
        }
        desired.matching.sort_unstable_by_key(|(index, _)| *index);
        desired.resource = self.resource(values);
        Ok(desired)
    }

    /// The resource of the values of all attributes; null for one that is left out.
    fn resource(&self, values: Vec<Value>) -> Resource {
        let mut members = Vec::with_capacity(1 + self.slots.len());
        members.push((MemberName::from("schemas"), Value::Null));
        let mut extended: Vec<Vec<(MemberName, Value)>> = vec![Vec::new(); self.extensions.len()];
        for (slot, value) in self.slots.iter().zip(values).filter(|(_, value)| *value != Value::Null) {
            match slot.extension.and_then(|index| extended.get_mut(index)) {
                Some(extension) => extension.push((slot.name.clone(), value)),
                None => members.push((slot.name.clone(), value)),
            }
        }
        let mut schemas = vec![Value::from(self.schema.as_str())];
        for (uri, attributes) in self.extensions.iter().zip(extended).filter(|(_, attributes)| !attributes.is_empty()) {
            schemas.push(Value::from(uri.as_str()));
            members.push((MemberName::from(uri), Value::Complex(ComplexValue::from_distinct(attributes))));
        }
        if let Some((_, first)) = members.first_mut() {
            *first = Value::List(schemas);
        }
        // INVARIANT (distinct names): `compile` gives every attribute one slot, and every extension stands in the list once.
        Resource::from(ComplexValue::from_distinct(members))
    }

    /// Adds the extensions of which the resource has attributes to `schemas`, which names the base schema.
    fn add_extensions(&self, resource: &mut Resource) {
        for uri in &self.extensions {
            if resource.extension(uri.as_str()).is_some()
                && let Some(Value::List(schemas)) = resource.get_mut("schemas")
            {
                schemas.push(Value::from(uri.as_str()));
            }
        }
    }

    /// Sets `schemas` to the base schema and the extensions of which the resource has attributes.
    pub(super) fn set_schemas(&self, resource: &mut Resource) {
        resource.set_schemas([self.schema.as_str()]);
        self.add_extensions(resource);
    }
}

impl Mapping {
    fn write(&self, values: &mut [Value], new: Values) {
        if let Some(whole) = values.get_mut(self.slot) {
            self.target.place_in(whole, new);
        }
    }

    /// What the mapping gives, and the value to match by.
    pub(super) fn flow(&self, context: &Context<'_>, operation: Operation) -> Result<(Flow, Option<String>), EvaluationError> {
        let is_held = operation == Operation::Update && self.flows_once();
        if is_held && self.precedence == 0 && !matches!(self.source, Source::Reference(_)) {
            return Ok((Flow::LeftOut("it flows only when an object is created"), None));
        }
        let expression = match &self.source {
            Source::Expression(expression) => expression,
            Source::Reference(name) => return Ok((self.reference(name, context.attributes.record.reference(name)), None)),
            Source::Default => return Ok((self.without_value(operation)?, None)),
        };
        let value = match context.evaluate(&expression.root) {
            Ok(value) => value,
            Err(stop) => {
                return match stop.into_evaluation() {
                    Ok(Evaluation::IgnoreObject) => Ok((Flow::IgnoreObject, None)),
                    Ok(_) => Ok((Flow::LeftOut("the expression ignores the attribute"), None)),
                    Err(kind) => Err(self.error(kind)),
                };
            }
        };
        let values = self.target.convert(value).map_err(|kind| self.error(kind))?;
        let first = if self.precedence > 0 { values.first() } else { None };
        let matching_value = first.and_then(|value| text_of(value).ok().flatten().map(|text| text.into_owned()));
        let flow = if is_held {
            Flow::LeftOut("it flows only when an object is created")
        } else if values.is_empty() {
            self.without_value(operation)?
        } else {
            Flow::Values(values)
        };
        Ok((flow, matching_value))
    }

    /// Whether the value is for new objects only.
    pub(super) fn flows_once(&self) -> bool {
        self.flow_type == FlowType::ObjectAddOnly || self.is_chosen_once
    }

    fn error(&self, kind: EvaluationErrorKind) -> EvaluationError {
        EvaluationError::new(Some(self.target.text.clone()), kind)
    }

    fn without_value(&self, operation: Operation) -> Result<Flow, EvaluationError> {
        match (operation, self.null_policy) {
            (Operation::Create, _) if !self.default.is_empty() => Ok(Flow::Default),
            (Operation::Create, _) if self.is_required() => Err(self.error(EvaluationErrorKind::Required)),
            (Operation::Update, NullPolicy::Clear) if !matches!(self.source, Source::Default) => Ok(Flow::Cleared),
            _ => Ok(Flow::LeftOut("the source has no value")),
        }
    }

    /// Whether a resource without this attribute is not valid.
    fn is_required(&self) -> bool {
        let target = &self.target;
        target.attribute.is_required && target.leaf.as_ref().is_none_or(|leaf| leaf.is_required && target.is_single())
    }

    /// What the record does not tell is left out, unless the null policy clears it. A reference that is known to point nowhere is a value
    /// like any other: the target's reference ends.
    fn reference(&self, name: &str, ids: Option<&[String]>) -> Flow {
        let is_multi_valued = !self.target.is_single();
        match ids {
            None if is_multi_valued || self.null_policy == NullPolicy::Ignore => Flow::LeftOut("the record does not tell"),
            ids => Flow::Reference(DesiredReference {
                target: self.target.attribute_text(),
                source: name.to_owned(),
                source_ids: ids.unwrap_or_default().to_vec(),
                is_multi_valued,
                flow_type: self.flow_type,
            }),
        }
    }
}
