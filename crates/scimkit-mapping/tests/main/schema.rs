//! Synchronization schemas as documents.

use scimkit_mapping::{Expression, MappingSet, ObjectMapping, SynchronizationSchema, schema};
use scimkit_types::Catalog;

pub(crate) const RINGCENTRAL: &str = include_str!("../../../../testdata/mapping/ringcentral.json");
pub(crate) const GROUPS: &str = include_str!("../../../../testdata/mapping/groups.json");

/// Whether everything of the left document stands in the right one; null and an empty list may be missing.
#[track_caller]
fn covers(left: &serde_json::Value, right: &serde_json::Value, path: &str) {
    use serde_json::Value::{Array, Null, Object};
    match (left, right) {
        (Object(left), Object(right)) => {
            for (name, value) in left {
                covers(value, right.get(name).unwrap_or(&Null), &format!("{path}.{name}"));
            }
        }
        (Array(left), Array(right)) => {
            assert_eq!(left.len(), right.len(), "{path}");
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                covers(left, right, &format!("{path}[{index}]"));
            }
        }
        (left, right) => assert_eq!(left, right, "{path}"),
    }
}

#[test]
fn nothing_of_a_document_is_lost() {
    for text in [RINGCENTRAL, GROUPS] {
        let schema = SynchronizationSchema::from_json(text).unwrap();
        let written = schema.to_json();
        covers(&serde_json::from_str(text).unwrap(), &serde_json::from_str(&written).unwrap(), "");
        assert_eq!(SynchronizationSchema::from_json(&written).unwrap(), schema);
    }
}

#[test]
fn what_does_not_fit_is_named_with_its_place() {
    let text = "{\n \"synchronizationRules\": [{\"objectMappings\": [\n  {\"attributeMappings\": [{\"flowType\": \"Sometimes\"}]}]}]\n}";
    let error = SynchronizationSchema::from_json(text).unwrap_err();
    assert_eq!(error.path, "synchronizationRules[0].objectMappings[0].attributeMappings[0].flowType");
    assert_eq!(error.line, 3);
    assert!(error.message.contains("ObjectAddOnly"), "{error}");
    assert!(SynchronizationSchema::from_json("{} x").is_err());
    assert!(SynchronizationSchema::from_json("[").is_err());
}

#[test]
fn source_attributes_and_rules_are_found() {
    let schema = SynchronizationSchema::from_json(RINGCENTRAL).unwrap();
    let attributes = schema.source_attributes("example directory", "user").unwrap();
    assert!(attributes.contains(&"userPrincipalName"));
    assert_eq!(schema.source_attributes("RingCentral", "User"), None);
    assert_eq!(schema.rules()[0].name.as_deref(), Some("USER_OUTBOUND_USER"));
}

/// The expression that a source gives, as it shows in the trace of a compiled mapping.
#[track_caller]
fn source(json: &str, expected: &str) {
    let mut mapping = ObjectMapping::new("User", scimkit_types::schema::USER);
    let mut attribute = schema::AttributeMapping::new("displayName", "");
    attribute.source = Some(serde_json::from_str(json).unwrap());
    mapping.attribute_mappings.push(attribute);
    let catalog = Catalog::standard();
    let set = MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap();
    let record = scimkit_mapping::SourceRecord::new("1", "User");
    let environment = scimkit_mapping::Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
    assert_eq!(set.trace(&record, &environment, scimkit_mapping::Operation::Update)[0].source, expected);
    if !expected.is_empty() {
        assert_eq!(Expression::parse(expected).unwrap().to_string(), expected);
    }
}

#[test]
fn a_parameter_tree_comes_before_the_text() {
    source(r#"{"expression": "[mail]"}"#, "[mail]");
    source(r#"{"expression": "[x]", "name": "mail", "type": "Attribute"}"#, "[mail]");
    source(r#"{"expression": "\"a\"", "name": "a b", "type": "Constant"}"#, "\"a b\"");
    source(r#"{"expression": "\"a b\"", "type": "Constant"}"#, "\"a b\"");
    source(r#"{"type": "None"}"#, "");
    source(r#"{"expression": "Now()", "name": "Now", "type": "Function", "parameters": []}"#, "Now()");
    let part = |name: &str| format!(r#"{{"type": "Attribute", "name": "{name}"}}"#);
    source(
        &format!(
            r#"{{"type": "Function", "name": "Replace", "parameters": [{{"key": "source", "value": {}}},
                {{"key": "replacementValue", "value": {{"type": "Constant", "name": "_"}}}}, {{"key": "oldValue", "value": {}}}]}}"#,
            part("a"),
            part("b")
        ),
        "Replace([a], [b], , , \"_\")",
    );
    source(
        &format!(
            r#"{{"type": "Function", "name": "Join", "parameters": [{{"key": "separator", "value": {{"type": "Constant", "name": "-"}}}},
                {{"key": "source", "value": {}}}, {{"key": "source", "value": {}}}]}}"#,
            part("a"),
            part("b")
        ),
        "Join(\"-\", [a], [b])",
    );
    // A comparison has no form of its own in a tree.
    source(
        r#"{"expression": "IIF([a] = \"x\", [b], [c])", "type": "Function", "name": "IIF",
            "parameters": [{"key": "condition", "value": {"type": "Function", "name": "=", "expression": "[a] = \"x\""}}]}"#,
        "IIF([a] = \"x\", [b], [c])",
    );
}
