//! The service over PostgreSQL: the server that `SCIMKIT_TEST_POSTGRES_URL` names, else a private one.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a helper of tests reports by panicking")]

#[expect(dead_code, reason = "stores test more of a server than this")]
#[path = "../../../crates/scimkit-store/tests/cluster.rs"]
mod cluster;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use scimkit_example_service_provider::{Options, Running, ServiceProvider, TenantOptions, Token};
use scimkit_server::Permissions;
use scimkit_types::Profile;
use uuid::Uuid;

/// The address of the server as a client writes it; `None`, and a word on it, if there is none.
fn address() -> Option<String> {
    if let Ok(url) = std::env::var("SCIMKIT_TEST_POSTGRES_URL") {
        return Some(url);
    }
    let config = cluster::server()?;
    let folder = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Unix(folder)) => folder.to_str().unwrap().replace('/', "%2F"),
        other => panic!("expected a folder, found {other:?}"),
    };
    Some(format!("postgres://postgres@{folder}/postgres"))
}

async fn start(store: &str, tenant: &str) -> Running {
    let mut options = Options::new(Profile::standard()).with_store(store.parse().unwrap());
    // A tenant of its own, since the server may be used by others.
    let tokens = vec![(Token::Clear("token".into()), Permissions::ReadWrite)];
    options.tenants = vec![TenantOptions { name: tenant.to_owned(), tokens, ..TenantOptions::default() }];
    ServiceProvider::start(options).await.unwrap()
}

async fn send(address: SocketAddr, method: &'static str, path: &'static str, body: &'static str) -> (u16, String) {
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer token\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_survive_a_restart_in_postgres() {
    let Some(store) = address() else { return };
    let tenant = Uuid::new_v4().to_string();
    let user = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola"}"#;
    let running = start(&store, &tenant).await;
    assert_eq!(send(running.address(), "GET", "/ready", "").await, (200, "ready\n".to_owned()));
    assert_eq!(send(running.address(), "POST", "/scim/v2/Users", user).await.0, 201);
    running.stop().await;
    let running = start(&store, &tenant).await;
    assert_eq!(send(running.address(), "POST", "/scim/v2/Users", user).await.0, 409);
    let (status, body) = send(running.address(), "GET", "/scim/v2/Users?filter=userName+eq+%22OLA%22", "").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["totalResults"]), (200, &serde_json::json!(1)));
    let other = start(&store, &Uuid::new_v4().to_string()).await;
    assert_eq!(send(other.address(), "POST", "/scim/v2/Users", user).await.0, 201);
}
