use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use scimkit_client::{Bytes, Repeatable, Retry, RetryPolicy, Transport, TransportErrorKind, random_from_seed};

use crate::support::{Answer, Scripted, Watch, World, answer, answer_with};

fn request(method: Method, path: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(format!("https://example.com{path}")).body(Bytes::new()).unwrap()
}

/// How often a request is sent when the first answer is this one and the second is 200, and how long that takes at the longest jitter.
fn attempts(request: Request<Bytes>, first: Answer) -> (usize, Duration) {
    let world = World::new();
    let peer = Scripted::new([first, answer(200, "")]);
    let longest = || 500_000_000;
    let transport = Retry::new(Arc::clone(&peer), RetryPolicy::default(), Arc::new(Watch(Arc::clone(&world))), longest);
    // The outcome itself is what the peer said last.
    let outcome = world.run(transport.send(request));
    assert_eq!(outcome.is_ok_and(|response| response.status() == 200), peer.seen().len() == 2);
    (peer.seen().len(), world.elapsed())
}

fn post() -> Request<Bytes> {
    request(Method::POST, "/Users")
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// A create is sent again only when it cannot have had an effect.
#[test]
fn a_create_is_never_repeated_after_it_may_have_had_an_effect() {
    for kind in [TransportErrorKind::Timeout, TransportErrorKind::Interrupted, TransportErrorKind::TooLarge, TransportErrorKind::Refused] {
        assert_eq!(attempts(post(), Answer::Failure(kind)).0, 1, "{kind:?}");
    }
    for status in [500, 502, 503, 504, 408, 409, 400, 308] {
        assert_eq!(attempts(post(), answer(status, "")).0, 1, "{status}");
    }
    assert_eq!(attempts(post(), answer_with(500, "retry-after", "1", "")).0, 1);
}

#[test]
fn a_request_that_was_refused_is_always_repeated() {
    assert_eq!(attempts(post(), Answer::Failure(TransportErrorKind::Connect)), (2, HALF_A_SECOND));
    assert_eq!(attempts(post(), answer_with(429, "retry-after", "7", "")), (2, Duration::from_secs(7) + HALF_A_SECOND));
    assert_eq!(attempts(post(), answer_with(503, "retry-after", "0", "")), (2, HALF_A_SECOND));
    assert_eq!(attempts(post(), answer(429, "")), (2, HALF_A_SECOND));
}

/// `Retry-After` may be a date, read against the date of the answer.
#[test]
fn a_date_is_waited_for() {
    let Answer::Response(mut response) = answer_with(429, "retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", "") else { panic!() };
    response.headers_mut().insert("date", "Sun, 06 Nov 1994 08:49:17 GMT".parse().unwrap());
    assert_eq!(attempts(post(), Answer::Response(response)), (2, Duration::from_secs(20) + HALF_A_SECOND));
}

/// Many who are told to come back at once come back one after the other.
#[test]
fn those_who_were_refused_together_do_not_come_back_together() {
    let comes_back = |seed| {
        let world = World::new();
        let peer = Scripted::new([answer_with(429, "retry-after", "7", ""), answer(200, "")]);
        let transport = Retry::new(peer, RetryPolicy::default(), Arc::new(Watch(Arc::clone(&world))), random_from_seed(seed));
        world.run(transport.send(post())).unwrap();
        world.elapsed()
    };
    let waits: std::collections::BTreeSet<Duration> = (0..50).map(comes_back).collect();
    assert!(waits.len() > 40 && waits.iter().all(|wait| (7.0..=7.5).contains(&wait.as_secs_f64())), "{waits:?}");
}

/// A read whose body ends within its JSON is read again; a write, which had its effect, is not, and neither is what is no JSON at all.
#[test]
fn a_read_that_was_cut_off_is_repeated() {
    let whole = r#"{"Resources": [{"id": "7", "title": "a } and a \" ]"}]}"#;
    let sent = |method: &Method, path: &str, first: &str| {
        let world = World::new();
        let peer = Scripted::new([answer(200, first), answer(200, whole)]);
        let retry = Retry::new(Arc::clone(&peer), RetryPolicy::default(), Arc::new(Watch(Arc::clone(&world))), || 0);
        world.run(retry.send(request(method.clone(), path))).unwrap();
        peer.seen().len()
    };
    for end in 1..whole.len() {
        let cut = whole.get(..end).unwrap();
        assert_eq!((sent(&Method::GET, "/Users", cut), sent(&Method::POST, "/Users/.search", cut)), (2, 2), "{cut}");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(sent(&method, "/Users/7", cut), 1, "{method} {cut}");
        }
    }
    for body in [whole, "", "<html>{", "\u{feff}{}", "[]"] {
        assert_eq!(sent(&Method::GET, "/Users", body), 1, "{body}");
    }
    assert_eq!(sent(&Method::GET, "/Users", "\u{feff} {"), 2);
}

/// What is cut off every time is given to the caller as it came, after as many attempts as any read.
#[test]
fn a_read_that_is_always_cut_off_ends() {
    let world = World::new();
    let peer = Scripted::new((0..4).map(|_| answer(200, "{")));
    let retry = Retry::new(Arc::clone(&peer), RetryPolicy::default(), Arc::new(Watch(Arc::clone(&world))), || 0);
    assert_eq!(world.run(retry.send(request(Method::GET, "/Users"))).unwrap().body(), "{");
    assert_eq!(peer.seen().len(), 4);
}

#[test]
fn what_can_be_done_twice_is_repeated_after_a_failure() {
    let mut patch = request(Method::PATCH, "/Users/1");
    assert_eq!(attempts(patch.clone(), answer(503, "")).0, 1);
    patch.extensions_mut().insert(Repeatable);
    let repeatable = [
        patch,
        request(Method::GET, "/Users/1"),
        request(Method::PUT, "/Users/1"),
        request(Method::DELETE, "/Users/1"),
        request(Method::POST, "/Users/.search"),
    ];
    for request in repeatable {
        assert_eq!(attempts(request.clone(), answer(502, "")), (2, HALF_A_SECOND));
        assert_eq!(attempts(request.clone(), Answer::Failure(TransportErrorKind::Timeout)), (2, HALF_A_SECOND));
        assert_eq!(attempts(request.clone(), answer(501, "")).0, 1);
        assert_eq!(attempts(request, Answer::Failure(TransportErrorKind::TooLarge)).0, 1);
    }
}

#[test]
fn a_wait_that_is_too_long_is_left_to_the_caller() {
    assert_eq!(attempts(post(), answer_with(429, "retry-after", "301", "")), (1, Duration::ZERO));
}

fn failing(count: usize, policy: RetryPolicy) -> (usize, Duration) {
    let world = World::new();
    let peer = Scripted::new((0..count).map(|_| answer(503, "")));
    let transport = Retry::new(Arc::clone(&peer), policy, Arc::new(Watch(Arc::clone(&world))), || u64::MAX);
    while peer.seen().len() < count {
        world.run(transport.send(request(Method::GET, "/Users"))).unwrap();
    }
    (peer.seen().len(), world.elapsed())
}

/// Waits double up to the cap, and the attempts end.
#[test]
fn waits_double_up_to_the_cap() {
    let policy = RetryPolicy::default().with_max_attempts(5).with_delays(Duration::from_nanos(1), Duration::from_nanos(3));
    // With bounds of 1, 2, 3 and 3 ns, the largest random number gives the remainders 1, 0, 3 and 3.
    assert_eq!(failing(5, policy), (5, Duration::from_nanos(7)));
}

/// When everything fails the budget ends the repetitions: one request is then one attempt.
#[test]
fn the_budget_ends_repetitions() {
    let world = World::new();
    let peer = Scripted::new((0..8).map(|_| answer(503, "")));
    let policy = RetryPolicy::default().with_budget(5);
    let transport = Retry::new(Arc::clone(&peer), policy, Arc::new(Watch(Arc::clone(&world))), || 0);
    let sent = [4, 7, 8].map(|expected| {
        world.run(transport.send(request(Method::GET, "/Users"))).unwrap();
        (expected, peer.seen().len())
    });
    assert!(sent.iter().all(|(expected, found)| expected == found), "{sent:?}");
}

/// A storm of 429 is bounded too: beyond the budget one request is one attempt, and a refusal gives nothing back.
#[test]
fn the_budget_ends_a_storm_of_refusals() {
    let sent = |retry_after: Option<&str>| {
        let world = World::new();
        let refusal = || retry_after.map_or_else(|| answer(429, ""), |after| answer_with(429, "retry-after", after, ""));
        let peer = Scripted::new((0..1000).map(|_| refusal()));
        let policy = RetryPolicy::default().with_budget(5);
        let transport = Retry::new(Arc::clone(&peer), policy, Arc::new(Watch(Arc::clone(&world))), || 0);
        for _ in 0..100 {
            assert_eq!(world.run(transport.send(post())).unwrap().status(), 429);
        }
        peer.seen().len()
    };
    assert_eq!((sent(None), sent(Some("1")), sent(Some("0"))), (105, 150, 150));
}

#[test]
fn a_seed_gives_the_same_numbers_again() {
    let (a, b) = (random_from_seed(7), random_from_seed(7));
    let numbers: Vec<u64> = (0..4).map(|_| a()).collect();
    assert_eq!(numbers, (0..4).map(|_| b()).collect::<Vec<_>>());
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
}
