//! A server of the same process as a transport.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Transport, TransportError};
use scimkit_server::Server;

/// Hands requests to a [`Server`] of the same process, which sees their path, headers and body as if they had come over a network.
#[derive(Clone, Debug)]
pub struct InProcess {
    server: Server,
}

impl InProcess {
    /// A transport to this server, whatever the host that requests name.
    pub const fn new(server: Server) -> Self {
        Self { server }
    }

    /// The server.
    pub const fn server(&self) -> &Server {
        &self.server
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Ok(self.server.handle(request).await)
    }
}
