//! Several operations in one request.

use scimkit_server::DirectoryProviderSwitch;
use serde_json::{Value, json};

use super::support::{BASE, ENTERPRISE, GROUP, PATCH, Reply, Service, USER, builder};

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const PROFILE: &str = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 4000}}}"#;

fn service() -> Service {
    Service::with_profile(PROFILE)
}

async fn bulk(service: &Service, operations: Value) -> Reply {
    service.post("/Bulk", json!({"schemas": [BULK], "Operations": operations})).await
}

fn statuses(reply: &Reply) -> Vec<&str> {
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/scim+json"), "{}", reply.body);
    assert_eq!(reply.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    // R7644-3.7-08: what only requests have is not answered.
    assert!(reply.body.get("failOnErrors").is_none());
    reply.body["Operations"].as_array().unwrap().iter().map(|outcome| outcome["status"].as_str().unwrap()).collect()
}

fn user(bulk_id: &str, user_name: &str) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"schemas": [USER], "userName": user_name}})
}

fn group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|value| json!({"value": value})).collect();
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": {"schemas": [GROUP], "displayName": name, "members": members}})
}

fn employee(bulk_id: &str, user_name: &str, manager: &str) -> Value {
    let mut operation = user(bulk_id, user_name);
    operation["data"]["schemas"] = json!([USER, ENTERPRISE]);
    operation["data"][ENTERPRISE] = json!({"manager": {"value": manager}});
    operation
}

fn example(name: &str) -> Value {
    let path = format!("{}/../../testdata/rfc7644/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The members of a group, by id.
async fn members(service: &Service, id: &str) -> Vec<String> {
    let body = service.get(&format!("/Groups/{id}")).await.body;
    let values = body["members"].as_array().cloned().unwrap_or_default();
    values.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

/// R7644-3.7.4-01, R7643-5-03: what is supported is published with its limits; no more operations than the quota ever admits.
#[tokio::test]
async fn limits_are_published() {
    let body = service().get("/ServiceProviderConfig").await.body;
    assert_eq!(body["bulk"], json!({"supported": true, "maxOperations": 10, "maxPayloadSize": 4000}));
    let limited = Service::with_profile(
        r#"{"name": "x", "limits": {"write": {"requests": 3, "seconds": 60}}, "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 4000}}}"#,
    );
    assert_eq!(limited.get("/ServiceProviderConfig").await.body["bulk"]["maxOperations"], 3);
    assert_eq!(limited.server.max_body(), 1 << 20);
}

/// R7644-3.7.2-01, R7644-3.7-12, R7644-3.7-14, R7644-3.7-16: the example of RFC 7644 section 3.7.2.
#[tokio::test]
async fn a_group_of_a_new_user_is_created() {
    let service = service();
    let reply = service.post("/Bulk", example("3.7.2-bulk-bulkid-request")).await;
    assert_eq!(statuses(&reply), ["201", "201"]);
    let mut expected = example("3.7.2-bulk-bulkid-response");
    for (index, path) in ["Users/id1", "Groups/id2"].iter().enumerate() {
        expected["Operations"][index]["location"] = json!(format!("{BASE}/{path}"));
        expected["Operations"][index]["version"] = json!("W/\"1\"");
    }
    assert_eq!(reply.body, expected);
    let group = service.get("/Groups/id2").await.body;
    assert_eq!(group["displayName"], "Tour Guides");
    assert_eq!(group["members"], json!([{"type": "User", "value": "id1", "$ref": format!("{BASE}/Users/id1")}]));
}

/// R7644-3.7.2-01: references in extensions; the second example of RFC 7644 section 3.7.2, also in reverse.
#[tokio::test]
async fn a_manager_can_be_created_along() {
    for reversed in [false, true] {
        let (service, mut request) = (service(), example("3.7.2-bulk-manager-bulkid-request"));
        if reversed {
            request["Operations"].as_array_mut().unwrap().reverse();
        }
        let reply = service.post("/Bulk", request).await;
        assert_eq!(statuses(&reply), ["201", "201"]);
        assert_eq!(reply.body["Operations"][0]["bulkId"], if reversed { "ytrewq" } else { "qwerty" });
        assert_eq!(service.get("/Users/id1").await.body["userName"], "Alice");
        let bob = service.get("/Users/id2").await.body;
        assert_eq!((&bob["userName"], &bob[ENTERPRISE]["manager"]["value"]), (&json!("Bob"), &json!("id1")));
    }
}

/// R7644-3.7.1-01: the example of RFC 7644 section 3.7.1, two groups that are members of each other.
#[tokio::test]
async fn circular_references_are_resolved() {
    let service = service();
    let reply = service.post("/Bulk", example("3.7.1-bulk-circular-request")).await;
    assert_eq!(statuses(&reply), ["201", "201"]);
    let (a, b) = (service.get("/Groups/id1").await, service.get("/Groups/id2").await);
    assert_eq!((&a.body["displayName"], &b.body["displayName"]), (&json!("Group A"), &json!("Group B")));
    assert_eq!(members(&service, "id1").await, ["id2"]);
    assert_eq!(members(&service, "id2").await, ["id1"]);
    for (outcome, group) in reply.body["Operations"].as_array().unwrap().iter().zip([a, b]) {
        assert_eq!((outcome["version"].as_str().unwrap(), &outcome["location"]), (group.header("etag"), &group.body["meta"]["location"]));
    }
    let reply = bulk(&service, json!([employee("self", "ola", "bulkId:self")])).await;
    assert_eq!(statuses(&reply), ["201"]);
    assert_eq!(service.get("/Users/id3").await.body[ENTERPRISE]["manager"]["value"], "id3");
}

/// R7644-3.7.1-01, R7644-3.7.2-02, invariant 10: a circle of which one create fails leaves nothing behind.
#[tokio::test]
async fn a_circle_stands_or_falls_together() {
    let service = service();
    service.user("kari").await;
    let operations =
        json!([employee("a", "ola", "bulkId:b"), employee("b", "kari", "bulkId:a"), group("g", "guides", &["bulkId:a"]), user("c", "per")]);
    let reply = bulk(&service, operations).await;
    assert_eq!(statuses(&reply), ["409", "409", "409", "201"]);
    assert_eq!(reply.body["Operations"][1]["response"]["scimType"], "uniqueness");
    assert_eq!(service.get("/Users").await.names(), ["kari", "per"]);
    assert_eq!(service.get("/Groups").await.body["totalResults"], 0);
}

/// R7644-3.7.3-01, R7644-3.7.3-02, R7644-3.7-07, R7644-3.7-09, R7644-3.7-15: the example of RFC 7644 section 3.7.3, against resources
/// that are of these versions, of others, and not there.
#[tokio::test]
async fn every_operation_has_its_outcome() {
    let service = service();
    let (bob, dave, gone) = (service.user("bob").await, service.user("dave").await, service.user("gone").await);
    let request = |version: &str| {
        let mut request = example("3.7.3-bulk-multi-request");
        request.as_object_mut().unwrap().remove("failOnErrors");
        for (index, id) in [(1, &bob), (2, &dave), (3, &gone)] {
            request["Operations"][index]["path"] = json!(format!("/Users/{id}"));
            request["Operations"][index]["version"] = json!(version);
        }
        request["Operations"][2]["data"]["Operations"][1]["op"] = json!("replace");
        request
    };
    let reply = service.post("/Bulk", request("W/\"1\"")).await;
    assert_eq!(statuses(&reply), ["201", "200", "200", "204"]);
    let outcomes = reply.body["Operations"].as_array().unwrap();
    assert_eq!(outcomes[1]["location"], format!("{BASE}/Users/{bob}"));
    assert_eq!((&outcomes[2]["version"], &outcomes[3]["location"]), (&json!("W/\"2\""), &json!(format!("{BASE}/Users/{gone}"))));
    assert!(outcomes.iter().all(|outcome| outcome.get("response").is_none()));
    assert_eq!(service.get(&format!("/Users/{dave}")).await.body["userName"], "Dave");

    let reply = service.post("/Bulk", request("W/\"1\"")).await;
    assert_eq!(statuses(&reply), ["409", "412", "412", "404"]);
    let outcomes = reply.body["Operations"].as_array().unwrap();
    assert!(outcomes[0].get("location").is_none());
    for outcome in outcomes {
        assert_eq!(outcome["response"]["status"], outcome["status"]);
        assert_eq!(outcome["response"]["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert!(outcome.get("version").is_none());
    }
    assert!(outcomes[1..].iter().all(|outcome| outcome["location"].as_str().unwrap().starts_with(BASE)));
}

/// R7644-3.7-10, R7644-3.7-11, AMB-24: all operations run, or none after so many errors.
#[tokio::test]
async fn errors_stop_a_request_only_if_it_says_so() {
    let operations = json!([user("a", "ola"), user("b", "ola"), user("c", "kari"), user("d", "kari"), user("e", "per")]);
    let service = service();
    assert_eq!(statuses(&bulk(&service, operations.clone()).await), ["201", "409", "201", "409", "201"]);
    for (errors, expected, count) in [(1, vec!["201", "409"], 1), (2, vec!["201", "409", "201", "409"], 2)] {
        let service = Service::with_profile(PROFILE);
        let request = json!({"schemas": [BULK], "failOnErrors": errors, "Operations": operations});
        assert_eq!(statuses(&service.post("/Bulk", request).await), expected);
        assert_eq!(service.get("/Users").await.body["totalResults"], count);
    }
}

/// R7644-3.7.2-02, R7644-3.7.2-03, R7644-3.7-13: references to what is not made fail, and in paths they work, in whatever order.
#[tokio::test]
async fn paths_refer_too_and_nothing_is_stored_that_refers_to_nothing() {
    let service = service();
    let add = |value: &str| json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"value": value}]}]});
    let operations = json!([
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": add("bulkId:a")},
        group("g", "guides", &[]),
        user("a", "ola"),
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": add("bulkId:nobody")},
        user("b", "ola"),
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": add("bulkId:b")},
        {"method": "DELETE", "path": "/Users/bulkId:b"},
    ]);
    let reply = bulk(&service, operations).await;
    assert_eq!(statuses(&reply), ["204", "201", "201", "400", "409", "409", "409"]);
    let outcomes = &reply.body["Operations"];
    let group = outcomes[1]["location"].as_str().unwrap().rsplit('/').next().unwrap();
    let user = outcomes[2]["location"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(members(&service, group).await, [user]);
    assert_eq!(outcomes[0]["location"], outcomes[1]["location"]);
    assert_eq!(outcomes[3]["response"]["scimType"], "invalidValue");
}

/// R7644-3.7-02, R7644-3.7-04, R7644-3.7-08, AMB-23: what is wrong with the request as a whole, nothing of which runs.
#[tokio::test]
async fn a_faulty_request_is_refused_as_a_whole() {
    let service = service();
    let mut nameless = user("a", "per");
    nameless.as_object_mut().unwrap().remove("bulkId");
    let requests = [
        (json!({"Operations": [user("a", "ola")]}), "invalidSyntax"),
        (json!({"schemas": [PATCH], "Operations": [user("a", "ola")]}), "invalidSyntax"),
        (json!({"schemas": [BULK]}), "invalidSyntax"),
        (json!({"schemas": [BULK], "Operations": []}), "invalidSyntax"),
        (json!({"schemas": [BULK], "Operations": [user("a", "ola"), user("a", "kari")]}), "invalidValue"),
        (json!({"schemas": [BULK], "Operations": [user("a", "ola"), nameless]}), "invalidValue"),
        (json!({"schemas": [BULK], "failOnErrors": 0, "Operations": [user("a", "ola")]}), "invalidValue"),
        (json!({"schemas": [BULK], "failOnErrors": -1, "Operations": [user("a", "ola")]}), "invalidValue"),
    ];
    for (request, scim_type) in requests {
        service.post("/Bulk", request).await.check_error(400, Some(scim_type));
    }
    service.send("POST", "/Bulk", &["content-type: text/plain"], "{}").await.check_error(415, None);
    service.get("/Bulk").await.check_error(405, None);
    assert_eq!(service.get("/Users").await.body["totalResults"], 0);
}

/// R7644-3.7-03, R7644-3.7-05, R7644-3.7-06: a faulty operation fails alone.
#[tokio::test]
async fn a_faulty_operation_fails_alone() {
    let service = service();
    let operations = json!([
        {"method": "GET", "path": "/Users/1"},
        {"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}},
        {"method": "PUT", "path": "/Users", "data": {}},
        {"method": "PUT", "path": "/Nothing/1", "data": {}},
        {"method": "PUT", "path": "/Users/1?attributes=id", "data": {}},
        {"method": "POST", "path": "/Users", "bulkId": "b"},
        {"method": "DELETE", "path": "/Users/1", "version": "\n"},
        {"method": "POST", "path": "/Bulk", "bulkId": "c", "data": {}},
        user("d", "ola"),
    ]);
    let reply = bulk(&service, operations).await;
    assert_eq!(statuses(&reply), ["400", "400", "400", "400", "400", "400", "400", "400", "201"]);
}

/// R7644-3.7.4-02: too many operations and too many bytes; the answer names the limit.
#[tokio::test]
async fn limits_are_kept() {
    let service = service();
    let operations: Vec<Value> = (0..11).map(|index| user(&format!("b{index}"), &format!("user{index}"))).collect();
    let many = bulk(&service, Value::from(operations)).await;
    assert!(many.check_error(413, None).body["detail"].as_str().unwrap().contains("`maxOperations` 10"));
    let large = bulk(&service, json!([user("a", &"x".repeat(4000))])).await;
    assert!(large.check_error(413, None).body["detail"].as_str().unwrap().contains("`maxPayloadSize` of 4000"));
    assert_eq!(service.get("/Users").await.body["totalResults"], 0);
}

/// Invariant 19: a request costs its operations as writes, all or nothing; one that is refused for its shape costs one.
#[tokio::test]
async fn operations_cost_writes() {
    let service = Service::with_profile(
        r#"{"name": "x", "limits": {"write": {"requests": 4, "seconds": 60}}, "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 4000}}}"#,
    );
    assert_eq!(statuses(&bulk(&service, json!([user("a", "ola"), user("b", "kari")])).await), ["201", "201"]);
    bulk(&service, json!([])).await.check_error(400, Some("invalidSyntax"));
    let refused = bulk(&service, json!([user("a", "per"), user("b", "eva")])).await;
    assert_eq!(refused.check_error(429, None).header("retry-after"), "60");
    assert_eq!(statuses(&bulk(&service, json!([user("a", "per")])).await), ["201"]);
    service.delete("/Users/id1").await.check_error(429, None);
}

/// R7644-3.7-17, invariant 9: permissions, policies and tenants hold for each operation.
#[tokio::test]
async fn an_operation_may_do_no_more_than_a_request() {
    let switch = std::sync::Arc::new(DirectoryProviderSwitch::new(true));
    let (builder, clock) = builder();
    let builder = builder.profile(serde_json::from_str(PROFILE).unwrap());
    let server = builder.policy(std::sync::Arc::<DirectoryProviderSwitch>::clone(&switch)).build().unwrap();
    let service = Service { server, clock };
    let id = service.user("ola").await;
    let request = json!({"schemas": [BULK], "Operations": [{"method": "DELETE", "path": format!("/Users/{id}")}]}).to_string();
    let other = service.send("POST", "/Bulk", &["authorization: Bearer other"], request.clone()).await;
    assert_eq!(statuses(&other), ["404"]);
    service.send("POST", "/Bulk", &["authorization: Bearer reader"], request.clone()).await.check_error(403, None);
    switch.set(false);
    assert_eq!(statuses(&service.send("POST", "/Bulk", &[], request.clone()).await), ["403"]);
    switch.set(true);
    assert_eq!(statuses(&service.send("POST", "/Bulk", &[], request).await), ["204"]);
}

/// R7644-3.7-17: an operation fails as the single request does.
#[tokio::test]
async fn errors_are_those_of_single_requests() {
    let service = service();
    service.user("ola").await;
    for data in
        [json!({}), json!({"schemas": [USER]}), json!({"schemas": [USER], "userName": "ola"}), json!({"schemas": [USER], "userName": 1})]
    {
        let single = service.post("/Users", data.clone()).await;
        let reply = bulk(&service, json!([{"method": "POST", "path": "/Users", "bulkId": "a", "data": data}])).await;
        assert_eq!(reply.body["Operations"][0]["response"], single.body);
    }
}
