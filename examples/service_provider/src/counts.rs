//! What the service has seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// How many requests the service has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub requests: u64,
    /// Those that wrote, or would have: POST other than `.search`, PUT, PATCH and DELETE.
    pub writes: u64,
    /// Those that were over a rate limit (429).
    pub rate_limited: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    writes: AtomicU64,
    rate_limited: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
        }
    }
}

/// Counts a request once it is answered.
pub(crate) async fn count(State(counters): State<Arc<Counters>>, request: Request, next: Next) -> Response {
    let is_search = request.uri().path().ends_with("/.search");
    let is_write = match *request.method() {
        Method::POST => !is_search,
        Method::PUT | Method::PATCH | Method::DELETE => true,
        _ => false,
    };
    let response = next.run(request).await;
    counters.requests.fetch_add(1, Ordering::Relaxed);
    counters.writes.fetch_add(u64::from(is_write), Ordering::Relaxed);
    counters.rate_limited.fetch_add(u64::from(response.status() == StatusCode::TOO_MANY_REQUESTS), Ordering::Relaxed);
    response
}
