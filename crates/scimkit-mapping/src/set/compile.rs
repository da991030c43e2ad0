//! From a document to mappings that are ready to evaluate.

use scimkit_types::{Catalog, ResourceType, Value};

use super::{Mapping, MappingSet, MatchingAttribute, Source, place};
use crate::expression::{self, Expression};
use crate::fault::Fault;
use crate::schema::{AttributeMapping, ObjectFlow, ObjectMapping};
use crate::scope::Scope;
use crate::target::Target;

impl MappingSet {
    /// Makes a set of mappings ready for a resource type.
    ///
    /// # Errors
    /// All faults at once: expressions and paths that are not valid, unknown target attributes, two mappings for one attribute,
    /// defaults of a wrong type, references without a reference attribute, `SelectUniqueValue` where it cannot work, and clauses of the
    /// scoping filter that mean nothing.
    pub fn compile(object_mapping: &ObjectMapping, catalog: &Catalog, resource_type: &ResourceType) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let scope = object_mapping.scope.as_ref().map(|scope| Scope::compile(scope, &mut faults)).unwrap_or_default();
        let mut mappings: Vec<Mapping> = Vec::new();
        for attribute_mapping in &object_mapping.attribute_mappings {
            match Mapping::compile(attribute_mapping, catalog, resource_type) {
                Ok(mapping) => {
                    faults.extend(mappings.iter().find_map(|other| mapping.clash(other)));
                    mappings.push(mapping);
                }
                Err(found) => {
                    let name = &attribute_mapping.target_attribute_name;
                    faults.extend(found.into_iter().map(|message| Fault::new(place(name), message)));
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut matching_mappings: Vec<usize> = (0..mappings.len()).collect();
        matching_mappings.retain(|index| mappings.get(*index).is_some_and(|mapping| mapping.precedence > 0));
        matching_mappings.sort_by_key(|index| mappings.get(*index).map(|mapping| mapping.precedence));
        let matching = matching_mappings.iter().filter_map(|index| mappings.get(*index)).map(|mapping| MatchingAttribute {
            precedence: mapping.precedence,
            target: mapping.target.text.clone(),
            filter_path: mapping.target.filter_path(),
        });
        let flows = [ObjectFlow::Create, ObjectFlow::Update, ObjectFlow::Delete];
        Ok(Self {
            object_type: object_mapping.source_object_name.clone(),
            resource_type: resource_type.name.clone(),
            schema: resource_type.schema.clone(),
            flows: flows.into_iter().filter(|flow| object_mapping.enabled && object_mapping.allows(*flow)).collect(),
            scope,
            matching: matching.collect(),
            matching_mappings,
            mappings,
        })
    }
}

impl Mapping {
    /// Why this mapping and another one cannot stand together.
    fn clash(&self, other: &Self) -> Option<Fault> {
        let name = &other.target.text;
        if self.target.is_same_place(&other.target) {
            return Some(Fault::new(self.place(), format!("`{name}` is the target of another mapping")));
        }
        self.target.shares_elements_unclearly(&other.target).then(|| {
            let message =
                format!("`{name}` is mapped too, so both need a filter such as `[type eq \"work\"]` that says which elements they mean");
            Fault::new(self.place(), message)
        })
    }

    fn compile(mapping: &AttributeMapping, catalog: &Catalog, resource_type: &ResourceType) -> Result<Self, Vec<String>> {
        let mut messages = Vec::new();
        let mut keep = |message| messages.push(message);
        let target = Target::compile(&mapping.target_attribute_name, catalog, resource_type).map_err(&mut keep).ok();
        let expression = match &mapping.source {
            Some(source) => expression::from_source(source).map_err(&mut keep).ok().flatten(),
            None => None,
        };
        let is_redacted = expression.as_ref().is_some_and(|expression| expression.calls("Redact"));
        let is_chosen_once = expression.as_ref().is_some_and(|expression| expression.calls("SelectUniqueValue"));
        if is_chosen_once {
            messages.extend(expression.as_ref().and_then(|expression| misuse_of_unique_value(expression, mapping.matching_priority)));
        }
        let Some(target) = target else { return Err(messages) };
        let source = match source(expression, &target) {
            Ok(source) => Some(source),
            Err(message) => {
                messages.push(message);
                None
            }
        };
        let default = mapping.default_value.as_deref().filter(|text| !text.is_empty());
        let default = match default {
            Some(_) if target.is_reference() => {
                messages.push("a reference cannot have a default value".to_owned());
                Vec::new()
            }
            Some(text) => target.convert(Value::from(text)).unwrap_or_else(|kind| {
                messages.push(format!("the default value does not fit: {kind}"));
                Vec::new()
            }),
            None => Vec::new(),
        };
        match source {
            Some(source) if messages.is_empty() => Ok(Self {
                target,
                source,
                default,
                flow_type: mapping.flow_type,
                null_policy: mapping.null_policy,
                precedence: mapping.matching_priority,
                is_redacted,
                is_chosen_once,
            }),
            _ => Err(messages),
        }
    }
}

/// `SelectUniqueValue` is the whole expression, once, and not that of a matching attribute.
fn misuse_of_unique_value(expression: &Expression, precedence: u32) -> Option<String> {
    if expression.outermost().is_none_or(|function| function.name != "SelectUniqueValue") {
        return Some("`SelectUniqueValue` must be the outermost function".to_owned());
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
