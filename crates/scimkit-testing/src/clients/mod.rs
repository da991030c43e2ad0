//! Clients that send what identity providers send.
//!
//! A fake client is for the tests of a service: it sends the requests of the real one, in their order and their spelling, over any
//! [`Transport`](scimkit_client::Transport), and wants of the answers what the real one wants. Each call says what the client did as an
//! [`Outcome`], or why it could not as a [`Complaint`]. What it believes of the service afterwards can be looked at, as [`Believed`], and
//! held against the service by `check`, which reads every linked object and returns each [`Disagreement`]; its requests are the test's,
//! not those of the identity provider.
//!
//! | client | what it sends |
//! |---|---|
//! | [`EntraClient`] | the requests of Microsoft Entra ID; with `?aadOptscim062020` on the address those of the feature flag, which a service should be tested with too |
//! | [`OktaClient`] | the requests of Okta, for an application of its [network](OktaIntegration::Network) or a [custom](OktaIntegration::Custom) one |
//!
//! The clients know nothing of the dialects, the encoder and the reader of this project: they are written from what is published of the
//! real ones, so that one can be held against the other.
//!
//! ```
//! use std::sync::Arc;
//! use scimkit_testing::clients::{Attributes, EntraClient, Outcome};
//! use scimkit_testing::{VirtualTime, fake};
//! use scimkit_types::{Dialect, Profile};
//!
//! for (dialect, address) in [
//!     (Dialect::ENTRA, "https://fake.example/scim/v2"),
//!     (Dialect::ENTRA_OPTSCIM, "https://fake.example/scim/v2?aadOptscim062020"),
//! ] {
//!     let time = VirtualTime::default();
//!     let mut profile = Profile::standard();
//!     profile.dialect = dialect;
//!     let service = fake::service(profile, time.clock())?;
//!
//!     let mut entra = EntraClient::new(Arc::new(service.transport()), address)?;
//!     let kari = Attributes::new().with("userName", "kari@example.com").with("name.givenName", "Kari").with("active", true);
//!     time.run(async {
//!         entra.test_connection().await?;
//!         assert_eq!(entra.provision_user("object-1", &kari).await?, Outcome::Created);
//!         assert_eq!(entra.provision_user("object-1", &kari).await?, Outcome::Unchanged);
//!         assert_eq!(entra.disable_user("object-1").await?, Outcome::Disabled);
//!         assert_eq!(entra.check().await?, []);
//!         Ok::<(), Box<dyn std::error::Error>>(())
//!     })??;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod complaint;
mod connection;
mod entra;
mod ledger;
mod okta;

pub use attributes::Attributes;
#[cfg(feature = "provisioning")]
pub(crate) use attributes::read;
pub use complaint::Complaint;
pub use entra::{AppRole, EntraClient, RoleMapping};
pub use ledger::{Believed, Disagreement, Outcome};
pub use okta::{OktaClient, OktaIntegration};
