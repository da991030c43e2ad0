//! A server of the same process as a transport.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Transport, TransportError};
use scimkit_server::Server;

use crate::fake::OverLimit;

/// Hands requests to a [`Server`] of the same process, which sees their path, headers and body as if they had come over a network.
///
/// ```
/// use std::sync::Arc;
/// use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
/// use scimkit_store::{MemoryResources, Tenant};
/// use scimkit_testing::clients::{Attributes, EntraClient, Outcome};
/// use scimkit_testing::{InProcess, VirtualTime};
/// use scimkit_types::Dialect;
///
/// let time = VirtualTime::default();
/// let tokens = BearerTokens::new().with_token(&"secret".into(), Actor::new("entra", Tenant::default()));
/// let handler = StoreHandler::new(Arc::new(MemoryResources::new())); // or the handler to be tested
/// let server = Server::builder(Arc::new(handler), Arc::new(tokens)).dialect(Dialect::ENTRA).clock(time.clock()).build()?;
///
/// let mut entra = EntraClient::new(Arc::new(InProcess::new(server)), "https://example.com/scim/v2")?.with_token(&"secret".into());
/// let kari = Attributes::new().with("userName", "kari@example.com");
/// assert_eq!(time.run(entra.provision_user("object-1", &kari))??, Outcome::Created);
/// assert_eq!(time.run(entra.check())??, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct InProcess {
    server: Server,
    over_limit: Option<OverLimit>,
}

impl InProcess {
    /// A transport to this server, whatever the host that requests name.
    pub const fn new(server: Server) -> Self {
        Self { server, over_limit: None }
    }

    pub(crate) const fn with_over_limit(server: Server, over_limit: Option<OverLimit>) -> Self {
        Self { server, over_limit }
    }

    /// The server.
    pub const fn server(&self) -> &Server {
        &self.server
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        match &self.over_limit {
            None => Ok(self.server.handle(request).await),
            Some(over_limit) => Ok(over_limit.answer(&self.server, request).await),
        }
    }
}
