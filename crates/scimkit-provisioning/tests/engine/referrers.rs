//! Who refers to an object that lost its link is found by an index.

use std::sync::Arc;

use scimkit_store::state::Table;
use serde_json::json;

use crate::counted::CountedState;
use crate::world::{World, person, present};

/// A directory of so many people, of whom the first has the second as manager; the manager's account is lost.
fn world(people: usize) -> (World, Arc<CountedState>) {
    let state = Arc::new(CountedState::default());
    let mut world = World::new();
    world.state = Arc::clone(&state) as _;
    let ids: Vec<String> = (1..=people).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut round: Vec<_> = ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect();
    round.push(present("u1", json!({"manager+": ["u2"]})));
    world.source.tell("User", round);
    world.cycle();
    world.target.remove("User", "u2@example.com");
    world.source.tell("User", vec![present("u2", json!({"jobTitle": "Engineer"}))]);
    (world, state)
}

/// The manager's account is found to be gone, and made again.
#[track_caller]
fn check_manager_follows(world: &World) {
    world.cycle();
    world.advance(6);
    assert_eq!(world.cycle().created, 1);
    let id = |name: &str| world.target.user(name).unwrap().id().unwrap().to_owned();
    let user = serde_json::to_value(world.target.user("u1@example.com").unwrap()).unwrap();
    let manager = user.pointer("/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value");
    assert_eq!(manager.and_then(|manager| manager.as_str()), Some(id("u2@example.com").as_str()), "{user}");
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn whoever_else_is_in_the_directory_is_not_read_for_a_lost_link() {
    let read = [3, 700].map(|people| {
        let (world, state) = world(people);
        state.take();
        check_manager_follows(&world);
        state.take().read(Table::Record)
    });
    assert_eq!(read[0], read[1]);
}
