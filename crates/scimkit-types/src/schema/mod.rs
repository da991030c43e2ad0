//! Schemas, attributes and resource types (RFC 7643 sections 2, 6 and 7).

mod attribute;
mod catalog;
mod name;

pub use attribute::{Attribute, AttributeType, Mutability, Returned, Uniqueness};
pub use catalog::{Catalog, CatalogError};
pub use name::{AttributeName, NameError, SchemaUri};

use serde::{Deserialize, Serialize};

/// The URI of the core schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URI of the core schema of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The URI of the enterprise extension of users.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The URI of the schema of schemas.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The URI of the schema of resource types.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// The URI of the schema of the service provider's configuration.
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// A named set of attribute definitions (RFC 7643 section 7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Schema {
    /// The URI that names the schema.
    pub id: SchemaUri,
    /// A name for people.
    #[serde(default)]
    pub name: String,
    /// A description for people.
    #[serde(default)]
    pub description: String,
    /// The attributes in the order in which they are published.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// A schema with these attributes.
    pub fn new(id: SchemaUri, attributes: Vec<Attribute>) -> Self {
        Self { id, name: String::new(), description: String::new(), attributes }
    }

    /// The definition of an attribute of this schema, by name without case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == *name)
    }
}

/// A kind of resource: its endpoint, its base schema and its extensions (RFC 7643 section 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceType {
    /// The identifier, often equal to the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name, which `meta.resourceType` of every resource carries.
    pub name: String,
    /// A description for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The endpoint below the base address, such as `/Users`.
    pub endpoint: String,
    /// The URI of the base schema.
    pub schema: SchemaUri,
    /// The extensions that resources of this type may carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema_extensions: Vec<SchemaExtension>,
}

impl ResourceType {
    /// A resource type without extensions.
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>, schema: SchemaUri) -> Self {
        let name = name.into();
        Self { id: Some(name.clone()), name, description: String::new(), endpoint: endpoint.into(), schema, schema_extensions: Vec::new() }
    }
}

/// An extension of a resource type (RFC 7643 section 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaExtension {
    /// The URI of the extension's schema.
    pub schema: SchemaUri,
    /// Whether every resource of the type must carry the extension.
    pub required: bool,
}

impl SchemaExtension {
    /// An extension of a resource type.
    pub const fn new(schema: SchemaUri, required: bool) -> Self {
        Self { schema, required }
    }
}
