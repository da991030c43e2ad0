//! One owner: a worker that lost the job sends nothing more. All time is virtual.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::sync::Arc;
use std::time::Duration;

use scimkit_client::{Classes, RateLimited};
use scimkit_e2e::{Content, People, World, compile, without_uniqueness};
use scimkit_mapping::{AttributeMapping, ObjectMapping};
use scimkit_provisioning::{CycleError, Engine, ProvisioningJob, Scope};
use scimkit_rate_limit::{Limits, Quota};
use scimkit_store::MemoryState;
use scimkit_testing::{InProcess, VirtualTime};
use scimkit_types::{Profile, schema};

/// A job of eight people, into a service that does not defend itself against users who are there twice.
struct Scene {
    time: VirtualTime,
    world: World,
    job: ProvisioningJob,
    people: Arc<People>,
}

impl Scene {
    fn new() -> Self {
        let time = VirtualTime::default();
        let profile = without_uniqueness(Profile::standard());
        let world = World::new(profile.clone(), Arc::new(MemoryState::new()), time.clock());
        let mut mapping = ObjectMapping::new("User", schema::USER);
        mapping.attribute_mappings = vec![AttributeMapping::new("userName", "[mail]").matching(1)];
        let mut job = compile("people", &[mapping], profile);
        job.scope = Scope::All;
        Self { time, world, job, people: Arc::new(People::new(8)) }
    }

    fn wire(&self, writes: Limits) -> Arc<RateLimited<InProcess>> {
        let classes = Classes::new(Limits::none(), writes);
        Arc::new(RateLimited::new(self.world.service.transport(), classes, self.time.clock(), self.time.timer()).unused())
    }

    fn engine(&self, owner: Option<&str>, wire: &Arc<RateLimited<InProcess>>) -> Engine {
        let mut job = self.job.clone();
        job.owner = owner.map(str::to_owned);
        self.world.engine(job, Arc::clone(&self.people) as _, Arc::clone(wire))
    }

    fn users(&self) -> usize {
        self.time.run(Content::of(self.world.service.store.as_ref())).unwrap().users()
    }
}

fn one_in_ten_minutes() -> Limits {
    Limits::new([Quota::new(1, Duration::from_mins(10)).unwrap()])
}

/// Requests that wait for a quota are not sent once another worker may have the job, however late their turn comes.
#[test]
fn what_waits_for_a_quota_is_not_sent_after_the_job_was_lost() {
    let scene = Scene::new();
    let (slow, fast) = (scene.wire(one_in_ten_minutes()), scene.wire(Limits::none()));
    let (first, second) = (scene.engine(Some("first"), &slow), scene.engine(Some("second"), &fast));
    let timer = scene.time.timer();
    let taken_over = async {
        // The first one's lease ends after five minutes without an answer.
        timer.sleep(Duration::from_mins(6)).await;
        second.run_cycle().await
    };
    let (lost, won) = scene.time.run(futures_util::future::join(first.run_cycle(), taken_over)).unwrap();
    assert!(matches!(&lost, Err(CycleError::State(_))), "{lost:?}");
    let won = won.unwrap();
    assert_eq!((slow.counts().writes, won.created), (1, 7), "{won:?}");
    assert_eq!(scene.users(), 8, "somebody is there twice");
}

/// A worker whose requests wait for longer than its lease goes on under the next one, if nobody took the job.
#[test]
fn a_slow_quota_does_not_end_a_cycle() {
    let scene = Scene::new();
    let slow = scene.wire(one_in_ten_minutes());
    let report = scene.time.run(scene.engine(Some("only"), &slow).run_cycle()).unwrap().unwrap();
    assert_eq!((report.created, slow.counts().writes, scene.users()), (8, 8, 8));
}

/// Two engines that were given no name are two owners.
#[test]
fn engines_without_a_name_are_different_owners() {
    let scene = Scene::new();
    let wire = scene.wire(one_in_ten_minutes());
    let entropy = Arc::new(scimkit_mapping::SeededEntropy::new(7));
    let target =
        scimkit_provisioning::ScimTarget::new(scimkit_e2e::client(Arc::clone(&wire), scimkit_e2e::BASE), scene.job.profile.clone());
    let target = Arc::new(target.unwrap());
    let engine = || {
        let (people, state) = (Arc::clone(&scene.people), Arc::clone(&scene.world.state));
        Engine::new(scene.job.clone(), people, Arc::clone(&target) as _, state, scene.time.clock(), Arc::clone(&entropy) as _)
    };
    let (first, second) = (engine(), engine());
    let timer = scene.time.timer();
    let at_once = async {
        timer.sleep(Duration::from_secs(1)).await;
        second.run_cycle().await
    };
    let (first, second) = scene.time.run(futures_util::future::join(first.run_cycle(), at_once)).unwrap();
    assert_eq!(first.unwrap().created, 8);
    assert!(matches!(&second, Err(CycleError::State(_))), "{second:?}");
}
