//! A server behind axum, spoken to over a loopback socket.
#![cfg(feature = "axum")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a helper of tests reports by panicking")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::response::IntoResponse;
use scimkit_http::axum::ServeOptions;
use scimkit_server::{
    Actor, BearerTokens, Changed, Context, Found, Hook, Preconditions, Proposal, Readiness, ResourceHandler, Result, Search, Server,
    StoreHandler,
};
use scimkit_store::{MemoryResources, Tenant};
use scimkit_types::{PatchOp, Profile, Projection, Resource, Timer};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

fn server(handler: Arc<dyn ResourceHandler>) -> Server {
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::default()));
    let profile: Profile = serde_json::from_str(r#"{"name": "x", "limits": {"maxBody": 1000}}"#).unwrap();
    Server::builder(handler, Arc::new(tokens)).profile(profile).build().unwrap()
}

fn memory() -> Server {
    server(Arc::new(StoreHandler::new(Arc::new(MemoryResources::new()))))
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(scimkit_http::axum::serve(listener, router, ServeOptions::default(), std::future::pending()));
    address
}

/// Sends text and returns the status, the head in lower case and the body.
async fn send(address: SocketAddr, request: String) -> (u16, String, String) {
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn request(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer token\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola"}"#;

#[track_caller]
fn check_error(answer: &(u16, String, String), status: u16) {
    let (found, head, body) = answer;
    assert_eq!(*found, status, "{head}\n{body}");
    assert!(head.contains("content-type: application/scim+json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["status"], status.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_created_read_and_deleted_over_a_socket() {
    let address = serve(scimkit_http::axum::router(memory())).await;
    let (status, head, body) = send(address, request("POST", "/scim/v2/Users", USER)).await;
    assert_eq!(status, 201);
    let user: Resource = serde_json::from_str(&body).unwrap();
    let path = format!("/scim/v2/Users/{}", user.id().unwrap());
    assert!(head.contains(&format!("location: {}", path.to_ascii_lowercase())), "{head}");
    assert_eq!(send(address, request("GET", &path, "")).await.2, body);
    let (status, head, empty) = send(address, request("HEAD", &path, "")).await;
    assert_eq!((status, empty.as_str()), (200, ""), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    assert_eq!(send(address, request("DELETE", &path, "")).await.0, 204);
    check_error(&send(address, request("GET", &path, "")).await, 404);
}

/// IR30: what is refused has a SCIM body, wherever it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_a_scim_error() {
    let address = serve(scimkit_http::axum::router(memory())).await;
    check_error(&send(address, request("GET", "/elsewhere", "")).await, 404);
    check_error(&send(address, request("BREW", "/scim/v2/Users", "")).await, 405);
    let anonymous = "GET /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = send(address, anonymous.to_owned()).await;
    check_error(&answer, 401);
    assert!(answer.1.contains("www-authenticate: bearer realm"));
}

/// R8259-9-01: announced or not, a body over the limit is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_refused() {
    let address = serve(scimkit_http::axum::router(memory())).await;
    let announced = "POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n";
    check_error(&send(address, announced.to_owned()).await, 413);
    let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
    let head = "POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    check_error(&send(address, format!("{head}{chunk}{chunk}0\r\n\r\n")).await, 413);
}

/// The time is over as soon as somebody waits.
#[derive(Debug)]
struct NoTime;

impl Timer for NoTime {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

/// Invariant 4: a client that announces a body and does not send it holds nothing for longer than a request may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::default()));
    let server = Server::builder(handler, Arc::new(tokens)).deadline(Duration::from_secs(30), Arc::new(NoTime)).build().unwrap();
    let address = serve(scimkit_http::axum::router(server)).await;
    // The connection is kept open by the client, not by the server.
    let head = "POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{";
    let answer = send(address, head.to_owned()).await;
    check_error(&answer, 408);
    assert!(answer.1.contains("connection: close"), "{}", answer.1);
    assert_eq!(send(address, request("GET", "/scim/v2/Users", "")).await.0, 200);
}

/// Invariant 4: a client that sends the head of a request slowly, too much of it, or nothing holds its connection for a bounded time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = ServeOptions::default().with_head_timeout(Duration::from_millis(50)).with_max_head(0);
    tokio::spawn(scimkit_http::axum::serve(listener, scimkit_http::axum::router(memory()), options, std::future::pending()));
    let cut = |text: String| async move {
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let mut answer = Vec::new();
            // A client that is cut off while it sends may not send all, and may lose the answer.
            let _ = stream.write_all(text.as_bytes());
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        })
        .await
        .unwrap()
    };
    for head in ["", "GET /scim/v2/Users HTTP/1.1\r\n", "GET /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nX: "] {
        assert_eq!(cut(head.to_owned()).await, "", "{head}");
    }
    let endless = cut(format!("GET /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(100_000))).await;
    assert!(endless.is_empty() || endless.starts_with("HTTP/1.1 431 "), "{endless}");
}

/// Whoever stops a service gets answers to the requests under way and no new connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_before_a_service_stops() {
    let (begun, goes_on, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (beginning, going_on, stopping) = (Arc::clone(&begun), Arc::clone(&goes_on), Arc::clone(&stop));
    let work = move || {
        let (beginning, going_on) = (Arc::clone(&beginning), Arc::clone(&going_on));
        async move {
            beginning.notify_one();
            going_on.notified().await;
            "done"
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/work", axum::routing::get(work));
    let options = ServeOptions::default();
    let service = tokio::spawn(async move { scimkit_http::axum::serve(listener, router, options, stopping.notified()).await });
    let answer = tokio::spawn(send(address, request("GET", "/work", "")));
    begun.notified().await;
    stop.notify_one();
    while TcpStream::connect(address).is_ok() {
        tokio::task::yield_now().await;
    }
    goes_on.notify_one();
    assert_eq!(answer.await.unwrap().2, "done");
    service.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_router_stands_beside_other_routes() {
    let health = Router::new().route("/health", axum::routing::get(|| async { "up" }));
    let merged = serve(health.clone().merge(scimkit_http::axum::router(memory()))).await;
    let nested = serve(health.nest("/scim/v2", scimkit_http::axum::router(memory()))).await;
    for address in [merged, nested] {
        assert_eq!(send(address, request("GET", "/health", "")).await.2, "up");
        assert_eq!(send(address, request("GET", "/scim/v2/Users?count=1", "")).await.0, 200);
    }
}

/// Whoever watches over the service needs no token, and learns no more than whether it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_readiness_need_no_token() {
    let store = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
    let ready = serve(scimkit_http::axum::probes(store).merge(scimkit_http::axum::router(memory()))).await;
    let broken = serve(scimkit_http::axum::probes(Arc::new(Broken)).merge(scimkit_http::axum::router(memory()))).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    for (address, path, status, text) in [
        (ready, "/health", 200, "up\n"),
        (ready, "/ready", 200, "ready\n"),
        (broken, "/health", 200, "up\n"),
        (broken, "/ready", 503, "not ready\n"),
    ] {
        let (found, _, body) = send(address, get(path)).await;
        assert_eq!((found, body.as_str()), (status, text), "{path}");
    }
    check_error(&send(ready, get("/scim/v2/Users")).await, 401);
}

/// Is never ready.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Readiness for Broken {
    async fn check(&self) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("the disk of secrets is gone".into())
    }
}

/// Panics whatever it is asked.
#[derive(Debug)]
struct Faulty;

#[async_trait]
impl ResourceHandler for Faulty {
    async fn create(&self, _: &Context<'_>, _: Resource, _: &Projection) -> Result<Resource> {
        panic!("create")
    }

    async fn get(&self, _: &Context<'_>, _: &str, _: &Projection) -> Result<Resource> {
        panic!("get")
    }

    async fn replace(&self, _: &Context<'_>, _: &str, _: Resource, _: &Preconditions, _: &Projection) -> Result<Resource> {
        panic!("replace")
    }

    async fn patch(&self, _: &Context<'_>, _: &str, _: PatchOp, _: &Preconditions, _: &Projection) -> Result<Resource> {
        panic!("patch")
    }

    async fn delete(&self, _: &Context<'_>, _: &str, _: &Preconditions) -> Result<()> {
        panic!("delete")
    }

    async fn query(&self, _: &Context<'_>, _: &Search) -> Result<Found> {
        panic!("query")
    }
}

/// Invariant 4: a handler that panics ends its request, not the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_an_internal_error() {
    let address = serve(scimkit_http::axum::router(server(Arc::new(Faulty)))).await;
    for (method, path, body) in [("GET", "/scim/v2/Users", ""), ("GET", "/scim/v2/Users/1", ""), ("POST", "/scim/v2/Users", USER)] {
        let answer = send(address, request(method, path, body)).await;
        check_error(&answer, 500);
        assert!(!answer.2.contains("panic"));
    }
}

/// Waits for a sign before it does its work, and tells what becomes of it.
#[derive(Debug)]
struct Slow {
    begun: Notify,
    goes_on: Notify,
    told: UnboundedSender<&'static str>,
}

/// Tells when it is dropped.
struct Guard<'a>(&'a Slow);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.told.send("the hook was dropped or is done").unwrap();
    }
}

#[async_trait]
impl Hook for Slow {
    async fn before(&self, _: &Context<'_>, _: &Proposal<'_>) -> Result<()> {
        let _guard = Guard(self);
        self.begun.notify_one();
        self.goes_on.notified().await;
        self.told.send("the change goes on").unwrap();
        Ok(())
    }

    async fn after(&self, _: &Context<'_>, _: &Changed<'_>) {
        self.told.send("the change was made").unwrap();
    }
}

/// Invariant 10: a client that goes away does not keep a change that has begun from being recorded and told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_done_to_its_end_without_its_client() {
    let (told, mut heard) = unbounded_channel();
    let slow = Arc::new(Slow { begun: Notify::new(), goes_on: Notify::new(), told });
    let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::default()));
    let server = Server::builder(handler, Arc::new(tokens)).hook(Arc::<Slow>::clone(&slow)).build().unwrap();
    let cut = Arc::new(Notify::new());
    let sign = Arc::clone(&cut);
    // As it is when a connection breaks: what answers the request is dropped.
    let cutting = axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
        let sign = Arc::clone(&sign);
        async move {
            tokio::select! {
                answer = next.run(request) => answer,
                () = sign.notified() => http::StatusCode::GONE.into_response(),
            }
        }
    });
    let address = serve(scimkit_http::axum::router(server).layer(cutting)).await;
    let answer = tokio::spawn(send(address, request("POST", "/scim/v2/Users", USER)));
    slow.begun.notified().await;
    cut.notify_one();
    assert_eq!(answer.await.unwrap().0, 410);
    slow.goes_on.notify_one();
    let mut all = Vec::new();
    while all.last() != Some(&"the change was made") {
        all.push(heard.recv().await.unwrap());
        assert_ne!(all, ["the hook was dropped or is done"]);
    }
}
