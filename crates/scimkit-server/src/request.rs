//! Reading bodies and headers.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use scimkit_types::messages::SEARCH_REQUEST;
use scimkit_types::profile::Limits;
use scimkit_types::{
    BulkRequest, Dialect, ErrorResponse, PatchOp, Precondition, Resource, ScimType, SearchRequest, Tolerance, Value, Version,
};

use crate::handler::Preconditions;

type Result<T, E = ErrorResponse> = std::result::Result<T, E>;

/// Checks the media type of a body (R7644-3.8-04); a body without one is taken as JSON. Returns the tolerance that was needed.
pub(crate) fn check_media_type(headers: &HeaderMap, dialect: Dialect) -> Result<Option<Tolerance>> {
    let Some(header) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    if header == "application/scim+json" {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(header.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim();
    if ["application/scim+json", "application/json"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return Ok(None);
    }
    if dialect.allows(Tolerance::AnyMediaType) {
        return Ok(Some(Tolerance::AnyMediaType));
    }
    Err(ErrorResponse::new(415, "expected a body of the media type `application/scim+json` or `application/json`"))
}

/// Reads JSON; whatever the limits say, depth is bounded by the parser.
fn json(body: &Bytes, limits: &Limits) -> Result<Value> {
    let value =
        Value::from_json(body).map_err(|error| ErrorResponse::of(ScimType::InvalidSyntax, format!("expected JSON in UTF-8: {error}")))?;
    check_shape(&value, limits)?;
    Ok(value)
}

/// Checks how deep and how large a body is.
fn check_shape(value: &Value, limits: &Limits) -> Result<()> {
    if limits.max_depth.is_none() && limits.max_attributes.is_none() {
        return Ok(());
    }
    let max_depth = limits.max_depth.unwrap_or(u64::MAX);
    let max_attributes = limits.max_attributes.unwrap_or(u64::MAX);
    let mut found = 0_u64;
    let mut open = vec![(value, 1_u64)];
    while let Some((value, depth)) = open.pop() {
        let inner: Vec<&Value> = match value {
            Value::Complex(members) => members.iter().map(|(_, value)| value).collect(),
            Value::List(elements) => elements.iter().collect(),
            _ => continue,
        };
        if depth > max_depth {
            let detail = format!("expected arrays and objects nested at most {max_depth} deep, found more");
            return Err(ErrorResponse::of(ScimType::InvalidSyntax, detail));
        }
        found = found.saturating_add(u64::try_from(inner.len()).unwrap_or(u64::MAX));
        if found > max_attributes {
            return Err(ErrorResponse::new(413, format!("expected at most {max_attributes} attributes in one request, found more")));
        }
        open.extend(inner.into_iter().map(|value| (value, depth + 1)));
    }
    Ok(())
}

/// Reads a resource (R8259-2-01).
pub(crate) fn resource(body: &Bytes, limits: &Limits) -> Result<Resource> {
    match json(body, limits)? {
        Value::Complex(members) => Ok(Resource::from(members)),
        _ => Err(ErrorResponse::of(ScimType::InvalidSyntax, "expected a JSON object")),
    }
}

/// Reads a PATCH request.
pub(crate) fn patch(body: &Bytes, limits: &Limits) -> Result<PatchOp> {
    PatchOp::from_json(json(body, limits)?).map_err(|error| ErrorResponse::of(ScimType::InvalidSyntax, error.to_string()))
}

/// Reads a search request (R7644-3.4.3-02).
pub(crate) fn search(body: &Bytes, limits: &Limits) -> Result<SearchRequest> {
    let body = resource(body, limits)?;
    let invalid = |detail: String| ErrorResponse::of(ScimType::InvalidSyntax, detail);
    if !body.has_schema(SEARCH_REQUEST) {
        return Err(invalid(format!("expected `{SEARCH_REQUEST}` at `schemas`")));
    }
    SearchRequest::from_json(&Value::Complex(body.into_complex())).map_err(|error| {
        let scim_type = match error.member.as_str() {
            "startIndex" | "count" | "sortOrder" => ScimType::InvalidValue,
            _ => ScimType::InvalidSyntax,
        };
        ErrorResponse::of(scim_type, error.to_string())
    })
}

/// Reads a bulk request (R7644-3.7-02); each operation is checked for its shape when it runs.
pub(crate) fn bulk(body: &Bytes) -> Result<BulkRequest> {
    BulkRequest::from_json(json(body, &Limits::default())?).map_err(|error| {
        let scim_type = if error.member == "failOnErrors" { ScimType::InvalidValue } else { ScimType::InvalidSyntax };
        ErrorResponse::of(scim_type, error.to_string())
    })
}

/// Reads the version that a request expects (R7644-3.14-03).
pub(crate) fn preconditions(headers: &HeaderMap) -> Result<Preconditions> {
    Ok(Preconditions {
        if_match: precondition(headers, &IF_MATCH, Precondition::Exists, Precondition::Match)?,
        if_none_match: precondition(headers, &IF_NONE_MATCH, Precondition::NotExists, Precondition::NoneMatch)?,
    })
}

fn precondition(
    headers: &HeaderMap,
    name: &HeaderName,
    any: Precondition,
    listed: fn(Vec<Version>) -> Precondition,
) -> Result<Precondition> {
    let invalid = || ErrorResponse::of(ScimType::InvalidValue, format!("expected entity tags such as `W/\"1\"` in header `{name}`"));
    let mut versions = Vec::new();
    for header in headers.get_all(name) {
        let text = header.to_str().map_err(|_| invalid())?;
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if tag == "*" {
                return Ok(any);
            }
            versions.push(Version::parse(tag).map_err(|_| invalid())?);
        }
    }
    if versions.is_empty() { Ok(Precondition::None) } else { Ok(listed(versions)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_type(text: &str, dialect: Dialect) -> Result<Option<Tolerance>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, text.parse().unwrap());
        check_media_type(&headers, dialect)
    }

    /// R7644-3.8-04, IR29: both types with parameters; another one where the dialect allows it, and then it is counted.
    #[test]
    fn media_types_are_checked() {
        for text in ["application/scim+json", "application/json", "Application/SCIM+JSON; charset=utf-8", "application/json;charset=UTF-8"]
        {
            assert_eq!(media_type(text, Dialect::STRICT), Ok(None), "{text}");
        }
        assert_eq!(media_type("application/json+scim", Dialect::STRICT).unwrap_err().status, 415);
        assert_eq!(media_type("application/json+scim", Dialect::LENIENT), Ok(Some(Tolerance::AnyMediaType)));
    }

    /// R8259-2-01, R8259-3-01, R8259-4-01, R8259-6-01, R8259-9-01, R7644-3.8-01: what is no JSON object in UTF-8 is refused.
    #[test]
    fn faulty_bodies_are_invalid_syntax() {
        let deep = "[".repeat(10_000);
        let bodies: [&[u8]; 9] =
            [b"", b"[]", b"\"a\"", b"{", br#"{"a":01}"#, br#"{"a":True}"#, br#"{"a":1,"A":2}"#, b"{\"a\":\"\xff\"}", deep.as_bytes()];
        for body in bodies {
            let error = resource(&Bytes::copy_from_slice(body), &Limits::default()).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidSyntax)), "{}", String::from_utf8_lossy(body));
        }
    }

    #[track_caller]
    fn check_match(texts: &[&str], expected: &Precondition) {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(IF_MATCH, text.parse().unwrap());
        }
        assert_eq!(&preconditions(&headers).unwrap().if_match, expected);
    }

    /// R7232-2.3-01, R7644-3.14-03: lists, several headers and the asterisk.
    #[test]
    fn preconditions_are_read() {
        check_match(&[], &Precondition::None);
        check_match(&["*"], &Precondition::Exists);
        check_match(&[r#"W/"1", "2""#, r#""3""#], &Precondition::Match(vec![Version::new("1"), Version::new("2"), Version::new("3")]));
    }
}
