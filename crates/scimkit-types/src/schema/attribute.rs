//! The definition of an attribute and its characteristics (RFC 7643 section 2.2).

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use super::AttributeName;

/// What kind of value an attribute has (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, DeriveSerialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7643 section 2.3")]
pub enum AttributeType {
    /// Unicode text.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A number without fraction and exponent.
    Integer,
    /// An `xsd:dateTime`.
    DateTime,
    /// Base64 data.
    Binary,
    /// A URI.
    Reference,
    /// Sub-attributes.
    Complex,
}

/// When an attribute can be written (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, DeriveSerialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7643 section 7")]
pub enum Mutability {
    /// By the service provider only.
    ReadOnly,
    /// At any time.
    #[default]
    ReadWrite,
    /// Once.
    Immutable,
    /// At any time, and never read.
    WriteOnly,
}

/// When an attribute is part of a response (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, DeriveSerialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7643 section 7")]
pub enum Returned {
    /// Whatever was asked for.
    Always,
    /// Never, and so it cannot be filtered on.
    Never,
    /// Unless left out by the request.
    #[default]
    Default,
    /// When asked for, or written by the request.
    Request,
}

/// Among which resources a value occurs once (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, DeriveSerialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7643 section 7")]
pub enum Uniqueness {
    /// Values may repeat.
    #[default]
    None,
    /// Once in the service provider.
    Server,
    /// Once in the world.
    Global,
}

/// The definition of an attribute (RFC 7643 sections 2.2 and 7). A characteristic that a document leaves out has its default.
///
/// It is written without the characteristics that have no meaning for its type: case for what is not text, uniqueness for what is
/// complex, boolean or binary (R7643-2.3.6-04, R7643-2.3.8-03).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Attribute {
    /// The name.
    pub name: AttributeName,
    /// The type of the value, or of each value of a multi-valued attribute.
    #[serde(rename = "type", default)]
    pub type_: AttributeType,
    /// Whether the attribute has a list of values.
    #[serde(rename = "multiValued", default)]
    pub is_multi_valued: bool,
    /// A description for people.
    #[serde(default)]
    pub description: String,
    /// Whether a resource must have a value.
    #[serde(rename = "required", default)]
    pub is_required: bool,
    /// The values that are suggested, or the only ones by the service provider's policy.
    #[serde(default)]
    pub canonical_values: Vec<String>,
    /// Whether text compares with case.
    #[serde(default)]
    pub case_exact: bool,
    /// When the attribute can be written.
    #[serde(default)]
    pub mutability: Mutability,
    /// When the attribute is part of a response.
    #[serde(default)]
    pub returned: Returned,
    /// Among which resources a value occurs once.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// What a reference points at: names of resource types, `external` or `uri`.
    #[serde(default)]
    pub reference_types: Vec<String>,
    /// The sub-attributes of a complex attribute.
    #[serde(default)]
    pub sub_attributes: Vec<Self>,
}

impl Attribute {
    /// An attribute whose other characteristics are the defaults of RFC 7643 section 2.2.
    pub const fn new(name: AttributeName, type_: AttributeType) -> Self {
        Self {
            name,
            type_,
            is_multi_valued: false,
            description: String::new(),
            is_required: false,
            canonical_values: Vec::new(),
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }

    /// The definition of a sub-attribute, by name without case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|attribute| attribute.name == *name)
    }

    /// Whether text compares with case: as the schema says for strings; always for references and binary data
    /// (RFC 7643 sections 2.3.6 and 2.3.7).
    pub const fn compares_case_exact(&self) -> bool {
        match self.type_ {
            AttributeType::Reference | AttributeType::Binary => true,
            _ => self.case_exact,
        }
    }
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let has_case = matches!(self.type_, AttributeType::String | AttributeType::Reference | AttributeType::Binary);
        let has_uniqueness = !matches!(self.type_, AttributeType::Complex | AttributeType::Boolean | AttributeType::Binary);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("type", &self.type_)?;
        map.serialize_entry("multiValued", &self.is_multi_valued)?;
        if !self.description.is_empty() {
            map.serialize_entry("description", &self.description)?;
        }
        map.serialize_entry("required", &self.is_required)?;
        if !self.canonical_values.is_empty() {
            map.serialize_entry("canonicalValues", &self.canonical_values)?;
        }
        if has_case {
            map.serialize_entry("caseExact", &self.compares_case_exact())?;
        }
        map.serialize_entry("mutability", &self.mutability)?;
        map.serialize_entry("returned", &self.returned)?;
        if has_uniqueness {
            map.serialize_entry("uniqueness", &self.uniqueness)?;
        }
        if !self.reference_types.is_empty() {
            map.serialize_entry("referenceTypes", &self.reference_types)?;
        }
        if !self.sub_attributes.is_empty() {
            map.serialize_entry("subAttributes", &self.sub_attributes)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7643-2.2-01: what is not stated has the defaults of RFC 7643 section 2.2.
    #[test]
    fn unstated_characteristics_have_their_defaults() {
        let attribute: Attribute = serde_json::from_str(r#"{"name": "x"}"#).unwrap();
        assert_eq!(attribute, Attribute::new("x".parse().unwrap(), AttributeType::String));
        assert!(!attribute.is_required && !attribute.case_exact && !attribute.is_multi_valued && attribute.canonical_values.is_empty());
        assert_eq!(
            (attribute.mutability, attribute.returned, attribute.uniqueness),
            (Mutability::ReadWrite, Returned::Default, Uniqueness::None)
        );
    }

    /// R7643-2.3-01: there are no other types.
    #[test]
    fn unknown_types_are_refused() {
        assert!(serde_json::from_str::<Attribute>(r#"{"name": "x", "type": "date"}"#).is_err());
        assert_eq!(serde_json::from_str::<Attribute>(r#"{"name": "x", "type": "binary"}"#).unwrap().type_, AttributeType::Binary);
    }

    /// R7643-2.1-02: names of attributes.
    #[test]
    fn names_follow_the_grammar() {
        let is_name = |name: &str| serde_json::from_value::<Attribute>(serde_json::json!({ "name": name })).is_ok();
        assert!(["$ref", "a-b_1", "x"].into_iter().all(is_name));
        assert!(!["1a", "a b", "a.b", "", "$", "é"].into_iter().any(is_name));
    }

    /// R7643-2.3.6-04, R7643-2.3.7-05, R7643-2.3.8-03: only characteristics with a meaning are published.
    #[test]
    fn published_characteristics_fit_the_type() {
        let written = |type_| serde_json::to_value(Attribute::new("x".parse().unwrap(), type_)).unwrap();
        let complex = written(AttributeType::Complex);
        assert!(complex.get("uniqueness").is_none() && complex.get("caseExact").is_none());
        let binary = written(AttributeType::Binary);
        assert!(binary.get("uniqueness").is_none() && binary["caseExact"] == true);
        assert_eq!(written(AttributeType::Reference)["caseExact"], true);
        assert_eq!(written(AttributeType::String)["caseExact"], false);
    }
}
