//! Sending requests and reading answers as identity providers do.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use scimkit_client::Transport;
use scimkit_types::messages::LIST_RESPONSE;
use scimkit_types::{ComplexValue, ErrorResponse, Resource, Value};
use secrecy::{ExposeSecret, SecretString};

use super::complaint::Complaint;

/// A way to a service.
pub(crate) struct Connection {
    transport: Arc<dyn Transport>,
    /// Without a slash at the end.
    base: String,
    headers: HeaderMap,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(transport: Arc<dyn Transport>, base: &str) -> Result<Self, Complaint> {
        let parsed: Option<Uri> = base.parse().ok();
        if !parsed.is_some_and(|uri| uri.scheme().is_some() && uri.authority().is_some()) {
            return Err(Complaint::Address { found: base.to_owned() });
        }
        Ok(Self { transport, base: base.trim_end_matches('/').to_owned(), headers: HeaderMap::new() })
    }

    /// Shows a token. One that cannot stand in a header is not shown, which a service refuses.
    pub(crate) fn with_token(mut self, token: &SecretString) -> Self {
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.expose_secret())) {
            value.set_sensitive(true);
            self.headers.insert(header::AUTHORIZATION, value);
        }
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Complaint> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<ComplexValue>) -> Result<Answer, Complaint> {
        let name = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let cannot_send = |reason: &dyn fmt::Display| Complaint::unusable(&name, format!("the request cannot be sent: {reason}"));
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            if body.is_some() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json; charset=utf-8"));
            }
        }
        let body = match body {
            Some(body) => Bytes::from(serde_json::to_vec(&body).map_err(|error| cannot_send(&error))?),
            None => Bytes::new(),
        };
        let request = request.body(body).map_err(|error| cannot_send(&error))?;
        match self.transport.send(request).await {
            Ok(response) => {
                let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
                Ok(Answer { request: name, status: response.status(), media_type, body: response.into_body() })
            }
            Err(source) => Err(Complaint::Unanswered { request: name, source }),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) request: String,
    pub(crate) status: StatusCode,
    media_type: String,
    body: Bytes,
}

/// A list response.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) request: String,
    pub(crate) total: u64,
    pub(crate) resources: Vec<ComplexValue>,
}

impl Answer {
    /// The answer, if it is not a refusal.
    pub(crate) fn accepted(self) -> Result<Self, Complaint> {
        if self.status.is_success() {
            return Ok(self);
        }
        let error = self.json().ok().and_then(|body| ErrorResponse::from_json(&Value::Complex(body)));
        Err(Complaint::Refused { request: self.request, status: self.status.as_u16(), error })
    }

    pub(crate) fn unusable(&self, reason: impl Into<String>) -> Complaint {
        Complaint::unusable(&self.request, reason)
    }

    /// The body of an answer that has to have one.
    pub(crate) fn json(&self) -> Result<ComplexValue, Complaint> {
        if !["application/scim+json", "application/json", "text/json"].contains(&self.media_type.as_str()) {
            return Err(self.unusable(format!("expected the media type `application/scim+json`, found `{}`", self.media_type)));
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(Value::Complex(body)) => Ok(body),
            Ok(_) => Err(self.unusable("expected a JSON object, found another value")),
            Err(error) => Err(self.unusable(format!("expected JSON, found an error at line {} column {}", error.line(), error.column()))),
        }
    }

    /// A resource, which has an id.
    pub(crate) fn resource(&self) -> Result<(String, ComplexValue), Complaint> {
        let body = self.json()?;
        let id = id_of(&body).ok_or_else(|| self.unusable("expected a resource with an `id`, found none"))?;
        Ok((id, body))
    }

    pub(crate) fn list(self) -> Result<Page, Complaint> {
        let body = self.json()?;
        let schemas = body.get("schemas").map(Value::elements).unwrap_or_default();
        if !schemas.iter().any(|uri| uri.as_str() == Some(LIST_RESPONSE)) {
            return Err(self.unusable("expected the schema of a list response, found another one"));
        }
        let total = body.get("totalResults").and_then(Value::as_number).and_then(scimkit_types::Number::as_u64);
        let total = total.ok_or_else(|| self.unusable("expected a whole number as `totalResults`, found none"))?;
        let elements = match body.get("Resources") {
            None if total == 0 => &[],
            Some(Value::List(elements)) => elements.as_slice(),
            _ => return Err(self.unusable("expected a list as `Resources`, found none")),
        };
        let resources = elements.iter().map(|element| element.as_complex().filter(|resource| id_of(resource).is_some()).cloned());
        let resources: Option<Vec<ComplexValue>> = resources.collect();
        let resources = resources.ok_or_else(|| self.unusable("expected resources with an `id`, found one without"))?;
        Ok(Page { request: self.request, total, resources })
    }
}

impl Page {
    /// The one resource that was found, with its id.
    pub(crate) fn at_most_one(self) -> Result<Option<(String, ComplexValue)>, Complaint> {
        let count = self.resources.len();
        let mut resources = self.resources.into_iter();
        match (resources.next(), resources.next()) {
            (None, _) if self.total > 0 => Err(Complaint::unusable(&self.request, "expected the resource that was counted, found none")),
            (None, _) => Ok(None),
            (Some(found), None) => Ok(id_of(&found).map(|id| (id, found))),
            (Some(_), Some(_)) => Err(Complaint::Duplicates { request: self.request, count }),
        }
    }
}

pub(crate) fn id_of(resource: &ComplexValue) -> Option<String> {
    resource.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// The resource with an id, as a value of the public interface.
pub(crate) fn to_resource(resource: ComplexValue) -> Resource {
    Resource::from(resource)
}

/// Text as it stands in a path or a query; `blank` is what a blank becomes, which is where clients differ.
pub(crate) fn encoded(text: &str, blank: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push_str(blank),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{other:02X}");
            }
        }
    }
    encoded
}

/// A filter by equality, as it is before it is encoded.
pub(crate) fn equals(path: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{path} eq \"{value}\"")
}

/// A PATCH request with these operations.
pub(crate) fn patch_body(operations: Vec<ComplexValue>) -> ComplexValue {
    let schemas = Value::List(vec![Value::from(scimkit_types::messages::PATCH_OP)]);
    let operations = Value::List(operations.into_iter().map(Value::Complex).collect());
    ComplexValue::from_iter([("schemas", schemas), ("Operations", operations)])
}

/// An object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> ComplexValue {
    members.into_iter().collect()
}

/// The schemas of a body.
pub(crate) fn schemas<'a>(uris: impl IntoIterator<Item = &'a str>) -> Value {
    Value::List(uris.into_iter().map(Value::from).collect())
}
