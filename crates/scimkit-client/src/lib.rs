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
//! | [`Client`] | one method for each call |
//! | [`request::BaseUri`], [`response::ResponseLimits`] | the same without I/O: requests to send, answers to read |
//! | [`Transport`] | the seam to a carrier of HTTP messages |
//! | [`Retry`], [`Authorized`], [`RateLimited`] | transports around a transport, put together in this order from outside |
//! | [`ClientError`], [`TransportError`] | what can go wrong, and whether the request may have had an effect |
//!
//! There are no features. This crate opens no connection, reads no clock and starts no task; redirects are never followed.

pub mod request;
pub mod response;

mod authorized;
mod class;
mod client;
mod error;
mod pages;
mod rate_limited;
mod retry;
mod retry_after;
mod token;
mod transport;

pub use authorized::Authorized;
pub use bytes::Bytes;
pub use class::{Class, Cost, NotAfter, Repeatable};
pub use client::Client;
pub use error::ClientError;
pub use http;
pub use pages::PageSize;
pub use rate_limited::{Classes, Counts, RateLimited};
pub use retry::{Retry, RetryPolicy, random_from_seed};
pub use token::{BearerToken, StaticToken, TokenError, TokenSource};
pub use transport::{Transport, TransportError, TransportErrorKind, TransportFn, transport_fn};
