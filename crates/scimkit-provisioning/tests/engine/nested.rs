//! Groups in assigned groups, which count if the job says so.

use scimkit_provisioning::SourceChange;
use serde_json::json;

use crate::world::{World, deleted, person, present};

/// Users u1 to u4, of whom each is a member of the group of the same number; g1 is assigned and has g2, and g2 has g3.
fn world(expands: bool) -> World {
    let mut world = World::new();
    world.job.expands_nested_groups = expands;
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", (1..=4).map(|number| person(&format!("u{number}"), &format!("p{number}@example.com"))).collect());
    world.source.tell("Group", vec![group(1, &["u1", "g2"]), group(2, &["u2", "g3"]), group(3, &["u3"]), group(4, &["u4"])]);
    world
}

fn group(number: usize, members: &[&str]) -> SourceChange {
    present(&format!("g{number}"), json!({"displayName": format!("Group {number}"), "securityEnabled": true, "members+": members}))
}

/// The numbers of the users that the service has and that are active.
fn users(world: &World) -> Vec<usize> {
    let is_active = |number: &usize| {
        let user = world.target.user(&format!("p{number}@example.com"));
        user.is_some_and(|user| user.get("active").and_then(scimkit_types::Value::as_bool) == Some(true))
    };
    (1..=4).filter(is_active).collect()
}

#[test]
fn nested_groups_give_no_scope_unless_the_job_says_so() {
    let mut world = world(false);
    world.cycle();
    assert_eq!((users(&world), world.target.content("Group").len()), (vec![1], 1));

    world.job.expands_nested_groups = true;
    world.cycle();
    assert_eq!((users(&world), world.target.content("Group").len()), (vec![1, 2, 3], 3));

    world.job.expands_nested_groups = false;
    world.cycle();
    assert_eq!((users(&world), world.target.content("Group").len()), (vec![1], 1));
}

#[test]
fn a_change_of_a_nested_membership_evaluates_the_users_concerned() {
    let world = world(true);
    world.cycle();
    world.source.tell("Group", vec![present("g3", json!({"members+": ["u4"], "members-": ["u3"]}))]);
    let report = world.cycle();
    assert_eq!((report.created, report.disabled), (1, 1));
    assert_eq!(users(&world), [1, 2, 4]);

    // A group that is put in brings its members, and one that is taken out or deleted takes them along.
    world.source.tell("Group", vec![present("g2", json!({"members-": ["g3"]})), present("g1", json!({"members+": ["g4"]}))]);
    world.cycle();
    assert_eq!(users(&world), [1, 2, 4], "u4 is in by another group now");
    world.source.tell("Group", vec![deleted("g2")]);
    world.cycle();
    assert_eq!(users(&world), [1, 4]);
    assert_eq!(world.cycle().written(), 0, "nothing is left to do");
}

#[test]
fn groups_that_are_members_of_each_other_come_to_an_end() {
    let world = world(true);
    world.source.tell("Group", vec![present("g3", json!({"members+": ["g1", "g3"]}))]);
    world.cycle();
    world.cycle();
    assert_eq!(users(&world), [1, 2, 3]);
}

#[test]
fn a_nested_group_that_is_not_security_enabled_gives_no_scope() {
    let world = world(true);
    world.source.tell("Group", vec![present("g2", json!({"securityEnabled": false}))]);
    world.cycle();
    world.cycle();
    assert_eq!(users(&world), [1]);
}

/// Groups g10 to g27, each in the one before; the user of the last level that counts is in, and that of the next one is not.
#[test]
fn nesting_is_followed_up_to_sixteen_levels() {
    let mut world = World::new();
    world.job.expands_nested_groups = true;
    world.source.assign("Group", &["g10"]);
    world.source.tell("User", vec![person("u1", "p1@example.com"), person("u2", "p2@example.com")]);
    let members = |number: usize| match number {
        26 => vec!["u1".to_owned(), "g27".to_owned()],
        27 => vec!["u2".to_owned()],
        other => vec![format!("g{}", other + 1)],
    };
    let chain = (10..=27).map(|number| {
        let members = members(number);
        group(number, &members.iter().map(String::as_str).collect::<Vec<_>>())
    });
    world.source.tell("Group", chain.collect());
    world.cycle();
    assert_eq!(users(&world), [1]);
}
