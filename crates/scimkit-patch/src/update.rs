//! The requests that bring a service from one state of a resource to another.

use scimkit_types::{ComplexValue, Mutability, Resource, Value};

use crate::abilities::Abilities;
use crate::diff::{DiffOptions, diff};
use crate::encode::{encode, translate};
use crate::equal::is_reference_list;
use crate::error::DiffError;
use crate::scope::{Context, Scope};
use crate::split::split_where;
use crate::target::Target;

/// One request of an update.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum UpdateRequest {
    /// A PATCH request with this body.
    Patch(Value),
    /// A PUT request with this resource.
    Put(Resource),
}

/// The requests that bring a service from `current` to `desired`, to be sent in order; none if there is nothing that a client can change.
///
/// A service with PATCH gets the operations of [`diff`], as the options and its abilities allow, written the way it wants them and in
/// portions within its limits. Only members and other lists of references are sent in portions; another list that is longer than
/// [`max_members`](Abilities::max_members) stands in a request of its own. Each PATCH request is atomic, several are not: when one fails,
/// what was sent before it stays.
///
/// A service without PATCH gets one PUT, so both resources must be whole there: what `desired` leaves out is removed. The body has the
/// `id` of `current`, nothing that only the service provider writes, `schemas` that name what it holds, and always states `members` and
/// other lists of references, so that an empty list is told from one that was left out. `options` do not matter.
///
/// The dialect of the context is not looked at; the abilities say how the service is spoken to.
///
/// ```
/// use scimkit_patch::{Abilities, Context, DiffOptions, UpdateRequest, update};
/// use scimkit_types::{Catalog, Resource};
///
/// let catalog = Catalog::standard();
/// let context = Context::new(&catalog, catalog.resource_type("Group").ok_or("no such resource type")?);
/// let current: Resource = serde_json::from_str(r#"{"id": "1", "displayName": "A", "members": [{"value": "a"}]}"#)?;
/// let desired: Resource = serde_json::from_str(r#"{"displayName": "A"}"#)?;
/// let put_only = Abilities::default().with_patch(false);
/// let requests = update(&current, &desired, &context, &put_only, &DiffOptions::default())?;
/// let [UpdateRequest::Put(group)] = requests.as_slice() else { return Err("expected one PUT".into()) };
/// assert_eq!(
///     serde_json::to_string(group)?,
///     r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"1","displayName":"A","members":[]}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DiffError`] as of [`diff`]; a service without PATCH never has [`DiffError::NotExpressible`].
pub fn update(
    current: &Resource,
    desired: &Resource,
    context: &Context<'_>,
    abilities: &Abilities,
    options: &DiffOptions,
) -> Result<Vec<UpdateRequest>, DiffError> {
    let context = context.with_dialect(abilities.dialect());
    if !abilities.has_patch {
        let is_equal = match diff(current, desired, &context, &DiffOptions::default()) {
            Ok(operations) => operations.is_empty(),
            Err(DiffError::NotExpressible { .. }) => false,
            Err(error) => return Err(error),
        };
        return Ok(if is_equal { Vec::new() } else { vec![UpdateRequest::Put(whole(current, desired, &context))] });
    }
    let operations = translate(diff(current, desired, &context, &abilities.limit(options))?, &context);
    let portions = split_where(operations, abilities.max_operations, abilities.max_members, |path| is_reference_path(path, &context));
    Ok(portions.into_iter().map(|portion| UpdateRequest::Patch(encode(portion, &context))).collect())
}

/// Whether the path is that of a list of references, to which elements can be added in portions.
fn is_reference_path(path: &str, context: &Context<'_>) -> bool {
    match Scope::new(*context).target(path) {
        Ok(Target::Attribute(place, None)) => {
            place.sub_attribute.is_none() && is_reference_list(place.attribute) && place.attribute.mutability != Mutability::Immutable
        }
        _ => false,
    }
}

/// The body of a PUT request.
fn whole(current: &Resource, desired: &Resource, context: &Context<'_>) -> Resource {
    let mut members = ComplexValue::new();
    for (name, value) in desired.as_complex().iter().filter(|(name, _)| !name.eq_ignore_ascii_case("schemas")) {
        match (context.extension(name), value) {
            (Some(schema), Value::Complex(extension)) => {
                let written = extension.iter().filter_map(|(name, value)| {
                    let value = written(schema.attribute(name), value)?;
                    Some((name, value))
                });
                let written: ComplexValue = written.collect();
                if !written.is_empty() {
                    members.insert(schema.id.as_str(), written);
                }
            }
            _ => {
                if let Some(value) = written(context.attribute(None, name), value) {
                    members.insert(name, value);
                }
            }
        }
    }
    let base = context.catalog.schema(context.resource_type.schema.as_str());
    for attribute in base.into_iter().flat_map(|schema| &schema.attributes) {
        let is_stated = attribute.mutability != Mutability::ReadOnly && is_reference_list(attribute);
        if is_stated && members.get(attribute.name.as_str()).is_none() {
            members.insert(attribute.name.as_str(), Value::List(Vec::new()));
        }
    }
    let extensions = context.extensions().map(|schema| schema.id.as_str()).filter(|uri| members.get(uri).is_some());
    let mut body = Resource::new(std::iter::once(context.resource_type.schema.as_str()).chain(extensions));
    if let Some(id) = current.id() {
        body.insert("id", id);
    }
    for (name, value) in members {
        body.insert(name, value);
    }
    body
}

/// The value without what only the service provider writes; `None` if nothing is left. What the schemas do not know stays.
fn written(attribute: Option<&scimkit_types::Attribute>, value: &Value) -> Option<Value> {
    if value.is_unassigned() {
        return None;
    }
    let Some(attribute) = attribute else { return Some(value.clone()) };
    if attribute.mutability == Mutability::ReadOnly {
        return None;
    }
    let mut value = value.clone();
    let elements = match &mut value {
        Value::List(elements) => elements.as_mut_slice(),
        single => std::slice::from_mut(single),
    };
    let is_written =
        |name: &str| attribute.sub_attribute(name).is_none_or(|sub_attribute| sub_attribute.mutability != Mutability::ReadOnly);
    for members in elements.iter_mut().filter_map(Value::as_complex_mut) {
        members.retain(|name, value| is_written(name) && !value.is_unassigned());
    }
    if let Value::List(elements) = &mut value {
        elements.retain(|element| !element.is_unassigned());
    }
    (!value.is_unassigned()).then_some(value)
}
