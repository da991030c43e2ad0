//! Which values flow to an object that the target has.

use scimkit_mapping::{AttributeMapping, Environment, FlowType, MappingSet, NullPolicy, ObjectMapping, Operation, SourceRecord};
use scimkit_types::{Catalog, Resource, schema};
use serde_json::{Value, json};

fn compile(mappings: Vec<AttributeMapping>) -> MappingSet {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = mappings;
    let catalog = Catalog::standard();
    MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap()
}

fn record(attributes: Value) -> SourceRecord {
    let mut record = SourceRecord::new("u1", "User");
    record.attributes = serde_json::from_value(attributes).unwrap();
    record
}

fn resource(value: Value) -> Resource {
    let mut resource: Resource = serde_json::from_value(value).unwrap();
    resource.set_schemas([schema::USER]);
    resource
}

fn environment() -> Environment<'static> {
    Environment::new("2026-03-01T08:00:00Z".parse().unwrap())
}

/// What a user that has `current` is to have when the mapping of this flow type gives the values.
#[track_caller]
fn check(flow_type: FlowType, target: &str, current: &Value, source: &Value, expected: &Value) {
    let mapping = AttributeMapping::new(target, "[a]").with_flow_type(flow_type).with_null_policy(NullPolicy::Clear);
    let set = compile(vec![mapping]);
    assert_eq!(set.flow_type(target), Some(flow_type));
    for operation in [Operation::Update, Operation::Create] {
        let source = record(source.clone());
        // A new object clears nothing.
        if operation == Operation::Create && source.attributes.is_empty() {
            continue;
        }
        let desired = set.evaluate(&source, &environment(), operation).unwrap();
        assert_eq!(set.expected(&resource(current.clone()), &desired), resource(expected.clone()), "{flow_type:?} {operation:?}");
    }
}

#[test]
fn one_value_flows_by_type() {
    let check = |flow_type, current: &Value, source: &Value, expected: &Value| check(flow_type, "title", current, source, expected);
    let (old, new, none) = (json!({"title": "old"}), json!({"title": "new"}), json!({}));
    let source = json!({"a": "new"});
    for flow_type in [FlowType::Always, FlowType::MultiValueAddOnly] {
        check(flow_type, &old, &source, &new);
        check(flow_type, &none, &source, &new);
        check(flow_type, &old, &none, &none);
    }
    check(FlowType::ValueAddOnly, &old, &source, &new);
    check(FlowType::ValueAddOnly, &old, &none, &old);
    check(FlowType::AttributeAddOnly, &old, &source, &old);
    check(FlowType::AttributeAddOnly, &none, &source, &new);
    check(FlowType::AttributeAddOnly, &old, &none, &old);
    check(FlowType::ObjectAddOnly, &old, &source, &old);
    check(FlowType::ObjectAddOnly, &none, &source, &none);
    check(FlowType::ObjectAddOnly, &old, &none, &old);
}

#[test]
fn a_list_flows_by_type() {
    let emails = |values: &[&str]| {
        let element = |value: &&str| json!({"type": "other", "value": value});
        if values.is_empty() { json!({}) } else { json!({"emails": values.iter().map(element).collect::<Vec<_>>()}) }
    };
    let check = |flow_type, current: &[&str], source: &[&str], expected: &[&str]| {
        let source = if source.is_empty() { json!({}) } else { json!({"a": source}) };
        check(flow_type, "emails[type eq \"other\"].value", &emails(current), &source, &emails(expected));
    };
    check(FlowType::Always, &["a", "b"], &["b", "c"], &["b", "c"]);
    check(FlowType::Always, &["a"], &[], &[]);
    for flow_type in [FlowType::MultiValueAddOnly, FlowType::ValueAddOnly] {
        check(flow_type, &["a", "b"], &["b", "c"], &["a", "b", "c"]);
        check(flow_type, &[], &["b"], &["b"]);
        check(flow_type, &["a"], &[], &["a"]);
    }
    check(FlowType::AttributeAddOnly, &["a"], &["b"], &["a"]);
    check(FlowType::AttributeAddOnly, &[], &["b"], &["b"]);
    check(FlowType::ObjectAddOnly, &["a"], &["b"], &["a"]);
}

#[test]
fn a_default_is_for_new_objects_and_a_mapping_without_source_fills_what_is_empty() {
    let mut without_source = AttributeMapping::new("locale", "").with_default("nb-NO");
    without_source.source = None;
    let set = compile(vec![AttributeMapping::new("title", "[a]").with_default("none"), without_source]);
    let desired = set.evaluate(&record(json!({})), &environment(), Operation::Create).unwrap();
    assert_eq!(desired.defaulted, ["title", "locale"]);
    assert_eq!(desired.resource, resource(json!({"title": "none", "locale": "nb-NO"})));
    let expected = |current: Value| set.expected(&resource(current), &desired);
    assert_eq!(expected(json!({})), resource(json!({"locale": "nb-NO"})));
    assert_eq!(expected(json!({"title": "old", "locale": "sv-SE"})), resource(json!({"title": "old", "locale": "sv-SE"})));
    let update = set.evaluate(&record(json!({})), &environment(), Operation::Update).unwrap();
    assert!(update.defaulted.is_empty());
    assert_eq!(set.expected(&resource(json!({})), &update), resource(json!({})));
}

#[test]
fn a_reference_carries_its_flow_type() {
    const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    let set = compile(vec![AttributeMapping::new(MANAGER, "[manager]").with_flow_type(FlowType::ObjectAddOnly)]);
    let mut record = record(json!({}));
    record.references.insert("manager".to_owned(), vec!["u9".to_owned()]);
    let desired = set.evaluate(&record, &environment(), Operation::Update).unwrap();
    let flow_type = desired.references[0].flow_type;
    let same = |left: &&str, right: &&str| left == right;
    assert_eq!(flow_type.merge(&["t1"], &["t9"], false, same), None);
    assert_eq!(flow_type.merge(&[], &["t9"], false, same), Some(vec!["t9"]));
}

/// `AppRoleAssignmentsComplex` never takes a role away, `AssertiveAppRoleAssignmentsComplex` does.
#[test]
fn roles_are_added_or_replaced_by_their_function() {
    let roles = [scimkit_mapping::AppRole::new("r1", "admin", "Administrator")];
    let assigned = ["r1".to_owned()];
    let mut environment = environment();
    (environment.app_roles, environment.assigned_roles) = (&roles, &assigned);
    let values = |function: &str, current: Value| {
        let set = compile(vec![AttributeMapping::new("roles", format!("{function}([appRoleAssignments])"))]);
        let desired = set.evaluate(&record(json!({})), &environment, Operation::Update).unwrap();
        let expected = serde_json::to_value(set.expected(&resource(json!({"roles": current})), &desired)).unwrap();
        expected["roles"].as_array().unwrap().iter().map(|role| role["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let current = json!([{"value": "old"}, {"value": "admin", "display": "Admin"}]);
    assert_eq!(values("AppRoleAssignmentsComplex", current.clone()), ["old", "admin"]);
    assert_eq!(values("AssertiveAppRoleAssignmentsComplex", current), ["admin"]);
}
