//! The static check: each fault with its message, and what holds of mappings without faults.

use proptest::prelude::*;
use scimkit_mapping::{
    AttributeDefinition, AttributeMapping, Environment, EvaluationErrorKind, ExpressionOptions, FlowType, MappingSet, ObjectFlow,
    ObjectMapping, Operation, SourceRecord, SynchronizationSchema,
};
use scimkit_types::{Catalog, Profile, Value, schema};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn user_name() -> AttributeMapping {
    AttributeMapping::new("userName", "[mail]").matching(1)
}

fn source() -> Vec<AttributeDefinition> {
    vec![
        AttributeDefinition::new("mail").with_type("String"),
        AttributeDefinition::new("surname").with_type("String"),
        AttributeDefinition::new("tags").with_type("String").with_several_values(),
        AttributeDefinition::new("level").with_type("Integer"),
        AttributeDefinition::new("staff").with_type("Boolean"),
        AttributeDefinition::new("hired").with_type("DateTime"),
        AttributeDefinition::new("manager").with_type("Reference"),
    ]
}

/// The faults of mappings beside one of `userName`, one a line.
fn faults(mappings: Vec<AttributeMapping>) -> String {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = std::iter::once(user_name()).chain(mappings).collect();
    faults_of(&mapping, &Profile::standard())
}

fn faults_of(mapping: &ObjectMapping, profile: &Profile) -> String {
    let faults = mapping.check(Some(&source()), profile, &ExpressionOptions::default());
    faults.iter().map(|fault| format!("{} | {fault}", if fault.path.is_empty() { "." } else { &fault.path })).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_unknown_attribute_is_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("displayName", "Join(\" \", [surnam], [fax])"),
        AttributeMapping::new("nickname2", "[mail]"),
        AttributeMapping::new("name.nick", "[mail]"),
        AttributeMapping::new(MANAGER, "[boss]"),
    ]), @r#"
        attributeMappings[2].targetAttributeName | attribute mapping `nickname2`: `nickname2` is not an attribute of `User`
        attributeMappings[3].targetAttributeName | attribute mapping `name.nick`: `name.nick` is not an attribute of `User`
        attributeMappings[1].source | attribute mapping `displayName`: the source has no attribute `surnam`; did you mean `surname`?
        attributeMappings[1].source | attribute mapping `displayName`: the source has no attribute `fax`
        attributeMappings[4].source | attribute mapping `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager`: the source has no attribute `boss`
    "#);
}

#[test]
fn a_type_that_cannot_fit_is_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("active", "[level]"),
        AttributeMapping::new("name", "[surname]"),
        AttributeMapping::new("x509Certificates[type eq \"a\"].value", "[staff]"),
        AttributeMapping::new("emails[type eq \"work\"].primary", "IIF([mail] = \"x\", Now(), \"perhaps\")"),
        AttributeMapping::new("title", "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])"),
        AttributeMapping::new("phoneNumbers[type eq \"work\"].primary", "[staff]").with_default("sometimes"),
    ]), @r#"
        attributeMappings[6].defaultValue | attribute mapping `phoneNumbers[type eq "work"].primary`: the default value does not fit: expected a value of type boolean
        attributeMappings[1].source | attribute mapping `active`: expected a value of type boolean, and `[level]` gives a whole number
        attributeMappings[2].source | attribute mapping `name`: expected a value of type complex, and `[surname]` gives text
        attributeMappings[4].source | attribute mapping `emails[type eq "work"].primary`: expected a value of type boolean, and `Now()` gives a date
        attributeMappings[4].source | attribute mapping `emails[type eq "work"].primary`: the constant `"perhaps"` does not fit: expected a value of type boolean
        attributeMappings[5].source | attribute mapping `title`: the expression gives several values, and the target has one
        attributeMappings[5].source | attribute mapping `title`: expected a value of type string, and `AssertiveAppRoleAssignmentsComplex([appRoleAssignments])` gives complex values
    "#);
}

#[test]
fn a_required_attribute_without_mapping_is_named() {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![AttributeMapping::new("displayName", "[mail]")];
    insta::assert_snapshot!(faults_of(&mapping, &Profile::standard()), @r#"
        . | object mapping: `userName` is required and has no mapping
        . | object mapping: expected at least one matching attribute, found none
    "#);
    // A mapping that is at fault elsewhere is a mapping.
    mapping.attribute_mappings = vec![AttributeMapping::new("userName", "[mail").matching(1)];
    let found = faults_of(&mapping, &Profile::standard());
    assert!(!found.contains("is required"), "{found}");
}

#[test]
fn two_mappings_for_one_target_are_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("title", "[mail]"),
        AttributeMapping::new("TITLE", "[surname]"),
        AttributeMapping::new("emails[type eq \"work\"].value", "[mail]"),
        AttributeMapping::new("emails.value", "[mail]"),
    ]), @r#"
        attributeMappings[2].targetAttributeName | attribute mapping `TITLE`: `title` is the target of another mapping
        attributeMappings[4].targetAttributeName | attribute mapping `emails.value`: `emails[type eq "work"].value` is mapped too, so both need a filter such as `[type eq "work"]` that says which elements they mean
    "#);
}

#[test]
fn a_matching_attribute_without_filter_is_named() {
    let profile: Profile = serde_json::from_value(serde_json::json!({"name": "small", "filterable": {"User": ["userName"]}})).unwrap();
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![user_name(), AttributeMapping::new("externalId", "[objectId]").matching(2)];
    insta::assert_snapshot!(faults_of(&mapping, &profile), @r#"
        attributeMappings[1].matchingPriority | attribute mapping `externalId`: `small` cannot filter on `externalId`, so it cannot be a matching attribute
    "#);
    mapping.attribute_mappings = vec![AttributeMapping::new("userName", "[mail]")];
    insta::assert_snapshot!(faults_of(&mapping, &profile), @r#"
        . | object mapping: expected at least one matching attribute, found none
    "#);
}

#[test]
fn several_values_where_one_fits_are_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("title", "[tags]"),
        AttributeMapping::new("nickName", "IIF([staff], Trim([tags]), [mail])"),
        AttributeMapping::new("displayName", "Append([tags], \"!\")"),
        AttributeMapping::new("locale", "IIF([tags] = \"nb\", \"x\" & Split([mail], \"@\"), \"en\")"),
    ]), @r#"
        attributeMappings[1].source | attribute mapping `title`: the expression gives several values, and the target has one
        attributeMappings[2].source | attribute mapping `nickName`: the expression gives several values, and the target has one
        attributeMappings[3].source | attribute mapping `displayName`: `source` of `Append` needs one value, and `[tags]` gives several
        attributeMappings[4].source | attribute mapping `locale`: `=` needs one value, and `[tags]` gives several
        attributeMappings[4].source | attribute mapping `locale`: `&` needs one value, and `Split([mail], "@")` gives several
    "#);
}

#[test]
fn an_expression_over_its_limit_is_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("title", format!("\"{}\"", "a".repeat(10_000))),
        AttributeMapping::new("nickName", format!("{}[mail]{}", "Trim(".repeat(65), ")".repeat(65))),
        AttributeMapping::new("locale", "Replace([mail], , \"(?<=a)b\", , \"\", , )"),
        AttributeMapping::new("timezone", "Replace([mail], , \"(a{900}){900}\", , \"\", , )"),
    ]), @r#"
        attributeMappings[1].source | attribute mapping `title`: the expression is not valid at byte 0: the length is over the limit of 10000
        attributeMappings[2].source | attribute mapping `nickName`: the expression is not valid at byte 320: the depth is over the limit of 64
        attributeMappings[3].source | attribute mapping `locale`: the expression is not valid at byte 0: look-around and back-references need a backtracking engine; pass one in, such as `BacktrackingEngine` of the feature `fancy-regex`, found `(?<=a)b`
        attributeMappings[4].source | attribute mapping `timezone`: the expression is not valid at byte 0: the size of the regular expression is over the limit, found `(a{900}){900}`
    "#);
}

#[test]
fn a_misused_unique_value_is_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("externalId", "SelectUniqueValue([mail], [surname])").matching(2),
        AttributeMapping::new("nickName", "Trim(SelectUniqueValue([mail], [surname]))"),
        AttributeMapping::new("title", "SelectUniqueValue([mail], SelectUniqueValue([mail], [surname]))"),
    ]), @r#"
        attributeMappings[1].source | attribute mapping `externalId`: `SelectUniqueValue` cannot give the value of a matching attribute
        attributeMappings[2].source | attribute mapping `nickName`: `SelectUniqueValue` must be the outermost function
        attributeMappings[3].source | attribute mapping `title`: `SelectUniqueValue` cannot stand inside of another one
    "#);
}

#[test]
fn a_path_that_cannot_be_built_is_named() {
    insta::assert_snapshot!(faults(vec![
        AttributeMapping::new("emails[type ne \"work\"].value", "[mail]"),
        AttributeMapping::new("emails[type eq \"work\"", "[mail]"),
        AttributeMapping::new("name[type eq \"work\"].givenName", "[mail]"),
        AttributeMapping::new("phoneNumbers[kind eq \"work\"].value", "[mail]"),
        AttributeMapping::new("meta.created", "[hired]"),
        AttributeMapping::new("password", "[mail]"),
    ]), @r#"
        attributeMappings[1].targetAttributeName | attribute mapping `emails[type ne "work"].value`: expected comparisons with `eq` that are joined by `and`, found `type ne "work"`
        attributeMappings[2].targetAttributeName | attribute mapping `emails[type eq "work"`: the target is not a valid path: expected `and`, `or` or `]`, found the end
        attributeMappings[3].targetAttributeName | attribute mapping `name[type eq "work"].givenName`: `name` has no elements that could be filtered
        attributeMappings[4].targetAttributeName | attribute mapping `phoneNumbers[kind eq "work"].value`: `kind` is not a sub-attribute of `phoneNumbers`
        attributeMappings[5].targetAttributeName | attribute mapping `meta.created`: `meta.created` is set by the service provider and cannot be a target
        attributeMappings[6].targetAttributeName | attribute mapping `password`: `password` is a secret that can only be written, so it cannot be provisioned
    "#);
}

#[test]
fn a_mapping_that_is_never_used_is_named() {
    let mut without_source = AttributeMapping::new("timezone", "");
    without_source.source = None;
    insta::assert_snapshot!(faults(vec![without_source.clone(), AttributeMapping::new("title", "IgnoreAttributeFlow")]), @r#"
        attributeMappings[1] | attribute mapping `timezone`: the mapping is never used: it has neither a source nor a default value
        attributeMappings[2] | attribute mapping `title`: the mapping is never used: its expression always ignores the attribute
    "#);
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.flow_types = "Update".to_owned();
    mapping.attribute_mappings = vec![
        user_name(),
        AttributeMapping::new("title", "[surname]").with_flow_type(FlowType::ObjectAddOnly),
        AttributeMapping::new("nickName", "SelectUniqueValue([mail], [surname])"),
        without_source.with_default("UTC"),
    ];
    insta::assert_snapshot!(faults_of(&mapping, &Profile::standard()), @r#"
        attributeMappings[1] | attribute mapping `title`: the mapping is never used: it flows only when an object is created, and none are
        attributeMappings[2] | attribute mapping `nickName`: the mapping is never used: it flows only when an object is created, and none are
        attributeMappings[3] | attribute mapping `timezone`: the mapping is never used: a default value is for new objects, and none are created
    "#);
    mapping.enabled = false;
    insta::assert_snapshot!(faults_of(&mapping, &Profile::standard()), @r#"
        . | object mapping: it is disabled or allows no operation, so no mapping is used
    "#);
}

#[test]
fn all_faults_of_a_document_have_path_and_line() {
    let text = super::schema::RINGCENTRAL
        .replace("\"[jobTitle]\", \"name\": \"jobTitle\"", "\"[jobTitel]\", \"name\": \"jobTitel\"")
        .replace("\"targetAttributeName\": \"name.givenName\"", "\"targetAttributeName\": \"name.firstName\"")
        .replace("\"operatorName\": \"EQUALS\"", "\"operatorName\": \"RESEMBLES\"");
    let schema = SynchronizationSchema::from_json(&text).unwrap();
    let faults = schema.check(&Profile::standard(), &ExpressionOptions::default());
    let shown: Vec<String> = faults.iter().map(|fault| format!("{} | {fault}", fault.path)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
        synchronizationRules[0].objectMappings[0].scope.groups[1].clauses[0] | scope.groups[1].clauses[0]: `RESEMBLES` is not an operator of scoping filters (line 59)
        synchronizationRules[0].objectMappings[0].attributeMappings[3].source | attribute mapping `title`: the source has no attribute `jobTitel`; did you mean `jobTitle`? (line 95)
        synchronizationRules[0].objectMappings[0].attributeMappings[10].targetAttributeName | attribute mapping `name.firstName`: `name.firstName` is not an attribute of `User` (line 102)
    "#);
    for fault in faults {
        let line = text.lines().nth(fault.line.unwrap() - 1).unwrap();
        assert!(["jobTitel", "firstName", "RESEMBLES"].iter().any(|word| line.contains(word)), "{line}");
    }
}

/// Each value of a document is looked at once, however many faults there are: a check that reads the document for each fault would not
/// end in time.
#[test]
fn many_faults_have_their_lines() {
    let faulty = |number: usize| format!("{{\"targetAttributeName\": \"nick{number}\", \"source\": {{\"expression\": \"[mail]\"}}}}");
    let mappings: Vec<String> = (0..2_001).map(faulty).collect();
    let text = format!(
        "{{\"synchronizationRules\": [{{\"objectMappings\": [{{\"sourceObjectName\": \"User\", \"targetObjectName\": \"{}\", \"attributeMappings\": [\n{}\n]}}]}}]}}",
        schema::USER,
        mappings.join(",\n")
    );
    let faults = SynchronizationSchema::from_json(&text).unwrap().check(&Profile::standard(), &ExpressionOptions::default());
    let message = |fault: &scimkit_mapping::Fault| format!("{}:{}", fault.line.unwrap(), fault.message);
    assert_eq!(message(&faults[0]), "1:expected at most 2000 attribute mappings, found 2001");
    let unknown: Vec<String> = faults.iter().map(message).filter(|message| message.contains("is not an attribute")).collect();
    let expected: Vec<String> = (0..2_000).map(|number| format!("{}:`nick{number}` is not an attribute of `User`", number + 2)).collect();
    assert_eq!(unknown, expected);
}

/// Expressions on the attributes of [`source`].
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("[mail]".to_owned()),
        Just("[tags]".to_owned()),
        Just("[level]".to_owned()),
        Just("[staff]".to_owned()),
        Just("[hired]".to_owned()),
        Just("\"True\"".to_owned()),
        Just("7".to_owned()),
        Just("IgnoreAttributeFlow".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner);
        prop_oneof![
            one.clone().prop_map(|a| format!("Trim({a})")),
            one.clone().prop_map(|a| format!("ToLower({a})")),
            one.clone().prop_map(|a| format!("IsPresent({a})")),
            one.clone().prop_map(|a| format!("Not({a})")),
            one.clone().prop_map(|a| format!("Count({a})")),
            one.clone().prop_map(|a| format!("CStr({a})")),
            one.prop_map(|a| format!("Split({a}, \"-\")")),
            two.clone().prop_map(|(a, b)| format!("Join(\"-\", {a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("Append({a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("Coalesce({a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("{a} & {b}")),
            two.clone().prop_map(|(a, b)| format!("IIF(IsPresent({a}), {a}, {b})")),
            two.prop_map(|(a, b)| format!("Switch({a}, {b}, \"x\", {a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A mapping that passes the check has no several values where one fits, no limit that its text could break, and, unless it gives text
    /// that may say anything, no value of another type.
    #[test]
    fn a_mapping_that_passes_does_not_fail_for_what_the_check_names(
        text in expression(), target in "title|active|emails\\[type eq \"other\"\\]\\.value|emails\\[type eq \"other\"\\]\\.primary",
        mail in "[a-z-]{0,6}", tags in proptest::collection::vec("[a-z]{0,3}", 0..4), level in any::<i64>(), staff in any::<bool>(),
    ) {
        let mut mapping = ObjectMapping::new("User", schema::USER);
        mapping.attribute_mappings = vec![user_name(), AttributeMapping::new(target, text)];
        let source = source();
        prop_assume!(mapping.check(Some(&source), &Profile::standard(), &ExpressionOptions::default()).is_empty());
        let catalog = Catalog::standard();
        let set = MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap();
        prop_assert!(set.check(Some(&source), &Profile::standard()).is_empty());
        prop_assert!(set.allows(ObjectFlow::Create));
        let mut record = SourceRecord::new("u1", "User");
        record.attributes.insert("mail", format!("m{mail}"));
        record.attributes.insert("tags", tags.iter().map(|tag| Value::from(tag.as_str())).collect::<Vec<_>>());
        record.attributes.insert("level", level);
        record.attributes.insert("staff", staff);
        record.attributes.insert("hired", "2026-03-01T08:00:00Z");
        let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
        let expression = scimkit_mapping::Expression::parse(
            mapping.attribute_mappings[1].source.as_ref().and_then(|source| source.expression.as_deref()).unwrap(),
        ).unwrap();
        let may_be_any_text = expression.result_type(Some(&source)).kinds.contains(&scimkit_mapping::ValueKind::Text);
        for operation in [Operation::Create, Operation::Update] {
            if let Err(error) = set.evaluate(&record, &environment, operation) {
                match error.kind() {
                    EvaluationErrorKind::Type { .. } => prop_assert!(may_be_any_text, "{}", error),
                    kind => prop_assert!(
                        !matches!(kind, EvaluationErrorKind::List { .. } | EvaluationErrorKind::Limit { .. } | EvaluationErrorKind::Environment { .. }),
                        "{}", error
                    ),
                }
            }
        }
    }
}
