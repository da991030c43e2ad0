//! The service provider in this process, and the client's way to it.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{
    Authorized, Classes, Client, Counts, RateLimited, Retry, RetryPolicy, Transport, TransportError, Usage, random_from_seed,
};
use scimkit_example_service_provider::{Running, ServiceProvider, Store};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_http::tokio::TokioTimer;
use scimkit_mapping::Entropy;
use scimkit_provisioning::QuotaMeter;
use scimkit_rate_limit::{Limits, Quota, SlidingWindow};
use scimkit_types::{Profile, SystemClock, profile::RequestLimit};

use crate::authorize::Authorization;
use crate::authorize_server::FirstToken;
use crate::failure::Failure;
use crate::home::{Home, Run};
use crate::options::Options;

/// The service provider.
#[derive(Debug)]
pub(crate) struct Service {
    running: Arc<Running>,
}

impl Service {
    /// Starts the service over its own database.
    pub(crate) async fn start(
        options: &Options,
        profile: &Profile,
        database: &Path,
        token: &str,
        first_token: Arc<FirstToken>,
    ) -> Result<Self, Failure> {
        let provider = scimkit_example_service_provider::Options::new(profile.clone())
            .with_listen(options.listen)
            .with_store(Store::Sqlite(database.to_owned()))
            .with_token(token)
            .with_authenticator(first_token);
        let running = ServiceProvider::start(provider).await;
        let running = running.map_err(|error| Failure::input_because("the service cannot be started", &error))?;
        Ok(Self { running: Arc::new(running) })
    }

    /// The address below which the endpoints stand.
    pub(crate) fn base_url(&self) -> &str {
        self.running.base_url()
    }

    /// Whether the administrator has not chosen SCIM as the directory provider yet.
    pub(crate) fn needs_directory_provider(&self) -> bool {
        self.running.needs_directory_provider()
    }

    /// Does what the administrator does: chooses SCIM as the directory provider.
    pub(crate) fn set_directory_provider(&self) {
        self.running.set_directory_provider();
    }

    /// Stops the service.
    pub(crate) async fn stop(&self) {
        self.running.stop().await;
    }
}

/// The client, and what its requests go through.
pub(crate) struct Connection {
    /// The client.
    pub client: Client,
    limited: Arc<RateLimited<Wire>>,
    /// Held, not read: it is written when the connection ends.
    _usage: KeptUsage,
}

/// Where it is kept what was used of the quotas, so that a run that goes on neither exceeds nor wastes them.
#[derive(Clone, Debug)]
pub(crate) struct UsageFile {
    path: PathBuf,
    is_new: bool,
}

/// What was used of the quotas before.
enum Before {
    /// Nothing: the service has just been made.
    Nothing,
    /// So much.
    Used(Usage),
    /// Nobody knows, as after a kill: the whole quota may have been used.
    Unknown,
}

impl UsageFile {
    /// The file of a run.
    pub(crate) fn new(home: &Home, run: &Run) -> Self {
        Self { path: home.file("usage.json"), is_new: run.is_new }
    }

    /// Reads the file and removes it, so that a run that is killed does not leave one that is too old.
    fn take(&self) -> Result<Before, Failure> {
        let cannot = |error: &dyn std::error::Error| Failure::input_because(format!("`{}`", self.path.display()), error);
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                fs::remove_file(&self.path).map_err(|error| cannot(&error))?;
                serde_json::from_str(&text).map(Before::Used).map_err(|error| cannot(&error))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(if self.is_new { Before::Nothing } else { Before::Unknown }),
            Err(error) => Err(cannot(&error)),
        }
    }
}

/// Writes what was used of the quotas when it is dropped, however the run ends.
struct KeptUsage {
    limited: Arc<RateLimited<Wire>>,
    file: UsageFile,
}

impl Drop for KeptUsage {
    fn drop(&mut self) {
        // Without the file, the next run takes the whole quota as used: it waits for longer than it had to.
        if let Ok(text) = serde_json::to_string(&self.limited.usage()) {
            let _ = fs::write(&self.file.path, text);
        }
    }
}

impl Connection {
    /// A connection that keeps to the quotas of the profile: every attempt of every request takes a slot.
    pub(crate) async fn new(
        service: &Service,
        profile: &Profile,
        authorization: &Authorization,
        options: &Options,
        usage: UsageFile,
        out: &mut (dyn Write + Send),
    ) -> Result<Self, Failure> {
        let cannot = |error: &dyn std::error::Error| Failure::input_because("the client cannot be set up", error);
        let wire = Wire {
            inner: ReqwestTransport::new(ReqwestOptions::default()).map_err(|error| cannot(&error))?,
            running: Arc::clone(&service.running),
            left: AtomicU64::new(options.stop_service_after.unwrap_or(u64::MAX)),
        };
        let classes = Classes::new(limits(profile.limits.read), limits(profile.limits.write));
        let clock = Arc::new(SystemClock::default());
        let limited = RateLimited::new(wire, classes, clock, Arc::new(TokioTimer::default()));
        let limited = Arc::new(match usage.take()? {
            Before::Nothing => limited.unused(),
            Before::Used(usage) => limited.with_usage(&usage),
            Before::Unknown => limited,
        });
        let usage = KeptUsage { limited: Arc::clone(&limited), file: usage };
        let tokens = authorization.tokens(Arc::clone(&limited) as _, options.browser, out).await?;
        let authorized = Authorized::new(Arc::clone(&limited), tokens);
        let policy = RetryPolicy::default().with_delays(Duration::from_millis(200), Duration::from_secs(2));
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let retry = Retry::new(authorized, policy, Arc::new(TokioTimer::default()), random_from_seed(seed));
        let base = service.base_url().parse().map_err(|error: http::uri::InvalidUri| cannot(&error))?;
        let client = Client::new(Arc::new(retry), base).map_err(|error| cannot(&error))?;
        Ok(Self { client, limited, _usage: usage })
    }

    /// What tells how much of the quotas was used.
    pub(crate) fn meter(&self) -> Arc<dyn QuotaMeter> {
        Arc::clone(&self.limited) as _
    }

    /// How many requests were sent.
    pub(crate) fn counts(&self) -> Counts {
        self.limited.counts()
    }
}

fn limits(limit: Option<RequestLimit>) -> Limits {
    let quota = limit.and_then(|limit| Quota::new(limit.requests, Duration::from_secs(u64::from(limit.seconds))));
    quota.map_or_else(Limits::none, |quota| Limits::new([SlidingWindow::new(quota)]))
}

/// HTTP, to a service that stops after a number of requests when the user wants to see that.
struct Wire {
    inner: ReqwestTransport,
    running: Arc<Running>,
    left: AtomicU64,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if before.is_err() {
            self.running.stop().await;
        }
        self.inner.send(request).await
    }
}

/// Random bytes of the operating system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // A random UUID has 122 random bits of its 128.
        for chunk in bytes.chunks_mut(16) {
            for (byte, random) in chunk.iter_mut().zip(uuid::Uuid::new_v4().into_bytes()) {
                *byte = random;
            }
        }
    }
}
