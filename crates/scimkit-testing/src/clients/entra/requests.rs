//! The bodies that Microsoft Entra ID sends.

use scimkit_types::{ComplexValue, Value, schema};

use super::super::attributes::{Attributes, is_filtered};
use super::super::connection::{object, patch_body, schemas};

/// What a group is created with besides the standard's URI.
const GROUP_SCHEMA: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";

/// How operations are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Without `aadOptscim062020`: capitalized, booleans as text, an operation for each attribute.
    Classic,
    /// With it: lower case, JSON's booleans, one operation without path for what has no filter.
    Optscim,
}

/// Whether the service has a value at the path already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Add,
    Replace,
    Remove,
}

impl Spelling {
    pub(crate) const fn word(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Classic, Kind::Add) => "Add",
            (Self::Classic, Kind::Replace) => "Replace",
            (Self::Classic, Kind::Remove) => "Remove",
            (Self::Optscim, Kind::Add) => "add",
            (Self::Optscim, Kind::Replace) => "replace",
            (Self::Optscim, Kind::Remove) => "remove",
        }
    }

    pub(crate) fn operation(self, kind: Kind, path: &str, value: Value) -> ComplexValue {
        object([("op", Value::from(self.word(kind))), ("path", Value::from(path)), ("value", self.spelled(value))])
    }

    fn spelled(self, value: Value) -> Value {
        match (self, value) {
            (Self::Classic, Value::Boolean(true)) => Value::from("True"),
            (Self::Classic, Value::Boolean(false)) => Value::from("False"),
            (_, value) => value,
        }
    }

    /// A PATCH of these attributes.
    pub(crate) fn patch(self, attributes: &Attributes, kind: impl Fn(&str) -> Kind) -> ComplexValue {
        let operation = |(path, value): (&str, &Value)| self.operation(kind(path), path, value.clone());
        if self == Self::Classic {
            return patch_body(attributes.iter().map(operation).collect());
        }
        let (filtered, plain): (Vec<_>, Vec<_>) = attributes.iter().partition(|(path, _)| is_filtered(path));
        let mut operations: Vec<ComplexValue> = filtered.into_iter().map(operation).collect();
        for wanted in [Kind::Add, Kind::Replace] {
            let of_kind: Vec<(&str, &Value)> = plain.iter().copied().filter(|(path, _)| kind(path) == wanted).collect();
            match of_kind.as_slice() {
                [] => {}
                [single] => operations.push(operation(*single)),
                several => {
                    let value: ComplexValue = several.iter().map(|(path, value)| (*path, (*value).clone())).collect();
                    operations.push(object([("op", Value::from(self.word(wanted))), ("value", Value::Complex(value))]));
                }
            }
        }
        patch_body(operations)
    }

    /// The addition of members.
    pub(crate) fn add_members(self, ids: &[String]) -> ComplexValue {
        patch_body(vec![self.operation(Kind::Add, "members", references(ids))])
    }

    /// The removal of members: by a list of values, or by a filter for each.
    pub(crate) fn remove_members(self, ids: &[String]) -> ComplexValue {
        match self {
            Self::Classic => patch_body(vec![self.operation(Kind::Remove, "members", references(ids))]),
            Self::Optscim => {
                let operation = |id: &String| {
                    let path = format!("members[value eq \"{}\"]", id.replace('\\', "\\\\").replace('"', "\\\""));
                    object([("op", Value::from("remove")), ("path", Value::from(path))])
                };
                patch_body(ids.iter().map(operation).collect())
            }
        }
    }
}

fn references(ids: &[String]) -> Value {
    let reference = |id: &String| Value::Complex(object([("$ref", Value::Null), ("value", Value::from(id.as_str()))]));
    Value::List(ids.iter().map(reference).collect())
}

/// A user as it is created: both schemas always, `meta` with the resource type, and a list of roles even if it is empty.
pub(crate) fn new_user(source_id: &str, attributes: &Attributes) -> ComplexValue {
    let mut user = object([
        ("schemas", schemas([schema::USER, schema::ENTERPRISE_USER])),
        ("externalId", Value::from(source_id)),
        ("meta", Value::Complex(object([("resourceType", Value::from("User"))]))),
        ("roles", Value::List(Vec::new())),
    ]);
    attributes.write_to(&mut user);
    user
}

/// A group as it is created: never with members.
pub(crate) fn new_group(source_id: &str, attributes: &Attributes) -> ComplexValue {
    let mut group = object([
        ("schemas", schemas([schema::GROUP, GROUP_SCHEMA])),
        ("externalId", Value::from(source_id)),
        ("meta", Value::Complex(object([("resourceType", Value::from("Group"))]))),
    ]);
    attributes.write_to(&mut group);
    group
}
