//! Whether lists are equivalent, in time proportional to their length.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::Value;

/// The number of elements up to which each is looked for among all others.
const SEARCHED_ELEMENTS: usize = 16;

/// Whether two lists hold equivalent elements, each as often, in any order; elements that are unassigned do not count.
pub(super) fn lists(left: &[Value], right: &[Value]) -> bool {
    let assigned = |values: &'_ [Value]| values.iter().filter(|value| !value.is_unassigned()).count();
    let length = assigned(left);
    if length != assigned(right) {
        return false;
    }
    let left = left.iter().filter(|value| !value.is_unassigned());
    let right = right.iter().filter(|value| !value.is_unassigned());
    // Most lists are equal in order as well.
    if left.clone().zip(right.clone()).all(|(left, right)| left == right) {
        return true;
    }
    let take = |candidates: &mut Vec<&Value>, value: &Value| {
        let found = candidates.iter().position(|candidate| value.is_equivalent(candidate));
        found.is_some_and(|index| {
            candidates.swap_remove(index);
            true
        })
    };
    if length <= SEARCHED_ELEMENTS {
        let mut candidates: Vec<&Value> = right.collect();
        return left.into_iter().all(|value| take(&mut candidates, value));
    }
    let state = RandomState::new();
    let mut candidates: HashMap<u64, Vec<&Value>> = HashMap::new();
    for value in right {
        candidates.entry(hash(&state, value)).or_default().push(value);
    }
    left.into_iter().all(|value| candidates.get_mut(&hash(&state, value)).is_some_and(|candidates| take(candidates, value)))
}

/// Equal for equivalent values. As deep as a document may be.
fn hash(state: &RandomState, value: &Value) -> u64 {
    if value.is_unassigned() {
        return 0;
    }
    let mut hasher = state.build_hasher();
    match value {
        Value::Null => {}
        Value::Boolean(value) => value.hash(&mut hasher),
        Value::Number(number) => number.hash(&mut hasher),
        Value::String(text) => text.hash(&mut hasher),
        // A sum has no order.
        Value::List(values) => hasher.write_u64(values.iter().fold(0, |sum, value| sum.wrapping_add(hash(state, value)))),
        Value::Complex(members) => {
            let assigned = members.iter().filter(|(_, value)| !value.is_unassigned());
            hasher.write_u64(
                assigned
                    .fold(0, |sum: u64, (name, value)| sum.wrapping_add(state.hash_one((name.to_ascii_lowercase(), hash(state, value))))),
            );
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(values: impl Iterator<Item = usize>) -> Value {
        Value::List(
            values
                .map(|n| {
                    let text = format!(r#"{{"value": "{n}", "type": null, "size": [1.0, {n}, "a"]}}"#);
                    serde_json::from_str(&text).unwrap()
                })
                .collect(),
        )
    }

    /// A comparison of all with all would take some minutes.
    #[test]
    fn long_lists_are_compared_in_linear_time() {
        let (up, down) = (members(0..20_000), members((0..20_000).rev()));
        assert!(up.is_equivalent(&down));
        assert!(!up.is_equivalent(&members((1..20_001).rev())));
        let twice = members((0..10_000).chain(0..10_000));
        assert!(twice.is_equivalent(&members((0..20_000).map(|n| n / 2))));
        assert!(!twice.is_equivalent(&up));
    }

    #[test]
    fn long_lists_compare_as_short_ones_do() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let spellings = [
            (r#"{"a": 1, "B": [2, "x"]}"#, r#"{"b": ["x", 2.0, null], "A": 1.0, "c": []}"#, true),
            (r#"{"a": 1}"#, r#"{"a": 2}"#, false),
            (r#"{"a": "x"}"#, r#"{"a": "X"}"#, false),
            (r#"{"a": {"b": null}}"#, r#"{"c": "x"}"#, false),
            ("[[1, 2], 3]", "[3, [2, 1]]", true),
        ];
        for (left, right, is_equivalent) in spellings {
            let (left, right) = (value(left), value(right));
            assert_eq!(left.is_equivalent(&right), is_equivalent);
            let fill = |value: Value, is_first: bool| {
                let mut values: Vec<Value> = (0..100_i64).map(Value::from).collect();
                values.insert(if is_first { 0 } else { 100 }, value);
                Value::List(values)
            };
            assert_eq!(fill(left, true).is_equivalent(&fill(right, false)), is_equivalent);
        }
    }

    #[test]
    fn many_members_are_compared_in_linear_time() {
        let complex = |names: &mut dyn Iterator<Item = usize>| {
            let members: Vec<String> = names.map(|n| format!(r#""a{n}": {n}"#)).collect();
            serde_json::from_str::<Value>(&format!("{{{}}}", members.join(","))).unwrap()
        };
        let (up, down) = (complex(&mut (0..20_000)), complex(&mut (0..20_000).rev()));
        assert!(up.is_equivalent(&down) && up == down);
        assert!(!up.is_equivalent(&complex(&mut (1..20_001))));
    }
}
