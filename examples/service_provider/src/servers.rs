//! The server of the service and those of tenants with a host or path of their own.

use std::sync::Arc;

use scimkit_http::tokio::TokioTimer;
use scimkit_server::{
    AuditSink, Authenticator, ConfigError, DirectoryProviderSwitch, Server, ServerBuilder, StoreHandler, TenantSettings, Tenants,
};
use scimkit_store::Tenant;
use scimkit_types::profile::Limits;

use crate::options::Options;
use crate::service::StartError;
use crate::tenants::TenantOptions;

/// How long a request may be worked on.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// What all servers share.
pub(crate) struct Parts {
    pub(crate) handler: Arc<StoreHandler>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
    pub(crate) switch: Arc<DirectoryProviderSwitch>,
}

/// The servers, one by one and behind one address.
pub(crate) struct Servers {
    pub(crate) all: Vec<Server>,
    pub(crate) tenants: Tenants,
}

impl Parts {
    /// Makes the servers; `origin` is the address without a path that clients on this machine can use.
    pub(crate) fn servers(&self, options: &Options, origin: &str) -> Result<Servers, StartError> {
        let fault = |source: ConfigError| match source {
            ConfigError::BaseUrl { .. } => StartError::BaseUrl(Box::new(source)),
            source => StartError::Config { profile: options.profile.name.clone(), source: Box::new(source) },
        };
        let below = |path: &str| format!("{origin}{}", path.trim_end_matches('/'));
        let base_url = options.base_url.clone().unwrap_or_else(|| below(&options.profile.base_path));
        let general = self.builder(options).profile(options.profile.clone()).base_url(base_url);
        let general = general.build().map_err(fault)?;
        let mut all = vec![general.clone()];
        let mut tenants = Tenants::new().with_server(general);
        for tenant in options.tenants.iter().filter(|tenant| tenant.host.is_some() || tenant.path.is_some()) {
            let mut profile = options.profile.clone();
            if let Some(path) = &tenant.path {
                profile.base_path.clone_from(path);
            }
            let base_url = match (&tenant.base_url, &tenant.host) {
                (Some(base_url), _) => base_url.clone(),
                (None, Some(host)) => format!("https://{host}{}", profile.base_path.trim_end_matches('/')),
                (None, None) => below(&profile.base_path),
            };
            let builder = self.builder(options).profile(profile).base_url(base_url).only_tenant(Tenant::new(tenant.name.as_str()));
            let server = builder.build().map_err(fault)?;
            all.push(server.clone());
            tenants = match &tenant.host {
                Some(host) => tenants.with_host(host, server),
                None => tenants.with_server(server),
            };
        }
        Ok(Servers { all, tenants })
    }

    /// A builder with all but what stands for the address.
    fn builder(&self, options: &Options) -> ServerBuilder {
        let mut builder = Server::builder(Arc::<StoreHandler>::clone(&self.handler), Arc::clone(&self.authenticator))
            .policy(Arc::<DirectoryProviderSwitch>::clone(&self.switch))
            .deadline(DEADLINE, Arc::new(TokioTimer::new()));
        if let Some(dialect) = options.dialect {
            builder = builder.dialect(dialect);
        }
        if let Some(audit) = &self.audit {
            builder = builder.audit(Arc::clone(audit));
        }
        options
            .tenants
            .iter()
            .fold(builder, |builder, tenant| builder.tenant(Tenant::new(tenant.name.as_str()), settings(tenant, &options.profile.limits)))
    }
}

/// What is different for a tenant.
fn settings(tenant: &TenantOptions, limits: &Limits) -> TenantSettings {
    let mut settings = TenantSettings::new();
    settings.dialect = tenant.dialect;
    if tenant.read_limit.is_some() || tenant.write_limit.is_some() {
        let mut limits = limits.clone();
        limits.read = tenant.read_limit.or(limits.read);
        limits.write = tenant.write_limit.or(limits.write);
        settings.limits = Some(limits);
    }
    settings
}
