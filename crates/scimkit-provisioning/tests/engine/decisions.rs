//! What is done with one object.

use scimkit_mapping::ObjectFlow;
use scimkit_provisioning::{ErrorCode, ResetScope, WhenGone};
use scimkit_types::Value;
use serde_json::json;

use crate::world::{World, block_on, deleted, group_mapping, job, person, present, soft_deleted, user_mapping};

fn active(world: &World, user_name: &str) -> Option<bool> {
    world.target.user(user_name)?.get("active").and_then(Value::as_bool)
}

/// Row 1 of the decision table of Microsoft's service.
#[test]
fn an_assigned_person_is_created_once() {
    let world = World::with_linked_person();
    assert_eq!(active(&world, "ada@example.com"), Some(true));
    assert_eq!(world.log.of("u1"), ["Create Success"]);
    assert_eq!(world.cycle().written(), 0);
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// Row 2 of the decision table of Microsoft's service.
#[test]
fn nothing_is_created_where_the_job_does_not_create() {
    let mut world = World::new();
    let mut mapping = user_mapping();
    mapping.flow_types = "Update,Delete".to_owned();
    assert!(!mapping.allows(ObjectFlow::Create));
    world.job = job(&[mapping]);
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    assert_eq!(world.log.of("u1"), ["Other Skipped ActionNotAllowed"]);
    assert!(world.target.writes().is_empty());
}

/// Row 3 of the decision table of Microsoft's service.
#[test]
fn a_resource_with_the_matching_value_is_adopted_and_only_its_differences_are_sent() {
    let world = World::new();
    world.target.plant(
        "User",
        "t9",
        json!({"userName": "ADA@example.com", "active": true, "nickName": "A", "emails": [{"type": "home", "value": "a@home.example"}]}),
    );
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    assert_eq!(world.cycle().updated, 1);
    let user = world.target.user("ada@example.com").unwrap();
    assert_eq!(user.id(), Some("t9"));
    assert_eq!(user.get("nickName").and_then(Value::as_str), Some("A"), "an attribute without a mapping is never changed");
    assert_eq!(user.get("emails").unwrap().elements().len(), 2, "an element that no mapping owns is never changed");
}

/// Row 4 of the decision table of Microsoft's service.
#[test]
fn several_resources_with_the_matching_value_are_a_failure() {
    let world = World::new();
    world.target.plant("User", "t8", json!({"userName": "ada@example.com"}));
    world.target.plant("User", "t9", json!({"userName": "Ada@example.com"}));
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    assert_eq!(world.log.of("u1"), ["Other Failure DuplicateTargetEntries"]);
    assert!(world.target.writes().is_empty());
}

/// Row 5 of the decision table of Microsoft's service.
#[test]
fn a_person_without_matching_value_is_a_failure() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![present("u1", json!({"displayName": "Nobody"}))]);
    world.cycle();
    assert_eq!(world.log.of("u1"), ["Other Failure MissingMatchingValue"]);
    assert!(world.target.writes().is_empty());
}

/// Row 7 of the decision table of Microsoft's service.
#[test]
fn a_person_who_is_not_assigned_is_left_alone() {
    let world = World::new();
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    assert_eq!(world.log.of("u1"), ["Other Skipped NotAssigned"]);
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// Row 8 of the decision table of Microsoft's service.
#[test]
fn a_disabled_person_is_never_created() {
    for enabled in [json!(false), json!("False")] {
        let world = World::new();
        world.source.assign("User", &["u1"]);
        world.source.tell("User", vec![present("u1", json!({"mail": "ada@example.com", "accountEnabled": enabled}))]);
        world.cycle();
        assert_eq!(world.log.of("u1"), ["Other Skipped Disabled"]);
    }
}

/// Row 9 of the decision table of Microsoft's service.
#[test]
fn a_change_sends_only_what_differs_from_what_was_last_written() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(world.target.requests.lock().unwrap().as_slice(), ["patch User"], "the target is not read");
    assert_eq!(world.target.user("ada@example.com").unwrap().get("title").and_then(Value::as_str), Some("Engineer"));
}

#[test]
fn a_value_that_the_source_lost_is_kept() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![present("u1", json!({"displayName": null}))]);
    world.cycle();
    assert_eq!(world.log.of("u1").last().unwrap(), "Other Skipped RedundantExport");
    assert_eq!(world.target.user("ada@example.com").unwrap().get("displayName").and_then(Value::as_str), Some("Person u1"));
}

/// Row 12 of the decision table of Microsoft's service.
#[test]
fn a_person_who_is_unassigned_is_disabled_and_then_left_alone() {
    let world = World::with_linked_person();
    world.source.unassign("u1");
    assert_eq!(world.cycle().disabled, 1);
    assert_eq!(active(&world, "ada@example.com"), Some(false));
    world.source.tell("User", vec![deleted("u1")]);
    assert_eq!(world.cycle().written(), 0, "an object that left the scope is no longer managed");
    assert!(world.target.user("ada@example.com").is_some());
}

#[test]
fn only_active_changes_when_a_person_leaves_the_scope() {
    let world = World::with_linked_person();
    world.source.unassign("u1");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Gone"}))]);
    world.cycle();
    assert_eq!(world.target.user("ada@example.com").unwrap().get("title"), None);
}

/// Row 16 of the decision table of Microsoft's service.
#[test]
fn a_person_who_comes_back_is_active_again() {
    let world = World::with_linked_person();
    world.source.unassign("u1");
    world.cycle();
    world.source.assign("User", &["u1"]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(active(&world, "ada@example.com"), Some(true));
}

/// While somebody is out of the scope their account is left to others, so it is read once when they come back, and no sooner.
#[test]
fn an_account_that_others_changed_meanwhile_is_put_right_when_its_person_comes_back() {
    let world = World::with_linked_person();
    world.source.unassign("u1");
    world.cycle();
    let mut changed = world.target.user("ada@example.com").unwrap();
    changed.insert("displayName", "Somebody else");
    world.target.replace("User", changed);
    world.target.requests.lock().unwrap().clear();
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Pilot"}))]);
    world.cycle();
    assert!(world.target.requests.lock().unwrap().is_empty());

    world.source.assign("User", &["u1"]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(*world.target.requests.lock().unwrap(), ["get User", "patch User"]);
    let user = world.target.user("ada@example.com").unwrap();
    assert_eq!(active(&world, "ada@example.com"), Some(true));
    assert_eq!(user.get("displayName").and_then(Value::as_str), Some("Person u1"));
    assert_eq!(user.get("title").and_then(Value::as_str), Some("Pilot"));
}

/// Row 13 of the decision table of Microsoft's service.
#[test]
fn a_person_who_is_disabled_or_soft_deleted_is_disabled() {
    for change in [present("u1", json!({"accountEnabled": false})), soft_deleted("u1")] {
        let world = World::with_linked_person();
        world.source.tell("User", vec![change]);
        assert_eq!(world.cycle().disabled, 1);
        assert_eq!(active(&world, "ada@example.com"), Some(false));
        world.source.tell("User", vec![deleted("u1")]);
        assert_eq!(world.cycle().deleted, 1, "a disabled person is still managed");
        assert!(world.target.user("ada@example.com").is_none());
    }
}

/// Row 14 of the decision table of Microsoft's service.
#[test]
fn a_person_who_is_gone_for_good_is_deleted() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![deleted("u1")]);
    assert_eq!(world.cycle().deleted, 1);
    assert!(world.target.user("ada@example.com").is_none());
}

/// Row 17 of the decision table of Microsoft's service.
#[test]
fn of_two_people_with_one_matching_value_the_second_is_a_failure() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u2", "ADA@example.com"), person("u1", "ada@example.com")]);
    assert_eq!(world.cycle().created, 1);
    assert_eq!(world.log.of("u2"), ["Other Failure DuplicateSourceEntries"]);
    assert!(world.target.user("ada@example.com").is_some());

    world.source.tell("User", vec![present("u2", json!({"displayName": "Again"}))]);
    world.cycle();
    assert_eq!(world.log.of("u2").last().unwrap(), "Other Failure DuplicateSourceEntries");
}

#[test]
fn a_renamed_person_keeps_the_resource() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![present("u1", json!({"mail": "ada.king@example.com"}))]);
    assert_eq!(world.cycle().updated, 1);
    assert!(world.target.user("ada.king@example.com").is_some());
    assert_eq!(world.target.content("User").len(), 1);

    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "ada@example.com")]);
    assert_eq!(world.cycle().created, 1, "the old name is free");
}

/// Row 11 of the decision table of Microsoft's service.
#[test]
fn a_resource_that_is_gone_is_matched_again_when_the_object_is_tried_again() {
    let world = World::with_linked_person();
    world.target.remove("User", "ada@example.com");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    world.cycle();
    assert_eq!(world.log.of("u1").last().unwrap(), "Update Failure InvalidAnchor");
    world.advance(6);
    assert_eq!(world.cycle().created, 1);
}

/// Row 11 as Microsoft's service has it: the cached id is dead until somebody restarts the job.
#[test]
fn a_resource_that_is_gone_fails_until_a_restart_where_the_job_says_so() {
    let mut world = World::with_linked_person();
    world.job.when_gone = WhenGone::Fail;
    let gone = world.target.user("ada@example.com").unwrap();
    world.target.remove("User", "ada@example.com");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    for _ in 0..2 {
        assert_eq!(world.cycle().failures(), 1);
        assert_eq!(world.log.of("u1").last().unwrap(), "Update Failure InvalidAnchor");
        world.advance(12);
    }
    assert!(world.target.content("User").is_empty());

    // Somebody who restores the resource has it changed; a restart makes another one.
    world.target.plant("User", gone.id().unwrap(), serde_json::to_value(&gone).unwrap());
    assert_eq!(world.cycle().updated, 1);
    world.target.remove("User", "ada@example.com");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Head"}))]);
    assert_eq!(world.cycle().failures(), 1);
    block_on(world.engine().restart(ResetScope::CONNECTOR_DATA_STORE)).unwrap();
    world.source.start_over("User", vec![person("u1", "ada@example.com")]);
    world.source.expired.lock().unwrap().take();
    assert_eq!(world.cycle().created, 1);
}

/// A group that is gone is tried ever more seldom, though nothing but its members is to be written.
#[test]
fn references_of_a_resource_that_is_gone_back_off_where_the_job_makes_no_other_one() {
    let mut world = World::new();
    world.job = job(&[user_mapping(), group_mapping()]);
    world.job.when_gone = WhenGone::Fail;
    world.source.assign("User", &["u1", "u2"]);
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Crew", "members+": ["u1"]}))]);
    world.cycle();
    let gone = world.target.resources.lock().unwrap().remove("Group").unwrap();
    world.source.tell("Group", vec![present("g1", json!({"members+": ["u2"]}))]);
    let failures = [0, 6, 6, 6].map(|hours| {
        world.advance(hours);
        world.cycle().failures()
    });
    assert_eq!(failures, [1, 1, 0, 1]);
    assert_eq!(world.log.of("g1").last().unwrap(), "Update Failure InvalidAnchor");

    // Somebody who restores the group has it written.
    world.target.resources.lock().unwrap().insert("Group".to_owned(), gone);
    world.advance(24);
    world.cycle();
    let members = world.target.content("Group").remove(0).get("members").map(|members| members.elements().len());
    assert_eq!(members, Some(2));
}

#[test]
fn a_person_who_is_disabled_is_so_even_if_the_new_name_is_taken() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.cycle();
    world.source.tell("User", vec![present("u1", json!({"mail": "bo@example.com", "accountEnabled": false}))]);
    assert_eq!(world.cycle().disabled, 1);
    assert_eq!(active(&world, "ada@example.com"), Some(false));
    assert_eq!(active(&world, "bo@example.com"), Some(true));
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Gone"}))]);
    assert_eq!(world.cycle().written(), 0);
}

/// Row 6 of the decision table of Microsoft's service.
#[test]
fn a_person_without_a_required_value_is_a_failure() {
    let mut world = World::new();
    let mut mapping = user_mapping();
    for attribute in &mut mapping.attribute_mappings {
        if attribute.target_attribute_name == "userName" {
            *attribute = scimkit_mapping::AttributeMapping::new("userName", "[login]");
        } else if attribute.target_attribute_name == "externalId" {
            *attribute = attribute.clone().matching(1);
        }
    }
    world.job = job(&[mapping]);
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    assert_eq!(world.log.of("u1"), ["Other Failure MissingValues"]);
    assert!(world.target.writes().is_empty());
}

/// Row 10 of the decision table of Microsoft's service.
#[test]
fn a_change_without_effect_is_skipped() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![present("u1", json!({"officeLocation": "B7"}))]);
    world.cycle();
    assert_eq!(world.log.of("u1").last().unwrap(), "Other Skipped RedundantExport");
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// Row 12 of the decision table of Microsoft's service, with objects that are kept.
#[test]
fn a_person_who_is_unassigned_stays_where_the_job_keeps_such_people() {
    let mut world = World::with_linked_person();
    world.job.out_of_scope = scimkit_provisioning::OutOfScope::Keep;
    world.source.unassign("u1");
    world.cycle();
    assert_eq!(active(&world, "ada@example.com"), Some(true));
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "new@example.com")]);
    assert_eq!(world.cycle().updated, 1);
}

/// One who was let go, and whom the job keeps in the service.
fn with_kept_person() -> World {
    let mut world = World::with_linked_person();
    world.job.out_of_scope = scimkit_provisioning::OutOfScope::Keep;
    world.source.unassign("u1");
    world.cycle();
    assert_eq!(world.log.of("u1").last().unwrap(), "Other Skipped NotInScope");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    world.cycle();
    assert!(world.target.requests.lock().unwrap().is_empty(), "an account that was let go is neither read nor written");
    world
}

/// Others may change an account that was let go; whoever comes back is brought in step, by one read.
#[test]
fn a_person_who_was_kept_is_read_and_brought_in_step_on_coming_back() {
    let world = with_kept_person();
    let mut changed = world.target.user("ada@example.com").unwrap();
    changed.insert("displayName", "Somebody");
    world.target.replace("User", changed);
    world.source.assign("User", &["u1"]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(*world.target.requests.lock().unwrap(), ["get User", "patch User"]);
    let user = world.target.user("ada@example.com").unwrap();
    let text = |name: &str| user.get(name).and_then(Value::as_str);
    assert_eq!((text("displayName"), text("title")), (Some("Person u1"), Some("Engineer")));

    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Head"}))]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(*world.target.requests.lock().unwrap(), ["get User", "patch User", "patch User"], "it is read once");
}

#[test]
fn a_person_who_was_kept_and_comes_back_unchanged_is_not_written() {
    let mut world = World::with_linked_person();
    world.job.out_of_scope = scimkit_provisioning::OutOfScope::Keep;
    world.source.unassign("u1");
    world.cycle();
    world.source.assign("User", &["u1"]);
    assert_eq!(world.cycle().written(), 0);
    assert_eq!(world.log.of("u1").last().unwrap(), "Other Skipped RedundantExport");
    assert_eq!(*world.target.requests.lock().unwrap(), ["get User"]);
    world.source.tell("User", vec![deleted("u1")]);
    assert_eq!(world.cycle().deleted, 1, "who came back is managed again");
}

/// Row 15 of the decision table of Microsoft's service, with objects that are kept.
#[test]
fn a_person_who_was_kept_and_is_deleted_then_is_left_alone() {
    for change in [soft_deleted("u1"), deleted("u1")] {
        let world = with_kept_person();
        world.source.tell("User", vec![change]);
        assert_eq!(world.cycle().written(), 0);
        assert_eq!(active(&world, "ada@example.com"), Some(true));
        assert!(world.target.requests.lock().unwrap().is_empty());
    }
}

/// Row 15 of the decision table of Microsoft's service.
#[test]
fn a_person_who_was_released_and_is_deleted_then_is_left_alone() {
    let world = World::with_linked_person();
    world.source.unassign("u1");
    assert_eq!(world.cycle().disabled, 1);
    world.source.tell("User", vec![deleted("u1")]);
    assert_eq!(world.cycle().written(), 0);
    assert_eq!(active(&world, "ada@example.com"), Some(false));
    assert!(block_on(world.engine().linked()).unwrap().is_empty());
}

#[test]
fn what_the_job_does_not_allow_is_not_done() {
    let mut world = World::with_linked_person();
    world.job.actions.disable = false;
    world.job.actions.create = false;
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.source.unassign("u1");
    let report = world.cycle();
    assert_eq!((report.written(), report.skipped.get(&ErrorCode::ActionNotAllowed)), (0, Some(&2)), "{report:?}");
    world.job.actions = Default::default();
    world.job.actions.delete = false;
    world.source.tell("User", vec![deleted("u1")]);
    let report = world.cycle();
    assert_eq!(report.deleted, 0, "{report:?}");
}

/// Row 15 of the decision table of Microsoft's service, where leaving the scope sends nothing: the job does not disable, does not update,
/// or has no mapping that tells who is inactive.
#[test]
fn a_person_who_left_without_being_disabled_and_is_deleted_then_is_left_alone() {
    let ways: [fn(&mut World); 3] = [
        |world| world.job.actions.disable = false,
        |world| world.job.actions.update = false,
        |world| {
            let mut mapping = user_mapping();
            mapping.attribute_mappings.retain(|attribute| attribute.target_attribute_name != "active");
            world.job = job(&[mapping]);
        },
    ];
    for (number, forbid) in ways.into_iter().enumerate() {
        let mut world = World::with_linked_person();
        forbid(&mut world);
        world.source.unassign("u1");
        world.cycle();
        assert_eq!(world.log.of("u1").last().unwrap(), "Other Skipped ActionNotAllowed", "{number}");
        world.source.tell("User", vec![deleted("u1")]);
        assert_eq!(world.cycle().deleted, 0, "{number}");
        assert_eq!(active(&world, "ada@example.com"), Some(true), "{number}");
        assert!(world.target.requests.lock().unwrap().is_empty(), "{number}");
    }
}
