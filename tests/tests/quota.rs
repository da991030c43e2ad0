//! The quota of a service is used to the full and never exceeded, whatever the latency. All time is virtual.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use scimkit_client::{Class, Classes, RateLimited, Retry, RetryPolicy, random_from_seed};
use scimkit_e2e::{Company, Content, ServiceKind, World};
use scimkit_provisioning::{Cycle, CycleReport, MatchingChoice};
use scimkit_rate_limit::Quota;
use scimkit_store::{MemoryState, NewResource, ResourceKey, ResourceStore, Tenant};
use scimkit_testing::{CountingService, Delayed, Fault, FlakyTransport, InProcess, VirtualTime};
use scimkit_types::profile::RequestLimit;
use scimkit_types::{Profile, Resource, schema};

const WINDOW: Duration = Duration::from_secs(60);
const LATENCY: Duration = Duration::from_millis(300);
const CONCURRENCY: u32 = 16;

/// What a run of two cycles came to.
struct Outcome {
    first: CycleReport,
    first_took: Duration,
    reads: u64,
    writes: u64,
    most_reads: usize,
    most_writes: usize,
    content: Content,
}

/// The profile of the service like RingCentral's with room for everybody.
fn profile() -> Profile {
    let mut profile = ServiceKind::RingCentral.profile();
    profile.seats = None;
    profile
}

/// Provisions a company into a service that has so many other users, under the limits of the profile, which both the counting service and
/// the server itself hold.
fn provision(company: &Company, others: usize, seed: u64) -> Outcome {
    let time = VirtualTime::default();
    let world = World::new(profile(), Arc::new(MemoryState::new()), time.clock());
    time.run(async {
        for number in 0..others {
            let mut user = Resource::new([schema::USER]);
            user.insert("userName", format!("other{number}@example.org"));
            let key = ResourceKey::new(Tenant::default(), "User", format!("other{number}"));
            world.service.store.create(NewResource::new(key, user, time.now())).await.unwrap();
        }
    })
    .unwrap();
    let limits = profile().limits;
    let quota = |class: Option<RequestLimit>| Quota::new(class.unwrap().requests, WINDOW).unwrap();
    let classes = Classes::new(quota(limits.read), quota(limits.write));

    let service = Arc::new(CountingService::new(InProcess::new(world.service.server.clone()), limits, time.clock()));
    let wire = Delayed::new(Arc::clone(&service), Duration::ZERO..=LATENCY, time.timer(), random_from_seed(seed));
    let limited = Arc::new(RateLimited::new(wire, classes, time.clock(), time.timer()).unused());
    let retry = Retry::new(Arc::clone(&limited), RetryPolicy::default(), time.timer(), random_from_seed(seed));
    let mut job = ServiceKind::RingCentral.job(profile());
    job.concurrency = usize::try_from(CONCURRENCY).unwrap();
    let engine = world.engine(job, company.on_day(1), retry);

    let began_at = time.now();
    let first = time.run(engine.run_cycle()).unwrap().unwrap();
    let first_took = time.now().duration_since(began_at).unsigned_abs();

    assert_eq!(service.refused(), 0, "the counting service had to refuse, seed {seed}");
    assert_eq!(limited.counts().throttled, 0, "an answer was 429, seed {seed}");
    Outcome {
        first,
        first_took,
        reads: service.arrivals(Class::Read),
        writes: service.arrivals(Class::Write),
        most_reads: service.most_in_window(Class::Read, WINDOW),
        most_writes: service.most_in_window(Class::Write, WINDOW),
        content: time.run(Content::of(world.service.store.as_ref())).unwrap(),
    }
}

/// The quota is never exceeded at the service, although latency could squeeze two windows together; it is used and not wasted; and an
/// initial cycle sends one write for each user, one read for the test of the connection and one for each page of the service's list.
#[test]
fn twenty_five_hundred_people_take_as_long_as_the_quota_and_no_longer() {
    let company = Company::new(2500, 20);
    for seed in [1, 2] {
        let outcome = provision(&company, 0, seed);
        assert_eq!(outcome.first.kind, Cycle::Initial);
        assert_eq!(outcome.first.created, u64::try_from(outcome.content.users()).unwrap());
        assert!(outcome.first.created > 2300, "{:?}", outcome.first);

        // An empty service has one page.
        assert_eq!((outcome.reads, outcome.writes), (1 + 1, outcome.first.created), "seed {seed}");
        assert!(outcome.most_reads <= 300);
        assert_eq!(outcome.most_writes, 1000, "the quota was not used to the full, seed {seed}");

        // The smallest time in which any client could do it, and what latency and the number of requests at once add to it.
        let writes = u32::try_from(outcome.writes).unwrap();
        let full_windows = (writes - 1) / 1000;
        let rest = writes - full_windows * 1000;
        let round_trip = LATENCY * 2;
        let least = WINDOW * full_windows;
        let most = (WINDOW + round_trip) * full_windows + round_trip * (rest.div_ceil(CONCURRENCY) + 4);
        println!("seed {seed}: {writes} writes took {:?}, at least {least:?}, at most {most:?}", outcome.first_took);
        assert!((least..=most).contains(&outcome.first_took), "{:?} is not in {least:?} to {most:?}", outcome.first_took);
    }
}

/// Matching reads each page of the service's list once, not one answer for each user: 950 others are ten pages of a hundred.
#[test]
fn matching_costs_a_read_for_each_page() {
    let company = Company::new(120, 5);
    let outcome = provision(&company, 950, 3);
    let decision = outcome.first.matching.get("User").unwrap();
    assert_eq!((decision.choice, decision.listing_reads), (MatchingChoice::Listing, Some(10)));
    assert_eq!((outcome.reads, outcome.writes), (1 + 10, outcome.first.created));
    assert!(outcome.first.created > 80, "{:?}", outcome.first);
}

/// The same seeds give the same run, so that a fault that is found can be found again.
#[test]
fn equal_seeds_give_equal_runs() {
    let company = Company::new(120, 5);
    let (left, right) = (provision(&company, 0, 7), provision(&company, 0, 7));
    assert_eq!((left.first_took, left.first, left.content), (right.first_took, right.first, right.content));
}

/// What a limiter knows after a restart of its process.
#[derive(Clone, Copy, Debug)]
enum Restart {
    /// Nothing, so that the window counts as full.
    Forgetful,
    /// What was kept of its usage at the moment of the kill.
    Remembering,
}

/// The quota holds over a restart: a worker that is killed in the middle of a window and started at once does not take the window anew.
#[test]
fn a_restart_does_not_take_the_window_anew() {
    let company = Company::new(150, 5);
    let mut profile = profile();
    profile.limits.read = Some(RequestLimit::new(20, 60));
    profile.limits.write = Some(RequestLimit::new(50, 60));
    let quota = |limit: Option<RequestLimit>| Quota::new(limit.unwrap().requests, WINDOW).unwrap();
    let (reads, writes) = (quota(profile.limits.read), quota(profile.limits.write));
    for restart in [Restart::Forgetful, Restart::Remembering] {
        for killed_at in [3, 30, 52, 90] {
            let time = VirtualTime::default();
            let world = World::new(profile.clone(), Arc::new(MemoryState::new()), time.clock());
            let server = InProcess::new(world.service.server.clone());
            let service = Arc::new(CountingService::new(server, profile.limits.clone(), time.clock()));
            let job = ServiceKind::RingCentral.job(profile.clone());
            let wire = |seed| Delayed::new(Arc::clone(&service), Duration::ZERO..=LATENCY, time.timer(), random_from_seed(seed));

            let flaky = Arc::new(FlakyTransport::new(wire(1)).with_fault(killed_at, Fault::HangAfter));
            let classes = || Classes::new(reads, writes);
            let limited = Arc::new(RateLimited::new(Arc::clone(&flaky), classes(), time.clock(), time.timer()).unused());
            let engine = world.engine(job.clone(), company.on_day(1), Arc::clone(&limited));
            let killed = time.run(async { matches!(select(pin!(engine.run_cycle()), pin!(flaky.hung())).await, Either::Right(_)) });
            assert_eq!(killed, Ok(true), "{restart:?} {killed_at}");

            let resumed = RateLimited::new(wire(2), classes(), time.clock(), time.timer());
            let resumed = Arc::new(match restart {
                Restart::Forgetful => resumed,
                Restart::Remembering => resumed.with_usage(&limited.usage()),
            });
            let engine = world.engine(job, company.on_day(1), Arc::clone(&resumed));
            time.run(engine.run_cycle()).unwrap().unwrap();

            let users = time.run(Content::of(world.service.store.as_ref())).unwrap().users();
            assert!(users > 100, "{users}");
            assert_eq!((service.refused(), resumed.counts().throttled), (0, 0), "{restart:?} {killed_at}");
            assert!(service.most_in_window(Class::Write, WINDOW) <= 50 && service.most_in_window(Class::Read, WINDOW) <= 20);
        }
    }
}
