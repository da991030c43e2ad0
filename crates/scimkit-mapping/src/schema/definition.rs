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
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}
