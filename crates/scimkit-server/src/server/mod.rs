//! From a request to its answer.

mod act;
mod change;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use scimkit_types::{Clock, ResourceType, ScimType};
use tracing::Instrument;

pub(crate) use self::act::list;
use crate::audit::{AuditRecord, AuditSink};
use crate::authenticate::{Actor, AuthenticationError, Authenticator};
use crate::config::{Config, DiscoveryAccess, ServerBuilder};
use crate::deadline::{DeadlineSettings, Elapsed};
use crate::discovery::Discovery;
use crate::exchange::{About, Exchange, about};
use crate::handler::{Context, HandlerError, ResourceHandler};
use crate::hook::Hook;
use crate::limit::Class;
use crate::meter;
use crate::password::PasswordSink;
use crate::policy::{Access, Action};
use crate::respond::{self, Refusal};
use crate::route::{Route, RouteError};
use crate::tolerance::{ToleranceCounts, Tolerances};

/// A service provider: a function from a request to its answer. Cheap to clone; clones share everything.
///
/// A server has neither port nor runtime: `scimkit-http` puts it on a socket, tests and clients in the same process call
/// [`handle`](Self::handle). Requests in flight do not wait for each other.
///
/// Who asks is told first; then come permissions, policies, the size of the body, the rate limit, and only then is the body read. What
/// the service says of itself is open to everybody unless [`ServerBuilder::discovery`] says otherwise, and is not charged.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) discovery: Discovery,
    pub(crate) tolerances: Tolerances,
    pub(crate) handler: Arc<dyn ResourceHandler>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) passwords: Option<Arc<dyn PasswordSink>>,
    pub(crate) hooks: Vec<Arc<dyn Hook>>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
}

pub(crate) type Answer = Result<Response<Bytes>, Refusal>;

/// One request of a known actor to one resource type.
pub(crate) struct Call<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) context: Context<'a>,
    pub(crate) parts: &'a Parts,
    pub(crate) body: &'a Bytes,
}

impl Server {
    /// Builds a server over a handler; whoever is to be let in, the authenticator says.
    pub fn builder(handler: Arc<dyn ResourceHandler>, authenticator: Arc<dyn Authenticator>) -> ServerBuilder {
        ServerBuilder::new(handler, authenticator)
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Answers a request. There is always an answer; every error is a SCIM error body.
    ///
    /// A panic of the handler is not caught here; whoever owns the connection does that.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let span = tracing::info_span!(
            "scim",
            method = %parts.method,
            actor = tracing::field::Empty,
            resource_type = tracing::field::Empty,
            id = tracing::field::Empty,
            status = tracing::field::Empty,
        );
        async {
            let clock = &self.inner.config.clock;
            let now = clock.now();
            let exchange = Exchange::new(now, self.inner.config.deadline.as_ref().map(|settings| settings.begin(now, clock)));
            let response = self.answer(&exchange, &parts, &body).await.unwrap_or_else(Refusal::into_response);
            let mut response = respond::negotiated(response, &parts.headers);
            response.extensions_mut().remove::<About>();
            if let Some(charge) = exchange.charge() {
                response = respond::with_quota(response, &charge.fields);
            }
            if parts.method == Method::HEAD {
                response = respond::without_body(response);
            }
            tracing::Span::current().record("status", response.status().as_u16());
            tracing::debug!("answered");
            meter::answered(exchange.subject(), exchange.started_at, response.status(), clock.as_ref());
            response
        }
        .instrument(span)
        .await
    }

    /// The most bytes of a request body, bulk requests included; whoever reads bodies need not read more.
    pub fn max_body(&self) -> usize {
        self.inner.config.rules.largest_body()
    }

    /// How long a request may take, and the clock that tells; `None` for as long as it takes.
    pub(crate) fn deadline_settings(&self) -> Option<(&DeadlineSettings, &Arc<dyn Clock>)> {
        Some((self.inner.config.deadline.as_ref()?, &self.inner.config.clock))
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inner.config.clock.as_ref()
    }

    /// The address of the base path that locations start with, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.inner.config.base_url
    }

    /// How many segments the base path has, if a path stands below it.
    pub(crate) fn base_path_length(&self, path: &str) -> Option<usize> {
        self.inner.config.base_path.covers(path)
    }

    /// How often each tolerance of the dialect fired, by tenant.
    pub fn tolerances(&self) -> ToleranceCounts {
        self.inner.tolerances.snapshot()
    }

    async fn answer(&self, exchange: &Exchange, parts: &Parts, body: &Bytes) -> Answer {
        let config = &self.inner.config;
        let route = Route::parse(&config.base_path, parts.uri.path(), &config.catalog);
        if parts.method == Method::OPTIONS {
            return Ok(respond::options(route.map_err(not_found)?.methods()));
        }
        if let Ok(route) = &route
            && route.is_discovery()
            && config.discovery_access == DiscoveryAccess::Public
        {
            return self.describe(exchange, route, parts);
        }
        let actor = self.authenticate(exchange, parts).await?;
        tracing::Span::current().record("actor", actor.id.as_str());
        let route = route.map_err(not_found)?;
        check_method(&route, &parts.method)?;
        let (resource_type, action, id) = match &route {
            Route::Collection(t) if parts.method == Method::POST => (*t, Action::Create, None),
            Route::Collection(t) | Route::Search(t) => (*t, Action::Query, None),
            Route::Item(t, id) => (*t, item_action(&parts.method), Some(id.as_str())),
            Route::Root | Route::RootSearch => {
                exchange.concerns(Action::Query.word(), "");
                return Box::pin(self.query_all(exchange, &actor, parts, body)).await;
            }
            Route::Bulk => {
                exchange.concerns("bulk", "");
                return Box::pin(self.bulk(exchange, &actor, parts, body)).await;
            }
            Route::Me => {
                let action = own_action(&parts.method);
                match self.own_resource(&actor, action) {
                    Ok((resource_type, id)) => (resource_type, action, Some(id)),
                    Err(refusal) if action.is_write() => {
                        let response = refusal.into_response();
                        self.record(exchange, &actor, Some(action), None, None, &response).await;
                        return Ok(response);
                    }
                    Err(refusal) => return Err(refusal),
                }
            }
            _ => return self.describe(exchange, &route, parts),
        };
        exchange.concerns(action.word(), &resource_type.name);
        let span = tracing::Span::current();
        span.record("resource_type", resource_type.name.as_str());
        if let Some(id) = id {
            span.record("id", id);
        }
        let context = self.context(exchange, &actor, resource_type);
        let answer = self.admitted(&Call { exchange, context, parts, body }, action, id).await;
        if !action.is_write() {
            return answer;
        }
        let response = answer.unwrap_or_else(Refusal::into_response);
        self.record(exchange, &actor, Some(action), Some(resource_type), id.or_else(|| about(&response)), &response).await;
        // R7644-3.11-03: whatever is done to `/Me`, the answer tells its permanent address.
        let permanent = id.filter(|_| route == Route::Me && response.status().is_success());
        Ok(match permanent {
            Some(id) => respond::with_location(response, &context.location(resource_type, id)),
            None => response,
        })
    }

    /// Answers a request to one resource type, once it has passed everything that stands in front of the handler.
    async fn admitted(&self, call: &Call<'_>, action: Action, id: Option<&str>) -> Answer {
        let actor = call.context.actor;
        self.admit(actor, call.context.resource_type, action, id)?;
        let limit = self.inner.config.rules.of(&actor.tenant).max_body;
        if call.body.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        self.charge(call.exchange, actor, if action.is_write() { Class::Write } else { Class::Read }, 1)?;
        self.act(call, action, id).await
    }

    /// Answers a request for a document of discovery.
    fn describe(&self, exchange: &Exchange, route: &Route<'_>, parts: &Parts) -> Answer {
        exchange.concerns("discovery", "");
        check_method(route, &parts.method)?;
        self.inner.discovery.answer(route, parts.uri.query())
    }

    /// Does work within the time of the request.
    pub(crate) async fn within<F: Future>(&self, exchange: &Exchange, is_write: bool, work: F) -> Result<F::Output, Refusal> {
        match &exchange.deadline {
            Some(deadline) => {
                deadline.bound(work).await.map_err(|elapsed| Refusal::Deadline { may_be_done: is_write && elapsed == Elapsed::During })
            }
            None => Ok(work.await),
        }
    }

    /// Keeps a record of a write, done or refused.
    pub(crate) async fn record(
        &self,
        exchange: &Exchange,
        actor: &Actor,
        action: Option<Action>,
        resource_type: Option<&ResourceType>,
        id: Option<&str>,
        response: &Response<Bytes>,
    ) {
        let Some(sink) = &self.inner.audit else { return };
        let record = AuditRecord {
            at: exchange.started_at,
            actor: actor.id.clone(),
            tenant: actor.tenant.clone(),
            action,
            resource_type: resource_type.map(|resource_type| resource_type.name.clone()),
            id: id.map(str::to_owned),
            status: response.status(),
        };
        if let Err(error) = sink.record(&record).await {
            tracing::error!(%error, ?record, "a record of a write was not kept");
        }
    }

    /// What `/Me` stands for. There is no creating it: who asks is known already.
    fn own_resource<'a>(&'a self, actor: &'a Actor, action: Action) -> Result<(&'a ResourceType, &'a str), Refusal> {
        let own = actor.resource.as_ref().filter(|_| action != Action::Create);
        let own = own.ok_or_else(|| unsupported("`/Me` for this actor and method"))?;
        let resource_type = self.inner.config.catalog.resource_type(&own.resource_type).ok_or(HandlerError::NotFound)?;
        Ok((resource_type, &own.id))
    }

    async fn authenticate(&self, exchange: &Exchange, parts: &Parts) -> Result<Actor, Refusal> {
        let authenticator = &self.inner.authenticator;
        let actor = self.within(exchange, false, authenticator.authenticate(parts)).await?;
        let is_served = |actor: &Actor| self.inner.config.only_tenant.as_ref().is_none_or(|tenant| *tenant == actor.tenant);
        let actor = actor.and_then(|actor| if is_served(&actor) { Ok(actor) } else { Err(AuthenticationError::Invalid) });
        actor.map_err(|error| {
            if matches!(error, AuthenticationError::TooMany { .. }) {
                meter::limited("authentication");
            }
            Refusal::Authentication { error, challenge: authenticator.challenge() }
        })
    }

    /// Whether the actor may do that, and the service can.
    pub(crate) fn admit(&self, actor: &Actor, resource_type: &ResourceType, action: Action, id: Option<&str>) -> Result<(), Refusal> {
        if action == Action::Patch && !self.inner.config.profile.features.patch {
            return Err(unsupported("PATCH"));
        }
        if !actor.may(action, &resource_type.name) {
            return Err(self.insufficient_scope());
        }
        let access = Access { action, resource_type: &resource_type.name, id };
        let policies = &self.inner.config.rules.of(&actor.tenant).policies;
        policies.iter().try_for_each(|policy| policy.admit(actor, &access)).map_err(Refusal::Error)
    }

    pub(crate) fn insufficient_scope(&self) -> Refusal {
        Refusal::InsufficientScope { challenge: self.inner.authenticator.challenge() }
    }

    pub(crate) fn charge(&self, exchange: &Exchange, actor: &Actor, class: Class, cost: u32) -> Result<(), Refusal> {
        let config = &self.inner.config;
        let limiter = &config.rules.of(&actor.tenant).limiter;
        let Some(charge) = limiter.charge(class, &actor.tenant, cost, config.clock.as_ref()) else { return Ok(()) };
        let retry_after = charge.retry_after;
        exchange.charged(charge);
        match retry_after {
            Some(retry_after) => {
                meter::limited(class.word());
                Err(Refusal::RateLimit { retry_after })
            }
            None => Ok(()),
        }
    }

    pub(crate) fn context<'a>(&'a self, exchange: &Exchange, actor: &'a Actor, resource_type: &'a ResourceType) -> Context<'a> {
        let config = &self.inner.config;
        let rules = config.rules.of(&actor.tenant);
        Context {
            actor,
            resource_type,
            shape: config.shapes.of(resource_type),
            catalog: &config.catalog,
            profile: &config.profile,
            dialect: rules.dialect,
            limits: &rules.limits,
            now: exchange.started_at,
            base_url: &config.base_url,
            ids: config.ids.as_ref(),
            tolerances: &self.inner.tolerances,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("profile", &self.inner.config.profile.name)
            .field("base_url", &self.inner.config.base_url)
            .finish_non_exhaustive()
    }
}

fn item_action(method: &Method) -> Action {
    match *method {
        Method::PUT => Action::Replace,
        Method::PATCH => Action::Patch,
        Method::DELETE => Action::Delete,
        _ => Action::Get,
    }
}

/// What is done to `/Me`.
fn own_action(method: &Method) -> Action {
    if *method == Method::POST { Action::Create } else { item_action(method) }
}

fn check_method(route: &Route<'_>, method: &Method) -> Result<(), Refusal> {
    let methods = route.methods();
    if methods.contains(method) { Ok(()) } else { Err(Refusal::Method(methods)) }
}

fn not_found(error: RouteError) -> Refusal {
    match error {
        RouteError::NotFound => Refusal::status(404, "there is no such endpoint"),
        RouteError::Version(version) => Refusal::of(ScimType::InvalidVers, format!("this service does not speak version `{version}`")),
    }
}

pub(crate) fn unsupported(what: &str) -> Refusal {
    Refusal::status(501, format!("this service does not support {what}"))
}
