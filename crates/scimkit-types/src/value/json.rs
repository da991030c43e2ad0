//! Reading and writing values as JSON.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{ComplexValue, Number, Value};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Complex(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for ComplexValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Two members whose names differ only by case are an error (R7643-2.1-03).
impl<'de> Deserialize<'de> for ComplexValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ComplexVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::from(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Deserialize::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        ComplexVisitor.visit_map(map).map(Value::Complex)
    }
}

struct ComplexVisitor;

impl<'de> Visitor<'de> for ComplexVisitor {
    type Value = ComplexValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ComplexValue, A::Error> {
        let mut complex = ComplexValue::new();
        // A short object is searched; a long one, which only a hostile peer sends, is checked through a set.
        let mut seen = std::collections::HashSet::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            let is_known = if complex.len() < SEARCHED_MEMBERS {
                complex.get(&name).is_some()
            } else {
                if seen.is_empty() {
                    seen.extend(complex.iter().map(|(name, _)| name.to_ascii_lowercase()));
                }
                !seen.insert(name.to_ascii_lowercase())
            };
            if is_known {
                return Err(de::Error::custom(format_args!("attribute `{name}` occurs twice, its name compares without case")));
            }
            complex.push_unique(name, value);
        }
        Ok(complex)
    }
}

/// The number of members up to which a linear search finds a duplicate faster than a set does.
const SEARCHED_MEMBERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// R7643-2.1-03: names that differ only by case are the same attribute twice.
    #[test]
    fn duplicate_names_are_refused() {
        let read = |text: &str| serde_json::from_str::<Value>(text);
        assert!(read(r#"{"userName": "a", "username": "b"}"#).unwrap_err().to_string().contains("occurs twice"));
        let many: String = (0..100).map(|n| format!(r#""a{n}": 1,"#)).collect();
        assert!(read(&format!(r#"{{{many} "A99": 2}}"#)).is_err());
        assert!(read(&format!(r#"{{{many} "b": 2}}"#)).is_ok());
    }

    #[test]
    fn integers_beyond_doubles_survive() {
        let text = r#"{"z":9007199254740993,"a":[-9223372036854775808,18446744073709551615,7.25,null,true,"x"]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Value>(&deep).is_err());
    }
}
