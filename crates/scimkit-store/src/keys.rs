//! Order-preserving keys: the same bytes order results in memory and in a database.

use scimkit_filter::ResolvedPath;
use scimkit_types::compare::{instant, text_key};
use scimkit_types::{AttributeType, Number, Resource, Timestamp, Value};

/// A number: eight bytes that order as doubles, and for an integer sixteen more that order integers of the same double.
///
/// Two integers compare by the whole key; a number that was written with a fraction or exponent compares by the first eight bytes.
pub(crate) fn number_key(number: &Number) -> Vec<u8> {
    let bits = number.as_f64().to_bits();
    let double = if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits };
    let mut key = double.to_be_bytes().to_vec();
    let integer = number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from));
    key.extend(integer.map(wide_key).into_iter().flatten());
    key
}

/// An instant: sixteen bytes of nanoseconds.
pub(crate) fn instant_key(at: Timestamp) -> [u8; 16] {
    wide_key(at.as_nanosecond())
}

/// The instant of a key; `None` if it is none.
#[cfg(any(test, feature = "sqlite"))]
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
/// Numbers sort as doubles, and integers that are the same double by value.
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
            Some(text_key(text, path.case_exact).as_bytes().to_vec())
        }
        (AttributeType::DateTime, Value::String(text)) => instant(text).map(|at| instant_key(at).to_vec()),
        (AttributeType::Boolean, Value::Boolean(value)) => Some(vec![u8::from(*value)]),
        (AttributeType::Integer | AttributeType::Decimal, Value::Number(number)) => Some(number_key(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_of_integers_order_as_integers(left: i64, right: u64) {
            let (left, right) = (Number::from(left), Number::from(right));
            prop_assert_eq!(number_key(&left).cmp(&number_key(&right)), left.compare(&right));
        }

        #[test]
        fn keys_of_decimals_order_as_decimals(left in -1e300..1e300f64, right in -1e300..1e300f64) {
            let (left, right) = (Number::from_f64(left).unwrap(), Number::from_f64(right).unwrap());
            prop_assert_eq!(number_key(&left).cmp(&number_key(&right)), left.compare(&right));
        }

        #[test]
        fn an_instant_is_read_back_from_its_key(seconds in -300_000_000_000i64..250_000_000_000, nanos in 0..1_000_000_000i32) {
            let at = Timestamp::new(seconds, nanos).unwrap();
            prop_assert_eq!(instant_of_key(&instant_key(at)), Some(at));
        }
    }
}
