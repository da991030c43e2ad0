//! What schemas and resource types mean for resources.

use scimkit_types::schema::{ENTERPRISE_USER, SERVICE_PROVIDER_CONFIG, USER, discovery_schemas};
use scimkit_types::validate::{Accepted, Operation, Policy, accept};
use scimkit_types::{Attribute, AttributeType, Catalog, CatalogError, Mutability, Resource, ResourceType, Returned, Schema, Violation};

fn attribute(name: &str, type_: AttributeType) -> Attribute {
    Attribute::new(name.parse().unwrap(), type_)
}

fn device_type(name: &str, endpoint: &str) -> ResourceType {
    ResourceType::new(name, endpoint, "urn:example:Device".parse().unwrap())
}

/// Devices with two extensions that both have a `room`.
fn devices(resource_types: Vec<ResourceType>) -> Result<Catalog, CatalogError> {
    let schema = |uri: &str, name: &str| Schema::new(uri.parse().unwrap(), vec![attribute(name, AttributeType::String)]);
    Catalog::new(
        vec![schema("urn:example:Device", "name"), schema("urn:example:Site", "room"), schema("urn:example:Lab", "room")],
        resource_types,
    )
}

fn create(catalog: &Catalog, type_: &str, body: &str) -> Result<Accepted, Vec<Violation>> {
    let body: Resource = serde_json::from_str(body).unwrap();
    accept(catalog, catalog.resource_type(type_).unwrap(), &body, Operation::Create, &Policy::default())
}

/// R7643-1.1-01, R7643-2.2-01: what no schema requires may be absent.
#[test]
fn what_is_not_required_is_optional() {
    let catalog = Catalog::standard();
    let user = catalog.schema(USER).unwrap();
    let required: Vec<&str> = user.attributes.iter().filter(|attribute| attribute.is_required).map(|a| a.name.as_str()).collect();
    assert_eq!(required, ["userName"]);
    assert!(create(&catalog, "User", &format!(r#"{{"schemas": ["{USER}"], "userName": "a"}}"#)).is_ok());
    let read: Attribute = serde_json::from_str(r#"{"name": "a"}"#).unwrap();
    assert!(!read.is_required);
}

/// R7643-3-04, R7643-3.1-01: a type of one's own has the common attributes, whatever its schema lists.
#[test]
fn every_resource_type_has_the_common_attributes() {
    let catalog = devices(vec![device_type("Device", "/Devices")]).unwrap();
    let device = catalog.resource_type("Device").unwrap();
    for (name, returned) in [("schemas", Returned::Always), ("id", Returned::Always), ("externalId", Returned::Default)] {
        assert_eq!(catalog.attribute(device, None, name).unwrap().returned, returned);
    }
    let meta = catalog.attribute(device, None, "meta").unwrap();
    assert_eq!(meta.mutability, Mutability::ReadOnly);
    let subs: Vec<&str> = meta.sub_attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(subs, ["resourceType", "created", "lastModified", "location", "version"]);
    assert!(meta.sub_attribute("resourceType").is_some_and(|name| name.case_exact));
    let config = discovery_schemas().iter().find(|schema| schema.id == *SERVICE_PROVIDER_CONFIG).unwrap();
    assert!(config.attribute("id").is_none() && config.attribute("externalId").is_none());
}

/// R7643-3.3-03: extensions stand under their URIs and share no names.
#[test]
fn extensions_with_equal_names_coexist() {
    let device = device_type("Device", "/Devices");
    let device = device.with_extension("urn:example:Site".parse().unwrap()).with_extension("urn:example:Lab".parse().unwrap());
    let catalog = devices(vec![device]).unwrap();
    let body = r#"{"schemas": ["urn:example:Device", "urn:example:Site", "urn:example:Lab"], "name": "d",
        "urn:example:Site": {"room": "1"}, "urn:example:Lab": {"room": "2"}}"#;
    let accepted = create(&catalog, "Device", body).unwrap().resource;
    let room = |uri: &str| accepted.extension(uri).and_then(|extension| extension.get("room")).and_then(|room| room.as_str());
    assert_eq!((room("urn:example:Site"), room("urn:example:Lab")), (Some("1"), Some("2")));
    assert!(accepted.get("room").is_none());
}

/// R7643-6-02, R7643-6-04: names and endpoints of resource types are unique, and their schemas are there.
#[test]
fn resource_types_are_unique_and_have_their_schemas() {
    let twice = |other: ResourceType| devices(vec![device_type("Device", "/Devices"), other]).map(|_| ());
    assert!(matches!(twice(device_type("Device", "/Others")), Err(CatalogError::Duplicate { .. })));
    assert!(matches!(twice(device_type("Other", "/Devices")), Err(CatalogError::Duplicate { .. })));
    assert!(twice(device_type("Other", "/Others")).is_ok());
    let unknown = device_type("Other", "/Others").with_extension("urn:example:Unknown".parse().unwrap());
    assert!(matches!(twice(unknown), Err(CatalogError::UnknownSchema { .. })));
    for resource_type in Catalog::standard().resource_types() {
        let extensions = resource_type.schema_extensions.iter().map(|extension| &extension.schema);
        for uri in extensions.chain([&resource_type.schema]) {
            assert!(Catalog::standard().schema(uri.as_str()).is_some_and(|schema| schema.id == *uri));
        }
    }
}

/// R7643-4.1.2-11: roles and entitlements are text without a vocabulary. R7643-4.1.2-04: photos are photos or thumbnails.
#[test]
fn vocabularies_are_those_of_the_standard() {
    let catalog = Catalog::standard();
    let values =
        |path: &str| catalog.schema(USER).unwrap().attribute(path).unwrap().sub_attribute("type").unwrap().canonical_values.clone();
    assert_eq!(values("photos"), ["photo", "thumbnail"]);
    assert_eq!(values("emails"), ["work", "home", "other"]);
    assert!(values("roles").is_empty() && values("entitlements").is_empty());
    let body =
        format!(r#"{{"schemas": ["{USER}"], "userName": "a", "roles": [{{"value": "{{}} ∀"}}], "entitlements": [{{"value": "x y"}}]}}"#);
    assert!(create(&catalog, "User", &body).is_ok());
}

/// R7643-7-15: what references point at is said of references only, and is a resource type, `external` or `uri`.
#[test]
fn only_references_have_reference_types() {
    fn check(attributes: &[Attribute]) {
        for attribute in attributes {
            assert!(attribute.reference_types.is_empty() || attribute.type_ == AttributeType::Reference, "{}", attribute.name);
            let is_known = |name: &String| ["User", "Group", "external", "uri"].contains(&name.as_str());
            assert!(attribute.reference_types.iter().all(is_known), "{}", attribute.name);
            check(&attribute.sub_attributes);
        }
    }
    for schema in Catalog::standard().schemas().iter().chain(discovery_schemas()) {
        check(&schema.attributes);
    }
    let faulty = attribute("a", AttributeType::String).with_reference_types(["User"]);
    let faulty = Schema::new("urn:example:Faulty".parse().unwrap(), vec![faulty]);
    assert!(matches!(Catalog::new(vec![faulty], vec![]), Err(CatalogError::Attribute { .. })));
}

/// R7643-2.4-02: `primary` keeps its meaning in schemas of one's own.
#[test]
fn a_primary_is_a_boolean() {
    let list = |type_| {
        let list = attribute("things", AttributeType::Complex).multi_valued().with_sub_attributes([attribute("primary", type_)]);
        Catalog::new(vec![Schema::new("urn:example:Things".parse().unwrap(), vec![list])], vec![]).map(|_| ())
    };
    assert!(list(AttributeType::Boolean).is_ok());
    assert!(matches!(list(AttributeType::String), Err(CatalogError::Attribute { .. })));
}

/// EID 5368, 6000, 6001, 6004, 8471, 8472 and 8470 of RFC 7643: the schemas are those of the standard with its corrections.
#[test]
fn the_schemas_have_their_errata() {
    let catalog = Catalog::standard();
    let find = |uri: &str, path: &str| {
        let (name, sub) = path.split_once('.').map_or((path, None), |(name, sub)| (name, Some(sub)));
        let attribute = catalog.schema(uri).unwrap().attribute(name).unwrap();
        sub.map_or(attribute, |sub| attribute.sub_attribute(sub).unwrap()).clone()
    };
    let group = scimkit_types::schema::GROUP;
    assert!(find(group, "displayName").is_required);
    assert!(find(ENTERPRISE_USER, "manager.value").case_exact);
    assert_eq!(find(USER, "groups.$ref").reference_types, ["Group"]);
    assert!(!find(USER, "password").description.is_empty() && find(USER, "password").returned == Returned::Never);
    for (uri, path) in [(USER, "profileUrl"), (USER, "photos.value"), (USER, "x509Certificates.value"), (group, "members.$ref")] {
        assert!(find(uri, path).compares_case_exact(), "{path}");
    }
    for path in ["name", "emails", "addresses", "x509Certificates.value"] {
        let written = serde_json::to_string(&find(USER, path).with_sub_attributes([])).unwrap();
        assert!(!written.contains("uniqueness"), "{path}");
    }
}

/// R7643-1.1-02: the quotation marks of the standard's text are no part of a value.
#[test]
fn values_of_characteristics_have_no_quotation_marks() {
    let catalog = Catalog::standard();
    let user = serde_json::to_value(catalog.schema(USER).unwrap()).unwrap();
    let name = user["attributes"].as_array().unwrap().iter().find(|attribute| attribute["name"] == "userName").unwrap();
    assert_eq!((&name["uniqueness"], &name["mutability"]), (&"server".into(), &"readWrite".into()));
    assert!(!user.to_string().contains(r#"\""#));
}
