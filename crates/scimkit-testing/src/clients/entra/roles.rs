//! App roles on the wire.

use scimkit_types::{ComplexValue, Value};

use super::super::connection::{object, patch_body};
use super::requests::{Kind, Spelling};

/// Which of the three functions maps app roles to `roles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoleMapping {
    /// `SingleAppRoleAssignment`: one role, the primary one.
    Single,
    /// `AppRoleAssignmentsComplex`: all of them; never takes one away.
    Complex,
    /// `AssertiveAppRoleAssignmentsComplex`: all of them and no others.
    Assertive,
}

/// A role of the application that somebody is assigned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AppRole {
    /// Its id.
    pub id: String,
    /// Its value, which applications look at.
    pub value: String,
    /// The name that people see.
    pub display_name: String,
}

impl AppRole {
    /// A role.
    pub fn new(id: impl Into<String>, value: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self { id: id.into(), value: value.into(), display_name: display_name.into() }
    }
}

impl RoleMapping {
    /// The value of `roles` of a user who is created with these roles. Of several roles, a single one is the first.
    pub fn created(self, roles: &[AppRole]) -> Value {
        let kind = || Value::from("WindowsAzureActiveDirectoryRole");
        let element = |role: &AppRole| match self {
            Self::Single => object([("primary", Value::from(true)), ("type", kind()), ("value", Value::from(role.value.as_str()))]),
            Self::Complex => named(role, "displayName", kind()),
            Self::Assertive => named(role, "display", kind()),
        };
        Value::List(self.of(roles).iter().map(|role| Value::Complex(element(role))).collect())
    }

    /// The PATCH that gives these roles to a user.
    pub(crate) fn patch(self, roles: &[AppRole], spelling: Spelling) -> ComplexValue {
        let operation = match (self, spelling) {
            (Self::Assertive, _) => spelling.operation(Kind::Replace, "roles", self.created(roles)),
            (_, Spelling::Optscim) => spelling.operation(Kind::Add, "roles", self.created(roles)),
            (_, Spelling::Classic) => {
                let elements = self.of(roles).iter().map(|role| Value::Complex(object([("value", Value::from(text(role)))])));
                spelling.operation(Kind::Add, "roles", Value::List(elements.collect()))
            }
        };
        patch_body(vec![operation])
    }

    fn of(self, roles: &[AppRole]) -> &[AppRole] {
        let count = if self == Self::Single { roles.len().min(1) } else { roles.len() };
        roles.get(..count).unwrap_or_default()
    }
}

fn named(role: &AppRole, name: &'static str, kind: Value) -> ComplexValue {
    object([
        ("primary", Value::from(false)),
        ("type", kind),
        (name, Value::from(role.display_name.as_str())),
        ("value", Value::from(role.value.as_str())),
    ])
}

/// A role as JSON text, which is what the functions give where they do not give a complex value.
fn text(role: &AppRole) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(r#"{{"id":{},"value":{},"displayName":{}}}"#, quoted(&role.id), quoted(&role.value), quoted(&role.display_name))
}
