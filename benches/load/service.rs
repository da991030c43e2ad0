//! The service that `load/run` puts under load: it fills a store, says where it listens, and serves until it is stopped.
//!
//! `/bare` answers the bytes of the first user without any of our code, as the rate to compare with.

#[path = "../support/served.rs"]
mod served;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use deadpool_postgres::{Manager, Pool};
use scimkit::client::http::header::CONTENT_TYPE;
use scimkit::client::http::{Method, StatusCode};
use scimkit::store::postgres::PostgresResources;
use scimkit::store::sqlite::SqliteResources;
use scimkit::store::{MemoryResources, ResourceStore};

/// How many connections to a database there are.
const CONNECTIONS: usize = 32;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(store), Some(users)) = (arguments.next(), arguments.next()) else {
        return Err("usage: service memory|sqlite:PATH|postgres://... USERS".into());
    };
    let users: usize = users.parse()?;
    let store: Arc<dyn ResourceStore> = match store.as_str() {
        "memory" => Arc::new(MemoryResources::new()),
        address if address.starts_with("postgres://") => {
            let manager = Manager::new(address.parse()?, tokio_postgres::NoTls);
            let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
            // Services of several sizes may share a database.
            Arc::new(PostgresResources::open_in(pool, &format!("load_{users}")).await?)
        }
        other => match other.strip_prefix("sqlite:") {
            Some(path) => Arc::new(SqliteResources::open(path)?),
            None => return Err(format!("expected `memory`, `sqlite:PATH` or `postgres://...`, found `{other}`").into()),
        },
    };
    let server = served::server(store);
    let before = resident();
    served::fill(&server, users).await;
    let documents: usize = (1..=users).map(|n| served::user(n).len()).sum();
    let filled = resident();
    let members = users.min(20_000);
    for (name, members) in [("large", members), ("small", members.min(20))] {
        let path = "/Groups?excludedAttributes=members";
        let (status, body) = served::ask(&server, Method::POST, path, served::group(name, members)).await;
        if status != StatusCode::CREATED {
            return Err(format!("the group was not created: {}", String::from_utf8_lossy(&body)).into());
        }
    }
    let (_, user) = served::ask(&server, Method::GET, "/Users/1", "").await;
    let user = Bytes::from(user);
    let bare = get(move || {
        let user = user.clone();
        async move { ([(CONTENT_TYPE, "application/scim+json")], user) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {} {}", listener.local_addr()?, (filled - before) * 1024, documents);
    axum::serve(listener, Router::new().route("/bare", bare).merge(scimkit::http::axum::router(server))).await?;
    Ok(())
}

/// The resident memory of this process in KiB; 0 where the system does not say.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
