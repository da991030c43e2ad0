//! Ten thousand requests under a quota: as fast as the quota allows, and never over it. All time is virtual.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use scimkit_client::{Bytes, Class, Classes, Client, RateLimited, Retry, RetryPolicy, random_from_seed, transport_fn};
use scimkit_rate_limit::Quota;
use scimkit_testing::{CountingService, Delayed, VirtualTime};
use scimkit_types::profile::{Limits, RequestLimit};
use scimkit_types::{Resource, Timestamp, schema};

const WINDOW: Duration = Duration::from_secs(60);
/// Each way.
const LATENCY: Duration = Duration::from_millis(300);
const REQUESTS: u32 = 10_000;
const QUOTA: u32 = 1000;

/// After the first window the rate is at least 0.99 · T/(T + round trip) of the quota, and the service, which counts exactly on arrival,
/// refuses nothing.
#[test]
fn ten_thousand_creates_take_as_long_as_the_quota_and_no_longer() {
    for (seed, concurrency) in [(1, 32), (2, 64), (3, 1000)] {
        let time = VirtualTime::default();
        let service = transport_fn(|_| async {
            let body = Bytes::from_static(br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1"}"#);
            Ok(Response::builder().status(StatusCode::CREATED).body(body).unwrap())
        });
        let mut limits = Limits::default();
        limits.write = Some(RequestLimit::new(QUOTA, 60));
        let service = Arc::new(CountingService::new(service, limits, time.clock()));
        let wire = Delayed::new(Arc::clone(&service), Duration::ZERO..=LATENCY, time.timer(), random_from_seed(seed));
        let quota = Quota::new(QUOTA, WINDOW).unwrap();
        let classes = Classes::new(Quota::new(300, WINDOW).unwrap(), quota);
        let limited = Arc::new(RateLimited::new(wire, classes, time.clock(), time.timer()).unused());
        let retry = Retry::new(Arc::clone(&limited), RetryPolicy::default(), time.timer(), random_from_seed(seed));
        let client = Client::new(Arc::new(retry), "https://service.example/scim/v2".parse().unwrap()).unwrap();

        let user = Resource::new([schema::USER]);
        let calls = stream::iter(0..REQUESTS).map(|_| async {
            client.create("/Users", &user).await.unwrap();
            time.now()
        });
        let answered_at: Vec<Timestamp> = time.run(calls.buffer_unordered(concurrency).collect()).unwrap();

        assert_eq!((service.refused(), limited.counts().throttled), (0, 0), "seed {seed}");
        assert_eq!(service.arrivals(Class::Write), u64::from(REQUESTS));
        assert_eq!(service.most_in_window(Class::Write, WINDOW), usize::try_from(QUOTA).unwrap());
        // From the last answer of the first window's quota to the last one of all.
        let first = answered_at.get(usize::try_from(QUOTA).unwrap() - 1).unwrap();
        let took = answered_at.last().unwrap().duration_since(*first).as_secs_f64();
        let reached = f64::from(REQUESTS - QUOTA) / took;
        let wanted = 0.99 * f64::from(QUOTA) / (WINDOW + LATENCY * 2).as_secs_f64();
        println!("seed {seed}: {reached:.3} a second of {:.3}, at least {wanted:.3}", f64::from(QUOTA) / WINDOW.as_secs_f64());
        assert!(reached >= wanted, "{reached} is less than {wanted} a second, seed {seed}");
    }
}
