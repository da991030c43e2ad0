//! Running the operations of a bulk request.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use http::header::{ETAG, HeaderName, IF_MATCH, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use scimkit_types::messages::PATCH_OP;
use scimkit_types::{BulkOperation, ComplexValue, ErrorResponse, Value};
use tracing::Instrument;

use super::references::{Held, Made, unknown};
use super::{Result, Shapes, Step, Target, What, action, answered, body_of, invalid, order};
use crate::authenticate::Actor;
use crate::exchange::{About, Exchange, about};
use crate::handler::{HandlerError, Preconditions};
use crate::policy::Action;
use crate::respond::{self, Refusal};
use crate::server::{Answer, Call, Server};

/// A bulk request on its way.
pub(super) struct Run<'a> {
    server: &'a Server,
    exchange: &'a Exchange,
    actor: &'a Actor,
    shapes: &'a Shapes<'a>,
    steps: Vec<Step<'a>>,
    /// The operation that creates under a bulk id.
    creates: HashMap<String, usize>,
    /// What was made under a bulk id.
    made: HashMap<String, Made>,
    outcomes: Vec<Option<BulkOperation>>,
    errors: u64,
}

impl<'a> Run<'a> {
    pub(super) fn new(server: &'a Server, exchange: &'a Exchange, actor: &'a Actor, shapes: &'a Shapes<'a>, steps: Vec<Step<'a>>) -> Self {
        let create = |(index, step): (usize, &Step<'_>)| {
            let is_create = step.sent.method.eq_ignore_ascii_case("POST");
            step.sent.bulk_id.clone().filter(|_| is_create).map(|id| (id, index))
        };
        let creates = steps.iter().enumerate().filter_map(create).collect();
        let outcomes = vec![None; steps.len()];
        Self { server, exchange, actor, shapes, steps, creates, made: HashMap::new(), outcomes, errors: 0 }
    }

    /// Runs the operations until so many failed (R7644-3.7-10, R7644-3.7-11); the outcomes of those that ran are in the order in which
    /// they were sent. What did not run is not listed (AMB-24).
    pub(super) async fn finish(mut self, fail_on_errors: u64) -> Vec<BulkOperation> {
        let edges: Vec<Vec<usize>> = self.steps.iter().map(|step| self.targets(step)).collect();
        for group in order::groups(&edges) {
            if self.errors >= fail_on_errors {
                break;
            }
            match group.as_slice() {
                [only] if !edges.get(*only).is_some_and(|targets| targets.contains(only)) => self.run_one(*only).await,
                circle => self.run_circle(circle).await,
            }
        }
        self.outcomes.into_iter().flatten().collect()
    }

    fn targets(&self, step: &Step<'_>) -> Vec<usize> {
        step.references.iter().filter_map(|id| self.creates.get(id).copied()).collect()
    }

    async fn run_one(&mut self, index: usize) {
        let data = self.steps.get_mut(index).and_then(|step| step.sent.data.take());
        let answer = self.act(index, data).await;
        self.settle(index, &answered(answer)).await;
    }

    /// Makes all resources of a circle or none (R7644-3.7.1-01, R7644-3.7.2-02).
    async fn run_circle(&mut self, circle: &[usize]) {
        let mut held = Vec::new();
        let mut answers: Vec<(usize, Response<Bytes>)> = Vec::new();
        for &index in circle {
            let Some(step) = self.steps.get_mut(index) else { continue };
            let mut data = step.sent.data.take();
            if let (Ok(what), Some(Value::Complex(body))) = (&step.what, &mut data)
                && let Some(shape) = self.shapes.of(what.resource_type)
            {
                let ahead: HashSet<&usize> = circle.iter().skip_while(|other| **other != index).collect();
                let is_missing = |id: &str| self.creates.get(id).is_some_and(|create| ahead.contains(create));
                held.push((index, shape.hold_back(body, &is_missing)));
            }
            let response = answered(self.act(index, data).await);
            if !response.status().is_success() {
                return self.undo(circle, answers, index, response).await;
            }
            self.remember(index, &response);
            answers.push((index, response));
        }
        for (index, held) in held.into_iter().filter(|(_, held)| !held.is_empty()) {
            let response = answered(self.complete(index, held).await);
            if !response.status().is_success() {
                return self.undo(circle, answers, index, response).await;
            }
            if let Some((_, answer)) = answers.iter_mut().find(|(other, _)| *other == index)
                && let Some(version) = response.headers().get(ETAG)
            {
                answer.headers_mut().insert(ETAG, version.clone());
            }
        }
        for (index, response) in answers {
            self.settle(index, &response).await;
        }
    }

    /// Adds what a resource was made without.
    async fn complete(&self, index: usize, held: Vec<Held>) -> Answer {
        let Some((what, made)) = self.steps.get(index).and_then(|step| Some((step.what.as_ref().ok()?, self.made_by(step)?))) else {
            return Err(HandlerError::internal("a created resource is not known").into());
        };
        let operations = held.into_iter().map(|held| {
            let mut operation = ComplexValue::new();
            operation.insert("op", "add");
            operation.insert("path", held.path);
            operation.insert("value", held.value);
            Value::Complex(operation)
        });
        let mut body = ComplexValue::new();
        body.insert("schemas", vec![Value::from(PATCH_OP)]);
        body.insert("Operations", operations.collect::<Vec<_>>());
        let mut body = Value::Complex(body);
        self.resolve(what, true, &mut body)?;
        let (parts, body) = (parts(&Method::PATCH), respond::text(&body));
        let call = Call {
            exchange: self.exchange,
            context: self.server.context(self.exchange, self.actor, what.resource_type),
            parts: &parts,
            body: &body,
        };
        self.server.patch(&call, &made.id).await
    }

    /// Takes back what a circle has made already: one operation failed, and with it fail those that refer to it.
    async fn undo(&mut self, circle: &[usize], answers: Vec<(usize, Response<Bytes>)>, failed: usize, mut response: Response<Bytes>) {
        let mut outcomes: HashMap<usize, Response<Bytes>> = HashMap::new();
        for (index, _) in answers {
            let Some((what, made)) = self.steps.get(index).and_then(|step| Some((step.what.as_ref().ok()?, self.made_by(step)?))) else {
                continue;
            };
            let context = self.server.context(self.exchange, self.actor, what.resource_type);
            match self.server.inner.handler.delete(&context, &made.id, &Preconditions::default()).await {
                Ok(()) => {
                    self.server.forget_password(&context, &made.id).await;
                    self.server.announce(&context, Action::Delete, &made.id, None).await;
                }
                Err(HandlerError::NotFound) => {}
                Err(error) => {
                    tracing::error!(id = made.id, "a resource that a bulk request made in a circle could not be taken back");
                    let mut response = Refusal::from(error).into_response();
                    // The resource is there: its record names it.
                    response.extensions_mut().insert(About(made.id.clone()));
                    outcomes.insert(index, response);
                }
            }
        }
        if let Some(About(left)) = outcomes.remove(&failed).and_then(|mut left| left.extensions_mut().remove()) {
            response.extensions_mut().insert(About(left));
        }
        outcomes.insert(failed, response);
        for &index in circle {
            if let Some(id) = self.steps.get(index).and_then(|step| step.sent.bulk_id.as_ref()) {
                self.made.remove(id);
            }
            let failed =
                || Refusal::status(409, "an operation failed with which this one refers to each other in a circle").into_response();
            self.settle(index, &outcomes.remove(&index).unwrap_or_else(failed)).await;
        }
    }

    fn made_by(&self, step: &Step<'_>) -> Option<&Made> {
        self.made.get(step.sent.bulk_id.as_ref()?)
    }

    /// Does what an operation asks for as if it had come alone (R7644-3.7-17).
    async fn act(&self, index: usize, data: Option<Value>) -> Answer {
        let Some(step) = self.steps.get(index) else { return Err(HandlerError::internal("an operation is not known").into()) };
        let what = step.what.as_ref().map_err(|error| error.clone())?;
        let id = self.id(&what.target)?;
        let span = tracing::info_span!(
            "operation",
            method = %method(what.action),
            resource_type = what.resource_type.name.as_str(),
            id = id.unwrap_or_default(),
            status = tracing::field::Empty,
        );
        async {
            let answer = self.act_on(step, what, id, data).await;
            if let Ok(response) = &answer {
                tracing::Span::current().record("status", response.status().as_u16());
            }
            tracing::debug!("answered");
            answer
        }
        .instrument(span)
        .await
    }

    async fn act_on(&self, step: &Step<'_>, what: &What<'_>, id: Option<&str>, data: Option<Value>) -> Answer {
        self.server.admit(self.actor, what.resource_type, what.action, id)?;
        let mut parts = parts(method(what.action));
        // R7644-3.7-07: a create has no version to expect.
        if let Some(version) = step.sent.version.as_deref().filter(|_| what.action != Action::Create) {
            let version = HeaderValue::from_str(version).map_err(|_| invalid("expected an entity tag such as `W/\"1\"` at `version`"))?;
            parts.headers.insert(IF_MATCH, version);
        }
        let body = match data.filter(|_| what.action != Action::Delete) {
            Some(mut data) => {
                self.resolve(what, what.action == Action::Patch, &mut data)?;
                respond::text(&data)
            }
            None => Bytes::new(),
        };
        let call = Call {
            exchange: self.exchange,
            context: self.server.context(self.exchange, self.actor, what.resource_type),
            parts: &parts,
            body: &body,
        };
        self.server.act(&call, what.action, id).await
    }

    fn id<'s>(&'s self, target: &'s Target) -> Result<Option<&'s str>> {
        match target {
            Target::New => Ok(None),
            Target::Known(id) => Ok(Some(id)),
            Target::Made(bulk_id) => Ok(Some(&self.made(bulk_id)?.id)),
        }
    }

    fn resolve(&self, what: &What<'_>, is_patch: bool, data: &mut Value) -> Result<()> {
        let Some(shape) = self.shapes.of(what.resource_type) else { return Ok(()) };
        shape.resolve(data, is_patch, &|bulk_id| self.made(bulk_id))
    }

    /// R7644-3.7.2-02: nothing is stored that refers to nothing.
    fn made(&self, bulk_id: &str) -> Result<&Made> {
        match self.made.get(bulk_id) {
            Some(made) => Ok(made),
            None if self.creates.contains_key(bulk_id) => {
                Err(ErrorResponse::new(409, format!("the create of `bulkId` `{bulk_id}`, to which this operation refers, failed")))
            }
            None => Err(unknown(bulk_id)),
        }
    }

    /// Keeps what a create made for those that refer to it.
    fn remember(&mut self, index: usize, response: &Response<Bytes>) {
        let Some(step) = self.steps.get(index) else { return };
        let is_create = step.what.as_ref().is_ok_and(|what| what.action == Action::Create);
        let id = about(response).map(str::to_owned);
        if let (true, Some(bulk_id), Some(id), Some(location)) = (is_create, step.sent.bulk_id.clone(), id, header(response, &LOCATION)) {
            self.made.insert(bulk_id, Made { id, location });
        }
    }

    /// Notes what became of an operation (R7644-3.7-12, R7644-3.7-14, R7644-3.7-15, R7644-3.7-16).
    async fn settle(&mut self, index: usize, response: &Response<Bytes>) {
        let is_success = response.status().is_success();
        if is_success {
            self.remember(index, response);
        } else {
            self.errors += 1;
        }
        let Some(step) = self.steps.get(index) else { return };
        let mut outcome = BulkOperation::default();
        outcome.method.clone_from(&step.sent.method);
        outcome.bulk_id.clone_from(&step.sent.bulk_id);
        outcome.status = Some(response.status().as_u16());
        outcome.location = header(response, &LOCATION).or_else(|| self.location(step));
        if is_success {
            outcome.version = header(response, &ETAG);
        } else {
            outcome.response = body_of(response);
        }
        let what = step.what.as_ref().ok();
        let id = about(response).or_else(|| self.id(&what?.target).ok()?);
        let resource_type = what.map(|what| what.resource_type);
        self.server.record(self.exchange, self.actor, action(&step.sent.method), resource_type, id, response).await;
        if let Some(place) = self.outcomes.get_mut(index) {
            *place = Some(outcome);
        }
    }

    /// The address of what an operation is about; a create that failed has none.
    fn location(&self, step: &Step<'_>) -> Option<String> {
        if step.sent.method.eq_ignore_ascii_case("POST") {
            return None;
        }
        let base_url = self.server.base_url();
        let known = step.what.as_ref().ok().and_then(|what| Some((what, self.id(&what.target).ok()??)));
        Some(match known {
            Some((what, id)) => crate::handler::location(base_url, what.resource_type, id),
            None => format!("{base_url}/{}", step.sent.path.as_deref().unwrap_or_default().trim_start_matches('/')),
        })
    }
}

fn header(response: &Response<Bytes>, name: &HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

const fn method(action: Action) -> &'static Method {
    match action {
        Action::Create => &Method::POST,
        Action::Replace => &Method::PUT,
        Action::Patch => &Method::PATCH,
        Action::Delete => &Method::DELETE,
        Action::Get | Action::Query => &Method::GET,
    }
}

/// The head of the request that the operation would be alone.
fn parts(method: &Method) -> Parts {
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    request.into_parts().0
}
