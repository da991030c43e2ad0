//! What a resource has other than was written to it.

use scimkit_types::schema::Attribute;
use scimkit_types::{ComplexValue, Resource, Value};

use crate::decide::{Setting, property_changes};
use crate::echo::echo;
use crate::event::PropertyChange;

/// What a resource has other than was written, from what is there to what was written; and what was written with what is there in its
/// place. Values that the profile declares equal do not differ, references are not compared, and what a mapping redacts is not shown.
pub(crate) fn differences(setting: &Setting<'_>, written: &Resource, resource: &Resource) -> (Vec<PropertyChange>, Resource) {
    let profile = &setting.job.profile;
    let present = setting.mapping.managed(resource);
    let shown = |resource: &Resource| without_references(setting, echo(resource, profile));
    let redacted: Vec<String> = setting.mapping.redacted_attributes().map(str::to_owned).collect();
    let changes = property_changes(&shown(&present), &shown(written), &redacted);
    let mut exported = written.clone();
    let names: Vec<String> = exported.as_complex().iter().chain(present.as_complex().iter()).map(|(name, _)| name.to_owned()).collect();
    for name in names {
        if changes.iter().any(|change| is_within(&change.name, &name)) {
            match present.get(&name) {
                Some(value) => drop(exported.insert(name.as_str(), value.clone())),
                None => drop(exported.remove(&name)),
            }
        }
    }
    (changes, exported)
}

/// The resource without its references, and without an extension that holds nothing else.
fn without_references(setting: &Setting<'_>, mut resource: Resource) -> Resource {
    for name in names_of(resource.as_complex()) {
        let Some(Value::Complex(extension)) = resource.get_mut(&name).filter(|_| name.contains(':')) else {
            if is_reference(setting, &name) {
                resource.remove(&name);
            }
            continue;
        };
        for member in names_of(extension) {
            if is_reference(setting, &format!("{name}:{member}")) {
                extension.remove(&member);
            }
        }
        if extension.is_empty() {
            resource.remove(&name);
        }
    }
    resource
}

fn names_of(members: &ComplexValue) -> Vec<String> {
    members.iter().map(|(name, _)| name.to_owned()).collect()
}

/// Whether a path is one of a reference, which is written apart from the other attributes.
fn is_reference(setting: &Setting<'_>, name: &str) -> bool {
    attribute_of(setting, name).is_some_and(|attribute| attribute.sub_attribute("$ref").is_some() || !attribute.reference_types.is_empty())
}

/// The attribute that a path such as `name.givenName` is of.
pub(crate) fn attribute_of<'a>(setting: &Setting<'a>, path: &str) -> Option<&'a Attribute> {
    let (schema, name) = path.rsplit_once(':').map_or((None, path), |(schema, name)| (Some(schema), name));
    let name = name.split_once('.').map_or(name, |(attribute, _)| attribute);
    let catalog = &setting.job.catalog;
    catalog.attribute(catalog.resource_type(setting.mapping.resource_type())?, schema, name)
}

/// Whether a change of `name.givenName` is one of `name`.
fn is_within(change: &str, name: &str) -> bool {
    change.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']))
}
