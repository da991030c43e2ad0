//! From what a handler returns to what is answered: `meta`, missing references, the chosen attributes.

use scimkit_types::{Attribute, Catalog, ComplexValue, Projection, Resource, ResourceType, Value, Version};

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
    let mut meta = resource.meta();
    let location = context.location(context.resource_type, resource.id().unwrap_or_default());
    meta.resource_type = Some(context.resource_type.name.clone());
    meta.location = Some(location.clone());
    if !context.profile.features.etag {
        meta.version = None;
    }
    resource.set_meta(&meta);
    add_references(context, &mut resource);
    let resource = projection.apply(context.catalog, context.resource_type, &resource);
    Presented { resource, location, version: meta.version }
}

/// Adds the `$ref` of every reference whose resource type is known (R7643-4.2-03).
fn add_references(context: &Context<'_>, resource: &mut Resource) {
    let catalog = context.catalog;
    if let Some(schema) = catalog.schema(context.resource_type.schema.as_str()) {
        add_to_all(context, &schema.attributes, resource.as_complex_mut());
    }
    for extension in &context.resource_type.schema_extensions {
        let members = resource.get_mut(extension.schema.as_str()).and_then(Value::as_complex_mut);
        if let (Some(schema), Some(members)) = (catalog.schema(extension.schema.as_str()), members) {
            add_to_all(context, &schema.attributes, members);
        }
    }
}

fn add_to_all(context: &Context<'_>, attributes: &[Attribute], members: &mut ComplexValue) {
    for attribute in attributes {
        let targets = shape::referenced_types(context.catalog, attribute);
        if targets.is_empty() {
            continue;
        }
        match members.get_mut(attribute.name.as_str()) {
            Some(Value::List(elements)) => {
                for element in elements.iter_mut().filter_map(Value::as_complex_mut) {
                    add_to_one(context, &targets, element);
                }
            }
            Some(Value::Complex(element)) => add_to_one(context, &targets, element),
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
