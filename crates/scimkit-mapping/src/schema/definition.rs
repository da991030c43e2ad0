//! What a synchronization schema says of the directories on both sides.

use serde::{Deserialize, Serialize};

use super::OtherMembers;
use super::mapping::null_as_default;

/// A directory and its objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DirectoryDefinition {
    /// The name, which rules refer to.
    #[serde(default)]
    pub name: String,
    /// The objects.
    #[serde(default, deserialize_with = "null_as_default")]
    pub objects: Vec<ObjectDefinition>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// A kind of object and its attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ObjectDefinition {
    /// The name, such as `User`.
    #[serde(default)]
    pub name: String,
    /// The attributes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attributes: Vec<AttributeDefinition>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// An attribute of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttributeDefinition {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// The type: `String`, `Boolean`, `DateTime`, `Integer`, `Reference` or `Binary`; `None` if it is not known.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Whether there may be several values; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multivalued: Option<bool>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl AttributeDefinition {
    /// An attribute of which nothing but the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// This attribute with a type, such as `Boolean`.
    #[must_use]
    pub fn with_type(self, type_: impl Into<String>) -> Self {
        Self { type_: Some(type_.into()), ..self }
    }

    /// This attribute with several values.
    #[must_use]
    pub fn with_several_values(self) -> Self {
        Self { multivalued: Some(true), ..self }
    }
}
