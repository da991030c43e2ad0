//! Cycles that are disturbed at every request end in the same state as if they had not been.

use scimkit_types::Value;
use serde_json::json;

use crate::world::{Fault, World, deleted, person, present, soft_deleted};

fn tell_first_day(world: &World) {
    world.source.assign("Group", &["g1"]);
    world.source.assign("User", &["u5"]);
    let people = (1..6).map(|number| {
        present(
            &format!("u{number}"),
            json!({"mail": format!("p{number}@example.com"), "displayName": format!("P {number}"), "manager+": ["u5"]}),
        )
    });
    world.source.tell("User", people.collect());
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones", "members+": ["u1", "u2", "u3", "u4"]}))]);
}

fn tell_next_day(world: &World) {
    world.source.tell(
        "User",
        vec![
            present("u1", json!({"mail": "renamed@example.com"})),
            soft_deleted("u2"),
            deleted("u3"),
            person("u6", "p6@example.com"),
            present("u4", json!({"manager-": ["u5"], "manager+": ["u1"]})),
        ],
    );
    world.source.tell("Group", vec![present("g1", json!({"members-": ["u3", "u4"], "members+": ["u6"]}))]);
}

/// Runs both days, each until its cycle ends well, and gives the content of the service by name.
fn outcome(world: &World) -> Vec<String> {
    let mut failed = 0;
    for tell in [tell_first_day, tell_next_day] {
        tell(world);
        while let Err(error) = world.try_cycle() {
            assert!(error.is_transient(), "{error}");
            failed += 1;
            assert!(failed < 10, "the cycle never ends well: {error}");
        }
    }
    world.advance(6);
    while world.try_cycle().is_err() {}
    assert_eq!(world.cycle().written(), 0);
    named(world)
}

/// The content of the service with names in the place of ids, in order.
fn named(world: &World) -> Vec<String> {
    let resources = world.target.resources.lock().unwrap();
    let all = || resources.iter().flat_map(|(kind, all)| all.values().map(move |resource| (kind, resource)));
    let mut text: Vec<String> = all()
        .map(|(kind, resource)| {
            let mut resource = resource.clone();
            resource.remove("id");
            if let Some(Value::List(members)) = resource.get_mut("members") {
                members.sort_by_key(|member| serde_json::to_string(member).unwrap());
            }
            format!("{kind} {}", serde_json::to_string(&resource).unwrap())
        })
        .collect();
    for (_, resource) in all() {
        let name = resource.get("userName").or_else(|| resource.get("displayName")).and_then(Value::as_str).unwrap();
        let id = format!("\"{}\"", resource.id().unwrap());
        for line in &mut text {
            *line = line.replace(&id, &format!("\"<{name}>\""));
        }
    }
    for line in &mut text {
        // Members are sorted by id above; names are what must be equal.
        if let Some((head, tail)) = line.split_once("\"members\":[") {
            let (list, rest) = tail.split_once(']').unwrap();
            let mut members: Vec<&str> = list.split("},").map(|member| member.trim_end_matches('}')).collect();
            members.sort_unstable();
            *line = format!("{head}\"members\":[{}]{rest}", members.join(","));
        }
    }
    text.sort();
    text
}

/// Convergence, idempotence and crash safety: a request that does not arrive, and one whose answer is lost, at every place.
#[test]
fn a_lost_request_or_answer_anywhere_changes_nothing_in_the_end() {
    let undisturbed = World::new();
    let expected = outcome(&undisturbed);
    let requests = undisturbed.target.requests.lock().unwrap().len();
    assert!(requests > 15);
    for number in 1..=requests {
        for fault in [Fault::Before, Fault::After] {
            let world = World::new();
            world.target.faults.lock().unwrap().insert(number, fault);
            assert_eq!(outcome(&world), expected, "{fault:?} at request {number}");
        }
    }
}

/// A service that cannot be asked for one object's matching value fails that object alone.
#[test]
fn a_refused_query_fails_its_object_alone() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.target.faults.lock().unwrap().insert(1, Fault::Rejected);
    assert_eq!(world.cycle().failures(), 1);
    assert_eq!(world.log.of("u1"), ["Other Failure Rejected"]);
    world.advance(6);
    assert_eq!(world.cycle().created, 1);
}

/// A refused object is put into escrow and tried again; the others are not held up.
#[test]
fn a_refused_object_does_not_stop_the_cycle_and_is_tried_again() {
    let world = World::new();
    let expected = outcome(&World::new());
    // Users are listed, the group is asked for; the third request is the first create.
    world.target.faults.lock().unwrap().insert(3, Fault::Rejected);
    tell_first_day(&world);
    let report = world.cycle();
    assert_eq!((report.created, report.failures()), (5, 1));
    tell_next_day(&world);
    world.cycle();
    assert_eq!(world.log.of("u1").first().unwrap(), "Create Failure Rejected");
    world.advance(6);
    world.cycle();
    assert_eq!(named(&world), expected);
}
