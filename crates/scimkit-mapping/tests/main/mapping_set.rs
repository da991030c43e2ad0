//! Sets of mappings: compiling, checking and evaluating.

use scimkit_mapping::schema::{ScopeClause, ScopeFilter, ScopeGroup};
use scimkit_mapping::{
    AppRole, AttributeDefinition, AttributeMapping, Desired, Environment, EvaluationErrorKind, FlowType, MappingSet, NullPolicy,
    ObjectFlow, ObjectMapping, Operation, ScopeDecision, SourceRecord, SynchronizationSchema, TraceOutcome,
};
use scimkit_types::{Catalog, Profile, Resource, schema};
use serde_json::{Value, json};

use super::schema::{GROUPS, RINGCENTRAL};

fn compile(mapping: &ObjectMapping) -> Result<MappingSet, Vec<String>> {
    let catalog = Catalog::standard();
    let resource_type = catalog.resource_type(&mapping.source_object_name).unwrap();
    let set = MappingSet::compile(mapping, &catalog, resource_type);
    set.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn document(text: &str) -> MappingSet {
    compile(SynchronizationSchema::from_json(text).unwrap().object_mappings().next().unwrap()).unwrap()
}

fn users(mappings: Vec<AttributeMapping>) -> ObjectMapping {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = mappings;
    mapping
}

fn environment() -> Environment<'static> {
    Environment::new("2026-03-01T08:00:00Z".parse().unwrap())
}

fn record(attributes: Value) -> SourceRecord {
    let mut record = SourceRecord::new("u1", "User");
    record.attributes = serde_json::from_value(attributes).unwrap();
    record
}

fn kari() -> SourceRecord {
    let mut record = record(json!({
        "mail": "Kari@fjord.example", "givenName": "Kari", "surname": "Berg", "jobTitle": "Pilot", "department": "Boats",
        "city": "Voss", "streetAddress": "Quay 1", "mobilePhone": "+47 5",
    }));
    record.references.insert("manager".to_owned(), vec!["u9".to_owned()]);
    record
}

fn as_json(resource: &Resource) -> Value {
    serde_json::to_value(resource).unwrap()
}

#[test]
fn the_attributes_of_a_new_user_are_built() {
    let set = document(RINGCENTRAL);
    let desired = set.evaluate(&kari(), &environment(), Operation::Create).unwrap();
    assert_eq!(
        as_json(&desired.resource),
        json!({
            "schemas": [schema::USER, schema::ENTERPRISE_USER],
            "userName": "kari@fjord.example", "externalId": "u1", "active": true, "title": "Pilot",
            "emails": [{"type": "work", "value": "Kari@fjord.example"}],
            "addresses": [{"type": "work", "streetAddress": "Quay 1", "locality": "Voss", "country": "NO"}],
            "name": {"givenName": "Kari", "familyName": "Berg"},
            "phoneNumbers": [{"type": "mobile", "value": "+47 5"}],
            schema::ENTERPRISE_USER: {"department": "Boats"},
        })
    );
    assert_eq!(desired.matching, [(0, "kari@fjord.example".to_owned()), (1, "u1".to_owned())]);
    let [manager] = desired.references.as_slice() else { panic!("{:?}", desired.references) };
    assert_eq!(
        (manager.target.as_str(), manager.is_multi_valued),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", false)
    );
    assert_eq!(manager.source_ids, ["u9"]);
    assert!(desired.cleared.is_empty());
}

#[test]
fn an_update_knows_no_defaults_and_tells_left_out_from_cleared() {
    let set = document(RINGCENTRAL);
    let record = record(json!({"mail": "kari@fjord.example", "givenName": ""}));
    let mut environment = environment();
    environment.is_soft_deleted = true;
    let desired = set.evaluate(&record, &environment, Operation::Update).unwrap();
    assert_eq!(
        as_json(&desired.resource),
        json!({
            "schemas": [schema::USER], "userName": "kari@fjord.example", "active": false,
            "emails": [{"type": "work", "value": "kari@fjord.example"}],
        })
    );
    assert_eq!(desired.cleared, ["title"]);
    assert_eq!(desired.matching.len(), 2, "an attribute that flows only on create still matches");
    assert!(desired.references.is_empty());
}

#[test]
fn names_of_attributes_and_references_are_listed() {
    let set = document(RINGCENTRAL);
    assert_eq!((set.object_type(), set.resource_type()), ("User", "User"));
    assert_eq!(set.reference_attributes(), ["manager"]);
    let names = set.source_attributes();
    assert_eq!(names.iter().filter(|name| **name == "mail").count(), 1);
    assert!(names.contains(&"objectId") && !names.contains(&"IsSoftDeleted") && !names.contains(&"manager"));
    let matching: Vec<_> = set.matching().iter().map(|matching| (matching.precedence, matching.target.as_str())).collect();
    assert_eq!(matching, [(1, "userName"), (2, "externalId")]);
    assert!(set.allows(ObjectFlow::Delete));
    assert!(!document(GROUPS).allows(ObjectFlow::Delete));
}

#[test]
fn members_of_a_group_are_references() {
    let set = document(GROUPS);
    let mut group = SourceRecord::new("g1", "Group");
    group.attributes.insert("displayName", "Crew");
    let evaluate = |group: &SourceRecord| set.evaluate(group, &environment(), Operation::Update).unwrap();
    assert!(evaluate(&group).references.is_empty(), "the record does not tell");
    group.references.insert("Members".to_owned(), vec![]);
    assert!(evaluate(&group).references[0].source_ids.is_empty(), "a group without members");
    group.references.insert("Members".to_owned(), vec!["u1".to_owned(), "u2".to_owned()]);
    let desired = evaluate(&group);
    assert_eq!((desired.references[0].target.as_str(), desired.references[0].is_multi_valued), ("members", true));
    assert_eq!(desired.references[0].source_ids, ["u1", "u2"]);
    assert_eq!(as_json(&desired.resource), json!({"schemas": [schema::GROUP], "displayName": "Crew", "externalId": "g1"}));
}

#[test]
fn scope_is_decided_by_the_groups_of_the_filter() {
    let set = document(RINGCENTRAL);
    assert_eq!(set.scope(&kari()), ScopeDecision::InScope);
    let outside = record(json!({"mail": "x@fjord.example", "department": "Contractors"}));
    let reason = "`department NOT EQUALS` does not hold; `jobTitle EQUALS` does not hold".to_owned();
    assert_eq!(set.scope(&outside), ScopeDecision::OutOfScope { reason });
    assert_eq!(set.scope(&record(json!({"jobTitle": "Director"}))), ScopeDecision::InScope);
}

#[test]
fn all_faults_are_found_at_once() {
    let mut mapping = users(vec![
        AttributeMapping::new("userName", "Tolower([mail])").matching(1),
        AttributeMapping::new("emails[type eq \"work\"", "[mail]"),
        AttributeMapping::new("nickname2", "[mail]"),
        AttributeMapping::new("displayName", "[a]"),
        AttributeMapping::new("DISPLAYNAME", "[b]"),
        AttributeMapping::new("active", "[a]").with_default("maybe"),
        AttributeMapping::new("title", "[manager]"),
        AttributeMapping::new("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "Switch([a], , \"b\", [manager])"),
        AttributeMapping::new("id", "[a]"),
        AttributeMapping::new("password", "[a]"),
        AttributeMapping::new("externalId", "SelectUniqueValue([a], [b])").matching(2),
        AttributeMapping::new("nickName", "Trim(SelectUniqueValue([a], [b]))"),
        AttributeMapping::new("emails[type ne \"work\"].value", "[mail]"),
        AttributeMapping::new("phoneNumbers[type eq \"work\"].value", "[a]"),
        AttributeMapping::new("phoneNumbers.value", "[b]"),
    ]);
    let mut group = ScopeGroup::default();
    group.clauses.push(ScopeClause::new("a", "LIKE", &["x"]));
    let mut scope = ScopeFilter::default();
    scope.groups.push(group);
    mapping.scope = Some(scope);
    let faults = compile(&mapping).unwrap_err();
    insta::assert_snapshot!(faults.join("\n"), @r#"
    scope.groups[0].clauses[0]: `LIKE` is not an operator of scoping filters
    attribute mapping `userName`: the expression is not valid at byte 0: `Tolower` is not a function; did you mean `ToLower`?
    attribute mapping `emails[type eq "work"`: the target is not a valid path: expected `and`, `or` or `]`, found the end
    attribute mapping `nickname2`: `nickname2` is not an attribute of `User`
    attribute mapping `DISPLAYNAME`: `displayName` is the target of another mapping
    attribute mapping `active`: the default value does not fit: expected a value of type boolean
    attribute mapping `title`: `manager` refers to other objects, but `title` does not
    attribute mapping `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager`: `manager` refers to other objects, so its source must be one attribute such as `[manager]`
    attribute mapping `id`: `id` is set by the service provider and cannot be a target
    attribute mapping `password`: `password` is a secret that can only be written, so it cannot be provisioned
    attribute mapping `externalId`: `SelectUniqueValue` cannot give the value of a matching attribute
    attribute mapping `nickName`: `SelectUniqueValue` must be the outermost function
    attribute mapping `emails[type ne "work"].value`: expected comparisons with `eq` that are joined by `and`, found `type ne "work"`
    attribute mapping `phoneNumbers.value`: `phoneNumbers[type eq "work"].value` is mapped too, so both need a filter such as `[type eq "work"]` that says which elements they mean
    "#);
}

#[test]
fn a_check_names_what_does_not_fit_source_and_target() {
    let set = compile(&users(vec![
        AttributeMapping::new("emails[type eq \"work\"].value", "[mail]").matching(1),
        AttributeMapping::new("displayName", "Join(\" \", [givenName], [surnam])"),
        AttributeMapping::new("nickName", "Split([tags], \",\")"),
        AttributeMapping::new("active", "\"perhaps\""),
        AttributeMapping::new("title", "[emails[type eq \"work\"].value]"),
    ]))
    .unwrap();
    let profile: Profile = serde_json::from_value(json!({"name": "small", "filterable": {"User": ["userName"]}})).unwrap();
    let known = ["mail", "givenName", "surname", "tags", "emails"].map(AttributeDefinition::new);
    let faults: Vec<String> = set.check(Some(&known), &profile).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(faults.join("\n"), @r#"
    attribute mapping `displayName`: the source has no attribute `surnam`; did you mean `surname`?
    attribute mapping `nickName`: the expression gives several values, and the target has one
    attribute mapping `active`: the constant `"perhaps"` does not fit: expected a value of type boolean
    object mapping: `userName` is required and has no mapping
    attribute mapping `emails[type eq "work"].value`: `small` cannot filter on `emails.value`, so it cannot be a matching attribute
    "#);
    let fits = compile(&users(vec![AttributeMapping::new("userName", "[objectId]").matching(1)])).unwrap();
    assert_eq!(fits.check(Some(&[AttributeDefinition::new("id")]), &Profile::standard()), []);
}

#[test]
fn mappings_flow_by_type_and_policy() {
    let set = compile(&users(vec![
        AttributeMapping::new("userName", "[mail]").matching(1),
        AttributeMapping::new("externalId", "[key]").with_flow_type(FlowType::ObjectAddOnly),
        AttributeMapping::new("title", "[title]").with_null_policy(NullPolicy::Clear),
        AttributeMapping::new("nickName", "IgnoreFlowIfNullOrEmpty([nick])").with_null_policy(NullPolicy::Clear),
        AttributeMapping::new("locale", "\"nb-NO\""),
        AttributeMapping::new("profileUrl", "Redact([url])"),
    ]))
    .unwrap();
    let record = record(json!({"mail": "m", "key": "k", "url": "https://x.example"}));
    let of = |operation| set.evaluate(&record, &environment(), operation).unwrap();
    let (create, update) = (of(Operation::Create), of(Operation::Update));
    assert_eq!((create.resource.external_id(), update.resource.external_id()), (Some("k"), None));
    assert_eq!((create.cleared, update.cleared), (vec![], vec!["title".to_owned()]));
    assert_eq!(update.redacted, ["profileUrl"]);
    assert_eq!(update.resource.get("locale").and_then(|value| value.as_str()), Some("nb-NO"));
}

#[test]
fn an_object_can_be_ignored_and_an_error_names_the_target() {
    let set = compile(&users(vec![
        AttributeMapping::new("userName", "IIF([kind] = \"robot\", IgnoreObjectFlow, [mail])").matching(1),
        AttributeMapping::new("active", "[enabled]"),
    ]))
    .unwrap();
    let evaluate = |attributes| set.evaluate(&record(attributes), &environment(), Operation::Create);
    assert_eq!(evaluate(json!({"kind": "robot", "enabled": true})).unwrap(), {
        let mut ignored = Desired::default();
        ignored.is_object_ignored = true;
        ignored
    });
    let error = evaluate(json!({"mail": "secret@x.example", "enabled": "secretly"})).unwrap_err();
    assert_eq!(error.to_string(), "no value for `active`: expected a value of type boolean");
    let error = evaluate(json!({"enabled": true})).unwrap_err();
    assert_eq!((error.target(), error.kind()), (Some("userName"), &EvaluationErrorKind::Required));
    let error = evaluate(json!({"mail": ["a", "b"]})).unwrap_err();
    assert_eq!(error.to_string(), "no value for `userName`: expected one value, found a list of 2");
}

#[test]
fn roles_follow_the_assignments() {
    let roles = [AppRole::new("r1", "admin", "Administrator"), AppRole::new("r2", "", "Crew"), AppRole::new("r3", "guest", "Guest")];
    let assigned = ["r2".to_owned(), "r1".to_owned(), "00000000-0000-0000-0000-000000000000".to_owned()];
    let mut environment = environment();
    (environment.app_roles, environment.assigned_roles) = (&roles, &assigned);
    let roles_of = |target: &str, expression: &str| {
        let mappings = vec![AttributeMapping::new("userName", "[mail]").matching(1), AttributeMapping::new(target, expression)];
        let set = compile(&users(mappings)).unwrap();
        let desired = set.evaluate(&record(json!({"mail": "m"})), &environment, Operation::Create).unwrap();
        as_json(&desired.resource)["roles"].clone()
    };
    let element = |value: &str, display: &str| json!({"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": display, "value": value});
    assert_eq!(
        roles_of("roles", "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])"),
        json!([element("admin", "Administrator"), element("Crew", "Crew")])
    );
    assert_eq!(
        roles_of("roles[primary eq \"True\"].value", "SingleAppRoleAssignment([appRoleAssignments])"),
        json!([{"primary": true, "value": "admin"}])
    );
}

#[test]
fn only_the_mapped_part_of_a_resource_is_managed() {
    let set = document(RINGCENTRAL);
    let current: Resource = serde_json::from_value(json!({
        "schemas": [schema::USER, schema::ENTERPRISE_USER, "urn:example:other"], "id": "7", "meta": {"version": "W/\"1\""},
        "USERNAME": "kari@fjord.example", "active": true, "nickName": "K", "title": "Mate", "name": {"givenName": "Kari", "formatted": "K"},
        "emails": [{"type": "home", "value": "h@x.example"}, {"type": "Work", "value": "w@x.example", "primary": false}],
        "addresses": [{"type": "work", "country": "Norway", "locality": "Bergen", "formatted": "x"}],
        "phoneNumbers": [{"type": "work", "value": "1"}],
        schema::ENTERPRISE_USER: {"manager": {"value": "9", "displayName": "Boss"}, "costCenter": "c"},
    }))
    .unwrap();
    let managed = set.managed(&current);
    assert_eq!(
        as_json(&managed),
        json!({
            "schemas": [schema::USER, schema::ENTERPRISE_USER], "userName": "kari@fjord.example", "active": true, "title": "Mate",
            "name": {"givenName": "Kari"}, "emails": [{"type": "work", "value": "w@x.example"}],
            "addresses": [{"type": "work", "country": "Norway", "locality": "Bergen"}],
            schema::ENTERPRISE_USER: {"manager": {"value": "9"}},
        })
    );
    assert_eq!(set.managed(&managed), managed);

    let record = record(json!({"mail": "kari@fjord.example", "city": "Voss", "mobilePhone": "+47 5"}));
    let desired = set.evaluate(&record, &environment(), Operation::Update).unwrap();
    let expected = set.expected(&current, &desired);
    assert_eq!(
        as_json(&expected),
        json!({
            "schemas": [schema::USER, schema::ENTERPRISE_USER], "userName": "kari@fjord.example", "active": true,
            "name": {"givenName": "Kari"}, "emails": [{"type": "work", "value": "kari@fjord.example"}],
            "addresses": [{"type": "work", "country": "Norway", "locality": "Voss"}],
            "phoneNumbers": [{"type": "mobile", "value": "+47 5"}],
            schema::ENTERPRISE_USER: {"manager": {"value": "9"}},
        })
    );
    assert_eq!(set.expected(&expected, &desired), expected);
}

#[test]
fn several_values_become_several_elements_of_one_type() {
    let set = compile(&users(vec![
        AttributeMapping::new("userName", "[mail]").matching(1),
        AttributeMapping::new("emails[type eq \"other\"].value", "[proxyAddresses]"),
        AttributeMapping::new("emails[type eq \"work\"].value", "[mail]"),
    ]))
    .unwrap();
    let record = record(json!({"mail": "m@x.example", "proxyAddresses": ["a@x.example", "", "b@x.example"]}));
    let desired = set.evaluate(&record, &environment(), Operation::Update).unwrap();
    let emails = json!([
        {"type": "other", "value": "a@x.example"}, {"type": "other", "value": "b@x.example"}, {"type": "work", "value": "m@x.example"},
    ]);
    assert_eq!(as_json(&desired.resource)["emails"], emails);
    assert_eq!(as_json(&set.managed(&desired.resource))["emails"], emails);
    assert_eq!(set.expected(&desired.resource, &desired), desired.resource);
}

#[test]
fn a_trace_says_how_each_value_came_about() {
    let set = document(RINGCENTRAL);
    let traces = set.trace(&kari(), &environment(), Operation::Create);
    let of = |target: &str| traces.iter().find(|trace| trace.target == target).unwrap();
    assert_eq!(of("userName").source, "ToLower([mail])");
    assert_eq!(of("userName").outcome, TraceOutcome::Values(vec!["kari@fjord.example".into()]));
    assert_eq!(of("addresses[type eq \"work\"].country").outcome, TraceOutcome::Default(vec!["NO".into()]));
    assert_eq!(of("addresses[type eq \"work\"].region").outcome, TraceOutcome::LeftOut { reason: "the source has no value" });
}
