//! Matching values that move from one object to another in one cycle.

use scimkit_provisioning::DriftPolicy;
use scimkit_types::Value;
use serde_json::json;

use crate::world::{Fault, World, block_on, deleted, person, present};

/// People by id with their mails, all in the service.
fn linked(people: &[(&str, &str)]) -> World {
    let world = World::new();
    let ids: Vec<&str> = people.iter().map(|(id, _)| *id).collect();
    world.source.assign("User", &ids);
    world.source.tell("User", people.iter().map(|(id, mail)| person(id, mail)).collect());
    assert_eq!(world.cycle().created, people.len() as u64);
    world
}

/// Tells new mails and runs a cycle without a failure; then each resource has the name of its person.
#[track_caller]
fn check_moves(before: &[(&str, &str)], after: &[(&str, &str)]) {
    let world = linked(before);
    let ids: Vec<(String, Option<String>)> = before.iter().map(|(id, mail)| ((*id).to_owned(), target_id(&world, mail))).collect();
    let new: Vec<&str> = after.iter().map(|(id, _)| *id).filter(|id| !before.iter().any(|(known, _)| known == id)).collect();
    world.source.assign("User", &new);
    world.source.tell("User", after.iter().map(|(id, mail)| person(id, mail)).collect());
    let report = world.cycle();
    assert_eq!(report.failures(), 0, "{report:?} {:?}", after.iter().map(|(id, _)| world.log.of(id)).collect::<Vec<_>>());
    for (id, mail) in after {
        let user = world.target.user(mail).unwrap_or_else(|| panic!("{mail} is missing"));
        let known = ids.iter().find(|(known, _)| known == id).and_then(|(_, target_id)| target_id.clone());
        assert!(known.is_none() || user.id().map(str::to_owned) == known, "{id} has another resource");
        let mails = user.get("emails").unwrap().elements().iter().filter_map(|mail| mail.as_complex()?.get("value")?.as_str());
        assert_eq!(mails.collect::<Vec<_>>(), [*mail]);
    }
    assert_eq!(world.target.content("User").len(), after.len());
    assert_eq!(world.cycle().written(), 0);
}

fn target_id(world: &World, user_name: &str) -> Option<String> {
    world.target.user(user_name)?.id().map(str::to_owned)
}

#[test]
fn a_value_that_one_gives_up_another_takes_in_the_same_cycle() {
    check_moves(&[("u1", "x@example.com")], &[("u1", "y@example.com"), ("u2", "x@example.com")]);
    check_moves(&[("u2", "x@example.com")], &[("u1", "x@example.com"), ("u2", "y@example.com")]);
}

#[test]
fn a_row_of_renamings_moves_up_in_one_cycle() {
    let before = [("u1", "a@example.com"), ("u2", "b@example.com"), ("u3", "c@example.com"), ("u4", "d@example.com")];
    let up = [("u1", "b@example.com"), ("u2", "c@example.com"), ("u3", "d@example.com"), ("u4", "e@example.com")];
    let down = [("u1", "z@example.com"), ("u2", "a@example.com"), ("u3", "b@example.com"), ("u4", "c@example.com")];
    check_moves(&before, &up);
    check_moves(&before, &down);
}

#[test]
fn two_who_change_names_get_each_others() {
    check_moves(&[("u1", "x@example.com"), ("u2", "y@example.com")], &[("u1", "y@example.com"), ("u2", "x@example.com")]);
}

#[test]
fn a_ring_of_names_moves_round() {
    check_moves(
        &[("u1", "a@example.com"), ("u2", "b@example.com"), ("u3", "c@example.com"), ("u4", "d@example.com")],
        &[("u1", "c@example.com"), ("u2", "a@example.com"), ("u3", "b@example.com"), ("u4", "d@example.org")],
    );
}

#[test]
fn the_name_of_somebody_who_is_deleted_is_free() {
    let world = linked(&[("u1", "x@example.com")]);
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "x@example.com"), deleted("u1")]);
    let report = world.cycle();
    assert_eq!((report.created, report.deleted, report.failures()), (1, 1, 0), "{report:?}");
    let external_id = world.target.user("x@example.com").unwrap().get("externalId").and_then(Value::as_str).map(str::to_owned);
    assert_eq!(external_id.as_deref(), Some("u2"));
}

#[test]
fn who_wants_the_name_of_somebody_who_keeps_it_fails_with_all_who_wait_for_theirs() {
    let world = linked(&[("u1", "a@example.com"), ("u2", "b@example.com"), ("u3", "c@example.com")]);
    world.source.tell("User", vec![person("u1", "b@example.com"), person("u2", "c@example.com")]);
    let report = world.cycle();
    assert_eq!((report.updated, report.failures()), (0, 2), "{report:?}");
    assert_eq!(world.log.of("u1").last().unwrap(), "Other Failure DuplicateSourceEntries");
    assert!(world.target.user("a@example.com").is_some());
}

#[test]
fn of_two_who_want_a_free_name_the_first_gets_it() {
    let world = linked(&[("u1", "x@example.com")]);
    world.source.assign("User", &["u2", "u3"]);
    world.source.tell("User", vec![person("u1", "y@example.com"), person("u2", "x@example.com"), person("u3", "x@example.com")]);
    let report = world.cycle();
    assert_eq!((report.created, report.updated, report.failures()), (1, 1, 1), "{report:?}");
    assert_eq!(world.log.of("u3").last().unwrap(), "Other Failure DuplicateSourceEntries");
}

#[test]
fn a_name_that_could_not_be_given_up_is_not_taken() {
    let world = linked(&[("u1", "x@example.com")]);
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u1", "y@example.com"), person("u2", "x@example.com")]);
    *world.target.refused_path.lock().unwrap() = Some("userName".to_owned());
    let report = world.cycle();
    assert_eq!((report.created, report.failures()), (0, 2), "{report:?}");
    assert_eq!(world.log.of("u2").last().unwrap(), "Create Failure DuplicateSourceEntries");
    assert_eq!(world.target.content("User").len(), 1);
}

/// Whoever could not have a name is told of it when it is free, not when the back-off lets them ask again, which ends after four weeks.
#[test]
fn who_waits_for_a_name_gets_it_in_the_cycle_in_which_it_is_free() {
    for days in [1, 40] {
        let world = linked(&[("u1", "a@example.com"), ("u2", "b@example.com"), ("u3", "c@example.com")]);
        world.source.tell("User", vec![person("u1", "b@example.com"), person("u2", "c@example.com")]);
        assert_eq!(world.cycle().failures(), 2);
        for _ in 0..days {
            world.advance(25);
            assert_eq!(world.cycle().written(), 0);
        }
        world.source.tell("User", vec![deleted("u3")]);
        let report = world.cycle();
        assert_eq!((report.deleted, report.updated, report.failures()), (1, 2, 0), "after {days} days: {report:?}");
        assert!(world.target.user("a@example.com").is_none());
        for (id, mail) in [("u1", "b@example.com"), ("u2", "c@example.com")] {
            assert_eq!(world.target.user(mail).unwrap().external_id(), Some(id));
        }
    }
}

/// Of two who are due at different times neither gets the name of the other one unless both are planned at once.
#[test]
fn who_has_a_name_and_failed_before_is_planned_with_whoever_wants_it() {
    let world = linked(&[("u1", "a@example.com"), ("u2", "b@example.com")]);
    world.source.tell("User", vec![person("u1", "b@example.com")]);
    assert_eq!(world.cycle().failures(), 1);
    world.advance(1);
    world.source.tell("User", vec![person("u2", "a@example.com")]);
    let report = world.cycle();
    assert_eq!((report.failures(), report.imported), (0, 1), "{report:?}");
    for (id, mail) in [("u1", "b@example.com"), ("u2", "a@example.com")] {
        assert_eq!(world.target.user(mail).unwrap().external_id(), Some(id));
    }
    world.advance(25);
    assert_eq!(world.cycle().written(), 0);
}

/// Whoever fails in a cycle is not planned once more in it for the others that want what they have.
#[test]
fn who_failed_in_a_cycle_is_not_planned_again_in_it() {
    let world = linked(&[("u1", "a@example.com"), ("u2", "b@example.com"), ("u3", "c@example.com")]);
    world.source.tell("User", vec![person("u1", "b@example.com"), person("u2", "c@example.com")]);
    world.cycle();
    world.advance(7);
    let report = world.cycle();
    assert_eq!(report.failures(), 2, "{report:?}");
    assert_eq!(world.log.of("u1").len(), 1 + 2);
    assert_eq!(world.log.of("u2").len(), 1 + 2);
}

/// Whoever waits for a name is planned once, also if the walk over those that are marked comes to them later.
#[test]
fn who_waits_for_a_name_is_created_once_when_it_is_free() {
    let world = linked(&[("u1", "a@example.com")]);
    world.source.assign("User", &["u0", "u2"]);
    world.source.tell("User", vec![person("u0", "a@example.com"), person("u2", "a@example.com")]);
    assert_eq!(world.cycle().failures(), 2);
    world.source.tell("User", vec![person("u1", "b@example.com")]);
    let report = world.cycle();
    assert_eq!((report.created, report.updated, report.failures()), (1, 1, 1), "{report:?}");
    assert_eq!(world.target.content("User").len(), 2);
    assert_eq!(world.target.user("a@example.com").unwrap().external_id(), Some("u0"));

    world.source.tell("User", vec![person("u0", "c@example.com")]);
    let report = world.cycle();
    assert_eq!((report.created, report.updated, report.failures()), (1, 1, 0), "{report:?}");
    assert_eq!(world.target.content("User").len(), 3);
    assert_eq!(world.target.user("a@example.com").unwrap().external_id(), Some("u2"));
}

/// `u2` has the name that `u1` is to have, who waits for it in escrow.
fn with_waiter() -> World {
    let world = linked(&[("u2", "x@example.com")]);
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "x@example.com")]);
    world.cycle();
    assert_eq!(world.log.of("u1"), ["Other Failure DuplicateSourceEntries"]);
    assert_eq!(world.cycle().failures(), 0, "its time has not come");
    world.target.requests.lock().unwrap().clear();
    world
}

/// A cycle without any time in between makes the resource of the waiter.
#[track_caller]
fn check_waiter_has_it(world: &World) {
    let report = world.cycle();
    assert_eq!((report.created, report.failures()), (1, 0), "{report:?}");
    let user = world.target.user("x@example.com").unwrap();
    assert_eq!(user.get("externalId").and_then(Value::as_str), Some("u1"));
}

#[test]
fn who_waits_for_the_name_of_a_resource_that_is_gone_gets_it() {
    let world = with_waiter();
    world.target.remove("User", "x@example.com");
    world.source.tell("User", vec![present("u2", json!({"jobTitle": "Engineer"}))]);
    world.cycle();
    assert_eq!(world.log.of("u2").last().unwrap(), "Update Failure InvalidAnchor");
    check_waiter_has_it(&world);
}

#[test]
fn who_waits_for_the_name_of_a_resource_that_is_found_gone_after_a_doubt_gets_it_in_the_same_cycle() {
    let world = with_waiter();
    world.source.tell("User", vec![present("u2", json!({"jobTitle": "Engineer"}))]);
    world.target.faults.lock().unwrap().insert(1, Fault::Failed);
    assert_eq!(world.cycle().failures(), 1);
    world.target.remove("User", "x@example.com");
    world.source.unassign("u2");
    check_waiter_has_it(&world);
}

#[test]
fn who_waits_for_the_name_of_a_resource_that_drift_found_gone_gets_it() {
    let world = with_waiter();
    world.target.remove("User", "x@example.com");
    world.source.unassign("u2");
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap().gone, 1);
    check_waiter_has_it(&world);
}

/// The service renames and says that it failed; that it did not is found out when the object is looked at again.
#[test]
fn who_waits_for_a_name_that_was_given_up_without_an_answer_gets_it_in_the_cycle_that_finds_it_out() {
    let world = with_waiter();
    world.source.tell("User", vec![person("u2", "y@example.com")]);
    // The one who waits is looked up, then the other one is renamed.
    world.target.faults.lock().unwrap().insert(2, Fault::FailedAfter);
    assert_eq!(world.cycle().failures(), 2);
    assert_eq!(world.log.of("u1").last().unwrap(), "Create Failure DuplicateSourceEntries");
    world.source.tell("User", vec![present("u2", json!({"jobTitle": "Engineer"}))]);
    check_waiter_has_it(&world);
    assert_eq!(world.target.user("y@example.com").unwrap().get("title").and_then(Value::as_str), Some("Engineer"));
    assert_eq!(world.cycle().written(), 0);
}
