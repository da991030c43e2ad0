//! A router on a socket, with the bounds that `axum::serve` lacks.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use ::axum::Router;
use ::axum::body::Body;
use ::axum::extract::{ConnectInfo, Request};
use ::axum::serve::Listener;
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::select;
use ::tokio::sync::watch;
use ::tokio::task::JoinSet;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower_service::Service;

/// How connections are served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// How long the head of a request may take to arrive, and how long a connection may wait for the next one; it is closed then.
    /// Default: 30 seconds.
    pub head_timeout: Duration,
    /// The most bytes of the head of a request; more are answered by 431. Default: 64 KiB.
    pub max_head: usize,
}

/// Bytes that hyper asks for at least.
const LEAST_HEAD: usize = 8192;

impl Default for ServeOptions {
    fn default() -> Self {
        Self { head_timeout: Duration::from_secs(30), max_head: 64 << 10 }
    }
}

impl ServeOptions {
    /// These options with another time for the head of a request.
    #[must_use]
    pub fn with_head_timeout(self, head_timeout: Duration) -> Self {
        Self { head_timeout, ..self }
    }

    /// These options with another size for the head of a request, at least 8 KiB.
    #[must_use]
    pub fn with_max_head(self, max_head: usize) -> Self {
        Self { max_head: max_head.max(LEAST_HEAD), ..self }
    }
}

/// Serves a router by HTTP/1.1 until `stop` is ready; then nothing new is accepted, and it waits for the requests under way.
///
/// `axum::serve` lets a client take any time to send the head of a request, so that a few slow ones can hold all connections that a
/// process can have. This function bounds that; whoever serves the [`router`](super::router) otherwise sets the timer and the
/// `header_read_timeout` of hyper, or has a proxy do it. Peers are known as by `into_make_service_with_connect_info::<SocketAddr>()`.
///
/// Dropping the future closes all connections; what may write is still done to its end.
pub async fn serve(mut listener: TcpListener, router: Router, options: ServeOptions, stop: impl Future<Output = ()>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(options.head_timeout).max_buf_size(options.max_head.max(LEAST_HEAD));
    // Connections stop once the sender is gone.
    let (going, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        select! {
            (stream, peer) = Listener::accept(&mut listener) => {
                connections.spawn(connection(builder.clone(), stream, peer, router.clone(), stopped.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    drop(going);
    while connections.join_next().await.is_some() {}
}

/// Answers the requests of one connection.
async fn connection(builder: http1::Builder, stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        // A router is always ready.
        router.clone().call(request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let end = select! {
        end = connection.as_mut() => end,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = end {
        tracing::debug!(%error, "a connection ended early");
    }
}
