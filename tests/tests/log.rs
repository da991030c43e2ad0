//! The provisioning log in the state of a job, over SQLite and PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[cfg(test)]
#[path = "../../crates/scimkit-store/tests/cluster.rs"]
#[expect(dead_code, reason = "tests of the stores use more of it")]
mod cluster;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use scimkit_e2e::{People, World, compile};
use scimkit_mapping::{AttributeMapping, ObjectMapping};
use scimkit_provisioning::{EventAction, Observer, ProvisioningEvent, Scope};
use scimkit_store::StateStore;
use scimkit_store::postgres::PostgresState;
use scimkit_store::sqlite::SqliteState;
use scimkit_types::{Clock, ManualClock, Profile, schema};

/// What an observer was told.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<ProvisioningEvent>>);

impl Observer for Heard {
    fn event(&self, event: &ProvisioningEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// Runs two days and looks at the log that the state keeps; then at what is left of it after its time.
async fn check(state: Arc<dyn StateStore>) {
    let clock = Arc::new(ManualClock::new("2026-03-02T08:00:00Z".parse().unwrap()));
    let world = World::new(Profile::standard(), state, Arc::clone(&clock) as Arc<dyn Clock>);
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings =
        vec![AttributeMapping::new("userName", "[mail]").matching(1), AttributeMapping::new("title", "[jobTitle]")];
    let mut job = compile("people", &[mapping], Profile::standard());
    job.scope = Scope::All;
    job.log_retention = Some(Duration::from_hours(24));
    let (people, heard) = (Arc::new(People::new(30)), Arc::new(Heard::default()));
    let engine = || {
        let source = Arc::clone(&people);
        world.engine(job.clone(), source, world.service.transport()).with_observer(Arc::clone(&heard) as _)
    };
    engine().run_cycle().await.unwrap();
    clock.advance(Duration::from_hours(1));
    people.set("p7", [("jobTitle", "Head".to_owned())]);
    engine().run_cycle().await.unwrap();

    // In pages, in order of time, by whoever opens the state.
    let (mut kept, mut after) = (Vec::new(), None);
    loop {
        let page = engine().log(after.as_deref(), 7).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        kept.extend(page.into_iter().map(|(_, event)| event));
    }
    let by_change = |events: &[ProvisioningEvent]| {
        let mut events = events.to_vec();
        events.sort_by(|left, right| left.change_id.cmp(&right.change_id));
        events
    };
    assert_eq!(kept.len(), 31);
    assert_eq!(by_change(&kept), by_change(&heard.0.lock().unwrap()));
    assert!(kept.is_sorted_by_key(|event| event.at));
    assert_eq!(kept.last().map(|event| (event.action, event.source_id.as_str())), Some((EventAction::Update, "p7")));

    clock.advance(Duration::from_hours(23) + Duration::from_mins(30));
    engine().run_cycle().await.unwrap();
    let left = engine().log(None, 100).await.unwrap();
    assert!(left.iter().all(|(_, event)| event.cycle > 1) && !left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn sqlite_keeps_the_log_as_long_as_the_job_says() {
    let folder = tempfile::tempdir().unwrap();
    check(Arc::new(SqliteState::open(folder.path().join("state.sqlite")).unwrap())).await;
}

#[tokio::test]
async fn postgres_keeps_the_log_as_long_as_the_job_says() {
    let Some(schema) = cluster::schema() else { return };
    check(Arc::new(PostgresState::open_in(schema.pool.clone(), &schema.name).await.unwrap())).await;
}
