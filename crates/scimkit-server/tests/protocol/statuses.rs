//! Which status says what, for every operation (RFC 7644 table 8).

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use scimkit_server::{Actor, AuthenticationError, AuthenticationScheme, Authenticator};
use serde_json::json;

use super::support::{PATCH, Service, USER};

/// A request: its method, its path, a header and its body.
type Request<'a> = (&'a str, &'a str, &'a str, String);

const NO_HEADER: &str = "x-test: 1";

/// Each operation on one user or on all, in a form that nothing is wrong with.
fn operations() -> Vec<Request<'static>> {
    let user = json!({"schemas": [USER], "userName": "ola"}).to_string();
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}).to_string();
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}).to_string();
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "DELETE", "path": "/Users/nobody"}]});
    vec![
        ("GET", "/Users/id1", NO_HEADER, String::new()),
        ("GET", "/Users", NO_HEADER, String::new()),
        ("GET", "", NO_HEADER, String::new()),
        ("POST", "/Users/.search", NO_HEADER, search.clone()),
        ("POST", "/.search", NO_HEADER, search),
        ("PUT", "/Users/id1", NO_HEADER, user.clone()),
        ("PATCH", "/Users/id1", NO_HEADER, patch),
        ("POST", "/Bulk", NO_HEADER, bulk.to_string()),
        ("DELETE", "/Users/id1", NO_HEADER, String::new()),
        ("POST", "/Users", NO_HEADER, user),
    ]
}

fn service() -> Service {
    Service::with_profile(r#"{"name": "x", "features": {"bulk": {"maxOperations": 1, "maxPayloadSize": 100000}}}"#)
}

async fn status(service: &Service, (method, path, header, body): &Request<'_>) -> u16 {
    let reply = service.send(method, path, &[header], body.clone()).await;
    if reply.status >= 400 {
        reply.check_error(reply.status, reply.body["scimType"].as_str());
    }
    reply.status
}

/// R7644-3.12-02: every status of the table that the service gives, by each operation that may. It never redirects, so that 307 and 308
/// do not occur.
#[tokio::test]
async fn every_status_says_what_the_table_says() {
    let service = service();
    service.user("ola").await;
    for (operation, expected) in operations().iter().zip([200, 200, 200, 200, 200, 200, 200, 200, 204, 201]) {
        assert_eq!(status(&service, operation).await, expected, "{operation:?}");
    }
    let (twin, other) = (json!({"schemas": [USER], "userName": "OLA"}).to_string(), service.user("kari").await);
    let (item, stale) = (format!("/Users/{other}"), "if-match: W/\"7\"");
    let to_twin = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "userName", "value": "OLA"}]}).to_string();
    let nobody = |(method, _, header, body): Request<'static>| ((method, "/Users/nobody", header, body), 404);
    let mut rows: Vec<(Request<'_>, u16)> = vec![
        (("POST", "/Users", NO_HEADER, twin.clone()), 409),
        (("PUT", &item, NO_HEADER, twin), 409),
        (("PATCH", &item, NO_HEADER, to_twin.clone()), 409),
        (("PUT", &item, stale, json!({"schemas": [USER], "userName": "kari"}).to_string()), 412),
        (("PATCH", &item, stale, to_twin), 412),
        (("DELETE", &item, stale, String::new()), 412),
        (("GET", &item, "if-none-match: W/\"1\"", String::new()), 304),
        (("GET", "/Users?filter=x", NO_HEADER, String::new()), 400),
        (("GET", "/Users?count=x", NO_HEADER, String::new()), 400),
        (("GET", "/nothing", NO_HEADER, String::new()), 404),
        (("GET", "/Me", NO_HEADER, String::new()), 501),
    ];
    rows.extend(operations().into_iter().filter(|(_, path, ..)| *path == "/Users/id1").map(nobody));
    let takes_body = |(method, ..): &Request<'_>| ["POST", "PUT", "PATCH"].contains(method);
    for (method, path, header, _) in operations().into_iter().filter(takes_body) {
        rows.push(((method, path, header, "{".to_owned()), 400));
    }
    let two = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "DELETE", "path": "/Users/a"}, {"method": "DELETE", "path": "/Users/b"}]});
    rows.push((("POST", "/Bulk", NO_HEADER, two.to_string()), 413));
    for (request, expected) in &rows {
        assert_eq!(status(&service, request).await, *expected, "{request:?}");
    }
    for (method, path, _, body) in operations() {
        assert_eq!(status(&service, &(method, path, "authorization: Bearer wrong", body.clone())).await, 401, "{method} {path}");
        let expected = match (method, path) {
            ("GET", "/Users/id1") => 404,
            ("GET", _) | (_, "/Users/.search" | "/.search") => 200,
            _ => 403,
        };
        assert_eq!(status(&service, &(method, path, "authorization: Bearer reader", body)).await, expected, "{method} {path}");
    }
}

/// Cannot tell who asks.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Authenticator for Broken {
    async fn authenticate(&self, _: &Parts) -> Result<Actor, AuthenticationError> {
        Err(AuthenticationError::Unavailable("the directory of secrets is away".into()))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        Vec::new()
    }

    fn challenge(&self) -> String {
        "Bearer".to_owned()
    }
}

/// R7644-3.12-02: what the service cannot do, or fails to do, is 501 or 500 for each operation.
#[tokio::test]
async fn what_a_service_cannot_do_is_501_and_what_fails_is_500() {
    let handler = Arc::new(scimkit_server::StoreHandler::new(Arc::new(scimkit_store::MemoryResources::new())));
    let server = scimkit_server::Server::builder(handler, Arc::new(Broken)).build().unwrap();
    let broken = Service { server, clock: service().clock };
    for operation in operations() {
        assert_eq!(status(&broken, &operation).await, 500, "{operation:?}");
    }
    let little = Service::with_profile(r#"{"name": "x", "features": {"patch": false}}"#);
    little.user("ola").await;
    for (operation, expected) in operations().iter().zip([200, 200, 200, 200, 200, 200, 501, 501, 204, 201]) {
        assert_eq!(status(&little, operation).await, expected, "{operation:?}");
    }
}
