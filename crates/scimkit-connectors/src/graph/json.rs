//! Reading JSON strictly, with errors that say what was expected and where, and never what stood there.

use std::fmt;

use scimkit_types::Value;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Reads all of a document.
pub(super) fn read<'de, S: DeserializeSeed<'de>>(text: &'de [u8], seed: S) -> Result<S::Value, String> {
    let mut track = serde_path_to_error::Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = seed.deserialize(serde_path_to_error::Deserializer::new(&mut deserializer, &mut track));
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())).unwrap_or(&text);
        match track.path().to_string() {
            path if path == "." || path == "?" => format!("{text} ({place})"),
            path => format!("`{path}`: {text} ({place})"),
        }
    })
}

/// The error for a value of another kind.
pub(super) fn unexpected<E: de::Error>(expected: &str, found: &str) -> E {
    E::custom(format_args!("expected {expected}, found {found}"))
}

/// What kind of value it is, for messages.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Complex(_) => "an object",
    }
}

/// A text that is not empty.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if text.is_empty() => Err(unexpected("a text", "an empty one")),
            Value::String(text) => Ok(Self(text)),
            other => Err(unexpected("a text", kind(&other))),
        }
    }
}

/// Methods of a visitor that refuse every scalar.
macro_rules! refuse_scalars {
    ($expected:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($expected)
        }

        fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
            Err(unexpected($expected, "a boolean"))
        }

        fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
            Err(unexpected($expected, "a number"))
        }

        fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
            Err(unexpected($expected, "a number"))
        }

        fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Err(unexpected($expected, "a number"))
        }

        fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
            Err(unexpected($expected, "a text"))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Err(unexpected($expected, "null"))
        }
    };
}

/// A list of at most so many elements, each read by a copy of the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<S> {
    pub(super) element: S,
    pub(super) most: usize,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for List<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for List<S> {
    type Value = Vec<S::Value>;

    refuse_scalars!("a list");

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(unexpected("a list", "an object"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self.element)? {
            if values.len() == self.most {
                return Err(unexpected("no more elements than the limit", "another one"));
            }
            values.push(value);
        }
        Ok(values)
    }
}

/// Reads the members of an object, one by one.
pub(super) trait Members<'de> {
    /// What the members make.
    type Value;

    /// Takes the next member.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error>;

    /// Makes the value.
    fn end<E: de::Error>(self) -> Result<Self::Value, E>;
}

/// An object whose members are read by `M`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<M>(pub(super) M);

impl<'de, M: Members<'de>> DeserializeSeed<'de> for Object<M> {
    type Value = M::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, M: Members<'de>> Visitor<'de> for Object<M> {
    type Value = M::Value;

    refuse_scalars!("an object");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(unexpected("an object", "a list"))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            self.0.member(&name, &mut members)?;
        }
        self.0.end()
    }
}

/// Keeps a member that may occur once.
pub(super) fn once<T, E: de::Error>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom(format_args!("expected the member `{name}` once, found it twice"))),
    }
}

/// A member that must be there.
pub(super) fn required<T, E: de::Error>(slot: Option<T>, name: &str) -> Result<T, E> {
    slot.ok_or_else(|| E::custom(format_args!("expected the member `{name}`, found none")))
}
