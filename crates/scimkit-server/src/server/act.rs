//! What requests to one resource type do.

use std::borrow::Cow;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use scimkit_types::{ErrorResponse, ListResponse, PatchOp, Precondition, Projection, Resource, SearchRequest, Value};

use super::{Answer, Call, Server};
use crate::authenticate::Actor;
use crate::cursor::Walk;
use crate::exchange::{About, Exchange};
use crate::handler::{Context, Found, HandlerError, Preconditions, Search};
use crate::hook::{Changed, Proposal};
use crate::meter;
use crate::password::{take, take_operations};
use crate::policy::Action;
use crate::present::{Presented, present};
use crate::respond::{self, Refusal};
use crate::{query, request, written};

impl Server {
    /// Does what a request asks for that was admitted and charged.
    pub(crate) async fn act(&self, call: &Call<'_>, action: Action, id: Option<&str>) -> Answer {
        // What needs much room is on the heap, so that a read of one resource is not moved about with room for all of it.
        match (action, id) {
            (Action::Create, _) => Box::pin(self.create(call)).await,
            (Action::Get, Some(id)) => self.get(call, id).await,
            (Action::Replace, Some(id)) => Box::pin(self.replace(call, id)).await,
            (Action::Patch, Some(id)) => Box::pin(self.patch(call, id)).await,
            (Action::Delete, Some(id)) => Box::pin(self.delete(call, id)).await,
            _ => Box::pin(self.query(call)).await,
        }
    }

    async fn create(&self, call: &Call<'_>) -> Answer {
        let (_, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        self.check_media_type(call.context.actor, call.parts)?;
        let mut body = request::resource(call.body, call.context.limits)?;
        if preconditions.if_match != Precondition::None {
            return Err(HandlerError::PreconditionFailed.into());
        }
        let password = take(&call.context, &mut body)?;
        let password = self.accept_password(call, password).await?;
        self.propose(call, &Proposal::Create { body: &body }).await?;
        let projection = call.with_written(projection, || written::of_body(&body));
        let resource = self.hand_over_new(call, body, &projection, password.is_some()).await?;
        if let Some(password) = password {
            self.keep_first_password(&call.context, &resource, password).await?;
        }
        self.announce(&call.context, Action::Create, resource.id().unwrap_or_default(), Some(&resource)).await;
        // The request did not name what it made.
        let id = About(resource.id().unwrap_or_default().to_owned());
        let mut response = shown(StatusCode::CREATED, present(&call.context, resource, &projection));
        response.extensions_mut().insert(id);
        Ok(response)
    }

    async fn get(&self, call: &Call<'_>, id: &str) -> Answer {
        let (_, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        let resource = self.hand_over(call, Action::Get, self.inner.handler.get(&call.context, id, &projection)).await?;
        let presented = present(&call.context, resource, &projection);
        if let Some(version) = &presented.version {
            if !preconditions.if_match.holds(Some(version)) {
                return Err(HandlerError::PreconditionFailed.into());
            }
            if !preconditions.if_none_match.holds(Some(version)) {
                return Ok(respond::not_modified(&presented.location, version));
            }
        }
        Ok(shown(StatusCode::OK, presented))
    }

    async fn replace(&self, call: &Call<'_>, id: &str) -> Answer {
        let (_, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        self.check_media_type(call.context.actor, call.parts)?;
        let mut body = request::resource(call.body, call.context.limits)?;
        let password = take(&call.context, &mut body)?;
        let password = self.accept_password(call, password).await?;
        self.propose(call, &Proposal::Replace { id, body: &body }).await?;
        let projection = call.with_written(projection, || written::of_body(&body));
        let replaced = self.inner.handler.replace(&call.context, id, body, &preconditions, &projection);
        let resource = self.hand_over(call, Action::Replace, replaced).await?;
        let kept = self.keep_new_password(&call.context, id, password).await;
        self.announce(&call.context, Action::Replace, id, Some(&resource)).await;
        kept?;
        Ok(shown(StatusCode::OK, present(&call.context, resource, &projection)))
    }

    /// A resource is answered in full, one with members not at all unless attributes were asked for (AMB-16, R7644-3.5.2-18): members
    /// can be many, and clients change them one by one.
    pub(crate) async fn patch(&self, call: &Call<'_>, id: &str) -> Answer {
        let (parameters, projection) = self.parameters(call)?;
        let preconditions = self.preconditions(call)?;
        self.check_media_type(call.context.actor, call.parts)?;
        let mut patch = request::patch(call.body, call.context.limits)?;
        let context = &call.context;
        let asks = !parameters.attributes.is_empty() || !parameters.excluded_attributes.is_empty();
        let shows = asks || context.shape.members.is_empty();
        let projection =
            if shows { call.with_written(projection, || written::of_patch(&patch)) } else { Cow::Borrowed(&context.shape.least) };
        let password = take_operations(context, &mut patch)?;
        let sets_only_password = password.is_some() && patch.operations.is_empty();
        let password = self.accept_password_alone(call, password, sets_only_password).await?;
        self.propose(call, &Proposal::Patch { id, patch: &patch }).await?;
        let resource = if sets_only_password {
            self.unchanged(call, id, &preconditions, &projection).await?
        } else {
            self.change(call, id, patch, &preconditions, &projection).await?
        };
        let kept = self.keep_new_password(context, id, password).await;
        if kept.is_ok() || !sets_only_password {
            self.announce(context, Action::Patch, id, Some(&resource)).await;
        }
        kept?;
        if shows {
            return Ok(shown(StatusCode::OK, present(context, resource, &projection)));
        }
        let presented = present(context, resource, &projection);
        Ok(respond::no_content(Some(&presented.location), presented.version.as_ref()))
    }

    async fn change(&self, call: &Call<'_>, id: &str, patch: PatchOp, expected: &Preconditions, projection: &Projection) -> Handled {
        let patched = self.inner.handler.patch(&call.context, id, patch, expected, projection);
        self.hand_over(call, Action::Patch, patched).await
    }

    /// A resource that is as it was, since a password is no part of it.
    async fn unchanged(&self, call: &Call<'_>, id: &str, expected: &Preconditions, projection: &Projection) -> Handled {
        let resource = self.hand_over(call, Action::Get, self.inner.handler.get(&call.context, id, projection)).await?;
        if let Some(version) = &resource.meta().version {
            expected.check(version)?;
        }
        Ok(resource)
    }

    async fn delete(&self, call: &Call<'_>, id: &str) -> Answer {
        let preconditions = self.preconditions(call)?;
        self.propose(call, &Proposal::Delete { id }).await?;
        self.hand_over(call, Action::Delete, self.inner.handler.delete(&call.context, id, &preconditions)).await?;
        self.forget_password(&call.context, id).await;
        self.announce(&call.context, Action::Delete, id, None).await;
        Ok(respond::no_content(None, None))
    }

    async fn query(&self, call: &Call<'_>) -> Answer {
        let context = &call.context;
        let parameters = self.search_request(context.actor, call.parts, call.body)?;
        let config = &self.inner.config;
        let rules = config.rules.of(context.tenant());
        let (mut search, tolerance) = query::resolve(config, rules, context.resource_type, &parameters)?;
        context.count(tolerance);
        let walk = match &config.cursors {
            Some(cursors) => Walk::new(cursors, context, &parameters, &mut search)?,
            None => None,
        };
        let found = self.find(call.exchange, context, &search).await?;
        query::check_total(rules, found.total)?;
        let resources = found.resources.into_iter().map(|resource| present(context, resource, &search.projection).resource).collect();
        let Some(walk) = walk else { return Ok(list(search.start_index, found.total, resources)) };
        let mut page = page(found.total, resources);
        page.next_cursor = found.next.as_ref().and_then(|next| walk.cursor(next));
        Ok(respond::body(StatusCode::OK, &page.into_json()))
    }

    /// Asks the handler for one page of one resource type.
    pub(crate) async fn find(&self, exchange: &Exchange, context: &Context<'_>, search: &Search) -> Result<Found, Refusal> {
        let found = meter::stored(Action::Query.word(), self.clock(), self.inner.handler.query(context, search));
        Ok(self.within(exchange, false, found).await??)
    }

    /// Has the handler do its work within the time of the request.
    async fn hand_over<T>(
        &self,
        call: &Call<'_>,
        action: Action,
        work: impl Future<Output = Result<T, HandlerError>>,
    ) -> Result<T, Refusal> {
        Ok(self.within(call.exchange, action.is_write(), meter::stored(action.word(), self.clock(), work)).await??)
    }

    /// Has the handler create a resource. One with a password is not cut off once it is begun: nobody could tell afterwards whether there
    /// is a resource, and under which id, that waits for its password.
    async fn hand_over_new(&self, call: &Call<'_>, body: Resource, projection: &Projection, has_password: bool) -> Handled {
        let created = self.inner.handler.create(&call.context, body, projection);
        if !has_password {
            return self.hand_over(call, Action::Create, created).await;
        }
        self.within(call.exchange, false, std::future::ready(())).await?;
        Ok(meter::stored(Action::Create.word(), self.clock(), created).await?)
    }

    /// What a query asks for, by parameters or as the body of `.search`.
    pub(crate) fn search_request(&self, actor: &Actor, parts: &Parts, body: &Bytes) -> Result<SearchRequest, Refusal> {
        if parts.method == Method::POST {
            self.check_media_type(actor, parts)?;
            Ok(request::search(body, &self.inner.config.rules.of(&actor.tenant).limits)?)
        } else {
            Ok(query::parse(parts.uri.query().unwrap_or_default())?)
        }
    }

    pub(crate) fn check_media_type(&self, actor: &Actor, parts: &Parts) -> Result<(), ErrorResponse> {
        let tolerance = request::check_media_type(&parts.headers, self.inner.config.rules.of(&actor.tenant).dialect)?;
        self.inner.tolerances.count(&actor.tenant, tolerance);
        Ok(())
    }

    fn parameters<'a>(&self, call: &Call<'a>) -> Result<(SearchRequest, Cow<'a, Projection>), Refusal> {
        let parameters = query::parse(call.parts.uri.query().unwrap_or_default())?;
        let projection = if parameters.attributes.is_empty() && parameters.excluded_attributes.is_empty() {
            Cow::Borrowed(&call.context.shape.usual)
        } else {
            Cow::Owned(query::projection(&self.inner.config, call.context.resource_type, &parameters)?)
        };
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

    /// Asks the hooks whether a change may be made.
    async fn propose(&self, call: &Call<'_>, proposal: &Proposal<'_>) -> Result<(), Refusal> {
        for hook in &self.inner.hooks {
            self.within(call.exchange, false, hook.before(&call.context, proposal)).await??;
        }
        Ok(())
    }

    /// Tells the hooks of a change that was made.
    pub(crate) async fn announce(&self, context: &Context<'_>, action: Action, id: &str, resource: Option<&Resource>) {
        for hook in &self.inner.hooks {
            hook.after(context, &Changed { action, id, resource }).await;
        }
    }
}

/// The resource that a handler has returned.
type Handled = Result<Resource, Refusal>;

impl<'a> Call<'a> {
    /// The projection with what the request wrote, where that can make a difference.
    fn with_written(&self, projection: Cow<'a, Projection>, names: impl FnOnce() -> Vec<String>) -> Cow<'a, Projection> {
        let context = &self.context;
        if !context.shape.has_returned_on_request {
            return projection;
        }
        let names = names();
        Cow::Owned(projection.into_owned().with_written(context.catalog, context.resource_type, names.iter().map(String::as_str)))
    }
}

/// A resource as an answer.
fn shown(status: StatusCode, presented: Presented) -> Response<Bytes> {
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
