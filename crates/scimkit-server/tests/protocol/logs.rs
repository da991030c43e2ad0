//! What the server writes into logs.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::support::{PATCH, Service, USER};

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

/// Invariant 5, R7644-7.5.2-03, R6750-5.2-01: no value, password or token reaches a log line at any level; actors, ids and statuses do.
#[tokio::test]
async fn no_value_reaches_a_log_line() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let service = Service::new();
    let body = json!({"schemas": [USER], "userName": "planted-name", "title": "planted-title"});
    let id = service.post("/Users", body.clone()).await.id().to_owned();
    service.post("/Users", body).await.check_error(409, Some("uniqueness"));
    service.post("/Users", json!({"schemas": [USER], "userName": "x", "password": "planted-password"})).await.check_error(501, None);
    service.post("/Users", json!({"schemas": [USER], "userName": "x", "active": "planted-value"})).await;
    service.get("/Users?filter=userName+eq+%22planted-filter%22").await;
    service.get("/Users?filter=userName+eq+planted-fault").await;
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "planted-patch"}]});
    service.send("PATCH", &format!("/Users/{id}"), &[], patch.to_string()).await;
    service.send("GET", "/Users", &["authorization: Bearer planted-token"], "").await.check_error(401, None);
    service.delete(&format!("/Users/{id}")).await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(&id) && text.contains("actor=\"first\"") && text.contains("status=409"), "{text}");
    assert!(!text.contains("planted"), "{text}");
}
