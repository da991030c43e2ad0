//! References to resources that other operations create (RFC 7644 section 3.7.2).

use std::collections::BTreeMap;

use scimkit_types::{BulkOperation, Value};

const PREFIX: &str = "bulkId:";

/// The names that an operation refers to, in its path and its data.
pub(super) fn of(operation: &BulkOperation) -> Vec<String> {
    let mut names: Vec<String> = operation.path.iter().flat_map(|path| path.split('/')).filter_map(name).map(str::to_owned).collect();
    let mut waiting: Vec<&Value> = operation.data.iter().collect();
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => names.extend(text.split('/').filter_map(name).map(str::to_owned)),
            Value::List(values) => waiting.extend(values),
            Value::Complex(members) => waiting.extend(members.iter().map(|(_, value)| value)),
            Value::Null | Value::Boolean(_) | Value::Number(_) => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Puts the ids that are known in the place of the names.
pub(super) fn resolve(operation: &mut BulkOperation, ids: &BTreeMap<String, String>) {
    if let Some(path) = &mut operation.path {
        resolve_text(path, ids);
    }
    let mut waiting: Vec<&mut Value> = operation.data.iter_mut().collect();
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => resolve_text(text, ids),
            Value::List(values) => waiting.extend(values),
            Value::Complex(members) => waiting.extend(members.iter_mut().map(|(_, value)| value)),
            Value::Null | Value::Boolean(_) | Value::Number(_) => {}
        }
    }
}

fn resolve_text(text: &mut String, ids: &BTreeMap<String, String>) {
    if !text.contains(PREFIX) {
        return;
    }
    let segments: Vec<&str> = text.split('/').map(|part| name(part).and_then(|name| ids.get(name)).map_or(part, String::as_str)).collect();
    *text = segments.join("/");
}

fn name(segment: &str) -> Option<&str> {
    segment.strip_prefix(PREFIX).filter(|name| !name.is_empty())
}
