//! Reading and writing values as JSON.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::reader::{self, Members};
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

/// Reads the text of the document where the format is JSON, so that numbers stay as they are written; from other formats and from values
/// in memory numbers come as integers and doubles.
///
/// Two members whose names differ only by case are an error (R7643-2.1-03).
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(raw_name(), RawVisitor)
    }
}

/// Reads as [`Value`] does, and only an object.
impl<'de> Deserialize<'de> for ComplexValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Complex(value) => Ok(value),
            other => Err(de::Error::invalid_type(other.unexpected(), &"a JSON object")),
        }
    }
}

impl Value {
    /// Reads a JSON document, as `serde_json` does and with the same errors, without going through it when there are none.
    ///
    /// ```
    /// use scimkit_types::Value;
    /// assert_eq!(Value::from_json(b"[1.10, true]")?.elements().len(), 2);
    /// assert!(Value::from_json(b"[1.10, true").is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of `serde_json` if the text is not JSON in UTF-8, nests more than 128 deep or names a member twice.
    pub fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        match std::str::from_utf8(text).ok().and_then(|text| reader::read(text).ok()) {
            Some(value) => Ok(value),
            None => serde_json::from_slice(text),
        }
    }

    /// What stands in place of something else; never its content.
    const fn unexpected(&self) -> de::Unexpected<'static> {
        match self {
            Self::Null => de::Unexpected::Unit,
            Self::Boolean(_) => de::Unexpected::Other("a boolean"),
            Self::Number(_) => de::Unexpected::Other("a number"),
            Self::String(_) => de::Unexpected::Other("text"),
            Self::List(_) => de::Unexpected::Seq,
            Self::Complex(_) => de::Unexpected::Map,
        }
    }
}

/// The name by which `serde_json` is asked for the text of a value, told by asking for one.
fn raw_name() -> &'static str {
    static NAME: OnceLock<&'static str> = OnceLock::new();
    NAME.get_or_init(|| {
        let mut name = "";
        // The probe has no value to give: what is wanted is only the name.
        let asked: Result<Box<RawValue>, _> = Deserialize::deserialize(Probe(&mut name));
        debug_assert!(asked.is_err());
        name
    })
}

struct Probe<'a>(&'a mut &'static str);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("there is no value"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        *self.0 = name;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        enum identifier ignored_any
    }
}

/// Takes the text of a value where the format gives it, else the value itself.
struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ValueVisitor.expecting(f)
    }

    /// The text comes as the only member of a map.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        match map.next_key::<String>()? {
            // Read outside of the map, so that its name, which no peer sent, is in no path of an error.
            Some(name) if name == raw_name() => reader::read(&map.next_value_seed(TextSeed)?).map_err(de::Error::custom),
            name => read_members(name, map),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }

    // Formats without newtypes give what they have.

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        ValueVisitor.visit_bool(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        ValueVisitor.visit_i64(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        ValueVisitor.visit_u64(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        ValueVisitor.visit_f64(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        ValueVisitor.visit_str(value)
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        ValueVisitor.visit_string(value)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        ValueVisitor.visit_unit()
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        ValueVisitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        ValueVisitor.visit_some(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        ValueVisitor.visit_seq(seq)
    }
}

/// Takes text, if it can without a copy.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
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

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let name = map.next_key()?;
        read_members(name, map)
    }
}

/// The members of a map whose first name is read already.
fn read_members<'de, A: MapAccess<'de>>(mut name: Option<String>, mut map: A) -> Result<Value, A::Error> {
    let mut members = Members::default();
    while let Some(next) = name {
        let value = map.next_value_seed(std::marker::PhantomData)?;
        members.push(&next, value).map_err(de::Error::custom)?;
        name = map.next_key()?;
    }
    Ok(Value::Complex(members.into_complex()))
}

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

    /// R7643-2.3.3-01: also inside of other data, and from readers.
    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"a":1.10,"b":[0.1000000000000000055,-0,-0.0,1E+2,123456789012345678901234567890]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        let value: Value = serde_json::from_reader(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        let values: Vec<Option<ComplexValue>> = serde_json::from_str(&format!("[{text}, null]")).unwrap();
        assert_eq!(serde_json::to_string(&values).unwrap(), format!("[{text},null]"));
        assert!(serde_json::from_str::<Value>("[1e400]").unwrap_err().to_string().contains("out of range"));
    }

    /// Formats and buffers that have no text give values.
    #[test]
    fn values_are_read_from_other_formats() {
        #[derive(serde::Deserialize)]
        struct Flat {
            known: i64,
            #[serde(flatten)]
            rest: ComplexValue,
        }
        let flat: Flat = serde_json::from_str(r#"{"known": 1, "size": 1.5, "list": [null, true, "x", {"a": -1}]}"#).unwrap();
        let expected: Value = serde_json::from_str(r#"{"size": 1.5, "list": [null, true, "x", {"a": -1}]}"#).unwrap();
        assert_eq!((flat.known, Value::from(flat.rest)), (1, expected.clone()));
        assert_eq!(serde_json::from_value::<Value>(serde_json::to_value(&expected).unwrap()).unwrap(), expected);
        assert!(serde_json::from_str::<ComplexValue>("[1]").unwrap_err().to_string().contains("expected a JSON object"));
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
