//! How the roles of an object are written into requests.

use scimkit_types::{ComplexValue, OperationKind, PatchOperation, Value};

use crate::environment::AppRole;

/// What the type of a role's element says.
pub(crate) const ROLE_TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// Whether an assignment is one without a role.
pub(crate) fn is_default_access(id: &str) -> bool {
    id == "00000000-0000-0000-0000-000000000000"
}

impl AppRole {
    /// The name that the application knows the role by; a role without one goes by its name for people.
    pub fn name(&self) -> &str {
        self.value.as_deref().filter(|value| !value.is_empty()).unwrap_or(&self.display_name)
    }
}

/// A function of the expression language that gives roles, by what it means for requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the language has these three")]
pub enum RoleFunction {
    /// `SingleAppRoleAssignment`: one role, the primary one.
    Single,
    /// `AppRoleAssignmentsComplex`: all roles; roles that ended stay in the target.
    Complex,
    /// `AssertiveAppRoleAssignmentsComplex`: all roles and no others.
    Assertive,
}

/// How roles stand in requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoleForm {
    /// As RFC 7643 section 4.1.2 has them; POST and PATCH are alike.
    #[default]
    Standard,
    /// As Microsoft Entra sends them unless its flag `aadOptscim062020` is set: POST may say `displayName`, PATCH has JSON documents in
    /// strings.
    Entra,
}

impl RoleFunction {
    /// The elements of `roles` in the body of a POST.
    ///
    /// ```
    /// use scimkit_mapping::{AppRole, RoleForm, RoleFunction};
    ///
    /// let admin = AppRole::new("1", "admin", "Administrator");
    /// let elements = RoleFunction::Assertive.elements(&[&admin], RoleForm::Standard);
    /// assert_eq!(
    ///     serde_json::to_value(&elements)?,
    ///     serde_json::json!([
    ///         {"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": "Administrator", "value": "admin"}
    ///     ])
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn elements(self, roles: &[&AppRole], form: RoleForm) -> Vec<Value> {
        let count = if self == Self::Single { 1 } else { roles.len() };
        let element = |role: &&AppRole| {
            let mut element = ComplexValue::new();
            element.insert("primary", self == Self::Single);
            element.insert("type", ROLE_TYPE);
            match (self, form) {
                (Self::Single, _) => None,
                (Self::Complex, RoleForm::Entra) => element.insert("displayName", role.display_name.as_str()),
                _ => element.insert("display", role.display_name.as_str()),
            };
            element.insert("value", role.name());
            Value::Complex(element)
        };
        roles.iter().take(count).map(element).collect()
    }

    /// The operation of a PATCH that brings the roles.
    pub fn operation(self, roles: &[&AppRole], form: RoleForm) -> PatchOperation {
        let kind = if self == Self::Assertive { OperationKind::Replace } else { OperationKind::Add };
        let value = match (self, form) {
            (Self::Single | Self::Complex, RoleForm::Entra) => {
                let count = if self == Self::Single { 1 } else { roles.len() };
                roles.iter().take(count).map(|role| document(role)).collect()
            }
            _ => self.elements(roles, form),
        };
        PatchOperation::new(kind, Some("roles".to_owned()), Some(Value::List(value)))
    }
}

/// An element whose value is a JSON document in a string.
fn document(role: &AppRole) -> Value {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let document = format!(r#"{{"id":{},"value":{},"displayName":{}}}"#, text(&role.id), text(role.name()), text(&role.display_name));
    Value::Complex(std::iter::once(("value", Value::from(document))).collect())
}
