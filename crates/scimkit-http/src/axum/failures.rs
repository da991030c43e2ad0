//! How often an address may fail to authenticate.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use ::axum::http::StatusCode;
use ::axum::http::header::WWW_AUTHENTICATE;
use ::axum::response::Response;
use scimkit_rate_limit::{Decision, Gcra, Keyed, Quota};
use scimkit_types::{Clock, SystemClock, Timestamp};

/// For how many addresses failures are kept at once: some megabytes.
const ADDRESSES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

/// A bound on failed authentications of each address, whoever fails and with whatever credentials. Cheap to clone; clones share the failures.
///
/// An address that fails may do so as often as the quota says at once, and then once in each such part of its time. While it has used that
/// up, all its requests are answered by 429 with `Retry-After`, before their bodies are read and their credentials looked at, right ones too:
/// else whoever guesses would learn which guess was right. A request whose credentials are good costs nothing. Requests whose credentials are
/// looked at in the same moment do not know of each other's failures.
///
/// An IPv6 address counts as one with all of its network of 64 bits. Clients behind one address share its failures, so the quota should be
/// generous: guessing a token of any length worth its name takes far more than a few hundred failures a minute.
///
/// It knows a bounded number of addresses ([`with_addresses`](Self::with_addresses)). When no more can be known, because the failures of all
/// still count, a failure of another one is answered by 429, and good credentials pass all the same.
///
/// ```
/// use scimkit_http::axum::{EdgeOptions, FailedAuthentications};
/// use scimkit_rate_limit::Quota;
///
/// let options = EdgeOptions::default().with_failed_authentications(FailedAuthentications::new(Quota::per_minute(300.try_into()?)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FailedAuthentications {
    failures: Arc<Keyed<IpAddr, Gcra>>,
    clock: Arc<dyn Clock>,
}

impl FailedAuthentications {
    /// So many failures of each address.
    pub fn new(quota: Quota) -> Self {
        let failures = Arc::new(Keyed::new(Gcra::new(quota, quota.requests()), ADDRESSES));
        Self { failures, clock: Arc::new(SystemClock::default()) }
    }

    /// These failures of at most so many addresses at a time; what was counted is forgotten. Default: 65,536, which take some megabytes.
    #[must_use]
    pub fn with_addresses(self, addresses: NonZeroUsize) -> Self {
        Self { failures: Arc::new(Keyed::new(*self.failures.limit(), addresses)), ..self }
    }

    /// These failures by another clock. Default: the machine's.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The seconds after which an address may ask again, if it may not now.
    pub(super) fn refused(&self, address: IpAddr) -> Option<u64> {
        let now = self.clock.now();
        wait(self.failures.decide(&subscriber(address), 1, now), now)
    }

    /// Takes note of the answer to a request of an address. The seconds after which it may fail again, if it has failed too often.
    pub(super) fn answered(&self, address: IpAddr, response: &Response<impl Sized>) -> Option<u64> {
        // Only whoever is not known gets a challenge, but for known ones without the permission (403).
        if response.status() == StatusCode::FORBIDDEN || !response.headers().contains_key(WWW_AUTHENTICATE) {
            return None;
        }
        let now = self.clock.now();
        wait(self.failures.admit(&subscriber(address), 1, now), now)
    }
}

impl fmt::Debug for FailedAuthentications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAuthentications").field("addresses", &self.failures.len()).finish_non_exhaustive()
    }
}

/// What one subscriber has of addresses is one key: a network of IPv6 has more addresses than anybody could know.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Whole seconds, rounded up, at least one.
fn wait(decision: Decision, now: Timestamp) -> Option<u64> {
    match decision {
        Decision::Admitted => None,
        Decision::Refused { retry_at } => {
            let seconds = (retry_at.as_nanosecond() - now.as_nanosecond()).max(1).unsigned_abs().div_ceil(1_000_000_000);
            Some(u64::try_from(seconds).unwrap_or(u64::MAX))
        }
        // A quota has at least one request, so that one always fits.
        Decision::Impossible => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use ::axum::body::Body;
    use ::axum::extract::ConnectInfo;
    use ::axum::http::Request;
    use ::axum::http::header::{AUTHORIZATION, RETRY_AFTER};
    use scimkit_server::{Actor, BearerTokens, Permissions, Server, StoreHandler};
    use scimkit_store::{MemoryResources, Tenant};
    use scimkit_types::ManualClock;

    use super::super::{EdgeOptions, answer};
    use super::*;

    struct Edge {
        shared: Arc<super::super::Shared>,
        clock: Arc<ManualClock>,
    }

    /// A service behind a proxy at 10.0.0.1, with two failures a minute for each address.
    fn edge(configure: impl FnOnce(FailedAuthentications) -> FailedAuthentications) -> Edge {
        let reader = Actor::new("reader", Tenant::default()).with_permissions(Permissions::Read);
        let tokens =
            BearerTokens::new().with_token(&"right".into(), Actor::new("a", Tenant::default())).with_token(&"reader".into(), reader);
        let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
        let server = Server::builder(handler, Arc::new(tokens)).build().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let two_a_minute = FailedAuthentications::new(Quota::per_minute(2.try_into().unwrap()));
        let failures = configure(two_a_minute.with_clock(Arc::<ManualClock>::clone(&clock)));
        let options = EdgeOptions::default().with_trusted_proxy("10.0.0.1".parse().unwrap()).with_failed_authentications(failures);
        Edge { shared: Arc::new((server.into(), options)), clock }
    }

    impl Edge {
        /// The status of an answer, and when it is worth asking again.
        async fn send(&self, method: &str, address: &str, token: &str, body: Body) -> (u16, Option<u64>) {
            let request = Request::builder().method(method).uri("/scim/v2/Users").header("x-forwarded-for", address);
            let request = if token.is_empty() { request } else { request.header(AUTHORIZATION, format!("Bearer {token}")) };
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            parts.extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4711))));
            let response = answer(Arc::clone(&self.shared), parts, body).await;
            assert_eq!(response.headers()["content-type"], "application/scim+json");
            (response.status().as_u16(), response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().parse().unwrap()))
        }

        async fn ask(&self, method: &str, address: &str, token: &str) -> (u16, Option<u64>) {
            self.send(method, address, token, Body::empty()).await
        }

        async fn get(&self, address: &str, token: &str) -> (u16, Option<u64>) {
            self.ask("GET", address, token).await
        }
    }

    /// R6750-5.2-01, invariant 4: whoever guesses is stopped at the address, with whatever token, and learns of no right one.
    #[tokio::test]
    async fn an_address_fails_so_often_and_no_more() {
        let edge = edge(|failures| failures);
        for (token, status) in [("right", 200), ("wrong", 401), ("right", 200), ("", 401)] {
            assert_eq!(edge.get("1.2.3.4", token).await, (status, None));
        }
        for token in ["wrong", "", "right"] {
            assert_eq!(edge.get("1.2.3.4", token).await, (429, Some(30)));
        }
        assert_eq!((edge.get("1.2.3.5", "wrong").await, edge.get("1.2.3.5", "right").await), ((401, None), (200, None)));
        edge.clock.advance(Duration::from_millis(29_001));
        assert_eq!(edge.get("1.2.3.4", "right").await, (429, Some(1)));
        edge.clock.advance(Duration::from_millis(999));
        assert_eq!((edge.get("1.2.3.4", "right").await, edge.get("1.2.3.4", "wrong").await), ((200, None), (401, None)));
        assert_eq!(edge.get("1.2.3.4", "right").await, (429, Some(30)));
    }

    /// Whoever opens many requests first and ends their bodies all at once gets no more guesses than others.
    #[tokio::test]
    async fn what_fails_while_a_body_arrives_counts() {
        let edge = Arc::new(edge(|failures| failures));
        let others = Arc::clone(&edge);
        let body = Body::from_stream(futures_util::stream::once(async move {
            for _ in 0..2 {
                assert_eq!(others.get("1.2.3.4", "wrong").await, (401, None));
            }
            Ok::<_, std::convert::Infallible>("{}")
        }));
        assert_eq!(edge.send("POST", "1.2.3.4", "right", body).await, (429, Some(30)));
    }

    #[tokio::test]
    async fn what_is_refused_to_somebody_known_is_no_failure() {
        let edge = edge(|failures| failures);
        for _ in 0..3 {
            // The token is good for reading only; then the body is none.
            assert_eq!(edge.ask("POST", "1.2.3.4", "reader").await, (403, None));
            assert_eq!(edge.ask("POST", "1.2.3.4", "right").await, (400, None));
        }
    }

    #[tokio::test]
    async fn a_network_of_a_subscriber_is_one_address() {
        let edge = edge(|failures| failures);
        for address in ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2"] {
            assert_eq!(edge.get(address, "wrong").await.0, 401);
        }
        assert_eq!((edge.get("2001:db8:0:1::3", "right").await.0, edge.get("2001:db8:0:2::1", "right").await.0), (429, 200));
        for address in ["1.2.3.4", "::ffff:1.2.3.4"] {
            assert_eq!(edge.get(address, "wrong").await.0, 401);
        }
        assert_eq!(edge.get("1.2.3.4", "right").await.0, 429);
    }

    /// A flood of addresses takes no more memory and keeps nobody out whose credentials are good.
    #[tokio::test]
    async fn more_addresses_than_can_be_known_do_not_learn_whether_they_failed() {
        let edge = edge(|failures| failures.with_addresses(NonZeroUsize::MIN));
        assert_eq!(edge.get("1.2.3.4", "wrong").await.0, 401);
        assert_eq!((edge.get("1.2.3.5", "wrong").await.0, edge.get("1.2.3.5", "right").await.0), (429, 200));
        edge.clock.advance(Duration::from_secs(60));
        assert_eq!(edge.get("1.2.3.5", "wrong").await.0, 401);
    }

    #[tokio::test]
    async fn nobody_is_limited_whose_address_is_not_known() {
        let edge = edge(|failures| failures);
        for _ in 0..4 {
            let (parts, ()) = Request::get("/scim/v2/Users").header("x-forwarded-for", "1.2.3.4").body(()).unwrap().into_parts();
            assert_eq!(answer(Arc::clone(&edge.shared), parts, Body::empty()).await.status(), 401);
        }
    }
}
