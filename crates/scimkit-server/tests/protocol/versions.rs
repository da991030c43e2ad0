//! Entity tags and preconditions.

use serde_json::json;

use super::support::{PATCH, Service, USER};

/// R7643-3.1-15, R7643-3.1-16, R7643-3.1-17, R7644-3.14-01: the headers say what `meta` says.
#[tokio::test]
async fn headers_say_what_meta_says() {
    let service = Service::new();
    let created = service.post("/Users", json!({"schemas": [USER], "userName": "ola"})).await;
    let read = service.get("/Users/id1").await;
    let patched = service.patch("/Users/id1", json!([{"op": "add", "path": "title", "value": "x"}])).await;
    let replaced = service.put("/Users/id1", json!({"schemas": [USER], "userName": "ola"})).await;
    for (reply, version) in [(&created, "W/\"1\""), (&read, "W/\"1\""), (&patched, "W/\"2\""), (&replaced, "W/\"3\"")] {
        assert_eq!(reply.header("etag"), version);
        assert_eq!(reply.body["meta"]["version"], version);
        assert_eq!(reply.body["meta"]["location"], reply.header("content-location"));
        assert_eq!(reply.header("location"), reply.header("content-location"));
    }
}

/// R7644-3.14-02, R7232-4.1-01: what the client has is not sent again.
#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let service = Service::new();
    service.user("ola").await;
    for tag in ["W/\"1\"", "\"1\"", "\"0\", W/\"1\"", "*"] {
        let reply = service.send("GET", "/Users/id1?attributes=userName", &[&format!("if-none-match: {tag}")], "").await;
        assert_eq!((reply.status, reply.response.body().len()), (304, 0), "{tag}");
        assert_eq!(reply.header("etag"), "W/\"1\"");
        assert!(reply.header("content-location").ends_with("/Users/id1"));
    }
    assert_eq!(service.send("GET", "/Users/id1", &["if-none-match: W/\"2\""], "").await.status, 200);
}

/// R7644-3.14-03, AMB-17, AMB-18, R7232-3.1-01, R7232-3.2-01, R7232-6-01: writes with a version that is not the present one are not done.
#[tokio::test]
async fn stale_writes_are_refused() {
    let service = Service::new();
    service.user("ola").await;
    let put = json!({"schemas": [USER], "userName": "kari"}).to_string();
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]}).to_string();
    for headers in [vec!["if-match: W/\"9\""], vec!["if-none-match: *"], vec!["if-match: W/\"1\"", "if-none-match: W/\"1\""]] {
        for (method, body) in [("PUT", put.as_str()), ("PATCH", patch.as_str()), ("DELETE", "")] {
            service.send(method, "/Users/id1", &headers, body.to_owned()).await.check_error(412, None);
        }
    }
    service.send("GET", "/Users/id1", &["if-match: W/\"9\""], "").await.check_error(412, None);
    assert_eq!(service.get("/Users/id1").await.header("etag"), "W/\"1\"");
    assert_eq!(service.send("PATCH", "/Users/id1", &["if-match: \"1\""], patch).await.status, 200);
    assert_eq!(service.send("PUT", "/Users/id1", &["if-match: *"], put).await.status, 200);
    assert_eq!(service.send("DELETE", "/Users/id1", &["if-match: W/\"0\", W/\"3\""], "").await.status, 204);
}

/// R7232-5-01: what does not exist is not found, whatever was expected of it.
#[tokio::test]
async fn an_unknown_resource_is_not_found_whatever_is_expected() {
    let service = Service::new();
    for header in ["if-match: *", "if-match: W/\"1\"", "if-none-match: *"] {
        service.send("DELETE", "/Users/nobody", &[header], "").await.check_error(404, None);
        let put = json!({"schemas": [USER], "userName": "kari"}).to_string();
        service.send("PUT", "/Users/nobody", &[header], put).await.check_error(404, None);
    }
    service.send("DELETE", "/Users/nobody", &["if-match: \"a b\""], "").await.check_error(400, Some("invalidValue"));
}

/// AMB-22: without the feature there are no versions and no preconditions.
#[tokio::test]
async fn without_entity_tags_the_headers_are_ignored() {
    let service = Service::with_profile(r#"{"name": "x", "features": {"etag": false}}"#);
    service.user("ola").await;
    let reply = service.send("GET", "/Users/id1", &["if-none-match: *"], "").await;
    assert_eq!((reply.status, reply.header("etag")), (200, ""));
    assert!(reply.body["meta"].get("version").is_none());
    assert_eq!(service.send("DELETE", "/Users/id1", &["if-match: W/\"9\""], "").await.status, 204);
}
