//! The provisioning log: its records, and where they go.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scimkit_provisioning::{ErrorCategory, EventAction, JsonLines, Observers, ProvisioningEvent, StepKind};
use serde_json::json;

use crate::world::{World, block_on, person, present};

/// One who is created and one without a matching value.
fn day() -> World {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), present("u2", json!({"displayName": "Bo"}))]);
    world
}

#[test]
fn a_record_tells_the_steps_the_change_and_what_to_do() {
    let world = day();
    world.cycle();
    let events = world.log.events();
    let of = |id: &str| events.iter().find(|event| event.source_id == id).unwrap();
    let created = of("u1");
    assert_eq!((created.action, created.source_name.as_deref()), (EventAction::Create, Some("Person u1")));
    let kinds: Vec<StepKind> = created.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::Import, StepKind::Scoping, StepKind::Matching, StepKind::Processing, StepKind::Export]);
    assert!(created.modified_properties.iter().any(|change| change.name == "userName" && change.old.is_unassigned()));
    let failed = of("u2");
    assert_eq!(failed.category, Some(ErrorCategory::NonServiceFailure));
    assert_eq!(failed.recommended_action.as_deref(), Some("give the object a value for a matching attribute"));
    assert_eq!(failed.steps.last().unwrap().kind, StepKind::Matching);
    assert_ne!(created.change_id, failed.change_id);
    assert!(created.id.starts_with("job-1-"));
}

#[test]
fn the_log_is_written_as_lines_of_json() {
    let world = day();
    let written = Shared::default();
    let lines = Arc::new(JsonLines::new(written.clone()));
    let observers = Observers::new([Arc::clone(&lines) as _, Arc::clone(&world.log) as _]);
    block_on(world.engine().with_observer(Arc::new(observers)).run_cycle()).unwrap();
    lines.finish().unwrap();
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let read: Vec<ProvisioningEvent> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((read.len(), read), (2, world.log.events()));
}

/// Bytes that a test reads while somebody else has the writer.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_state_keeps_the_log_as_long_as_the_job_says() {
    let mut world = day();
    world.job.log_retention = Some(Duration::from_hours(24));
    world.cycle();
    let log = block_on(world.engine().log(None, 10)).unwrap();
    assert_eq!(log.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), world.log.events());
    let (first, _) = log.first().unwrap();
    assert_eq!(block_on(world.engine().log(Some(first), 10)).unwrap().len(), 1);

    world.advance(25);
    world.source.tell("User", vec![person("u1", "new@example.com")]);
    world.cycle();
    let kept = block_on(world.engine().log(None, 10)).unwrap();
    assert!(kept.iter().all(|(_, event)| event.cycle == 2) && !kept.is_empty(), "{kept:?}");
}

#[test]
fn the_job_keeps_no_log_unless_it_is_told() {
    let world = day();
    world.cycle();
    assert!(block_on(world.engine().log(None, 10)).unwrap().is_empty());
}
