//! Creating without making two.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use scimkit_types::{ListResponse, Resource, SearchRequest, Value};

use crate::class::NotAfter;
use crate::client::Client;
use crate::error::ClientError;
use crate::lint::Expected;
use crate::remove::quoted;
use crate::request::MEDIA_TYPE;
use crate::response::ResponseLimits;

/// By which attribute a resource is found again, and what happens when there is one already.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Matching {
    /// The attribute: a top-level one of the resource, such as `userName` or `externalId`, whose value the service provider can filter on.
    pub attribute: String,
    /// What happens when the service provider answers that there is one already (409).
    pub on_conflict: OnConflict,
    /// Whether the resource is looked up before anything is sent. Default only after an attempt whose answer was lost.
    pub looks_first: bool,
}

impl Matching {
    /// Finds resources by this attribute, and adopts one that is equal.
    pub fn by(attribute: impl Into<String>) -> Self {
        Self { attribute: attribute.into(), on_conflict: OnConflict::AdoptEqual, looks_first: false }
    }

    /// This with another rule for a resource that is there already.
    #[must_use]
    pub fn with_on_conflict(self, on_conflict: OnConflict) -> Self {
        Self { on_conflict, ..self }
    }

    /// This for a resource that an earlier call may have created, one that ended with an error that
    /// [may have had an effect](ClientError::may_have_had_effect): it is looked up first.
    #[must_use]
    pub fn looking_first(self) -> Self {
        Self { looks_first: true, ..self }
    }
}

/// What happens when a resource that is to be created is there already (IR33).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// It is an error, unless an earlier attempt of the same call created it.
    Fail,
    /// One whose `externalId`, or every attribute that was sent, is equal is adopted; another one is an error.
    #[default]
    AdoptEqual,
    /// One whose matching attribute is shown to be equal, without case, is adopted, whatever else it holds.
    AdoptAny,
}

/// A resource that is there for certain.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "it was there or it was not")]
pub enum Created<T = Resource> {
    /// The call created it.
    New(T),
    /// It was there before, and is what was to be created as the rule has it.
    Adopted(T),
}

impl<T> Created<T> {
    /// The resource, new or adopted.
    pub fn into_inner(self) -> T {
        match self {
            Self::New(resource) | Self::Adopted(resource) => resource,
        }
    }
}

impl Client {
    /// Creates a resource so that there is one and not two, whatever happens to the answer.
    ///
    /// With [`Retry`](crate::Retry) around the transport, a create whose answer was lost is looked up by its matching attribute, as sent,
    /// before it is sent again; found, it is the result. So is one whose success cannot be read. A 409 is looked up too, and adopted or an
    /// error by [`OnConflict`].
    ///
    /// When a call ends with an error that may have had an effect, the next one for the same resource is to be
    /// [`looking_first`](Matching::looking_first).
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::InvalidRequest`] if the resource has no text in the matching attribute; the service provider's 409
    /// if what is there already is not adopted.
    pub async fn create_once(&self, endpoint: &str, resource: &Resource, matching: &Matching) -> Result<Created, ClientError> {
        let lookup = self.lookup(endpoint, resource, matching)?;
        if matching.looks_first {
            let found = self.limits().list(&self.send(lookup.request()).await?, false)?;
            // Some tell a number of results and show none: there is one all the same.
            let count = found.total_results.max(u64::try_from(found.resources.len()).unwrap_or(u64::MAX));
            let rule = if matching.on_conflict == OnConflict::Fail { OnConflict::AdoptEqual } else { matching.on_conflict };
            if let Some(adopted) = lookup.choose(found, rule) {
                return Ok(Created::Adopted(adopted));
            }
            if count > 0 {
                let reason = format!("expected none or one that is equal with the same `{}`, found {count}", matching.attribute);
                return Err(ClientError::invalid_request(reason));
            }
        }
        let mut request = self.base().create(endpoint, resource)?;
        request.extensions_mut().insert(lookup.clone());
        let response = self.exchange(request, Expected::Created).await?;
        let conflict = match self.limits().created(&response) {
            Ok(created) => return Ok(Created::New(created)),
            Err(error) if error.status() == Some(409) => error,
            // It was created, and the answer cannot be read.
            Err(error @ ClientError::InvalidBody { .. }) => {
                let found = self.limits().list(&self.send(lookup.request()).await?, false)?;
                return lookup.choose(found, OnConflict::AdoptEqual).map(Created::New).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        if matching.on_conflict == OnConflict::Fail {
            return Err(conflict);
        }
        let found = self.limits().list(&self.send(lookup.request()).await?, false)?;
        match lookup.choose(found, matching.on_conflict) {
            Some(adopted) => Ok(Created::Adopted(adopted)),
            None => Err(conflict),
        }
    }

    fn lookup(&self, endpoint: &str, resource: &Resource, matching: &Matching) -> Result<Lookup, ClientError> {
        let value =
            resource.get(&matching.attribute).and_then(Value::as_str).filter(|value| !value.is_empty()).ok_or_else(|| {
                ClientError::invalid_request(format!("expected a text at the matching attribute `{}`", matching.attribute))
            })?;
        let mut search = SearchRequest::default();
        search.filter = Some(format!("{} eq {}", matching.attribute, quoted(value)));
        let request = self.base().query(endpoint, &search)?;
        let attribute = matching.attribute.clone();
        Ok(Lookup(Arc::new(Inner { request, attribute, sent: resource.clone(), limits: self.limits() })))
    }
}

/// How a create whose answer was lost is found again; an extension of its request that [`Retry`](crate::Retry) uses.
#[derive(Clone)]
pub(crate) struct Lookup(Arc<Inner>);

struct Inner {
    request: Request<Bytes>,
    /// The matching attribute.
    attribute: String,
    sent: Resource,
    limits: ResponseLimits,
}

/// What a lookup says of a create whose answer was lost.
#[derive(Debug)]
pub(crate) enum Trace {
    /// It had no effect so far.
    Nothing,
    /// It had its effect: the answer that was lost, as far as it can be made again.
    Found(Response<Bytes>),
    /// There is another one, or it cannot be said.
    Unclear,
}

impl Lookup {
    pub(crate) fn request(&self) -> Request<Bytes> {
        self.0.request.clone()
    }

    /// The lookup, under the same bound of time as the create.
    pub(crate) fn request_like(&self, create: &Request<Bytes>) -> Request<Bytes> {
        let mut request = self.request();
        if let Some(not_after) = create.extensions().get::<NotAfter>() {
            request.extensions_mut().insert(*not_after);
        }
        request
    }

    pub(crate) fn read(&self, response: &Response<Bytes>) -> Trace {
        let Ok(found) = self.0.limits.list(response, false) else { return Trace::Unclear };
        if found.resources.is_empty() && found.total_results == 0 {
            return Trace::Nothing;
        }
        let Some(created) = self.choose(found, OnConflict::AdoptEqual) else { return Trace::Unclear };
        let Ok(body) = serde_json::to_vec(&created) else { return Trace::Unclear };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        Trace::Found(response)
    }

    /// The one resource that is what was to be created; `None` if there is no such one, or more.
    fn choose(&self, found: ListResponse, rule: OnConflict) -> Option<Resource> {
        let mut fitting = found.resources.into_iter().filter(|found| match rule {
            OnConflict::Fail => false,
            OnConflict::AdoptAny => self.matches(found),
            OnConflict::AdoptEqual => is_same(&self.0.sent, found),
        });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }

    /// Whether the matching attribute is equal. A service provider that ignores filters answers with others too.
    fn matches(&self, found: &Resource) -> bool {
        let text = |resource: &Resource| resource.get(&self.0.attribute).and_then(Value::as_str).map(str::to_lowercase);
        text(found).is_some_and(|found| Some(found) == text(&self.0.sent))
    }
}

/// Whether a resource is the one that was sent: its `externalId` is equal, or without one every attribute that can come back is.
fn is_same(sent: &Resource, found: &Resource) -> bool {
    if let (Some(sent), Some(found)) = (sent.external_id(), found.external_id()) {
        return sent == found;
    }
    let comes_back = |name: &str| !["schemas", "id", "meta", "password"].iter().any(|other| other.eq_ignore_ascii_case(name));
    sent.as_complex().iter().filter(|(name, _)| comes_back(name)).all(|(name, sent)| {
        let found = found.get(name).unwrap_or(&Value::Null);
        holds(found, sent, MAX_DEPTH)
    })
}

/// How deep values are compared.
const MAX_DEPTH: u32 = 16;

/// Whether a value holds all of what was sent, and no more values of it; a service provider may add to each, such as `primary` of an e-mail.
fn holds(found: &Value, sent: &Value, depth: u32) -> bool {
    if depth == 0 {
        return false;
    }
    match (found, sent) {
        (Value::Complex(found), Value::Complex(sent)) => {
            sent.iter().all(|(name, sent)| holds(found.get(name).unwrap_or(&Value::Null), sent, depth - 1))
        }
        (Value::List(found), Value::List(sent)) => {
            found.len() == sent.len() && sent.iter().all(|sent| found.iter().any(|found| holds(found, sent, depth - 1)))
        }
        (found, sent) => found.is_equivalent(sent) || sent.is_unassigned(),
    }
}
