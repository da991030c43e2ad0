//! What one answer does wrong.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, Response, StatusCode};
use scimkit_types::{ErrorResponse, ScimType, Value};

use super::Deviation;
use super::body;
use super::kind::DeviationKind as Kind;
use crate::response::ResponseLimits;

/// What an answer should be, by the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected<'a> {
    /// A resource that was created.
    Created,
    /// A resource, with this id if the request named it.
    Resource {
        /// The id in the request.
        id: Option<&'a str>,
    },
    /// A page.
    List {
        /// The place of the first resource that was asked for.
        start_index: Option<i64>,
        /// How many resources were asked for.
        count: Option<i64>,
        /// Whether the page was asked for by cursor.
        by_cursor: bool,
    },
    /// The outcomes of a bulk request.
    Bulk,
    /// That a resource was deleted.
    Deleted,
    /// The service provider's configuration.
    Config,
    /// Schemas or resource types.
    Discovery,
}

/// What an answer does wrong, if it can be understood; nothing for a redirect.
///
/// An answer that cannot be understood is the error of the call, and has no list.
pub fn deviations(response: &Response<Bytes>, expected: Expected<'_>, limits: ResponseLimits) -> Vec<Deviation> {
    let mut found = Vec::new();
    let status = response.status();
    if status.is_redirection() || status == StatusCode::NOT_MODIFIED {
        return found;
    }
    retry_after(response, &mut found);
    if !status.is_success() {
        failure(response, limits, &mut found);
        return found;
    }
    match expected {
        Expected::Deleted => {
            if status != StatusCode::NO_CONTENT || !response.body().is_empty() {
                found.push(Deviation::new(Kind::DeleteStatus, ""));
            }
            return found;
        }
        Expected::Created => created(response, &mut found),
        _ => {}
    }
    let Ok(Some(value)) = limits.value(response) else { return found };
    form(response, &mut found);
    body::check(&value, expected, &mut found);
    if matches!(expected, Expected::Created | Expected::Resource { .. }) {
        headers(response, &value, &mut found);
    }
    found
}

fn created(response: &Response<Bytes>, found: &mut Vec<Deviation>) {
    if response.status() != StatusCode::CREATED {
        found.push(Deviation::new(Kind::CreateStatus, ""));
    }
    if response.body().is_empty() {
        found.push(Deviation::new(Kind::CreateBody, ""));
    }
    if header(response, &LOCATION).is_none() {
        found.push(Deviation::new(Kind::MissingLocation, "Location"));
    }
}

fn form(response: &Response<Bytes>, found: &mut Vec<Deviation>) {
    let kind = header(response, &CONTENT_TYPE).and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
    if !["application/scim+json", "application/json"].iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        found.push(Deviation::new(Kind::ContentType, "Content-Type"));
    }
    if response.body().starts_with(b"\xef\xbb\xbf") {
        found.push(Deviation::new(Kind::ByteOrderMark, ""));
    }
}

/// What headers and the body of a resource say of the same thing.
fn headers(response: &Response<Bytes>, value: &Value, found: &mut Vec<Deviation>) {
    let meta = value.as_complex().and_then(|resource| resource.get("meta")).and_then(Value::as_complex);
    let text = |name: &str| meta.and_then(|meta| meta.get(name)).and_then(Value::as_str);
    if let (Some(header), Some(body)) = (header(response, &LOCATION), text("location"))
        && header != body
    {
        found.push(Deviation::new(Kind::LocationDiffers, "Location"));
    }
    match (header(response, &ETAG), text("version")) {
        (Some(etag), version) => {
            if !is_entity_tag(etag) {
                found.push(Deviation::new(Kind::EtagForm, "ETag"));
            }
            if version.is_some_and(|version| version != etag) {
                found.push(Deviation::new(Kind::EtagDiffers, "ETag"));
            }
        }
        (None, Some(_)) => found.push(Deviation::new(Kind::MissingEtag, "ETag")),
        (None, None) => {}
    }
}

fn is_entity_tag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    opaque.is_some_and(|opaque| !opaque.contains('"'))
}

fn retry_after(response: &Response<Bytes>, found: &mut Vec<Deviation>) {
    // Against some present, so that a date without `Date` counts as one.
    let present = Some(jiff::Timestamp::UNIX_EPOCH);
    if response.headers().contains_key(RETRY_AFTER) && crate::retry_after::read(response.headers(), present).is_none() {
        found.push(Deviation::new(Kind::RetryAfterForm, "Retry-After"));
    }
}

fn failure(response: &Response<Bytes>, limits: ResponseLimits, found: &mut Vec<Deviation>) {
    if response.status() == StatusCode::UNAUTHORIZED && !response.headers().contains_key(WWW_AUTHENTICATE) {
        found.push(Deviation::new(Kind::MissingChallenge, "WWW-Authenticate"));
    }
    let body = limits.json(response);
    let Some((body, error)) = body.as_ref().and_then(|body| Some((body.as_complex()?, ErrorResponse::from_json(body)?))) else {
        found.push(Deviation::new(Kind::ErrorBody, ""));
        return;
    };
    form(response, found);
    if body.get("schemas").is_none() {
        found.push(Deviation::new(Kind::ErrorBody, "schemas"));
    }
    if body.get("status").and_then(Value::as_str).is_none() {
        found.push(Deviation::new(Kind::ErrorStatusForm, "status"));
    }
    if error.status != response.status().as_u16() {
        found.push(Deviation::new(Kind::ErrorStatusDiffers, "status"));
    }
    let keyword = body.get("scimType").and_then(Value::as_str);
    if keyword.is_some_and(|keyword| ScimType::parse(keyword).is_none_or(|known| known.as_str() != keyword)) {
        found.push(Deviation::new(Kind::ErrorKeyword, "scimType"));
    }
}

fn header<'a>(response: &'a Response<Bytes>, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}
