//! Services as data.

use scimkit_server::ConfigError;
use scimkit_types::Profile;
use serde_json::{Value, json};

use super::support::{Service, USER, builder, encode};

const RINGCENTRAL: &str = include_str!("../../../../testdata/profiles/ringcentral.json");

fn ringcentral() -> Service {
    Service::with_profile(RINGCENTRAL)
}

fn person(name: &str) -> Value {
    let email = format!("{name}@example.com");
    json!({
        "schemas": [USER], "userName": email, "name": {"givenName": "O", "familyName": "N"}, "emails": [{"type": "work", "value": email}],
    })
}

/// R7644-3.3-02, profile `defaults` and `echoes`: a new user is inactive, a country's code comes back as its name.
#[tokio::test]
async fn defaults_and_echoes_are_applied() {
    let service = ringcentral();
    let mut body = person("ola");
    body["addresses"] = json!([{"type": "work", "country": "US"}]);
    let reply = service.post("/Users", body.clone()).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!((&reply.body["active"], &reply.body["addresses"][0]["country"]), (&json!(false), &json!("United States")));
    body["active"] = json!(true);
    body["userName"] = json!("kari@example.com");
    body["emails"][0]["value"] = json!("kari@example.com");
    assert_eq!(service.post("/Users", body).await.body["active"], true);
    let operations = json!([{"op": "replace", "path": "addresses[type eq \"work\"].country", "value": "NO"}]);
    let reply = service.patch("/Users/id1", operations).await;
    assert_eq!(reply.body["addresses"][0]["country"], "Norway", "{}", reply.body);
}

/// R7644-3.4.2.2-20: what was filled in compares as it was answered.
#[tokio::test]
async fn a_default_is_found_by_its_value() {
    let service = Service::with_profile(r#"{"name": "x", "defaults": {"User": {"active": true}}}"#);
    let created = service.post("/Users", json!({"schemas": [USER], "userName": "ola"})).await;
    assert_eq!(created.body["active"], true);
    for (filter, count) in [("active eq true", 1), ("active eq false", 0), ("active pr", 1)] {
        let reply = service.get(&format!("/Users?filter={}", encode(filter))).await;
        assert_eq!(reply.body["totalResults"], count, "{filter}");
    }
}

/// R7644-3.3-03: null overrides a default.
#[tokio::test]
async fn null_overrides_a_default() {
    let service = ringcentral();
    let mut body = person("ola");
    body["active"] = Value::Null;
    assert!(service.post("/Users", body).await.body.get("active").is_none());
}

/// Profile `equalValues`: whatever the method, the user name is the work address.
#[tokio::test]
async fn the_user_name_is_the_work_address() {
    let service = ringcentral();
    let mut body = person("ola");
    body["userName"] = json!("someone@example.com");
    let reply = service.post("/Users", body.clone()).await;
    assert_eq!(reply.check_error(400, Some("invalidValue")).body["detail"], r#"`userName` must equal `emails[type eq "work"].value`"#);
    body["userName"] = json!("OLA@example.com");
    assert_eq!(service.post("/Users", body).await.status, 201);
    let both = json!([
        {"op": "replace", "path": "userName", "value": "kari@example.com"},
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "kari@example.com"},
    ]);
    let one = json!([both[0]]);
    service.patch("/Users/id1", one).await.check_error(400, Some("invalidValue"));
    assert_eq!(service.patch("/Users/id1", both).await.body["userName"], "kari@example.com");
}

/// Profile `filterable` and `filterAliases`: only the user name and the e-mail address, under either name.
#[tokio::test]
async fn only_listed_attributes_can_be_filtered() {
    let service = ringcentral();
    service.post("/Users", person("ola")).await;
    for filter in [
        r#"userName eq "ola@example.com""#,
        r#"email eq "OLA@example.com""#,
        r#"emails.value eq "ola@example.com""#,
        r#"emails[value eq "ola@example.com"]"#,
    ] {
        let reply = service.get(&format!("/Users?filter={}", encode(filter))).await;
        assert_eq!(reply.body["totalResults"], 1, "{filter}: {}", reply.body);
    }
    for (filter, attribute) in
        [(r#"externalId eq "x""#, "externalId"), (r#"title pr"#, "title"), (r#"emails[type eq "work"]"#, "emails.type")]
    {
        let reply = service.get(&format!("/Users?filter={}", encode(filter))).await;
        let detail = reply.check_error(400, Some("invalidFilter")).body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{attribute}`")), "{detail}");
    }
}

/// Profile `maxFilterTerms`: a service that takes one comparison at a time, of attributes that it can filter by.
#[tokio::test]
async fn a_filter_has_as_many_terms_as_the_service_takes() {
    let service = ringcentral();
    for filter in [r#"emails[type eq "work" and value eq "ola@example.com"]"#, r#"userName eq "x" or email eq "ola@example.com""#] {
        let reply = service.get(&format!("/Users?filter={}", encode(filter))).await;
        let detail = reply.check_error(400, Some("invalidFilter")).body["detail"].as_str().unwrap();
        assert!(detail.contains("the limit of 1"), "{detail}");
    }
}

/// R7643-2.3.1-02: a service that insists on its canonical values.
#[tokio::test]
async fn canonical_values_can_be_the_only_ones() {
    let service = ringcentral();
    let mut body = person("ola");
    body["emails"][0]["type"] = json!("home");
    service.post("/Users", body).await.check_error(400, Some("invalidValue"));
    let service = Service::new();
    let body = json!({"schemas": [USER], "userName": "ola", "emails": [{"type": "holiday", "value": "ola@example.com"}]});
    assert_eq!(service.post("/Users", body).await.status, 201);
}

/// R7643-4.1.1-07, R7643-4.1.2-05: a service that insists on the forms of the standard.
#[tokio::test]
async fn formats_can_be_insisted_on() {
    let body = json!({"schemas": [USER], "userName": "ola", "timezone": "PST", "addresses": [{"country": "Norway"}]});
    assert_eq!(Service::new().post("/Users", body.clone()).await.status, 201);
    let service = Service::with_profile(r#"{"name": "x", "enforcesFormats": true}"#);
    let reply = service.post("/Users", body).await;
    let detail = reply.check_error(400, Some("invalidValue")).body["detail"].as_str().unwrap();
    assert!(detail.contains("`timezone`") && detail.contains("`addresses[0].country`") && !detail.contains("Norway"), "{detail}");
}

/// Profile `seats`, entra.md 6.2: a create needs a free seat; a delete frees one.
#[tokio::test]
async fn a_user_needs_a_seat() {
    let service = Service::with_profile(r#"{"name": "x", "seats": 1}"#);
    let id = service.user("ola").await;
    let reply = service.post("/Users", json!({"schemas": [USER], "userName": "kari"})).await;
    assert_eq!(reply.check_error(403, None).body["detail"], "License limit has been reached.");
    service.group("guides", &[]).await;
    service.group("drivers", &[]).await;
    service.delete(&format!("/Users/{id}")).await;
    service.user("kari").await;
}

/// R7644-3.3-10, AMB-05: unknown attributes are ignored, or refused by name.
#[tokio::test]
async fn unknown_attributes_are_ignored_or_refused() {
    let body = json!({"schemas": [USER], "userName": "ola", "shoeSize": 42});
    let reply = Service::new().post("/Users", body.clone()).await;
    assert_eq!(reply.status, 201);
    assert!(reply.body.get("shoeSize").is_none());
    let service = Service::with_profile(r#"{"name": "x", "rejectsUnknownAttributes": true}"#);
    let reply = service.post("/Users", body).await;
    assert!(reply.check_error(400, Some("invalidValue")).body["detail"].as_str().unwrap().contains("shoeSize"));
}

#[track_caller]
fn fault(json: &str) -> ConfigError {
    let profile: Profile = serde_json::from_str(json).unwrap();
    builder().0.profile(profile).build().unwrap_err()
}

#[test]
fn a_faulty_profile_is_refused_when_the_server_is_built() {
    assert!(matches!(fault(r#"{"name": "x", "basePath": "scim"}"#), ConfigError::BasePath { .. }));
    assert!(matches!(fault(r#"{"name": "x", "paging": {"maxCount": 0}}"#), ConfigError::Paging { found: 0 }));
    assert!(matches!(fault(r#"{"name": "x", "limits": {"read": {"requests": 1, "seconds": 0}}}"#), ConfigError::RequestLimit { .. }));
    assert!(matches!(fault(r#"{"name": "x", "filterAliases": {"a": "b c"}}"#), ConfigError::FilterAlias { .. }));
    let equal = r#"{"name": "x", "equalValues": [{"resourceType": "User", "left": "userName", "right": "nothing"}]}"#;
    assert!(matches!(fault(equal), ConfigError::EqualValues { path, .. } if path == "nothing"));
    let clash = r#"{"name": "x", "schemas": [{"id": "urn:a:b", "attributes": []}],
        "resourceTypes": [{"name": "Bulk", "endpoint": "/Bulk", "schema": "urn:a:b"}]}"#;
    assert!(matches!(fault(clash), ConfigError::Endpoint { .. }));
    assert!(matches!(builder().0.base_url("example.com").build().unwrap_err(), ConfigError::BaseUrl { .. }));
}

/// R7643-2.3.7-02, R7643-3.1-07, AMB-33: without a base address, locations are relative to the host; an `id` never has `bulkId` in it.
#[tokio::test]
async fn locations_are_relative_without_a_base_address() {
    use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
    use scimkit_store::{MemoryResources, Tenant};
    use std::sync::Arc;
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::default()));
    let handler = StoreHandler::new(Arc::new(MemoryResources::new()));
    let server = Server::builder(Arc::new(handler), Arc::new(tokens)).build().unwrap();
    let service = Service { server, clock: builder().1 };
    let id = service.user("ola").await;
    assert!(!id.is_empty() && !id.contains("bulkId"));
    assert_eq!(service.get(&format!("/Users/{id}")).await.header("location"), format!("/scim/v2/Users/{id}"));
}
