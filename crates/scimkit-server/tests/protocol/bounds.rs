//! Every limit, at it and over it.

use serde_json::{Value, json};

use super::support::{GROUP, PATCH, Service, USER, encode};

fn limited(limits: &str) -> Service {
    Service::with_profile(&format!(r#"{{"name": "x", "limits": {{{limits}}}, "paging": {{"defaultCount": 2, "maxCount": 3}}}}"#))
}

fn detail(reply: &super::support::Reply) -> &str {
    reply.body["detail"].as_str().unwrap()
}

/// R8259-9-01: bytes of a body.
#[tokio::test]
async fn bodies_have_a_largest_size() {
    let body = |length: usize| {
        let frame = json!({"schemas": [USER], "userName": ""}).to_string().len();
        json!({"schemas": [USER], "userName": "x".repeat(length - frame)}).to_string()
    };
    let service = limited(r#""maxBody": 200"#);
    assert_eq!(service.send("POST", "/Users", &[], body(200)).await.status, 201);
    let reply = service.send("POST", "/Users", &[], body(201)).await;
    assert_eq!(detail(reply.check_error(413, None)), "the body is over the limit of 200 bytes");
}

/// R8259-9-01: depth of a body, for every kind of body that is read.
#[tokio::test]
async fn bodies_have_a_greatest_depth() {
    let service = limited(r#""maxDepth": 3"#);
    let user = |emails: Value| json!({"schemas": [USER], "userName": "ola", "emails": emails});
    assert_eq!(service.post("/Users", user(json!([{"value": "a@example.com"}]))).await.status, 201);
    let deep = user(json!([{"value": ["a@example.com"]}]));
    let reply = service.post("/Users", deep.clone()).await;
    assert_eq!(detail(reply.check_error(400, Some("invalidSyntax"))), "expected arrays and objects nested at most 3 deep, found more");
    service.put("/Users/id1", deep).await.check_error(400, Some("invalidSyntax"));
    let operation = |value: Value| json!([{"op": "add", "value": value}]);
    assert_eq!(service.patch("/Users/id1", json!([{"op": "add", "path": "title", "value": "x"}])).await.status, 200);
    service.patch("/Users/id1", operation(json!({"name": {"givenName": "x"}}))).await.check_error(400, Some("invalidSyntax"));
    let search = json!({"schemas": [[["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]]]});
    service.post("/Users/.search", search).await.check_error(400, Some("invalidSyntax"));
}

/// R8259-9-01: attributes and elements of a body, also of an operation of a bulk request.
#[tokio::test]
async fn bodies_have_a_most_of_attributes() {
    let user = |count: usize| {
        let emails: Vec<Value> = (0..count).map(|index| json!({"value": format!("{index}@example.com")})).collect();
        json!({"schemas": [USER], "userName": "ola", "emails": emails})
    };
    // Three attributes, one schema, and for each address an element with one sub-attribute.
    let service = limited(r#""maxAttributes": 10"#);
    assert_eq!(service.post("/Users", user(3)).await.status, 201);
    let reply = service.post("/Users", user(4)).await;
    assert_eq!(detail(reply.check_error(413, None)), "expected at most 10 attributes in one request, found more");
    let service = Service::with_profile(
        r#"{"name": "x", "limits": {"maxAttributes": 10}, "features": {"bulk": {"maxOperations": 9, "maxPayloadSize": 100000}}}"#,
    );
    let operations: Vec<Value> =
        [3, 4].iter().map(|count| json!({"method": "POST", "path": "/Users", "bulkId": count.to_string(), "data": user(*count)})).collect();
    let reply =
        service.post("/Bulk", json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})).await;
    assert_eq!((&reply.body["Operations"][0]["status"], &reply.body["Operations"][1]["status"]), (&json!("201"), &json!("413")));
}

/// IR25: operations and members of a PATCH.
#[tokio::test]
async fn patches_have_a_most_of_operations_and_members() {
    let service = limited(r#""maxOperations": 2, "maxMembers": 2"#);
    let group = service.group("guides", &[]).await;
    let path = format!("/Groups/{group}");
    let rename = json!({"op": "replace", "path": "displayName", "value": "x"});
    assert_eq!(service.patch(&path, json!([rename, rename])).await.status, 204);
    service.patch(&path, json!([rename, rename, rename])).await.check_error(413, None);
    let add = |ids: &[&str]| {
        let members: Vec<Value> = ids.iter().map(|id| json!({"value": id, "type": "User"})).collect();
        json!([{"op": "add", "path": "members", "value": members}])
    };
    assert_eq!(service.patch(&path, add(&["a", "b"])).await.status, 204);
    service.patch(&path, add(&["c", "d", "e"])).await.check_error(413, None);
    assert_eq!(service.get(&path).await.body["members"].as_array().unwrap().len(), 2);
    let whole = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"members": [{"value": "x"}, {"value": "y"}, {"value": "z"}]}}]});
    service.send("PATCH", &path, &[], whole.to_string()).await.check_error(413, None);
    assert_eq!(service.get(&path).await.body["schemas"], json!([GROUP]));
}

/// R7644-3.4.2.4-05, IR27: a page is never larger than allowed, whatever was asked for.
#[tokio::test]
async fn pages_have_a_largest_size() {
    let service = limited("");
    for name in ["a", "b", "c", "d"] {
        service.user(name).await;
    }
    for (parameters, expected) in [("", 2), ("?count=3", 3), ("?count=4", 3), ("?count=99999999999999999999", 3)] {
        assert_eq!(service.get(&format!("/Users{parameters}")).await.names().len(), expected, "{parameters}");
    }
}

#[tokio::test]
async fn filters_have_a_greatest_length() {
    let service = limited(r#""maxFilterLength": 20"#);
    let filter = |length: usize| format!("userName eq \"{}\"", "x".repeat(length - 14));
    assert_eq!(service.get(&format!("/Users?filter={}", encode(&filter(20)))).await.status, 200);
    service.get(&format!("/Users?filter={}", encode(&filter(21)))).await.check_error(400, Some("invalidFilter"));
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter(21)});
    service.post("/Users/.search", search).await.check_error(400, Some("invalidFilter"));
    service.get(&format!("/Users?sortBy={}", "x".repeat(21))).await.check_error(400, Some("invalidValue"));
}

/// R7644-3.4.2.1-03: more results than the service is willing to process are `tooMany`, at an endpoint and over all of them.
#[tokio::test]
async fn queries_have_a_most_of_results() {
    let service = limited(r#""maxResults": 2"#);
    service.user("ola").await;
    service.user("kari").await;
    assert_eq!(service.get("/Users").await.body["totalResults"], 2);
    service.group("guides", &[]).await;
    let reply = service.get("").await;
    assert_eq!(detail(reply.check_error(400, Some("tooMany"))), "expected at most 2 results, found more; use a narrower filter");
    assert_eq!(service.get("?filter=meta.resourceType+eq+%22User%22").await.body["totalResults"], 2);
    service.user("nils").await;
    service.get("/Users?count=1").await.check_error(400, Some("tooMany"));
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName pr"});
    service.post("/Users/.search", search).await.check_error(400, Some("tooMany"));
    assert_eq!(service.get("/Users?filter=userName+ne+%22ola%22").await.body["totalResults"], 2);
}
