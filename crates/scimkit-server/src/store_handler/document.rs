//! What a profile does to a document on its way to the store.

use scimkit_store::UniqueKey;
use scimkit_types::compare::{attribute_key, text_key};
use scimkit_types::{Attribute, ComplexValue, ErrorResponse, Resource, ScimType, Uniqueness, Value};

use super::select::Selector;
use crate::handler::{Context, HandlerError, Result};
use crate::shape::{self, SchemaAttribute};

/// Gives a new resource the values that its body does not mention; null stands for a wish to have none (R7644-3.3-03).
pub(super) fn add_defaults(context: &Context<'_>, resource: &mut Resource) {
    let defaults = context.profile.defaults.iter().find(|(name, _)| name.eq_ignore_ascii_case(&context.resource_type.name));
    for (path, value) in defaults.into_iter().flat_map(|(_, defaults)| defaults) {
        visit(context, resource, path, &mut |members, name| {
            if members.get(name).is_none() {
                members.insert(name, value.clone());
            }
        });
    }
}

/// Replaces the values that the service changes on the way in, such as a country's code by its name.
fn echo(context: &Context<'_>, resource: &mut Resource) {
    for echo in &context.profile.echoes {
        visit(context, resource, &echo.attribute, &mut |members, name| {
            if let Some(Value::String(text)) = members.get_mut(name) {
                *text = context.profile.echo(&echo.attribute, text).to_owned();
            }
        });
    }
}

/// Calls `visitor` with the members among which the path's last name stands: of the resource or extension, or of every element of a
/// complex attribute.
fn visit(context: &Context<'_>, resource: &mut Resource, path: &str, visitor: &mut dyn FnMut(&mut ComplexValue, &str)) {
    let base = &context.resource_type.schema;
    let (extension, rest) = match context.catalog.split_schema(context.resource_type, path) {
        Some((schema, rest)) if schema.id != *base => (Some(schema.id.as_str()), rest),
        Some((_, rest)) => (None, rest),
        None => (None, path),
    };
    let members = match extension {
        Some(uri) => resource.get_mut(uri).and_then(Value::as_complex_mut),
        None => Some(resource.as_complex_mut()),
    };
    let Some(members) = members else { return };
    match rest.split_once('.') {
        None => visitor(members, rest),
        Some((attribute, sub_attribute)) => match members.get_mut(attribute) {
            Some(Value::Complex(element)) => visitor(element, sub_attribute),
            Some(Value::List(elements)) => {
                elements.iter_mut().filter_map(Value::as_complex_mut).for_each(|element| visitor(element, sub_attribute));
            }
            _ => {}
        },
    }
}

/// Checks the pairs of paths whose values must be equal.
///
/// # Errors
/// `invalidValue` naming the paths, never their values.
fn check_equal_values(context: &Context<'_>, resource: &Resource) -> Result<()> {
    let name = &context.resource_type.name;
    for pair in context.profile.equal_values.iter().filter(|pair| pair.resource_type.eq_ignore_ascii_case(name)) {
        let selector = |path: &str| Selector::new(context.catalog, context.resource_type, path).map_err(HandlerError::internal);
        let (left, right) = (selector(&pair.left)?, selector(&pair.right)?);
        let (left, right) = (left.texts(resource), right.texts(resource));
        let is_equal = left.iter().any(|left| right.iter().any(|right| text_key(left, false) == text_key(right, false)));
        let is_unassigned = left.is_empty() && right.is_empty();
        if !is_equal && !is_unassigned {
            return Err(HandlerError::of(ScimType::InvalidValue, format!("`{}` must equal `{}`", pair.left, pair.right)));
        }
    }
    Ok(())
}

/// The values of a document that must occur once.
pub(super) fn unique_keys(unique: &[SchemaAttribute], resource: &Resource) -> Vec<UniqueKey> {
    let mut keys = Vec::new();
    for attribute in unique {
        let Some(members) = attribute.holder(resource) else { continue };
        let prefix = attribute.extension.as_ref().map(|uri| format!("{uri}:")).unwrap_or_default();
        collect_keys(&prefix, std::slice::from_ref(&attribute.attribute), members, &mut keys);
    }
    keys
}

/// A catalog bounds how deep attributes nest.
fn collect_keys(prefix: &str, attributes: &[Attribute], members: &ComplexValue, keys: &mut Vec<UniqueKey>) {
    for attribute in attributes.iter().filter(|attribute| shape::has_unique(attribute)) {
        let values = members.get(attribute.name.as_str()).map(Value::elements).unwrap_or_default();
        // The id is unique by its making, whatever a schema says that lists it.
        let is_unique = attribute.uniqueness != Uniqueness::None && attribute.name != *"id";
        for value in values {
            match value {
                Value::Complex(element) => collect_keys(&format!("{prefix}{}.", attribute.name), &attribute.sub_attributes, element, keys),
                value if is_unique => {
                    let path = [prefix, attribute.name.as_str()].concat();
                    let key = value_key(&path, value, attribute.compares_case_exact());
                    keys.extend(key.map(|key| UniqueKey::new(path, key)));
                }
                _ => {}
            }
        }
    }
}

fn value_key(path: &str, value: &Value, case_exact: bool) -> Option<String> {
    match value {
        Value::String(text) => Some(attribute_key(path, text, case_exact).into_owned()),
        Value::Boolean(value) => Some(value.to_string()),
        // Numbers that are written differently, such as 1.0 and 1.00, have one key.
        Value::Number(number) => Some(number.key().iter().map(|byte| format!("{byte:02x}")).collect()),
        Value::Null | Value::List(_) | Value::Complex(_) => None,
    }
}

/// Refuses what must not be kept in clear (R7643-9.2-01): a store has no other way to keep values.
///
/// # Errors
/// 501 naming the attribute.
pub(super) fn refuse_secrets(context: &Context<'_>, resource: &Resource) -> Result<()> {
    let is_set = |secret: &&SchemaAttribute| secret.find(resource).is_some_and(|value| !value.is_unassigned());
    match context.shape.secrets.iter().find(is_set).map(|secret| &secret.attribute.name) {
        Some(name) => Err(HandlerError::Refused(ErrorResponse::new(501, format!("this service does not take values of `{name}`")))),
        None => Ok(()),
    }
}

/// Makes a valid resource one that is stored: without what is derived, and as the profile says.
///
/// # Errors
/// `invalidValue` if two values differ that must be equal.
pub(super) fn settle(context: &Context<'_>, resource: &mut Resource) -> Result<()> {
    take_derived(context, resource);
    echo(context, resource);
    check_equal_values(context, resource)
}

/// Takes out what the store or the server says of a resource itself.
fn take_derived(context: &Context<'_>, resource: &mut Resource) {
    resource.remove("id");
    resource.remove("meta");
    if let Some(groups) = &context.shape.groups {
        resource.remove(groups.as_str());
    }
}
