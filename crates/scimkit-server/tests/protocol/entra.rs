//! Requests of Microsoft Entra ID as they were recorded.

use scimkit_types::Dialect;
use serde_json::{Value, json};

use super::support::{ENTERPRISE, Reply, Service, USER};

/// Sends a recorded request to the resource with this id and checks the recorded status.
async fn replay(service: &Service, id: &str, recording: &str) -> Reply {
    let recording: Value = serde_json::from_str(recording).unwrap();
    let request = &recording["request"];
    // Some recordings have a path in front of the endpoint.
    let is_group = request["path"].as_str().unwrap().contains("/Groups/");
    let endpoint = if is_group { "Groups" } else { "Users" };
    let headers = ["content-type: application/scim+json; charset=utf-8"];
    let reply =
        service.send(request["method"].as_str().unwrap(), &format!("/{endpoint}/{id}"), &headers, request["body"].to_string()).await;
    let expected = recording["response"]["status"].as_u64().unwrap_or(200);
    assert_eq!(u64::from(reply.status), expected, "{}: {}", recording["name"], reply.body);
    reply
}

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../../testdata/entra/", $name, ".json"))
    };
}

async fn user(service: &Service) -> String {
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "ola", "active": true, "name": {"familyName": "Nordmann"},
        "emails": [{"type": "work", "value": "ola@example.com", "primary": true}],
    });
    service.post("/Users", body).await.id().to_owned()
}

/// IR01, IR03, IR04, entra.md 5.2 and 5.3: what changes a user, without the feature flag and with it.
#[tokio::test]
async fn changes_of_a_user_are_applied() {
    for (recording, attribute, expected) in [
        (recorded!("user-disable"), "active", json!(false)),
        (recorded!("flag-disable-off"), "active", json!(false)),
        (recorded!("flag-disable-on"), "active", json!(false)),
        (recorded!("flag-add-single-off"), "nickName", json!("Babs")),
        (recorded!("flag-add-single-on"), "nickName", json!("Babs")),
    ] {
        let service = Service::with_dialect(Dialect::ENTRA);
        let id = user(&service).await;
        assert_eq!(replay(&service, &id, recording).await.body[attribute], expected);
    }
}

/// IR05, IR06, entra.md 5.4: names, addresses and managers arrive in the forms that Entra has for them.
#[tokio::test]
async fn every_recorded_change_of_a_user_is_understood() {
    for recording in [
        recorded!("user-patch-multi-valued"),
        recorded!("user-patch-single-valued"),
        recorded!("flag-replace-many-off"),
        recorded!("flag-replace-many-on"),
        recorded!("legacy-example5-manager-add"),
        recorded!("observed-add-filtered-missing"),
        recorded!("observed-manager-string"),
    ] {
        let service = Service::with_dialect(Dialect::ENTRA);
        let id = user(&service).await;
        let before = service.get(&format!("/Users/{id}")).await.body;
        let reply = replay(&service, &id, recording).await;
        assert_ne!(reply.body["meta"]["version"], before["meta"]["version"]);
        assert_eq!(service.get(&format!("/Users/{id}")).await.body, reply.body);
    }
}

/// IR02, IR24: members come and go without touching the others; the answer is 204.
#[tokio::test]
async fn recorded_changes_of_members_are_applied() {
    let service = Service::with_dialect(Dialect::ENTRA);
    let group = service.group("guides", &["other"]).await;
    let members = async || service.get(&format!("/Groups/{group}")).await.body["members"].as_array().unwrap().len();
    replay(&service, &group, recorded!("group-patch-add-members")).await;
    assert_eq!(members().await, 2);
    replay(&service, &group, recorded!("group-patch-remove-members")).await;
    assert_eq!(members().await, 1);
    replay(&service, &group, recorded!("group-patch-attributes")).await;
    assert_eq!(members().await, 1);
}

/// entra.md 5.2: the credential check and the search by a random name find nothing and are no error.
#[tokio::test]
async fn the_connection_test_finds_nobody() {
    let service = Service::with_dialect(Dialect::ENTRA);
    user(&service).await;
    let reply = service.get("/Users?filter=userName+eq+%223f2504e0-4f89-11d3-9a0c-0305e82c3301%22").await;
    assert_eq!((reply.status, &reply.body["totalResults"], &reply.body["Resources"]), (200, &json!(0), &json!([])));
}
