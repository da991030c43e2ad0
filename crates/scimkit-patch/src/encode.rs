//! Operations the way a peer wants them.

use scimkit_types::{ComplexValue, OperationKind, PatchOp, PatchOperation, Tolerance, Value};

use crate::equal::is_reference_list;
use crate::scope::{Context, Scope};
use crate::target::Target;

/// The body of a PATCH request with these operations, in the dialect of the context.
///
/// * [`Tolerance::PathRequired`]: an operation without path becomes one for each attribute.
/// * [`Tolerance::SendRemoveByValue`]: `remove members[value eq "a"]` becomes `remove members` with a list of values; neighbors are put
///   together.
/// * [`Tolerance::CapitalizedOperations`]: `op` is `Add`, `Remove` or `Replace`, and booleans are `"True"` and `"False"`.
///
/// A strict dialect leaves the operations as they are.
pub fn encode(operations: Vec<PatchOperation>, context: &Context<'_>) -> Value {
    let mut operations = translate(operations, context);
    let is_capitalized = context.dialect.allows(Tolerance::CapitalizedOperations);
    if is_capitalized {
        for value in operations.iter_mut().filter_map(|operation| operation.value.as_mut()) {
            booleans_to_text(value);
        }
    }
    let mut body = PatchOp::new(operations).to_json();
    if is_capitalized {
        capitalize(&mut body);
    }
    body
}

/// The operations as the dialect of the context wants them, but for how they are spelled: their number is what it will be.
pub(crate) fn translate(operations: Vec<PatchOperation>, context: &Context<'_>) -> Vec<PatchOperation> {
    let mut operations = operations;
    if context.dialect.allows(Tolerance::PathRequired) {
        operations = operations.into_iter().flat_map(|operation| with_paths(operation, context)).collect();
    }
    if context.dialect.allows(Tolerance::SendRemoveByValue) {
        operations = by_value(operations, context);
    }
    operations
}

fn with_paths(operation: PatchOperation, context: &Context<'_>) -> Vec<PatchOperation> {
    match operation {
        PatchOperation { kind, path: None, value: Some(Value::Complex(members)), .. } => members
            .into_iter()
            .flat_map(|(name, value)| match (context.extension(&name), value) {
                (Some(schema), Value::Complex(members)) => members
                    .into_iter()
                    .map(|(name, value)| PatchOperation::new(kind, Some(format!("{}:{name}", schema.id)), Some(value)))
                    .collect(),
                (_, value) => vec![PatchOperation::new(kind, Some(name), Some(value))],
            })
            .collect(),
        other => vec![other],
    }
}

fn by_value(operations: Vec<PatchOperation>, context: &Context<'_>) -> Vec<PatchOperation> {
    let mut result: Vec<PatchOperation> = Vec::with_capacity(operations.len());
    for operation in operations {
        let Some((path, values)) = selected_values(&operation, context) else {
            result.push(operation);
            continue;
        };
        let elements = values.into_iter().map(|value| Value::Complex(ComplexValue::from_iter([("value", value)])));
        match result.last_mut() {
            Some(PatchOperation { kind: OperationKind::Remove, path: Some(last), value: Some(Value::List(list)), .. }) if *last == path => {
                list.extend(elements);
            }
            _ => result.push(PatchOperation::new(OperationKind::Remove, Some(path), Some(Value::List(elements.collect())))),
        }
    }
    result
}

/// The path without filter and the values that a removal selects, if it selects references by their `value`.
fn selected_values(operation: &PatchOperation, context: &Context<'_>) -> Option<(String, Vec<String>)> {
    if operation.kind != OperationKind::Remove || operation.value.is_some() {
        return None;
    }
    let path = operation.path.as_ref()?;
    match Scope::new(*context).target(path).ok()? {
        Target::Attribute(place, Some(filter)) if place.sub_attribute.is_none() && is_reference_list(place.attribute) => {
            let values = filter.values()?.into_iter().map(str::to_owned).collect();
            Some((place.to_string(), values))
        }
        _ => None,
    }
}

/// Recursion ends: a value nests as deep as the schema does, or as the document that it was read from.
fn booleans_to_text(value: &mut Value) {
    match value {
        Value::Boolean(true) => *value = Value::from("True"),
        Value::Boolean(false) => *value = Value::from("False"),
        Value::List(values) => values.iter_mut().for_each(booleans_to_text),
        Value::Complex(members) => members.iter_mut().for_each(|(_, value)| booleans_to_text(value)),
        Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

fn capitalize(body: &mut Value) {
    let Some(Value::List(operations)) = body.as_complex_mut().and_then(|body| body.get_mut("Operations")) else { return };
    for operation in operations.iter_mut().filter_map(Value::as_complex_mut) {
        let name = match operation.get("op").and_then(Value::as_str).and_then(OperationKind::parse) {
            Some(OperationKind::Add) => "Add",
            Some(OperationKind::Remove) => "Remove",
            Some(OperationKind::Replace) => "Replace",
            None => continue,
        };
        operation.insert("op", name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimkit_types::{Catalog, Dialect};

    #[track_caller]
    fn check(resource_type: &str, dialect: Dialect, operations: &str, expected: &str) {
        let catalog = Catalog::standard();
        let context = Context::new(&catalog, catalog.resource_type(resource_type).unwrap()).with_dialect(dialect);
        let read = |operations: &str| {
            let text = format!(r#"{{"schemas": ["{}"], "Operations": {operations}}}"#, scimkit_types::messages::PATCH_OP);
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let operations = PatchOp::from_json(read(operations)).unwrap().operations;
        assert_eq!(encode(operations, &context), read(expected));
    }

    /// IR01, `flag-disable-off`: Microsoft Entra ID without its flag.
    #[test]
    fn entra_capitalizes_operations_and_writes_booleans_as_text() {
        let operations = r#"[{"op": "replace", "path": "active", "value": false}]"#;
        check("User", Dialect::ENTRA, operations, r#"[{"op": "Replace", "path": "active", "value": "False"}]"#);
        check("User", Dialect::STRICT, operations, operations);
    }

    /// IR02, `flag-remove-member-off`.
    #[test]
    fn entra_removes_members_by_value() {
        let operations = r#"[{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "remove", "path": "members[value eq \"b\"]"},
            {"op": "remove", "path": "members[type eq \"User\"]"}]"#;
        check(
            "Group",
            Dialect::ENTRA,
            operations,
            r#"[{"op": "Remove", "path": "members", "value": [{"value": "a"}, {"value": "b"}]},
                {"op": "Remove", "path": "members[type eq \"User\"]"}]"#,
        );
    }

    /// IR34: AWS wants one operation for each attribute.
    #[test]
    fn aws_gets_a_path_for_each_attribute() {
        check(
            "User",
            Dialect::AWS,
            r#"[{"op": "replace", "value": {"title": "A", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "B"}}}]"#,
            r#"[{"op": "replace", "path": "title", "value": "A"},
                {"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "B"}]"#,
        );
    }
}
