//! What the body of a success does wrong.

use scimkit_types::messages::{BULK_RESPONSE, LIST_RESPONSE};
use scimkit_types::{ComplexValue, Value};

use super::Deviation;
use super::check::Expected;
use super::kind::DeviationKind as Kind;

pub(super) fn check(value: &Value, expected: Expected<'_>, found: &mut Vec<Deviation>) {
    match (value, expected) {
        (Value::Complex(body), Expected::Created) => resource(body, "", None, found),
        (Value::Complex(body), Expected::Resource { id }) => resource(body, "", id, found),
        (Value::Complex(body), Expected::List { start_index, count, by_cursor }) => list(body, start_index, count, by_cursor, found),
        (Value::Complex(body), Expected::Bulk) => bulk(body, found),
        (Value::Complex(body), Expected::Config) if body.get("Resources").is_none() => config(body, found),
        (_, Expected::Config) => found.push(Deviation::new(Kind::ConfigForm, "")),
        (Value::Complex(body), Expected::Discovery) if body.get("Resources").is_some() || body.get("totalResults").is_some() => {
            schemas(body, LIST_RESPONSE, Kind::ListSchemas, found);
            for (index, entry) in entries(body).iter().enumerate() {
                if entry.as_complex().is_none_or(|entry| !has_schemas(entry)) {
                    found.push(Deviation::new(Kind::MissingSchemas, format!("Resources[{index}].schemas")));
                }
            }
        }
        (_, Expected::Discovery) => found.push(Deviation::new(Kind::DiscoveryForm, "")),
        _ => {}
    }
}

fn resource(body: &ComplexValue, place: &str, asked: Option<&str>, found: &mut Vec<Deviation>) {
    let at = |member: &str| format!("{place}{member}");
    if !has_schemas(body) {
        found.push(Deviation::new(Kind::MissingSchemas, at("schemas")));
    }
    let id = body.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    match (id, asked) {
        (None, _) => found.push(Deviation::new(Kind::MissingId, at("id"))),
        (Some(id), Some(asked)) if id != asked => found.push(Deviation::new(Kind::OtherId, at("id"))),
        _ => {}
    }
    let meta = body.get("meta").and_then(Value::as_complex);
    if meta.is_none_or(|meta| meta.get("resourceType").and_then(Value::as_str).is_none()) {
        found.push(Deviation::new(Kind::MissingMeta, at("meta.resourceType")));
    }
    if body.get("password").is_some_and(|password| !password.is_unassigned()) {
        found.push(Deviation::new(Kind::Password, at("password")));
    }
}

fn list(body: &ComplexValue, start_index: Option<i64>, count: Option<i64>, by_cursor: bool, found: &mut Vec<Deviation>) {
    schemas(body, LIST_RESPONSE, Kind::ListSchemas, found);
    for name in ["totalResults", "startIndex", "itemsPerPage"] {
        if body.get(name).and_then(Value::as_str).is_some() {
            found.push(Deviation::new(Kind::NumberAsText, name));
        }
    }
    let resources = entries(body);
    let has_cursor = by_cursor || body.get("nextCursor").is_some() || body.get("previousCursor").is_some();
    let total = number(body, "totalResults");
    if total.is_none() && !has_cursor {
        found.push(Deviation::new(Kind::MissingTotal, "totalResults"));
    }
    let none_wanted = count.is_some_and(|count| count <= 0);
    let is_beyond = matches!((total, start_index), (Some(total), Some(start)) if i64::try_from(total).is_ok_and(|total| start > total));
    if total.is_some_and(|total| total > 0) && !none_wanted && !is_beyond && body.get("Resources").is_none_or(|list| *list == Value::Null) {
        found.push(Deviation::new(Kind::MissingResources, "Resources"));
    }
    let on_page = u64::try_from(resources.len()).unwrap_or(u64::MAX);
    let items_per_page = number(body, "itemsPerPage");
    if items_per_page.is_some_and(|items| items != on_page) {
        found.push(Deviation::new(Kind::ItemsPerPage, "itemsPerPage"));
    }
    let begins_at = number(body, "startIndex");
    if !has_cursor {
        if total.is_some_and(|total| total > on_page) && (items_per_page.is_none() || begins_at.is_none()) {
            found.push(Deviation::new(Kind::MissingPosition, if begins_at.is_none() { "startIndex" } else { "itemsPerPage" }));
        }
        let asked = u64::try_from(start_index.unwrap_or(1).max(1)).unwrap_or(1);
        if begins_at.is_some_and(|begins_at| begins_at != asked) && on_page > 0 {
            found.push(Deviation::new(Kind::OtherStart, "startIndex"));
        }
    }
    if count.is_some_and(|count| on_page > u64::try_from(count.max(0)).unwrap_or_default()) {
        found.push(Deviation::new(Kind::TooManyResources, "Resources"));
    }
    for (index, entry) in resources.iter().enumerate() {
        if let Value::Complex(entry) = entry {
            resource(entry, &format!("Resources[{index}]."), None, found);
        }
    }
}

fn bulk(body: &ComplexValue, found: &mut Vec<Deviation>) {
    schemas(body, BULK_RESPONSE, Kind::BulkSchemas, found);
    let operations = body.get("Operations").map(Value::elements).unwrap_or_default();
    for (index, operation) in operations.iter().enumerate() {
        let Value::Complex(operation) = operation else { continue };
        let at = |member: &str| format!("Operations[{index}].{member}");
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let status = text("status");
        if status.is_none() {
            found.push(Deviation::new(Kind::BulkStatus, at("status")));
        }
        let has_failed = status.is_some_and(|status| !status.starts_with('2'));
        let is_create = text("method").is_some_and(|method| method.eq_ignore_ascii_case("POST"));
        if text("location").is_none() && !(has_failed && is_create) {
            found.push(Deviation::new(Kind::BulkLocation, at("location")));
        }
        if has_failed && operation.get("response").is_none() {
            found.push(Deviation::new(Kind::BulkError, at("response")));
        }
    }
}

fn config(body: &ComplexValue, found: &mut Vec<Deviation>) {
    if !has_schemas(body) {
        found.push(Deviation::new(Kind::MissingSchemas, "schemas"));
    }
    for name in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        let feature = body.get(name).and_then(Value::as_complex);
        if feature.is_none_or(|feature| feature.get("supported").and_then(Value::as_bool).is_none()) {
            found.push(Deviation::new(Kind::ConfigMember, format!("{name}.supported")));
        }
    }
    if body.get("authenticationSchemes").is_none() {
        found.push(Deviation::new(Kind::ConfigMember, "authenticationSchemes"));
    }
}

fn schemas(body: &ComplexValue, uri: &str, kind: Kind, found: &mut Vec<Deviation>) {
    let named = body.get("schemas").map(Value::elements).unwrap_or_default();
    if !named.iter().filter_map(Value::as_str).any(|named| named.eq_ignore_ascii_case(uri)) {
        found.push(Deviation::new(kind, "schemas"));
    }
}

fn has_schemas(body: &ComplexValue) -> bool {
    body.get("schemas").and_then(Value::as_list).is_some_and(|uris| !uris.is_empty() && uris.iter().all(|uri| uri.as_str().is_some()))
}

fn entries(body: &ComplexValue) -> &[Value] {
    body.get("Resources").and_then(Value::as_list).unwrap_or_default()
}

/// A number, also one that was written as text.
fn number(body: &ComplexValue, name: &str) -> Option<u64> {
    match body.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
