//! A SCIM 2.0 client over any transport: requests and responses without I/O, retry, authorization and rate limits as wrappers.
//!
//! A [`Client`] speaks RFC 7644 through a [`Transport`], which is anything that carries an `http::Request` to its answer: an HTTP library, a
//! server in the same process, or a function in a test.
//!
//! ```
//! use std::sync::Arc;
//! use scimkit_client::request::Selection;
//! use scimkit_client::{Client, TransportError, transport_fn};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let transport = transport_fn(|request: http::Request<bytes::Bytes>| async move {
//!     assert_eq!(request.uri(), "https://example.com/scim/v2/Users/1");
//!     Ok::<_, TransportError>(http::Response::new(bytes::Bytes::from_static(br#"{"id": "1", "userName": "ola"}"#)))
//! });
//! let client = Client::new(Arc::new(transport), "https://example.com/scim/v2".parse()?)?;
//! let user = client.get("/Users", "1", &Selection::Default).await?;
//! assert_eq!(user.get("userName").and_then(|name| name.as_str()), Some("ola"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`Client`] | one method for each call; [`Client::resources`] has them for typed views such as `User` |
//! | [`Client::create_once`], [`Client::remove`] | calls that can be repeated whatever happened to an answer |
//! | [`bulk::BulkPlan`] | many operations, divided by the service provider's limits |
//! | [`capabilities::Capabilities`] | what the service provider can do: declared, probed, or both |
//! | [`lint::Lints`] | what the service provider does wrong, with the rule that says so |
//! | [`request::BaseUri`], [`response::ResponseLimits`] | the same without I/O: requests to send, answers to read |
//! | [`Transport`] | the seam to a carrier of HTTP messages |
//! | [`Retry`], [`Authorized`], [`RateLimited`] | transports around a transport, put together in this order from outside |
//! | [`Traced`], [`Deadline`] | transports that tell what is sent, and that give up |
//! | [`ClientError`], [`TransportError`] | what can go wrong, and whether the request may have had an effect |
//!
//! There are no features. This crate opens no connection, reads no clock and starts no task; redirects are never followed.

pub mod bulk;
pub mod capabilities;
pub mod lint;
pub mod request;
pub mod response;

mod authorized;
mod class;
mod client;
mod create_once;
mod deadline;
mod error;
mod pages;
mod rate_limited;
mod remove;
mod retry;
mod retry_after;
mod token;
mod traced;
mod transport;
mod typed;

pub use authorized::Authorized;
pub use bytes::Bytes;
pub use class::{Class, Cost, NotAfter, Repeatable};
pub use client::Client;
pub use create_once::{Created, Matching, OnConflict};
pub use deadline::Deadline;
pub use error::ClientError;
pub use http;
pub use pages::PageSize;
pub use rate_limited::{Classes, Counts, RateLimited, Usage};
pub use remove::Removed;
pub use retry::{Retry, RetryPolicy, random_from_seed};
pub use scimkit_rate_limit::Priority;
pub use token::{BearerToken, StaticToken, TokenError, TokenSource};
pub use traced::Traced;
pub use transport::{Transport, TransportError, TransportErrorKind, TransportFn, transport_fn};
pub use typed::{ResourceView, Resources};
