//! Values as [`diff`](super::diff) compares them: only what a client can write, names in canonical spelling, nothing unassigned.

use scimkit_types::{AttributeType, ComplexValue, Mutability, Value};

use crate::error::{DiffError, PatchError};
use crate::scope::{Context, Place, Scope};

/// The value that is there. What the schema does not know or only the service provider writes is left out.
pub(super) fn current(place: Place<'_>, value: Option<&Value>) -> Value {
    let value = value.unwrap_or(&Value::Null);
    if value.is_unassigned() {
        return Value::Null;
    }
    if place.definition().is_multi_valued {
        return Value::List(
            value.elements().iter().filter(|element| !element.is_unassigned()).map(|element| one(place, element)).collect(),
        );
    }
    one(place, value)
}

fn one(place: Place<'_>, value: &Value) -> Value {
    let Value::Complex(members) = value else { return value.clone() };
    let writable = members.iter().filter_map(|(name, value)| {
        let sub_attribute = place.definition().sub_attribute(name)?;
        let is_kept = sub_attribute.mutability != Mutability::ReadOnly && !value.is_unassigned();
        is_kept.then(|| (sub_attribute.name.as_str(), current(place.child(sub_attribute), Some(value))))
    });
    Value::Complex(writable.collect())
}

/// The value that is wanted, which must be one of the attribute.
pub(super) fn desired(context: &Context<'_>, place: Place<'_>, value: Option<&Value>) -> Result<Value, DiffError> {
    let Some(given) = value else { return Ok(Value::Null) };
    for element in given.elements() {
        known(place, element)?;
    }
    let value = match given {
        Value::List(_) if !place.definition().is_multi_valued => given.clone(),
        _ => current(place, Some(given)),
    };
    let mut scope = Scope::new(*context);
    let checked = match value {
        Value::Null => return Ok(Value::Null),
        value if place.attribute.is_multi_valued => scope.elements(place, value).and_then(|elements| one_primary(place, elements)),
        Value::Complex(members) if place.attribute.type_ == AttributeType::Complex => scope.complex(place, members).map(Value::Complex),
        value => scope.simple(place, value),
    };
    let value = checked.map_err(|source| DiffError::Value { path: place.to_string(), source: Box::new(source) })?;
    Ok(if value.is_unassigned() { Value::Null } else { value })
}

fn known(place: Place<'_>, value: &Value) -> Result<(), DiffError> {
    let Value::Complex(members) = value else { return Ok(()) };
    let is_unknown = |(name, value): &(&str, &Value)| !value.is_unassigned() && place.attribute.sub_attribute(name).is_none();
    match members.iter().find(is_unknown) {
        Some((name, _)) => Err(DiffError::UnknownAttribute { path: format!("{place}.{name}") }),
        None => Ok(()),
    }
}

fn one_primary(place: Place<'_>, elements: Vec<Value>) -> Result<Value, PatchError> {
    let is_primary = |element: &&Value| element.as_complex().is_some_and(is_primary);
    if elements.iter().filter(is_primary).count() > 1 {
        return Err(PatchError::SeveralPrimaries { operation: 0, path: place.to_string() });
    }
    Ok(Value::List(elements))
}

pub(super) fn is_primary(members: &ComplexValue) -> bool {
    members.get("primary").and_then(Value::as_bool) == Some(true)
}
