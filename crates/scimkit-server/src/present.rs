//! From what a handler returns to what is answered: `meta`, missing references, the chosen attributes.

use scimkit_types::value::MemberName;
use scimkit_types::{Catalog, ComplexValue, Projection, Resource, ResourceType, Value, Version};

use crate::handler::Context;
use crate::shape;

/// A resource as it is answered, and what the headers say of it.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) resource: Resource,
    pub(crate) location: String,
    pub(crate) version: Option<Version>,
}

/// Completes a resource and leaves out what was not asked for.
pub(crate) fn present(context: &Context<'_>, mut resource: Resource, projection: &Projection) -> Presented {
    let location = context.location(context.resource_type, resource.id().unwrap_or_default());
    let version = complete_meta(context, &mut resource, &location);
    add_references(context, &mut resource);
    let resource = projection.apply(context.catalog, context.resource_type, resource);
    Presented { resource, location, version }
}

/// Adds to `meta` what the server knows; the version, if the service has versions.
fn complete_meta(context: &Context<'_>, resource: &mut Resource, location: &str) -> Option<Version> {
    let mut given = match resource.get_mut("meta").map(std::mem::take) {
        Some(Value::Complex(given)) => given,
        _ => ComplexValue::new(),
    };
    let version = given.get("version").and_then(Value::as_str).and_then(|text| Version::parse(text).ok());
    let version = version.filter(|_| context.profile.features.etag);
    let mut meta = Vec::with_capacity(5);
    meta.push((MemberName::from("resourceType"), Value::from(context.resource_type.name.as_str())));
    for name in ["created", "lastModified"] {
        meta.extend(given.remove(name).map(|at| (MemberName::from(name), at)));
    }
    meta.push((MemberName::from("location"), Value::from(location)));
    meta.extend(version.as_ref().map(|version| (MemberName::from("version"), Value::from(version.to_tag()))));
    resource.insert("meta", ComplexValue::from_distinct(meta));
    version
}

/// Adds the `$ref` of every reference whose resource type is known (R7643-4.2-03).
fn add_references(context: &Context<'_>, resource: &mut Resource) {
    for reference in &context.shape.references {
        let Some(value) = reference.find_mut(resource) else { continue };
        let targets = shape::referenced_types(context.catalog, &reference.attribute);
        match value {
            Value::List(elements) => {
                for element in elements.iter_mut().filter_map(Value::as_complex_mut) {
                    add_to_one(context, &targets, element);
                }
            }
            Value::Complex(element) => add_to_one(context, &targets, element),
            _ => {}
        }
    }
}

fn add_to_one(context: &Context<'_>, targets: &[&ResourceType], element: &mut ComplexValue) {
    if element.get("$ref").is_some_and(|reference| !reference.is_unassigned()) {
        return;
    }
    let Some(target) = target(context.catalog, targets, element) else { return };
    let location = element.get("value").and_then(Value::as_str).filter(|id| !id.is_empty()).map(|id| context.location(target, id));
    if let Some(location) = location {
        element.insert("$ref", location);
    }
}

/// The type that `type` names; without it the only one there can be.
fn target<'a>(catalog: &'a Catalog, targets: &[&'a ResourceType], element: &ComplexValue) -> Option<&'a ResourceType> {
    match (element.get("type").and_then(Value::as_str), targets) {
        (Some(name), _) => catalog.resource_type(name).filter(|named| targets.iter().any(|target| target.name == named.name)),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}
