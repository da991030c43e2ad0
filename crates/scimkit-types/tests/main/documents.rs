//! The documents of RFC 7643 and RFC 7644 in `testdata`.

use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::views::{Group, ServiceProviderConfig, User};
use scimkit_types::{
    BulkRequest, BulkResponse, Catalog, ErrorResponse, ListResponse, PatchOp, Resource, Schema, SearchRequest, Value, messages,
};

/// The documents of a folder whose names hold `part`, by name.
fn documents(folder: &str, part: &str) -> Vec<(String, String)> {
    let path = format!("{}/../../testdata/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .filter(|(name, _)| name.contains(part))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no document of {folder} is named like {part}");
    found
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// R7643-2.3.8-01, R7643-2.5-03: every document is written as it was read, members in their order.
#[test]
fn documents_survive_a_round_trip() {
    for folder in ["rfc7643", "rfc7644"] {
        for (name, text) in documents(folder, "") {
            let value: Value = serde_json::from_str(&text).unwrap();
            let written = serde_json::to_string(&value).unwrap();
            assert_eq!(json(&written), json(&text), "{name}");
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value, "{name}");
            if json(&text).is_object() {
                let resource: Resource = serde_json::from_str(&text).unwrap();
                assert_eq!(serde_json::to_string(&resource).unwrap(), written, "{name}");
            }
        }
    }
}

/// Reads each document as a message, writes it and compares.
fn round_trip(part: &str, through: impl Fn(Value) -> Value) {
    for (name, text) in documents("rfc7644", part) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let written = through(value.clone());
        assert!(written.is_equivalent(&value), "{name}: {}", serde_json::to_string(&written).unwrap());
    }
}

/// R7644-3.4.2-02, R7644-3.4.3-02, R7644-3.5.2-02, R7644-3.7-02, R7644-3.12-01: messages are written as they were read.
#[test]
fn messages_survive_a_round_trip() {
    round_trip("-patch-", |value| PatchOp::from_json(value).unwrap().to_json());
    round_trip("error-", |value| ErrorResponse::from_json(&value).unwrap().to_json());
    round_trip("search-request", |value| SearchRequest::from_json(&value).unwrap().to_json());
    round_trip("list", |value| ListResponse::from_json(value).unwrap().into_json());
    round_trip("search-response", |value| ListResponse::from_json(value).unwrap().into_json());
    for (name, text) in documents("rfc7644", "-bulk-") {
        let value: Value = serde_json::from_str(&text).unwrap();
        let resource = Resource::from(value.as_complex().unwrap().clone());
        let written = if resource.has_schema(messages::BULK_REQUEST) {
            BulkRequest::from_json(value.clone()).unwrap().into_json()
        } else if resource.has_schema(messages::BULK_RESPONSE) {
            BulkResponse::from_json(value.clone()).unwrap().into_json()
        } else {
            continue;
        };
        // One response of the RFC has its status as an object, which is read and not written.
        if !name.contains("as-published") {
            assert!(written.is_equivalent(&value), "{name}: {}", serde_json::to_string(&written).unwrap());
        }
    }
}

/// The users and groups of the RFC are what the standard catalog accepts.
#[test]
fn resources_of_the_rfc_are_accepted() {
    let catalog = Catalog::standard();
    let bodies = [
        ("rfc7643", "8.2-user-full", "User"),
        ("rfc7643", "8.3-enterprise-user", "User"),
        ("rfc7643", "8.4-group", "Group"),
        ("rfc7644", "create-user-request", "User"),
        ("rfc7644", "put-user-request", "User"),
    ];
    for (folder, part, type_) in bodies {
        for (name, text) in documents(folder, part) {
            let body: Resource = serde_json::from_str(&text).unwrap();
            let type_ = catalog.resource_type(type_).unwrap();
            let accepted = accept(&catalog, type_, &body, Operation::Create, &Policy::default());
            let accepted = accepted.unwrap_or_else(|violations| panic!("{name}: {violations:?}"));
            assert!(accepted.tolerances.is_empty(), "{name}");
            for ignored in ["id", "meta", "groups"] {
                assert!(accepted.resource.get(ignored).is_none(), "{name}: {ignored}");
            }
            let stored = |name: &str| accepted.resource.get(name).cloned().unwrap_or_default();
            let is_kept = |name: &str| !matches!(name, "id" | "meta" | "groups" | "members" | "schemas") && !name.contains(':');
            for (attribute, value) in body.as_complex().iter().filter(|(name, _)| is_kept(name)) {
                assert!(stored(attribute).is_equivalent(value), "{name}: {attribute}");
            }
        }
    }
}

/// R7643-7-01: the schemas of the RFC can be read, and name the attributes that ours have.
#[test]
fn schemas_of_the_rfc_are_covered() {
    let catalog = Catalog::standard();
    for (name, text) in documents("rfc7643", "schema-") {
        let published: Schema = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ours = catalog.schemas().iter().chain(scimkit_types::schema::discovery_schemas()).find(|schema| schema.id == published.id);
        let ours = ours.unwrap_or_else(|| panic!("{name} is not known"));
        for attribute in published.attributes.iter().filter(|attribute| attribute.name != *"id") {
            let mine = ours.attribute(attribute.name.as_str()).unwrap_or_else(|| panic!("{name}: {} is missing", attribute.name));
            for sub_attribute in &attribute.sub_attributes {
                assert!(mine.sub_attribute(sub_attribute.name.as_str()).is_some(), "{name}: {}.{}", attribute.name, sub_attribute.name);
            }
        }
    }
}

/// Every user, group and configuration of the RFC goes through its view without loss.
#[test]
fn views_lose_nothing() {
    let read = |folder: &str, part: &str| {
        let documents = documents(folder, part).into_iter();
        documents.map(|(name, text)| (name, serde_json::from_str::<Resource>(&text).unwrap())).collect::<Vec<_>>()
    };
    let users = ["8.2-user-full", "8.3-enterprise-user", "8.1-user-minimal"].into_iter().flat_map(|part| read("rfc7643", part));
    for (name, document) in users.chain(read("rfc7644", "-user-re")) {
        let user = User::from_resource(&document).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (written, read) = (Value::Complex(user.to_resource().into_complex()), Value::Complex(document.into_complex()));
        assert!(written.is_equivalent(&read), "{name}");
    }
    let full = User::from_resource(&read("rfc7643", "8.3-enterprise-user")[0].1).unwrap();
    let unnamed: Vec<&str> = full.other.iter().map(|(name, _)| name).collect();
    assert_eq!(unnamed, ["schemas", "meta"]);
    assert_eq!(full.meta().resource_type.as_deref(), Some("User"));
    assert_eq!(full.enterprise.unwrap().manager.unwrap().display_name.as_deref(), Some("John Smith"));

    for (name, document) in read("rfc7643", "8.4-group") {
        let group = Group::from_resource(&document).unwrap();
        assert_eq!(group.to_resource(), document, "{name}");
    }
    for (name, document) in read("rfc7643", "8.5-service-provider-config") {
        let config = ServiceProviderConfig::from_resource(&document).unwrap();
        assert_eq!(config.to_resource(), document, "{name}");
        assert_eq!(config.filter.unwrap().max_results, Some(200));
    }
}
