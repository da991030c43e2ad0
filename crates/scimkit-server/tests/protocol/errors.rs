//! Requests that are refused before a resource is touched.

use bytes::Bytes;
use http::Request;
use serde_json::json;

use super::support::{Service, USER};

/// R7644-2-01, R7235-3.1-01, R6750-3-01, R6750-3-02, IR30: no credentials, and some that are not valid.
#[tokio::test]
async fn a_missing_and_a_wrong_token_are_told_apart() {
    let service = Service::new();
    let missing = service.request(Request::get("/scim/v2/Users").body(Bytes::new()).unwrap()).await;
    assert_eq!(missing.check_error(401, None).header("www-authenticate"), "Bearer realm=\"scim\"");
    let wrong = service.send("GET", "/Users", &["authorization: Bearer nope"], "").await;
    assert_eq!(wrong.check_error(401, None).header("www-authenticate"), "Bearer realm=\"scim\", error=\"invalid_token\"");
    let malformed = service.send("GET", "/Users", &["authorization: Bearer"], "").await;
    assert_eq!(malformed.check_error(400, None).header("www-authenticate"), "Bearer realm=\"scim\", error=\"invalid_request\"");
}

/// R7644-2.1-01, R6750-3.1-01: who may only read writes nothing.
#[tokio::test]
async fn a_reader_writes_nothing() {
    let service = Service::new();
    let headers = ["authorization: Bearer reader"];
    assert_eq!(service.send("GET", "/Users", &headers, "").await.status, 200);
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}).to_string();
    assert_eq!(service.send("POST", "/Users/.search", &headers, search).await.status, 200);
    for (method, path) in [("POST", "/Users"), ("PUT", "/Users/x"), ("PATCH", "/Users/x"), ("DELETE", "/Users/x")] {
        let reply = service.send(method, path, &headers, "{}").await;
        assert!(reply.check_error(403, None).header("www-authenticate").ends_with("error=\"insufficient_scope\""));
    }
}

/// R7644-3.2-02, R7644-3.2-05, IR30: a path with other methods, none, or none yet.
#[tokio::test]
async fn methods_and_paths_are_checked() {
    let service = Service::new();
    let check = async |method: &str, path: &str, allow: &str| {
        let reply = service.send(method, path, &[], "").await;
        assert_eq!(reply.check_error(405, None).header("allow"), allow, "{method} {path}");
    };
    check("DELETE", "/Users", "GET, HEAD, POST, OPTIONS").await;
    check("POST", "/Users/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS").await;
    check("GET", "/Users/.search", "POST, OPTIONS").await;
    check("TRACE", "/Users", "GET, HEAD, POST, OPTIONS").await;
    for path in ["/nothing", "/Users/1/2", "/users", "/Users.scim"] {
        service.get(path).await.check_error(404, None);
    }
    for (method, path) in [("GET", "/Me"), ("POST", "/Me"), ("POST", "/Bulk")] {
        service.send(method, path, &[], "{}").await.check_error(501, None);
    }
    let outside = Request::get("/Users").header("authorization", "Bearer token").body(Bytes::new()).unwrap();
    service.request(outside).await.check_error(404, None);
    let version = Request::get("/scim/v1/Users").header("authorization", "Bearer token").body(Bytes::new()).unwrap();
    service.request(version).await.check_error(400, Some("invalidVers"));
}

#[tokio::test]
async fn options_and_head_have_no_body() {
    let service = Service::new();
    service.user("ola").await;
    let options = service.send("OPTIONS", "/Users", &["authorization: none"], "").await;
    assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, POST, OPTIONS"));
    let head = service.send("HEAD", "/Users/id1", &[], "").await;
    assert_eq!((head.status, head.header("etag"), head.response.body().len()), (200, "W/\"1\"", 0));
    assert_eq!(service.send("HEAD", "/Users/nobody", &[], "").await.status, 404);
}

/// R8259-9-01: a body over the limit is not read; the answer names the limit.
#[tokio::test]
async fn a_large_body_is_refused() {
    let service = Service::with_profile(r#"{"name": "x", "limits": {"maxBody": 100}}"#);
    let reply = service.post("/Users", json!({"schemas": [USER], "userName": "x".repeat(100)})).await;
    assert!(reply.check_error(413, None).body["detail"].as_str().unwrap().contains("100"));
}

/// R7644-3.8-04, R7644-3.8-01: media types and broken JSON.
#[tokio::test]
async fn bodies_are_json_in_utf8() {
    let service = Service::new();
    service.send("POST", "/Users", &["content-type: text/plain"], "{}").await.check_error(415, None);
    for body in ["", "{", "[]", "\"x\"", r#"{"userName": "a", "USERNAME": "b"}"#] {
        let reply = service.send("POST", "/Users", &["content-type: application/json; charset=utf-8"], body).await;
        reply.check_error(400, Some("invalidSyntax"));
    }
    let reply = service.send("POST", "/Users", &[], Bytes::from_static(b"{\"userName\": \"\xff\"}")).await;
    reply.check_error(400, Some("invalidSyntax"));
    service.send("POST", "/Users", &[], "[".repeat(100_000)).await.check_error(400, Some("invalidSyntax"));
}

/// Invariant 5: values of a body do not come back in errors.
#[tokio::test]
async fn errors_show_no_values() {
    let service = Service::new();
    for body in [
        json!({"schemas": [USER], "userName": "ola", "active": "secret-value"}),
        json!({"schemas": [USER], "userName": "ola", "emails": "secret-value"}),
        json!({"schemas": [USER], "userName": "ola", "emails": [{"value": 1, "type": "secret-value"}]}),
    ] {
        let reply = service.post("/Users", body).await;
        assert!(!reply.check_error(400, Some("invalidValue")).body.to_string().contains("secret-value"), "{}", reply.body);
    }
    service.user("secret-value").await;
    let reply = service.post("/Users", json!({"schemas": [USER], "userName": "secret-value"})).await;
    assert!(!reply.check_error(409, Some("uniqueness")).body.to_string().contains("secret-value"));
}

/// R7642-4-01, R7644-2-01: nobody gets past an endpoint that is not discovery without being known, whatever else is wrong.
#[tokio::test]
async fn every_request_is_authenticated() {
    let service = Service::with_profile(r#"{"name": "x", "features": {"bulk": {"maxOperations": 9, "maxPayloadSize": 100000}}}"#);
    let id = service.user("ola").await;
    for path in ["", "/Users", "/Groups", &format!("/Users/{id}"), "/Users/.search", "/.search", "/Bulk", "/Me", "/nothing"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            for header in ["authorization: none", "authorization: Bearer wrong"] {
                service.send(method, path, &[header, "content-type: text/plain"], "x").await.check_error(401, None);
            }
        }
    }
    assert_eq!(service.get("/Users").await.names(), ["ola"]);
}
