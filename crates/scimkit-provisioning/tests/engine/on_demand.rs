//! One object at once.

use scimkit_provisioning::{ErrorCode, EventAction, EventStatus, TargetErrorKind};
use serde_json::json;

use crate::world::{World, block_on, person, present};

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
