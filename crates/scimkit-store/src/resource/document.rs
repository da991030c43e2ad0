//! What every back end asks of a document: text that databases take, the form that filters are evaluated on, members taken out.

use scimkit_filter::{Node, Operand};
use scimkit_types::{ComplexValue, Resource, Timestamp, Value};

use super::{NewResource, Query, ResourceKey, UniqueKey, Update};
use crate::error::{Result, StoreError, StoreErrorKind};

/// How deep values may lie inside each other. `serde_json` reads 127 levels, and a document stands in at most two more.
pub(crate) const MAX_DEPTH: usize = 100;

/// Refuses text that a database does not take, and documents that could not be read again.
pub(crate) fn check_new(resource: &NewResource) -> Result<()> {
    check_key(&resource.key)?;
    check_resource(&resource.document)?;
    check_unique(&resource.unique)?;
    resource.member_attributes.iter().try_for_each(|attribute| check_text("memberAttributes", attribute))
}

/// Refuses text that a database does not take, and documents that could not be read again.
pub(crate) fn check_update(update: &Update) -> Result<()> {
    check_key(&update.key)?;
    if let Some(document) = &update.document {
        check_resource(document)?;
        check_unique(&update.unique)?;
    }
    for change in &update.members {
        match MemberChange::of(change)? {
            MemberChange::Add { attribute, member } => {
                check_text("members", attribute)?;
                check_value(&mut vec![attribute], member)?;
            }
            MemberChange::Remove { attribute, value } => {
                check_text("members", attribute)?;
                check_text(attribute, value)?;
            }
            MemberChange::Clear { attribute } => check_text("members", attribute)?,
        }
    }
    Ok(())
}

/// Refuses text that a database does not take.
pub(crate) fn check_query(query: &Query) -> Result<()> {
    check_text("tenant", query.tenant.as_str())?;
    check_text("resourceType", &query.resource_type)?;
    if let Some(position) = &query.after {
        check_text("id", &position.id)?;
    }
    query.filter.as_ref().map_or(Ok(()), |filter| check_node(filter.root()))
}

/// As deep as a filter may be, which its parser bounds.
fn check_node(node: &Node) -> Result<()> {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().try_for_each(check_node),
        Node::Not(inner) | Node::Element { filter: inner, .. } => check_node(inner),
        Node::Compare { path, operand: Operand::Text { text, .. }, .. } => check_text(path.attribute.as_str(), text),
        Node::Compare { .. } | Node::Present(_) | Node::Constant(_) => Ok(()),
    }
}

/// Whether there can be a resource of this key.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn may_exist(key: &ResourceKey) -> bool {
    check_key(key).is_ok()
}

fn check_key(key: &ResourceKey) -> Result<()> {
    check_text("tenant", key.tenant.as_str())?;
    check_text("resourceType", &key.resource_type)?;
    check_text("id", &key.id)
}

fn check_unique(keys: &[UniqueKey]) -> Result<()> {
    keys.iter().try_for_each(|unique| {
        check_text("unique", &unique.attribute)?;
        check_text(&unique.attribute, &unique.key)
    })
}

fn check_resource(document: &Resource) -> Result<()> {
    check_complex(&mut Vec::new(), document.as_complex())
}

fn check_complex<'a>(path: &mut Vec<&'a str>, value: &'a ComplexValue) -> Result<()> {
    for (name, value) in value.iter() {
        path.push(name);
        if has_nul(name) {
            return Err(nul(path));
        }
        check_value(path, value)?;
        path.pop();
    }
    Ok(())
}

/// The path has one name for each level, so its length bounds the recursion; a list counts as a level too.
fn check_value<'a>(path: &mut Vec<&'a str>, value: &'a Value) -> Result<()> {
    if path.len() > MAX_DEPTH {
        return Err(StoreError::backend(format!("a document may hold values {MAX_DEPTH} levels deep, found more")));
    }
    match value {
        Value::String(text) if has_nul(text) => Err(nul(path)),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::List(values) => {
            path.push("");
            values.iter().try_for_each(|value| check_value(path, value))?;
            path.pop();
            Ok(())
        }
        Value::Complex(value) => check_complex(path, value),
    }
}

fn check_text(attribute: &str, text: &str) -> Result<()> {
    if has_nul(text) { Err(nul(&[attribute])) } else { Ok(()) }
}

fn has_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}

fn nul(path: &[&str]) -> StoreError {
    let names: Vec<&str> = path.iter().copied().filter(|name| !name.is_empty()).collect();
    StoreError::new(StoreErrorKind::NulCharacter { attribute: names.join(".").replace('\0', "\u{fffd}") })
}

/// The document as it is kept: without what the store or the server adds.
pub(crate) fn strip(document: &mut Resource) {
    document.remove("id");
    document.remove("meta");
}

/// Adds what a filter may ask for and the document leaves out: `id` and, of `meta`, `resourceType`, `created` and `lastModified`.
pub(crate) fn add_common(document: &mut Resource, id: &str, resource_type: &str, created_at: Timestamp, modified_at: Timestamp) {
    let meta: ComplexValue =
        [("resourceType", resource_type.to_owned()), ("created", created_at.to_string()), ("lastModified", modified_at.to_string())]
            .into_iter()
            .collect();
    document.insert("id", id);
    document.insert("meta", meta);
}

/// Takes the elements of the member attributes out of a document: one entry for each attribute, even if it has no elements.
/// Of elements with the same key, the last one stays in the place of the first.
pub(crate) fn take_members(document: &mut Resource, attributes: &[String]) -> Vec<(String, Vec<(String, Value)>)> {
    let mut taken: Vec<(String, Vec<(String, Value)>)> = Vec::new();
    for attribute in attributes {
        if taken.iter().any(|(other, _)| other.eq_ignore_ascii_case(attribute)) {
            continue;
        }
        let elements = match document.remove(attribute) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(elements)) => elements,
            Some(element) => vec![element],
        };
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        let mut members: Vec<(String, Value)> = Vec::with_capacity(elements.len());
        for element in elements.into_iter().filter(|element| !matches!(element, Value::Null)) {
            let key = member_key(&element);
            match places.get(&key).and_then(|place| members.get_mut(*place)) {
                Some(member) => member.1 = element,
                None => {
                    places.insert(key.clone(), members.len());
                    members.push((key, element));
                }
            }
        }
        taken.push((attribute.clone(), members));
    }
    taken
}

/// Under which key a member is kept apart from others: its `value`, or the whole element if it has none.
pub(crate) fn member_key(member: &Value) -> String {
    let value = member.as_complex().and_then(|member| member.get("value")).unwrap_or(member);
    match value {
        Value::String(text) => text.clone(),
        // Writing a value as JSON cannot fail: its names are text.
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// A change of members; the only kind of change that an update carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MemberChange<'a> {
    Add { attribute: &'a str, member: &'a Value },
    Remove { attribute: &'a str, value: &'a str },
    Clear { attribute: &'a str },
}

impl<'a> MemberChange<'a> {
    pub(crate) fn of(change: &'a scimkit_types::Change) -> Result<Self> {
        use scimkit_types::Change;
        match change {
            Change::AddMember { attribute, member } => Ok(Self::Add { attribute, member }),
            Change::RemoveMember { attribute, value } => Ok(Self::Remove { attribute, value }),
            Change::ClearMembers { attribute } => Ok(Self::Clear { attribute }),
            _ => Err(StoreError::backend("expected changes of members only, found a change of the document")),
        }
    }

    pub(crate) const fn attribute(&self) -> &'a str {
        match self {
            Self::Add { attribute, .. } | Self::Remove { attribute, .. } | Self::Clear { attribute } => attribute,
        }
    }
}
