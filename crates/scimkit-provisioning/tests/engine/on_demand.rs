//! One object at once.

use scimkit_mapping::AttributeMapping;
use scimkit_provisioning::{ErrorCode, EventAction, EventStatus, TargetErrorKind};
use scimkit_types::Value;
use serde_json::json;

use crate::world::{World, block_on, job, person, present, user_mapping};

fn steps(report: &scimkit_provisioning::OnDemandReport) -> Vec<&str> {
    report.steps.iter().map(|step| step.name.as_str()).collect()
}

#[test]
fn an_object_is_provisioned_at_once_and_its_five_steps_are_shown() {
    let world = World::with_linked_person();
    world.source.assign("User", &["u2", "u3"]);
    world.source.tell("User", vec![person("u2", "bo@example.com"), person("u3", "cy@example.com")]);
    world.target.forbids.lock().unwrap().push("create");
    world.cycle();
    world.target.forbids.lock().unwrap().clear();
    let report = block_on(world.engine().provision_on_demand("User", "u2")).unwrap();
    assert_eq!((report.action, report.status), (EventAction::Create, EventStatus::Success), "{report:?}");
    let names = ["EntryImportAdd", "EntrySynchronizationScoping", "EntryImport", "EntrySynchronizationAdd", "EntryExportAdd"];
    assert_eq!(steps(&report), names);
    assert!(report.source.iter().any(|(name, _)| name == "mail"));
    assert!(report.modified_properties.iter().any(|change| change.name == "userName"));
    assert!(world.target.user("bo@example.com").is_some() && world.target.user("cy@example.com").is_none(), "nobody else");
    let again = block_on(world.engine().provision_on_demand("User", "u2")).unwrap();
    assert_eq!((again.status, again.code), (EventStatus::Skipped, Some(ErrorCode::RedundantExport)));
}

#[test]
fn what_a_mapping_redacts_is_not_shown_of_the_source_either() {
    let mut world = World::with_linked_person();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.retain(|attribute| attribute.target_attribute_name != "title");
    mapping.attribute_mappings.push(AttributeMapping::new("title", "Redact([jobTitle])"));
    world.job.mappings = job(&[mapping]).mappings;
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Spy"}))]);
    world.cycle();
    let report = block_on(world.engine().provision_on_demand("User", "u1")).unwrap();
    let source = report.source.iter().find(|(name, _)| name == "jobTitle").map(|(_, value)| value);
    assert_eq!(source, Some(&Value::from("[Redact]")), "{report:?}");
    assert!(!serde_json::to_string(&report).unwrap().contains("Spy"));
    assert_eq!(world.target.user("ada@example.com").unwrap().get("title").and_then(Value::as_str), Some("Spy"));
}

#[test]
fn references_come_with_the_object() {
    let world = World::with_linked_person();
    world.source.assign("Group", &["g1"]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1"]}))]);
    world.target.forbids.lock().unwrap().push("create");
    world.cycle();
    world.target.forbids.lock().unwrap().clear();
    let report = block_on(world.engine().provision_on_demand("Group", "g1")).unwrap();
    assert_eq!(report.action, EventAction::Create);
    assert!(report.modified_properties.iter().any(|change| change.name == "members"), "{report:?}");
}

#[test]
fn the_step_that_decides_is_the_last() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.cycle();
    let report = block_on(world.engine().provision_on_demand("User", "u2")).unwrap();
    assert_eq!((report.code, steps(&report).len()), (Some(ErrorCode::NotAssigned), 2));
    let report = block_on(world.engine().provision_on_demand("User", "nobody")).unwrap();
    assert_eq!((report.status, steps(&report)), (EventStatus::Failure, vec!["EntryImport"]));
}

#[test]
fn a_test_of_the_connection_that_fails_is_shown_alone() {
    let world = World::with_linked_person();
    world.target.unaskable.lock().unwrap().insert("userName".to_owned(), TargetErrorKind::Unauthorized);
    let report = block_on(world.engine().provision_on_demand("User", "u1")).unwrap();
    assert_eq!((report.status, steps(&report)), (EventStatus::Failure, vec!["TestConnection"]));
    assert!(report.reason.unwrap().contains("refuses the token (401)"));
}

/// A source that can read one object is asked for it, and for who is assigned: nothing has to be read by a cycle before.
#[test]
fn the_object_is_read_from_the_source() {
    let world = World::with_linked_person();
    *world.source.reads_one.lock().unwrap() = true;
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "bo@example.com"), person("u1", "new@example.com")]);
    let report = block_on(world.engine().provision_on_demand("User", "u2")).unwrap();
    assert_eq!((report.action, report.status, steps(&report).len()), (EventAction::Create, EventStatus::Success, 5), "{report:?}");
    let report = block_on(world.engine().provision_on_demand("User", "u1")).unwrap();
    assert_eq!(report.action, EventAction::Update);
    assert!(world.target.user("new@example.com").is_some());
    assert_eq!(world.cycle().written(), 0, "the cycle that reads it as well has nothing to do");

    world.source.unassign("u2");
    let report = block_on(world.engine().provision_on_demand("User", "u2")).unwrap();
    assert_eq!(report.action, EventAction::Disable, "{report:?}");
    let report = block_on(world.engine().provision_on_demand("User", "nobody")).unwrap();
    assert_eq!((report.status, steps(&report)), (EventStatus::Failure, vec!["EntryImport"]));
}

fn group_of_seven() -> World {
    let world = World::new();
    *world.source.reads_one.lock().unwrap() = true;
    let ids: Vec<String> = (1..8).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.source.tell("User", ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect());
    assert_eq!(world.cycle().created, 7);
    world.source.assign("Group", &["g1"]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ids}))]);
    world
}

fn members(world: &World) -> usize {
    world.target.content("Group").first().unwrap().get("members").map_or(0, |members| members.elements().len())
}

#[test]
fn a_group_gets_five_members_at_once_and_the_others_in_the_next_cycle() {
    let world = group_of_seven();
    let report = block_on(world.engine().provision_on_demand("Group", "g1")).unwrap();
    assert_eq!((report.action, report.members_left, members(&world)), (EventAction::Create, 2, 5), "{report:?}");
    world.cycle();
    assert_eq!(members(&world), 7);
    let report = block_on(world.engine().provision_on_demand("Group", "g1")).unwrap();
    assert_eq!((report.status, report.members_left), (EventStatus::Skipped, 0));
}

#[test]
fn members_can_be_named_and_are_no_more_than_five() {
    let world = group_of_seven();
    let ids = ["u1", "u2", "u3", "u4", "u5", "u6"];
    let report = block_on(world.engine().provision_members_on_demand("Group", "g1", &ids)).unwrap();
    assert_eq!((report.status, report.reason.as_deref()), (EventStatus::Failure, Some("expected at most 5 members, found 6")));
    assert!(world.target.content("Group").is_empty());
    let report = block_on(world.engine().provision_members_on_demand("Group", "g1", &["u7", "u2", "nobody"])).unwrap();
    assert_eq!((report.members_left, members(&world)), (5, 2), "{report:?}");
    let change = report.modified_properties.iter().find(|change| change.name == "members").unwrap();
    let id = |name: &str| world.target.user(name).unwrap().id().unwrap().to_owned();
    let mut expected = [id("u2@example.com"), id("u7@example.com")];
    expected.sort();
    assert_eq!(serde_json::to_value(&change.new).unwrap(), json!(expected));
    world.cycle();
    assert_eq!(members(&world), 7);
}

/// Five members can be named, one of whom has left; whoever else is to be added waits for the next cycle.
#[test]
fn five_named_members_are_added_and_removed() {
    let world = group_of_seven();
    let first = ["u1", "u2", "u3", "u4", "u5"];
    let report = block_on(world.engine().provision_members_on_demand("Group", "g1", &first)).unwrap();
    assert_eq!((report.status, report.members_left, members(&world)), (EventStatus::Success, 2, 5), "{report:?}");
    world.source.tell("Group", vec![present("g1", json!({"members-": ["u1"]}))]);
    let named = ["u1", "u6", "u7", "u2", "u3"];
    let report = block_on(world.engine().provision_members_on_demand("Group", "g1", &named)).unwrap();
    assert_eq!((report.status, report.members_left, members(&world)), (EventStatus::Success, 0, 6), "{report:?}");
    // The cycles tell both changes again, one after the other.
    for _ in 0..2 {
        world.cycle();
    }
    assert_eq!((members(&world), world.cycle().written()), (6, 0));
}

/// Found by a simulation: what an on-demand call had written by mappings that no cycle ever saw stayed when they changed back.
#[test]
fn what_was_written_by_other_mappings_is_written_again_when_they_change_back() {
    let mut world = World::with_linked_person();
    let before = world.job.clone();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.push(AttributeMapping::new("nickName", r#"Append([displayName], "!")"#));
    mapping.attribute_mappings.retain(|mapping| mapping.target_attribute_name != "displayName");
    mapping.attribute_mappings.push(AttributeMapping::new("displayName", r#"Append([displayName], "?")"#));
    world.job = job(&[mapping]);
    world.job.fingerprint = "other".to_owned();
    let display_name =
        |world: &World| world.target.user("ada@example.com").unwrap().get("displayName").unwrap().as_str().unwrap().to_owned();
    assert_eq!(block_on(world.engine().provision_on_demand("User", "u1")).unwrap().action, EventAction::Update);
    assert_eq!(display_name(&world), "Person u1?");
    world.job = before;
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(display_name(&world), "Person u1");
    assert_eq!(world.cycle().written(), 0);
}
