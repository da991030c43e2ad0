//! What a PATCH made of a resource, where only what it changed can be wrong.

use super::checker::Mode;
use super::present::Present;
use super::{Accepted, Checked, Policy, Violation, check};
use crate::resource::Resource;
use crate::schema::{Catalog, ResourceType};
use crate::value::{ComplexValue, MemberName, Value};

/// Checks a resource after a PATCH by looking only at what the PATCH wrote, and returns it as it is to be stored.
///
/// `before` tells what the top-level attributes and extensions that were written were before, and `None` for those that were not there.
/// With them put back, the resource must be one that [`accept`](super::accept) has returned for this catalog and policy. Then the result
/// is that of [`accept`](super::accept) for [`Operation::Patch`](super::Operation::Patch), with the same violations and in the same
/// order, at the cost of what was written: a value that was accepted is accepted again.
///
/// ```
/// use scimkit_types::validate::{Operation, Policy, accept, accept_changes};
/// use scimkit_types::{Catalog, Resource};
///
/// let catalog = Catalog::standard();
/// let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
/// let body: Resource = serde_json::from_str(
///     r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola@example.com", "active": true}"#,
/// )?;
/// let mut user = accept(&catalog, user_type, &body, Operation::Create, &Policy::default()).map_err(|_| "not valid")?.resource;
/// let before = user.insert("active", "perhaps");
/// let violations = accept_changes(&catalog, user_type, user, &[("active".into(), before)], &Policy::default()).unwrap_err();
/// assert_eq!(violations[0].to_string(), "`active` must be a boolean, found a string");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// All [`Violation`]s at once, as [`accept`](super::accept) reports them.
pub fn accept_changes(
    catalog: &Catalog,
    resource_type: &ResourceType,
    mut resource: Resource,
    before: &[(MemberName, Option<Value>)],
    policy: &Policy,
) -> Result<Accepted, Vec<Violation>> {
    let present = Present::Before(&resource, before);
    let Checked { listed, attributes, mut base, extensions, tolerances } =
        check(catalog, resource_type, &resource, Mode::Patch, present, policy)?;
    for attribute in attributes {
        let value = base.remove(attribute.name.as_str());
        put(&mut resource, MemberName::from(&attribute.name), value);
    }
    for extension in extensions {
        let members = Some(extension.members).filter(|members| !members.is_empty());
        put(&mut resource, MemberName::from(&extension.schema.id), members.map(Value::Complex));
    }
    let uris = resource_type.schema_extensions.iter().map(|extension| &extension.schema);
    let in_schemas = uris.filter(|uri| resource.get(uri.as_str()).is_some() || listed.contains(uri)).map(|uri| uri.as_str());
    let schemas = std::iter::once(resource_type.schema.as_str()).chain(in_schemas);
    if !resource.schemas().eq(schemas.clone()) {
        let schemas: Vec<&str> = schemas.collect();
        resource.set_schemas(schemas);
    }
    Ok(Accepted { resource: in_order(resource_type, resource), tolerances })
}

fn put(resource: &mut Resource, name: MemberName, value: Option<Value>) {
    match value {
        Some(value) => drop(resource.insert(name, value)),
        None => drop(resource.remove(name.as_str())),
    }
}

/// The members in the order in which a resource is stored: `schemas`, `id`, the base schema's, the extensions, `meta`.
fn in_order(resource_type: &ResourceType, resource: Resource) -> Resource {
    let place = |name: &str| match name {
        "schemas" => 0,
        "id" => 1,
        "meta" => usize::MAX,
        name => resource_type.schema_extensions.iter().position(|extension| extension.schema == *name).map_or(2, |index| index + 3),
    };
    if resource.as_complex().iter().is_sorted_by_key(|(name, _)| place(name)) {
        return resource;
    }
    let mut members: Vec<(MemberName, Value)> = resource.into_complex().into_members().collect();
    members.sort_by_key(|(name, _)| place(name.as_str()));
    // The names differ, as they did before.
    Resource::from(ComplexValue::from_distinct(members))
}
