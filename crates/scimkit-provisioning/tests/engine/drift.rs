//! What others changed in the target, and to whom its accounts belong.

use scimkit_mapping::{AttributeMapping, FlowType};
use scimkit_provisioning::DriftPolicy;
use scimkit_types::{Profile, Value};
use serde_json::json;

use crate::world::{World, block_on, group_mapping, job, person, present, user_mapping};

fn change(world: &World, user_name: &str, attribute: &str, value: serde_json::Value) {
    let value: Value = serde_json::from_value(value).unwrap();
    let mut resources = world.target.resources.lock().unwrap();
    let users = resources.get_mut("User").unwrap();
    let user = users.values_mut().find(|user| user.get("userName").and_then(Value::as_str) == Some(user_name)).unwrap();
    user.insert(attribute, value);
}

#[test]
fn what_others_changed_is_told_and_put_right_when_asked() {
    let world = World::with_linked_person();
    let clean = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    assert_eq!((clean.compared, clean.changed, clean.gone), (1, 0, 0), "{clean:?}");

    change(&world, "ada@example.com", "displayName", json!("Somebody"));
    change(&world, "ada@example.com", "nickName", json!("A"));
    let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    let names: Vec<&str> = report.objects.iter().flat_map(|object| object.changes.iter().map(|change| change.name.as_str())).collect();
    assert_eq!((report.changed, names), (1, vec!["displayName"]), "an attribute without a mapping is none of ours");
    assert_eq!(world.cycle().written(), 0, "a report changes nothing");

    block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!(world.cycle().updated, 1);
    let user = world.target.user("ada@example.com").unwrap();
    assert_eq!(user.get("displayName").and_then(Value::as_str), Some("Person u1"));
    assert_eq!(user.get("nickName").and_then(Value::as_str), Some("A"));
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap().changed, 0);
}

/// A manager stands in the list; members do not, so each group is read.
#[test]
fn managers_and_members_that_others_changed_are_told_and_put_right() {
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let world = World::with_linked_person();
    world.source.assign("User", &["u2"]);
    world.source.assign("Group", &["g1"]);
    world.source.tell(
        "User",
        vec![present("u2", json!({"mail": "bo@example.com", "displayName": "Bo", "accountEnabled": true, "manager+": ["u1"]}))],
    );
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1", "u2"]}))]);
    world.cycle();
    let id = |name: &str| world.target.user(name).unwrap().id().unwrap().to_owned();
    let (ada, bo) = (id("ada@example.com"), id("bo@example.com"));
    let clean = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    assert_eq!((clean.compared, clean.changed), (3, 0), "{clean:?}");

    let content = world.target.content("Group");
    let before = content.first().unwrap();
    change(&world, "bo@example.com", manager, json!({"manager": {"value": bo}}));
    let mut group = before.clone();
    group.insert("members", serde_json::from_value::<Value>(json!([{"value": ada}, {"value": "stranger"}])).unwrap());
    world.target.replace("Group", group);
    let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    let names: Vec<&str> = report.objects.iter().flat_map(|object| object.changes.iter().map(|change| change.name.as_str())).collect();
    assert_eq!((report.changed, names), (2, vec![format!("{manager}:manager").as_str(), "members"]), "{report:?}");
    assert_eq!(world.cycle().written(), 0, "a report changes nothing");

    block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!(world.cycle().updated, 2);
    let members = |group: &scimkit_types::Resource| {
        let members = group.get("members").unwrap().elements().iter();
        let mut ids: Vec<String> =
            members.map(|member| member.as_complex().unwrap().get("value").unwrap().as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let content = world.target.content("Group");
    assert_eq!(members(content.first().unwrap()), members(before));
    let repaired = world.target.user("bo@example.com").unwrap();
    let value = repaired.extension(manager).unwrap().get("manager").unwrap().as_complex().unwrap().get("value").unwrap();
    assert_eq!(value.as_str(), Some(ada.as_str()));
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap().changed, 0);
}

/// A group of two people in the service.
fn with_group(mut world: World, flow_type: FlowType) -> World {
    let mut mapping = group_mapping();
    mapping.attribute_mappings = mapping
        .attribute_mappings
        .into_iter()
        .map(|mapping| if mapping.target_attribute_name == "members" { mapping.with_flow_type(flow_type) } else { mapping })
        .collect();
    world.job.mappings = job(&[user_mapping(), mapping]).mappings;
    world.source.assign("User", &["u1", "u2"]);
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1", "u2"]}))]);
    world.cycle();
    assert_eq!(members(&world).len(), 2);
    world
}

fn members(world: &World) -> Vec<String> {
    let content = world.target.content("Group");
    let members = content.first().unwrap().get("members").map(Value::elements).unwrap_or_default();
    members.iter().map(|member| member.as_complex().unwrap().get("value").unwrap().as_str().unwrap().to_owned()).collect()
}

fn set_members(world: &World, ids: &[&str]) {
    let mut group = world.target.content("Group").remove(0);
    let members: Vec<serde_json::Value> = ids.iter().map(|id| json!({"value": id})).collect();
    group.insert("members", serde_json::from_value::<Value>(members.into()).unwrap());
    world.target.replace("Group", group);
}

/// What a flow type lets others add is no drift, and stays when the rest is put right.
#[test]
fn what_others_add_to_an_add_only_list_is_no_drift() {
    let world = with_group(World::new(), FlowType::MultiValueAddOnly);
    let written = members(&world);
    let [first, second] = written.as_slice() else { panic!("expected two members, found {written:?}") };
    set_members(&world, &[first, second, "stranger"]);
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!((report.changed, world.cycle().written()), (0, 0), "{report:?}");

    set_members(&world, &[first, "stranger"]);
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    let change = report.objects.first().unwrap().changes.first().unwrap();
    assert_eq!((report.changed, change.name.as_str(), change.new.elements().len()), (1, "members", 1), "{report:?}");
    assert_eq!(world.cycle().updated, 1);
    let mut expected = [first.clone(), second.clone(), "stranger".to_owned()];
    expected.sort();
    let mut found = members(&world);
    found.sort();
    assert_eq!(found, expected, "the stranger stays");
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap().changed, 0);

    let world = with_group(World::new(), FlowType::Always);
    let written = members(&world);
    set_members(&world, &[written.first().unwrap(), written.last().unwrap(), "stranger"]);
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap().changed, 1, "a list that is ours as a whole");
}

#[test]
fn an_attribute_that_flows_only_if_there_is_none_may_be_changed_by_others() {
    for (flow_type, changed) in [(FlowType::AttributeAddOnly, 0), (FlowType::ObjectAddOnly, 0), (FlowType::ValueAddOnly, 1)] {
        let mut world = World::new();
        let mut mapping = user_mapping();
        mapping.attribute_mappings.retain(|mapping| mapping.target_attribute_name != "displayName");
        mapping.attribute_mappings.push(AttributeMapping::new("displayName", "[displayName]").with_flow_type(flow_type));
        world.job.mappings = job(&[mapping]).mappings;
        world.source.assign("User", &["u1"]);
        world.source.tell("User", vec![person("u1", "ada@example.com")]);
        world.cycle();
        change(&world, "ada@example.com", "displayName", json!("Somebody"));
        let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
        assert_eq!(report.changed, changed, "{flow_type:?}");
    }
}

/// AWS IAM Identity Center answers groups without members; only a filter tells that somebody is one.
#[test]
fn members_that_a_service_never_shows_are_not_taken_for_gone() {
    let world = with_group(World::new(), FlowType::Always);
    *world.target.hides_members.lock().unwrap() = true;
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!((report.compared, report.changed, report.unseen), (3, 0, 1), "{report:?}");
    assert_eq!(world.cycle().written(), 0);

    *world.target.hides_members.lock().unwrap() = false;
    set_members(&world, &[]);
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!((report.changed, report.unseen), (1, 0), "nobody is a member any more: {report:?}");
    world.cycle();
    assert_eq!(members(&world).len(), 2);
}

/// A service that shows its first page again and again is asked for each of the others; what it does not have is gone, and only that.
#[test]
fn linked_resources_that_a_list_does_not_show_are_read_one_by_one() {
    for is_refused in [false, true] {
        let world = World::new();
        let ids: Vec<String> = (0..7).map(|number| format!("u{number}")).collect();
        world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        world.source.tell("User", ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect());
        world.cycle();
        change(&world, "u0@example.com", "displayName", json!("Somebody"));
        change(&world, "u5@example.com", "displayName", json!("Somebody"));
        world.target.remove("User", "u6@example.com");
        if is_refused {
            world.target.forbids.lock().unwrap().push("list");
        } else {
            *world.target.ignores_start_index.lock().unwrap() = true;
        }
        world.target.requests.lock().unwrap().clear();
        let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
        assert_eq!((report.compared, report.changed, report.gone, report.unread), (6, 2, 1, 0), "{report:?}");
        let why = if is_refused { "you may not" } else { "the page from 4 on is the one before" };
        assert_eq!(report.unlisted.get("User").map(String::as_str), Some(why));
        let reads = world.target.requests.lock().unwrap().iter().filter(|request| *request == "get User").count();
        assert_eq!(reads, if is_refused { 7 } else { 4 }, "who was listed is not read again");

        world.target.forbids.lock().unwrap().clear();
        let report = world.cycle();
        assert_eq!((report.updated, report.created), (2, 1));
        *world.target.ignores_start_index.lock().unwrap() = false;
        let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
        assert_eq!((report.compared, report.changed, report.gone), (7, 0, 0), "{report:?}");
        assert!(report.unlisted.is_empty());
    }
}

/// Nobody says that such a resource is gone, so it keeps its link.
#[test]
fn a_resource_that_the_service_refuses_to_show_is_neither_changed_nor_gone() {
    let world = World::with_linked_person();
    world.target.forbids.lock().unwrap().extend(["list", "get"]);
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!((report.compared, report.gone, report.unread), (0, 0, 1), "{report:?}");
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn what_a_mapping_redacts_is_not_shown_in_drift() {
    let mut world = World::new();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.retain(|mapping| mapping.target_attribute_name != "displayName");
    mapping.attribute_mappings.push(AttributeMapping::new("displayName", "Redact([displayName])"));
    world.job.mappings = job(&[mapping]).mappings;
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    change(&world, "ada@example.com", "displayName", json!("Somebody"));
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert!(report.changed == 1 && text.contains("[Redact]") && !text.contains("Somebody") && !text.contains("Person"), "{text}");
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(world.target.user("ada@example.com").unwrap().get("displayName").and_then(Value::as_str), Some("Person u1"));
}

#[test]
fn a_resource_that_is_gone_is_made_again_when_asked() {
    let world = World::with_linked_person();
    world.target.remove("User", "ada@example.com");
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!((report.gone, report.objects.first().map(|object| object.is_gone)), (1, Some(true)));
    assert_eq!(world.cycle().created, 1);
}

#[test]
fn values_that_the_profile_declares_equal_are_no_drift() {
    let mut world = World::new();
    world.job.profile =
        serde_json::from_value::<Profile>(json!({"name": "echoing", "echoes": [{"attribute": "title", "values": {"Dr": "Doctor"}}]}))
            .unwrap();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![present("u1", json!({"mail": "ada@example.com", "jobTitle": "Dr", "accountEnabled": true}))]);
    world.cycle();
    change(&world, "ada@example.com", "title", json!("Doctor"));
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap().changed, 0);
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn accounts_are_local_unassigned_or_assigned() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.cycle();
    world.target.plant("User", "t8", json!({"userName": "BO@example.com"}));
    world.target.plant("User", "t9", json!({"userName": "nobody@example.com"}));
    let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    let counts = report.accounts.get("User").unwrap();
    assert_eq!((counts.local, counts.unassigned, counts.assigned), (1, 1, 1));
    let of = |id: &str| report.unlinked.iter().find(|account| account.target_id == id).unwrap();
    assert_eq!((of("t8").source_id.as_deref(), of("t9").source_id.as_deref()), (Some("u2"), None));
}
