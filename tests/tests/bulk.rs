//! A job whose service offers bulk requests, over the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use http::{Method, Request, Response};
use scimkit_client::{Bytes, Transport, TransportError};
use scimkit_e2e::{Content, People, World, compile};
use scimkit_mapping::{AttributeMapping, ObjectMapping};
use scimkit_provisioning::Scope;
use scimkit_store::MemoryState;
use scimkit_testing::{InProcess, VirtualTime};
use scimkit_types::profile::BulkFeature;
use scimkit_types::{Profile, schema};

/// Counts what is written.
#[derive(Debug)]
struct Counted {
    inner: InProcess,
    writes: Arc<AtomicU64>,
}

#[async_trait]
impl Transport for Counted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if *request.method() != Method::GET {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.send(request).await
    }
}

/// Twenty-five people need three requests of ten operations, and as many when all of them change.
#[test]
fn people_are_created_and_changed_together() {
    let mut profile = Profile::standard();
    profile.features.bulk = Some(BulkFeature::new(10, 100_000));
    let time = VirtualTime::default();
    let world = World::new(profile.clone(), Arc::new(MemoryState::new()), time.clock());
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings =
        vec![AttributeMapping::new("userName", "[mail]").matching(1), AttributeMapping::new("title", "[jobTitle]")];
    let mut job = compile("people", &[mapping], profile);
    job.scope = Scope::All;
    let (people, writes) = (Arc::new(People::new(25)), Arc::new(AtomicU64::new(0)));
    let cycle = || {
        let transport = Counted { inner: world.service.transport(), writes: Arc::clone(&writes) };
        let before = writes.load(Ordering::Relaxed);
        let source = Arc::clone(&people);
        let report = time.run(world.engine(job.clone(), source, transport).run_cycle()).unwrap().unwrap();
        (report, writes.load(Ordering::Relaxed) - before)
    };
    let (report, writes) = cycle();
    assert_eq!((report.created, report.bulk_requests, report.bulk_operations, writes), (25, 3, 25, 3), "{report:?}");
    for number in 1..=25 {
        people.set(&format!("p{number}"), [("jobTitle", format!("Head {number}"))]);
    }
    let (report, writes) = cycle();
    assert_eq!((report.updated, report.bulk_requests, writes), (25, 3, 3), "{report:?}");
    let content = time.run(Content::of(world.service.store.as_ref())).unwrap();
    assert_eq!(content.users(), 25);
    let titles = content
        .resources
        .iter()
        .filter(|(_, user)| user.get("title").and_then(|title| title.as_str()).is_some_and(|title| title.starts_with("Head")));
    assert_eq!(titles.count(), 25);
    let (report, writes) = cycle();
    assert_eq!((report.written(), writes), (0, 0));
}
