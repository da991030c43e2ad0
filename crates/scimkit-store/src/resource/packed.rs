//! Documents in as little memory as their JSON takes, read back about as fast as a tree is copied.

use scimkit_types::{ComplexValue, Number, Resource, Value};

/// A document: one byte for the kind of each value, then its length, then its text or parts.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const STRING: u8 = 4;
const LIST: u8 = 5;
const COMPLEX: u8 = 6;

impl Packed {
    /// Packs a document, whose depth was checked before.
    pub(super) fn new(document: &Resource) -> Self {
        let mut bytes = Vec::new();
        pack_members(document.as_complex(), &mut bytes);
        Self(bytes.into_boxed_slice())
    }

    /// The document.
    pub(super) fn unpack(&self) -> Resource {
        // INVARIANT (what was packed is read back): only `new` makes the bytes.
        Resource::from(Reader(&self.0).members().unwrap_or_default())
    }

    /// The value of one top-level attribute.
    pub(super) fn get(&self, attribute: &str) -> Option<Value> {
        let mut reader = Reader(&self.0);
        for _ in 0..reader.length()? {
            let (name, value) = (reader.text()?, reader.value()?);
            if name.eq_ignore_ascii_case(attribute) {
                return Some(value);
            }
        }
        None
    }
}

fn pack_length(mut length: usize, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn pack_text(text: &str, bytes: &mut Vec<u8>) {
    pack_length(text.len(), bytes);
    bytes.extend_from_slice(text.as_bytes());
}

fn pack_members(value: &ComplexValue, bytes: &mut Vec<u8>) {
    pack_length(value.len(), bytes);
    for (name, value) in value.iter() {
        pack_text(name, bytes);
        pack(value, bytes);
    }
}

fn pack(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(NULL),
        Value::Boolean(value) => bytes.push(if *value { TRUE } else { FALSE }),
        Value::Number(number) => {
            bytes.push(NUMBER);
            pack_text(&number.to_string(), bytes);
        }
        Value::String(text) => {
            bytes.push(STRING);
            pack_text(text, bytes);
        }
        Value::List(values) => {
            bytes.push(LIST);
            pack_length(values.len(), bytes);
            for value in values {
                pack(value, bytes);
            }
        }
        Value::Complex(value) => {
            bytes.push(COMPLEX);
            pack_members(value, bytes);
        }
    }
}

/// What is left of a packed document.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn length(&mut self) -> Option<usize> {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(length);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn members(&mut self) -> Option<ComplexValue> {
        let length = self.length()?;
        let mut members = Vec::with_capacity(length);
        for _ in 0..length {
            members.push((self.text()?.into(), self.value()?));
        }
        // The names differ, as those of the packed value did.
        Some(ComplexValue::from_distinct(members))
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Boolean(false),
            TRUE => Value::Boolean(true),
            NUMBER => Value::Number(self.text()?.parse::<Number>().ok()?),
            STRING => Value::String(self.text()?.to_owned()),
            LIST => {
                let length = self.length()?;
                let mut values = Vec::with_capacity(length);
                for _ in 0..length {
                    values.push(self.value()?);
                }
                Value::List(values)
            }
            COMPLEX => Value::Complex(self.members()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec!["1.10", "-0", "18446744073709551616", "1e300"]).prop_map(|text| Value::Number(text.parse().unwrap())),
            "\\PC{0,200}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::vec(("\\PC{0,9}", inner), 0..5).prop_map(|members| Value::Complex(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Documents are read back as they were, in the same order and spelling, also those that are wide.
        #[test]
        fn a_document_is_read_back(members in prop::collection::vec(("\\PC{0,40}", value()), 0..8), width in prop_oneof![Just(0), Just(300)]) {
            let wide = (0..width).map(|n| (format!("wide{n}"), Value::from(n)));
            let document = Resource::from(members.into_iter().chain(wide).collect::<ComplexValue>());
            let packed = Packed::new(&document);
            let again = packed.unpack();
            for (name, value) in document.as_complex().iter() {
                let found = packed.get(&name.to_ascii_uppercase());
                prop_assert_eq!(found.as_ref(), Some(value));
            }
            prop_assert_eq!(packed.get("\u{1}"), None);
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&document).unwrap());
        }
    }
}
