//! What is different for a tenant.

use std::collections::HashMap;
use std::sync::Arc;

use scimkit_store::Tenant;
use scimkit_types::profile::Limits;
use scimkit_types::{Dialect, Profile};

use crate::config::{BulkLimits, ConfigError};
use crate::limit::Limiter;
use crate::policy::Policy;

/// What is different for one tenant of a server; whatever is `None` is as for all others.
///
/// Who belongs to a tenant, the [`Authenticator`](crate::Authenticator) says: tokens of its own are tokens whose actor has the tenant.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TenantSettings {
    /// What is tolerated of the tenant's clients.
    pub dialect: Option<Dialect>,
    /// All limits of the tenant's requests, those of their rate included.
    pub limits: Option<Limits>,
    /// Policies that the tenant's requests have to pass after those of the server.
    pub policies: Vec<Arc<dyn Policy>>,
}

impl TenantSettings {
    /// Settings that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// These settings with another dialect.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), ..self }
    }

    /// These settings with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// These settings and one more policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policies.push(policy);
        self
    }
}

/// The largest request body when no limit names one: 1 MiB.
const MAX_BODY: usize = 1 << 20;

/// What a tenant's requests are answered by.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) dialect: Dialect,
    pub(crate) limits: Limits,
    pub(crate) max_body: usize,
    /// `None` without bulk requests.
    pub(crate) bulk: Option<BulkLimits>,
    pub(crate) limiter: Limiter,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
}

/// The rules of all tenants.
#[derive(Debug)]
pub(crate) struct AllRules {
    general: Rules,
    by_tenant: HashMap<Tenant, Rules>,
}

impl Rules {
    fn new(profile: &Profile, dialect: Dialect, limits: Limits, policies: Vec<Arc<dyn Policy>>) -> Result<Self, ConfigError> {
        Ok(Self {
            dialect,
            max_body: limits.max_body.map_or(MAX_BODY, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            bulk: BulkLimits::new(profile, &limits)?,
            limiter: Limiter::new(&limits)?,
            limits,
            policies,
        })
    }

    /// The most bytes of a body, bulk requests included.
    fn largest_body(&self) -> usize {
        self.bulk.map_or(self.max_body, |bulk| bulk.max_payload_size.max(self.max_body))
    }
}

impl AllRules {
    pub(crate) fn new(
        profile: &Profile,
        dialect: Dialect,
        policies: Vec<Arc<dyn Policy>>,
        tenants: HashMap<Tenant, TenantSettings>,
    ) -> Result<Self, ConfigError> {
        let mut by_tenant = HashMap::new();
        for (tenant, settings) in tenants {
            let limits = settings.limits.unwrap_or_else(|| profile.limits.clone());
            let policies = policies.iter().chain(&settings.policies).map(Arc::clone).collect();
            by_tenant.insert(tenant, Rules::new(profile, settings.dialect.unwrap_or(dialect), limits, policies)?);
        }
        Ok(Self { general: Rules::new(profile, dialect, profile.limits.clone(), policies)?, by_tenant })
    }

    pub(crate) fn of(&self, tenant: &Tenant) -> &Rules {
        self.by_tenant.get(tenant).unwrap_or(&self.general)
    }

    /// The rules of tenants that have none of their own; what the service says of itself is made of them.
    pub(crate) const fn general(&self) -> &Rules {
        &self.general
    }

    pub(crate) fn largest_body(&self) -> usize {
        std::iter::once(&self.general).chain(self.by_tenant.values()).map(Rules::largest_body).max().unwrap_or_default()
    }
}
