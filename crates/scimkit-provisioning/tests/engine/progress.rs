//! How far a cycle is: totals, rates, quotas and the end that is expected.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_filter::Filter;
use scimkit_mapping::SeededEntropy;
use scimkit_provisioning::{Engine, Observer, Phase, Progress, QuotaMeter, QuotaUse, Target, TargetError, TargetPage};
use scimkit_types::{ManualClock, PatchOperation, Resource, Timestamp};
use serde_json::json;

use crate::world::{MapTarget, World, block_on, person, present};

/// Remembers the progress.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Progress>>);

impl Observer for Heard {
    fn progress(&self, progress: &Progress) {
        self.0.lock().unwrap().push(*progress);
    }
}

/// A service that takes two seconds for each write and counts them.
#[derive(Debug)]
struct Slow {
    service: Arc<MapTarget>,
    clock: Arc<ManualClock>,
    writes: Mutex<u64>,
}

impl Slow {
    fn write(&self) {
        self.clock.advance(Duration::from_secs(2));
        *self.writes.lock().unwrap() += 1;
    }
}

impl QuotaMeter for Slow {
    fn quota_use(&self) -> QuotaUse {
        let mut used = QuotaUse::default();
        used.writes = *self.writes.lock().unwrap();
        used.remaining_writes = 100;
        used
    }
}

#[async_trait]
impl Target for Slow {
    async fn find(&self, resource_type: &str, filter: &Filter, not_after: Timestamp) -> Result<Vec<Resource>, TargetError> {
        self.service.find(resource_type, filter, not_after).await
    }

    async fn list(&self, resource_type: &str, start_index: u64, not_after: Timestamp) -> Result<TargetPage, TargetError> {
        self.service.list(resource_type, start_index, not_after).await
    }

    async fn get(&self, resource_type: &str, id: &str, not_after: Timestamp) -> Result<Resource, TargetError> {
        self.service.get(resource_type, id, not_after).await
    }

    async fn create(&self, resource_type: &str, resource: &Resource, not_after: Timestamp) -> Result<Resource, TargetError> {
        self.write();
        self.service.create(resource_type, resource, not_after).await
    }

    async fn patch(&self, resource_type: &str, id: &str, operations: &[PatchOperation], not_after: Timestamp) -> Result<(), TargetError> {
        self.write();
        self.service.patch(resource_type, id, operations, not_after).await
    }

    async fn delete(&self, resource_type: &str, id: &str, not_after: Timestamp) -> Result<(), TargetError> {
        self.write();
        self.service.delete(resource_type, id, not_after).await
    }
}

/// Ten people and a group of three, written one by one, each in two seconds.
#[test]
fn a_cycle_tells_totals_rate_quota_and_the_end_that_is_expected() {
    let mut world = World::new();
    world.job.concurrency = 1;
    let ids: Vec<String> = (1..=10).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect());
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1", "u2", "u3"]}))]);
    let slow = Arc::new(Slow { service: Arc::clone(&world.target), clock: Arc::clone(&world.clock), writes: Mutex::default() });
    let heard = Arc::new(Heard::default());
    let (source, target, state, clock) = (Arc::clone(&world.source), Arc::clone(&slow), Arc::clone(&world.state), Arc::clone(&world.clock));
    let engine = Engine::new(world.job.clone(), source, target, state, clock, Arc::new(SeededEntropy::new(1)));
    let engine = engine.with_observer(Arc::clone(&heard) as _).with_quota_meter(Arc::clone(&slow) as _);
    let report = block_on(engine.run_cycle()).unwrap();
    assert_eq!((report.created, report.updated), (11, 1), "{report:?}");

    let heard = heard.0.lock().unwrap();
    let mut phases: Vec<Phase> = heard.iter().map(|progress| progress.phase).collect();
    phases.dedup();
    let order = [Phase::Settling, Phase::Importing, Phase::Entitling, Phase::Matching, Phase::Planning, Phase::Applying, Phase::References];
    let places: Vec<usize> = phases.iter().map(|phase| order.iter().position(|known| known == phase).unwrap()).collect();
    assert!(places.first() == Some(&0) && places.last() == Some(&6) && places.contains(&2), "{phases:?}");

    // Eleven assignments in pages of two.
    let entitling = heard.iter().filter(|progress| progress.phase == Phase::Entitling).map(|progress| progress.done);
    assert_eq!(entitling.collect::<Vec<u64>>(), [2, 4, 6, 8, 10, 11]);

    let applying: Vec<&Progress> = heard.iter().filter(|progress| progress.phase == Phase::Applying).collect();
    let done: Vec<u64> = applying.iter().map(|progress| progress.done).collect();
    assert_eq!(done, (0..=11).collect::<Vec<u64>>());
    let began_at = applying.first().unwrap().began_at;
    for progress in applying {
        assert_eq!((progress.total, progress.quota.map(|quota| quota.writes)), (Some(11), Some(progress.done)), "{progress:?}");
        assert_eq!(progress.began_at, began_at);
        let left = progress.estimated_end_at().map(|end| end.duration_since(progress.at).as_secs_f64().round());
        let expected = (progress.done > 0).then(|| 2.0 * f64::from(11 - u32::try_from(progress.done).unwrap()));
        assert_eq!(left, expected, "{progress:?}");
        assert_eq!(progress.rate(), (progress.done > 0).then_some(0.5));
    }
    let last = heard.last().unwrap();
    assert_eq!((last.phase, last.done, last.total), (Phase::References, 11, Some(11)));
    assert_eq!(last.quota.map(|quota| (quota.writes, quota.remaining_writes)), Some((12, 100)));
}
