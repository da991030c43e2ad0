//! The bodies that Okta sends.

use scimkit_types::{ComplexValue, Value, schema};

use super::super::attributes::Attributes;
use super::super::connection::{object, patch_body, schemas};

/// A user as it is created: with an empty list of groups and a password that means nothing.
pub(crate) fn new_user(source_id: &str, attributes: &Attributes, password: String) -> ComplexValue {
    let mut user = object([
        ("schemas", schemas(std::iter::once(schema::USER).chain(attributes.extensions()))),
        ("externalId", Value::from(source_id)),
        ("groups", Value::List(Vec::new())),
        ("password", Value::from(password)),
        ("active", Value::from(true)),
    ]);
    attributes.write_to(&mut user);
    user
}

/// The operation without path by which accounts are switched on and off.
pub(crate) fn activation(is_active: bool) -> ComplexValue {
    replacement(object([("active", Value::from(is_active))]))
}

/// The operation without path by which groups are named, which repeats the id.
pub(crate) fn naming(id: &str, name: &str) -> ComplexValue {
    replacement(object([("id", Value::from(id)), ("displayName", Value::from(name))]))
}

fn replacement(value: ComplexValue) -> ComplexValue {
    patch_body(vec![object([("op", Value::from("replace")), ("value", Value::Complex(value))])])
}

/// A member: the id and the name of the account.
pub(crate) type Member = (String, String);

fn elements(members: &[Member]) -> Value {
    let element =
        |(id, name): &Member| Value::Complex(object([("value", Value::from(id.as_str())), ("display", Value::from(name.as_str()))]));
    Value::List(members.iter().map(element).collect())
}

/// A group as a whole: created without members, replaced with all of them.
pub(crate) fn group(name: &str, members: &[Member]) -> ComplexValue {
    object([("schemas", schemas([schema::GROUP])), ("displayName", Value::from(name)), ("members", elements(members))])
}

/// A removal for each member that goes, then one addition of all that come.
pub(crate) fn membership(removed: &[Member], added: &[Member]) -> ComplexValue {
    let removal = |(id, _): &Member| {
        let path = format!("members[value eq \"{}\"]", id.replace('\\', "\\\\").replace('"', "\\\""));
        object([("op", Value::from("remove")), ("path", Value::from(path))])
    };
    let mut operations: Vec<ComplexValue> = removed.iter().map(removal).collect();
    if !added.is_empty() {
        operations.push(object([("op", Value::from("add")), ("path", Value::from("members")), ("value", elements(added))]));
    }
    patch_body(operations)
}

/// The full list of members in place of what there is.
pub(crate) fn all_members(members: &[Member]) -> ComplexValue {
    patch_body(vec![object([("op", Value::from("replace")), ("path", Value::from("members")), ("value", elements(members))])])
}
