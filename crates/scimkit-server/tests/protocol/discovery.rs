//! What the service says of itself.

use scimkit_server::DiscoveryAccess;
use serde_json::json;

use super::support::{BASE, ENTERPRISE, GROUP, Service, USER};

const ANONYMOUS: [&str; 1] = ["authorization: Basic eDp5"];

/// R7644-4-01, R7644-4-04, R7643-5-02, R7643-5-03, R7643-5-04, R7643-5-05: complete, and readable by whoever does
/// not know yet how to authenticate.
#[tokio::test]
async fn the_configuration_is_complete_and_public() {
    let service = Service::new();
    let reply = service.send("GET", "/ServiceProviderConfig", &ANONYMOUS, "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/scim+json"));
    let body = &reply.body;
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
    for (feature, supported) in
        [("patch", true), ("bulk", false), ("filter", true), ("changePassword", false), ("sort", true), ("etag", true)]
    {
        assert_eq!(body[feature]["supported"], supported, "{feature}");
    }
    assert!(body["bulk"]["maxOperations"].is_u64() && body["bulk"]["maxPayloadSize"].is_u64());
    assert_eq!(body["filter"]["maxResults"], 1000);
    assert_eq!(body["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert_eq!(body["meta"]["location"], format!("{BASE}/ServiceProviderConfig"));
}

/// R7643-5-06, R7644-3.5.2-01: what is off is advertised as off.
#[tokio::test]
async fn the_configuration_follows_the_profile() {
    let service = Service::with_profile(r#"{"name": "x", "features": {"patch": false, "etag": false}, "paging": {"maxCount": 7}}"#);
    let body = service.get("/ServiceProviderConfig").await.body;
    assert_eq!((&body["patch"]["supported"], &body["etag"]["supported"]), (&json!(false), &json!(false)));
    assert_eq!(body["filter"]["maxResults"], 7);
}

/// R7644-4-02, R7643-6-03, R7643-6-05: types, as a list and one by one.
#[tokio::test]
async fn resource_types_are_listed() {
    let service = Service::new();
    let list = service.get("/ResourceTypes").await.body;
    assert_eq!(list["totalResults"], 2);
    let user = service.get("/ResourceTypes/User").await.body;
    assert_eq!(list["Resources"][0], user);
    assert_eq!((&user["endpoint"], &user["schema"]), (&json!("/Users"), &json!(USER)));
    assert_eq!(user["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
    assert_eq!(user["meta"], json!({"resourceType": "ResourceType", "location": format!("{BASE}/ResourceTypes/User")}));
    service.get("/ResourceTypes/Nothing").await.check_error(404, None);
}

/// R7644-4-02, R7643-7-01, R7643-7-02, R7643-7-03, R7643-2.3.8-03, R7644-3.1-02: schemas, with raw and with encoded colons.
#[tokio::test]
async fn schemas_are_listed() {
    let service = Service::new();
    let list = service.get("/Schemas").await.body;
    assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    for (index, uri) in [USER, GROUP, ENTERPRISE].iter().enumerate() {
        let raw = service.get(&format!("/Schemas/{uri}")).await.body;
        let encoded = service.get(&format!("/Schemas/{}", uri.replace(':', "%3A"))).await.body;
        assert_eq!((&raw["id"], &raw), (&json!(uri), &encoded));
        assert_eq!(list["Resources"][index], raw);
        assert_eq!(raw["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"]));
        assert_eq!(raw["meta"]["location"], format!("{BASE}/Schemas/{uri}"));
    }
    let attributes = list["Resources"][0]["attributes"].as_array().unwrap().clone();
    let name = attributes.iter().find(|attribute| attribute["name"] == "name").unwrap();
    assert!(name.get("uniqueness").is_none() && name["subAttributes"].as_array().unwrap().len() > 3);
    service.get("/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp").await.check_error(404, None);
}

/// R7644-4-03, AMB-20, R7643-5-01, R7643-6-01: parameters are ignored, a filter is refused, nothing can be written.
#[tokio::test]
async fn discovery_takes_no_filter_and_no_writes() {
    let service = Service::new();
    assert_eq!(service.get("/ResourceTypes?count=1&sortBy=name").await.body["totalResults"], 2);
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/x"] {
        service.get(&format!("{path}?filter=name%20pr")).await.check_error(403, None);
        let reply = service.post(path, json!({})).await;
        assert_eq!(reply.check_error(405, None).header("allow"), "GET, HEAD, OPTIONS");
    }
}

/// R7643-5-05: what is public is a choice.
#[tokio::test]
async fn discovery_can_be_closed() {
    let service = Service::with(|builder| builder.discovery(DiscoveryAccess::Authenticated));
    service.send("GET", "/Schemas", &ANONYMOUS, "").await.check_error(401, None);
    assert_eq!(service.get("/Schemas").await.status, 200);
}

/// R7643-3.2-01: a type of one's own is there at once.
#[tokio::test]
async fn a_type_of_the_profile_has_its_endpoint() {
    let service = Service::with_profile(
        r#"{"name": "x",
            "schemas": [{"id": "urn:example:Device", "name": "Device", "attributes": [
                {"name": "serial", "required": true, "uniqueness": "server", "caseExact": true}]}],
            "resourceTypes": [{"name": "Device", "endpoint": "/Devices", "schema": "urn:example:Device"}]}"#,
    );
    let body = json!({"schemas": ["urn:example:Device"], "serial": "A1"});
    let reply = service.post("/Devices", body.clone()).await;
    assert_eq!((reply.status, &reply.body["meta"]["resourceType"]), (201, &json!("Device")));
    service.post("/Devices", body).await.check_error(409, Some("uniqueness"));
    assert_eq!(service.post("/Devices", json!({"schemas": ["urn:example:Device"], "serial": "a1"})).await.status, 201);
    assert_eq!(service.get("/Schemas/urn:example:Device").await.status, 200);
    service.get("/Users").await.check_error(404, None);
}
