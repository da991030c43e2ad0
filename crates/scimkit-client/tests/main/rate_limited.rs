use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, join_all, select};
use http::{Method, Request, Response};
use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_client::{Bytes, Class, Classes, Cost, Priority, RateLimited, Transport, TransportError, TransportErrorKind, Usage};
use scimkit_rate_limit::{
    Decision, Gcra, Limiter, Limits, Quota, RequestNumber, SharedAnswer, SharedDecision, SharedError, SharedLimit, Timestamp,
};
use scimkit_types::Clock;

use crate::support::{Watch, World};

/// A service that notes when requests arrive; each says itself how long it and its answer are under way.
#[derive(Debug)]
struct Service {
    world: Arc<World>,
    arrivals: Mutex<Vec<Arrival>>,
    /// What the first answers are, last first: a status and a header field.
    answers: Mutex<Vec<(u16, &'static str, &'static str)>>,
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
        let cost = request.extensions().get::<Cost>().map_or(1, |cost| cost.0);
        // What is on its way arrives, whoever still waits for it.
        let at = self.world.elapsed() + there;
        let arrival = Arrival { at, class: Class::of(&request), cost, path: request.uri().path().to_owned() };
        self.arrivals.lock().unwrap().push(arrival);
        self.world.pass(there + back).await;
        let (status, name, value) = self.answers.lock().unwrap().pop().unwrap_or((200, "date", ""));
        Ok(Response::builder().status(status).header(name, value).body(Bytes::new()).unwrap())
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

    fn paths(&self) -> Vec<String> {
        self.arrivals.lock().unwrap().iter().map(|arrival| arrival.path.clone()).collect()
    }
}

const WINDOW: Duration = Duration::from_millis(1000);

fn quota(requests: u32) -> Quota {
    Quota::new(requests, WINDOW).unwrap()
}

/// The longest that a request of the tests is under way.
const DEADLINE: Duration = Duration::from_millis(700);

/// A transport that knows nothing of what was sent before.
fn started(world: &Arc<World>, classes: Classes) -> RateLimited<Service> {
    let service = Service { world: Arc::clone(world), arrivals: Mutex::default(), answers: Mutex::default() };
    RateLimited::new(service, classes, Arc::new(Watch(Arc::clone(world))), Arc::new(Watch(Arc::clone(world)))).with_deadline(DEADLINE)
}

fn limited(world: &Arc<World>, classes: Classes) -> RateLimited<Service> {
    started(world, classes).unused()
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
        world.run(world.pass(WINDOW + DEADLINE));
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
    assert_eq!(transport.transport().paths(), (0..10).map(|number| format!("/{number}")).collect::<Vec<_>>());
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
    let transport = started(&world, Classes::new(quota(1), Limits::none()));
    let impatient = async {
        let give_up = world.pass(Duration::from_millis(10));
        assert!(matches!(select(transport.send(request(Method::GET, "/impatient")), give_up).await, Either::Right(_)));
    };
    let patient = async { transport.send(request(Method::GET, "/patient")).await.unwrap() };
    world.run(futures_util::future::join(impatient, patient));
    assert_eq!(transport.transport().times(), [1700]);
    assert_eq!(transport.transport().paths(), ["/patient"]);
}

/// After 429 nothing of the class is sent until the service says; seconds and dates are read.
#[test]
fn a_refusal_pauses_its_class() {
    for retry_after in ["5", "Fri, 15 Jan 2027 08:00:05 GMT"] {
        let world = World::new();
        let transport = limited(&world, Classes::new(quota(10), quota(10)));
        transport.transport().answers.lock().unwrap().push((429, "retry-after", retry_after));
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
    transport.transport().answers.lock().unwrap().push((429, "retry-after", "5"));
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

/// What was used counts after a restart, read from JSON.
#[test]
fn usage_is_kept_over_a_restart() {
    let world = World::new();
    let before = limited(&world, Classes::new(quota(3), quota(2)));
    world.run(join_all((0..2).map(|_| before.send(request(Method::GET, "/")))));
    let text = serde_json::to_string(&before.usage()).unwrap();
    let usage: Usage = serde_json::from_str(&text).unwrap();
    let after = started(&world, Classes::new(quota(3), quota(2))).with_usage(&usage);
    assert_eq!((after.remaining(Class::Read), after.remaining(Class::Write)), (1, 2));
}

/// What was under way when the usage was taken may arrive until its deadline, by the deadline of whoever starts again.
#[test]
fn what_an_earlier_process_left_under_way_counts_until_its_deadline() {
    let world = World::new();
    let before = limited(&world, Classes::new(quota(1), Limits::none()));
    let mut slow = request(Method::GET, "/left");
    slow.extensions_mut().insert(Latency(Duration::from_millis(300), Duration::from_millis(300)));
    let usage = world.run(async {
        let killed = world.pass(Duration::from_millis(10));
        let sending = before.send(slow);
        let Either::Right(((), sending)) = select(sending, killed).await else { panic!("answered") };
        let usage = before.usage();
        drop(sending);
        usage
    });
    let after = started(&world, Classes::new(quota(1), Limits::none())).with_usage(&usage);
    world.run(after.send(request(Method::GET, "/"))).unwrap();
    assert_eq!(after.transport().times(), [10 + 700 + 1000]);
}

/// Whoever does not know what was sent before waits for what may still be under way, and for a window, and then has the whole quota at once.
#[test]
fn a_start_without_usage_counts_the_window_as_full() {
    let world = World::new();
    let transport = started(&world, Classes::new(quota(3), Limits::none()));
    assert_eq!((transport.remaining(Class::Read), transport.remaining(Class::Write)), (0, u32::MAX));
    world.run(join_all((0..4).map(|_| transport.send(request(Method::GET, "/")))));
    assert_eq!(transport.transport().times(), [1700, 1700, 1700, 2700]);
}

/// A request whose answer nobody waits for may still arrive until its deadline: it is charged until one window after that.
#[test]
fn what_is_given_up_under_way_stays_charged() {
    let world = World::new();
    let transport = limited(&world, Classes::new(quota(1), Limits::none()));
    let mut slow = request(Method::GET, "/given-up");
    slow.extensions_mut().insert(Latency(Duration::from_millis(300), Duration::from_millis(300)));
    world.run(async {
        let give_up = world.pass(Duration::from_millis(10));
        assert!(matches!(select(transport.send(slow), give_up).await, Either::Right(_)));
        transport.send(request(Method::GET, "/next")).await.unwrap();
    });
    assert_eq!(transport.transport().times(), [300, 1700]);
}

/// On demand goes before the background, which still gets every fifth place.
#[test]
fn on_demand_is_sent_first_and_the_background_is_not_starved() {
    let world = World::new();
    let transport = started(&world, Classes::new(quota(1), Limits::none()));
    let send = |path: String, priority: Priority| {
        let mut request = request(Method::GET, &path);
        request.extensions_mut().insert(priority);
        transport.send(request)
    };
    let background = (0..2).map(|number| send(format!("/background{number}"), Priority::Background));
    let on_demand = (0..6).map(|number| send(format!("/demand{number}"), Priority::OnDemand));
    world.run(join_all(background.chain(on_demand)));
    let expected = ["/demand0", "/demand1", "/demand2", "/demand3", "/background0", "/demand4", "/demand5", "/background1"];
    assert_eq!(transport.transport().paths(), expected);
    assert_eq!(transport.transport().times(), (1..=8).map(|second| 700 + second * 1000).collect::<Vec<_>>());
}

/// The service names a smaller limit in an answer that it served, and what is left when others use the quota too.
#[test]
fn a_smaller_limit_of_the_service_is_kept_to() {
    let world = World::new();
    let transport = limited(&world, Classes::new(quota(10), quota(10)));
    transport.transport().answers.lock().unwrap().push((200, "RateLimit-Policy", "\"light\";q=2;w=2"));
    world.run(transport.send(request(Method::GET, "/"))).unwrap();
    world.run(join_all((0..3).map(|_| transport.send(request(Method::GET, "/")))));
    assert_eq!(transport.transport().times(), [0, 0, 2000, 2000]);

    transport.transport().answers.lock().unwrap().push((200, "RateLimit", "\"heavy\";r=1;t=7"));
    world.run(transport.send(request(Method::POST, "/Users"))).unwrap();
    world.run(join_all((0..2).map(|_| transport.send(request(Method::POST, "/Users")))));
    assert_eq!(transport.transport().times()[4..], [2000, 2000, 3000]);
}

/// An even pace instead of the whole quota at once.
#[test]
fn a_class_can_keep_an_even_pace() {
    let world = World::new();
    let pace = Gcra::new(quota(4), 1.try_into().unwrap());
    let transport = limited(&world, Classes::new(pace, Limits::none()));
    world.run(join_all((0..4).map(|_| transport.send(request(Method::GET, "/")))));
    assert_eq!(transport.transport().times(), [0, 250, 500, 750]);
}

/// 10,000 requests under 1000 a minute, each 0 to 300 ms under way and its answer too: the service, which counts exactly on arrival, never sees
/// more than the quota, and the time is that of the quota with one round trip a window.
#[test]
fn ten_thousand_requests_reach_the_rate_without_one_refusal() {
    let world = World::new();
    let minute = Duration::from_secs(60);
    let transport = limited(&world, Classes::new(Quota::new(1000, minute).unwrap(), Limits::none()));
    let mut random = 1_u64;
    let mut latency = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((random >> 33) % 301)
    };
    world.run(join_all((0..10_000).map(|_| {
        let mut request = request(Method::GET, "/Users");
        request.extensions_mut().insert(Latency(latency(), latency()));
        transport.send(request)
    })));
    let mut arrivals: Vec<Duration> = transport.transport().arrivals.lock().unwrap().iter().map(|arrival| arrival.at).collect();
    arrivals.sort_unstable();
    // The 1001st after any request is more than a window later, or just one: windows are half open.
    assert!(arrivals.iter().zip(&arrivals[1000..]).all(|(first, later)| *later >= *first + minute));
    let round_trip = Duration::from_millis(600);
    assert_eq!((arrivals.len(), transport.counts().throttled), (10_000, 0));
    assert!(world.elapsed() <= 9 * (minute + round_trip) + round_trip, "{:?}", world.elapsed());
}

/// A quota that two processes share, each with a limiter of its own besides, by a clock that both see.
#[derive(Debug)]
struct SharedQuota {
    world: Arc<World>,
    limiter: Mutex<Limiter>,
    is_gone: AtomicBool,
}

impl SharedQuota {
    fn answer<'a, T: Send + 'a>(&'a self, answer: impl FnOnce(&mut Limiter, Timestamp) -> T) -> SharedAnswer<'a, T> {
        let is_gone = self.is_gone.load(Ordering::Relaxed);
        let answer = answer(&mut self.limiter.lock().unwrap(), Watch(Arc::clone(&self.world)).now());
        Box::pin(ready(if is_gone { Err(SharedError::new("gone")) } else { Ok(answer) }))
    }
}

impl SharedLimit for SharedQuota {
    fn start(&self, cost: u32, _deadline: Duration) -> SharedAnswer<'_, SharedDecision> {
        self.answer(|limiter, now| match limiter.start(cost, now) {
            Decision::Admitted => SharedDecision::Admitted(RequestNumber(0)),
            Decision::Impossible => SharedDecision::Impossible,
            Decision::Refused { retry_at } => SharedDecision::Refused { retry_after: retry_at.duration_since(now).unsigned_abs() },
        })
    }

    fn finish(&self, _request: RequestNumber, cost: u32) -> SharedAnswer<'_, ()> {
        self.answer(|limiter, now| limiter.finish(cost, now))
    }

    fn pause(&self, pause: Duration) -> SharedAnswer<'_, ()> {
        self.answer(|limiter, now| limiter.pause_until(now + pause))
    }
}

fn shared(world: &Arc<World>, requests: u32) -> Arc<SharedQuota> {
    let limiter = Mutex::new(Limiter::new(Limits::from(quota(requests))));
    Arc::new(SharedQuota { world: Arc::clone(world), limiter, is_gone: AtomicBool::new(false) })
}

/// Two processes with the same quota send no more than the quota together, and a pause that one is told holds for both.
#[test]
fn processes_share_a_quota_and_its_pauses() {
    let world = World::new();
    let both = shared(&world, 3);
    let process =
        || limited(&world, Classes::new(quota(3), Limits::none())).with_shared(Arc::<SharedQuota>::clone(&both), shared(&world, 1));
    let (one, other) = (process(), process());
    let send = |process: usize| [&one, &other][process % 2].send(request(Method::GET, "/"));
    world.run(join_all((0..6).map(send)));
    let mut times = [one.transport().times(), other.transport().times()].concat();
    times.sort_unstable();
    assert_eq!(times, [0, 0, 0, 1000, 1000, 1000]);

    one.transport().answers.lock().unwrap().push((429, "retry-after", "5"));
    world.run(async {
        send(0).await.unwrap();
        send(1).await.unwrap();
    });
    assert_eq!((one.transport().times()[3], other.transport().times()[3]), (2000, 7000));
}

/// While nobody knows what other processes send, nothing is sent.
#[test]
fn nothing_is_sent_while_the_shared_quota_cannot_be_reached() {
    let world = World::new();
    let both = shared(&world, 3);
    let transport =
        limited(&world, Classes::new(quota(3), quota(3))).with_shared(Arc::<SharedQuota>::clone(&both), Arc::<SharedQuota>::clone(&both));
    both.is_gone.store(true, Ordering::Relaxed);
    let error = world.run(transport.send(request(Method::GET, "/"))).unwrap_err();
    assert_eq!((error.kind(), transport.counts().reads), (TransportErrorKind::Connect, 0));
    assert_eq!(transport.transport().times(), [0_u128; 0]);
}
