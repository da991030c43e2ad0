//! Schemas, attributes and resource types (RFC 7643 sections 2, 6 and 7).

mod attribute;
mod build;
mod catalog;
mod name;

pub use attribute::{Attribute, AttributeType, Mutability, Returned, Uniqueness};
pub use catalog::{Catalog, CatalogError, CatalogFault};
pub(crate) use name::compact;
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

/// The schemas of the discovery endpoints: of the service provider's configuration, of resource types and of schemas
/// (RFC 7643 section 8.7.2 with its errata and RFC 9865 section 4).
///
/// They are part of what `/Schemas` answers and belong to no resource type of a [`Catalog`].
///
/// ```
/// use scimkit_types::schema::{SERVICE_PROVIDER_CONFIG, discovery_schemas};
/// assert_eq!(discovery_schemas()[0].id, *SERVICE_PROVIDER_CONFIG);
/// ```
pub fn discovery_schemas() -> &'static [Schema; 3] {
    static DISCOVERY: std::sync::LazyLock<[Schema; 3]> = std::sync::LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "the documents are part of the crate and a test reads them")]
        let read = |text: &str| serde_json::from_str::<Schema>(text).expect("a schema of the crate");
        [
            read(include_str!("data/service-provider-config.json")),
            read(include_str!("data/resource-type.json")),
            read(include_str!("data/schema.json")),
        ]
    });
    &DISCOVERY
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Schema> {
        Catalog::standard().schemas().iter().chain(discovery_schemas()).cloned().collect()
    }

    /// R7643-4.1-01, R7643-4.3-01, R7643-7-02: the schemas have the URIs of the standard.
    #[test]
    fn the_schemas_have_their_uris() {
        let uris: Vec<String> = all().iter().map(|schema| schema.id.to_string()).collect();
        assert_eq!(uris, [USER, GROUP, ENTERPRISE_USER, SERVICE_PROVIDER_CONFIG, RESOURCE_TYPE, SCHEMA]);
        assert!(Catalog::new(all(), Vec::new()).is_ok());
    }

    #[test]
    fn every_attribute_is_described() {
        fn check(attributes: &[Attribute]) {
            for attribute in attributes {
                assert!(!attribute.description.is_empty(), "{} has no description", attribute.name);
                check(&attribute.sub_attributes);
            }
        }
        for schema in all() {
            assert!(!schema.description.is_empty());
            check(&schema.attributes);
        }
    }

    #[test]
    fn schemas_survive_a_round_trip() {
        for schema in all() {
            let written = serde_json::to_string(&schema).unwrap();
            let read: Schema = serde_json::from_str(&written).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), written);
        }
    }

    /// R7643-2.3.8-02, R7643-7-04: what is complex has sub-attributes, and only the schema of schemas nests deeper.
    #[test]
    fn complex_attributes_have_simple_sub_attributes() {
        for schema in all() {
            for attribute in &schema.attributes {
                assert_eq!(attribute.type_ == AttributeType::Complex, !attribute.sub_attributes.is_empty());
                let nests = attribute.sub_attributes.iter().any(|sub_attribute| sub_attribute.type_ == AttributeType::Complex);
                assert_eq!(nests, schema.id == *SCHEMA && attribute.name == *"attributes");
            }
        }
    }
}
