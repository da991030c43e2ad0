//! Resources that fit a catalog, and what a client may want to make of them.

use proptest::prelude::*;

use super::schema::{RESOURCE_TYPE, catalog};
use super::value::{is_writable, settled, sure_or_maybe, value};
use crate::resource::Resource;
use crate::schema::{Attribute, Catalog, Mutability, ResourceType, Schema};
use crate::validate::{Operation, Policy, accept};
use crate::value::{ComplexValue, Value};

/// A resource of the type, as a service provider stores it: with `id`, `meta` and values that only the service provider writes.
///
/// # Panics
/// When [`accept`] refuses what was generated: then the two disagree about what is right.
pub fn resource(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<Resource> {
    let schemas = schemas(catalog, resource_type);
    let parts: Vec<_> = schemas
        .iter()
        .map(|(schema, is_required)| {
            let attributes: Vec<_> = schema.attributes.iter().map(maybe).collect();
            (sure_or_maybe(*is_required), attributes, Just(schema.clone()))
        })
        .collect();
    let common = (prop::option::of(super::text()), any::<u8>());
    let (catalog, resource_type) = (catalog.clone(), resource_type.clone());
    (parts, common)
        .prop_map(move |(parts, (external_id, id))| {
            let mut whole = Resource::new([resource_type.schema.as_str()]);
            whole.insert("id", format!("{id}"));
            whole.insert("meta", ComplexValue::from_iter([("resourceType", resource_type.name.as_str()), ("version", "W/\"1\"")]));
            if let Some(external_id) = external_id {
                whole.insert("externalId", external_id);
            }
            for (is_used, values, schema) in parts {
                let is_base = schema.id == resource_type.schema;
                let mut members = ComplexValue::new();
                for (attribute, value) in schema.attributes.iter().zip(values) {
                    if let Some(value) = value {
                        members.insert(attribute.name.as_str(), value);
                    }
                }
                if is_base {
                    for (name, value) in members {
                        whole.insert(name, value);
                    }
                } else if is_used && !members.is_empty() {
                    whole.insert(schema.id.as_str(), members);
                }
            }
            stored(&catalog, &resource_type, &whole, &whole).unwrap_or_else(|fault| refused(&whole, &fault))
        })
        .boxed()
}

#[expect(clippy::panic, reason = "a generator reports a fault as a test does")]
fn refused(resource: &Resource, fault: &str) -> Resource {
    panic!("a generated resource is refused: {fault}\n{resource:?}")
}

/// The base schema and the extensions, with whether a resource must have values there.
fn schemas(catalog: &Catalog, resource_type: &ResourceType) -> Vec<(Schema, bool)> {
    let extensions = resource_type.schema_extensions.iter().map(|extension| (&extension.schema, extension.required));
    std::iter::once((&resource_type.schema, true))
        .chain(extensions)
        .filter_map(|(uri, is_required)| Some((catalog.schema(uri.as_str())?.clone(), is_required)))
        .collect()
}

/// A value, or often none unless it is required.
fn maybe(attribute: &Attribute) -> BoxedStrategy<Option<Value>> {
    if attribute.is_required { value(attribute).prop_map(Some).boxed() } else { prop::option::weighted(0.6, value(attribute)).boxed() }
}

/// The resource as a service provider that has `current` keeps it.
fn stored(catalog: &Catalog, resource_type: &ResourceType, resource: &Resource, current: &Resource) -> Result<Resource, String> {
    let accepted = accept(catalog, resource_type, resource, Operation::Patch { current }, &Policy::default());
    accepted.map(|accepted| accepted.resource).map_err(|violations| {
        let violations: Vec<String> = violations.iter().map(ToString::to_string).collect();
        violations.join("; ")
    })
}

/// What a client may want to make of a resource: some attributes are other than they are, have none or other elements or were removed.
/// What a client cannot write is as it is, so that a PATCH leads there.
pub fn successor(catalog: &Catalog, resource_type: &ResourceType, current: &Resource) -> BoxedStrategy<Resource> {
    let (catalog, resource_type, current) = (catalog.clone(), resource_type.clone(), current.clone());
    let choices = prop::collection::vec(choice(), 40);
    (resource(&catalog, &resource_type), choices)
        .prop_filter_map("a client can write it", move |(other, choices)| {
            let mut choices = choices.into_iter();
            let mut desired = Resource::new([resource_type.schema.as_str()]);
            for (schema, _) in schemas(&catalog, &resource_type) {
                let is_base = schema.id == resource_type.schema;
                let none = ComplexValue::new();
                let part = |resource: &'_ Resource| match is_base {
                    true => resource.as_complex().clone(),
                    false => resource.extension(schema.id.as_str()).unwrap_or(&none).clone(),
                };
                let (current, other) = (part(&current), part(&other));
                let mut members = ComplexValue::new();
                for attribute in &schema.attributes {
                    let name = attribute.name.as_str();
                    if let Some(value) = chosen(attribute, current.get(name), other.get(name), choices.next().unwrap_or(Choice::Keep)) {
                        members.insert(name, value);
                    }
                }
                if is_base {
                    for (name, value) in members {
                        desired.insert(name, value);
                    }
                } else if !members.is_empty() {
                    desired.insert(schema.id.as_str(), members);
                }
            }
            for name in ["id", "meta", "externalId"] {
                if let Some(value) = current.get(name) {
                    desired.insert(name, value.clone());
                }
            }
            stored(&catalog, &resource_type, &desired, &current).ok()
        })
        .boxed()
}

/// Whose value an attribute gets.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Keep,
    Other,
    Both,
    /// Without the element or sub-attribute of this index.
    Without(usize),
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![3 => Just(Choice::Keep), 2 => Just(Choice::Other), 2 => Just(Choice::Both), 2 => (0..4_usize).prop_map(Choice::Without)]
}

fn chosen(attribute: &Attribute, current: Option<&Value>, other: Option<&Value>, choice: Choice) -> Option<Value> {
    let is_fixed = !is_writable(attribute) || (attribute.mutability == Mutability::Immutable && current.is_some());
    let (Some(current), false) = (current, is_fixed) else {
        return if is_writable(attribute) { current.or(other).cloned() } else { current.cloned() };
    };
    match choice {
        Choice::Keep => Some(current.clone()),
        Choice::Other => other.cloned().map(|other| with_fixed(attribute, current, other)),
        Choice::Both => match (current, other) {
            (Value::List(current), Some(Value::List(other))) => {
                Some(Value::List(settled(attribute, current.iter().chain(other).cloned().collect())))
            }
            (Value::Complex(current), Some(Value::Complex(other))) => {
                let mut both = other.clone();
                for (name, value) in current.iter() {
                    both.insert(name, value.clone());
                }
                Some(Value::Complex(both))
            }
            _ => Some(current.clone()),
        },
        Choice::Without(index) => match current {
            Value::List(elements) => {
                let rest = elements.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, element)| element.clone());
                Some(Value::List(rest.collect()))
            }
            Value::Complex(members) => {
                let name = members.iter().nth(index).map(|(name, _)| name.to_owned());
                let mut members = members.clone();
                members.retain(|member, _| {
                    let is_fixed = attribute.sub_attribute(member).is_some_and(|sub| sub.mutability == Mutability::Immutable);
                    is_fixed || name.as_deref() != Some(member)
                });
                Some(Value::Complex(members))
            }
            _ => None,
        },
    }
}

/// The other value with what cannot be written twice of the present one.
fn with_fixed(attribute: &Attribute, current: &Value, mut other: Value) -> Value {
    if let (Value::Complex(current), Value::Complex(other)) = (current, &mut other) {
        for sub in attribute.sub_attributes.iter().filter(|sub| matches!(sub.mutability, Mutability::Immutable | Mutability::ReadOnly)) {
            match current.get(sub.name.as_str()) {
                Some(value) => drop(other.insert(sub.name.as_str(), value.clone())),
                None if sub.mutability == Mutability::ReadOnly => drop(other.remove(sub.name.as_str())),
                None => {}
            }
        }
    }
    other
}

/// A catalog and so many resources of its first resource type.
pub fn catalog_with_resources(count: usize) -> BoxedStrategy<(Catalog, Vec<Resource>)> {
    catalog()
        .prop_flat_map(move |catalog| {
            let resources: Vec<_> = catalog
                .resource_type(RESOURCE_TYPE)
                .map(|resource_type| (0..count).map(|_| resource(&catalog, resource_type)).collect())
                .unwrap_or_default();
            (Just(catalog), resources)
        })
        .boxed()
}
