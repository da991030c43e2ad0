//! What goes wrong around the engine: mistakes at the source, odd services, other writers.

use scimkit_mapping::AttributeMapping;
use scimkit_provisioning::{CycleError, MatchingChoice, MatchingPolicy, SourceErrorKind, TargetErrorKind};
use scimkit_store::Table;
use scimkit_types::{Clock, Value, schema};
use serde_json::json;

use crate::world::{Fault, World, group_mapping, job, person, present, soft_deleted, user_mapping};

fn members(world: &World) -> Vec<String> {
    let groups = world.target.content("Group");
    let members = groups.first().and_then(|group| group.get("members")).map(Value::elements).unwrap_or_default();
    members.iter().map(|member| member.as_complex().unwrap().get("value").unwrap().as_str().unwrap().to_owned()).collect()
}

fn id(world: &World, user_name: &str) -> String {
    world.target.user(user_name).unwrap().id().unwrap().to_owned()
}

/// A mass deletion that was a mistake and is put right at the source is not done.
#[test]
fn what_the_source_puts_right_is_read_before_a_held_cycle_goes_on() {
    let mut world = World::new();
    world.job.deletion_threshold = Some(1);
    let people = || (1..4).map(|number| person(&format!("u{number}"), &format!("p{number}@example.com"))).collect();
    world.source.assign("User", &["u1", "u2", "u3"]);
    world.source.tell("User", people());
    world.cycle();
    world.source.tell("User", vec![soft_deleted("u1"), soft_deleted("u2"), soft_deleted("u3")]);
    assert!(matches!(world.try_cycle(), Err(CycleError::TooManyDeletes { planned: 3, threshold: 1 })));
    world.source.tell("User", people());
    assert_eq!(world.cycle().written(), 0);
}

/// A first round tells every object whole: what it does not tell is not so any more.
#[test]
fn a_stream_that_starts_over_replaces_what_was_known() {
    let world = World::new();
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com"), person("u3", "cy@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones", "members+": ["u1", "u2"]}))]);
    world.cycle();
    let members_before = members(&world);
    assert_eq!(members_before.len(), 2);
    // The members come on two pages, as those of a large group do.
    world.source.start_over(
        "Group",
        vec![
            present("g1", json!({"displayName": "Phones", "members+": ["u2"]})),
            present("g2", json!({"displayName": "Other"})),
            present("g1", json!({"members+": ["u3"]})),
        ],
    );
    world.cycle();
    assert_eq!(members(&world), [id(&world, "bo@example.com"), id(&world, "cy@example.com")]);
    assert_eq!(world.target.user("ada@example.com").unwrap().get("active"), Some(&Value::Boolean(false)), "access ends with membership");
}

/// A lost answer to a create, of an object that the service cannot be asked for, must not stop every later cycle.
#[test]
fn a_create_that_cannot_be_looked_up_fails_its_object_alone() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.target.unaskable.lock().unwrap().insert("ada@example.com".to_owned(), TargetErrorKind::Rejected);
    // Users are listed; the second request is the first create.
    world.target.faults.lock().unwrap().insert(2, Fault::After);
    let report = world.cycle();
    assert_eq!((report.created, report.failures()), (1, 1));
    world.target.unaskable.lock().unwrap().clear();
    world.advance(6);
    assert_eq!(world.cycle().failures(), 0);
    assert_eq!(world.target.content("User").len(), 2, "the resource was adopted, not made twice");
}

/// The same when the process was killed after the request.
#[test]
fn an_open_create_that_cannot_be_looked_up_does_not_stop_every_cycle() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    // The create's answer is lost, and the question for what it made does not arrive.
    world.target.faults.lock().unwrap().extend([(2, Fault::After), (3, Fault::Before)]);
    assert!(world.try_cycle().is_err());
    world.target.unaskable.lock().unwrap().insert("ada@example.com".to_owned(), TargetErrorKind::ServerError);
    assert!(world.cycle().failures() > 0);
    world.target.unaskable.lock().unwrap().clear();
    world.advance(6);
    world.cycle();
    assert_eq!(world.target.content("User").len(), 2);
}

/// What was sent is looked up as it was sent, also where the job matches otherwise by now.
#[test]
fn an_open_create_is_found_after_the_mappings_changed() {
    let mut world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.target.faults.lock().unwrap().extend([(2, Fault::After), (3, Fault::Before)]);
    assert!(world.try_cycle().is_err());

    let mut mapping = user_mapping();
    mapping.attribute_mappings = vec![
        AttributeMapping::new("externalId", r#"Append("x-", [displayName])"#).matching(1),
        AttributeMapping::new("userName", "[mail]"),
    ];
    world.job = job(&[mapping]);
    world.job.fingerprint = "2".to_owned();
    let report = world.cycle();
    assert_eq!((report.settled, report.failures()), (1, 0));
    let user = world.target.user("ada@example.com").unwrap();
    assert_eq!(user.external_id(), Some("x-Person u1"));
    assert_eq!(world.target.content("User").len(), 1);
}

#[test]
fn a_query_that_breaks_the_service_fails_its_object_alone() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.target.unaskable.lock().unwrap().insert("ada@example.com".to_owned(), TargetErrorKind::ServerError);
    assert_eq!(world.cycle().failures(), 1);
}

/// The new name is not sent when a person leaves, so nobody else's claim to it may keep the account active.
#[test]
fn a_person_who_leaves_is_disabled_whoever_has_the_new_name() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.cycle();
    world.source.tell("User", vec![present("u1", json!({"mail": "bo@example.com"}))]);
    world.source.unassign("u1");
    assert_eq!(world.cycle().disabled, 1);
    assert_eq!(world.target.user("ada@example.com").unwrap().get("active"), Some(&Value::Boolean(false)));
}

#[test]
fn references_follow_a_resource_that_was_made_again() {
    let world = World::new();
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones", "members+": ["u1", "u2"]}))]);
    world.cycle();
    world.cycle();
    world.target.remove("User", "ada@example.com");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    world.cycle();
    world.advance(6);
    assert_eq!(world.cycle().created, 1);
    let mut expected = [id(&world, "ada@example.com"), id(&world, "bo@example.com")];
    let mut found = members(&world);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn what_is_linked_can_be_read_while_another_worker_has_the_job() {
    let world = World::with_linked_person();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (now, hour) = (world.clock.now(), std::time::Duration::from_secs(3600));
        let lease = world.state.lease(&world.job.id, "another", None, now, hour).await.unwrap();
        let engine = world.engine();
        assert_eq!(engine.linked().await.unwrap().len(), 1);
        assert_eq!(engine.unprovisioned().await.unwrap(), []);
        assert!(world.state.lease(&world.job.id, "another", Some(lease.fence), now, hour).await.is_ok(), "the job was not taken away");
    });
}

#[test]
fn ids_that_cannot_be_kept_are_the_fault_of_the_source() {
    for change in [person("u\0", "ada@example.com"), person("", "ada@example.com"), present("u1", json!({"manager+": ["u\0"]}))] {
        let world = World::new();
        world.source.tell("User", vec![change]);
        let error = world.try_cycle().unwrap_err();
        assert!(matches!(&error, CycleError::Source(error) if error.kind == SourceErrorKind::Invalid), "{error}");
        assert!(!error.is_transient());
    }
}

/// Characters that separate the parts of keys, and one that databases refuse.
#[test]
fn matching_values_may_hold_any_character() {
    let world = World::new();
    world.target.plant("User", "t8", json!({"userName": "ada\u{1f}@example.com"}));
    world.target.plant("User", "t9", json!({"userName": "bo\0@example.com"}));
    world.source.assign("User", &["u1", "u2", "u3"]);
    world.source.tell("User", vec![person("u1", "ada"), person("u2", "bo\0@example.com"), person("u3", "cy\0@example.com")]);
    let report = world.cycle();
    assert_eq!((report.created, report.updated, report.failures()), (2, 1, 0));
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn objects_of_a_type_without_mapping_do_not_pile_up_as_work() {
    let mut world = World::new();
    world.job = job(&[user_mapping()]);
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones", "members+": ["u1"]}))]);
    assert_eq!(world.cycle().created, 1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pending = runtime.block_on(world.state.scan(&world.job.id, Table::Pending, "", None, 10)).unwrap();
    assert_eq!(pending, []);
    world.job = job(&[user_mapping(), group_mapping()]);
    world.job.fingerprint = "2".to_owned();
    assert_eq!(world.cycle().created, 1, "a mapping that comes later finds them");
}

#[test]
fn a_change_of_a_person_who_is_disabled_already_is_not_a_removal() {
    let mut world = World::with_linked_person();
    world.source.tell("User", vec![present("u1", json!({"accountEnabled": false}))]);
    assert_eq!(world.cycle().disabled, 1);
    world.job.deletion_threshold = Some(0);
    world.source.tell("User", vec![present("u1", json!({"displayName": "Ada"}))]);
    let report = world.cycle();
    assert_eq!((report.disabled, report.updated), (0, 1));
}

/// Whatever in the mappings makes a person inactive counts for the guard.
#[test]
fn a_mapping_that_makes_a_person_inactive_is_a_removal() {
    let mut world = World::new();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.retain(|mapping| mapping.target_attribute_name != "active");
    mapping.attribute_mappings.push(AttributeMapping::new("active", r#"Switch([jobTitle], "True", "Gone", "False")"#));
    world.job = job(&[mapping]);
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    world.job.deletion_threshold = Some(0);
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Gone"}))]);
    assert!(matches!(world.try_cycle(), Err(CycleError::TooManyDeletes { planned: 1, .. })));
}

/// Whoever the list does not show is asked for otherwise, so nobody is made twice and the cycle is not lost.
#[test]
fn objects_are_asked_for_where_a_list_is_not_complete() {
    let reasons = ["the page from 4 on is the one before", "it counts 7 resources and shows 6", "you may not"];
    for (number, why) in reasons.into_iter().enumerate() {
        let world = with_six_people_on_both_sides();
        match number {
            0 => *world.target.ignores_start_index.lock().unwrap() = true,
            1 => *world.target.overcounts.lock().unwrap() = 1,
            _ => world.target.forbids.lock().unwrap().push("list"),
        }
        let report = world.cycle();
        let decision = report.matching.get("User").unwrap();
        assert_eq!((decision.choice, decision.unlistable.as_deref()), (MatchingChoice::Filters, Some(why)));
        assert_eq!((report.created, report.updated, report.failures()), (0, 6, 0), "{report:?}");
        assert_eq!(world.target.content("User").len(), 6);
    }
}

fn with_six_people_on_both_sides() -> World {
    let mut world = World::new();
    world.job.matching = MatchingPolicy::Listing;
    for number in 0..6 {
        world.target.plant("User", &format!("x{number}"), json!({"userName": format!("p{number}@example.com")}));
    }
    let ids: Vec<String> = (0..6).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.source.tell("User", (0..6).map(|number| person(&format!("u{number}"), &format!("p{number}@example.com"))).collect());
    world
}

/// After a failure that says nothing about its object, only what is under way is finished, for references too.
#[test]
fn no_reference_is_sent_after_the_service_stopped_answering() {
    let mut world = World::new();
    world.job.concurrency = 2;
    let ids: Vec<String> = (0..20).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let people = ids.iter().map(|id| present(id, json!({"mail": format!("{id}@example.com"), "displayName": "P", "manager+": ["u0"]})));
    world.source.tell("User", people.collect());
    // One page is listed and 20 people are created; then their managers are written.
    world.target.faults.lock().unwrap().extend((22..60).map(|number| (number, Fault::Before)));
    assert!(world.try_cycle().is_err());
    let sent = world.target.writes().iter().filter(|request| request.starts_with("patch")).count();
    assert!(sent <= 2, "{sent} references were sent");
}

/// References that were written do not take an object out of escrow whose attributes were refused.
#[test]
fn a_refused_change_is_tried_again_though_references_were_written() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    let ada = present("u1", json!({"mail": "ada@example.com", "displayName": "Ada", "manager+": ["u2"]}));
    world.source.tell("User", vec![ada, person("u2", "bo@example.com")]);
    world.cycle();
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    *world.target.refused_path.lock().unwrap() = Some("title".to_owned());
    assert_eq!(world.cycle().failures(), 1);
    *world.target.refused_path.lock().unwrap() = None;
    world.advance(6);
    world.cycle();
    assert_eq!(world.target.user("ada@example.com").unwrap().get("title").and_then(Value::as_str), Some("Engineer"));
}

/// An object whose references fail is asked for less and less often, as any other.
#[test]
fn the_back_off_of_references_grows() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    let ada = present("u1", json!({"mail": "ada@example.com", "displayName": "Ada", "manager+": ["u2"]}));
    world.source.tell("User", vec![ada, person("u2", "bo@example.com")]);
    *world.target.refused_path.lock().unwrap() = Some(format!("{}:manager", schema::ENTERPRISE_USER));
    let failures = |world: &World| world.log.of("u1").iter().filter(|line| line.starts_with("Update Failure")).count();
    world.cycle();
    assert_eq!(failures(&world), 1);
    for (hours, expected) in [(6, 2), (6, 2), (6, 3), (12, 3), (12, 4)] {
        world.advance(hours);
        world.cycle();
        assert_eq!(failures(&world), expected, "after {hours} more hours");
    }
}
