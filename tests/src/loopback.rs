//! A service on a socket of this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use scimkit_server::Server;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The request, counted from 1, at which whoever sent it is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KillAt {
    /// Before it has any effect.
    Before(u64),
    /// After its effect; there is no answer.
    After(u64),
}

/// A server that listens on 127.0.0.1 until this is dropped.
#[derive(Debug)]
pub struct Loopback {
    base: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: AtomicU64,
    kill: Notify,
}

impl Loopback {
    /// Puts a server on a free port. From the request on at which the client is to be killed, no request has an effect, and none is answered.
    pub async fn start(server: Server, kill_at: Option<KillAt>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}/scim/v2", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let router = scimkit_http::axum::router(server).layer(from_fn(move |request: Request, next: Next| {
            let shared = Arc::clone(&seen);
            async move { shared.pass(kill_at, request, next).await }
        }));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, shared, task }
    }

    /// The address below which the endpoints stand.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Waits until the client is to be killed.
    pub async fn kill(&self) {
        self.shared.kill.notified().await;
    }
}

impl Shared {
    async fn pass(&self, kill_at: Option<KillAt>, request: Request, next: Next) -> Response {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        match kill_at {
            Some(KillAt::Before(at)) if at <= number => {}
            Some(KillAt::After(at)) if at < number => {}
            Some(KillAt::After(at)) if at == number => {
                next.run(request).await;
            }
            _ => return next.run(request).await,
        }
        self.kill.notify_one();
        std::future::pending().await
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}
