//! The service on its socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use scimkit_http::axum::{EdgeOptions, ServeOptions};
use scimkit_http::reqwest::ReqwestSetupError;
use scimkit_server::{AuditSink, ConfigError, DirectoryProviderSwitch, Server, StoreHandler, ToleranceCounts};
use scimkit_store::StoreError;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::audit::JsonLines;
use crate::counts::{Counters, Counts, count};
use crate::figures::Figures;
use crate::options::{Options, Store};
use crate::servers::Parts;
use crate::{access, store};

/// How long requests under way may take once the service stops.
const GRACE: Duration = Duration::from_secs(5);

/// A SCIM service provider.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServiceProvider {}

/// Why a service cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database cannot be opened.
    #[error("cannot open the store `{store}`")]
    Store {
        /// The store.
        store: Store,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The address is in use, or none of this machine.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("cannot open the store `{store}`: {fault}")]
    Database {
        /// The store.
        store: Store,
        /// Why.
        fault: String,
    },
    /// The file of records cannot be opened.
    #[error("cannot write records of writes to `{}`", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address for figures is in use, or none of this machine.
    #[error("cannot show figures at `{address}`")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Keys of an authorization server cannot be fetched.
    #[error("cannot fetch keys over TLS")]
    Tls(#[source] ReqwestSetupError),
    /// The address that clients use is none.
    #[error("cannot be reached by clients at the base address")]
    BaseUrl(#[source] Box<ConfigError>),
    /// The profile asks for something that is not possible.
    #[error("the profile `{profile}` cannot be served")]
    Config {
        /// The name of the profile.
        profile: String,
        /// Why.
        #[source]
        source: Box<ConfigError>,
    },
}

impl ServiceProvider {
    /// Starts a service on the present tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; then nothing listens.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let store = store::open(&options.store).await?;
        let handler = Arc::new(StoreHandler::new(store));
        let audit: Option<Arc<dyn AuditSink>> = match &options.audit {
            Some(path) => {
                let opened = JsonLines::open(path);
                Some(Arc::new(opened.map_err(|source| StartError::Audit { path: path.clone(), source })?))
            }
            None => None,
        };
        let authenticator = access::authenticator(&options).map_err(StartError::Tls)?;
        let bound = TcpListener::bind(options.listen).await;
        let listener = bound.map_err(|source| StartError::Listen { address: options.listen, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: options.listen, source })?;
        let figures = match options.metrics {
            Some(address) => Some(Figures::start(address).await.map_err(|source| StartError::Metrics { address, source })?),
            None => None,
        };

        let switch = Arc::new(DirectoryProviderSwitch::new(options.is_directory_provider_set));
        let parts = Parts { handler: Arc::<StoreHandler>::clone(&handler), authenticator, audit, switch: Arc::clone(&switch) };
        let servers = parts.servers(&options, &format!("http://{}", reachable(address)))?;

        let counters = Arc::new(Counters::default());
        let edge = options.trusted_proxies.iter().fold(EdgeOptions::default(), |edge, proxy| edge.with_trusted_proxy(*proxy));
        let router = scimkit_http::axum::router_with(servers.tenants, edge).layer(from_fn_with_state(Arc::clone(&counters), count));
        let router = scimkit_http::axum::probes(handler).merge(router);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // Dropping the sender stops the service as well as sending does.
            let stopped = async { stopped.await.unwrap_or_default() };
            scimkit_http::axum::serve(listener, router, ServeOptions::default(), stopped).await;
        });
        Ok(Running {
            servers: servers.all,
            address,
            figures,
            switch,
            counters,
            stop: Mutex::new(Some(stop)),
            task: tokio::sync::Mutex::new(Some(task)),
        })
    }
}

/// A service that listens. It stops when this is dropped; [`stop`](Self::stop) waits for requests under way.
#[derive(Debug)]
pub struct Running {
    /// The first one is that of the service itself.
    servers: Vec<Server>,
    address: SocketAddr,
    figures: Option<Figures>,
    switch: Arc<DirectoryProviderSwitch>,
    counters: Arc<Counters>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Running {
    /// The address below which the endpoints stand, such as `http://127.0.0.1:8080/scim/v2`.
    pub fn base_url(&self) -> &str {
        self.servers.first().map_or("", Server::base_url)
    }

    /// The addresses below which the endpoints of tenants stand that have a host or path of their own.
    pub fn tenant_urls(&self) -> impl Iterator<Item = &str> {
        self.servers.iter().skip(1).map(Server::base_url)
    }

    /// Where Prometheus reads figures.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.figures.as_ref().map(Figures::address)
    }

    /// Where the service listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether requests are refused because an administrator has not chosen SCIM as the directory provider yet.
    pub fn needs_directory_provider(&self) -> bool {
        !self.switch.is_set()
    }

    /// Does what an administrator does: chooses SCIM as the directory provider.
    pub fn set_directory_provider(&self) {
        self.switch.set(true);
    }

    /// How many requests the service has answered.
    pub fn counts(&self) -> Counts {
        self.counters.snapshot()
    }

    /// How often each tolerance of the dialect fired.
    pub fn tolerances(&self) -> ToleranceCounts {
        let mut counts = ToleranceCounts::new();
        for (tenant, fired) in self.servers.iter().flat_map(Server::tolerances) {
            let counts = counts.entry(tenant).or_default();
            for (tolerance, count) in fired {
                *counts.entry(tolerance).or_default() += count;
            }
        }
        counts
    }

    /// Stops the service: nothing new is accepted, requests under way are answered, those that take too long are cut off.
    /// Stopping twice is the same as once.
    pub async fn stop(&self) {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stop) = stop {
            // The service may be gone already; then there is nobody to tell.
            let _ = stop.send(());
        }
        let mut task = self.task.lock().await;
        if let Some(mut running) = task.take()
            && tokio::time::timeout(GRACE, &mut running).await.is_err()
        {
            running.abort();
        }
    }
}

/// An address that clients on this machine can use: one of the machine if the service listens on all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
