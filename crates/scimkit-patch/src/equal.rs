//! When two values are the same, in time proportional to their size.

use std::fmt::Write as _;

use scimkit_types::{Attribute, AttributeType, Mutability, Value};

/// Whether two attribute values are equal up to what carries no meaning (see [`Value::is_equivalent`]); absent stands for unassigned.
///
/// Long lists are compared through sorted keys: pairing their elements would take quadratic time.
pub(crate) fn is_same(left: Option<&Value>, right: Option<&Value>) -> bool {
    let (left, right) = (left.unwrap_or(&Value::Null), right.unwrap_or(&Value::Null));
    match (left, right) {
        (Value::List(left), Value::List(right)) if left.len().max(right.len()) > SHORT => is_same_list(left, right),
        (left, right) if is_long(left) || is_long(right) => left == right || key(left) == key(right),
        (left, right) => left.is_equivalent(right),
    }
}

/// Whether two lists have the same elements in whatever order.
///
/// Keys are made only of what differs in place: a list that was patched has most elements where they were.
pub(crate) fn is_same_list(left: &[Value], right: &[Value]) -> bool {
    let prefix = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    let (left, right) = (left.get(prefix..).unwrap_or_default(), right.get(prefix..).unwrap_or_default());
    let suffix = left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
    let keys = |values: &[Value]| {
        let rest = values.get(..values.len() - suffix).unwrap_or_default();
        let mut keys: Vec<String> = rest.iter().filter(|value| !value.is_unassigned()).map(key).collect();
        keys.sort_unstable();
        keys
    };
    let count = |values: &[Value]| values.iter().filter(|value| !value.is_unassigned()).count();
    count(left) == count(right) && keys(left) == keys(right)
}

/// The number of elements up to which pairing is cheaper than keys.
const SHORT: usize = 16;

fn is_long(value: &Value) -> bool {
    match value {
        Value::List(values) => values.len() > SHORT,
        Value::Complex(members) => members.iter().any(|(_, value)| matches!(value, Value::List(values) if values.len() > SHORT)),
        _ => false,
    }
}

/// A text that two values share if and only if they are equivalent.
pub(crate) fn key(value: &Value) -> String {
    let mut text = String::new();
    write_key(value, &mut text);
    text
}

fn write_key(value: &Value, text: &mut String) {
    // Writing to a `String` cannot fail.
    match value {
        Value::Null => {}
        Value::Boolean(value) => drop(write!(text, "{value}")),
        Value::Number(number) => drop(write!(text, "{number}")),
        Value::String(value) => drop(write!(text, "{value:?}")),
        Value::List(values) => {
            let mut keys: Vec<String> = values.iter().filter(|value| !value.is_unassigned()).map(key).collect();
            keys.sort_unstable();
            if !keys.is_empty() {
                let _ = write!(text, "[{}]", keys.join(","));
            }
        }
        Value::Complex(members) => {
            let assigned = members.iter().filter(|(_, value)| !value.is_unassigned());
            let mut keys: Vec<String> = assigned.map(|(name, value)| format!("{:?}:{}", name.to_ascii_lowercase(), key(value))).collect();
            keys.sort_unstable();
            if !keys.is_empty() {
                let _ = write!(text, "{{{}}}", keys.join(","));
            }
        }
    }
}

/// Whether the attribute is a list of references to other resources, such as `members`: its elements are known by `value`.
pub(crate) fn is_reference_list(attribute: &Attribute) -> bool {
    let refers = |types: &[String]| types.iter().any(|name| !name.eq_ignore_ascii_case("external") && !name.eq_ignore_ascii_case("uri"));
    attribute.is_multi_valued
        && attribute
            .sub_attribute("value")
            .is_some_and(|value| !value.is_multi_valued && matches!(value.type_, AttributeType::String | AttributeType::Reference))
        && attribute.sub_attribute("$ref").is_some_and(|reference| refers(&reference.reference_types))
}

/// Whether the attribute is such a list and can be changed element by element.
pub(crate) fn is_writable_reference_list(attribute: &Attribute) -> bool {
    is_reference_list(attribute) && attribute.mutability == Mutability::ReadWrite
}

/// The text by which an element is known among the others of its list: the `value` of a reference, the `value` and `type` of another
/// complex element, and everything if it has no `value`. `primary: false` says nothing (RFC 7643 section 2.4).
pub(crate) fn identity(attribute: &Attribute, element: &Value) -> String {
    let Value::Complex(members) = element else { return key(element) };
    let value = members.get("value").filter(|value| !value.is_unassigned());
    match value {
        Some(value) if is_reference_list(attribute) => key(value),
        Some(value) => {
            let mut text = key(value);
            text.push('/');
            members.get("type").into_iter().for_each(|value| write_key(value, &mut text));
            text
        }
        None => {
            let mut members = members.clone();
            members.retain(|name, value| !(name.eq_ignore_ascii_case("primary") && value.as_bool() == Some(false)));
            key(&Value::Complex(members))
        }
    }
}

/// Whether two elements of a list have the same [`identity`]; mostly decided by their `value` alone.
pub(crate) fn has_same_identity(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    fn value(element: &Value) -> Option<&str> {
        element.as_complex()?.get("value")?.as_str()
    }
    if let (Some(left), Some(right)) = (value(left), value(right))
        && left != right
    {
        return false;
    }
    identity(attribute, left) == identity(attribute, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: impl Iterator<Item = i64>) -> Value {
        Value::List(values.map(Value::from).collect())
    }

    #[test]
    fn long_lists_compare_without_order() {
        let same = |left: Value, right: Value| is_same(Some(&left), Some(&right));
        assert!(same(list(0..100), list((0..100).rev())));
        assert!(same(list((0..50).chain(0..50)), list((0..50).flat_map(|n| [n, n]))));
        assert!(!same(list((0..50).chain(0..50)), list((0..50).chain(1..51))));
        assert!(!same(list(0..100), list(0..99)));
        assert!(!same(list(0..100), list((0..99).chain([5]))));
        let with_null = Value::List((0..100).map(Value::from).chain([Value::Null]).collect());
        assert!(same(list(0..100), with_null));
        assert!(is_same(None, Some(&Value::List(vec![Value::Null; 100]))));
    }
}
