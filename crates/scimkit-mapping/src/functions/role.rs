//! Functions on the roles that an object is assigned to.

use scimkit_types::{ComplexValue, Value};

use super::Function;
use crate::environment::AppRole;
use crate::expression::{Call, Node, Outcome, Stop};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("AppRoleAssignmentsComplex", &["appRoleAssignments"], complex).list(),
    Function::new("AssertiveAppRoleAssignmentsComplex", &["appRoleAssignments"], complex).list(),
    Function::new("SingleAppRoleAssignment", &["appRoleAssignments"], single),
];

/// What the type of a role's element says.
const ROLE_TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// The roles that the object has and that can be assigned, in the order in which the application defines them.
fn roles<'a>(call: &'a Call<'_>) -> Result<impl Iterator<Item = &'a AppRole>, Stop> {
    match call.node(0) {
        Some(Node::Attribute { name, .. }) if name.eq_ignore_ascii_case("appRoleAssignments") => {}
        _ => return Err(call.expected(0, "`[appRoleAssignments]`")),
    }
    let environment = call.context.environment;
    Ok(environment.app_roles.iter().filter(|role| role.is_enabled && environment.assigned_roles.contains(&role.id)))
}

/// The name that the application knows a role by; a role without one, such as the default access, goes by its name for people.
fn name(role: &AppRole) -> &str {
    role.value.as_deref().filter(|value| !value.is_empty()).unwrap_or(&role.display_name)
}

/// The first role that the application defines.
fn single(call: &Call<'_>) -> Outcome {
    Ok(Value::from(roles(call)?.next().map(name)))
}

fn complex(call: &Call<'_>) -> Outcome {
    let elements = roles(call)?.map(|role| {
        let mut element = ComplexValue::new();
        element.insert("primary", false);
        element.insert("type", ROLE_TYPE);
        element.insert("display", role.display_name.as_str());
        element.insert("value", name(role));
        Value::Complex(element)
    });
    Ok(Value::List(elements.collect()))
}
