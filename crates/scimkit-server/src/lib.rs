//! A SCIM 2.0 service provider as a function from an HTTP request to an HTTP response.
//!
//! A [`Server`] knows the protocol: endpoints, authentication, rate limits, discovery, queries, entity tags and errors. What becomes of
//! resources, a [`ResourceHandler`] decides: [`StoreHandler`] keeps them in any store; implement the trait for storage of your own.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use http::{Request, StatusCode};
//! use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
//! use scimkit_store::{MemoryResources, Tenant};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let handler = StoreHandler::new(Arc::new(MemoryResources::new()));
//! let tokens = BearerTokens::new().with_token(&"secret".into(), Actor::new("entra", Tenant::default()));
//! let server = Server::builder(Arc::new(handler), Arc::new(tokens)).base_url("https://example.com/scim/v2").build()?;
//!
//! let request = Request::post("/scim/v2/Users")
//!     .header("Authorization", "Bearer secret")
//!     .header("Content-Type", "application/scim+json")
//!     .body(Bytes::from(r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola"}"#))?;
//! let response = server.handle(request).await;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! # Ok(())
//! # }
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`Server`], [`ServerBuilder`] | the function and what it is made of |
//! | [`Tenants`], [`TenantSettings`] | several servers behind one address; what is different for a tenant of one server |
//! | [`Authenticator`], [`BearerTokens`], [`BasicCredentials`], [`FirstOf`] | who asks |
//! | [`Actor`], [`Policy`], [`DirectoryProviderSwitch`] | what an actor may do |
//! | [`ResourceHandler`], [`Context`], [`Search`] | the seam to storage |
//! | [`StoreHandler`] | a handler over any `ResourceStore` |
//! | [`PasswordSink`], [`Argon2Passwords`] | where passwords go |
//! | [`Hook`] | where a product has a say in changes |
//! | [`AuditSink`], [`AuditRecord`] | who wrote what |
//! | [`Readiness`] | whether the service can do its work |
//!
//! | feature | purpose |
//! |---|---|
//! | `argon2` | [`Argon2Passwords`] and [`BasicCredentials`] |
//! | `metrics` | figures by the facade of the `metrics` crate: `scim_requests_total`, `scim_request_seconds`, `scim_store_seconds`, `scim_tolerances_total` and `scim_rate_limited_total` |
//!
//! There is no I/O beyond the handler, the authenticator and the sinks. TLS, ports and single sign-on are not for this crate. Bulk
//! requests are answered if the profile gives their limits, and `/Me` if the actor has a resource; else with 501. Cursors need a key
//! ([`ServerBuilder::cursors`]).
//!
//! [`BasicCredentials`]: https://docs.rs/scimkit-server/latest/scimkit_server/struct.BasicCredentials.html
//! [`Argon2Passwords`]: https://docs.rs/scimkit-server/latest/scimkit_server/struct.Argon2Passwords.html

mod audit;
mod authenticate;
mod bulk;
mod config;
mod cursor;
mod deadline;
mod discovery;
mod exchange;
mod handler;
mod hook;
mod limit;
mod meter;
mod password;
mod policy;
mod present;
mod query;
mod readiness;
mod request;
mod respond;
mod root;
mod route;
mod server;
mod shape;
mod store_handler;
mod tenant;
mod tenants;
mod tolerance;
mod written;

pub use audit::{AuditRecord, AuditSink};
#[cfg(feature = "argon2")]
pub use authenticate::BasicCredentials;
pub use authenticate::{
    Actor, ActorResource, AuthenticationError, AuthenticationScheme, Authenticator, BearerTokens, FirstOf, Permissions, bearer_token,
};
pub use config::{ConfigError, DiscoveryAccess, ServerBuilder};
pub use cursor::CursorKeys;
pub use handler::{Context, Found, HandlerError, IdSource, Preconditions, ResourceHandler, Result, Search};
pub use hook::{Changed, Hook, Proposal};
pub use http;
pub use password::{AcceptedPassword, PasswordSink};
#[cfg(feature = "argon2")]
pub use password::{Argon2Passwords, MemoryPasswordHashes, PasswordHashes};
pub use policy::{Access, Action, DirectoryProviderSwitch, Policy};
pub use readiness::Readiness;
pub use respond::{body_too_large, body_too_slow, error_response, internal, too_many_requests};
pub use server::Server;
pub use store_handler::StoreHandler;
pub use tenant::TenantSettings;
pub use tenants::Tenants;
pub use tolerance::ToleranceCounts;
