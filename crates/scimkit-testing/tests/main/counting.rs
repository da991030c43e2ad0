//! The counting service lets in what a window has room for, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use proptest::prelude::*;
use scimkit_client::{Class, Transport, TransportError, transport_fn};
use scimkit_testing::{CountingService, VirtualTime};
use scimkit_types::profile::{Limits, RequestLimit};

fn limits(reads: u32, writes: u32, seconds: u32) -> Limits {
    let mut limits = Limits::default();
    limits.read = Some(RequestLimit::new(reads, seconds));
    limits.write = Some(RequestLimit::new(writes, seconds));
    limits
}

fn service(limits: Limits, time: &VirtualTime) -> CountingService<impl Transport> {
    let answer = |_| async { Ok::<_, TransportError>(Response::new(Bytes::new())) };
    CountingService::new(transport_fn(answer), limits, time.clock())
}

fn request(method: Method, path: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(format!("https://fake.example{path}")).body(Bytes::new()).unwrap()
}

fn send(time: &VirtualTime, service: &impl Transport, method: Method, path: &str) -> Response<Bytes> {
    time.run(service.send(request(method, path))).unwrap().unwrap()
}

#[test]
fn reads_and_writes_are_counted_apart_and_a_search_is_a_read() {
    let time = VirtualTime::default();
    let service = service(limits(2, 3, 60), &time);
    for (method, path, status) in [
        (Method::GET, "/Users", 200),
        (Method::POST, "/Users/.search", 200),
        (Method::GET, "/Users/1", 429),
        (Method::POST, "/Users", 200),
        (Method::PATCH, "/Users/1", 200),
        (Method::DELETE, "/Users/1", 200),
        (Method::PUT, "/Users/1", 429),
    ] {
        assert_eq!(send(&time, &service, method.clone(), path).status(), status, "{method} {path}");
    }
    assert_eq!((service.arrivals(Class::Read), service.arrivals(Class::Write), service.refused()), (2, 3, 2));
    assert_eq!(service.most_in_window(Class::Write, Duration::from_secs(60)), 3);
}

#[test]
fn a_window_does_not_have_its_start() {
    let time = VirtualTime::default();
    let service = service(limits(1, 1, 60), &time);
    assert_eq!(send(&time, &service, Method::GET, "/Users").status(), StatusCode::OK);
    time.advance(Duration::from_secs(60) - Duration::from_nanos(1));
    let refused = send(&time, &service, Method::GET, "/Users");
    assert_eq!((refused.status(), &refused.headers()[header::RETRY_AFTER]), (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap()));
    time.advance(Duration::from_nanos(1));
    assert_eq!(send(&time, &service, Method::GET, "/Users").status(), StatusCode::OK);
    assert_eq!(service.most_in_window(Class::Read, Duration::from_secs(60)), 1);
    assert_eq!(service.most_in_window(Class::Read, Duration::from_secs(61)), 2);
}

proptest! {
    /// In no window are more than the limit; a request is refused only when its window is full; whoever waits as told is let in.
    #[test]
    fn a_window_holds_the_limit_and_no_more(requests in 1_u32..6, gaps in prop::collection::vec(0_u64..4000, 1..60)) {
        let time = VirtualTime::default();
        let window = Duration::from_secs(5);
        let service = service(limits(requests, 1, 5), &time);
        let mut let_in = Vec::new();
        for gap in gaps {
            time.advance(Duration::from_millis(gap));
            let answer = send(&time, &service, Method::GET, "/Users");
            let inside = let_in.iter().filter(|at| **at + window > time.now()).count();
            prop_assert_eq!(answer.status() == StatusCode::OK, inside < requests as usize);
            if answer.status() == StatusCode::OK {
                let_in.push(time.now());
            } else {
                let wait: u64 = answer.headers()[header::RETRY_AFTER].to_str()?.parse()?;
                prop_assert!((1..=5).contains(&wait));
                time.advance(Duration::from_secs(wait));
                prop_assert_eq!(send(&time, &service, Method::GET, "/Users").status(), StatusCode::OK);
                let_in.push(time.now());
            }
        }
        prop_assert!(service.most_in_window(Class::Read, window) <= requests as usize);
        prop_assert_eq!(service.arrivals(Class::Read), let_in.len() as u64);
    }
}
