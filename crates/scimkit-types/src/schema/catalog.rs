//! The schemas and resource types that a service provider offers.

use std::collections::HashMap;

use super::{Attribute, AttributeType, ENTERPRISE_USER, GROUP, ResourceType, SCHEMA, Schema, SchemaExtension, SchemaUri, USER};

/// Why schemas and resource types do not make a catalog: everything that is wrong with them, in the order of the definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogError {
    /// The faults, at least one and at most [`MAX_FAULTS`](Self::MAX_FAULTS).
    pub faults: Vec<CatalogFault>,
}

impl CatalogError {
    /// How many faults are named at most.
    pub const MAX_FAULTS: usize = 100;
}

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogError {}

/// One fault of a set of schemas and resource types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogFault {
    /// A resource type names a schema that is not there.
    #[error("resource type `{resource_type}` names schema `{schema}`, which is not defined")]
    UnknownSchema {
        /// The name of the resource type.
        resource_type: String,
        /// The URI that it names.
        schema: SchemaUri,
    },
    /// Two schemas have one URI, two resource types one name or endpoint, or a resource type names a schema twice.
    #[error("`{name}` is defined twice")]
    Duplicate {
        /// The URI, name or endpoint.
        name: String,
    },
    /// The URI of a schema is one that the IETF keeps for other things (R7643-10.2-01).
    #[error("schema `{schema}` has a reserved URI, expected `urn:ietf:params:scim:schemas:` and a name, or a namespace of one's own")]
    ReservedUri {
        /// The URI.
        schema: SchemaUri,
    },
    /// The endpoint of a resource type is no path of one segment such as `/Devices`; the slash may be missing.
    #[error("resource type `{resource_type}` has the endpoint `{endpoint}`, expected one such as `/Devices`")]
    Endpoint {
        /// The name of the resource type.
        resource_type: String,
        /// The endpoint.
        endpoint: String,
    },
    /// A schema defines an attribute twice, or gives it characteristics that do not fit its type: sub-attributes to one that is not
    /// complex, reference types to one that is no reference, a `primary` that is no boolean to a multi-valued one.
    #[error("attribute `{attribute}` of schema `{schema}` {fault}")]
    Attribute {
        /// The URI of the schema.
        schema: SchemaUri,
        /// The name of the attribute, after a dot that of the sub-attribute.
        attribute: String,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// The schemas and resource types that a service provider offers, checked against each other.
///
/// Look-ups compare without case.
#[derive(Clone, Debug)]
pub struct Catalog {
    schemas: Vec<Schema>,
    schema_index: HashMap<SchemaUri, usize>,
    resource_types: Vec<ResourceType>,
    /// The common attributes that a base schema lists, with their fixed characteristics (R7643-3.1-03).
    listed_common: HashMap<SchemaUri, Vec<Attribute>>,
}

impl Catalog {
    /// A catalog of these schemas and resource types.
    ///
    /// # Errors
    /// [`CatalogError`] with all faults.
    pub fn new(schemas: Vec<Schema>, resource_types: Vec<ResourceType>) -> Result<Self, CatalogError> {
        let mut schema_index = HashMap::new();
        let mut faults = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            if schema_index.insert(schema.id.clone(), index).is_some() {
                faults.push(CatalogFault::Duplicate { name: schema.id.to_string() });
            }
            check_schema(schema, &mut faults);
        }
        for (index, resource_type) in resource_types.iter().enumerate() {
            let others = resource_types.get(..index).unwrap_or_default();
            check_resource_type(resource_type, others, &schema_index, &mut faults);
        }
        if !faults.is_empty() {
            faults.truncate(CatalogError::MAX_FAULTS);
            return Err(CatalogError { faults });
        }
        let listed_common =
            schemas.iter().map(|schema| (schema.id.clone(), listed_common_of(schema))).filter(|(_, listed)| !listed.is_empty());
        let listed_common = listed_common.collect();
        Ok(Self { schemas, schema_index, resource_types, listed_common })
    }

    /// Users with the enterprise extension, and groups, as RFC 7643 defines them with its errata.
    pub fn standard() -> Self {
        static STANDARD: std::sync::LazyLock<Catalog> = std::sync::LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the documents are part of the crate and a test reads them")]
            let read = |text: &str| serde_json::from_str::<Schema>(text).expect("a schema of the crate");
            let schemas = vec![
                read(include_str!("data/user.json")),
                read(include_str!("data/group.json")),
                read(include_str!("data/enterprise-user.json")),
            ];
            #[expect(clippy::expect_used, reason = "the URIs are constants and a test reads them")]
            let uri = |text: &str| text.parse::<SchemaUri>().expect("a schema URI");
            let mut user = ResourceType::new("User", "/Users", uri(USER));
            user.schema_extensions.push(SchemaExtension::new(uri(ENTERPRISE_USER), false));
            let group = ResourceType::new("Group", "/Groups", uri(GROUP));
            #[expect(clippy::expect_used, reason = "the documents are part of the crate and a test reads them")]
            Catalog::new(schemas, vec![user, group]).expect("the catalog of the crate")
        });
        STANDARD.clone()
    }

    /// All schemas, in the order in which they were given.
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// All resource types, in the order in which they were given.
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }

    /// A schema by its URI.
    pub fn schema(&self, uri: &str) -> Option<&Schema> {
        // A few schemas are found faster by looking at each.
        if self.schemas.len() <= SEARCHED_SCHEMAS {
            return self.schemas.iter().find(|schema| schema.id == *uri);
        }
        self.schema_of(&uri.parse().ok()?)
    }

    fn schema_of(&self, uri: &SchemaUri) -> Option<&Schema> {
        if self.schemas.len() <= SEARCHED_SCHEMAS {
            return self.schemas.iter().find(|schema| schema.id == *uri);
        }
        self.schema_index.get(uri).and_then(|index| self.schemas.get(*index))
    }

    /// A resource type by its name.
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|resource_type| resource_type.name.eq_ignore_ascii_case(name))
    }

    /// A resource type by its endpoint, such as `/Users`.
    pub fn resource_type_at(&self, endpoint: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|resource_type| resource_type.endpoint.eq_ignore_ascii_case(endpoint))
    }

    /// The definition of a top-level attribute: of the base schema or a common attribute without `schema`, of the named schema with it.
    ///
    /// Common attributes (`schemas`, `id`, `externalId`, `meta`; RFC 7643 section 3.1) belong to every resource type; a base schema
    /// that lists one of them, as service profiles do to require `externalId`, does not change its other characteristics.
    pub fn attribute<'a>(&'a self, resource_type: &'a ResourceType, schema: Option<&str>, name: &str) -> Option<&'a Attribute> {
        let is_base = schema.is_none_or(|uri| resource_type.schema == *uri);
        if is_base {
            let common = common_attributes().iter().find(|attribute| attribute.name == *name);
            if let Some(common) = common {
                return self.listed_common(resource_type).iter().find(|listed| listed.name == *name).or(Some(common));
            }
            return self.schema_of(&resource_type.schema).and_then(|schema| schema.attribute(name));
        }
        let uri = schema?;
        let extension = resource_type.schema_extensions.iter().find(|extension| extension.schema == *uri)?;
        self.schema_of(&extension.schema).and_then(|schema| schema.attribute(name))
    }

    /// What [`attribute`](Self::attribute) finds without a schema: the attributes of the base schema in their order, then the common ones
    /// that it does not list.
    pub(crate) fn attributes_of<'a>(&'a self, resource_type: &'a ResourceType) -> impl Iterator<Item = &'a Attribute> {
        let listed = self.listed_common(resource_type);
        let base = self.schema_of(&resource_type.schema).map(|schema| schema.attributes.as_slice()).unwrap_or_default();
        let others = common_attributes().iter().filter(move |common| listed.iter().all(|listed| listed.name != common.name));
        base.iter().map(|attribute| listed.iter().find(|listed| listed.name == attribute.name).unwrap_or(attribute)).chain(others)
    }

    fn listed_common(&self, resource_type: &ResourceType) -> &[Attribute] {
        self.listed_common.get(&resource_type.schema).map(Vec::as_slice).unwrap_or_default()
    }

    /// The attributes that every resource has (RFC 7643 section 3.1).
    pub fn common_attributes(&self) -> &[Attribute] {
        common_attributes()
    }

    /// Splits a name that starts with the URI of one of the resource type's schemas: the schema and what follows the URI.
    ///
    /// The longest URI that fits is taken, so that `urn:…:User:department` is the attribute `department` of the extension.
    /// A URI alone gives an empty rest.
    pub fn split_schema<'a, 'b>(&'a self, resource_type: &'a ResourceType, name: &'b str) -> Option<(&'a Schema, &'b str)> {
        let uris = std::iter::once(&resource_type.schema).chain(resource_type.schema_extensions.iter().map(|e| &e.schema));
        uris.filter_map(|uri| {
            let head = name.get(..uri.as_str().len())?;
            let rest = name.get(uri.as_str().len()..)?;
            let fits = *uri == *head && (rest.is_empty() || rest.starts_with(':'));
            fits.then(|| (uri, rest.strip_prefix(':').unwrap_or(rest)))
        })
        .max_by_key(|(uri, _)| uri.as_str().len())
        .and_then(|(uri, rest)| Some((self.schema(uri.as_str())?, rest)))
    }
}

/// The number of schemas up to which a linear search is faster than hashing a URI.
const SEARCHED_SCHEMAS: usize = 8;

fn check_schema(schema: &Schema, faults: &mut Vec<CatalogFault>) {
    const IETF: &str = "urn:ietf:params:scim:";
    let uri = schema.id.as_str();
    let within = uri.get(..IETF.len()).filter(|head| head.eq_ignore_ascii_case(IETF)).and_then(|_| uri.get(IETF.len()..));
    let is_name = |rest: &str| rest.split_once(':').is_some_and(|(kind, name)| kind.eq_ignore_ascii_case("schemas") && !name.is_empty());
    if within.is_some_and(|rest| !is_name(rest)) {
        faults.push(CatalogFault::ReservedUri { schema: schema.id.clone() });
    }
    check_attributes(schema, &[], &schema.attributes, faults);
}

/// How deep attributes nest in the schema of schemas; in others it is an attribute and its sub-attributes.
const MAX_NESTING: usize = 3;

fn check_attributes(schema: &Schema, parents: &[&Attribute], attributes: &[Attribute], faults: &mut Vec<CatalogFault>) {
    for (index, attribute) in attributes.iter().enumerate() {
        let mut fault = |fault| {
            let name = parents.iter().chain([&attribute]).map(|attribute| attribute.name.as_str()).collect::<Vec<_>>().join(".");
            faults.push(CatalogFault::Attribute { schema: schema.id.clone(), attribute: name, fault });
        };
        if attributes.iter().take(index).any(|other| other.name == attribute.name) {
            fault("is defined twice");
        }
        if attribute.type_ != AttributeType::Complex && !attribute.sub_attributes.is_empty() {
            fault("has sub-attributes and is not complex");
        }
        if attribute.type_ != AttributeType::Reference && !attribute.reference_types.is_empty() {
            fault("has reference types and is no reference");
        }
        let primary = attribute.is_multi_valued.then(|| attribute.sub_attribute("primary")).flatten();
        if primary.is_some_and(|primary| primary.type_ != AttributeType::Boolean || primary.is_multi_valued) {
            fault("has a sub-attribute `primary` that is no boolean");
        }
        // R7643-2.3.8-02
        if !parents.is_empty() && attribute.type_ == AttributeType::Complex && schema.id != *SCHEMA {
            fault("is complex inside of a complex attribute");
        } else if parents.len() >= MAX_NESTING {
            fault("is nested too deeply");
        } else {
            let parents: Vec<&Attribute> = parents.iter().copied().chain([attribute]).collect();
            check_attributes(schema, &parents, &attribute.sub_attributes, faults);
        }
    }
}

fn check_resource_type(
    resource_type: &ResourceType,
    others: &[ResourceType],
    schemas: &HashMap<SchemaUri, usize>,
    faults: &mut Vec<CatalogFault>,
) {
    let mut named: Vec<&SchemaUri> = Vec::new();
    for uri in std::iter::once(&resource_type.schema).chain(resource_type.schema_extensions.iter().map(|extension| &extension.schema)) {
        if named.contains(&uri) {
            faults.push(CatalogFault::Duplicate { name: uri.to_string() });
        }
        if !schemas.contains_key(uri) {
            faults.push(CatalogFault::UnknownSchema { resource_type: resource_type.name.clone(), schema: uri.clone() });
        }
        named.push(uri);
    }
    let clashes = others
        .iter()
        .any(|other| other.name.eq_ignore_ascii_case(&resource_type.name) || other.endpoint.eq_ignore_ascii_case(&resource_type.endpoint));
    if clashes {
        faults.push(CatalogFault::Duplicate { name: resource_type.name.clone() });
    }
    let segment = resource_type.endpoint.trim_matches('/');
    if segment.is_empty() || segment.contains(['/', '?', '#']) || segment.contains(char::is_whitespace) {
        let (resource_type, endpoint) = (resource_type.name.clone(), resource_type.endpoint.clone());
        faults.push(CatalogFault::Endpoint { resource_type, endpoint });
    }
}

fn common_attributes() -> &'static [Attribute] {
    static COMMON: std::sync::LazyLock<Vec<Attribute>> = std::sync::LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "the document is part of the crate and a test reads it")]
        serde_json::from_str(include_str!("data/common.json")).expect("the common attributes of the crate")
    });
    &COMMON
}

fn listed_common_of(schema: &Schema) -> Vec<Attribute> {
    let common = common_attributes().iter();
    let listed = common.filter_map(|common| {
        let listed = schema.attribute(common.name.as_str())?;
        Some(Attribute { is_required: listed.is_required || common.is_required, ..common.clone() })
    });
    listed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_schema_uri_is_split_off() {
        let catalog = Catalog::standard();
        let user = catalog.resource_type("user").unwrap();
        let (schema, rest) =
            catalog.split_schema(user, "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User:manager.value").unwrap();
        assert_eq!((schema.id.as_str(), rest), (ENTERPRISE_USER, "manager.value"));
        assert!(catalog.split_schema(user, "urn:ietf:params:scim:schemas:core:2.0:UserX").is_none());
        assert_eq!(catalog.split_schema(user, USER).unwrap().1, "");
    }

    /// R7643-3.1-03: a schema that lists a common attribute can require it and changes nothing else.
    #[test]
    fn a_listed_common_attribute_keeps_its_characteristics() {
        let text = format!(
            r#"{{"id": "{USER}", "attributes": [{{"name": "externalid", "required": true}}, {{"name": "id", "returned": "never"}}]}}"#
        );
        let catalog =
            Catalog::new(vec![serde_json::from_str(&text).unwrap()], vec![ResourceType::new("User", "/Users", USER.parse().unwrap())]);
        let catalog = catalog.unwrap();
        let user = catalog.resource_type("User").unwrap();
        let external_id = catalog.attribute(user, None, "externalId").unwrap();
        assert!(external_id.is_required && external_id.case_exact);
        assert_eq!(external_id.name.as_str(), "externalId");
        assert_eq!(catalog.attribute(user, None, "ID").unwrap().returned, super::super::Returned::Always);
    }

    #[test]
    fn a_type_without_its_schema_is_refused() {
        let resource_type = ResourceType::new("User", "/Users", USER.parse().unwrap());
        let faults = Catalog::new(vec![], vec![resource_type]).unwrap_err().faults;
        assert!(matches!(faults.as_slice(), [CatalogFault::UnknownSchema { .. }]));
    }
}
