//! Transports that fail, wait and remember.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join_all, join3, select};
use http::{Request, Response, StatusCode};
use proptest::prelude::*;
use scimkit_client::{Transport, TransportError, TransportErrorKind, random_from_seed, transport_fn};
use scimkit_testing::{Delayed, Fault, FlakyTransport, Recording, ScriptedTransport, VirtualTime};
use scimkit_types::Timer;

fn request(path: &str) -> Request<Bytes> {
    Request::get(format!("https://fake.example{path}")).body(Bytes::new()).unwrap()
}

/// Answers every request with its path.
fn echo() -> impl Transport {
    transport_fn(
        |request: Request<Bytes>| async move { Ok::<_, TransportError>(Response::new(Bytes::from(request.uri().path().to_owned()))) },
    )
}

#[test]
fn a_script_says_when_it_has_ended() {
    let script = ScriptedTransport::new().answering(StatusCode::OK, "one");
    let time = VirtualTime::default();
    assert_eq!(time.run(script.send(request("/1"))).unwrap().unwrap().body(), "one");
    let error = time.run(script.send(request("/2"))).unwrap().unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Refused);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the script has no answer for request 2");
    let paths: Vec<String> = script.requests().iter().map(|request| request.uri().path().to_owned()).collect();
    assert_eq!(paths, ["/1", "/2"]);
}

#[test]
fn a_fault_is_before_or_after_the_effect() {
    use TransportErrorKind::{Connect, Interrupted};
    let time = VirtualTime::default();
    for (fault, effects, kind) in
        [(Fault::Before(Connect), 0, Connect), (Fault::Before(Interrupted), 0, Interrupted), (Fault::After(Interrupted), 1, Interrupted)]
    {
        let flaky = FlakyTransport::new(Recording::new(echo())).with_fault(2, fault);
        assert!(time.run(flaky.send(request("/1"))).unwrap().is_ok());
        assert_eq!(time.run(flaky.send(request("/2"))).unwrap().unwrap_err().kind(), kind, "{fault:?}");
        assert!(time.run(flaky.send(request("/3"))).unwrap().is_ok());
        assert_eq!((flaky.requests(), flaky.transport().exchanges().len()), (3, 2 + effects), "{fault:?}");
    }
}

#[test]
fn a_request_that_hangs_can_be_seen_and_dropped() {
    let time = VirtualTime::default();
    for (fault, effects) in [(Fault::HangBefore, 0), (Fault::HangAfter, 1)] {
        let flaky = FlakyTransport::new(Recording::new(echo())).with_fault(1, fault);
        let ended = time.run(select(flaky.send(request("/1")), Box::pin(flaky.hung()))).unwrap();
        assert!(matches!(ended, Either::Right(_)), "{fault:?}");
        drop(ended);
        assert_eq!(flaky.transport().exchanges().len(), effects, "{fault:?}");
    }
}

#[test]
fn a_recording_keeps_the_order_of_sending() {
    let time = VirtualTime::default();
    let latency = Duration::ZERO..=Duration::from_secs(1);
    let recording = Recording::new(Delayed::new(echo(), latency, time.timer(), random_from_seed(3)));
    let paths = ["/1", "/2", "/3", "/4"];
    time.run(join_all(paths.map(|path| recording.send(request(path))))).unwrap();
    let exchanges = recording.take();
    for (exchange, path) in exchanges.iter().zip(paths) {
        assert_eq!(exchange.request.uri().path(), path);
        assert_eq!(exchange.outcome.as_ref().unwrap().as_ref().unwrap().body(), path);
    }
    assert_eq!((exchanges.len(), recording.exchanges().len()), (4, 0));
}

/// Its answer, which comes later, is not that of a request that was sent since.
#[test]
fn a_request_under_way_is_forgotten_when_a_recording_is_taken() {
    let time = VirtualTime::default();
    let second = Duration::from_secs(1);
    let recording = Recording::new(Delayed::new(echo(), second..=second, time.timer(), random_from_seed(3)));
    let sent_later = async {
        time.sleep(second).await;
        assert_eq!(recording.take().len(), 1);
        recording.send(request("/2")).await.map(drop)
    };
    let looked_between = async {
        time.sleep(second * 5 / 2).await;
        recording.exchanges().iter().map(|exchange| exchange.outcome.is_some()).collect::<Vec<bool>>()
    };
    let (_, _, has_outcome) = time.run(join3(recording.send(request("/1")), sent_later, looked_between)).unwrap();
    assert_eq!(has_outcome, [false]);
    let body = recording.take().remove(0).outcome.unwrap().unwrap().into_body();
    assert_eq!(body, "/2");
}

proptest! {
    /// Each way takes what the range allows; the same seed gives the same times.
    #[test]
    fn latency_lies_in_its_range(seed: u64, from in 0_u64..200, width in 0_u64..300) {
        let (from, to) = (Duration::from_millis(from), Duration::from_millis(from + width));
        let times = || {
            let time = VirtualTime::default();
            let delayed = Arc::new(Delayed::new(echo(), from..=to, time.timer(), random_from_seed(seed)));
            (0..10).map(|_| {
                let began_at = time.now();
                time.run(delayed.send(request("/1"))).unwrap().unwrap();
                time.now().duration_since(began_at).unsigned_abs()
            }).collect::<Vec<Duration>>()
        };
        prop_assert!(times().iter().all(|took| (from * 2..=to * 2).contains(took)), "{:?}", times());
        prop_assert_eq!(times(), times());
    }
}
