//! The engine under the quota of a service, in virtual time: how many requests it sends, and how much of the quota it uses.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use scimkit::client::http::{Method, Request, Response, StatusCode, Uri, header};
use scimkit::client::{Bytes, Class, Classes, Client, RateLimited, Retry, RetryPolicy, Transport, TransportError, random_from_seed};
use scimkit::mapping::SeededEntropy;
use scimkit::provisioning::{Engine, ScimTarget, Scope};
use scimkit::rate_limit::Quota;
use scimkit::store::MemoryState;
use scimkit::testing::{CountingService, Delayed, VirtualTime};
use scimkit::types::profile::RequestLimit;
use scimkit::types::{Clock, Timestamp};

use crate::directory::{Directory, TARGET_PAGE, listed};
use crate::{Result, job};

const WINDOW: Duration = Duration::from_secs(60);
/// Each request and each answer takes up to so long.
const LATENCY: Duration = Duration::from_millis(300);
const BASE: &str = "https://null.example/scim/v2";

/// A service that has half of the users, accepts everything, and remembers when it was written to.
struct NullService {
    users: u64,
    clock: Arc<dyn Clock>,
    writes: Mutex<Vec<Timestamp>>,
}

impl fmt::Debug for NullService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NullService").finish_non_exhaustive()
    }
}

impl NullService {
    fn list(&self, uri: &Uri) -> serde_json::Value {
        let query = uri.query().unwrap_or_default();
        let start = query.split('&').find_map(|pair| pair.strip_prefix("startIndex=")?.parse::<u64>().ok()).unwrap_or(1);
        // It has nobody by the name that the test of the connection asks for.
        let total = if query.contains("filter=") { 0 } else { self.users / 2 };
        let places = start - 1..total.min(start - 1 + TARGET_PAGE);
        serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": total,
            "startIndex": start,
            "Resources": places.map(listed).collect::<Vec<_>>(),
        })
    }
}

#[async_trait]
impl Transport for NullService {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (status, body) = match *request.method() {
            Method::GET => (StatusCode::OK, self.list(request.uri()).to_string()),
            _ => {
                let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
                writes.push(self.clock.now());
                let mut created: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
                created["id"] = format!("new-{}", writes.len()).into();
                (if request.method() == Method::POST { StatusCode::CREATED } else { StatusCode::OK }, created.to_string())
            }
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/scim+json"));
        Ok(response)
    }
}

/// Runs an initial cycle under 300 reads and 1000 writes a minute, and prints what it sent and when.
pub fn run(users: u64) -> Result<()> {
    let time = VirtualTime::default();
    let mut job = job(Scope::All)?;
    job.concurrency = 16;
    job.profile.seats = None;
    job.profile.limits.read = Some(RequestLimit::new(300, 60));
    job.profile.limits.write = Some(RequestLimit::new(1000, 60));
    let service = Arc::new(NullService { users, clock: time.clock(), writes: Mutex::default() });
    let counting = Arc::new(CountingService::new(Arc::clone(&service), job.profile.limits.clone(), time.clock()));
    let wire = Delayed::new(Arc::clone(&counting), Duration::ZERO..=LATENCY, time.timer(), random_from_seed(users));
    let quota = |requests| Quota::new(requests, WINDOW).ok_or("a quota needs a window");
    let classes = Classes::new(quota(300)?, quota(1000)?);
    let limited = Arc::new(RateLimited::new(wire, classes, time.clock(), time.timer()).unused());
    let retry = Retry::new(Arc::clone(&limited), RetryPolicy::default(), time.timer(), random_from_seed(users));
    let client = Client::new(Arc::new(retry), BASE.parse()?)?;
    let target = Arc::new(ScimTarget::new(client, job.profile.clone())?);
    let source = Arc::new(Directory { users, changes: None, assigns: false });
    let engine = Engine::new(job, source, target, Arc::new(MemoryState::new()), time.clock(), Arc::new(SeededEntropy::new(users)));
    let began_at = time.now();
    let report = time.run(engine.run_cycle())??;
    let took = time.now().duration_since(began_at).as_secs_f64();

    // The writes, the pages of the listing and the test of the connection.
    let least = users + (users / 2).div_ceil(TARGET_PAGE) + 1;
    let sent = counting.arrivals(Class::Read) + counting.arrivals(Class::Write);
    let refused = counting.refused() + limited.counts().throttled;
    if report.written() != users || refused > 0 {
        return Err(format!("expected {users} resources to be written and no 429, found {refused} and {report:?}").into());
    }
    let most = counting.most_in_window(Class::Write, WINDOW);
    let ratio = sent as f64 / least as f64;
    print!("{users:>9} {sent:>9} {least:>9} {ratio:>9.3} {refused:>6} {most:>7} {took:>9.0} {:>10.0}", users as f64 * 60.0 / took);
    println!("{}", used(&service.writes.lock().unwrap_or_else(PoisonError::into_inner)));
    Ok(())
}

/// How much of the quota is used from the end of the first window's writes to the end of the last full window's, and how much latency lets
/// anybody use.
fn used(writes: &[Timestamp]) -> String {
    let full = writes.len() / 1000 * 1000;
    let (Some(first), Some(last)) = (writes.get(999), full.checked_sub(1).and_then(|last| writes.get(last))) else { return String::new() };
    if full <= 1000 {
        return String::new();
    }
    let allowed = last.duration_since(*first).as_secs_f64() / WINDOW.as_secs_f64() * 1000.0;
    let round_trip = (LATENCY * 2).as_secs_f64();
    let possible = WINDOW.as_secs_f64() / (WINDOW.as_secs_f64() + round_trip);
    let used = (full - 1000) as f64 / allowed;
    format!(" {used:>9.4} {possible:>9.4}")
}
