//! From a document to mappings that are ready to evaluate.

use std::borrow::Cow;

use scimkit_types::value::MemberName;
use scimkit_types::{Catalog, ResourceType, SchemaUri, Value};

use super::{Mapping, MappingSet, MatchingAttribute, Slot, Source, place};
use crate::expression::{self, Expression, ExpressionOptions};
use crate::fault::{At, Fault, Member};
use crate::functions::Gives;
use crate::schema::{AttributeMapping, FlowType, ObjectFlow, ObjectMapping};
use crate::scope::Scope;
use crate::target::Target;
use crate::values::Values;

/// The most attribute mappings of one object, each of which is compared with each other.
const MAX_MAPPINGS: usize = 2_000;

/// What could be compiled, and what could not.
pub(super) struct Compiled {
    pub(super) set: MappingSet,
    pub(super) faults: Vec<Fault>,
    /// The targets of mappings that are at fault elsewhere.
    pub(super) claimed: Vec<Target>,
    /// Whether one of those mappings is of a matching attribute.
    pub(super) is_matching_claimed: bool,
}

impl MappingSet {
    /// Makes a set of mappings ready for a resource type.
    ///
    /// # Errors
    /// All faults at once: expressions and paths that are not valid, unknown target attributes, two mappings for one attribute,
    /// defaults of a wrong type, references without a reference attribute, `SelectUniqueValue` where it cannot work, and clauses of the
    /// scoping filter that mean nothing. Of more than 2,000 attribute mappings only the first are looked at, which is a fault as well.
    pub fn compile(object_mapping: &ObjectMapping, catalog: &Catalog, resource_type: &ResourceType) -> Result<Self, Vec<Fault>> {
        Self::compile_with(object_mapping, catalog, resource_type, &ExpressionOptions::default())
    }

    /// Makes a set of mappings ready for a resource type, with an engine for regular expressions that the linear one cannot run. Scoping
    /// filters run on the linear one only.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_with(
        object_mapping: &ObjectMapping,
        catalog: &Catalog,
        resource_type: &ResourceType,
        options: &ExpressionOptions,
    ) -> Result<Self, Vec<Fault>> {
        let compiled = Self::build(object_mapping, catalog, resource_type, options);
        if compiled.faults.is_empty() { Ok(compiled.set) } else { Err(compiled.faults) }
    }

    /// Compiles what is not at fault.
    pub(super) fn build(
        object_mapping: &ObjectMapping,
        catalog: &Catalog,
        resource_type: &ResourceType,
        options: &ExpressionOptions,
    ) -> Compiled {
        let (mut faults, mut claimed, mut is_matching_claimed) = (Vec::new(), Vec::new(), false);
        let scope = object_mapping.scope.as_ref().map(|scope| Scope::compile(scope, &mut faults)).unwrap_or_default();
        let mut mappings: Vec<Mapping> = Vec::new();
        let count = object_mapping.attribute_mappings.len();
        if count > MAX_MAPPINGS {
            let message = format!("expected at most {MAX_MAPPINGS} attribute mappings, found {count}");
            faults.push(Fault::new("object mapping", message));
        }
        for (index, attribute_mapping) in object_mapping.attribute_mappings.iter().enumerate().take(MAX_MAPPINGS) {
            match Mapping::compile(index, attribute_mapping, catalog, resource_type, options) {
                Ok(mapping) => {
                    faults.extend(mappings.iter().find_map(|other| mapping.clash(other)));
                    mappings.push(mapping);
                }
                Err((found, target)) => {
                    let name = &attribute_mapping.target_attribute_name;
                    let fault = |(member, message)| Fault::at(At::Mapping(index, member), place(name), message);
                    faults.extend(found.into_iter().map(fault));
                    claimed.extend(target.map(|target| *target));
                    is_matching_claimed |= attribute_mapping.matching_priority > 0;
                }
            }
        }
        let mut matching: Vec<&mut Mapping> = mappings.iter_mut().filter(|mapping| mapping.precedence > 0).collect();
        matching.sort_by_key(|mapping| mapping.precedence);
        let matching = matching.into_iter().enumerate().map(|(index, mapping)| {
            mapping.matching_index = Some(index);
            MatchingAttribute {
                precedence: mapping.precedence,
                target: mapping.target.text.clone(),
                filter_path: mapping.target.filter_path(),
            }
        });
        let matching = matching.collect();
        let mut extensions: Vec<SchemaUri> = Vec::new();
        for extension in mappings.iter().filter_map(|mapping| mapping.target.extension.as_ref()) {
            if !extensions.contains(extension) {
                extensions.push(extension.clone());
            }
        }
        let slots = slots(&mut mappings, &extensions);
        let flows = [ObjectFlow::Create, ObjectFlow::Update, ObjectFlow::Delete];
        let set = Self {
            object_type: object_mapping.source_object_name.clone(),
            resource_type: resource_type.name.clone(),
            schema: resource_type.schema.clone(),
            flows: flows.into_iter().filter(|flow| object_mapping.enabled && object_mapping.allows(*flow)).collect(),
            scope,
            matching,
            extensions,
            slots,
            mappings,
        };
        Compiled { set, faults, claimed, is_matching_claimed }
    }
}

/// Gives each mapping the slot of its attribute.
fn slots(mappings: &mut [Mapping], extensions: &[SchemaUri]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for index in 0..mappings.len() {
        let Some((mapping, others)) = mappings.get_mut(..=index).and_then(<[Mapping]>::split_last_mut) else { continue };
        let known = others.iter().find(|other| other.target.is_same_attribute(&mapping.target));
        mapping.slot = known.map_or(slots.len(), |known| known.slot);
        if known.is_none() {
            let extension = mapping.target.extension.as_ref();
            let extension = extension.and_then(|uri| extensions.iter().position(|known| known == uri));
            slots.push(Slot { name: MemberName::from(&mapping.target.attribute.name), extension });
        }
    }
    slots
}

/// What is wrong with which member of a mapping.
type Message = (Member, String);

impl Mapping {
    /// Why this mapping and another one cannot stand together.
    fn clash(&self, other: &Self) -> Option<Fault> {
        let name = &other.target.text;
        let fault = |message| Fault::at(At::Mapping(self.index, Member::Target), self.place(), message);
        if self.target.is_same_place(&other.target) {
            return Some(fault(format!("`{name}` is the target of another mapping")));
        }
        self.target.shares_elements_unclearly(&other.target).then(|| {
            fault(format!("`{name}` is mapped too, so both need a filter such as `[type eq \"work\"]` that says which elements they mean"))
        })
    }

    fn compile(
        index: usize,
        mapping: &AttributeMapping,
        catalog: &Catalog,
        resource_type: &ResourceType,
        options: &ExpressionOptions,
    ) -> Result<Self, (Vec<Message>, Option<Box<Target>>)> {
        let mut messages = Vec::new();
        let target = match Target::compile(&mapping.target_attribute_name, catalog, resource_type) {
            Ok(target) => Some(target),
            Err(message) => {
                messages.push((Member::Target, message));
                None
            }
        };
        let expression = match mapping.source.as_ref().map(|source| expression::from_source(source, options)) {
            Some(Ok(expression)) => Ok(expression),
            Some(Err(fault)) => {
                messages.push((Member::Source, fault.to_string()));
                Err(())
            }
            None => Ok(None),
        };
        let known = expression.as_ref().ok().and_then(Option::as_ref);
        let is_redacted = known.is_some_and(|expression| expression.calls("Redact"));
        let is_chosen_once = known.is_some_and(|expression| expression.calls("SelectUniqueValue"));
        let adds_only = known.is_some_and(|expression| {
            expression.outermost().is_some_and(|function| function.name == "AppRoleAssignmentsComplex" && function.gives == Gives::Complex)
        });
        if is_chosen_once {
            let misuse = known.and_then(|expression| misuse_of_unique_value(expression, mapping.matching_priority));
            messages.extend(misuse.map(|message| (Member::Source, message)));
        }
        let Some(target) = target else { return Err((messages, None)) };
        let source = match expression {
            Ok(expression) => source(expression, &target).map_err(|message| messages.push((Member::Source, message))).ok(),
            Err(()) => None,
        };
        let default = mapping.default_value.as_deref().filter(|text| !text.is_empty());
        let default = match default {
            Some(_) if target.is_reference() => {
                messages.push((Member::Default, "a reference cannot have a default value".to_owned()));
                Values::None
            }
            Some(text) => target.convert(Cow::Owned(Value::from(text))).unwrap_or_else(|kind| {
                messages.push((Member::Default, format!("the default value does not fit: {kind}")));
                Values::None
            }),
            None => Values::None,
        };
        match source {
            Some(source) if messages.is_empty() => Ok(Self {
                index,
                target,
                source,
                default,
                flow_type: match mapping.flow_type {
                    FlowType::Always if adds_only => FlowType::MultiValueAddOnly,
                    flow_type => flow_type,
                },
                null_policy: mapping.null_policy,
                precedence: mapping.matching_priority,
                slot: 0,
                matching_index: None,
                is_redacted,
                is_chosen_once,
            }),
            _ => Err((messages, Some(Box::new(target)))),
        }
    }
}

/// `SelectUniqueValue` is the whole expression, once, and not that of a matching attribute.
fn misuse_of_unique_value(expression: &Expression, precedence: u32) -> Option<String> {
    if expression.outermost().is_none_or(|function| function.name != "SelectUniqueValue") {
        return Some("`SelectUniqueValue` must be the outermost function".to_owned());
    }
    if expression.count_calls("SelectUniqueValue") > 1 {
        return Some("`SelectUniqueValue` cannot stand inside of another one".to_owned());
    }
    (precedence > 0).then(|| "`SelectUniqueValue` cannot give the value of a matching attribute".to_owned())
}

/// A reference comes from an attribute that refers to objects, and from no function.
fn source(expression: Option<Expression>, target: &Target) -> Result<Source, String> {
    let Some(expression) = expression else {
        return if target.is_reference() {
            Err("a reference expected a source attribute, found none".to_owned())
        } else {
            Ok(Source::Default)
        };
    };
    let direct = expression.as_attribute();
    let names_reference = direct.is_some_and(|name| ["manager", "members"].iter().any(|known| known.eq_ignore_ascii_case(name)));
    match (target.is_reference(), direct) {
        (true, Some(name)) => Ok(Source::Reference(name.to_owned())),
        (true, None) => {
            Err(format!("`{}` refers to other objects, so its source must be one attribute such as `[manager]`", target.attribute.name))
        }
        (false, Some(name)) if names_reference => Err(format!("`{name}` refers to other objects, but `{}` does not", target.text)),
        (false, _) => Ok(Source::Expression(expression)),
    }
}
