//! What one cycle after the other promises. All time is virtual.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, Request, Response, StatusCode};
use scimkit_client::{Bytes, Transport, TransportError};
use scimkit_e2e::{Content, People, World, compile};
use scimkit_mapping::{AttributeMapping, ObjectMapping};
use scimkit_provisioning::{Cycle, CycleError, CycleReport, Engine, ErrorCode, ProvisioningJob, Scope, Source, SourceChangeKind};
use scimkit_store::MemoryState;
use scimkit_testing::{InProcess, VirtualTime};
use scimkit_types::{Profile, schema};

/// Counts requests, and refuses writes while it is told to.
#[derive(Debug)]
struct Gate {
    inner: InProcess,
    refuses_writes: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
}

#[async_trait]
impl Transport for Gate {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if *request.method() == Method::GET {
            self.reads.fetch_add(1, Ordering::Relaxed);
            return self.inner.send(request).await;
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        if self.refuses_writes.load(Ordering::Relaxed) {
            let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidValue"}"#;
            let mut response = Response::new(Bytes::from_static(body.as_bytes()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(response);
        }
        self.inner.send(request).await
    }
}

/// A few people, a service, and the job between them.
struct Bench {
    time: VirtualTime,
    world: World,
    gate: Arc<Gate>,
    people: Arc<People>,
    job: ProvisioningJob,
}

/// A job of users by mail, with a title that an expression makes.
fn job(title: &str) -> ProvisioningJob {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![
        AttributeMapping::new("userName", "[mail]").matching(1),
        AttributeMapping::new("active", "Not([IsSoftDeleted])"),
        AttributeMapping::new("title", title),
    ];
    let mut job = compile("people", &[mapping], Profile::standard());
    job.scope = Scope::All;
    job
}

impl Bench {
    fn new(people: usize) -> Self {
        let time = VirtualTime::default();
        let world = World::new(Profile::standard(), Arc::new(MemoryState::new()), time.clock());
        let gate = Arc::new(Gate {
            inner: world.service.transport(),
            refuses_writes: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        });
        Self { time, world, gate, people: Arc::new(People::new(people)), job: job("[jobTitle]") }
    }

    fn engine(&self) -> Engine {
        self.world.engine(self.job.clone(), Arc::clone(&self.people) as Arc<dyn Source>, Arc::clone(&self.gate))
    }

    fn try_cycle(&self) -> Result<CycleReport, CycleError> {
        self.time.run(self.engine().run_cycle()).unwrap()
    }

    /// Runs a cycle, and tells its report and the reads and writes that it sent.
    fn cycle(&self) -> (CycleReport, u64, u64) {
        let (reads, writes) = self.requests();
        let report = self.try_cycle().unwrap();
        let (reads_after, writes_after) = self.requests();
        (report, reads_after - reads, writes_after - writes)
    }

    fn requests(&self) -> (u64, u64) {
        (self.gate.reads.load(Ordering::Relaxed), self.gate.writes.load(Ordering::Relaxed))
    }

    fn content(&self) -> Content {
        self.time.run(Content::of(self.world.service.store.as_ref())).unwrap()
    }

    /// How many users are active and how many are not.
    fn active(&self) -> (usize, usize) {
        let content = self.content();
        let active = content.resources.iter().filter(|(_, user)| user.get("active") == Some(&serde_json::Value::Bool(true))).count();
        (active, content.users() - active)
    }
}

/// Idempotence: with nothing new only the test of the connection is sent, and the directory is read once for its changes.
#[test]
fn a_cycle_without_changes_sends_only_the_test_of_the_connection() {
    let bench = Bench::new(12);
    let (first, _, writes) = bench.cycle();
    assert_eq!((first.kind, first.created, writes), (Cycle::Initial, 12, 12));
    let reads_of_directory = bench.people.reads();
    let (second, reads, writes) = bench.cycle();
    assert_eq!((second.kind, second.imported, second.written(), reads, writes), (Cycle::Incremental, 0, 0, 1, 0));
    assert_eq!(bench.people.reads() - reads_of_directory, 1);
}

/// Idempotence: a round of changes that is told again changes nothing and sends nothing.
#[test]
fn a_replayed_round_changes_nothing() {
    let bench = Bench::new(12);
    bench.cycle();
    let place = bench.people.place();
    bench.people.set("p3", [("jobTitle", "Head".to_owned())]);
    bench.people.set("new", [("mail", "new@example.com".to_owned()), ("jobTitle", "Clerk".to_owned())]);
    bench.people.remove("p4", SourceChangeKind::SoftDeleted);
    bench.people.remove("p5", SourceChangeKind::Deleted);
    let (told, _, writes) = bench.cycle();
    assert_eq!((told.created, told.updated, told.disabled, told.deleted, writes), (1, 1, 1, 1, 4));
    let content = bench.content();

    bench.people.replay(place);
    let (again, reads, writes) = bench.cycle();
    assert_eq!((again.imported, again.written(), reads, writes), (4, 0, 1, 0), "{again:?}");
    bench.content().assert_is(&content, "after the round was told again");
}

/// Proportional work: one person who changes costs one write and no read but the test of the connection.
#[test]
fn a_change_costs_its_own_write() {
    let bench = Bench::new(40);
    bench.cycle();
    bench.people.set("p7", [("jobTitle", "Head".to_owned())]);
    let (report, reads, writes) = bench.cycle();
    assert_eq!((report.imported, report.updated, reads, writes), (1, 1, 1, 1));
}

/// A changed mapping is a changed fingerprint: everybody is evaluated again, though the directory has told nothing; then it is quiet.
#[test]
fn a_changed_mapping_evaluates_everybody() {
    let mut bench = Bench::new(12);
    bench.cycle();
    bench.job = job(r#"Append([jobTitle], " (Oslo)")"#);
    let (changed, reads, writes) = bench.cycle();
    assert_eq!((changed.kind, changed.imported, changed.updated, reads, writes), (Cycle::Initial, 0, 12, 1, 12));
    let titles = bench.content();
    assert!(titles.resources.iter().all(|(_, user)| user.get("title") == Some(&"Clerk (Oslo)".into())), "{titles:?}");
    let (quiet, _, writes) = bench.cycle();
    assert_eq!((quiet.kind, writes), (Cycle::Incremental, 0));
}

/// A failed object waits in escrow and holds nobody back: it is tried again after 6 hours, and not before.
#[test]
fn an_object_in_escrow_is_tried_again_after_six_hours() {
    let bench = Bench::new(5);
    bench.cycle();
    bench.people.set("new", [("mail", "new@example.com".to_owned()), ("jobTitle", "Clerk".to_owned())]);
    bench.gate.refuses_writes.store(true, Ordering::Relaxed);
    let (failed, _, writes) = bench.cycle();
    assert_eq!((failed.failed.get(&ErrorCode::Rejected), writes), (Some(&1), 1), "{failed:?}");
    bench.gate.refuses_writes.store(false, Ordering::Relaxed);

    // What others do goes on meanwhile.
    bench.people.set("p1", [("jobTitle", "Head".to_owned())]);
    bench.time.advance(Duration::from_hours(6) - Duration::from_secs(1));
    let (early, reads, writes) = bench.cycle();
    assert_eq!((early.created, early.updated, reads, writes), (0, 1, 1, 1), "{early:?}");

    bench.time.advance(Duration::from_secs(1));
    let (due, _, writes) = bench.cycle();
    assert_eq!((due.created, writes), (1, 1), "{due:?}");
    assert_eq!(bench.content().users(), 6);

    bench.time.advance(Duration::from_hours(48));
    assert_eq!(bench.cycle().2, 0, "it was not taken out of escrow");
}

/// A failed object that changes at its source is tried at once.
#[test]
fn an_object_in_escrow_that_changes_is_tried_at_once() {
    let bench = Bench::new(5);
    bench.people.set("new", [("jobTitle", "Clerk".to_owned())]);
    let (first, ..) = bench.cycle();
    assert_eq!((first.created, first.failures()), (5, 1), "{first:?}");
    bench.people.set("new", [("mail", "new@example.com".to_owned())]);
    let (second, ..) = bench.cycle();
    assert_eq!((second.created, second.failures()), (1, 0), "{second:?}");
}

/// A position that is too old starts the round over: whoever is not told any more has left and is disabled, nobody else is written.
#[test]
fn a_position_that_expired_starts_over_and_finds_who_left() {
    let bench = Bench::new(12);
    bench.cycle();
    bench.people.remove("p2", SourceChangeKind::Deleted);
    bench.people.remove("p9", SourceChangeKind::Deleted);
    bench.people.set("p3", [("jobTitle", "Head".to_owned())]);
    bench.people.expire();
    let (report, reads, writes) = bench.cycle();
    assert_eq!((report.imported, report.disabled, report.updated, reads, writes), (10, 2, 1, 1, 3), "{report:?}");
    assert_eq!(bench.active(), (10, 2));

    let (quiet, _, writes) = bench.cycle();
    assert_eq!((quiet.kind, quiet.imported, writes), (Cycle::Incremental, 0, 0));
}

/// Deletion guard: over the threshold no removal is sent, however often it is tried; once they are released, all are.
#[test]
fn the_threshold_holds_every_removal_back() {
    let mut bench = Bench::new(12);
    bench.job.deletion_threshold = Some(3);
    bench.cycle();
    for id in ["p1", "p2", "p3"] {
        bench.people.remove(id, SourceChangeKind::SoftDeleted);
    }
    bench.people.remove("p4", SourceChangeKind::Deleted);
    let before = bench.requests();
    for _ in 0..2 {
        let error = bench.try_cycle().unwrap_err();
        assert!(matches!(error, CycleError::TooManyDeletes { planned: 4, threshold: 3 }), "{error}");
    }
    assert_eq!((bench.active(), bench.requests().1), ((12, 0), before.1));

    let released = bench.time.run(bench.engine().with_removals_allowed().run_cycle()).unwrap().unwrap();
    assert_eq!((released.disabled, released.deleted), (3, 1));
    assert_eq!(bench.active(), (8, 3));
}

/// At the threshold itself removals are sent.
#[test]
fn the_threshold_lets_as_many_removals_pass() {
    let mut bench = Bench::new(12);
    bench.job.deletion_threshold = Some(3);
    bench.cycle();
    for id in ["p1", "p2", "p3"] {
        bench.people.remove(id, SourceChangeKind::SoftDeleted);
    }
    assert_eq!(bench.cycle().0.disabled, 3);
}

/// Least touch: whom this job neither created nor matched is never changed, and attributes without a mapping stay.
#[test]
fn others_are_left_alone() {
    let bench = Bench::new(3);
    let own = scimkit_e2e::client(bench.world.service.transport(), scimkit_e2e::BASE);
    let user = |name: &str| {
        serde_json::from_value::<scimkit_types::Resource>(serde_json::json!({
            "schemas": [schema::USER], "userName": name, "active": true, "nickName": "Kalle", "title": "Guest",
        }))
        .unwrap()
    };
    bench.time.run(async { own.create("/Users", &user("somebody@example.org")).await.unwrap() }).unwrap();
    bench.time.run(async { own.create("/Users", &user("P1@example.com")).await.unwrap() }).unwrap();
    let (first, ..) = bench.cycle();
    assert_eq!((first.created, first.updated), (2, 1), "{first:?}");
    bench.people.remove("p1", SourceChangeKind::Deleted);
    let (second, ..) = bench.cycle();
    assert_eq!(second.deleted, 1);

    let content = bench.content();
    let names: Vec<&str> = content.resources.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["user p2@example.com", "user p3@example.com", "user somebody@example.org"]);
    let (_, somebody) = content.resources.last().unwrap();
    assert_eq!((somebody.get("title"), somebody.get("nickName")), (Some(&"Guest".into()), Some(&"Kalle".into())));
}
