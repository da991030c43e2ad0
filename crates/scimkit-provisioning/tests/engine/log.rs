//! The provisioning log: its records, and where they go.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scimkit_mapping::AttributeMapping;
use scimkit_provisioning::{
    ErrorCategory, EventAction, Initiator, JsonLines, Label, Observer, Observers, ProvisioningEvent, StepKind, TracingLog,
};
use serde_json::json;

use crate::world::{World, block_on, job, person, present, user_mapping};

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
    let details = |event: &ProvisioningEvent| serde_json::to_value(&event.steps.last().unwrap().details).unwrap();
    assert_eq!(details(failed), json!({"ErrorCode": "MissingMatchingValue", "ReportableIdentifier": "Bo"}));
    assert_eq!(details(created), json!({"ReportableIdentifier": "Person u1", "TargetId": "t1"}));
    assert_eq!((created.target_name.as_deref(), created.additional_details.as_deref()), (Some("Person u1"), None));
    let again = "failed 1 time since 2026-03-02T08:00:00Z; tried again by the first cycle from 2026-03-02T14:00:00Z on";
    assert_eq!((failed.target_name.as_deref(), failed.additional_details.as_deref()), (None, Some(again)));
    assert_eq!((&created.target_system, created.initiated_by), (&Label::named("standard"), Initiator::System));
    assert_eq!((created.target_type.as_str(), &created.tenant_id, &created.source_system), ("User", &None, &None));
    assert_ne!(created.change_id, failed.change_id);
    assert!(created.id.starts_with("job-1-"));
}

#[test]
fn a_record_says_where_the_job_stands() {
    let mut world = day();
    world.job.labels.tenant_id = Some("contoso".to_owned());
    world.job.labels.service_principal = Some(Label::named("Wiki").with_id("sp1"));
    world.job.labels.source_system = Some(Label::named("Entra ID").with_id("d1"));
    world.job.labels.target_system = Some(Label::named("The wiki").with_detail("ApplicationId", "a1"));
    world.job.labels.initiator = Some(Label::named("nightly"));
    world.cycle();
    let record = serde_json::to_value(world.log.events().first().unwrap()).unwrap();
    let expected = [
        ("/tenantId", json!("contoso")),
        ("/job", json!("job")),
        ("/cycle", json!(1)),
        ("/servicePrincipal", json!({"id": "sp1", "name": "Wiki"})),
        ("/sourceSystem", json!({"id": "d1", "name": "Entra ID"})),
        ("/targetSystem", json!({"name": "The wiki", "details": {"ApplicationId": "a1"}})),
        ("/initiatedBy", json!("system")),
        ("/initiator", json!({"name": "nightly"})),
        ("/objectType", json!("User")),
        ("/targetType", json!("User")),
    ];
    for (member, value) in expected {
        assert_eq!(record.pointer(member), Some(&value), "{member}: {record}");
    }
    assert!(record.pointer("/at").is_some() && record.pointer("/durationInMilliseconds").is_some(), "{record}");
}

/// The name that people know an object by is a value like others: who redacts it does not read it in a field of its own.
#[test]
fn a_name_that_a_mapping_redacts_is_shown_nowhere() {
    let mut world = day();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.retain(|attribute| attribute.target_attribute_name != "displayName");
    mapping.attribute_mappings.push(AttributeMapping::new("displayName", "Redact([displayName])"));
    world.job.mappings = job(&[mapping]).mappings;
    world.job.deletion_threshold = Some(0);
    world.cycle();
    world.source.unassign("u1");
    world.try_cycle().unwrap_err();
    let events = world.log.events();
    let of = |id: &str, action| events.iter().find(|event| event.source_id == id && event.action == action).unwrap();
    let (created, held) = (of("u1", EventAction::Create), of("u1", EventAction::StagedDelete));
    for event in [created, held] {
        assert_eq!((event.source_name.as_deref(), event.target_name.as_deref()), (None, Some("ada@example.com")), "{event:?}");
        let identifier = event.steps.last().unwrap().details.get("ReportableIdentifier").map(String::as_str);
        assert_eq!(identifier, Some("u1"));
    }
    for event in &events {
        let text = serde_json::to_string(event).unwrap();
        assert!(!text.contains("Person") && !text.contains("\"Bo\""), "{text}");
    }
}

/// What is done about references goes through a step of its own.
#[test]
fn references_are_resolved_in_a_step_of_their_own() {
    let world = World::with_linked_person();
    world.source.assign("User", &["u2"]);
    let employee = json!({"mail": "bo@example.com", "displayName": "Bo", "accountEnabled": true, "manager+": ["u1"]});
    world.source.tell("User", vec![present("u2", employee)]);
    world.cycle();
    let events = world.log.events();
    let managed = events.iter().rfind(|event| event.source_id == "u2").unwrap();
    let kinds: Vec<StepKind> = managed.steps.iter().map(|step| step.kind).collect();
    assert_eq!(managed.action, EventAction::Update);
    assert_eq!(kinds, [StepKind::Import, StepKind::Scoping, StepKind::Matching, StepKind::ReferenceResolution, StepKind::Export]);
    assert_eq!(managed.target_name.as_deref(), Some("Bo"));
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

/// What `tracing` is told, as text.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Told {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        use std::fmt::Write as _;

        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{field}={value:?} ").unwrap();
            }
        }
        let mut line = Line(format!("{} ", event.metadata().level()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn tracing_is_told_ids_and_codes_and_no_value() {
    let world = day();
    world.cycle();
    let told = Told::default();
    tracing::subscriber::with_default(told.clone(), || world.log.events().iter().for_each(|event| TracingLog::default().event(event)));
    let lines = told.0.lock().unwrap();
    assert_eq!(lines.len(), 2);
    let created = lines.iter().find(|line| line.contains("action=Create")).unwrap();
    for part in ["INFO", "source_id=\"u1\"", "target_id=\"t1\"", "status=Success", "cycle=1"] {
        assert!(created.contains(part), "`{part}` is not in: {created}");
    }
    let failed = lines.iter().find(|line| line.contains("status=Failure")).unwrap();
    assert!(failed.contains("code=MissingMatchingValue"), "{failed}");
    for value in ["ada@example.com", "Person", "Bo"] {
        assert!(lines.iter().all(|line| !line.contains(value)), "`{value}` is in: {lines:?}");
    }
}

#[cfg(feature = "metrics")]
mod figures {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use metrics::{Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    use super::day;

    type Sums = Arc<Mutex<BTreeMap<String, f64>>>;

    /// Sums what is counted, by name and labels.
    #[derive(Clone, Default)]
    struct Figures(Sums);

    struct Figure(Sums, String);

    impl Figure {
        fn add(&self, value: f64) {
            *self.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
        }
    }

    impl CounterFn for Figure {
        fn increment(&self, value: u64) {
            self.add(f64::from(u32::try_from(value).unwrap()));
        }

        fn absolute(&self, _: u64) {}
    }

    impl HistogramFn for Figure {
        fn record(&self, _: f64) {
            self.add(1.0);
        }
    }

    impl Figures {
        fn figure(&self, key: &Key) -> Arc<Figure> {
            let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            Arc::new(Figure(Arc::clone(&self.0), format!("{} {}", key.name(), labels.join(" "))))
        }
    }

    impl Recorder for Figures {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.figure(key))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(self.figure(key))
        }
    }

    #[test]
    fn a_cycle_is_counted() {
        let mut world = day();
        let figures = Figures::default();
        metrics::with_local_recorder(&figures, || {
            world.cycle();
            world.job.deletion_threshold = Some(0);
            world.source.unassign("u1");
            world.try_cycle().unwrap_err();
        });
        let figures = figures.0.lock().unwrap();
        let figure = |name: &str| figures.get(name).copied();
        assert_eq!(figure("scimkit_provisioning_objects_total action=create status=success object_type=User"), Some(1.0), "{figures:?}");
        assert_eq!(figure("scimkit_provisioning_objects_total action=other status=failure object_type=User"), Some(1.0));
        assert_eq!(figure("scimkit_provisioning_objects_total action=stageddelete status=warning object_type=User"), Some(1.0));
        assert_eq!(figure("scimkit_provisioning_cycles_total outcome=completed"), Some(1.0));
        assert_eq!(figure("scimkit_provisioning_cycles_total outcome=failed"), Some(1.0));
        assert_eq!(figure("scimkit_provisioning_imported_total "), Some(2.0));
        assert_eq!(figure("scimkit_provisioning_cycle_seconds "), Some(2.0), "two cycles were timed");
    }
}
