//! A service, a state and a time, and workers between them.

use std::sync::Arc;

use http::Uri;
use scimkit_client::{Authorized, BearerToken, Client, StaticToken, Transport};
use scimkit_mapping::SeededEntropy;
use scimkit_provisioning::{Engine, ProvisioningJob, ScimTarget, Source};
use scimkit_store::StateStore;
use scimkit_testing::fake::{self, FakeService};
use scimkit_types::{Clock, Profile};

/// Where the services of these tests stand when they are reached in process.
pub const BASE: &str = "https://fake.example/scim/v2";

/// The token that they want.
pub const TOKEN: &str = "a-token-of-these-tests";

/// What outlives a worker: the service and the state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct World {
    /// The service.
    pub service: FakeService,
    /// The state of jobs.
    pub state: Arc<dyn StateStore>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

impl World {
    /// A service with nothing in it, and a state.
    pub fn new(profile: Profile, state: Arc<dyn StateStore>, clock: Arc<dyn Clock>) -> Self {
        let service = fake::ringcentral(profile, &TOKEN.into(), Arc::clone(&clock)).unwrap();
        Self { service, state, clock }
    }

    /// An engine that reaches a service through a transport that needs no token.
    pub fn engine(&self, job: ProvisioningJob, source: Arc<dyn Source>, transport: impl Transport + 'static) -> Engine {
        engine(job, source, &client(transport, BASE), Arc::clone(&self.state), Arc::clone(&self.clock))
    }
}

/// An engine over a client.
pub fn engine(job: ProvisioningJob, source: Arc<dyn Source>, client: &Client, state: Arc<dyn StateStore>, clock: Arc<dyn Clock>) -> Engine {
    let target = ScimTarget::new(client.clone(), job.profile.clone()).unwrap();
    Engine::new(job, source, Arc::new(target), state, clock, Arc::new(SeededEntropy::new(1)))
}

/// A client that shows its token.
pub fn client(transport: impl Transport + 'static, base: &str) -> Client {
    let token = StaticToken::new(BearerToken::new(TOKEN).unwrap());
    let base: Uri = base.parse().unwrap();
    Client::new(Arc::new(Authorized::new(transport, token)), base).unwrap()
}
