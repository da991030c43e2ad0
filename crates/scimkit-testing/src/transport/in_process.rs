//! A server of the same process as a transport.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Transport, TransportError};
use scimkit_server::Server;

use crate::fake::OverLimit;

/// Hands requests to a [`Server`] of the same process, which sees their path, headers and body as if they had come over a network.
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
