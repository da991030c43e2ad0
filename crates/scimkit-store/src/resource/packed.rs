//! Documents in less memory than their JSON takes, read back about as fast as a tree is copied.

use scimkit_types::{ComplexValue, Number, Resource, Value};

use super::UniqueKey;

/// A document: one byte for the kind of each value, then its length, then its text or parts. Words that nearly every document has are
/// kept as their number: a length is twice that of the text, and one more than twice its number for a word.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

/// Unique values, packed as documents are.
#[derive(Clone, Debug)]
pub(super) struct PackedKeys(Box<[u8]>);

impl PackedKeys {
    /// Packs values.
    pub(super) fn new(keys: &[UniqueKey]) -> Self {
        let mut bytes = Vec::new();
        for key in keys {
            pack_text(&key.attribute, &mut bytes);
            pack_text(&key.key, &mut bytes);
        }
        Self(bytes.into_boxed_slice())
    }

    /// The values as attribute and key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut reader = Reader(&self.0);
        std::iter::from_fn(move || Some((reader.text()?, reader.text()?)))
    }
}

/// Names of attributes, schemas and types of the standard, shorter ones first, those of one length in the order of their bytes.
const WORDS: [&str; 54] = [
    "ims",
    "$ref",
    "User",
    "home",
    "name",
    "type",
    "work",
    "Group",
    "other",
    "roles",
    "title",
    "value",
    "active",
    "emails",
    "groups",
    "locale",
    "mobile",
    "photos",
    "region",
    "country",
    "display",
    "manager",
    "members",
    "primary",
    "schemas",
    "division",
    "locality",
    "nickName",
    "timezone",
    "userName",
    "userType",
    "addresses",
    "formatted",
    "givenName",
    "costCenter",
    "department",
    "externalId",
    "familyName",
    "middleName",
    "postalCode",
    "profileUrl",
    "displayName",
    "entitlements",
    "organization",
    "phoneNumbers",
    "streetAddress",
    "employeeNumber",
    "honorificPrefix",
    "honorificSuffix",
    "x509Certificates",
    "preferredLanguage",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
];

/// Where the words of each length begin, up to one behind the longest; every text is looked for, so it must be told fast that it is none.
const BEGINNINGS: [usize; 60] = {
    let mut beginnings = [0; 60];
    let (mut length, mut number) = (0, 0);
    #[expect(clippy::indexing_slicing, reason = "the compiler would refuse an index that is out of bounds")]
    while length < beginnings.len() {
        while number < WORDS.len() && WORDS[number].len() < length {
            number += 1;
        }
        beginnings[length] = number;
        length += 1;
    }
    beginnings
};

/// The number of a word; `None` if the text is no word.
fn number_of(text: &str) -> Option<usize> {
    let beginning = *BEGINNINGS.get(text.len())?;
    let end = *BEGINNINGS.get(text.len() + 1)?;
    let first = text.as_bytes().first();
    let is_text = |word: &&str| word.as_bytes().first() == first && *word == text;
    WORDS.get(beginning..end)?.iter().position(is_text).map(|place| beginning + place)
}

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const STRING: u8 = 4;
const LIST: u8 = 5;
const COMPLEX: u8 = 6;

/// Room for the document of a user.
const USUAL_LENGTH: usize = 1024;

impl Packed {
    /// Packs a document, whose depth was checked before.
    pub(super) fn new(document: &Resource) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_LENGTH);
        pack_members(document.as_complex(), &mut bytes);
        Self(bytes.into_boxed_slice())
    }

    /// The document.
    pub(super) fn unpack(&self) -> Resource {
        // INVARIANT (what was packed is read back): only `new` makes the bytes.
        Resource::from(Reader(&self.0).members().unwrap_or_default())
    }

    /// The top-level attributes and extensions of some names.
    pub(super) fn unpack_some(&self, is_wanted: impl Fn(&str) -> bool) -> Resource {
        Resource::from(Reader(&self.0).some_members(is_wanted).unwrap_or_default())
    }

    /// The names of the top-level attributes and extensions that are not the same in another document.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        self.differing_in_place(other).unwrap_or_else(|| self.differing_anywhere(other))
    }

    /// As [`differing`](Self::differing) where both have the same names in the same order, as most have; `None` where they have not.
    fn differing_in_place<'a>(&'a self, other: &'a Self) -> Option<Vec<&'a str>> {
        let (mut own, mut other) = (Reader(&self.0), Reader(&other.0));
        let length = own.length()?;
        if other.length()? != length {
            return None;
        }
        let mut names = Vec::new();
        for _ in 0..length {
            let part = own.part()?;
            match other.0.strip_prefix(part) {
                Some(rest) => other.0 = rest,
                None => {
                    let name = Reader(part).text()?;
                    if Reader(other.part()?).text()? != name {
                        return None;
                    }
                    names.push(name);
                }
            }
        }
        Some(names)
    }

    fn differing_anywhere<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let (own, other): (Vec<&[u8]>, Vec<&[u8]>) = (self.parts().collect(), other.parts().collect());
        let only = |these: &[&'a [u8]], those: &[&'a [u8]]| -> Vec<&'a str> {
            these.iter().filter(|part| !those.contains(part)).filter_map(|part| Reader(part).text()).collect()
        };
        [only(&own, &other), only(&other, &own)].concat()
    }

    /// The top-level attributes and extensions, each with its name and value.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader(&self.0);
        let length = reader.length().unwrap_or_default();
        (0..length).map_while(move |_| reader.part())
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
    match number_of(text) {
        Some(number) => pack_length(2 * number + 1, bytes),
        None => {
            pack_length(2 * text.len(), bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
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
        if length % 2 == 1 {
            return WORDS.get(length / 2).copied();
        }
        let (text, rest) = self.0.split_at_checked(length / 2)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// A name and its value.
    fn part(&mut self) -> Option<&'a [u8]> {
        let part = self.0;
        self.skip_text()?;
        self.skip()?;
        part.get(..part.len() - self.0.len())
    }

    /// Passes a text by.
    fn skip_text(&mut self) -> Option<()> {
        let length = self.length()?;
        if length % 2 == 0 {
            self.0 = self.0.get(length / 2..)?;
        }
        Some(())
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

    fn some_members(&mut self, is_wanted: impl Fn(&str) -> bool) -> Option<ComplexValue> {
        let mut members = Vec::new();
        for _ in 0..self.length()? {
            let name = self.text()?;
            if is_wanted(name) {
                members.push((name.into(), self.value()?));
            } else {
                self.skip()?;
            }
        }
        Some(ComplexValue::from_distinct(members))
    }

    /// Passes a value by. As deep as a document may be, which was checked before it was packed.
    fn skip(&mut self) -> Option<()> {
        match self.byte()? {
            NULL | FALSE | TRUE => {}
            NUMBER | STRING => self.skip_text()?,
            LIST => {
                for _ in 0..self.length()? {
                    self.skip()?;
                }
            }
            COMPLEX => {
                for _ in 0..self.length()? {
                    self.skip_text()?;
                    self.skip()?;
                }
            }
            _ => return None,
        }
        Some(())
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

    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["\\PC{0,40}", prop::sample::select(&WORDS[..]).prop_map(str::to_owned)]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec!["1.10", "-0", "18446744073709551616", "1e300"]).prop_map(|text| Value::Number(text.parse().unwrap())),
            "\\PC{0,200}".prop_map(Value::from),
            prop::sample::select(&WORDS[..]).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::vec((name(), inner), 0..5).prop_map(|members| Value::Complex(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn words_are_found_by_their_order() {
        for (number, word) in WORDS.iter().enumerate() {
            assert_eq!(number_of(word), Some(number), "`{word}`");
        }
        assert_eq!(["", "USERNAME", "userNam", "zzzz"].map(number_of), [None; 4]);
        let longest = WORDS.iter().map(|word| word.len()).max().unwrap();
        assert_eq!(BEGINNINGS.len(), longest + 2);
        assert_eq!([longest, longest + 1, 1000].map(|length| number_of(&"x".repeat(length))), [None; 3]);
    }

    proptest! {
        #[test]
        fn unique_values_are_read_back(keys in prop::collection::vec((name(), "\\PC{0,200}"), 0..5)) {
            let keys: Vec<UniqueKey> = keys.into_iter().map(|(attribute, key)| UniqueKey::new(attribute, key)).collect();
            let packed = PackedKeys::new(&keys);
            let again: Vec<UniqueKey> = packed.iter().map(|(attribute, key)| UniqueKey::new(attribute, key)).collect();
            prop_assert_eq!(again, keys);
        }

        /// What differs is found by the names, whatever the order.
        #[test]
        fn differing_attributes_are_found(
            members in prop::collection::vec((name(), value()), 0..8),
            others in prop::collection::vec((name(), value()), 0..3),
            kept in prop::collection::vec(any::<bool>(), 8),
            is_reversed: bool,
        ) {
            let old: ComplexValue = members.into_iter().collect();
            let new = old.iter().zip(&kept).filter(|(_, kept)| **kept).map(|((name, value), _)| (name.to_owned(), value.clone()));
            let mut new: Vec<(String, Value)> = new.collect();
            if is_reversed {
                new.reverse();
            }
            let new: ComplexValue = new.into_iter().chain(others).collect();
            let (old, new) = (Resource::from(old), Resource::from(new));
            let (packed_old, packed_new) = (Packed::new(&old), Packed::new(&new));
            let found = packed_old.differing(&packed_new);
            let text = |value: Option<&Value>| value.map(|value| serde_json::to_string(value).unwrap());
            for (name, _) in old.as_complex().iter().chain(new.as_complex().iter()) {
                if text(old.get(name)) != text(new.get(name)) {
                    prop_assert!(found.iter().any(|found| found.eq_ignore_ascii_case(name)), "{}", name);
                }
            }
            prop_assert!(packed_old.differing(&packed_old).is_empty());
        }

        /// Documents are read back as they were, in the same order and spelling, also those that are wide.
        #[test]
        fn a_document_is_read_back(members in prop::collection::vec((name(), value()), 0..8), width in prop_oneof![Just(0), Just(300)]) {
            let wide = (0..width).map(|n| (format!("wide{n}"), Value::from(n)));
            let document = Resource::from(members.into_iter().chain(wide).collect::<ComplexValue>());
            let packed = Packed::new(&document);
            let again = packed.unpack();
            for (name, value) in document.as_complex().iter() {
                let found = packed.unpack_some(|other| other == name);
                prop_assert_eq!((found.get(name), found.as_complex().len()), (Some(value), 1));
            }
            prop_assert!(packed.unpack_some(|_| false).as_complex().is_empty());
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&document).unwrap());
        }
    }
}
