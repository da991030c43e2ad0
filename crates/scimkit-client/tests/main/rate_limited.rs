use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, join_all, select};
use http::{Method, Request, Response};
use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_client::{Bytes, Class, Classes, Cost, RateLimited, Transport, TransportError, TransportErrorKind};
use scimkit_rate_limit::{Limits, Quota, SlidingWindow};

use crate::support::{Watch, World, epoch};

/// A service that notes when requests arrive; each says itself how long it and its answer are under way.
#[derive(Debug)]
struct Service {
    world: Arc<World>,
    arrivals: Mutex<Vec<Arrival>>,
    /// Answers 429 with this `Retry-After` to the first requests.
    refuses: Mutex<Vec<&'static str>>,
}

#[derive(Clone, Debug)]
struct Arrival {
    at: Duration,
    class: Class,
    cost: u32,
    path: String,
}

/// How long a request and its answer are under way.
#[derive(Clone, Copy, Debug)]
struct Latency(Duration, Duration);

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let Latency(there, back) = request.extensions().get().copied().unwrap_or(Latency(Duration::ZERO, Duration::ZERO));
        self.world.pass(there).await;
        let cost = request.extensions().get::<Cost>().map_or(1, |cost| cost.0);
        let arrival = Arrival { at: self.world.elapsed(), class: Class::of(&request), cost, path: request.uri().path().to_owned() };
        self.arrivals.lock().unwrap().push(arrival);
        self.world.pass(back).await;
        match self.refuses.lock().unwrap().pop() {
            Some(retry_after) => Ok(Response::builder().status(429).header("retry-after", retry_after).body(Bytes::new()).unwrap()),
            None => Ok(Response::new(Bytes::new())),
        }
    }
}

impl Service {
    /// The most cost of a class that arrived in any half-open window.
    fn most(&self, class: Class, window: Duration) -> u32 {
        let arrivals: Vec<Arrival> = self.arrivals.lock().unwrap().iter().filter(|arrival| arrival.class == class).cloned().collect();
        let in_window = |end: Duration| {
            let counted = arrivals.iter().filter(|arrival| arrival.at <= end && arrival.at + window > end);
            counted.map(|arrival| arrival.cost).sum()
        };
        arrivals.iter().map(|arrival| in_window(arrival.at)).max().unwrap_or_default()
    }

    fn times(&self) -> Vec<u128> {
        self.arrivals.lock().unwrap().iter().map(|arrival| arrival.at.as_millis()).collect()
    }
}

const WINDOW: Duration = Duration::from_millis(1000);

fn quota(requests: u32) -> Quota {
    Quota::new(requests, WINDOW).unwrap()
}

fn limited(world: &Arc<World>, classes: Classes) -> RateLimited<Service> {
    let service = Service { world: Arc::clone(world), arrivals: Mutex::default(), refuses: Mutex::default() };
    RateLimited::new(service, classes, Arc::new(Watch(Arc::clone(world))), Arc::new(Watch(Arc::clone(world))))
}

fn request(method: Method, path: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(format!("https://example.com{path}")).body(Bytes::new()).unwrap()
}

#[derive(Clone, Debug)]
struct Call {
    at: u64,
    is_read: bool,
    cost: u32,
    there: u64,
    back: u64,
    /// Gives up after this time if the request was not sent by then.
    patience: Option<u64>,
}

fn call() -> impl Strategy<Value = Call> {
    (0_u64..3000, any::<bool>(), 1_u32..4, 0_u64..=300, 0_u64..=300, prop::option::weighted(0.2, 0_u64..2000))
        .prop_map(|(at, is_read, cost, there, back, patience)| Call { at, is_read, cost, there, back, patience })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// However long requests are under way, whoever gives up and in whatever order they come: no window at the service sees more
    /// than the quota, every patient request is sent, and nothing stays taken.
    #[test]
    fn the_quota_is_never_exceeded_at_the_service(reads in 3_u32..8, writes in 3_u32..8, calls in vec(call(), 1..60)) {
        let world = World::new();
        let transport = limited(&world, Classes::new(quota(reads), quota(writes)));
        let sent = world.run(join_all(calls.iter().map(|call| async {
            world.pass(Duration::from_millis(call.at)).await;
            let mut request = request(if call.is_read { Method::GET } else { Method::POST }, "/Users");
            request.extensions_mut().insert(Cost(call.cost));
            request.extensions_mut().insert(Latency(Duration::from_millis(call.there), Duration::from_millis(call.back)));
            let sending = transport.send(request);
            match call.patience {
                None => sending.await.is_ok(),
                Some(patience) => {
                    let patience = world.pass(Duration::from_millis(patience));
                    matches!(select(sending, patience).await, Either::Left((Ok(_), _)))
                }
            }
        })));
        prop_assert!(transport.transport().most(Class::Read, WINDOW) <= reads);
        prop_assert!(transport.transport().most(Class::Write, WINDOW) <= writes);
        for (call, sent) in calls.iter().zip(sent) {
            prop_assert!(sent || call.patience.is_some());
        }
        world.run(world.pass(WINDOW));
        prop_assert_eq!((transport.remaining(Class::Read), transport.remaining(Class::Write)), (reads, writes));
    }
}

/// Without latency the quota is used to the full: ten requests of three a second take three seconds, and they keep their order.
#[test]
fn the_quota_is_used_to_the_full_and_in_order() {
    let world = World::new();
    let transport = limited(&world, Classes::new(quota(3), Limits::none()));
    world.run(join_all((0..10).map(|number| transport.send(request(Method::GET, &format!("/{number}"))))));
    assert_eq!(transport.transport().times(), [0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000, 3000]);
    let paths: Vec<String> = transport.transport().arrivals.lock().unwrap().iter().map(|arrival| arrival.path.clone()).collect();
    assert_eq!(paths, (0..10).map(|number| format!("/{number}")).collect::<Vec<_>>());
    assert_eq!(transport.counts().reads, 10);
}

/// A write does not wait for reads.
#[test]
fn classes_do_not_share_their_quota() {
    let world = World::new();
    let transport = limited(&world, Classes::new(quota(1), quota(1)));
    let requests = [request(Method::GET, "/"), request(Method::POST, "/Users/.search"), request(Method::POST, "/Users")];
    world.run(join_all(requests.map(|request| transport.send(request))));
    assert_eq!(transport.transport().times(), [0, 0, 1000]);
    assert_eq!((transport.counts().reads, transport.counts().writes), (2, 1));
}

/// Somebody who gives up waiting takes nothing, and the next one moves up.
#[test]
fn who_gives_up_loses_nothing_for_others() {
    let world = World::new();
    let transport = limited(&world, Classes::new(SlidingWindow::full(quota(1), epoch()), Limits::none()));
    let impatient = async {
        let give_up = world.pass(Duration::from_millis(10));
        assert!(matches!(select(transport.send(request(Method::GET, "/impatient")), give_up).await, Either::Right(_)));
    };
    let patient = async { transport.send(request(Method::GET, "/patient")).await.unwrap() };
    world.run(futures_util::future::join(impatient, patient));
    assert_eq!(transport.transport().times(), [1000]);
    assert_eq!(transport.transport().arrivals.lock().unwrap()[0].path, "/patient");
}

/// After 429 nothing of the class is sent until the service says; seconds and dates are read.
#[test]
fn a_refusal_pauses_its_class() {
    for retry_after in ["5", "Fri, 15 Jan 2027 08:00:05 GMT"] {
        let world = World::new();
        let transport = limited(&world, Classes::new(quota(10), quota(10)));
        transport.transport().refuses.lock().unwrap().push(retry_after);
        assert_eq!(world.run(transport.send(request(Method::GET, "/"))).unwrap().status(), 429);
        world.run(transport.send(request(Method::POST, "/Users"))).unwrap();
        world.run(transport.send(request(Method::GET, "/"))).unwrap();
        assert_eq!(transport.transport().times(), [0, 0, 5000], "{retry_after}");
        assert_eq!(transport.counts().throttled, 1);
    }
}

/// Those who wait when the service asks for a pause wait for it too.
#[test]
fn a_refusal_holds_back_those_who_wait() {
    let world = World::new();
    let transport = limited(&world, Classes::new(quota(1), Limits::none()));
    transport.transport().refuses.lock().unwrap().push("5");
    world.run(join_all((0..3).map(|_| transport.send(request(Method::GET, "/")))));
    assert_eq!(transport.transport().times(), [0, 5000, 6000]);
}

#[test]
fn a_cost_above_the_quota_is_refused_at_once() {
    let world = World::new();
    let transport = limited(&world, Classes::new(quota(3), quota(3)));
    let mut bulk = request(Method::POST, "/Bulk");
    bulk.extensions_mut().insert(Cost(4));
    let error = world.run(transport.send(bulk)).unwrap_err();
    assert_eq!((error.kind(), world.elapsed(), transport.counts().writes), (TransportErrorKind::Refused, Duration::ZERO, 0));
}

/// What was used counts after a restart.
#[test]
fn usage_is_kept_over_a_restart() {
    let world = World::new();
    let before = limited(&world, Classes::new(quota(3), Limits::none()));
    world.run(join_all((0..2).map(|_| before.send(request(Method::GET, "/")))));
    let usage = before.usage(Class::Read);
    let window = SlidingWindow::with_usage(quota(3), &usage[0], epoch());
    let after = limited(&world, Classes::new(window, Limits::none()));
    assert_eq!(after.remaining(Class::Read), 1);
}
