//! The decision table of Microsoft's service once more, for groups: the same as for people, but that groups cannot be disabled. Row 6 needs
//! a required attribute besides the matching one, and row 8 one that tells who is disabled at the source; groups have neither.

use scimkit_types::Value;
use serde_json::json;

use crate::world::{World, deleted, group_mapping, job, present, soft_deleted};

/// An assigned group that the directory tells, of whatever it has.
fn with_group(attributes: serde_json::Value) -> World {
    let world = World::new();
    world.source.assign("Group", &["g1"]);
    world.source.tell("Group", vec![present("g1", attributes)]);
    world
}

/// An assigned group that is in the service.
fn with_linked_group() -> World {
    let world = with_group(json!({"displayName": "Readers"}));
    assert_eq!(world.cycle().created, 1);
    world.target.requests.lock().unwrap().clear();
    world
}

fn names(world: &World) -> Vec<String> {
    let content = world.target.content("Group");
    content.iter().filter_map(|group| group.get("displayName").and_then(Value::as_str).map(str::to_owned)).collect()
}

/// Row 1 of the decision table of Microsoft's service.
#[test]
fn an_assigned_group_is_created_once() {
    let world = with_linked_group();
    assert_eq!((names(&world), world.log.of("g1")), (vec!["Readers".to_owned()], vec!["Create Success".to_owned()]));
    assert_eq!(world.cycle().written(), 0);
}

/// Row 2 of the decision table of Microsoft's service.
#[test]
fn no_group_is_created_where_the_mapping_does_not_create() {
    let mut world = with_group(json!({"displayName": "Readers"}));
    let mut mapping = group_mapping();
    mapping.flow_types = "Update,Delete".to_owned();
    world.job = job(&[mapping]);
    world.cycle();
    assert_eq!(world.log.of("g1"), ["Other Skipped ActionNotAllowed"]);
    assert!(world.target.writes().is_empty());
}

/// Row 3 of the decision table of Microsoft's service.
#[test]
fn a_group_with_the_matching_value_is_adopted() {
    let world = with_group(json!({"displayName": "Readers"}));
    world.target.plant("Group", "t9", json!({"displayName": "Readers"}));
    world.cycle();
    assert_eq!(world.log.of("g1").first().unwrap(), "Update Success");
    assert_eq!(names(&world), ["Readers"]);
}

/// Row 4 of the decision table of Microsoft's service.
#[test]
fn several_groups_with_the_matching_value_are_a_failure() {
    let world = with_group(json!({"displayName": "Readers"}));
    world.target.plant("Group", "t8", json!({"displayName": "Readers"}));
    world.target.plant("Group", "t9", json!({"displayName": "Readers"}));
    world.cycle();
    assert_eq!(world.log.of("g1"), ["Other Failure DuplicateTargetEntries"]);
    assert!(world.target.writes().is_empty());
}

/// Row 5 of the decision table of Microsoft's service.
#[test]
fn a_group_without_matching_value_is_a_failure() {
    let world = with_group(json!({"description": "Nobody knows"}));
    world.cycle();
    assert_eq!(world.log.of("g1"), ["Other Failure MissingMatchingValue"]);
    assert!(world.target.writes().is_empty());
}

/// Row 7 of the decision table of Microsoft's service.
#[test]
fn a_group_that_is_not_assigned_is_left_alone() {
    let world = World::new();
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers"}))]);
    world.cycle();
    assert_eq!(world.log.of("g1"), ["Other Skipped NotAssigned"]);
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// Row 9 of the decision table of Microsoft's service.
#[test]
fn a_changed_group_is_written_without_being_read() {
    let world = with_linked_group();
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Writers"}))]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(
        (names(&world), world.target.requests.lock().unwrap().as_slice()),
        (vec!["Writers".to_owned()], &["patch Group".to_owned()][..])
    );
}

/// Row 10 of the decision table of Microsoft's service.
#[test]
fn a_change_of_a_group_without_effect_is_skipped() {
    let world = with_linked_group();
    world.source.tell("Group", vec![present("g1", json!({"description": "They read"}))]);
    world.cycle();
    assert_eq!(world.log.of("g1").last().unwrap(), "Other Skipped RedundantExport");
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// Row 11 of the decision table of Microsoft's service.
#[test]
fn a_group_whose_resource_is_gone_is_a_failure_and_is_made_again_when_it_is_tried_again() {
    let world = with_linked_group();
    world.target.resources.lock().unwrap().clear();
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Writers"}))]);
    world.cycle();
    assert_eq!(world.log.of("g1").last().unwrap(), "Update Failure InvalidAnchor");
    world.advance(6);
    assert_eq!(world.cycle().created, 1);
}

/// Rows 12 and 13 of the decision table of Microsoft's service: a group cannot be disabled, so that it is deleted.
#[test]
fn a_group_that_is_unassigned_or_soft_deleted_is_deleted() {
    let world = with_linked_group();
    world.source.unassign("g1");
    assert_eq!(world.cycle().deleted, 1);
    assert!(names(&world).is_empty());

    let world = with_linked_group();
    world.source.tell("Group", vec![soft_deleted("g1")]);
    assert_eq!(world.cycle().deleted, 1);
    assert!(names(&world).is_empty());
}

/// Row 14 of the decision table of Microsoft's service.
#[test]
fn a_group_that_is_gone_for_good_is_deleted() {
    let world = with_linked_group();
    world.source.tell("Group", vec![deleted("g1")]);
    assert_eq!(world.cycle().deleted, 1);
    assert!(names(&world).is_empty());
}

/// Row 15 of the decision table of Microsoft's service, where groups are kept.
#[test]
fn a_group_that_was_released_and_is_deleted_then_is_left_alone() {
    let mut world = with_linked_group();
    world.job.out_of_scope = scimkit_provisioning::OutOfScope::Keep;
    world.source.unassign("g1");
    world.cycle();
    world.source.tell("Group", vec![deleted("g1")]);
    assert_eq!(world.cycle().written(), 0);
    assert_eq!(names(&world), ["Readers"]);
}

/// Row 16 of the decision table of Microsoft's service: what was deleted is made anew.
#[test]
fn a_group_that_comes_back_is_created_again() {
    let world = with_linked_group();
    world.source.unassign("g1");
    world.cycle();
    world.source.assign("Group", &["g1"]);
    assert_eq!(world.cycle().created, 1);
    assert_eq!(names(&world), ["Readers"]);
}

/// Row 17 of the decision table of Microsoft's service.
#[test]
fn of_two_groups_with_one_name_the_second_is_a_failure() {
    let world = World::new();
    world.source.assign("Group", &["g1", "g2"]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers"})), present("g2", json!({"displayName": "Readers"}))]);
    assert_eq!(world.cycle().created, 1);
    assert_eq!(world.log.of("g2"), ["Other Failure DuplicateSourceEntries"]);
}
