//! Answers of RFC 7644 as values: nothing here receives anything.

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, LOCATION};
use percent_encoding::percent_decode_str;
use scimkit_types::{BulkResponse, ComplexValue, ErrorResponse, ListResponse, Number, Resource, Value, schema};

use crate::error::ClientError;
use crate::retry_after;

/// How large an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseLimits {
    /// The most bytes of a body. Default 16 MiB.
    pub max_body: usize,
    /// How deep arrays and objects may nest. Default 64.
    pub max_depth: usize,
}

impl Default for ResponseLimits {
    fn default() -> Self {
        Self { max_body: 16 * 1024 * 1024, max_depth: 64 }
    }
}

impl ResponseLimits {
    /// These limits with another largest body.
    #[must_use]
    pub const fn with_max_body(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// These limits with another depth.
    #[must_use]
    pub const fn with_max_depth(self, max_depth: usize) -> Self {
        Self { max_depth, ..self }
    }

    /// The resource of an answer; `None` if the answer is a success without a body, such as 204.
    ///
    /// # Errors
    /// [`ClientError`] unless the answer is a success whose body is empty or a resource.
    pub fn resource(self, response: &Response<Bytes>) -> Result<Option<Resource>, ClientError> {
        match self.value(response)? {
            None => Ok(None),
            Some(Value::Complex(members)) => Ok(Some(Resource::from(members))),
            Some(_) => Err(invalid_body(response, "", "expected a resource")),
        }
    }

    /// The resource that a create made. Without a body it has only the `id` and `meta.location` that the `Location` header tells, and
    /// without an `id` it has the one of the header.
    ///
    /// # Errors
    /// [`ClientError`] unless the answer is a success that tells the resource and its `id`.
    pub fn created(self, response: &Response<Bytes>) -> Result<Resource, ClientError> {
        let resource = self.resource(response)?;
        if let Some(resource) = &resource
            && has_id(resource)
        {
            return Ok(resource.clone());
        }
        let location = header(response, &LOCATION);
        let (Some(location), Some(id)) = (location, location.and_then(id_of)) else {
            let (place, reason) = match &resource {
                Some(_) => ("id", "expected an id or the address of the resource, found neither"),
                None => ("", "expected the resource or its address, found neither"),
            };
            return Err(invalid_body(response, place, reason));
        };
        let mut resource = resource.unwrap_or_default();
        resource.insert("id", id);
        if resource.get("meta").is_none() {
            let mut meta = ComplexValue::new();
            meta.insert("location", location);
            resource.insert("meta", meta);
        }
        Ok(resource)
    }

    /// A page of a query.
    ///
    /// In cursor paging the number of results may be missing (R9865-2-07) and is then the number on this page. Every resource has an `id`
    /// but those of discovery endpoints, which may have none (R7643-3.1-01).
    ///
    /// # Errors
    /// [`ClientError`] unless the answer is a success with a list response.
    pub fn list(self, response: &Response<Bytes>, by_cursor: bool) -> Result<ListResponse, ClientError> {
        let value = self.value(response)?.ok_or_else(|| invalid_body(response, "", "expected a list response, found nothing"))?;
        let value = match value {
            Value::Complex(mut body) => {
                let has_cursor = by_cursor || body.get("nextCursor").is_some() || body.get("previousCursor").is_some();
                if has_cursor && body.get("totalResults").is_none_or(|total| *total == Value::Null) {
                    let found = body.get("Resources").map_or(0, |resources| resources.elements().len());
                    body.insert("totalResults", Number::from(u64::try_from(found).unwrap_or(u64::MAX)));
                }
                Value::Complex(body)
            }
            other => other,
        };
        let list = ListResponse::from_json(value)
            .map_err(|error| invalid_body(response, &error.member, &format!("expected {}", error.expected)))?;
        let is_discovery =
            |resource: &Resource| [schema::RESOURCE_TYPE, schema::SERVICE_PROVIDER_CONFIG].iter().any(|uri| resource.has_schema(uri));
        match list.resources.iter().position(|resource| !has_id(resource) && !is_discovery(resource)) {
            None => Ok(list),
            Some(index) => Err(invalid_body(response, &format!("Resources[{index}].id"), "expected an id, found none")),
        }
    }

    /// The outcomes of a bulk request.
    ///
    /// # Errors
    /// [`ClientError`] unless the answer is a success with a bulk response.
    pub fn bulk(self, response: &Response<Bytes>) -> Result<BulkResponse, ClientError> {
        let value = self.value(response)?.ok_or_else(|| invalid_body(response, "", "expected a bulk response, found nothing"))?;
        BulkResponse::from_json(value).map_err(|error| invalid_body(response, &error.member, &format!("expected {}", error.expected)))
    }

    /// The entries of a discovery endpoint: of a list response, of a bare array, or the one object (IR37).
    ///
    /// # Errors
    /// [`ClientError`] unless the answer is a success with JSON.
    pub fn entries(self, response: &Response<Bytes>) -> Result<Vec<Value>, ClientError> {
        match self.value(response)? {
            None => Ok(Vec::new()),
            Some(Value::List(entries)) => Ok(entries),
            Some(Value::Complex(mut body)) if body.get("Resources").is_some() => match body.remove("Resources") {
                Some(Value::List(entries)) => Ok(entries),
                Some(Value::Null) | None => Ok(Vec::new()),
                Some(_) => Err(invalid_body(response, "Resources", "expected a list")),
            },
            Some(Value::Complex(body)) if body.get("totalResults").is_some() => Ok(Vec::new()),
            Some(entry @ Value::Complex(_)) => Ok(vec![entry]),
            Some(_) => Err(invalid_body(response, "", "expected a list response")),
        }
    }

    /// The body of a success as JSON, whatever its media type; `None` if it is empty.
    ///
    /// # Errors
    /// [`ClientError`] unless the answer is a success whose body is empty or JSON within the limits.
    pub fn value(self, response: &Response<Bytes>) -> Result<Option<Value>, ClientError> {
        if !response.status().is_success() {
            return Err(self.failure(response));
        }
        let body = without_mark(response.body());
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        self.parse(body).map(Some).map_err(|Unreadable { path, reason }| invalid_body(response, &path, &reason))
    }

    /// The error that an answer other than a success is.
    fn failure(self, response: &Response<Bytes>) -> ClientError {
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            return ClientError::Redirect { status, location: header(response, &LOCATION).map(str::to_owned) };
        }
        let retry_after = retry_after::read(response.headers(), None);
        let error = self.parse(without_mark(response.body())).ok().and_then(|body| ErrorResponse::from_json(&body));
        match error {
            Some(mut error) => {
                error.status = status;
                ClientError::Response { error, retry_after }
            }
            None => ClientError::Unexpected { status, reason: describe(response), retry_after },
        }
    }

    /// The body of any answer, if it is JSON.
    pub(crate) fn json(self, response: &Response<Bytes>) -> Option<Value> {
        self.parse(without_mark(response.body())).ok()
    }

    fn parse(self, body: &[u8]) -> Result<Value, Unreadable> {
        if body.len() > self.max_body {
            return Err(Unreadable::whole(format!("expected at most {} bytes, found {}", self.max_body, body.len())));
        }
        if nesting(body).deepest > self.max_depth {
            return Err(Unreadable::whole(format!("expected at most {} levels of nesting, found more", self.max_depth)));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let value = serde_path_to_error::deserialize::<_, Value>(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            Unreadable { path: if path == "." { String::new() } else { path }, reason: format!("expected JSON, found {}", error.inner()) }
        })?;
        deserializer.end().map_err(|error| Unreadable::whole(format!("expected one JSON value, found {error}")))?;
        Ok(value)
    }
}

fn has_id(resource: &Resource) -> bool {
    resource.id().is_some_and(|id| !id.is_empty())
}

/// The id in the address of a resource.
pub(crate) fn id_of(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next()?;
    let id = path.trim_end_matches('/').rsplit('/').next().filter(|id| !id.is_empty())?;
    Some(percent_decode_str(id).decode_utf8_lossy().into_owned())
}

struct Unreadable {
    path: String,
    reason: String,
}

impl Unreadable {
    const fn whole(reason: String) -> Self {
        Self { path: String::new(), reason }
    }
}

/// How brackets outside of strings stand in a text that should be JSON.
struct Nesting {
    /// The most levels.
    deepest: usize,
    /// Whether the text ends within a bracket or a string.
    is_open: bool,
}

fn nesting(body: &[u8]) -> Nesting {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Nesting { deepest, is_open: depth > 0 || in_string }
}

/// Whether a body is JSON that ends before its end.
pub(crate) fn is_cut_off(body: &Bytes) -> bool {
    let body = without_mark(body).trim_ascii_start();
    matches!(body.first(), Some(b'{' | b'[')) && nesting(body).is_open
}

/// The body without a byte order mark (R8259-8.1-01).
fn without_mark(body: &Bytes) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(body)
}

/// What stands in place of a SCIM error; nothing of its text, which may be anything.
fn describe(response: &Response<Bytes>) -> String {
    if response.body().is_empty() {
        return "an empty body".to_owned();
    }
    let kind = header(response, &CONTENT_TYPE).and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
    let is_plain = !kind.is_empty() && kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`');
    if is_plain { format!("a body of `{kind}`") } else { "a body of unknown type".to_owned() }
}

fn header<'a>(response: &'a Response<Bytes>, name: &http::HeaderName) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

fn invalid_body(response: &Response<Bytes>, path: &str, reason: &str) -> ClientError {
    ClientError::InvalidBody { status: response.status().as_u16(), path: path.to_owned(), reason: reason.to_owned() }
}
