//! The definition of an attribute and its characteristics (RFC 7643 section 2.2).

use serde::{Deserialize, Serialize};

use super::AttributeName;

/// What kind of value an attribute has (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether a resource must have a value.
    #[serde(rename = "required", default)]
    pub is_required: bool,
    /// The values that are suggested, or the only ones by the service provider's policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The sub-attributes of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
