//! Figures for Prometheus.

use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Figures are of the whole process, however many services it has.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Bounds of the times that are counted, in seconds: with them memory does not grow with the requests.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

/// The page that Prometheus reads, on a port of its own; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Figures {
    task: JoinHandle<io::Result<()>>,
    address: SocketAddr,
}

impl Figures {
    /// Serves the figures at `/metrics`.
    ///
    /// # Errors
    /// Whatever keeps the address from being listened on, or figures from being collected.
    pub(crate) async fn start(address: SocketAddr) -> io::Result<Self> {
        let recorder = RECORDER.get_or_init(|| PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.install_recorder().ok());
        let handle = recorder.clone().ok_or_else(|| io::Error::other("another part of the process collects figures"))?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/metrics", get(move || std::future::ready(handle.render())));
        Ok(Self { task: tokio::spawn(async move { axum::serve(listener, router).await }), address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Figures {
    fn drop(&mut self) {
        self.task.abort();
    }
}
