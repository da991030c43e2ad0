//! Documents that are read and written: nothing is lost, and nothing added.

use proptest::prelude::*;
use scimkit_mapping::{
    AttributeDefinition, AttributeMapping, Environment, ExpressionOptions, MappedObject, MappingFile, ObjectMapping,
    ParseExpressionRequest, SourceRecord, SynchronizationSchema, parse_expression, schema,
};
use scimkit_types::Catalog;
use serde_json::{Value, json};

use super::schema::{GROUPS, RINGCENTRAL};

const RECORDED: &str = include_str!("../../../../testdata/mapping/graph-schema-rule.json");

#[test]
fn a_document_that_is_not_changed_keeps_its_text() {
    for text in [RECORDED, RINGCENTRAL, GROUPS, "{}", " {\"directories\": null, \"\\u0078\": 1.0, \"id\":null} "] {
        assert_eq!(SynchronizationSchema::from_json(text).unwrap().to_json(), text);
    }
}

/// The members of the document, without white space between them.
fn compact(text: &str) -> String {
    let mut is_text = false;
    let mut is_escaped = false;
    let keep = |c: &char| {
        if is_text {
            is_text = *c != '"' || is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            return true;
        }
        is_text = *c == '"';
        !c.is_whitespace()
    };
    text.chars().filter(keep).collect()
}

#[test]
fn a_change_leaves_the_rest_as_it_stands() {
    for text in [RECORDED, RINGCENTRAL, GROUPS] {
        let mut schema = SynchronizationSchema::from_json(text).unwrap();
        let id = schema.id.clone().unwrap();
        schema.id = Some("another".to_owned());
        let expected = compact(text).replacen(&format!("\"id\":\"{id}\""), "\"id\":\"another\"", 1);
        assert_eq!(compact(&schema.to_json()), expected);
        schema.id = Some(id);
        assert_eq!(schema.to_json(), text);
    }
}

#[test]
fn a_mapping_that_is_added_or_removed_stands_alone() {
    let mut schema = SynchronizationSchema::from_json(RECORDED).unwrap();
    let mappings = &mut schema.synchronization_rules[0].object_mappings[0].attribute_mappings;
    mappings.insert(0, AttributeMapping::new("displayName", "[displayName]").matching(1));
    let text = schema.to_json();
    let again = SynchronizationSchema::from_json(&text).unwrap();
    assert_eq!(again, schema);
    assert!(!compact(&text).contains("\"directories\""), "{text}");
    let mut again = again;
    again.synchronization_rules[0].object_mappings[0].attribute_mappings.remove(0);
    assert_eq!(compact(&again.to_json()), compact(RECORDED));
}

/// JSON that means nothing here.
fn unknown() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

/// Visits every object of a document.
fn objects(value: &mut Value, visit: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(|member| objects(member, visit));
            visit(members);
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| objects(element, visit)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Unknown members at every level, members that are null and members that are missing come back as they were, also when something
    /// else is changed.
    #[test]
    fn import_and_export_lose_nothing(
        additions in proptest::collection::vec(("x-[a-zå]{1,4}", unknown()), 60), choice in proptest::collection::vec(0_u8..8, 60),
        is_pretty in any::<bool>(),
    ) {
        let mut document: Value = serde_json::from_str(RINGCENTRAL).unwrap();
        let mut number = 0;
        objects(&mut document, &mut |members| {
            let ((name, value), choice) = (&additions[number % additions.len()], choice[number % choice.len()]);
            number += 1;
            match choice {
                0..4 => {
                    members.insert(name.clone(), value.clone());
                }
                4 => members.retain(|_, value| !value.is_null() && *value != json!([])),
                5 => {
                    for optional in ["defaultValue", "scope", "metadata", "parameters"] {
                        if members.contains_key("source") || members.contains_key("attributeMappings") {
                            members.entry(optional).or_insert(Value::Null);
                        }
                    }
                }
                _ => {}
            }
        });
        let text = if is_pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        let mut schema = SynchronizationSchema::from_json(&text).unwrap();
        prop_assert_eq!(schema.to_json(), text);
        schema.version = Some("another".to_owned());
        document["version"] = json!("another");
        prop_assert_eq!(serde_json::from_str::<Value>(&schema.to_json()).unwrap(), document);
    }

    /// A source that is written as a tree is read as the same expression.
    #[test]
    fn a_tree_stands_for_the_expression(name in "[a-z]{1,3}", text in "[ -~]{0,5}", count in -9_i64..9) {
        let quoted = serde_json::to_string(&text).unwrap();
        for expression in [
            format!("Join({quoted}, [{name}], Left([{name}], {count}))"), format!("IIF([{name}] = {quoted}, Now(), [{name}])"),
            format!("Switch([{name}], , {quoted}, IgnoreAttributeFlow)"), format!("{quoted} & [{name}]"), format!("Trim({quoted})"),
        ] {
            let parsed = scimkit_mapping::Expression::parse(&expression).unwrap();
            let source: schema::MappingSource = serde_json::from_value(serde_json::to_value(parsed.to_source()).unwrap()).unwrap();
            prop_assert_eq!(&source.expression, &Some(parsed.to_string()));
            let mut record = SourceRecord::new("1", "User");
            record.attributes.insert(name.as_str(), text.as_str());
            let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
            let mut mapping = ObjectMapping::new("User", scimkit_types::schema::USER);
            let mut attribute = AttributeMapping::new("displayName", "");
            attribute.source = Some(source);
            mapping.attribute_mappings = vec![attribute, AttributeMapping::new("nickName", expression)];
            let catalog = Catalog::standard();
            let set = scimkit_mapping::MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap();
            let traces = set.trace(&record, &environment, scimkit_mapping::Operation::Update);
            prop_assert_eq!(&traces[0].outcome, &traces[1].outcome);
        }
    }
}

const SHORT: &str = include_str!("../../../../testdata/mapping/short-ringcentral.json");

#[test]
fn the_short_form_reads_what_it_writes() {
    let mut file = MappingFile::from_json(SHORT).unwrap();
    assert_eq!(MappingFile::from_json(&file.to_json().unwrap()).unwrap(), file);
    let mapping = &mut file.objects[0].mapping;
    (mapping.enabled, mapping.flow_types) = (false, "Add,Delete".to_owned());
    mapping.attribute_mappings.push(AttributeMapping::new("locale", "\"nb\\\\NO\""));
    let mut without_source = AttributeMapping::new("timezone", "").with_default("UTC");
    without_source.source = None;
    mapping.attribute_mappings.push(without_source);
    file.objects[0].source_attributes = Some(vec![
        AttributeDefinition::new("mail"),
        AttributeDefinition::new("tags").with_several_values(),
        AttributeDefinition::new("level").with_type("Integer"),
    ]);
    let text = file.to_json().unwrap();
    assert!(
        text.contains("\"constant\": \"nb\\\\NO\"") && text.contains("\"operations\": [\n        \"create\",\n        \"delete\""),
        "{text}"
    );
    assert_eq!(MappingFile::from_json(&text).unwrap(), file);
    #[cfg(feature = "toml")]
    assert_eq!(MappingFile::from_toml(&file.to_toml().unwrap()).unwrap().objects, file.objects);
}

/// What Graph's form says of mappings, the short form says too.
#[test]
fn mappings_of_graph_have_a_short_form() {
    let schema = SynchronizationSchema::from_json(RINGCENTRAL).unwrap();
    let objects = schema.object_mappings().cloned().map(MappedObject::new).collect();
    let text = MappingFile::new(objects).to_json().unwrap();
    let short = MappingFile::from_json(&text).unwrap();
    let catalog = Catalog::standard();
    let compile = |mapping: &ObjectMapping| {
        scimkit_mapping::MappingSet::compile(mapping, &catalog, mapping.resource_type(&catalog).unwrap()).unwrap()
    };
    let (long, short) = (compile(schema.object_mappings().next().unwrap()), compile(&short.objects[0].mapping));
    let mut record = SourceRecord::new("u1", "User");
    record.attributes.insert("mail", "Kari@fjord.example");
    let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
    for operation in [scimkit_mapping::Operation::Create, scimkit_mapping::Operation::Update] {
        assert_eq!(long.evaluate(&record, &environment, operation), short.evaluate(&record, &environment, operation));
        assert_eq!(long.scope(&record), short.scope(&record));
    }
}

#[test]
fn what_does_not_fit_the_short_form_is_named_with_its_line() {
    let error = |text: &str| MappingFile::from_json(text).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            error("{\"objects\": [\n{\"source\": \"User\", \"target\": \"x\",\n\"attributes\": [{\"target\": \"a\", \"flow\": \"Never\"}]}]}"),
            error("{\"objects\": [{\"source\": \"User\",\n \"attributs\": []}]}"),
            error("{\"objects\": [{\"source\": \"User\"}]}"),
            error("{"),
        ]
        .join("\n"),
        @r#"
            unknown variant `Never`, expected one of `Always`, `ObjectAddOnly`, `MultiValueAddOnly`, `ValueAddOnly`, `AttributeAddOnly`, at `objects[0].attributes[0].flow` (line 3, column 46)
            unknown field `attributs`, expected one of `name`, `source`, `target`, `enabled`, `operations`, `sourceAttributes`, `scope`, `attributes`, at `objects[0].attributs` (line 2, column 12)
            missing field `target`, at `objects[0]` (line 1, column 31)
            EOF while parsing an object, at `?` (line 1, column 1)
        "#
    );
    #[cfg(feature = "toml")]
    {
        let error = |text: &str| MappingFile::from_toml(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                error("[[objects]]\nsource = \"User\"\ntarget = \"x\"\n[[objects.attributes]]\ntarget = \"a\"\nmatch = \"first\"\n"),
                error("[[objects]]\nsource = \"User\"\nsorce = 1\n"),
                error("objects = [\n"),
            ]
            .join("\n"),
            @r#"
                invalid type: string "first", expected u32, at `objects[0].attributes[0].match` (line 6, column 9)
                unknown field `sorce`, expected one of `name`, `source`, `target`, `enabled`, `operations`, `sourceAttributes`, `scope`, `attributes`, at `objects[0].sorce` (line 3, column 1)
                unclosed array, expected `]` (line 1, column 12)
            "#
        );
    }
}

#[test]
fn an_expression_is_parsed_and_tried_as_by_graph() {
    let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
    let request = r#"{"expression": "Replace([preferredLanguage], \"-\", , , \"_\", , )",
        "targetAttributeDefinition": {"name": "locale", "type": "String", "color": "blue"},
        "testInputObject": {"definition": null, "properties": [{"key": "preferredLanguage", "value": "EN-US"}]}}"#;
    let request: ParseExpressionRequest = serde_json::from_str(request).unwrap();
    let response = parse_expression(&request, &environment, &ExpressionOptions::default());
    let response = serde_json::to_value(&response).unwrap();
    assert_eq!(response["evaluationResult"], json!(["EN_US"]));
    assert_eq!(
        (&response["parsingSucceeded"], &response["evaluationSucceeded"], &response["error"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    let tree = &response["parsedExpression"];
    assert_eq!((&tree["type"], &tree["name"]), (&json!("Function"), &json!("Replace")));
    assert_eq!(
        tree["parameters"][0],
        json!({
            "key": "source",
            "value": {"expression": "[preferredLanguage]", "name": "preferredLanguage", "type": "Attribute", "parameters": []},
        })
    );
    assert_eq!(tree["parameters"][1]["value"]["expression"], json!("\"-\""));
    assert_eq!(tree["parameters"][2], json!({"key": "regexPattern", "value": null}));

    let parse =
        |text: &str| parse_expression(&ParseExpressionRequest::new(text).with_test([]), &environment, &ExpressionOptions::default());
    let faulty = parse("Trim([a]");
    let error = faulty.error.unwrap();
    assert_eq!((error.code.as_ref(), error.offset, faulty.parsing_succeeded), ("ParsingFailed", Some(8), false));
    let raised = parse("Error(\"no\")");
    assert_eq!(
        (raised.error.unwrap().code.as_ref(), raised.parsing_succeeded, raised.evaluation_succeeded),
        ("EvaluationFailed", true, false)
    );
    assert!(parse("Split(\"a,b\", \",\")").evaluation_result == ["a", "b"]);
}
