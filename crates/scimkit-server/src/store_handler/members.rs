//! Large multi-valued references as changes of single elements.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use scimkit_types::{Change, PatchOp, Resource, Value};

/// The changes that lead from the members of one document to those of another.
pub(super) fn diff(current: &Resource, desired: &Resource, attributes: &[String]) -> Vec<Change> {
    let mut changes = Vec::new();
    for attribute in attributes {
        let elements = |resource: &'_ Resource| resource.get(attribute).map(|value| value.elements().to_vec()).unwrap_or_default();
        let (current, desired) = (elements(current), elements(desired));
        let kept: HashSet<&str> = desired.iter().filter_map(value_of).collect();
        let known: HashMap<&str, &Value> = current.iter().filter_map(|element| Some((value_of(element)?, element))).collect();
        let removed = current.iter().filter_map(value_of).filter(|value| !kept.contains(value));
        changes.extend(removed.map(|value| Change::RemoveMember { attribute: attribute.clone(), value: value.to_owned() }));
        let added = desired.iter().filter(|element| {
            let present = value_of(element).and_then(|value| known.get(value));
            !present.is_some_and(|present| present.is_equivalent(element))
        });
        changes.extend(added.map(|member| Change::AddMember { attribute: attribute.clone(), member: member.clone() }));
    }
    changes
}

fn value_of(element: &Value) -> Option<&str> {
    element.as_complex().and_then(|element| element.get("value")).and_then(Value::as_str)
}

/// The document without its members; copied only if it has some and is not given away.
pub(super) fn without_members<'r>(mut document: Cow<'r, Resource>, attributes: &[String]) -> Cow<'r, Resource> {
    for attribute in attributes {
        if document.get(attribute).is_some() {
            document.to_mut().remove(attribute);
        }
    }
    document
}

/// Whether an operation may concern one of the attributes; a false alarm costs loading the members.
pub(super) fn may_concern(patch: &PatchOp, attributes: &[String]) -> bool {
    if attributes.is_empty() {
        return false;
    }
    let names = |text: &str| {
        let text = text.to_ascii_lowercase();
        attributes.iter().any(|attribute| text.contains(&attribute.to_ascii_lowercase()))
    };
    patch.operations.iter().any(|operation| {
        let top = operation.value.as_ref().and_then(Value::as_complex);
        operation.path.as_deref().is_some_and(names)
            || top.is_some_and(|top| {
                top.iter()
                    .any(|(name, value)| names(name) || value.as_complex().is_some_and(|inner| inner.iter().any(|(name, _)| names(name))))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(members: &str) -> Resource {
        serde_json::from_str(&format!(r#"{{"displayName": "g", "members": {members}}}"#)).unwrap()
    }

    #[test]
    fn only_the_members_that_differ_change() {
        let current = group(r#"[{"value": "a"}, {"value": "b"}, {"value": "c", "display": "C"}]"#);
        let desired = group(r#"[{"value": "c", "display": "D"}, {"value": "a"}, {"value": "d"}]"#);
        let changes = diff(&current, &desired, &["members".to_owned()]);
        let shown: Vec<String> = changes
            .iter()
            .map(|change| match change {
                Change::RemoveMember { value, .. } => format!("-{value}"),
                Change::AddMember { member, .. } => format!("+{}", value_of(member).unwrap()),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(shown, ["-b", "+c", "+d"]);
    }

    #[test]
    fn a_document_without_members_loses_them_all() {
        let changes = diff(&group(r#"[{"value": "a"}]"#), &group("[]"), &["members".to_owned()]);
        assert_eq!(changes, [Change::RemoveMember { attribute: "members".to_owned(), value: "a".to_owned() }]);
    }
}
