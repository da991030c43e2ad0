//! Functions on the roles that an object is assigned to.

use scimkit_types::Value;

use super::{Function, Gives};
use crate::environment::AppRole;
use crate::expression::{Call, EvaluationErrorKind, Node, Outcome, Stop, owned};
use crate::role::{self, RoleForm, RoleFunction};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("AppRoleAssignmentsComplex", &["appRoleAssignments"], |call| elements(call, RoleFunction::Complex)).gives(Gives::Complex),
    Function::new("AssertiveAppRoleAssignmentsComplex", &["appRoleAssignments"], |call| elements(call, RoleFunction::Assertive))
        .gives(Gives::Complex),
    Function::new("SingleAppRoleAssignment", &["appRoleAssignments"], single),
];

/// The roles that the object has, in the order in which the application defines them.
fn roles(call: Call<'_>) -> Result<Vec<&AppRole>, Stop> {
    match call.node(0) {
        Some(Node::Attribute { name, .. }) if name.eq_ignore_ascii_case("appRoleAssignments") => {}
        _ => return Err(call.expected(0, "`[appRoleAssignments]`")),
    }
    let environment = call.context.environment;
    for id in environment.assigned_roles.iter().filter(|id| !role::is_default_access(id)) {
        match environment.app_roles.iter().find(|role| role.id.eq_ignore_ascii_case(id)) {
            None => return Err(EvaluationErrorKind::UnknownRole { id: id.clone() }.into()),
            Some(role) if !role.is_enabled => {
                return Err(EvaluationErrorKind::DisabledRole { name: role.name().to_owned() }.into());
            }
            Some(_) => {}
        }
    }
    let is_assigned = |role: &&AppRole| environment.assigned_roles.iter().any(|id| id.eq_ignore_ascii_case(&role.id));
    Ok(environment.app_roles.iter().filter(is_assigned).collect())
}

/// What the target's sub-attribute says of the first role that the application defines; its value unless `display` or `type` is asked for.
fn single(call: Call<'_>) -> Outcome<'_> {
    let roles = roles(call)?;
    let sub_attribute = call.context.target.and_then(|target| target.rsplit_once("].")).map(|(_, name)| name);
    owned(roles.first().map(|role| match sub_attribute {
        Some(name) if name.eq_ignore_ascii_case("display") || name.eq_ignore_ascii_case("displayName") => role.display_name.as_str(),
        Some(name) if name.eq_ignore_ascii_case("type") => role::ROLE_TYPE,
        _ => role.name(),
    }))
}

fn elements(call: Call<'_>, function: RoleFunction) -> Outcome<'_> {
    owned(Value::List(function.elements(&roles(call)?, RoleForm::Standard)))
}
