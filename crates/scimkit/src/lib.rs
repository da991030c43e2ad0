//! SCIM 2.0 for Rust: one dependency that re-exports the scimkit crates by feature.
//!
//! SCIM (RFC 7643, RFC 7644) is how a company's directory creates, changes and removes people and groups in the services that they use.
//! Here are both ends, a service provider and a client, and what stands between a directory and a service: mappings and cycles. Each
//! part is a crate of its own; an application that wants several of them takes this one and names them as features.
//!
//! ```
//! # #[cfg(feature = "filter")] {
//! use scimkit::filter::Filter;
//! use scimkit::types::{Catalog, Dialect, Resource};
//!
//! let catalog = Catalog::standard();
//! let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
//! let filter = Filter::parse(r#"userName sw "ola" and active eq true"#)?.resolve(&catalog, user_type, Dialect::STRICT)?;
//!
//! let user: Resource = serde_json::from_str(r#"{"userName": "Ola@example.com", "active": true}"#)?;
//! assert!(filter.matches(&user));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | feature | module | what it is for |
//! |---|---|---|
//! | always on | [`types`] | SCIM data as values: resources, schemas, messages, validation, projection |
//! | `filter` | `filter` | filters and attribute paths: parse, print, evaluate |
//! | `patch` | `patch` | PATCH both ways: apply operations, find the operations between two resources |
//! | `mapping` | `mapping` | from a directory's record to the attributes that a service should have |
//! | `toml` | `mapping` | mappings in a short form, and jobs, in TOML |
//! | `fancy-regex` | `mapping` | a backtracking engine for patterns |
//! | `rate-limit` | `rate_limit` | how many requests in how much time |
//! | `redis` | `rate_limit` | quotas that processes share through Redis or Valkey |
//! | `store` | `store` | keeping resources and the state of provisioning, in memory |
//! | `sqlite` | `store` | the same in SQLite, bundled |
//! | `postgres` | `store` | the same in PostgreSQL, over a pool that is handed in |
//! | `conformance` | `store` | suites that prove a store of your own |
//! | `client` | `client` | calling a service provider over any transport |
//! | `server` | `server` | being a service provider: from an HTTP request to its answer |
//! | `argon2` | `server` | HTTP Basic, and a sink for passwords |
//! | `provisioning` | `provisioning` | cycles that keep a service in step with a directory |
//! | `metrics` | `server`, `provisioning` | their figures through the facade `metrics` |
//! | `graph` | `connectors` | Microsoft Graph as the directory, live or recorded |
//! | `http` | `http` | what the next six share |
//! | `axum` | `http` | the service provider as an axum router |
//! | `reqwest` | `http` | a transport for the client; the application brings TLS |
//! | `rustls` | `http` | TLS for that transport, by rustls |
//! | `oauth` | `http` | OAuth 2 for the client |
//! | `jwks` | `http` | access tokens for the server, checked against published keys |
//! | `tokio` | `http` | waiting, by tokio's clock |
//! | `testing` | `testing` | virtual time, transports that fail on purpose, clients and services in memory; with `provisioning`, directories that change |
//!
//! Nothing is on by default but [`types`], so neither TLS nor a database nor a runtime comes unasked. A feature adds items and changes the
//! behavior of none. There is no code here: items are documented where they are defined.

#[cfg(feature = "client")]
pub use scimkit_client as client;
#[cfg(feature = "graph")]
pub use scimkit_connectors as connectors;
#[cfg(feature = "filter")]
pub use scimkit_filter as filter;
#[cfg(feature = "http")]
pub use scimkit_http as http;
#[cfg(feature = "mapping")]
pub use scimkit_mapping as mapping;
#[cfg(feature = "patch")]
pub use scimkit_patch as patch;
#[cfg(feature = "provisioning")]
pub use scimkit_provisioning as provisioning;
#[cfg(feature = "rate-limit")]
pub use scimkit_rate_limit as rate_limit;
#[cfg(feature = "server")]
pub use scimkit_server as server;
#[cfg(feature = "store")]
pub use scimkit_store as store;
#[cfg(feature = "testing")]
pub use scimkit_testing as testing;
pub use scimkit_types as types;
