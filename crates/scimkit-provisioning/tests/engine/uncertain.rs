//! Changes of which nobody knows whether they were done, and which are not wanted any more when that can be found out.

use scimkit_provisioning::SourceChange;
use scimkit_types::Value;
use serde_json::json;

use crate::world::{Fault, World, deleted, person, present, soft_deleted};

/// Lets the next requests meet faults, counted from 1.
fn fail(world: &World, faults: &[(usize, Fault)]) {
    let sent = world.target.requests.lock().unwrap().len();
    world.target.faults.lock().unwrap().extend(faults.iter().map(|(number, fault)| (sent + number, *fault)));
}

/// The requests since it was asked last.
fn requests(world: &World) -> Vec<String> {
    std::mem::take(&mut world.target.requests.lock().unwrap())
}

fn titled(title: &str) -> SourceChange {
    present("u1", json!({"jobTitle": title}))
}

fn title(world: &World) -> Option<String> {
    world.target.user("ada@example.com")?.get("title").and_then(Value::as_str).map(str::to_owned)
}

fn members(world: &World) -> Vec<String> {
    let group = world.target.content("Group").pop().unwrap();
    let members = group.get("members").map(Value::elements).unwrap_or_default();
    members.iter().filter_map(|member| member.as_complex()?.get("value")?.as_str()).map(str::to_owned).collect()
}

/// A person with a title whose next one is refused, though it was written.
fn with_uncertain_title() -> World {
    let world = World::with_linked_person();
    world.source.tell("User", vec![titled("Pilot")]);
    world.cycle();
    world.source.tell("User", vec![titled("Captain")]);
    fail(&world, &[(1, Fault::FailedAfter)]);
    assert_eq!(world.cycle().failures(), 1);
    assert_eq!(title(&world).as_deref(), Some("Captain"));
    requests(&world);
    world
}

#[test]
fn an_attribute_that_is_taken_back_is_written_again() {
    let world = with_uncertain_title();
    world.source.tell("User", vec![titled("Pilot")]);
    world.cycle();
    assert_eq!(title(&world).as_deref(), Some("Pilot"));
    assert_eq!(requests(&world), ["get User", "patch User"]);
    world.advance(24);
    assert_eq!(world.cycle().written(), 0);
    assert_eq!(requests(&world), [""; 0]);
}

#[test]
fn a_change_that_was_done_is_not_sent_again() {
    let world = with_uncertain_title();
    world.cycle();
    assert_eq!(requests(&world), [""; 0], "its time has not come");
    world.advance(6);
    world.cycle();
    assert_eq!(requests(&world), ["get User"]);
    world.advance(24);
    world.cycle();
    assert_eq!(requests(&world), [""; 0]);
}

/// The state may not take a change for undone only because the service could not be asked.
#[test]
fn nothing_is_decided_before_it_is_known() {
    let world = with_uncertain_title();
    world.source.tell("User", vec![titled("Pilot")]);
    fail(&world, &[(1, Fault::Failed)]);
    assert_eq!(world.cycle().failures(), 1);
    assert_eq!(requests(&world), ["get User"]);
    world.advance(12);
    world.cycle();
    assert_eq!(title(&world).as_deref(), Some("Pilot"));
}

#[test]
fn a_name_that_is_taken_back_is_free_again() {
    let world = World::with_linked_person();
    let named = |name: &str| vec![present("u1", json!({"mail": name}))];
    world.source.tell("User", named("bo@example.com"));
    fail(&world, &[(1, Fault::FailedAfter)]);
    assert_eq!(world.cycle().failures(), 1);
    let mut changes = named("ada@example.com");
    changes.push(person("u2", "bo@example.com"));
    world.source.tell("User", changes);
    world.source.assign("User", &["u2"]);
    world.cycle();
    assert!(world.target.user("ada@example.com").is_some() && world.target.user("bo@example.com").is_some());
    assert_eq!(world.target.content("User").len(), 2);
}

#[test]
fn a_member_who_is_taken_back_is_removed_and_one_who_stays_is_added() {
    let world = World::new();
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones", "members+": ["u1"]}))]);
    world.source.assign("User", &["u1", "u2"]);
    world.cycle();
    let before = members(&world);
    world.source.tell("Group", vec![present("g1", json!({"members+": ["u2"], "members-": ["u1"]}))]);
    fail(&world, &[(1, Fault::FailedAfter)]);
    assert_eq!(world.cycle().failures(), 1);
    assert_ne!(members(&world), before);
    requests(&world);
    world.source.tell("Group", vec![present("g1", json!({"members-": ["u2"], "members+": ["u1"]}))]);
    world.cycle();
    assert_eq!(members(&world), before);
    assert_eq!(requests(&world), ["patch Group"]);
    world.advance(24);
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn an_account_that_may_have_been_deleted_is_there_again_with_its_owner() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![deleted("u1")]);
    fail(&world, &[(1, Fault::FailedAfter)]);
    assert_eq!(world.cycle().failures(), 1);
    assert!(world.target.user("ada@example.com").is_none());
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    assert!(world.target.user("ada@example.com").is_some());
}

/// A page of a gateway says nothing of what the service did.
#[test]
fn a_deletion_that_is_answered_by_no_answer_is_confirmed_by_reading() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![deleted("u1")]);
    fail(&world, &[(1, Fault::GarbledAfter)]);
    assert_eq!(world.cycle().failures(), 0);
    assert_eq!(requests(&world), ["delete User", "get User"]);
    assert_eq!(world.target.content("User"), []);
}

/// What may have been made is looked up before it is sent again, also if the request was given up for the lease.
#[test]
fn an_expired_create_that_may_have_been_done_is_looked_up() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    fail(&world, &[(2, Fault::ExpiredAfter)]);
    assert_eq!(world.cycle().created, 1);
    assert_eq!(requests(&world), ["find User", "create User", "find User"]);
    assert_eq!(world.target.content("User").len(), 1);
}

/// Somebody whose account may have been made and cannot be asked for, also in the next cycle, when they are gone and somebody else changes.
fn with_uncertain_account(gone: SourceChange) -> World {
    let world = World::with_linked_person();
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    fail(&world, &[(2, Fault::After), (3, Fault::Failed)]);
    assert_eq!(world.cycle().failures(), 1);
    requests(&world);
    world.source.tell("User", vec![titled("Pilot"), gone]);
    fail(&world, &[(1, Fault::Failed)]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(requests(&world), ["find User", "patch User"]);
    world
}

/// Found by a simulation: what was begun was forgotten for an action of a later plan that stood in the same place.
#[test]
fn what_may_have_been_made_is_looked_for_after_other_plans_too() {
    let world = with_uncertain_account(soft_deleted("u2"));
    assert_eq!(world.cycle().settled, 1);
    let active = world.target.user("bo@example.com").unwrap().get("active").and_then(Value::as_bool);
    assert_eq!(active, Some(false));
}

#[test]
fn an_account_that_may_have_been_made_is_deleted_with_its_owner() {
    let world = with_uncertain_account(deleted("u2"));
    assert_eq!(world.cycle().deleted, 1);
    assert!(world.target.user("bo@example.com").is_none());
    assert_eq!(world.target.content("User").len(), 1);
}
