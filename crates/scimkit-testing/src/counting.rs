//! A service that counts.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use scimkit_client::{Class, Transport, TransportError};
use scimkit_types::profile::{Limits, RequestLimit};
use scimkit_types::{Clock, Timestamp};

/// Counts the requests that reach a service, exactly and when they arrive, and answers 429 to what is over the limit.
///
/// A window is half open, `(t, t + length]`: a request at its start is not in it. A request that is refused is not counted in the window,
/// as it had no effect. It shares nothing with the limiters of `scimkit-rate-limit`, on purpose: every arrival is kept and every window
/// is counted anew, so that one can be held against the other.
///
/// ```
/// use http::{Request, StatusCode};
/// use scimkit_client::{Class, Transport};
/// use scimkit_testing::{CountingService, ScriptedTransport, VirtualTime};
/// use scimkit_types::profile::{Limits, RequestLimit};
///
/// let time = VirtualTime::default();
/// let script = ScriptedTransport::new().answering(StatusCode::OK, "{}");
/// let mut limits = Limits::default();
/// limits.read = Some(RequestLimit::new(1, 60));
/// let service = CountingService::new(script, limits, time.clock());
/// let request = Request::get("https://example.com/Users").body(bytes::Bytes::new())?;
/// let (first, second) = time.run(async { (service.send(request.clone()).await, service.send(request).await) })?;
/// assert_eq!((first?.status(), second?.status()), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
/// assert_eq!((service.arrivals(Class::Read), service.refused()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CountingService<T> {
    service: T,
    limits: Limits,
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
}

/// When requests arrived, in the order of arrival.
#[derive(Debug, Default)]
struct Log {
    reads: Vec<Timestamp>,
    writes: Vec<Timestamp>,
    refused: u64,
}

impl Log {
    const fn class(&self, class: Class) -> &Vec<Timestamp> {
        match class {
            Class::Read => &self.reads,
            Class::Write => &self.writes,
        }
    }
}

impl<T: Transport> CountingService<T> {
    /// A service that is used through `service` and keeps to these limits of reads and writes; the other limits are not looked at.
    pub fn new(service: T, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self { service, limits, clock, log: Mutex::default() }
    }

    /// The transport inside.
    pub const fn service(&self) -> &T {
        &self.service
    }

    /// How many requests of a class were let in.
    pub fn arrivals(&self, class: Class) -> u64 {
        u64::try_from(self.log().class(class).len()).unwrap_or(u64::MAX)
    }

    /// How many requests were answered 429.
    pub fn refused(&self) -> u64 {
        self.log().refused
    }

    /// The most requests of a class that were let in within any window of this length.
    pub fn most_in_window(&self, class: Class, length: Duration) -> usize {
        let mut arrivals = self.log().class(class).clone();
        arrivals.sort_unstable();
        let counts = arrivals.iter().enumerate().map(|(index, end)| {
            let begin = end.saturating_sub(length).unwrap_or(Timestamp::MIN);
            index + 1 - arrivals.partition_point(|at| *at <= begin)
        });
        counts.max().unwrap_or_default()
    }

    /// Lets a request in, or says how long until it could be.
    fn admit(&self, class: Class) -> Result<(), Duration> {
        let mut log = self.log();
        let now = self.clock.now();
        let limit = match class {
            Class::Read => self.limits.read,
            Class::Write => self.limits.write,
        };
        if let Some(RequestLimit { requests, seconds, .. }) = limit {
            let length = Duration::from_secs(u64::from(seconds));
            let begin = now.saturating_sub(length).unwrap_or(Timestamp::MIN);
            let mut inside: Vec<Timestamp> = log.class(class).iter().copied().filter(|at| *at > begin).collect();
            let requests = usize::try_from(requests).unwrap_or(usize::MAX);
            if inside.len() >= requests {
                log.refused += 1;
                inside.sort_unstable();
                // The window has room when all but `requests - 1` of those inside have left it.
                let leaving = inside.get(inside.len() - requests.max(1)).copied().unwrap_or(now);
                let free_at = leaving.saturating_add(length).unwrap_or(Timestamp::MAX);
                return Err(Duration::try_from(free_at.duration_since(now)).unwrap_or_default());
            }
        }
        match class {
            Class::Read => log.reads.push(now),
            Class::Write => log.writes.push(now),
        }
        Ok(())
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug> fmt::Debug for CountingService<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingService").field("service", &self.service).field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport> Transport for CountingService<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        match self.admit(class(&request)) {
            Ok(()) => self.service.send(request).await,
            Err(wait) => Ok(too_many(wait)),
        }
    }
}

/// Told anew, so that a mistake of the client's own rule would show.
fn class(request: &Request<Bytes>) -> Class {
    let method = request.method();
    let is_search = method == Method::POST && request.uri().path().ends_with("/.search");
    if is_search || method == Method::GET || method == Method::HEAD { Class::Read } else { Class::Write }
}

/// The answer to a request for which there is room after a wait.
pub(crate) fn too_many(wait: Duration) -> Response<Bytes> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"429","detail":"too many requests"}"#;
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}
