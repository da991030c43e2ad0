//! Takes passwords out of bodies before anything else looks at them.

use scimkit_filter::{ParseOptions, PatchPath};
use scimkit_types::{
    AttributeType, ComplexValue, ErrorResponse, Mutability, OperationKind, PatchOp, PatchOperation, Resource, ScimType, Tolerance, Value,
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
    let change = take_value(context, body.as_complex_mut()).map(change_to).transpose()?;
    Ok(change.filter(|change| matches!(change, PasswordChange::Set(_))))
}

/// Takes the operations on the password out of a PATCH request; of several the last one counts.
///
/// # Errors
/// `invalidValue` if a value is not a text, `invalidPath` if a path goes into the password.
pub(crate) fn take_operations(context: &Context<'_>, patch: &mut PatchOp) -> Result<Option<PasswordChange>> {
    if !has_passwords(context) {
        return Ok(None);
    }
    let mut last = None;
    let mut rest = Vec::with_capacity(patch.operations.len());
    for mut operation in std::mem::take(&mut patch.operations) {
        match target(context, operation.path.as_deref()) {
            Target::Password => {
                last = Some(change_of(operation)?);
                continue;
            }
            Target::WithinPassword => {
                return Err(ErrorResponse::of(ScimType::InvalidPath, "expected the path `password`, which has no parts"));
            }
            Target::Resource if takes_values(context, &operation) => {
                if let Some(Value::Complex(members)) = &mut operation.value
                    && let Some(value) = take_value(context, members)
                {
                    let is_left_empty = members.is_empty();
                    last = Some(match operation.kind {
                        OperationKind::Remove => {
                            context.count([Tolerance::RemoveByValue]);
                            PasswordChange::Remove
                        }
                        _ => change_to(value)?,
                    });
                    if is_left_empty {
                        continue;
                    }
                }
            }
            Target::Resource | Target::Other => {}
        }
        rest.push(operation);
    }
    patch.operations = rest;
    Ok(last)
}

/// Whether the value of an operation on the whole resource counts. What to remove is named by the path, but for peers that name it by a
/// value.
const fn takes_values(context: &Context<'_>, operation: &PatchOperation) -> bool {
    match operation.kind {
        OperationKind::Remove => operation.path.is_none() && context.dialect.allows(Tolerance::RemoveByValue),
        _ => true,
    }
}

/// What an operation on the password itself does.
fn change_of(operation: PatchOperation) -> Result<PasswordChange> {
    match (operation.kind, operation.value) {
        (OperationKind::Remove, _) => Ok(PasswordChange::Remove),
        (_, Some(value)) => change_to(value),
        (_, None) => Err(invalid()),
    }
}

/// Takes the password from among members, whether it stands there by its name, by its full name or below its schema; of several the
/// last one counts.
fn take_value(context: &Context<'_>, members: &mut ComplexValue) -> Option<Value> {
    let base = context.resource_type.schema.as_str();
    let mut taken = None;
    members.retain(|name, value| {
        if is_password(context, name) {
            taken = Some(std::mem::take(value));
            return false;
        }
        let Value::Complex(inner) = value else { return true };
        if !name.eq_ignore_ascii_case(base) {
            return true;
        }
        let before = inner.len();
        inner.retain(|name, value| {
            let is_password = is_password(context, name);
            if is_password {
                taken = Some(std::mem::take(value));
            }
            !is_password
        });
        inner.len() == before || !inner.is_empty()
    });
    taken
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

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The resource or its base schema, so that the value has the names of attributes.
    Resource,
    Password,
    /// A part of the password, which has none.
    WithinPassword,
    Other,
}

/// What a path stands for; a path that cannot be read is left to the handler, which says why.
fn target(context: &Context<'_>, path: Option<&str>) -> Target {
    let Some(path) = path else { return Target::Resource };
    if path.eq_ignore_ascii_case(context.resource_type.schema.as_str()) {
        return Target::Resource;
    }
    // Names have one spelling but for their case, so that most paths need not be read here.
    if !path.as_bytes().windows(PASSWORD.len()).any(|part| part.eq_ignore_ascii_case(PASSWORD.as_bytes())) {
        return Target::Other;
    }
    let options = ParseOptions::default().with_catalog(context.catalog).with_dialect(context.dialect);
    let (path, has_filter) = match PatchPath::parse_with(path, &options) {
        Ok(PatchPath::Attribute(path)) => (path, false),
        Ok(PatchPath::ValuePath { value_path, .. }) => (value_path.path, true),
        Ok(PatchPath::Schema(_)) | Err(_) => return Target::Other,
    };
    let is_of_base = path.schema.as_ref().is_none_or(|schema| *schema == context.resource_type.schema);
    if !is_of_base || path.attribute != *PASSWORD {
        return Target::Other;
    }
    if has_filter || path.sub_attribute.is_some() { Target::WithinPassword } else { Target::Password }
}

/// Whether a name in a body stands for the password.
fn is_password(context: &Context<'_>, name: &str) -> bool {
    target(context, Some(name)) == Target::Password
}
