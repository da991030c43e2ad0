//! What it takes to test software that speaks SCIM: time that stands still, transports that fail on purpose, services that count.
//!
//! Nothing here opens a socket, sleeps, reads a clock or draws random numbers that a seed does not give, so a test says the same every
//! time and takes no longer than its computations.
//!
//! A client, its quota and a service whose answers take their time, for a minute that passes in no time:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use scimkit_client::http::Uri;
//! use scimkit_client::{Client, random_from_seed};
//! use scimkit_testing::{Delayed, VirtualTime, fake};
//! use scimkit_types::{Profile, Resource, SearchRequest, schema};
//!
//! let time = VirtualTime::default();
//! let service = fake::service(Profile::standard(), time.clock())?;
//! let delayed = Delayed::new(service.transport(), Duration::ZERO..=Duration::from_millis(300), time.timer(), random_from_seed(7));
//! let client = Client::new(Arc::new(delayed), Uri::from_static("https://fake.example/scim/v2"))?;
//!
//! let began_at = time.now();
//! let found = time.run(async {
//!     let mut user = Resource::new([schema::USER]);
//!     user.insert("userName", "ola@example.com");
//!     client.create("/Users", &user).await?;
//!     client.query("/Users", &SearchRequest::default()).await
//! })??;
//! assert_eq!(found.total_results, 1);
//! assert!(time.now() > began_at);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`VirtualTime`] | a clock, a timer and an executor that jumps to the next instant at which anything happens |
//! | [`InProcess`] | a [`Server`](scimkit_server::Server) of the same process as a transport |
//! | [`Delayed`] | answers that take their time, drawn from a seed |
//! | [`ScriptedTransport`] | answers given beforehand; remembers the requests |
//! | [`FlakyTransport`], [`Fault`] | fails or hangs at chosen requests, before or after their effect |
//! | [`Recording`], [`Exchange`] | remembers requests and answers |
//! | [`CountingService`] | counts requests in every window of time, and refuses what is over the limit |
//! | [`fake`] | whole services in memory |
//!
//! There are no features.

mod counting;
pub mod fake;
mod transport;
mod virtual_time;

pub use counting::CountingService;
pub use transport::{Delayed, Exchange, Fault, FlakyTransport, InProcess, Recording, ScriptedTransport};
pub use virtual_time::{Stalled, VirtualTime};
