//! Several operations in one request (RFC 7644 section 3.7).
//!
//! A create that is referred to runs ahead of what refers to it; everything else runs in the order in which it was sent. Creates that
//! refer to each other in a circle stand or fall together: they are made without the references that cannot be told yet, which are added
//! once all of them are there.

mod order;
mod references;
mod run;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use scimkit_types::{BulkOperation, BulkRequest, BulkResponse, Catalog, ErrorResponse, ResourceType, ScimType};

use self::references::{Shape, bulk_id};
use self::run::Run;
use crate::authenticate::{Actor, Permissions};
use crate::config::BulkLimits;
use crate::exchange::Exchange;
use crate::limit::Class;
use crate::policy::Action;
use crate::request;
use crate::respond::{self, Refusal};
use crate::route::{BasePath, Route};
use crate::server::{Answer, Server, unsupported};

type Result<T, E = ErrorResponse> = std::result::Result<T, E>;

/// One operation of a request, read as far as that goes without running it.
#[derive(Debug)]
struct Step<'a> {
    /// As it was sent; its `data` is taken when it runs.
    sent: BulkOperation,
    /// What it asks for, or why that cannot be done.
    what: Result<What<'a>>,
    /// The bulk ids that it refers to.
    references: Vec<String>,
}

#[derive(Clone, Debug)]
struct What<'a> {
    action: Action,
    resource_type: &'a ResourceType,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// A new resource.
    New,
    /// The resource of this id.
    Known(String),
    /// The resource that the create of this bulk id makes.
    Made(String),
}

impl Server {
    /// Answers a bulk request of a known actor.
    ///
    /// It is charged as a whole, one write for each operation: with too little of the quota left, nothing is done.
    pub(crate) async fn bulk(&self, exchange: &Exchange, actor: &Actor, parts: &Parts, body: &Bytes) -> Answer {
        match self.read_bulk(exchange, actor, parts, body) {
            Ok(request) => Ok(self.run_bulk(exchange, actor, request).await),
            Err(refusal) => {
                let response = refusal.into_response();
                self.record(exchange, actor, None, None, None, &response).await;
                Ok(response)
            }
        }
    }

    /// Reads a request and charges its operations.
    fn read_bulk(&self, exchange: &Exchange, actor: &Actor, parts: &Parts, body: &Bytes) -> Result<BulkRequest, Refusal> {
        let Some(limits) = self.inner.config.rules.of(&actor.tenant).bulk else { return Err(unsupported("bulk requests")) };
        if actor.permissions == Permissions::Read {
            return Err(self.insufficient_scope());
        }
        if body.len() > limits.max_payload_size {
            let limit = limits.max_payload_size;
            return Err(Refusal::status(413, format!("the bulk request is over the limit `maxPayloadSize` of {limit} bytes")));
        }
        let read = read(parts, body, limits, self, actor);
        let cost = read.as_ref().map_or(1, |request| u32::try_from(request.operations.len()).unwrap_or(u32::MAX));
        self.charge(exchange, actor, Class::Write, cost)?;
        Ok(read?)
    }

    async fn run_bulk(&self, exchange: &Exchange, actor: &Actor, request: BulkRequest) -> Response<Bytes> {
        let config = &self.inner.config;
        let fail_on_errors = request.fail_on_errors.unwrap_or(u64::MAX);
        let shapes = Shapes::new(&config.catalog);
        let steps: Vec<Step<'_>> = request.operations.into_iter().map(|operation| Step::new(operation, &shapes)).collect();
        let outcomes = Run::new(self, exchange, actor, &shapes, steps).finish(fail_on_errors).await;
        let mut response = BulkResponse::default();
        response.operations = outcomes;
        respond::body(StatusCode::OK, &response.into_json())
    }
}

/// Reads a request and checks what concerns it as a whole.
fn read(parts: &Parts, body: &Bytes, limits: BulkLimits, server: &Server, actor: &Actor) -> Result<BulkRequest> {
    server.check_media_type(actor, parts)?;
    let request = request::bulk(body)?;
    let count = u64::try_from(request.operations.len()).unwrap_or(u64::MAX);
    if count > limits.max_operations {
        let limit = limits.max_operations;
        return Err(ErrorResponse::new(413, format!("expected at most `maxOperations` {limit} operations in one request, found {count}")));
    }
    if count == 0 {
        return Err(ErrorResponse::of(ScimType::InvalidSyntax, "expected at least one operation at `Operations`"));
    }
    if request.fail_on_errors == Some(0) {
        return Err(invalid("expected a number of at least 1 at `failOnErrors`, found 0"));
    }
    let mut seen = HashSet::new();
    for (index, operation) in request.operations.iter().enumerate() {
        match operation.bulk_id.as_deref() {
            None | Some("") if operation.method.eq_ignore_ascii_case("POST") => {
                return Err(invalid(format!("expected a `bulkId` in the create `Operations[{index}]`")));
            }
            Some(id) if !seen.insert(id) => {
                return Err(invalid(format!("expected each `bulkId` once, found `{id}` again in `Operations[{index}]`")));
            }
            _ => {}
        }
    }
    Ok(request)
}

fn invalid(detail: impl Into<String>) -> ErrorResponse {
    ErrorResponse::of(ScimType::InvalidValue, detail)
}

/// What refers to resources, for all resource types.
#[derive(Debug)]
struct Shapes<'a> {
    catalog: &'a Catalog,
    base: BasePath,
    by_type: HashMap<&'a str, Shape>,
}

impl<'a> Shapes<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let by_type = catalog.resource_types().iter().map(|each| (each.name.as_str(), Shape::new(catalog, each))).collect();
        Self { catalog, base: BasePath::default(), by_type }
    }

    fn of(&self, resource_type: &ResourceType) -> Option<&Shape> {
        self.by_type.get(resource_type.name.as_str())
    }
}

impl<'a> Step<'a> {
    fn new(sent: BulkOperation, shapes: &Shapes<'a>) -> Self {
        let what = What::read(&sent, shapes);
        let mut references = Vec::new();
        if let Ok(what) = &what {
            if let Target::Made(id) = &what.target {
                references.push(id.clone());
            }
            if let (Some(data), Some(shape)) = (&sent.data, shapes.of(what.resource_type)) {
                references.extend(shape.references(data, what.action == Action::Patch));
            }
        }
        Self { sent, what, references }
    }
}

impl<'a> What<'a> {
    /// R7644-3.7-03, R7644-3.7-05, R7644-3.7-06.
    fn read(sent: &BulkOperation, shapes: &Shapes<'a>) -> Result<Self> {
        let action = action(&sent.method).ok_or_else(|| invalid("expected the method POST, PUT, PATCH or DELETE"))?;
        let path = sent.path.as_deref().unwrap_or_default();
        if path.contains(['?', '#']) {
            return Err(invalid("expected a path without query and fragment"));
        }
        let (resource_type, target) = match (Route::parse(&shapes.base, path, shapes.catalog), action) {
            (Ok(Route::Collection(resource_type)), Action::Create) => (resource_type, Target::New),
            (Ok(Route::Item(resource_type, id)), Action::Replace | Action::Patch | Action::Delete) => {
                let target = bulk_id(&id).map(|id| Target::Made(id.to_owned()));
                (resource_type, target.unwrap_or(Target::Known(id)))
            }
            (_, Action::Create) => return Err(invalid("expected the path of a resource type, such as `/Users`")),
            _ => return Err(invalid("expected the path of a resource, such as `/Users/2819c223`")),
        };
        if action != Action::Delete && sent.data.is_none() {
            return Err(ErrorResponse::of(ScimType::InvalidSyntax, "expected the body of the operation at `data`"));
        }
        Ok(Self { action, resource_type, target })
    }
}

/// What the method of an operation asks for.
fn action(method: &str) -> Option<Action> {
    let known = [("POST", Action::Create), ("PUT", Action::Replace), ("PATCH", Action::Patch), ("DELETE", Action::Delete)];
    known.into_iter().find(|(name, _)| method.eq_ignore_ascii_case(name)).map(|(_, action)| action)
}

/// The JSON of an answer; there is none without a body.
fn body_of(response: &Response<Bytes>) -> Option<scimkit_types::Value> {
    serde_json::from_slice(response.body()).ok()
}

/// An answer, whatever became of the request.
fn answered(answer: Answer) -> Response<Bytes> {
    answer.unwrap_or_else(Refusal::into_response)
}
