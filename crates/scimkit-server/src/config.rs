//! What a server is made of, checked once.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use scimkit_filter::{AttributePath, ParseError, ParseOptions};
use scimkit_store::Tenant;
use scimkit_types::profile::Limits;
use scimkit_types::{Catalog, CatalogError, Clock, Dialect, Profile, SystemClock, Timer};

use crate::audit::AuditSink;
use crate::authenticate::Authenticator;
use crate::cursor::{CursorKeys, Cursors};
use crate::deadline::DeadlineSettings;
use crate::discovery::{self, Discovery};
use crate::handler::{IdSource, ResourceHandler};
use crate::hook::Hook;
use crate::password::PasswordSink;
use crate::policy::Policy;
use crate::route::BasePath;
use crate::server::{Inner, Server};
use crate::shape::Shapes;
use crate::store_handler::select::Selector;
use crate::tenant::{AllRules, TenantSettings};
use crate::tolerance::Tolerances;

/// Why a server cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The profile's schemas and resource types do not fit together.
    #[error("the schemas and resource types do not fit together")]
    Catalog(#[from] CatalogError),
    /// The profile's base path is none.
    #[error("expected a base path such as `/scim/v2`, found `{found}`")]
    BasePath {
        /// What was found.
        found: String,
    },
    /// The base address has a query, a fragment or credentials (R7644-1.3-01, R7644-7.1-01), or is no address.
    #[error("expected a base address such as `https://example.com/scim/v2`, found `{found}`")]
    BaseUrl {
        /// What was found.
        found: String,
    },
    /// A limit of requests has no requests or no time.
    #[error("expected at least one request in at least one second, found {requests} in {seconds} s")]
    RequestLimit {
        /// The requests.
        requests: u32,
        /// The seconds.
        seconds: u32,
    },
    /// A page can hold nothing.
    #[error("expected a page size of at least 1, found {found}")]
    Paging {
        /// What was found.
        found: u64,
    },
    /// A bulk request can hold nothing.
    #[error("expected bulk requests of at least one operation and one byte, found {max_operations} and {max_payload_size}")]
    Bulk {
        /// The operations.
        max_operations: u64,
        /// The bytes.
        max_payload_size: u64,
    },
    /// Another name for an attribute stands for something that is no attribute.
    #[error("expected an attribute for the filter name `{name}`")]
    FilterAlias {
        /// The other name.
        name: String,
        /// What is wrong with the attribute.
        #[source]
        source: ParseError,
    },
    /// Two paths whose values must be equal cannot be read or belong to no resource type.
    #[error("expected an attribute of `{resource_type}` whose value must equal another one, found `{path}`: {fault}")]
    EqualValues {
        /// The name of the resource type.
        resource_type: String,
        /// The path.
        path: String,
        /// What is wrong with it.
        fault: String,
    },
    /// An endpoint clashes with one of the protocol's, or is none.
    #[error("resource type `{resource_type}` cannot have the endpoint `{endpoint}`")]
    Endpoint {
        /// The name of the resource type.
        resource_type: String,
        /// The endpoint.
        endpoint: String,
    },
}

/// Who may read what the service says of itself: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscoveryAccess {
    /// Everybody (R7643-5-05): a client needs it to learn how to authenticate, and it holds nothing of a tenant.
    #[default]
    Public,
    /// Whoever is authenticated.
    Authenticated,
}

/// Builds a [`Server`].
pub struct ServerBuilder {
    handler: Arc<dyn ResourceHandler>,
    authenticator: Arc<dyn Authenticator>,
    profile: Profile,
    dialect: Option<Dialect>,
    base_url: Option<String>,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    policies: Vec<Arc<dyn Policy>>,
    discovery: DiscoveryAccess,
    cursors: Option<Cursors>,
    tenants: HashMap<Tenant, TenantSettings>,
    only_tenant: Option<Tenant>,
    passwords: Option<Arc<dyn PasswordSink>>,
    hooks: Vec<Arc<dyn Hook>>,
    audit: Option<Arc<dyn AuditSink>>,
    deadline: Option<DeadlineSettings>,
}

impl ServerBuilder {
    pub(crate) fn new(handler: Arc<dyn ResourceHandler>, authenticator: Arc<dyn Authenticator>) -> Self {
        Self {
            handler,
            authenticator,
            profile: Profile::standard(),
            dialect: None,
            base_url: None,
            clock: Arc::new(SystemClock::default()),
            ids: Arc::new(|| uuid::Uuid::new_v4().to_string()),
            policies: Vec::new(),
            discovery: DiscoveryAccess::Public,
            cursors: None,
            tenants: HashMap::new(),
            only_tenant: None,
            passwords: None,
            hooks: Vec::new(),
            audit: None,
            deadline: None,
        }
    }

    /// What the service offers and expects. Default [`Profile::standard`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// What is tolerated of clients. Default: the profile's dialect.
    #[must_use]
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// The address under which clients reach the base path, such as `https://example.com/scim/v2`; locations start with it.
    ///
    /// Default: the profile's base path, so that locations are relative to the host.
    #[must_use]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// What tells the time. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What makes ids of new resources; an id is never made twice. Default: random UUIDs.
    #[must_use]
    pub fn ids(mut self, ids: IdSource) -> Self {
        self.ids = ids;
        self
    }

    /// Adds a policy; a request has to pass all of them.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policies.push(policy);
        self
    }

    /// Who may read what the service says of itself. Default: everybody.
    #[must_use]
    pub const fn discovery(mut self, access: DiscoveryAccess) -> Self {
        self.discovery = access;
        self
    }

    /// Offers cursors beside indexes (RFC 9865), which last so long; seconds count. Default: there are none, and `cursor` is ignored.
    ///
    /// Cursors are encrypted and authenticated under random keys; servers that share them take each other's cursors. A cursor is valid
    /// for the tenant, actor, filter, sort and count that it was made for. The handler must know
    /// [`Search::after`](crate::Search::after), as [`StoreHandler`](crate::StoreHandler) does.
    #[must_use]
    pub fn cursors(mut self, keys: impl Into<CursorKeys>, lifetime: Duration) -> Self {
        self.cursors = Some(Cursors::new(&keys.into(), lifetime));
        self
    }

    /// Says what is different for a tenant. Default: nothing is for any.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant, settings: TenantSettings) -> Self {
        self.tenants.insert(tenant, settings);
        self
    }

    /// Lets in nobody but the actors of one tenant, for a server that stands for it under a path or host of its own (R7644-6.1-01);
    /// whoever belongs to another tenant is answered as with credentials that are not valid. Default: all tenants are served.
    #[must_use]
    pub fn only_tenant(mut self, tenant: Tenant) -> Self {
        self.only_tenant = Some(tenant);
        self
    }

    /// Takes passwords, and says so in `/ServiceProviderConfig`. Default: there is no sink, and requests with a password are refused, or its
    /// password is left out where the dialect has [`Tolerance::DropPassword`](scimkit_types::Tolerance::DropPassword), as that of Okta has.
    #[must_use]
    pub fn passwords(mut self, sink: Arc<dyn PasswordSink>) -> Self {
        self.passwords = Some(sink);
        self
    }

    /// Adds a hook; a change has to pass all of them, and they are told of it in the order in which they were added.
    #[must_use]
    pub fn hook(mut self, hook: Arc<dyn Hook>) -> Self {
        self.hooks.push(hook);
        self
    }

    /// Where records of writes are kept. Default: nowhere.
    #[must_use]
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// How long a request may be worked on, bulk requests as a whole. Default: as long as it takes.
    ///
    /// What is not done then is dropped and answered by 503; a write under way by 504, since it may or may not have been done, as a
    /// whole in either case, but for its password, which is kept only once the handler has said that it wrote; the same request sent again
    /// then does the rest. What follows the handler's word is no longer cut off, nor is a create with a password once it is begun, since a
    /// resource would be left without it: bound what the handler waits for. A body gets as much time to arrive ([`Tenants::within`](crate::Tenants::within)).
    #[must_use]
    pub fn deadline(mut self, after: Duration, timer: Arc<dyn Timer>) -> Self {
        self.deadline = Some(DeadlineSettings { after, timer });
        self
    }

    /// The server.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first setting at fault.
    pub fn build(self) -> Result<Server, ConfigError> {
        let profile = self.profile;
        let catalog = profile.catalog()?;
        check_endpoints(&catalog)?;
        if let Some(found) = [profile.paging.default_count, profile.paging.max_count].into_iter().find(|count| *count == 0) {
            return Err(ConfigError::Paging { found });
        }
        let base_path = BasePath::parse(&profile.base_path).ok_or_else(|| ConfigError::BasePath { found: profile.base_path.clone() })?;
        let base_url = match self.base_url {
            Some(base_url) => check_base_url(&base_url).ok_or(ConfigError::BaseUrl { found: base_url })?,
            None => base_path.to_path(),
        };
        let rules = AllRules::new(&profile, self.dialect.unwrap_or(profile.dialect), self.policies, self.tenants)?;
        let options = ParseOptions::default().with_catalog(&catalog);
        let alias = |(name, path): (&String, &String)| {
            let path = AttributePath::parse_with(path, &options);
            path.map(|path| (name.clone(), path)).map_err(|source| ConfigError::FilterAlias { name: name.clone(), source })
        };
        let filter_aliases = profile.filter_aliases.iter().map(alias).collect::<Result<Vec<_>, _>>()?;
        check_equal_values(&profile, &catalog)?;
        let offers = discovery::Offers {
            bulk: rules.general().bulk,
            cursors: self.cursors.as_ref().map(Cursors::lifetime),
            changes_passwords: self.passwords.is_some(),
            schemes: self.authenticator.schemes(),
        };
        let shapes = Shapes::new(&catalog);
        let discovery = Discovery::new(&profile, &offers, &catalog, &base_url);
        let config = Config {
            profile,
            catalog,
            shapes,
            base_path,
            base_url,
            filter_aliases,
            rules,
            cursors: self.cursors,
            discovery_access: self.discovery,
            only_tenant: self.only_tenant,
            deadline: self.deadline,
            clock: self.clock,
            ids: self.ids,
        };
        Ok(Server::new(Inner {
            config,
            discovery,
            tolerances: Tolerances::default(),
            handler: self.handler,
            authenticator: self.authenticator,
            passwords: self.passwords,
            hooks: self.hooks,
            audit: self.audit,
        }))
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("profile", &self.profile.name).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// What a server is made of besides its parts that act.
pub(crate) struct Config {
    pub(crate) profile: Profile,
    pub(crate) catalog: Catalog,
    pub(crate) shapes: Shapes,
    pub(crate) base_path: BasePath,
    /// Without a slash at the end.
    pub(crate) base_url: String,
    pub(crate) filter_aliases: Vec<(String, AttributePath)>,
    pub(crate) rules: AllRules,
    pub(crate) cursors: Option<Cursors>,
    pub(crate) discovery_access: DiscoveryAccess,
    pub(crate) only_tenant: Option<Tenant>,
    pub(crate) deadline: Option<DeadlineSettings>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: IdSource,
}

/// How large bulk requests can be (R7644-3.7.4-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BulkLimits {
    pub(crate) max_operations: u64,
    pub(crate) max_payload_size: usize,
}

impl BulkLimits {
    /// A request costs its operations as writes, so that one with more of them than the quota would never be admitted.
    pub(crate) fn new(profile: &Profile, limits: &Limits) -> Result<Option<Self>, ConfigError> {
        let Some(bulk) = &profile.features.bulk else { return Ok(None) };
        let (max_operations, max_payload_size) = (bulk.max_operations, bulk.max_payload_size);
        if max_operations == 0 || max_payload_size == 0 {
            return Err(ConfigError::Bulk { max_operations, max_payload_size });
        }
        let quota = limits.write.map_or(u32::MAX, |limit| limit.requests);
        Ok(Some(Self {
            max_operations: max_operations.min(u64::from(quota)),
            max_payload_size: usize::try_from(max_payload_size).unwrap_or(usize::MAX),
        }))
    }
}

const RESERVED: [&str; 6] = ["ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me", ".search"];

fn check_endpoints(catalog: &Catalog) -> Result<(), ConfigError> {
    for resource_type in catalog.resource_types() {
        let endpoint = resource_type.endpoint.trim_matches('/');
        let first = endpoint.split('/').next().unwrap_or_default();
        let is_segment =
            |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        if !endpoint.split('/').all(is_segment) || RESERVED.contains(&first) {
            let (resource_type, endpoint) = (resource_type.name.clone(), resource_type.endpoint.clone());
            return Err(ConfigError::Endpoint { resource_type, endpoint });
        }
    }
    Ok(())
}

fn check_equal_values(profile: &Profile, catalog: &Catalog) -> Result<(), ConfigError> {
    for pair in &profile.equal_values {
        for path in [&pair.left, &pair.right] {
            let fault = match catalog.resource_type(&pair.resource_type) {
                Some(resource_type) => Selector::new(catalog, resource_type, path).err(),
                None => Some("there is no such resource type".to_owned()),
            };
            if let Some(fault) = fault {
                return Err(ConfigError::EqualValues { resource_type: pair.resource_type.clone(), path: path.clone(), fault });
            }
        }
    }
    Ok(())
}

/// The address without a slash at the end.
fn check_base_url(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain = uri.query().is_none() && !text.contains('#') && !authority.as_str().contains('@');
    (is_web && is_plain).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7644-1.3-01, R7644-7.1-01: a base address has neither query nor credentials.
    #[test]
    fn a_base_address_is_checked() {
        assert_eq!(check_base_url("https://h/scim/v2/").as_deref(), Some("https://h/scim/v2"));
        for text in ["https://h/?a=b", "https://u:p@h/", "ftp://h/", "/scim", "", "https://h/#x", "not an address"] {
            assert_eq!(check_base_url(text), None, "{text}");
        }
    }
}
