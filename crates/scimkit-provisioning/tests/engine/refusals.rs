//! A service that refuses everything.

use scimkit_provisioning::{CycleError, ErrorCode, QuarantineReason, ResetScope, StatusCode};

use crate::world::{World, block_on, person};

fn company(people: usize) -> World {
    let world = World::new();
    let ids: Vec<String> = (0..people).map(|number| format!("u{number:03}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.source.tell("User", ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect());
    world
}

#[test]
fn a_service_that_refuses_every_write_is_not_asked_for_each_object() {
    let mut world = company(200);
    world.job.concurrency = 4;
    world.target.forbids.lock().unwrap().push("create");
    let error = world.try_cycle().unwrap_err();
    assert!(matches!(&error, CycleError::Refused { refused, message } if *refused < 20 && message.contains("you may not")), "{error}");
    assert!(world.target.writes().len() < 20, "{}", world.target.writes().len());
    let status = block_on(world.engine().status()).unwrap().status;
    assert_eq!(status.code, StatusCode::Quarantine);
    assert_eq!(status.quarantine.unwrap().reason, QuarantineReason::Exception);

    world.target.forbids.lock().unwrap().clear();
    block_on(world.engine().restart(ResetScope::ESCROWS)).unwrap();
    assert_eq!(world.cycle().created, 200);
    assert_eq!(block_on(world.engine().status()).unwrap().status.code, StatusCode::Active);
}

#[test]
fn other_actions_are_done_when_one_kind_is_refused() {
    let mut world = company(3);
    world.job.concurrency = 1;
    world.cycle();
    let ids: Vec<String> = (100..150).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let new = ids.iter().map(|id| person(id, &format!("{id}@example.com")));
    world.source.tell("User", new.chain([person("u002", "new-name@example.com")]).collect());
    world.target.forbids.lock().unwrap().push("create");
    let report = world.cycle();
    assert_eq!((report.updated, report.failed.get(&ErrorCode::InsufficientRights), report.held), (1, Some(&10), 40), "{report:?}");

    world.target.forbids.lock().unwrap().clear();
    assert_eq!(world.cycle().created, 40, "who was held back is tried in the next cycle");
    world.advance(6);
    assert_eq!(world.cycle().created, 10);
}
