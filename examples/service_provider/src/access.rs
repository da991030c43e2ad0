//! Who is let in.

use std::sync::Arc;
use std::time::Duration;

use scimkit_http::jwks::{Claims, JwksAuthenticator, JwksOptions};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestSetupError, ReqwestTransport};
use scimkit_server::{Actor, Authenticator, BearerTokens, FirstOf, Permissions};
use scimkit_store::Tenant;
use scimkit_types::SystemClock;

use crate::options::{JwksSource, Options};
use crate::tenants::{TenantOptions, Token};

/// How long keys may take to be fetched.
const FETCH: Duration = Duration::from_secs(10);
/// The most bytes of published keys.
const MAX_KEYS: usize = 1 << 20;

/// Everybody who may be let in, by tokens and by access tokens of an authorization server.
pub(crate) fn authenticator(options: &Options) -> Result<Arc<dyn Authenticator>, ReqwestSetupError> {
    let mut tokens = BearerTokens::new();
    if let Some(token) = &options.token {
        tokens = tokens.with_token(token, Actor::new("client", Tenant::default()));
    }
    for tenant in &options.tenants {
        for (token, permissions) in &tenant.tokens {
            tokens = add(tokens, token, actor(tenant, *permissions));
        }
    }
    let mut first = FirstOf::new().with(Arc::new(tokens));
    if let Some(other) = &options.authenticator {
        first = first.with(Arc::clone(other));
    }
    if let Some(source) = &options.jwks {
        first = first.with(Arc::new(jwks(source, options.tenants.clone())?));
    }
    Ok(Arc::new(first))
}

fn add(tokens: BearerTokens, token: &Token, actor: Actor) -> BearerTokens {
    match token {
        Token::Clear(token) => tokens.with_token(token, actor),
        Token::Digest(digest) => tokens.with_digest(*digest, actor),
    }
}

fn actor(tenant: &TenantOptions, permissions: Permissions) -> Actor {
    let name = match permissions {
        Permissions::Read => format!("{}-reader", tenant.name),
        _ => tenant.name.clone(),
    };
    restricted(Actor::new(name, Tenant::new(tenant.name.as_str())).with_permissions(permissions), tenant)
}

/// The actor with no more than the resource types of its tenant.
fn restricted(actor: Actor, tenant: &TenantOptions) -> Actor {
    tenant.resource_types.iter().fold(actor, |actor, name| actor.with_resource_type(name, Permissions::ReadWrite))
}

/// Keys are fetched over a connection that is bounded in time and size, and at most twice a minute.
fn jwks(source: &JwksSource, tenants: Vec<TenantOptions>) -> Result<JwksAuthenticator, ReqwestSetupError> {
    let options = ReqwestOptions::default().with_timeout(FETCH).with_max_body(MAX_KEYS);
    let transport = ReqwestTransport::new(options)?;
    let claim = source.tenant_claim.clone();
    let actor = move |claims: &Claims| {
        let name = match &claim {
            Some(claim) => claims.text(claim)?,
            None => "",
        };
        let actor = Actor::new(claims.text("sub")?, Tenant::new(name));
        match tenants.iter().find(|tenant| tenant.name == name) {
            Some(tenant) => Some(restricted(actor, tenant)),
            // A name that nobody has written down is not a tenant, unless none is.
            None if tenants.is_empty() || claim.is_none() => Some(actor),
            None => None,
        }
    };
    let options = JwksOptions::new(source.uri.clone(), source.issuer.as_str(), source.audience.as_str());
    Ok(JwksAuthenticator::new(Arc::new(transport), Arc::new(SystemClock::default()), options, Arc::new(actor)))
}
