use super::*;
use crate::schema::{ENTERPRISE_USER, Schema, SchemaExtension, USER};

const USER_DOCUMENT: &str = r#"{"schemas": ["core", "ext"], "id": "1", "userName": "ola", "password": "p", "active": true,
    "name": {"familyName": "N", "givenName": "O"}, "emails": [{"value": "a", "type": "work"}, {"display": "b"}],
    "ext": {"department": "D", "manager": {"value": "m", "displayName": "M"}}, "meta": {"resourceType": "User", "location": "l"}}"#;

fn document(text: &str) -> Resource {
    serde_json::from_str(&text.replace("\"core\"", &format!("\"{USER}\"")).replace("\"ext\"", &format!("\"{ENTERPRISE_USER}\""))).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    let uri = |name: &str| {
        let rest = name.strip_prefix("ext:").map(|rest| format!("{ENTERPRISE_USER}:{rest}"));
        rest.or_else(|| name.strip_prefix("core:").map(|rest| format!("{USER}:{rest}"))).unwrap_or_else(|| name.to_owned())
    };
    names.iter().map(|names| names.split(' ').map(uri).collect::<Vec<_>>().join(" ")).collect()
}

/// Projects the user above; `expected` is what remains beside `schemas` and `id`.
#[track_caller]
fn check(attributes: &[&str], excluded: &[&str], expected: &str) {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").unwrap();
    let projection = Projection::new(&catalog, user_type, &names(attributes), &names(excluded)).unwrap();
    let projected = projection.apply(&catalog, user_type, document(USER_DOCUMENT));
    let comma = if expected.is_empty() { "" } else { "," };
    let expected = document(&format!(r#"{{"schemas": ["core", "ext"], "id": "1" {comma} {expected}}}"#));
    assert_eq!(serde_json::to_value(&projected).unwrap(), serde_json::to_value(&expected).unwrap());
    for (name, _) in projected.as_complex().iter() {
        assert!(projection.includes(name), "`{name}` was returned and is not included");
    }
}

/// R7643-7-10, R7643-7-11, R7643-7-08, R7643-4.1.1-09: without parameters everything that is returned by default, never a password.
#[test]
fn the_default_set_has_no_password() {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").unwrap();
    let mut expected = document(USER_DOCUMENT);
    expected.remove("password");
    assert_eq!(Projection::default().apply(&catalog, user_type, document(USER_DOCUMENT)), expected);
    check(&["password"], &[], "");
}

/// R7644-3.9-01, R7644-3.9-02, R7643-3.1-08, R7643-7-09: the named attributes, and what is always returned.
#[test]
fn attributes_select() {
    check(&["userName"], &[], r#""userName": "ola""#);
    check(&["USERNAME", "active"], &[], r#""userName": "ola", "active": true"#);
    check(&["name.familyName"], &[], r#""name": {"familyName": "N"}"#);
    check(&["emails.VALUE"], &[], r#""emails": [{"value": "a"}]"#);
    check(&["emails.value", "emails"], &[], r#""emails": [{"value": "a", "type": "work"}, {"display": "b"}]"#);
}

/// R7644-3.9-05, R7644-3.9-06: commas and blanks, URIs of schemas, complex attributes as a whole; what is unknown is ignored.
#[test]
fn names_are_in_the_standard_notation() {
    check(&["userName, core:active"], &[], r#""userName": "ola", "active": true"#);
    check(&["name"], &[], r#""name": {"familyName": "N", "givenName": "O"}"#);
    check(&["ext:department"], &[], r#""ext": {"department": "D"}"#);
    check(&["ext:manager.displayName"], &[], r#""ext": {"manager": {"displayName": "M"}}"#);
    check(&[ENTERPRISE_USER], &[], r#""ext": {"department": "D", "manager": {"value": "m", "displayName": "M"}}"#);
    check(&["shoeSize", "urn:example:Other:size", "department"], &[], "");
}

/// R7644-3.9-03: the default set without the named attributes; a sub-attribute leaves its siblings.
#[test]
fn excluded_attributes_are_left_out() {
    let rest = r#""userName": "ola", "active": true, "name": {"givenName": "O"}, "meta": {"location": "l"}"#;
    check(&[], &["name.familyName", "emails", "meta.resourceType", ENTERPRISE_USER], rest);
    let rest = r#""userName": "ola", "ext": {"manager": {"value": "m", "displayName": "M"}}"#;
    check(&[], &["ID", "schemas", "active", "name", "EMAILS", "meta", "ext:department"], rest);
    check(&[], &[USER], r#""ext": {"department": "D", "manager": {"value": "m", "displayName": "M"}}"#);
}

/// R7644-3.9-04, AMB-21: both parameters, or what is no name, are an error.
#[test]
fn faulty_choices_are_refused() {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").unwrap();
    let new = |attributes: &[&str], excluded: &[&str]| Projection::new(&catalog, user_type, &names(attributes), &names(excluded));
    assert_eq!(new(&["a"], &["b"]), Err(ProjectionError::Both));
    assert_eq!(new(&["", " "], &["b"]).map(|projection| projection.includes("b")), Ok(false));
    for name in ["emails[type eq \"work\"]", "a.b.c", "1a", "a b", "urn:x:y z"] {
        assert_eq!(new(&[name], &[]), Err(ProjectionError::Name { found: name.to_owned() }));
    }
    assert!(matches!(new(&["a,".repeat(MAX_NAMES + 1).as_str()], &[]), Err(ProjectionError::TooMany { .. })));
}

#[test]
fn includes_tells_what_need_not_be_loaded() {
    let catalog = Catalog::standard();
    let group_type = catalog.resource_type("Group").unwrap();
    let includes = |attributes: &[&str], excluded: &[&str]| {
        Projection::new(&catalog, group_type, &names(attributes), &names(excluded)).unwrap().includes("Members")
    };
    assert!(includes(&[], &[]));
    assert!(includes(&["members.value"], &[]));
    assert!(!includes(&["displayName"], &[]));
    assert!(!includes(&[], &["members"]));
    assert!(includes(&[], &["members.display"]));
    let user_type = catalog.resource_type("User").unwrap();
    assert!(!Projection::new(&catalog, user_type, &[], &[]).unwrap().includes("password"));
}

fn custom() -> Catalog {
    let base: Schema = serde_json::from_str(
        r#"{"id": "urn:example:D", "attributes": [
            {"name": "serial", "returned": "always"}, {"name": "secret", "returned": "never"}, {"name": "log", "returned": "request"},
            {"name": "part", "type": "complex", "subAttributes": [
                {"name": "key", "returned": "always"}, {"name": "label"}, {"name": "trace", "returned": "request"}, {"name": "pin", "returned": "never"}]}]}"#,
    )
    .unwrap();
    let extension = serde_json::from_str(r#"{"id": "urn:example:E", "attributes": [{"name": "serial", "returned": "always"}]}"#).unwrap();
    let mut type_ = ResourceType::new("D", "/Ds", "urn:example:D".parse().unwrap());
    type_.schema_extensions.push(SchemaExtension::new("urn:example:E".parse().unwrap(), false));
    Catalog::new(vec![base, extension], vec![type_]).unwrap()
}

#[track_caller]
fn check_custom(attributes: &[&str], excluded: &[&str], written: &[&str], expected: &str) {
    let catalog = custom();
    let type_ = catalog.resource_type("D").unwrap();
    let device = document(
        r#"{"serial": "s", "secret": "x", "log": "l", "part": {"key": "k", "label": "b", "trace": "t", "pin": "p"}, "urn:example:E": {"serial": "e"}}"#,
    );
    let projection = Projection::new(&catalog, type_, &names(attributes), &names(excluded)).unwrap();
    let projection = projection.with_written(&catalog, type_, written.iter().copied());
    let projected = projection.apply(&catalog, type_, device);
    assert_eq!(projected, document(expected));
    for (name, _) in projected.as_complex().iter() {
        assert!(projection.includes(name), "`{name}` was returned and is not included");
    }
}

/// R7643-7-09, R7643-7-10, R7643-7-11, R7643-7-12, AMB-44: every characteristic, with and without the parameters.
#[test]
fn returned_decides() {
    let always = r#""serial": "s", "urn:example:E": {"serial": "e"}"#;
    check_custom(&[], &[], &[], &format!(r#"{{{always}, "part": {{"key": "k", "label": "b"}}}}"#));
    check_custom(&["log", "secret"], &[], &[], &format!(r#"{{{always}, "log": "l", "part": {{"key": "k"}}}}"#));
    check_custom(&["part"], &[], &[], &format!(r#"{{{always}, "part": {{"key": "k", "label": "b"}}}}"#));
    check_custom(&["part.trace", "part.pin"], &[], &[], &format!(r#"{{{always}, "part": {{"key": "k", "trace": "t"}}}}"#));
    check_custom(&[], &["serial", "part", "urn:example:E"], &[], &format!(r#"{{{always}, "part": {{"key": "k"}}}}"#));
    check_custom(
        &[],
        &[],
        &["log", "part.trace"],
        &format!(r#"{{{always}, "log": "l", "part": {{"key": "k", "label": "b", "trace": "t"}}}}"#),
    );
}
