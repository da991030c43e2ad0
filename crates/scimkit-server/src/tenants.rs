//! Tenants that are told apart by path or host.

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};
use scimkit_types::ErrorResponse;

use crate::respond::error_response;
use crate::server::Server;

/// Several servers behind one address, told apart by the host or by the path of a request.
///
/// Each server stands for a tenant: it has its own base path or base address, and everything else that a server can have of its own,
/// while the handler, and so the store, may be shared. [`ServerBuilder::only_tenant`](crate::ServerBuilder::only_tenant) keeps the
/// credentials of one tenant from being used at the address of another (R7644-6.1-01).
///
/// A server that was given a host is asked first; among the servers without one, that with the longest base path which the request's path
/// starts with. A request that no server stands for is answered by 404.
///
/// ```
/// # use std::sync::Arc;
/// # use scimkit_server::{BearerTokens, Server, StoreHandler, Tenants};
/// # use scimkit_store::Tenant;
/// # fn run(handler: Arc<StoreHandler>, profile: scimkit_types::Profile) -> Result<(), scimkit_server::ConfigError> {
/// # let tokens = || Arc::new(BearerTokens::new());
/// let mut at_path = profile.clone();
/// at_path.base_path = "/acme/scim/v2".to_owned();
/// let acme = Server::builder(handler.clone(), tokens()).profile(at_path).only_tenant(Tenant::new("acme")).build()?;
/// let other = Server::builder(handler, tokens()).profile(profile).only_tenant(Tenant::new("other")).build()?;
/// let tenants = Tenants::new().with_server(acme).with_host("other.example.com", other);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    servers: Vec<(Option<String>, Server)>,
}

impl From<Server> for Tenants {
    fn from(server: Server) -> Self {
        Self::new().with_server(server)
    }
}

impl Tenants {
    /// No servers: nothing is found.
    pub fn new() -> Self {
        Self::default()
    }

    /// These servers and one more, for requests below its base path at any host that has no server of its own.
    #[must_use]
    pub fn with_server(mut self, server: Server) -> Self {
        self.servers.push((None, server));
        self
    }

    /// These servers and one more, for requests to a host such as `acme.example.com`, whatever the port.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>, server: Server) -> Self {
        self.servers.push((Some(host.into()), server));
        self
    }

    /// Answers a request by the server that stands for its host or path. There is always an answer; every error is a SCIM error body.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self.find(&request) {
            Some(server) => server.handle(request).await,
            None => error_response(&ErrorResponse::new(404, "there is no such endpoint")),
        }
    }

    /// The most bytes of a request body that any of the servers reads.
    pub fn max_body(&self) -> usize {
        self.servers.iter().map(|(_, server)| server.max_body()).max().unwrap_or_default()
    }

    /// Does what comes ahead of an answer, such as reading a body, within the time that the servers give a request
    /// ([`ServerBuilder::deadline`](crate::ServerBuilder::deadline)): the longest of any of them, since the request's server is not told
    /// from others then. `None` if the time was over first. As long as it takes if one of the servers sets no time.
    pub async fn within<F: Future>(&self, work: F) -> Option<F::Output> {
        let settings = self.servers.iter().map(|(_, server)| server.deadline_settings()).collect::<Option<Vec<_>>>();
        match settings.into_iter().flatten().max_by_key(|(settings, _)| settings.after) {
            Some((settings, clock)) => settings.begin(clock.now(), clock).bound(work).await.ok(),
            None => Some(work.await),
        }
    }

    fn find(&self, request: &Request<Bytes>) -> Option<&Server> {
        if let [(None, only)] = self.servers.as_slice() {
            return Some(only);
        }
        let host = host(request);
        let at_host = |wanted: Option<&str>| {
            let of_host = self.servers.iter().filter(move |(of, _)| match (of.as_deref(), wanted) {
                (Some(of), Some(wanted)) => of.eq_ignore_ascii_case(wanted),
                (None, None) => true,
                _ => false,
            });
            let below = of_host.filter_map(|(_, server)| Some((server.base_path_length(request.uri().path())?, server)));
            below.max_by_key(|(length, _)| *length).map(|(_, server)| server)
        };
        let is_known =
            host.is_some_and(|host| self.servers.iter().any(|(of, _)| of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(host))));
        if is_known { at_host(host) } else { at_host(None) }
    }
}

/// The host that a request names, without its port.
fn host(request: &Request<Bytes>) -> Option<&str> {
    if let Some(host) = request.uri().host() {
        return Some(host);
    }
    let header = request.headers().get(HOST)?.to_str().ok()?;
    // The colons of an IPv6 address stand in brackets.
    let end = header.find(']').map_or_else(|| header.find(':'), |bracket| Some(bracket + 1));
    end.map_or(Some(header), |end| header.get(..end))
}
