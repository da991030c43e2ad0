//! Roles of an application in expressions and in requests.

use scimkit_mapping::{AppRole, Environment, EvaluationErrorKind, Expression, RoleForm, RoleFunction, SourceRecord};
use scimkit_types::OperationKind;
use serde_json::{Value, json};

#[track_caller]
fn sample(text: &str) -> Value {
    serde_json::from_str::<Value>(text).unwrap()
}

/// The request's body of a recorded sample.
fn body(sample: &Value) -> Value {
    sample.get("request").map_or_else(|| sample.clone(), |request| request["body"].clone())
}

fn role(id: &str, name: &str, display: &str) -> AppRole {
    AppRole::new(id, name, display)
}

#[test]
fn requests_are_shaped_as_recorded() {
    let post = |function: RoleFunction, roles: &[&AppRole]| serde_json::to_value(function.elements(roles, RoleForm::Entra)).unwrap();
    let patch = |function: RoleFunction, roles: &[&AppRole]| {
        let operation = function.operation(roles, RoleForm::Entra);
        let op = if operation.kind == OperationKind::Add { "add" } else { "replace" };
        json!({"op": op, "path": operation.path, "value": operation.value})
    };
    let recorded_operation = |text: &str| {
        let mut operation = body(&sample(text))["Operations"][0].clone();
        operation["op"] = json!(operation["op"].as_str().unwrap().to_lowercase());
        operation
    };
    let (user, test) = (role("1", "User", "User"), role("2", "Test", "Test"));
    let recorded = body(&sample(include_str!("../../../../testdata/entra/roles-assertive-post.json")));
    assert_eq!(post(RoleFunction::Assertive, &[&user, &test]), recorded["roles"]);
    let recorded = recorded_operation(include_str!("../../../../testdata/entra/roles-assertive-patch.json"));
    assert_eq!(patch(RoleFunction::Assertive, &[&user, &test]), recorded);

    let admin = role("06b07648-ecfe-589f-9d2f-6325724a46ee", "Admin", "Admin");
    let user = role("06b07648-ecfe-599f-9d2f-6325724a46ee", "User", "User");
    let recorded = body(&sample(include_str!("../../../../testdata/entra/roles-complex-post.json")));
    assert_eq!(post(RoleFunction::Complex, &[&admin, &user]), recorded["roles"]);
    let recorded = recorded_operation(include_str!("../../../../testdata/entra/roles-complex-patch.json"));
    assert_eq!(patch(RoleFunction::Complex, &[&admin, &user]), recorded);

    let recorded = body(&sample(include_str!("../../../../testdata/entra/roles-single-post.json")));
    assert_eq!(post(RoleFunction::Single, &[&admin, &user]), recorded["roles"]);
    let numbered = role("06b07648-ecfe-589f-9d2f-6325724a46ee", "25", "Role1234");
    let recorded = recorded_operation(include_str!("../../../../testdata/entra/roles-single-patch.json"));
    assert_eq!(patch(RoleFunction::Single, &[&numbered, &user]), recorded);
}

/// In the standard form a PATCH brings what a POST does.
#[test]
fn the_standard_form_is_the_same_in_both_requests() {
    let admin = role("1", "Admin", "Admin");
    for function in [RoleFunction::Single, RoleFunction::Complex, RoleFunction::Assertive] {
        let elements = function.elements(&[&admin], RoleForm::Standard);
        let operation = function.operation(&[&admin], RoleForm::Standard);
        assert_eq!(operation.value, Some(elements.into()));
    }
}

fn evaluate(roles: &[AppRole], assigned: &[&str]) -> Result<scimkit_mapping::Evaluation, EvaluationErrorKind> {
    let assigned: Vec<String> = assigned.iter().map(|id| (*id).to_owned()).collect();
    let mut environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
    (environment.app_roles, environment.assigned_roles) = (roles, &assigned);
    let expression = Expression::parse("SingleAppRoleAssignment([appRoleAssignments])").unwrap();
    expression.evaluate(&SourceRecord::new("1", "User"), &environment).map_err(|error| error.kind().clone())
}

#[test]
fn an_unknown_or_disabled_role_is_an_error_that_names_it() {
    let mut disabled = role("r2", "guest", "Guest");
    disabled.is_enabled = false;
    let roles = [role("r1", "admin", "Administrator"), disabled];
    assert_eq!(evaluate(&roles, &["r1"]), Ok(scimkit_mapping::Evaluation::Value("admin".into())));
    assert_eq!(evaluate(&roles, &["r1", "r7"]).unwrap_err().to_string(), "the application has no role `r7`");
    assert_eq!(evaluate(&roles, &["r2"]).unwrap_err().to_string(), "the role `guest` is disabled");
    let default_access = "00000000-0000-0000-0000-000000000000";
    assert_eq!(evaluate(&roles, &[default_access]), Ok(scimkit_mapping::Evaluation::Value(scimkit_types::Value::Null)));
}
