//! What the server writes into logs. A process of its own, since what is logged is decided once for a process.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit_store::{MemoryResources, Tenant};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn send(server: &Server, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("/scim/v2{path}")).header("authorization", format!("Bearer {token}"));
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let response = server.handle(request.body(body).unwrap()).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

/// Invariant 5, R6750-5.2-01: no value, password or token reaches a log line at any level; actors, ids and statuses do.
#[tokio::test]
async fn no_value_reaches_a_log_line() {
    let lines = Lines::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).with_ansi(false).init();
    let tokens = BearerTokens::new().with_token(&"planted-secret".into(), Actor::new("first", Tenant::default()));
    let server = Server::builder(Arc::new(StoreHandler::new(Arc::new(MemoryResources::new()))), Arc::new(tokens)).build().unwrap();
    let user = json!({"schemas": [USER], "userName": "planted-name", "title": "planted-title"});
    let (status, created) = send(&server, "planted-secret", "POST", "/Users", &user).await;
    let id = created["id"].as_str().unwrap();
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "planted-patch"}]});
    let fault = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "emails[value eq \"planted-path\"].x", "value": 1}]});
    let mut statuses = vec![status];
    for (token, method, path, body) in [
        ("planted-secret", "POST", "/Users", user),
        ("planted-secret", "POST", "/Users", json!({"schemas": [USER], "userName": "x", "password": "planted-password"})),
        ("planted-secret", "POST", "/Users", json!({"schemas": [USER], "userName": "x", "active": "planted-value"})),
        ("planted-secret", "GET", "/Users?filter=userName+eq+%22planted-filter%22", Value::Null),
        ("planted-secret", "GET", "/Users?filter=userName+eq+planted-fault", Value::Null),
        ("planted-secret", "PATCH", &format!("/Users/{id}"), patch),
        ("planted-secret", "PATCH", &format!("/Users/{id}"), fault),
        ("planted-token", "GET", "/Users", Value::Null),
        ("planted-secret", "DELETE", &format!("/Users/{id}"), Value::Null),
    ] {
        statuses.push(send(&server, token, method, path, &body).await.0);
    }
    assert_eq!(statuses, [201, 409, 501, 400, 200, 400, 200, 400, 401, 204]);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(id) && text.contains("actor=\"first\"") && text.contains("status=409"), "{text}");
    assert!(!text.contains("planted"), "{text}");
}
