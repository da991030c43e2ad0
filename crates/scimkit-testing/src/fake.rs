//! Whole services in memory.
//!
//! A fake service is a [`Server`] over [`MemoryResources`] that behaves as a profile says. Its ids count up, so that a test sees
//! the same ones every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use http::request::Parts;
use scimkit_server::{
    Actor, AuthenticationError, AuthenticationScheme, Authenticator, BearerTokens, ConfigError, DirectoryProviderSwitch, Server,
    ServerBuilder, StoreHandler,
};
use scimkit_store::{MemoryResources, Query, ResourceStore, StoreError, StoredResource, Tenant};
use scimkit_types::{Clock, Profile};
use secrecy::SecretString;

use crate::transport::InProcess;

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
}

impl FakeService {
    /// A transport to the service.
    pub fn transport(&self) -> InProcess {
        InProcess::new(self.server.clone())
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
    build(profile, clock, Arc::new(Everybody), |number| format!("00000000-0000-4000-8000-{number:012x}"), |builder, _| builder)
}

/// A service like RingCentral's: a bearer token is needed, an administrator has chosen SCIM as the directory provider, and what is tolerated,
/// limited, filled in and changed on the way is for the profile to say. The project has one in `testdata/profiles/ringcentral.json`.
///
/// # Errors
/// [`ConfigError`] if the profile is not one of a service.
pub fn ringcentral(profile: Profile, token: &SecretString, clock: Arc<dyn Clock>) -> Result<FakeService, ConfigError> {
    let tokens = BearerTokens::new().with_token(token, Actor::new("fake", Tenant::default()));
    build(profile, clock, Arc::new(tokens), |number| format!("{}", 300_000_000 + number), |builder, switch| builder.policy(switch))
}

fn build(
    profile: Profile,
    clock: Arc<dyn Clock>,
    authenticator: Arc<dyn Authenticator>,
    id: fn(u64) -> String,
    finish: impl FnOnce(ServerBuilder, Arc<DirectoryProviderSwitch>) -> ServerBuilder,
) -> Result<FakeService, ConfigError> {
    let store = Arc::new(MemoryResources::new());
    let directory_provider = Arc::new(DirectoryProviderSwitch::new(true));
    let next_id = AtomicU64::new(1);
    let handler = Arc::new(StoreHandler::new(Arc::clone(&store) as Arc<dyn ResourceStore>));
    let builder = Server::builder(handler, authenticator)
        .profile(profile)
        .clock(clock)
        .ids(Arc::new(move || id(next_id.fetch_add(1, Ordering::Relaxed))));
    let server = finish(builder, Arc::clone(&directory_provider)).build()?;
    Ok(FakeService { server, store, directory_provider })
}

/// Lets everybody in, with or without credentials.
#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Authenticator for Everybody {
    async fn authenticate(&self, _parts: &Parts) -> Result<Actor, AuthenticationError> {
        Ok(Actor::new("everybody", Tenant::default()))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        Vec::new()
    }

    fn challenge(&self) -> String {
        "Bearer".to_owned()
    }
}
