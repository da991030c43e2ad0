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
//! | [`clients`] | Microsoft Entra ID and Okta as clients: their requests, and what they believe afterwards |
//! | [`fake`] | whole services in memory: the standard's, and ones like `RingCentral` and AWS IAM Identity Center |
//! | [`InProcess`] | a [`Server`](scimkit_server::Server) of the same process as a transport |
//! | [`Delayed`] | answers that take their time, drawn from a seed |
//! | [`ScriptedTransport`] | answers given beforehand; remembers the requests |
//! | [`FlakyTransport`], [`Fault`] | fails or hangs at chosen requests, before or after their effect |
//! | [`Recording`], [`Exchange`] | remembers requests and answers |
//! | [`CountingService`] | counts requests in every window of time, and refuses what is over the limit |
//! | `directory` | directories that change, and a model of what a target must hold after that |
//! | [`Draw`] | choices from a seed |
//!
//! # Testing a service
//!
//! A service is right for an identity provider when it has what the identity provider believes that it has. Let a client of [`clients`]
//! do to it what an administrator would see, over whatever transport reaches it, and compare:
//!
//! ```
//! use std::sync::Arc;
//! use scimkit_testing::clients::{Attributes, OktaClient, OktaIntegration, Outcome};
//! use scimkit_testing::{VirtualTime, fake};
//! use scimkit_types::{Dialect, Profile};
//!
//! // In place of this one: the service to be tested.
//! let time = VirtualTime::default();
//! let mut profile = Profile::standard();
//! profile.dialect = Dialect::OKTA;
//! let service = fake::service(profile, time.clock())?;
//!
//! let mut okta = OktaClient::new(Arc::new(service.transport()), "https://fake.example/scim/v2", OktaIntegration::Network)?;
//! let ola = Attributes::new().with("userName", "ola@example.com").with("name.familyName", "Nordmann");
//! time.run(async {
//!     okta.enable_provisioning().await?;
//!     okta.assign_user("00u1", &ola).await?;
//!     okta.push_group("00g1", "Tour guides", &["00u1"]).await?;
//!     assert_eq!(okta.deactivate_user("00u1").await?, Outcome::Disabled);
//!     assert_eq!(okta.check().await?, []);
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`clients::EntraClient`] is used in the same way, with and without the feature flag on the address. A service in another process or on
//! another machine is reached by a transport that opens sockets, such as `ReqwestTransport` of `scimkit-http`, on the runtime that it needs:
//! the clients need none of their own. One made of `scimkit-server` is reached by [`InProcess`], without a port.
//!
//! # Testing a client
//!
//! What a client does right shows where a service is slow, has limits and fails. Put it before a service of [`fake`], with limits in the
//! profile, latency by [`Delayed`] and faults by [`FlakyTransport`]:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use scimkit_client::http::Uri;
//! use scimkit_client::{Client, Retry, RetryPolicy, random_from_seed};
//! use scimkit_testing::{Fault, FlakyTransport, VirtualTime, fake};
//! use scimkit_types::profile::RequestLimit;
//! use scimkit_types::{Profile, SearchRequest};
//!
//! let time = VirtualTime::default();
//! let mut profile = Profile::standard();
//! profile.limits.read = Some(RequestLimit::new(1, 60));
//! let service = fake::service(profile, time.clock())?;
//! let flaky = FlakyTransport::new(service.transport()).with_fault(1, Fault::AnswerBefore(503));
//! let retry = Retry::new(flaky, RetryPolicy::default(), time.timer(), random_from_seed(1)).with_clock(time.clock());
//! let client = Client::new(Arc::new(retry), Uri::from_static("https://fake.example/scim/v2"))?;
//!
//! let began_at = time.now();
//! time.run(async {
//!     client.query("/Users", &SearchRequest::default()).await?;
//!     // The second one is over the limit, and is sent again when the service says so.
//!     client.query("/Users", &SearchRequest::default()).await
//! })??;
//! assert!(time.now() >= began_at + Duration::from_secs(60));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Testing an engine
//!
//! An engine with mappings, a source or a target of your own is right when the service holds what the directory and the mappings say,
//! however long it ran and whatever failed. With the feature `provisioning`, `directory` has the directory, what happens in it, and the
//! model that says what is right; its page runs an engine through twenty-five days with faults in one test.
//!
//! # Time
//!
//! [`VirtualTime`] is the clock and the timer of both sides. [`VirtualTime::run`] polls one future on the thread of the test, and when all
//! of it waits, the clock jumps to the earliest instant that is waited for: a minute of penalty passes at once, and a test that waits for
//! what cannot happen ends with [`Stalled`] instead of hanging. The same seeds take the same steps every time.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `provisioning` | `directory` |
//! | `generators` | `provisioning`, and strategies of `proptest` for what happens in a directory |

pub mod clients;
mod counting;
#[cfg(feature = "provisioning")]
pub mod directory;
mod draw;
pub mod fake;
mod transport;
mod virtual_time;

pub use counting::CountingService;
pub use draw::Draw;
pub use transport::{Delayed, Exchange, Fault, FlakyTransport, InProcess, Recording, ScriptedTransport};
pub use virtual_time::{Stalled, VirtualTime, give_way};
