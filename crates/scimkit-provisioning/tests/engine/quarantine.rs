//! Quarantine, restart scopes and the status of a job.

use std::time::Duration;

use scimkit_provisioning::{
    CycleError, Due, ErrorCode, NoticeKind, QuarantineReason, QuarantineThresholds, ResetScope, ScheduleState, StatusCode, TargetErrorKind,
};
use scimkit_types::Clock;

use crate::world::{Fault, World, block_on, deleted, person, present};

fn restart(world: &World, scope: ResetScope) {
    block_on(world.engine().restart(scope)).unwrap();
}

/// The source's first round has both people, as a real one has whoever is there.
fn tell_all_again(world: &World) {
    let nobody = present("u2", serde_json::json!({"displayName": "Bo"}));
    world.source.start_over("User", vec![person("u1", "ada@example.com"), nobody]);
    world.source.expired.lock().unwrap().take();
}

fn status(world: &World) -> scimkit_provisioning::SynchronizationStatus {
    block_on(world.engine().status()).unwrap().status
}

/// Somebody without a matching value, who fails.
fn with_failure() -> World {
    let world = World::with_linked_person();
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![present("u2", serde_json::json!({"displayName": "Bo"}))]);
    assert_eq!(world.cycle().failures(), 1);
    world.target.requests.lock().unwrap().clear();
    world
}

#[test]
fn the_status_is_told_with_the_names_of_microsofts_service() {
    let world = with_failure();
    let status = serde_json::to_value(block_on(world.engine().status()).unwrap()).unwrap();
    assert_eq!(status.pointer("/schedule/interval").unwrap(), "PT40M");
    assert_eq!(status.pointer("/schedule/state").unwrap(), "Active");
    assert_eq!(status.pointer("/status/code").unwrap(), "Active");
    assert_eq!(status.pointer("/status/lastExecution/state").unwrap(), "EntryLevelErrors");
    assert_eq!(status.pointer("/status/lastExecution/countEscrowed").unwrap(), 1);
    assert_eq!(status.pointer("/status/lastExecution/countImportedDeltas").unwrap(), 1);
    assert_eq!(status.pointer("/status/lastSuccessfulExecutionWithExports/countExported").unwrap(), 1);
    assert_eq!(status.pointer("/status/synchronizedEntryCountByType/0").unwrap(), &serde_json::json!({"key": "User", "value": 1}));
    assert_eq!(status.pointer("/templateId").unwrap(), "standard");
    let settings = serde_json::json!([
        {"name": "QuarantineTooManyDeletesThreshold", "value": "500"},
        {"name": "SyncAll", "value": "False"},
        {"name": "SkipOutOfScopeDeletions", "value": "False"},
    ]);
    assert_eq!(status.pointer("/synchronizationJobSettings").unwrap(), &settings);
}

#[test]
fn a_job_that_was_never_run_is_due_now() {
    assert_eq!(block_on(World::new().engine().due()).unwrap(), Due::Now);
}

#[test]
fn a_job_is_due_forty_minutes_after_its_last_cycle_began() {
    let world = World::with_linked_person();
    let due_at = world.clock.now().checked_add(Duration::from_mins(40)).unwrap();
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::At(due_at));
    assert_eq!(block_on(world.engine().run_due()).unwrap(), None);
    world.clock.advance(Duration::from_mins(40));
    assert!(block_on(world.engine().run_due()).unwrap().is_some());
}

#[test]
fn a_paused_job_is_not_run_until_it_is_started() {
    let world = World::with_linked_person();
    block_on(world.engine().pause()).unwrap();
    assert!(matches!(world.try_cycle(), Err(CycleError::NotActive { state: ScheduleState::Paused })));
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::Never(ScheduleState::Paused));
    assert_eq!(status(&world).code, StatusCode::Paused);
    block_on(world.engine().start()).unwrap();
    world.cycle();
}

/// Quarantine at once: credentials that are invalid.
#[test]
fn credentials_that_are_refused_put_the_job_into_quarantine_at_once() {
    let world = World::with_linked_person();
    world.target.unaskable.lock().unwrap().insert("bo@".to_owned(), TargetErrorKind::Unauthorized);
    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.try_cycle().unwrap_err();
    let quarantined = status(&world);
    let quarantine = quarantined.quarantine.unwrap();
    assert_eq!((quarantined.code, quarantine.reason), (StatusCode::Quarantine, QuarantineReason::Exception));
    let error = quarantine.error.unwrap();
    assert_eq!(error.code, "SystemForCrossDomainIdentityManagementInvalidCredentials");
    assert!(error.tenant_actionable);
    let waited = quarantine.next_attempt_at.duration_since(world.clock.now());
    assert_eq!(waited.as_secs(), 300);

    world.target.unaskable.lock().unwrap().clear();
    assert_eq!(block_on(world.engine().run_due()).unwrap(), None, "its next attempt is in five minutes");
    world.clock.advance(Duration::from_mins(5));
    assert_eq!(block_on(world.engine().run_due()).unwrap().unwrap().created, 1);
    assert_eq!(status(&world).code, StatusCode::Active, "a cycle that is completed ends it");
}

#[test]
fn a_service_that_does_not_answer_is_no_reason_for_quarantine() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![person("u1", "new@example.com")]);
    for number in 1..=3 {
        world.target.faults.lock().unwrap().insert(number, Fault::Before);
    }
    world.try_cycle().unwrap_err();
    let status = status(&world);
    assert_eq!((status.code, status.count_successive_complete_failures), (StatusCode::Active, 1));
}

#[test]
fn too_many_failures_put_the_job_into_quarantine_and_a_good_cycle_ends_it() {
    let mut world = with_failure();
    world.job.quarantine_thresholds = QuarantineThresholds::default();
    world.job.quarantine_thresholds.least_failures = 1;
    world.cycle();
    assert_eq!(status(&world).quarantine.unwrap().reason, QuarantineReason::EscrowProportion);
    let told: Vec<_> = world.log.notices().iter().map(|notice| (notice.kind, notice.quarantine.reason)).collect();
    assert_eq!(told, [(NoticeKind::Quarantined, QuarantineReason::EscrowProportion)]);
    world.cycle();
    assert_eq!(world.log.notices().len(), 1, "it is told once");
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.cycle();
    assert_eq!(status(&world).quarantine, None);
}

/// Escrows that are pruned.
#[test]
fn an_initial_cycle_with_too_many_failures_drops_some() {
    let mut world = World::new();
    world.job.quarantine_thresholds.least_failures = 1;
    world.job.quarantine_thresholds.total_failures = 2;
    let ids = ["u1", "u2", "u3", "u4"];
    world.source.assign("User", &ids);
    world.source.tell("User", ids.iter().map(|id| present(id, serde_json::json!({"displayName": "Nobody"}))).collect());
    world.cycle();
    let pruned = status(&world);
    assert!(pruned.escrows_pruned);
    assert_eq!(pruned.quarantine.unwrap().reason, QuarantineReason::TotalEscrowCount);
    restart(&world, ResetScope::ESCROWS);
    assert!(!status(&world).escrows_pruned);
}

/// A directory that refuses to be read, or tells what nobody can keep.
#[test]
fn a_source_that_cannot_be_read_interrupts_the_ingestion() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![person("", "bo@example.com")]);
    world.try_cycle().unwrap_err();
    let quarantine = status(&world).quarantine.unwrap();
    assert_eq!(quarantine.reason, QuarantineReason::IngestionInterrupted);
    assert_eq!(serde_json::to_value(quarantine.reason).unwrap(), "IngestionInterrupted");
    assert_eq!(quarantine.error.unwrap().code, "IngestionInterrupted");
}

/// The back-off of one object, hour by hour: after the first failure it is tried again 6, 12 and 24 hours later, then every 24 hours, and
/// given up 28 days after it; whoever gives it what it lacks has it tried at once, and then it is in escrow no more.
#[test]
fn an_object_that_fails_is_tried_after_6_12_and_24_hours_then_daily_and_given_up_after_28_days() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![present("u1", serde_json::json!({"displayName": "Bo"}))]);
    let mut tried = Vec::new();
    for hour in 0..30 * 24 {
        if world.cycle().failures() > 0 {
            tried.push(hour);
        }
        world.advance(1);
    }
    let daily = (42..28 * 24).step_by(24);
    assert_eq!(tried, [0, 6, 18].into_iter().chain(daily).collect::<Vec<_>>());
    let escrowed = |world: &World| status(world).last_execution.unwrap().count_escrowed_raw;
    assert_eq!(escrowed(&world), 0, "it was given up");

    world.source.tell("User", vec![present("u1", serde_json::json!({"displayName": "Bob"}))]);
    assert_eq!(world.cycle().failures(), 1, "it changed");
    assert_eq!(escrowed(&world), 1);
    world.source.tell("User", vec![person("u1", "bo@example.com")]);
    assert_eq!((world.cycle().created, escrowed(&world)), (1, 0));
}

/// More than four weeks of quarantine.
#[test]
fn four_weeks_of_quarantine_disable_the_job() {
    let world = World::with_linked_person();
    block_on(world.engine().quarantine()).unwrap();
    assert_eq!(status(&world).quarantine.unwrap().reason, QuarantineReason::OnDemand);
    world.advance(28 * 24 - 1);
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::Now);
    world.advance(1);
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::Never(ScheduleState::Disabled));
    assert!(matches!(world.try_cycle(), Err(CycleError::NotActive { state: ScheduleState::Disabled })));
    restart(&world, ResetScope::QUARANTINE_STATE);
    world.cycle();
}

/// A job that was disabled and is started is tried again at once, and not disabled before it had four more weeks.
#[test]
fn a_disabled_job_that_is_started_is_tried_for_four_more_weeks() {
    let world = World::with_linked_person();
    block_on(world.engine().quarantine()).unwrap();
    world.advance(28 * 24);
    assert_eq!(block_on(world.engine().run_due()).unwrap().map(|report| report.number), None);
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::Never(ScheduleState::Disabled));
    world.target.unaskable.lock().unwrap().insert("userName".to_owned(), TargetErrorKind::Unauthorized);
    block_on(world.engine().start()).unwrap();
    assert!(block_on(world.engine().run_due()).is_err());
    assert_eq!(status(&world).quarantine.unwrap().reason, QuarantineReason::Exception);
    world.advance(28 * 24 - 1);
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::Now);
    world.advance(1);
    assert_eq!(block_on(world.engine().due()).unwrap(), Due::Never(ScheduleState::Disabled));
    world.target.unaskable.lock().unwrap().clear();
    block_on(world.engine().start()).unwrap();
    assert!(block_on(world.engine().run_due()).unwrap().is_some());
    assert_eq!(status(&world).quarantine, None);
}

/// Reset scope `None`.
#[test]
fn restart_none_clears_nothing() {
    let world = with_failure();
    restart(&world, ResetScope::NONE);
    assert_eq!(world.cycle().written(), 0);
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// Reset scope `ConnectorDataStore`.
#[test]
fn restart_connector_data_store_clears_links_and_matches_again() {
    let world = World::with_linked_person();
    restart(&world, ResetScope::CONNECTOR_DATA_STORE);
    assert!(block_on(world.engine().linked()).unwrap().is_empty());
    assert_eq!(world.cycle().created, 0);
    assert_eq!(block_on(world.engine().linked()).unwrap().len(), 1);
    assert_eq!(world.target.content("User").len(), 1);
}

/// Reset scope `Escrows`.
#[test]
fn restart_escrows_tries_failures_at_once_with_a_new_back_off() {
    let world = with_failure();
    assert_eq!(world.cycle().failures(), 0, "it waits");
    restart(&world, ResetScope::ESCROWS);
    assert_eq!(world.cycle().failures(), 1);
    world.advance(6);
    assert_eq!(world.cycle().failures(), 1, "six hours after the first failure");
}

/// Reset scope `Watermark`.
#[test]
fn restart_watermark_reads_and_evaluates_everything() {
    let world = World::with_linked_person();
    assert_eq!(world.cycle().imported, 0);
    restart(&world, ResetScope::WATERMARK);
    let report = world.cycle();
    assert_eq!((report.kind, report.imported), (scimkit_provisioning::Cycle::Initial, 1));
    assert_eq!(report.skipped.get(&ErrorCode::RedundantExport), Some(&1));
    assert_eq!(report.written(), 0);
}

/// Reset scope `QuarantineState`.
#[test]
fn restart_quarantine_state_ends_the_quarantine() {
    let world = World::with_linked_person();
    block_on(world.engine().quarantine()).unwrap();
    restart(&world, ResetScope::QUARANTINE_STATE);
    assert_eq!(status(&world).code, StatusCode::Active);
}

/// Reset scope `Full`.
#[test]
fn restart_full_clears_all_of_them() {
    let world = with_failure();
    block_on(world.engine().quarantine()).unwrap();
    tell_all_again(&world);
    restart(&world, ResetScope::FULL);
    assert!(block_on(world.engine().linked()).unwrap().is_empty());
    assert_eq!(status(&world).quarantine, None);
    let report = world.cycle();
    assert_eq!((report.imported, report.created, report.failures()), (2, 0, 1), "{report:?}");
}

/// No reset scope, as the portal's button sends it: quarantine, watermark and escrows.
#[test]
fn restart_with_nothing_named_keeps_the_links() {
    let world = with_failure();
    block_on(world.engine().quarantine()).unwrap();
    tell_all_again(&world);
    restart(&world, ResetScope::default());
    assert_eq!(status(&world).quarantine, None);
    assert_eq!(block_on(world.engine().linked()).unwrap().len(), 1);
    let report = world.cycle();
    assert_eq!((report.imported, report.written(), report.failures()), (2, 0, 1), "{report:?}");
}

/// Reset scope `ForceDeletes`.
#[test]
fn restart_force_deletes_lets_the_removals_of_one_cycle_pass() {
    let mut world = World::with_linked_person();
    world.job.deletion_threshold = Some(0);
    world.source.tell("User", vec![deleted("u1")]);
    assert!(matches!(world.try_cycle(), Err(CycleError::TooManyDeletes { planned: 1, threshold: 0 })));
    assert_eq!(status(&world).quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
    assert_eq!(world.log.of("u1").last().unwrap(), "StagedDelete Warning");
    restart(&world, ResetScope::FORCE_DELETES);
    assert_eq!(status(&world).quarantine, None);
    assert_eq!(world.cycle().deleted, 1);

    world.source.assign("User", &["u2"]);
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.cycle();
    world.source.tell("User", vec![deleted("u2")]);
    assert!(matches!(world.try_cycle(), Err(CycleError::TooManyDeletes { .. })), "the release was for one cycle");
}

#[test]
fn a_restart_after_the_watermark_finds_who_left_unseen() {
    let world = World::with_linked_person();
    world.source.start_over("User", vec![person("u2", "bo@example.com")]);
    world.source.expired.lock().unwrap().take();
    restart(&world, ResetScope::WATERMARK);
    assert_eq!(world.cycle().disabled, 1);
}
