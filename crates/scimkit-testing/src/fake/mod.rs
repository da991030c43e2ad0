//! Whole services in memory.
//!
//! A fake service is a [`Server`] over [`MemoryResources`] that behaves as a profile says. Its ids count up, so that a test sees
//! the same ones every time. Passwords are taken out of what is sent and kept nowhere.
//!
//! | function | service |
//! |---|---|
//! | [`service`] | what the profile says and nothing else; everybody is let in |
//! | [`ringcentral`], [`ringcentral_profile`] | a token, an administrator's choice of SCIM, the platform's error and a minute of penalty for whoever is over a limit |
//! | [`aws`], [`aws_profile`] | a token, the refusals of AWS IAM Identity Center, and 429 that does not say when to come back |
//!
//! How much a service takes is for the test to say, in the profile's [`limits`](scimkit_types::Profile::limits); what goes wrong, by a
//! [`FlakyTransport`](crate::FlakyTransport) around [`FakeService::transport`]:
//!
//! ```
//! use http::{Request, StatusCode};
//! use scimkit_client::Transport;
//! use scimkit_testing::{Fault, FlakyTransport, VirtualTime, fake};
//! use scimkit_types::profile::RequestLimit;
//!
//! let time = VirtualTime::default();
//! let mut profile = fake::aws_profile();
//! profile.limits.read = Some(RequestLimit::new(2, 1));
//! let service = fake::aws(profile, &"secret".into(), time.clock())?;
//! let flaky = FlakyTransport::new(service.transport()).with_fault(2, Fault::AnswerBefore(502));
//! let read = || {
//!     let request = Request::get("https://fake.example/scim/v2/Users").header("authorization", "Bearer secret");
//!     time.run(flaky.send(request.body(bytes::Bytes::new())?)).map(|answer| Ok::<_, Box<dyn std::error::Error>>(answer?.status()))?
//! };
//! assert_eq!((read()?, read()?), (StatusCode::OK, StatusCode::BAD_GATEWAY));
//! assert_eq!((read()?, read()?), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aws;
mod over_limit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use scimkit_server::{
    Actor, AuthenticationError, AuthenticationScheme, Authenticator, BearerTokens, ConfigError, DirectoryProviderSwitch, ResourceHandler,
    Server, ServerBuilder, StoreHandler,
};
use scimkit_store::{MemoryResources, Query, ResourceStore, StoreError, StoredResource, Tenant};
use scimkit_types::{Clock, Profile, Tolerance};
use secrecy::SecretString;

use crate::transport::InProcess;
use aws::AwsHandler;

pub use aws::aws_profile;
pub(crate) use over_limit::OverLimit;

/// A service in memory with what a test may look at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FakeService {
    /// The server.
    pub server: Server,
    /// Its resources, all of them those of one tenant.
    pub store: Arc<MemoryResources>,
    /// Whether an administrator has chosen SCIM as the directory provider; looked at only by services that have such a choice.
    pub directory_provider: Arc<DirectoryProviderSwitch>,
    over_limit: Option<OverLimit>,
}

impl FakeService {
    /// A transport to the service. Whoever is over a limit gets the answer of the real one through it, and the standard's from
    /// [`server`](Self::server).
    pub fn transport(&self) -> InProcess {
        InProcess::with_over_limit(self.server.clone(), self.over_limit.clone())
    }

    /// The resources of a type in the order of their creation, at most a million.
    ///
    /// # Errors
    /// [`StoreError`], which a store in memory never gives.
    pub async fn resources(&self, resource_type: &str) -> Result<Vec<StoredResource>, StoreError> {
        let query = Query::new(Tenant::default(), resource_type.to_owned(), 1_000_000);
        Ok(self.store.query(&query).await?.resources)
    }
}

/// A service that behaves as a profile says, to which everybody is let in.
///
/// # Errors
/// [`ConfigError`] if the profile is not one of a service.
pub fn service(profile: Profile, clock: Arc<dyn Clock>) -> Result<FakeService, ConfigError> {
    Parts::new(profile, clock, Arc::new(Everybody), |number| format!("00000000-0000-4000-8000-{number:012x}")).build()
}

/// A service like RingCentral's: a bearer token is needed, an administrator has chosen SCIM as the directory provider, and what is tolerated,
/// limited, filled in and changed on the way is for the profile to say; [`ringcentral_profile`] is one. Whoever is over a limit gets the
/// error of the platform, and for a minute nothing else for requests of the class.
///
/// # Errors
/// [`ConfigError`] if the profile is not one of a service.
///
/// ```
/// use std::sync::Arc;
/// use scimkit_client::{Authorized, BearerToken, Client, StaticToken};
/// use scimkit_testing::{VirtualTime, fake};
/// use scimkit_types::{Resource, schema};
/// use serde_json::json;
///
/// let time = VirtualTime::default();
/// let service = fake::ringcentral(fake::ringcentral_profile(), &"secret".into(), time.clock())?;
/// let token = StaticToken::new(BearerToken::new("secret")?);
/// let client = Client::new(Arc::new(Authorized::new(service.transport(), token)), "https://fake.example/scim/v2".parse()?)?;
/// let kari: Resource = serde_json::from_value(json!({
///     "schemas": [schema::USER], "userName": "kari@example.com", "name": {"givenName": "Kari", "familyName": "Nordmann"},
///     "emails": [{"type": "work", "value": "kari@example.com"}], "addresses": [{"type": "work", "country": "NO"}],
/// }))?;
/// let created = serde_json::to_value(time.run(client.create("/Users", &kari))??)?;
/// assert_eq!((&created["active"], &created["addresses"][0]["country"]), (&json!(false), &json!("Norway")));
///
/// // Until an administrator chooses SCIM, nobody is let in.
/// service.directory_provider.set(false);
/// assert_eq!(time.run(client.create("/Users", &kari))?.unwrap_err().status(), Some(403));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ringcentral(profile: Profile, token: &SecretString, clock: Arc<dyn Clock>) -> Result<FakeService, ConfigError> {
    let over_limit = OverLimit::ringcentral(profile.limits.clone(), Arc::clone(&clock));
    let mut parts = Parts::new(profile, clock, only(token), |number| format!("{}", 300_000_000 + number));
    parts.over_limit = Some(over_limit);
    let switch = Arc::clone(&parts.directory_provider);
    parts.finish = Box::new(move |builder| builder.policy(switch));
    parts.build()
}

/// The profile of a service like RingCentral's: users only, a path for each operation, pages of 100, filters by the user name or the e-mail
/// address alone, 300 reads and 1,000 writes a minute, as many users as a small account has seats; no sorting, no entity tags, no bulk
/// requests. New users are inactive unless the request says otherwise, and countries come back as names. It is the one of the project's
/// `testdata/profiles/ringcentral.json`, where a page beside it says what is known of each.
#[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "the text is part of the crate, and a test reads it")]
pub fn ringcentral_profile() -> Profile {
    serde_json::from_str(include_str!("ringcentral.json")).expect("the profile is one")
}

/// A service like AWS IAM Identity Center, with [`aws_profile`] or one made of it: a bearer token is needed. Refused are filters with anything
/// but `eq` and `and`, PATCH of several attributes without a path, PATCH of a group beyond `displayName`, `members` and `externalId`, all
/// members at once, more of them than the profile says, PUT of a group, removal of `userName` and `active`, and a second e-mail address,
/// telephone number or address in one request. Members are never shown. `startIndex` is not looked at, so that the first page is all that
/// there is by index. Whoever is over a limit is not told when to come back.
///
/// # Errors
/// [`ConfigError`] if the profile is not one of a service.
pub fn aws(profile: Profile, token: &SecretString, clock: Arc<dyn Clock>) -> Result<FakeService, ConfigError> {
    let mut parts = Parts::new(profile, clock, only(token), |number| format!("9067729b3d-00000000-0000-4000-8000-{number:012x}"));
    parts.over_limit = Some(OverLimit::Aws);
    parts.handler = |store| Arc::new(AwsHandler(StoreHandler::new(store)));
    parts.build()
}

/// What a service is made of.
struct Parts {
    profile: Profile,
    clock: Arc<dyn Clock>,
    authenticator: Arc<dyn Authenticator>,
    id: fn(u64) -> String,
    handler: fn(Arc<dyn ResourceStore>) -> Arc<dyn ResourceHandler>,
    directory_provider: Arc<DirectoryProviderSwitch>,
    finish: Box<dyn FnOnce(ServerBuilder) -> ServerBuilder>,
    over_limit: Option<OverLimit>,
}

impl Parts {
    fn new(profile: Profile, clock: Arc<dyn Clock>, authenticator: Arc<dyn Authenticator>, id: fn(u64) -> String) -> Self {
        Self {
            profile,
            clock,
            authenticator,
            id,
            handler: |store| Arc::new(StoreHandler::new(store)),
            directory_provider: Arc::new(DirectoryProviderSwitch::new(true)),
            finish: Box::new(|builder| builder),
            over_limit: None,
        }
    }

    fn build(self) -> Result<FakeService, ConfigError> {
        let (next_id, id) = (AtomicU64::new(1), self.id);
        let store = Arc::new(MemoryResources::new());
        let builder = Server::builder((self.handler)(Arc::clone(&store) as Arc<dyn ResourceStore>), self.authenticator)
            .dialect(self.profile.dialect.with(Tolerance::DropPassword))
            .profile(self.profile)
            .clock(self.clock)
            .ids(Arc::new(move || id(next_id.fetch_add(1, Ordering::Relaxed))));
        let server = (self.finish)(builder).build()?;
        Ok(FakeService { server, store, directory_provider: self.directory_provider, over_limit: self.over_limit })
    }
}

/// Lets in whoever shows the token.
fn only(token: &SecretString) -> Arc<dyn Authenticator> {
    Arc::new(BearerTokens::new().with_token(token, Actor::new("fake", Tenant::default())))
}

/// Lets everybody in, with or without credentials.
#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Authenticator for Everybody {
    async fn authenticate(&self, _parts: &http::request::Parts) -> Result<Actor, AuthenticationError> {
        Ok(Actor::new("everybody", Tenant::default()))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        Vec::new()
    }

    fn challenge(&self) -> String {
        "Bearer".to_owned()
    }
}
