//! The service on its socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use scimkit_server::{Actor, BearerTokens, ConfigError, DirectoryProviderSwitch, Server, StoreHandler, ToleranceCounts};
use scimkit_store::sqlite::SqliteResources;
use scimkit_store::{MemoryResources, ResourceStore, StoreError, Tenant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::counts::{Counters, Counts, count};
use crate::options::{Options, Store};

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
    /// The profile asks for something that is not possible.
    #[error("the profile `{profile}` cannot be served")]
    Config {
        /// The name of the profile.
        profile: String,
        /// Why.
        #[source]
        source: ConfigError,
    },
}

impl ServiceProvider {
    /// Starts a service on the present tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; then nothing listens.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let store: Arc<dyn ResourceStore> = match &options.store {
            Store::Memory => Arc::new(MemoryResources::new()),
            Store::Sqlite(path) => {
                let opened = SqliteResources::open(path);
                Arc::new(opened.map_err(|source| StartError::Store { store: options.store.clone(), source })?)
            }
        };
        let bound = TcpListener::bind(options.listen).await;
        let listener = bound.map_err(|source| StartError::Listen { address: options.listen, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: options.listen, source })?;

        let tokens = match &options.token {
            Some(token) => BearerTokens::new().with_token(token, Actor::new("client", Tenant::default())),
            None => BearerTokens::new(),
        };
        let switch = Arc::new(DirectoryProviderSwitch::new(options.is_directory_provider_set));
        let base_url =
            options.base_url.unwrap_or_else(|| format!("http://{}{}", reachable(address), options.profile.base_path.trim_end_matches('/')));
        let (profile, name) = (options.profile.clone(), options.profile.name);
        let mut builder = Server::builder(Arc::new(StoreHandler::new(store)), Arc::new(tokens))
            .profile(profile)
            .base_url(base_url)
            .policy(Arc::<DirectoryProviderSwitch>::clone(&switch));
        if let Some(dialect) = options.dialect {
            builder = builder.dialect(dialect);
        }
        let server = builder.build().map_err(|source| StartError::Config { profile: name, source })?;

        let counters = Arc::new(Counters::default());
        let router = scimkit_http::axum::router(server.clone()).layer(from_fn_with_state(Arc::clone(&counters), count));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // Dropping the sender stops the service as well as sending does.
            let service = axum::serve(listener, router).with_graceful_shutdown(async { stopped.await.unwrap_or_default() });
            service.await
        });
        Ok(Running { server, address, switch, counters, stop: Mutex::new(Some(stop)), task: tokio::sync::Mutex::new(Some(task)) })
    }
}

/// A service that listens. It stops when this is dropped; [`stop`](Self::stop) waits for requests under way.
#[derive(Debug)]
pub struct Running {
    server: Server,
    address: SocketAddr,
    switch: Arc<DirectoryProviderSwitch>,
    counters: Arc<Counters>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    task: tokio::sync::Mutex<Option<JoinHandle<std::io::Result<()>>>>,
}

impl Running {
    /// The address below which the endpoints stand, such as `http://127.0.0.1:8080/scim/v2`.
    pub fn base_url(&self) -> &str {
        self.server.base_url()
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
        self.server.tolerances()
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
