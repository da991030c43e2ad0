//! Takes passwords out of bodies before anything else looks at them.

use scimkit_filter::{ParseOptions, PatchPath, resolve_path};
use scimkit_types::{
    AttributeType, ComplexValue, ErrorResponse, Mutability, OperationKind, PatchOp, PatchOperation, Resource, ScimType, Value,
};
use secrecy::SecretString;

use super::PasswordChange;
use crate::handler::Context;

type Result<T, E = ErrorResponse> = std::result::Result<T, E>;

/// The attribute of the base schema that holds passwords.
const PASSWORD: &str = "password";

/// Takes the password out of the body of a create or replace. Null and an empty list stand for none.
///
/// # Errors
/// `invalidValue` if it is not a text.
pub(crate) fn take(context: &Context<'_>, body: &mut Resource) -> Result<Option<PasswordChange>> {
    if !has_passwords(context) {
        return Ok(None);
    }
    // A password that is set to nothing is as good as none: what there is stays.
    Ok(take_from(context, body.as_complex_mut())?.filter(|change| matches!(change, PasswordChange::Set(_))))
}

/// Takes the operations on the password out of a PATCH request; of several the last one counts.
///
/// # Errors
/// `invalidValue` if a value is not a text.
pub(crate) fn take_operations(context: &Context<'_>, patch: &mut PatchOp) -> Result<Option<PasswordChange>> {
    if !has_passwords(context) {
        return Ok(None);
    }
    let mut last = None;
    let mut rest = Vec::with_capacity(patch.operations.len());
    for mut operation in std::mem::take(&mut patch.operations) {
        if operation.path.as_deref().is_some_and(|path| is_password(context, path)) {
            last = Some(change_of(operation)?);
            continue;
        }
        if operation.path.is_none()
            && operation.kind != OperationKind::Remove
            && let Some(Value::Complex(members)) = &mut operation.value
        {
            let taken = take_from(context, members)?;
            let is_left_empty = taken.is_some() && members.is_empty();
            last = taken.or(last);
            if is_left_empty {
                continue;
            }
        }
        rest.push(operation);
    }
    patch.operations = rest;
    Ok(last)
}

/// What an operation on the password itself does.
fn change_of(operation: PatchOperation) -> Result<PasswordChange> {
    match (operation.kind, operation.value) {
        (OperationKind::Remove, _) => Ok(PasswordChange::Remove),
        (_, Some(value)) => change_to(value),
        (_, None) => Err(invalid()),
    }
}

/// Takes the password from among members, whether it stands there by its name, by its full name or below its schema.
fn take_from(context: &Context<'_>, members: &mut ComplexValue) -> Result<Option<PasswordChange>> {
    let base = &context.resource_type.schema;
    let full = format!("{base}:{PASSWORD}");
    let mut taken = members.remove(PASSWORD).into_iter().chain(members.remove(&full)).last();
    if let Some(Value::Complex(inner)) = members.get_mut(base.as_str()) {
        taken = inner.remove(PASSWORD).or(taken);
        if inner.is_empty() {
            members.remove(base.as_str());
        }
    }
    taken.map(change_to).transpose()
}

fn change_to(value: Value) -> Result<PasswordChange> {
    match value {
        Value::String(text) => Ok(PasswordChange::Set(SecretString::from(text.as_str()))),
        value if value.is_unassigned() => Ok(PasswordChange::Remove),
        _ => Err(invalid()),
    }
}

fn invalid() -> ErrorResponse {
    ErrorResponse::of(ScimType::InvalidValue, "expected a text at `password`")
}

/// Whether the resource type has an attribute for passwords.
fn has_passwords(context: &Context<'_>) -> bool {
    let schema = context.catalog.schema(context.resource_type.schema.as_str());
    schema.and_then(|schema| schema.attribute(PASSWORD)).is_some_and(|attribute| {
        attribute.mutability == Mutability::WriteOnly && attribute.type_ == AttributeType::String && !attribute.is_multi_valued
    })
}

/// Whether a path stands for the password; a path that cannot be read is left to the handler, which says why.
fn is_password(context: &Context<'_>, path: &str) -> bool {
    let options = ParseOptions::default().with_catalog(context.catalog);
    let Ok(PatchPath::Attribute(path)) = PatchPath::parse_with(path, &options) else { return false };
    resolve_path(&path, context.catalog, context.resource_type)
        .is_ok_and(|(path, _)| path.extension.is_none() && path.attribute == *PASSWORD && path.sub_attribute.is_none())
}
