//! What a source says of one object.

use std::borrow::Cow;
use std::collections::BTreeMap;

use scimkit_types::{ComplexValue, Value};
use serde::{Deserialize, Serialize};

/// An object of a source: its attributes, and the objects that it refers to.
///
/// ```
/// use scimkit_mapping::SourceRecord;
///
/// let mut record = SourceRecord::new("7", "User");
/// record.attributes.insert("mail", "ola@example.com");
/// record.references.insert("manager".to_owned(), vec!["3".to_owned()]);
/// assert_eq!(serde_json::from_str::<SourceRecord>(&serde_json::to_string(&record)?)?, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SourceRecord {
    /// The identifier in the source.
    pub id: String,
    /// The kind of object, such as `User` or `Group`.
    pub object_type: String,
    /// The attributes; names compare without case.
    #[serde(default)]
    pub attributes: ComplexValue,
    /// The ids of the source objects that this one refers to, by attribute, such as `manager` and `members`.
    ///
    /// An attribute that is missing is unknown; one with an empty list refers to nothing.
    #[serde(default)]
    pub references: BTreeMap<String, Vec<String>>,
}

impl SourceRecord {
    /// An object without attributes.
    pub fn new(id: impl Into<String>, object_type: impl Into<String>) -> Self {
        Self { id: id.into(), object_type: object_type.into(), attributes: ComplexValue::new(), references: BTreeMap::new() }
    }

    /// The value that a mapping sees under this name; null when there is none.
    pub(crate) fn value(&self, name: &str) -> Cow<'_, Value> {
        value_of(self, name, |name| self.attributes.get(name))
    }

    /// The ids under a reference attribute, whose name compares without case; `None` when the record does not tell.
    pub(crate) fn reference(&self, name: &str) -> Option<&[String]> {
        self.references.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, ids)| ids.as_slice())
    }
}

/// The number of attributes up to which they are searched for each name.
const SEARCHED: usize = 32;

/// The attributes of a record, found in the same time however many there are.
#[derive(Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) record: &'a SourceRecord,
    /// By the hash of the name, for a record that has many.
    index: Option<Vec<(u64, &'a str, &'a Value)>>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(record: &'a SourceRecord) -> Self {
        let index = (record.attributes.len() > SEARCHED).then(|| {
            let mut index: Vec<_> = record.attributes.iter().map(|(name, value)| (hash(name), name, value)).collect();
            index.sort_unstable_by_key(|(hash, ..)| *hash);
            index
        });
        Self { record, index }
    }

    /// The value that a mapping sees under this name; null when there is none.
    pub(crate) fn value(&self, name: &str) -> Cow<'_, Value> {
        value_of(self.record, name, |name| match &self.index {
            Some(index) => {
                let hash = hash(name);
                let start = index.partition_point(|(known, ..)| *known < hash);
                let mut same = index.iter().skip(start).take_while(|(known, ..)| *known == hash);
                same.find(|(_, known, _)| known.eq_ignore_ascii_case(name)).map(|(.., value)| *value)
            }
            None => self.record.attributes.get(name),
        })
    }
}

/// The FNV-1a hash of a name in small letters.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3))
}

/// The value of a name, by way of the attributes that the record has.
///
/// A name that the record has is taken as it is, with one exception: a guest's `userPrincipalName` ends before `#EXT#`, and
/// `originalUserPrincipalName` is the whole. Other names are looked up under [the name that Microsoft Graph uses](graph_name).
fn value_of<'a>(record: &SourceRecord, name: &str, get: impl Fn(&str) -> Option<&'a Value>) -> Cow<'a, Value> {
    if name.eq_ignore_ascii_case("userPrincipalName") {
        return match get(name) {
            Some(Value::String(text)) if text.contains(GUEST) => Cow::Owned(Value::from(without_guest_suffix(text))),
            Some(other) => Cow::Borrowed(other),
            None => Cow::Owned(Value::Null),
        };
    }
    if let Some(value) = get(name) {
        return Cow::Borrowed(value);
    }
    let graph = graph_name(name);
    if graph == "id" {
        return Cow::Owned(Value::from(record.id.as_str()));
    }
    if graph == name {
        return Cow::Owned(Value::Null);
    }
    match get(graph) {
        Some(Value::List(values)) if name.eq_ignore_ascii_case("telephoneNumber") => {
            values.first().map_or(Cow::Owned(Value::Null), Cow::Borrowed)
        }
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(Value::Null),
    }
}

/// The name that Microsoft Graph gives to an attribute that mappings know under another name; other names stay.
///
/// ```
/// assert_eq!(scimkit_mapping::graph_name("mobile"), "mobilePhone");
/// assert_eq!(scimkit_mapping::graph_name("mail"), "mail");
/// ```
pub fn graph_name(name: &str) -> &str {
    const NAMES: &[(&str, &str)] = &[
        ("mobile", "mobilePhone"),
        ("telephoneNumber", "businessPhones"),
        ("objectId", "id"),
        ("facsimileTelephoneNumber", "faxNumber"),
        ("physicalDeliveryOfficeName", "officeLocation"),
        ("originalUserPrincipalName", "userPrincipalName"),
    ];
    NAMES.iter().find(|(mapping, _)| mapping.eq_ignore_ascii_case(name)).map_or(name, |(_, graph)| graph)
}

/// What stands in the user principal name of a guest, and ends what is of use.
const GUEST: &str = "#EXT#";

fn without_guest_suffix(name: &str) -> &str {
    name.split_once(GUEST).map_or(name, |(head, _)| head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mappings_find_the_attributes_of_graph() {
        let mut record = SourceRecord::new("17", "User");
        record.attributes.insert("mobilePhone", "+47 1");
        record.attributes.insert("businessPhones", vec![Value::from("+47 2"), Value::from("+47 3")]);
        record.attributes.insert("userPrincipalName", "ola_example.com#EXT#@host.example");
        let text = |name: &str| record.value(name).as_str().map(str::to_owned);
        assert_eq!(text("mobile").as_deref(), Some("+47 1"));
        assert_eq!(text("TelephoneNumber").as_deref(), Some("+47 2"));
        assert_eq!(text("objectId").as_deref(), Some("17"));
        assert_eq!(text("userPrincipalName").as_deref(), Some("ola_example.com"));
        assert_eq!(text("originalUserPrincipalName").as_deref(), Some("ola_example.com#EXT#@host.example"));
        assert_eq!(text("mail"), None);
    }

    #[test]
    fn a_record_with_many_attributes_is_searched_alike() {
        let mut record = SourceRecord::new("17", "User");
        for number in 0..100 {
            record.attributes.insert(format!("Name{number}"), number);
        }
        record.attributes.insert("userPrincipalName", "ola#EXT#@host.example");
        let attributes = Attributes::new(&record);
        for name in ["name7", "NAME99", "Name100", "userPrincipalName", "objectId", "originalUserPrincipalName"] {
            assert_eq!(attributes.value(name), record.value(name), "{name}");
        }
        assert_eq!(attributes.value("NAME99").as_number().and_then(scimkit_types::Number::as_i64), Some(99));
    }

    #[test]
    fn an_own_attribute_comes_before_the_name_of_graph() {
        let mut record = SourceRecord::new("17", "User");
        record.attributes.insert("mobile", "own");
        record.attributes.insert("mobilePhone", "graph");
        assert_eq!(record.value("MOBILE").as_str(), Some("own"));
    }
}
