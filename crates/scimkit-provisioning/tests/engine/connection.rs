//! The test of the connection.

use scimkit_provisioning::{ConnectionFailure, ConnectionVerdict, CycleError, QuarantineReason, TargetErrorKind};
use serde_json::json;

use crate::world::{World, block_on, person};

#[track_caller]
fn check(world: &World, failure: ConnectionFailure, advice: &str) -> ConnectionVerdict {
    let verdict = block_on(world.engine().connection_verdict());
    assert!(!verdict.is_usable);
    assert_eq!(verdict.checks.last().unwrap().failure, Some(failure), "{verdict:?}");
    assert!(verdict.advice().iter().any(|text| text.contains(advice)), "`{advice}` is not in {:?}", verdict.advice());
    let error = block_on(world.engine().test_connection()).unwrap_err();
    assert_eq!(error.failure(), verdict.checks.iter().find_map(|check| check.failure).unwrap());
    verdict
}

#[test]
fn each_matching_attribute_is_asked_for_a_uuid_that_nobody_has() {
    let world = World::new();
    let verdict = block_on(world.engine().connection_verdict());
    assert!(verdict.is_usable && verdict.advice().is_empty());
    let probes = world.target.probes.lock().unwrap().clone();
    let types: Vec<&str> = probes.iter().map(|probe| probe.split_once(':').unwrap().0).collect();
    assert_eq!((types, world.target.requests.lock().unwrap().len()), (vec!["User", "Group"], 0), "one request each, and nothing else");
    let tried: Vec<&str> = verdict.checks.iter().map(|check| check.tried.as_str()).collect();
    assert!(tried.first().unwrap().starts_with("find `User` with the filter `userName eq \""), "{tried:?}");
    let uuid = tried.first().unwrap().split('"').nth(1).unwrap();
    let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!((parts, uuid.chars().nth(14)), (vec![8, 4, 4, 4, 12], Some('4')), "{uuid}");
    let again = block_on(world.engine().connection_verdict());
    assert_eq!(again.checks.len(), 2);

    let text = serde_json::to_value(&verdict).unwrap();
    assert_eq!(text.pointer("/checks/1/attribute"), Some(&json!("displayName")));
    assert_eq!(serde_json::from_value::<ConnectionVerdict>(text).unwrap(), verdict);
}

/// As in Microsoft's service, one request for the first matching attribute; one that fails ends the cycle before anything else is done.
#[test]
fn each_cycle_begins_with_a_test_of_the_connection() {
    let world = World::with_linked_person();
    assert_eq!(world.target.probes.lock().unwrap().len(), 1);
    world.cycle();
    block_on(world.engine().plan_cycle()).unwrap();
    let probes = world.target.probes.lock().unwrap().clone();
    assert!(probes.len() == 3 && probes.iter().all(|probe| probe.starts_with("User: userName eq ")), "{probes:?}");
    assert!(world.target.requests.lock().unwrap().is_empty(), "cycles without changes ask for nothing else");

    world.source.tell("User", vec![person("u1", "new@example.com")]);
    for (kind, quarantine) in [
        (TargetErrorKind::Unavailable, None),
        (TargetErrorKind::Throttled, None),
        (TargetErrorKind::Unauthorized, Some(QuarantineReason::Exception)),
        (TargetErrorKind::Incompatible, Some(QuarantineReason::Exception)),
        (TargetErrorKind::Gone, Some(QuarantineReason::Exception)),
    ] {
        world.target.unaskable.lock().unwrap().insert("userName".to_owned(), kind);
        let error = world.try_cycle().unwrap_err();
        assert!(matches!(&error, CycleError::Target(error) if error.kind == kind), "{error}");
        let status = block_on(world.engine().status()).unwrap().status;
        assert_eq!(status.quarantine.map(|quarantine| quarantine.reason), quarantine, "{kind:?}");
        assert!(world.log.of("u1").len() == 1 && world.target.requests.lock().unwrap().is_empty());
    }
    world.target.unaskable.lock().unwrap().clear();
    assert_eq!(world.cycle().updated, 1);
}

#[test]
fn a_failure_says_what_was_tried_what_came_and_what_to_do() {
    let world = World::new();
    let refuse = |kind| world.target.unaskable.lock().unwrap().extend([("userName".to_owned(), kind)]);
    for (kind, failure, advice) in [
        (TargetErrorKind::Unavailable, ConnectionFailure::Unreachable, "check the address"),
        (TargetErrorKind::Throttled, ConnectionFailure::Busy, "the job's quota"),
        (TargetErrorKind::Unauthorized, ConnectionFailure::Unauthorized, "has not expired"),
    ] {
        refuse(kind);
        let verdict = check(&world, failure, advice);
        assert_eq!(verdict.checks.len(), 1, "every other request would fail as well");
        assert_eq!(verdict.checks.first().unwrap().came, "the filter cannot be used");
    }
    for (kind, failure) in
        [(TargetErrorKind::Rejected, ConnectionFailure::Refused), (TargetErrorKind::Incompatible, ConnectionFailure::Incompatible)]
    {
        refuse(kind);
        let verdict = block_on(world.engine().connection_verdict());
        assert_eq!(verdict.checks.iter().map(|check| check.failure).collect::<Vec<_>>(), [Some(failure), None], "groups are tried too");
        assert!(!verdict.is_usable);
    }
}

/// A service that answers every filter with everything would have us link people with somebody else's account.
#[test]
fn a_service_that_ignores_filters_is_not_used() {
    let world = World::new();
    world.target.plant("Group", "t1", json!({"displayName": "Everyone"}));
    *world.target.ignores_filters.lock().unwrap() = Some("");
    let verdict = check(&world, ConnectionFailure::IgnoresFilter, "honor filters");
    assert_eq!(verdict.checks.last().unwrap().came, "1 resource for a value that nobody has");
    world.target.plant("User", "t2", json!({"userName": "nobody@example.com"}));
    let error = world.try_cycle().unwrap_err().to_string();
    assert!(error.contains("ignores the filter on `userName`: it finds 1 resource for"), "{error}");
}
