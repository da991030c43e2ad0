//! What schemas and resource types mean for resources.

use scimkit_types::schema::{ENTERPRISE_USER, SERVICE_PROVIDER_CONFIG, USER, discovery_schemas};
use scimkit_types::validate::{Accepted, Operation, Policy, accept};
use scimkit_types::{
    Attribute, AttributeType, Catalog, CatalogError, CatalogFault, ErrorResponse, Mutability, Resource, ResourceType, Returned, Schema,
    ScimType, Version, Violation,
};

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
    assert!(
        matches!(twice(device_type("Device", "/Others")), Err(error) if matches!(error.faults.as_slice(), [CatalogFault::Duplicate { .. }]))
    );
    assert!(
        matches!(twice(device_type("Other", "/Devices")), Err(error) if matches!(error.faults.as_slice(), [CatalogFault::Duplicate { .. }]))
    );
    assert!(twice(device_type("Other", "/Others")).is_ok());
    let unknown = device_type("Other", "/Others").with_extension("urn:example:Unknown".parse().unwrap());
    assert!(matches!(twice(unknown), Err(error) if matches!(error.faults.as_slice(), [CatalogFault::UnknownSchema { .. }])));
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
    assert!(
        matches!(Catalog::new(vec![faulty], vec![]), Err(error) if matches!(error.faults.as_slice(), [CatalogFault::Attribute { .. }]))
    );
}

/// Everything that is wrong with definitions read from JSON is told at once. R7643-2.3.8-02: nothing complex stands in what is complex.
/// R7643-10.2-01: URIs below `urn:ietf:params:scim:` are schemas of the IETF or reserved; others are free.
#[test]
fn all_faults_of_definitions_are_told_at_once() {
    let schema = |text: &str| serde_json::from_str::<Schema>(text).unwrap();
    let schemas = vec![
        schema(
            r#"{"id": "urn:example:Device", "attributes": [
                {"name": "a"}, {"name": "A", "subAttributes": [{"name": "b"}]}, {"name": "c", "referenceTypes": ["User"]},
                {"name": "d", "type": "complex", "multiValued": true, "subAttributes": [
                    {"name": "primary"}, {"name": "e", "type": "complex", "subAttributes": [{"name": "f"}]}, {"name": "g"}, {"name": "G"}]}]}"#,
        ),
        schema(r#"{"id": "urn:example:device", "attributes": []}"#),
        schema(r#"{"id": "urn:ietf:params:scim:api:messages:2.0:Mine", "attributes": []}"#),
        schema(r#"{"id": "URN:ietf:params:scim:param:Mine", "attributes": []}"#),
        schema(r#"{"id": "urn:ietf:params:scim:schemas:extension:mine:2.0:User", "attributes": []}"#),
    ];
    let mut device = device_type("Device", "/Devices").with_extension("urn:example:Other".parse().unwrap());
    device = device.with_extension("urn:example:Device".parse().unwrap());
    let types = vec![device, device_type("device", "Things"), device_type("Third", "/Things/{id} ")];
    let error = Catalog::new(schemas, types).unwrap_err();
    let faults: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
    let expected = [
        "attribute `A` of schema `urn:example:Device` is defined twice",
        "attribute `A` of schema `urn:example:Device` has sub-attributes and is not complex",
        "attribute `c` of schema `urn:example:Device` has reference types and is no reference",
        "attribute `d` of schema `urn:example:Device` has a sub-attribute `primary` that is no boolean",
        "attribute `d.e` of schema `urn:example:Device` is complex inside of a complex attribute",
        "attribute `d.G` of schema `urn:example:Device` is defined twice",
        "`urn:example:device` is defined twice",
        "schema `urn:ietf:params:scim:api:messages:2.0:Mine` has a reserved URI, expected `urn:ietf:params:scim:schemas:` and a name, or a namespace of one's own",
        "schema `URN:ietf:params:scim:param:Mine` has a reserved URI, expected `urn:ietf:params:scim:schemas:` and a name, or a namespace of one's own",
        "resource type `Device` names schema `urn:example:Other`, which is not defined",
        "`urn:example:Device` is defined twice",
        "`device` is defined twice",
        "resource type `Third` has the endpoint `/Things/{id} `, expected one such as `/Devices`",
    ];
    assert_eq!(faults, expected);
    assert_eq!(error.to_string(), expected.join("; "));
}

/// R7643-2.4-02: `primary` keeps its meaning in schemas of one's own.
#[test]
fn a_primary_is_a_boolean() {
    let list = |type_| {
        let list = attribute("things", AttributeType::Complex).multi_valued().with_sub_attributes([attribute("primary", type_)]);
        Catalog::new(vec![Schema::new("urn:example:Things".parse().unwrap(), vec![list])], vec![]).map(|_| ())
    };
    assert!(list(AttributeType::Boolean).is_ok());
    assert!(matches!(list(AttributeType::String), Err(error) if matches!(error.faults.as_slice(), [CatalogFault::Attribute { .. }])));
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

/// R7232-2.3.2-01: the truth table of weak comparison, which is the only one: tags are weak on output (AMB-17). Strong ones compare as their
/// opaque parts do, so two that are strong and equal are equal either way.
#[test]
fn entity_tags_compare_by_their_opaque_parts() {
    let version = |text: &str| Version::parse(text).unwrap();
    for (left, right, is_equal) in [
        (r#"W/"1""#, r#"W/"1""#, true),
        (r#"W/"1""#, r#"W/"2""#, false),
        (r#"W/"1""#, r#""1""#, true),
        (r#""1""#, r#""1""#, true),
        (r#""1""#, r#""2""#, false),
        (r#""a""#, r#""A""#, false),
    ] {
        assert_eq!(version(left) == version(right), is_equal, "{left} {right}");
    }
}

/// AMB-35: what is too sensitive for an address is forbidden, and the other keywords have the status of the standard's table.
#[test]
fn keywords_have_their_status() {
    let status = |scim_type| ErrorResponse::of(scim_type, "").status;
    assert_eq!(status(ScimType::Sensitive), 403);
    assert_eq!(status(ScimType::Uniqueness), 409);
    for scim_type in [ScimType::InvalidFilter, ScimType::TooMany, ScimType::Mutability, ScimType::InvalidSyntax, ScimType::NoTarget] {
        assert_eq!(status(scim_type), 400, "{scim_type}");
    }
}
