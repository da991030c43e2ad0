//! PATCH requests.

use proptest::prelude::*;
use scimkit_types::{Attribute, Catalog, ComplexValue, OperationKind, PatchOp, PatchOperation, ResourceType, Value, generators};

use super::fitting::{patch_paths_of, tops};

/// A PATCH operation whose path and value fit the resource type. It need not succeed: it may write what is read-only, remove what is
/// required, or select nothing.
pub fn patch_operation(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<PatchOperation> {
    let mut operations = vec![without_path(catalog, resource_type)];
    for top in tops(catalog, resource_type) {
        for (path, definition) in patch_paths_of(&top, resource_type) {
            operations.push(
                (path, kind_and_value(&definition))
                    .prop_map(|(path, (kind, value))| PatchOperation::new(kind, Some(path.to_string()), value))
                    .boxed(),
            );
        }
    }
    proptest::strategy::Union::new(operations).boxed()
}

fn kind_and_value(definition: &Attribute) -> BoxedStrategy<(OperationKind, Option<Value>)> {
    let written = prop_oneof![8 => generators::value(definition), 1 => Just(Value::Null)].boxed();
    prop_oneof![
        1 => Just((OperationKind::Remove, None)),
        2 => written.clone().prop_map(|value| (OperationKind::Add, Some(value))),
        2 => written.prop_map(|value| (OperationKind::Replace, Some(value))),
    ]
    .boxed()
}

/// An operation with an object of attributes and extensions.
fn without_path(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<PatchOperation> {
    let members: Vec<_> = tops(catalog, resource_type)
        .into_iter()
        .map(|top| (prop::option::weighted(0.3, generators::value(&top.attribute)), Just((top.extension, top.attribute.name))))
        .collect();
    (any::<bool>(), members)
        .prop_map(|(adds, members)| {
            let mut value = ComplexValue::new();
            for (given, (extension, name)) in members {
                let Some(given) = given else { continue };
                let target = match &extension {
                    None => &mut value,
                    Some(uri) => {
                        let member = value.entry(uri.as_str());
                        if member.as_complex().is_none() {
                            *member = Value::Complex(ComplexValue::new());
                        }
                        let Some(members) = member.as_complex_mut() else { continue };
                        members
                    }
                };
                target.insert(name.as_str(), given);
            }
            PatchOperation::new(if adds { OperationKind::Add } else { OperationKind::Replace }, None, Some(Value::Complex(value)))
        })
        .boxed()
}

/// A PATCH request of one to four [operations](patch_operation).
pub fn patch_request(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<PatchOp> {
    prop::collection::vec(patch_operation(catalog, resource_type), 1..5).prop_map(PatchOp::new).boxed()
}
