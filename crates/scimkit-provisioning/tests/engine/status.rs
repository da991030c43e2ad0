//! The status of a job: every field that Microsoft documents, and each word for how it is.

use std::collections::BTreeSet;

use scimkit_provisioning::{ResetScope, StatusCode};
use serde_json::{Value, json};

use crate::world::{Fault, World, block_on, job, person, present};

fn status(world: &World) -> Value {
    serde_json::to_value(block_on(world.engine().status()).unwrap()).unwrap()
}

#[track_caller]
fn check_code(world: &World, expected: StatusCode) {
    assert_eq!(block_on(world.engine().status()).unwrap().status.code, expected);
}

/// The members at a place are these and no others.
#[track_caller]
fn check_members(status: &Value, place: &str, expected: &[&str]) {
    let members = status.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("nothing at {place} of {status}"));
    let found: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(found, expected.iter().copied().collect(), "{place}");
}

/// A job in quarantine in the middle of a cycle has all that a status can tell.
fn with_everything() -> World {
    let world = World::with_linked_person();
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Engineer"}))]);
    world.target.unaskable.lock().unwrap().insert("userName".to_owned(), scimkit_provisioning::TargetErrorKind::Unauthorized);
    world.try_cycle().unwrap_err();
    world
}

/// The parts of `synchronizationJob`: the job, its status, a cycle, what of it is done, its quarantine and what it failed with. A schedule has
/// no expiration here, and there is no page for troubleshooting.
#[test]
fn every_field_of_a_job_is_told() {
    let status = status(&with_everything());
    check_members(&status, "", &["id", "templateId", "schedule", "status", "synchronizationJobSettings"]);
    check_members(&status, "/schedule", &["interval", "state"]);
    check_members(&status, "/synchronizationJobSettings/0", &["name", "value"]);
    let of_status = [
        "code",
        "countSuccessiveCompleteFailures",
        "escrowsPruned",
        "lastExecution",
        "lastSuccessfulExecution",
        "lastSuccessfulExecutionWithExports",
        "progress",
        "quarantine",
        "steadyStateFirstAchievedTime",
        "steadyStateLastAchievedTime",
        "synchronizedEntryCountByType",
    ];
    check_members(&status, "/status", &of_status);
    let of_execution = [
        "activityIdentifier",
        "countEntitled",
        "countEntitledForProvisioning",
        "countEscrowed",
        "countEscrowedRaw",
        "countExported",
        "countExports",
        "countImported",
        "countImportedDeltas",
        "countImportedReferenceDeltas",
        "state",
        "error",
        "timeBegan",
        "timeEnded",
    ];
    for execution in ["lastExecution", "lastSuccessfulExecution", "lastSuccessfulExecutionWithExports"] {
        check_members(&status, &format!("/status/{execution}"), &of_execution);
    }
    check_members(&status, "/status/progress/0", &["completedUnits", "totalUnits", "units", "progressObservationDateTime"]);
    check_members(&status, "/status/synchronizedEntryCountByType/0", &["key", "value"]);
    check_members(&status, "/status/quarantine", &["currentBegan", "seriesBegan", "seriesCount", "nextAttempt", "reason", "error"]);
    for error in ["/status/quarantine/error", "/status/lastExecution/error"] {
        check_members(&status, error, &["code", "message", "tenantActionable"]);
    }
    assert_eq!(status.pointer("/status/countSuccessiveCompleteFailures"), Some(&json!(1)));
    assert_eq!(status.pointer("/status/lastExecution/state"), Some(&json!("Failed")));
    assert_eq!(status.pointer("/status/lastSuccessfulExecution/state"), Some(&json!("Succeeded")));
    assert_eq!(status.pointer("/status/quarantine/reason"), Some(&json!("EncounteredQuarantineException")));
}

/// An execution with numbers that differ from each other, as far as they can.
#[test]
fn the_numbers_of_an_execution_are_those_of_its_cycle() {
    let world = World::with_linked_person();
    world.source.assign("User", &["u2", "u3"]);
    let bo = present("u2", json!({"mail": "bo@example.com", "displayName": "Bo", "accountEnabled": true, "manager+": ["u1"]}));
    let nobody = present("u3", json!({"displayName": "Nobody"}));
    world.source.tell("User", vec![bo, nobody, person("u4", "cy@example.com")]);
    world.cycle();
    let status = status(&world);
    let number = |name: &str| status.pointer(&format!("/status/lastExecution/{name}")).and_then(Value::as_u64).unwrap();
    assert_eq!(number("countEntitled"), 3, "who is assigned");
    assert_eq!(number("countEntitledForProvisioning"), 2, "who is linked");
    assert_eq!((number("countEscrowed"), number("countEscrowedRaw")), (1, 1), "who has no matching value");
    assert_eq!((number("countImportedDeltas"), number("countImportedReferenceDeltas")), (3, 1), "three people, one with a manager");
    assert_eq!(number("countExports"), 2, "the person and the manager");
    assert_eq!(status.pointer("/status/lastExecution/state"), Some(&json!("EntryLevelErrors")));
}

/// Of a cycle that could not be completed, what was done until then; the next one counts what it does itself.
#[test]
fn the_numbers_of_a_cycle_that_failed_are_what_it_did() {
    let mut world = World::new();
    world.job.concurrency = 1;
    let ids = ["u1", "u2", "u3"];
    world.source.assign("User", &ids);
    world.source.tell("User", ids.map(|id| person(id, &format!("{id}@example.com"))).to_vec());
    // The first request lists the users, the second creates one.
    world.target.faults.lock().unwrap().insert(3, Fault::Before);
    world.try_cycle().unwrap_err();
    let numbers = |status: &Value| {
        let number = |name: &str| status.pointer(&format!("/status/lastExecution/{name}")).and_then(Value::as_u64).unwrap();
        ["countImportedDeltas", "countExports", "countEntitledForProvisioning"].map(number)
    };
    let failed = status(&world);
    assert_eq!(failed.pointer("/status/lastExecution/state"), Some(&json!("Failed")));
    assert_eq!(numbers(&failed), [3, 1, 1]);
    world.cycle();
    assert_eq!(numbers(&status(&world)), [0, 2, 3]);
}

#[test]
fn a_job_without_mappings_is_not_configured() {
    let mut world = World::new();
    world.job = job(&[]);
    check_code(&world, StatusCode::NotConfigured);
}

#[test]
fn a_job_that_was_never_run_is_not_run() {
    check_code(&World::new(), StatusCode::NotRun);
}

#[test]
fn a_job_that_runs_is_active() {
    check_code(&World::with_linked_person(), StatusCode::Active);
}

#[test]
fn a_job_that_is_paused_is_paused_also_in_quarantine() {
    let world = with_everything();
    check_code(&world, StatusCode::Quarantine);
    block_on(world.engine().pause()).unwrap();
    check_code(&world, StatusCode::Paused);
}

/// Steady is a job whose cycle ended with nothing left to do; the first time stays and the last one moves on.
#[test]
fn steady_is_a_job_that_has_nothing_left_to_do() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![present("u1", json!({"displayName": "Nobody"}))]);
    let steady = |world: &World| {
        let status = status(world);
        let time = |name: &str| status.pointer(&format!("/status/steadyState{name}AchievedTime")).cloned().unwrap();
        (time("First"), time("Last"))
    };
    world.cycle();
    assert_eq!(steady(&world), (Value::Null, Value::Null), "somebody failed");
    world.advance(6);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.cycle();
    assert_eq!(steady(&world), (json!("2026-03-02T14:00:00Z"), json!("2026-03-02T14:00:00Z")));
    world.advance(1);
    world.cycle();
    assert_eq!(steady(&world), (json!("2026-03-02T14:00:00Z"), json!("2026-03-02T15:00:00Z")));
}

/// What is done of a cycle is told while it is open, and not afterwards.
#[test]
fn progress_counts_what_is_done_of_a_cycle_that_was_stopped() {
    let mut world = World::with_linked_person();
    world.job.concurrency = 1;
    let ids = ["u2", "u3", "u4"];
    world.source.assign("User", &ids);
    world.source.tell("User", ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect());
    // All are looked up by one query and the first one is created; then the service is away.
    world.target.faults.lock().unwrap().extend((3..20).map(|number| (number, Fault::Before)));
    world.try_cycle().unwrap_err();
    let stopped = status(&world);
    let units = |name: &str| stopped.pointer(&format!("/status/progress/0/{name}")).cloned().unwrap();
    assert_eq!((units("units"), units("completedUnits"), units("totalUnits")), (json!("User"), json!(2), json!(4)));
    world.target.faults.lock().unwrap().clear();
    world.cycle();
    assert_eq!(status(&world).pointer("/status/progress"), Some(&json!([])));
}

/// A restart that forgets the objects counts them anew.
#[test]
fn entries_are_counted_by_type_and_anew_after_a_reset() {
    let world = World::with_linked_person();
    let counts = |world: &World| status(world).pointer("/status/synchronizedEntryCountByType").cloned().unwrap();
    assert_eq!(counts(&world), json!([{"key": "User", "value": 1}, {"key": "Group", "value": 0}]));
    block_on(world.engine().restart(ResetScope::CONNECTOR_DATA_STORE)).unwrap();
    assert_eq!(counts(&world), json!([{"key": "User", "value": 0}, {"key": "Group", "value": 0}]));
    world.cycle();
    assert_eq!(counts(&world), json!([{"key": "User", "value": 1}, {"key": "Group", "value": 0}]));
}
