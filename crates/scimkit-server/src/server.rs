//! From a request to its answer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use scimkit_types::{ErrorResponse, ListResponse, Projection, Resource, ResourceType, ScimType, SearchRequest, Value};
use tracing::Instrument;

use crate::authenticate::{Actor, Authenticator, Permissions};
use crate::config::{Config, DiscoveryAccess, ServerBuilder};
use crate::cursor::Walk;
use crate::discovery::Discovery;
use crate::handler::{Context, HandlerError, Preconditions, ResourceHandler};
use crate::limit::{Class, Limiter};
use crate::policy::{Access, Action, Policy};
use crate::present::{Presented, present};
use crate::respond::{self, Refusal};
use crate::route::{Route, RouteError};
use crate::tolerance::{ToleranceCounts, Tolerances};
use crate::{query, request, shape, written};

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
    pub(crate) limiter: Limiter,
    pub(crate) tolerances: Tolerances,
    pub(crate) handler: Arc<dyn ResourceHandler>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
}

pub(crate) type Answer = Result<Response<Bytes>, Refusal>;

/// One request of a known actor to one resource type.
pub(crate) struct Call<'a> {
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
            let mut response = self.answer(&parts, &body).await.unwrap_or_else(Refusal::into_response);
            if parts.method == Method::HEAD {
                *response.body_mut() = Bytes::new();
            }
            tracing::Span::current().record("status", response.status().as_u16());
            tracing::debug!("answered");
            response
        }
        .instrument(span)
        .await
    }

    /// The most bytes of a request body, bulk requests included; whoever reads bodies need not read more.
    pub fn max_body(&self) -> usize {
        let config = &self.inner.config;
        config.bulk.map_or(config.max_body, |bulk| bulk.max_payload_size.max(config.max_body))
    }

    /// The address of the base path that locations start with, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.inner.config.base_url
    }

    /// How often each tolerance of the dialect fired, by tenant.
    pub fn tolerances(&self) -> ToleranceCounts {
        self.inner.tolerances.snapshot()
    }

    async fn answer(&self, parts: &Parts, body: &Bytes) -> Answer {
        let config = &self.inner.config;
        let route = Route::parse(&config.base_path, parts.uri.path(), &config.catalog);
        if parts.method == Method::OPTIONS {
            return Ok(respond::options(route.map_err(not_found)?.methods()));
        }
        if let Ok(route) = &route
            && route.is_discovery()
            && config.discovery_access == DiscoveryAccess::Public
        {
            check_method(route, &parts.method)?;
            return self.inner.discovery.answer(route, parts.uri.query());
        }
        let actor = self.authenticate(parts).await?;
        tracing::Span::current().record("actor", actor.id.as_str());
        let route = route.map_err(not_found)?;
        check_method(&route, &parts.method)?;
        let (resource_type, action, id) = match &route {
            Route::Collection(t) if parts.method == Method::POST => (*t, Action::Create, None),
            Route::Collection(t) | Route::Search(t) => (*t, Action::Query, None),
            Route::Item(t, id) => (*t, item_action(&parts.method), Some(id.as_str())),
            Route::Root | Route::RootSearch => return self.query_all(&actor, parts, body).await,
            Route::Bulk => return self.bulk(&actor, parts, body).await,
            Route::Me => {
                let (resource_type, id) = self.own_resource(&actor, &parts.method)?;
                (resource_type, item_action(&parts.method), Some(id))
            }
            _ => return self.inner.discovery.answer(&route, parts.uri.query()),
        };
        let span = tracing::Span::current();
        span.record("resource_type", resource_type.name.as_str());
        if let Some(id) = id {
            span.record("id", id);
        }
        self.admit(&actor, resource_type, action, id)?;
        if body.len() > config.max_body {
            return Err(Refusal::BodyTooLarge { limit: config.max_body });
        }
        self.charge(&actor, action.is_write(), 1)?;
        let context = self.context(&actor, resource_type);
        let response = self.act(&Call { context, parts, body }, action, id).await?;
        // R7644-3.11-03: whatever is done to `/Me`, the answer tells its permanent address.
        let permanent = id.filter(|_| route == Route::Me).map(|id| context.location(resource_type, id));
        Ok(match permanent {
            Some(location) => respond::with_location(response, &location),
            None => response,
        })
    }

    /// What `/Me` stands for. There is no creating it: who asks is known already.
    fn own_resource<'a>(&'a self, actor: &'a Actor, method: &Method) -> Result<(&'a ResourceType, &'a str), Refusal> {
        let own =
            actor.resource.as_ref().filter(|_| *method != Method::POST).ok_or_else(|| unsupported("`/Me` for this actor and method"))?;
        let resource_type = self.inner.config.catalog.resource_type(&own.resource_type).ok_or(HandlerError::NotFound)?;
        Ok((resource_type, &own.id))
    }

    /// Does what a request asks for that was admitted and charged.
    pub(crate) async fn act(&self, call: &Call<'_>, action: Action, id: Option<&str>) -> Answer {
        match (action, id) {
            (Action::Create, _) => self.create(call).await,
            (Action::Get, Some(id)) => self.get(call, id).await,
            (Action::Replace, Some(id)) => self.replace(call, id).await,
            (Action::Patch, Some(id)) => self.patch(call, id).await,
            (Action::Delete, Some(id)) => self.delete(call, id).await,
            _ => self.query(call).await,
        }
    }

    async fn authenticate(&self, parts: &Parts) -> Result<Actor, Refusal> {
        let authenticator = &self.inner.authenticator;
        let actor = authenticator.authenticate(parts).await;
        actor.map_err(|error| Refusal::Authentication { error, challenge: authenticator.challenge() })
    }

    /// Whether the actor may do that, and the service can.
    pub(crate) fn admit(&self, actor: &Actor, resource_type: &ResourceType, action: Action, id: Option<&str>) -> Result<(), Refusal> {
        if action == Action::Patch && !self.inner.config.profile.features.patch {
            return Err(unsupported("PATCH"));
        }
        if action.is_write() {
            self.check_writer(actor)?;
        }
        let access = Access { action, resource_type: &resource_type.name, id };
        self.inner.policies.iter().try_for_each(|policy| policy.admit(actor, &access)).map_err(Refusal::Error)
    }

    pub(crate) fn check_writer(&self, actor: &Actor) -> Result<(), Refusal> {
        if actor.permissions == Permissions::Read {
            return Err(Refusal::InsufficientScope { challenge: self.inner.authenticator.challenge() });
        }
        Ok(())
    }

    pub(crate) fn charge(&self, actor: &Actor, writes: bool, cost: u32) -> Result<(), Refusal> {
        let class = if writes { Class::Write } else { Class::Read };
        let charged = self.inner.limiter.charge(class, &actor.tenant, cost, self.inner.config.clock.as_ref());
        charged.map_err(|retry_after| Refusal::RateLimit { retry_after })
    }

    pub(crate) fn context<'a>(&'a self, actor: &'a Actor, resource_type: &'a ResourceType) -> Context<'a> {
        let config = &self.inner.config;
        Context {
            actor,
            resource_type,
            catalog: &config.catalog,
            profile: &config.profile,
            dialect: config.dialect,
            now: config.clock.now(),
            base_url: &config.base_url,
            ids: config.ids.as_ref(),
            tolerances: &self.inner.tolerances,
        }
    }

    async fn create(&self, call: &Call<'_>) -> Answer {
        let (_, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        self.check_media_type(call.context.actor, call.parts)?;
        let body = request::resource(call.body)?;
        if preconditions.if_match != scimkit_types::Precondition::None {
            return Err(HandlerError::PreconditionFailed.into());
        }
        let projection = call.with_written(projection, &written::of_body(&body));
        let resource = self.inner.handler.create(&call.context, body, &projection).await?;
        Ok(self.resource(call, StatusCode::CREATED, resource, &projection))
    }

    async fn get(&self, call: &Call<'_>, id: &str) -> Answer {
        let (_, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        let resource = self.inner.handler.get(&call.context, id, &projection).await?;
        let presented = present(&call.context, resource, &projection);
        if let Some(version) = &presented.version {
            if !preconditions.if_match.holds(Some(version)) {
                return Err(HandlerError::PreconditionFailed.into());
            }
            if !preconditions.if_none_match.holds(Some(version)) {
                return Ok(respond::not_modified(&presented.location, version));
            }
        }
        Ok(answer(StatusCode::OK, presented))
    }

    async fn replace(&self, call: &Call<'_>, id: &str) -> Answer {
        let (_, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        self.check_media_type(call.context.actor, call.parts)?;
        let body = request::resource(call.body)?;
        let projection = call.with_written(projection, &written::of_body(&body));
        let resource = self.inner.handler.replace(&call.context, id, body, &preconditions, &projection).await?;
        Ok(self.resource(call, StatusCode::OK, resource, &projection))
    }

    /// A resource is answered in full, one with members not at all unless attributes were asked for (AMB-16, R7644-3.5.2-18): members
    /// can be many, and clients change them one by one.
    pub(crate) async fn patch(&self, call: &Call<'_>, id: &str) -> Answer {
        let (parameters, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        self.check_media_type(call.context.actor, call.parts)?;
        let patch = request::patch(call.body)?;
        let context = &call.context;
        let asks = !parameters.attributes.is_empty() || !parameters.excluded_attributes.is_empty();
        let has_members = shape::member_attributes(context.catalog, context.resource_type).next().is_some();
        if asks || !has_members {
            let projection = call.with_written(projection, &written::of_patch(&patch));
            let resource = self.inner.handler.patch(context, id, patch, &preconditions, &projection).await?;
            return Ok(self.resource(call, StatusCode::OK, resource, &projection));
        }
        let mut least = SearchRequest::default();
        least.attributes = vec!["id".to_owned()];
        let projection = query::projection(&self.inner.config, context.resource_type, &least)?;
        let resource = self.inner.handler.patch(context, id, patch, &preconditions, &projection).await?;
        let presented = present(context, resource, &projection);
        Ok(respond::no_content(Some(&presented.location), presented.version.as_ref()))
    }

    pub(crate) async fn delete(&self, call: &Call<'_>, id: &str) -> Answer {
        let preconditions = self.preconditions(call)?;
        self.inner.handler.delete(&call.context, id, &preconditions).await?;
        Ok(respond::no_content(None, None))
    }

    async fn query(&self, call: &Call<'_>) -> Answer {
        let context = &call.context;
        let parameters = self.search_request(context.actor, call.parts, call.body)?;
        let config = &self.inner.config;
        let (mut search, tolerance) = query::resolve(config, context.resource_type, &parameters)?;
        context.count(tolerance);
        let walk = match &config.cursors {
            Some(cursors) => Walk::new(cursors, context, &parameters, &mut search)?,
            None => None,
        };
        let found = self.inner.handler.query(context, &search).await?;
        let resources = found.resources.into_iter().map(|resource| present(context, resource, &search.projection).resource).collect();
        let Some(walk) = walk else { return Ok(list(search.start_index, found.total, resources)) };
        let mut page = page(found.total, resources);
        page.next_cursor = found.next.as_ref().and_then(|next| walk.cursor(next));
        Ok(respond::body(StatusCode::OK, &page.into_json()))
    }

    /// What a query asks for, by parameters or as the body of `.search`.
    pub(crate) fn search_request(&self, actor: &Actor, parts: &Parts, body: &Bytes) -> Result<SearchRequest, Refusal> {
        if parts.method == Method::POST {
            self.check_media_type(actor, parts)?;
            Ok(request::search(body)?)
        } else {
            Ok(query::parse(parts.uri.query().unwrap_or_default())?)
        }
    }

    pub(crate) fn check_media_type(&self, actor: &Actor, parts: &Parts) -> Result<(), ErrorResponse> {
        let tolerance = request::check_media_type(&parts.headers, self.inner.config.dialect)?;
        self.inner.tolerances.count(&actor.tenant, tolerance);
        Ok(())
    }

    fn parameters(&self, call: &Call<'_>) -> Result<(SearchRequest, Projection), Refusal> {
        let parameters = query::parse(call.parts.uri.query().unwrap_or_default())?;
        let projection = query::projection(&self.inner.config, call.context.resource_type, &parameters)?;
        Ok((parameters, projection))
    }

    /// AMB-22: without entity tags, the headers are ignored.
    fn preconditions(&self, call: &Call<'_>) -> Result<Preconditions, Refusal> {
        if self.inner.config.profile.features.etag {
            Ok(request::preconditions(&call.parts.headers)?)
        } else {
            Ok(Preconditions::default())
        }
    }

    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    fn resource(&self, call: &Call<'_>, status: StatusCode, resource: Resource, projection: &Projection) -> Response<Bytes> {
        answer(status, present(&call.context, resource, projection))
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

impl Call<'_> {
    fn with_written(&self, projection: Projection, names: &[String]) -> Projection {
        projection.with_written(self.context.catalog, self.context.resource_type, names.iter().map(String::as_str))
    }
}

fn answer(status: StatusCode, presented: Presented) -> Response<Bytes> {
    let value = Value::Complex(presented.resource.into_complex());
    respond::resource(status, &value, &presented.location, presented.version.as_ref())
}

/// R7644-3.4.2-03, R7644-3.4.2-05: with the total, the place and the size of the page.
pub(crate) fn list(start_index: u64, total: u64, resources: Vec<Resource>) -> Response<Bytes> {
    let mut list = page(total, resources);
    list.start_index = Some(start_index);
    respond::body(StatusCode::OK, &list.into_json())
}

fn page(total: u64, resources: Vec<Resource>) -> ListResponse {
    let mut page = ListResponse::new(total, Vec::new());
    page.items_per_page = u64::try_from(resources.len()).ok();
    page.resources = resources;
    page
}

fn item_action(method: &Method) -> Action {
    match *method {
        Method::PUT => Action::Replace,
        Method::PATCH => Action::Patch,
        Method::DELETE => Action::Delete,
        _ => Action::Get,
    }
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
