//! The service that `load/run` puts under load: it fills a store, says where it listens, and serves until it is stopped.
//!
//! Databases with many users are filled by SQL. `/bare` answers the bytes of the first user without any of our code, as the rate to compare with.

#[path = "../support/served.rs"]
mod served;

mod fill;

use std::path::Path;
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
/// From how many users on a database is filled by SQL.
const MANY: usize = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fill", store, users] => fill(store, users.parse()?).await,
        [store, users] => serve(store, users.parse()?).await,
        _ => Err("usage: service [fill] memory|sqlite:PATH|postgres://... USERS".into()),
    }
}

/// Makes a database with many users; nothing for another store, or for few. It is a process of its own, so that what it takes does not
/// count as what the service takes.
async fn fill(store: &str, users: usize) -> Result<(), Box<dyn std::error::Error>> {
    if store.starts_with("postgres://") {
        let (client, connection) = tokio_postgres::connect(store, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", schema(users))).await?;
        if users >= MANY {
            fill::pattern(open(store, users).await?).await?;
            fill::postgres(&client, &schema(users), users).await?;
        }
    } else if let (Some(path), true) = (store.strip_prefix("sqlite:"), users >= MANY) {
        fill::pattern(open(store, users).await?).await?;
        fill::sqlite(Path::new(path), users)?;
    }
    Ok(())
}

/// Services of several sizes may share a database.
fn schema(users: usize) -> String {
    format!("load_{users}")
}

async fn open(store: &str, users: usize) -> Result<Arc<dyn ResourceStore>, Box<dyn std::error::Error>> {
    Ok(match store {
        "memory" => Arc::new(MemoryResources::new()),
        address if address.starts_with("postgres://") => {
            let manager = Manager::new(address.parse()?, tokio_postgres::NoTls);
            let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
            Arc::new(PostgresResources::open_in(pool, &schema(users)).await?)
        }
        other => match other.strip_prefix("sqlite:") {
            Some(path) => Arc::new(SqliteResources::open(path)?),
            None => return Err(format!("expected `memory`, `sqlite:PATH` or `postgres://...`, found `{other}`").into()),
        },
    })
}

async fn serve(store: &str, users: usize) -> Result<(), Box<dyn std::error::Error>> {
    let before = resident();
    let is_filled = store != "memory" && users >= MANY;
    let store = open(store, users).await?;
    let server = if is_filled { served::server_from(store, users as u64 + 1) } else { served::server(store) };
    if !is_filled {
        served::fill(&server, users).await;
    }
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
