//! Order-preserving keys: the same bytes order results in memory and in a database.

use scimkit_filter::ResolvedPath;
use scimkit_types::compare::instant;
use scimkit_types::{AttributeType, Resource, Timestamp, Value};

/// An instant: sixteen bytes of nanoseconds.
pub(crate) fn instant_key(at: Timestamp) -> [u8; 16] {
    wide_key(at.as_nanosecond())
}

/// The instant of a key; `None` if it is none.
pub(crate) fn instant_of_key(key: &[u8]) -> Option<Timestamp> {
    let bytes: [u8; 16] = key.try_into().ok()?;
    Timestamp::from_nanosecond((u128::from_be_bytes(bytes) ^ SIGN).cast_signed()).ok()
}

const SIGN: u128 = 1 << 127;

const fn wide_key(value: i128) -> [u8; 16] {
    (value.cast_unsigned() ^ SIGN).to_be_bytes()
}

/// By what one resource is sorted: the value at the path of the primary element, else of the first; `None` sorts last when ascending.
///
/// Numbers sort by value.
pub(crate) fn sort_key(resource: &Resource, path: &ResolvedPath) -> Option<Vec<u8>> {
    let owner = match &path.extension {
        Some(uri) => resource.extension(uri.as_str())?,
        None => resource.as_complex(),
    };
    let elements = owner.get(path.attribute.as_str())?.elements();
    let primary = |element: &&Value| element.as_complex().and_then(|element| element.get("primary")).and_then(Value::as_bool) == Some(true);
    let key = |element: &Value| match (&path.sub_attribute, element) {
        (None, element) => value_key(element, path),
        (Some(name), Value::Complex(element)) => element.get(name.as_str())?.elements().iter().find_map(|value| value_key(value, path)),
        // An element that is not complex stands for its `value`.
        (Some(name), element) => (*name == *"value").then(|| value_key(element, path)).flatten(),
    };
    elements.iter().filter(primary).find_map(key).or_else(|| elements.iter().find_map(key))
}

fn value_key(value: &Value, path: &ResolvedPath) -> Option<Vec<u8>> {
    match (path.type_, value) {
        (AttributeType::String | AttributeType::Reference | AttributeType::Binary, Value::String(text)) => {
            Some(path.comparison.key(text).as_bytes().to_vec())
        }
        (AttributeType::DateTime, Value::String(text)) => instant(text).map(|at| instant_key(at).to_vec()),
        (AttributeType::Boolean, Value::Boolean(value)) => Some(vec![u8::from(*value)]),
        (AttributeType::Integer | AttributeType::Decimal, Value::Number(number)) => Some(number.key()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_instant_is_read_back_from_its_key(seconds in -300_000_000_000i64..250_000_000_000, nanos in 0..1_000_000_000i32) {
            let at = Timestamp::new(seconds, nanos).unwrap();
            prop_assert_eq!(instant_of_key(&instant_key(at)), Some(at));
        }
    }
}
