//! Products that have a say in changes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use scimkit_server::{Changed, Context, HandlerError, Hook, Proposal, Result};
use scimkit_types::{ErrorResponse, Value};
use serde_json::json;

use super::support::{GROUP, Service, USER};

/// Notes what it is told and forbids what is named so.
#[derive(Debug, Default)]
struct Guard {
    notes: Mutex<Vec<String>>,
}

impl Guard {
    fn note(&self, text: String) {
        self.notes.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap())
    }
}

#[async_trait]
impl Hook for Guard {
    async fn before(&self, context: &Context<'_>, proposal: &Proposal<'_>) -> Result<()> {
        let (text, is_forbidden) = match proposal {
            Proposal::Create { body } => {
                let is_forbidden = body.get("userName").and_then(Value::as_str) == Some("forbidden");
                (format!("create {}", body.get("password").is_some()), is_forbidden)
            }
            Proposal::Replace { id, body } => (format!("replace {id}"), body.get("title").is_some()),
            Proposal::Patch { id, patch } => (format!("patch {id} by {}", patch.operations.len()), patch.operations.len() > 1),
            Proposal::Delete { id } => (format!("delete {id}"), *id == "id2"),
            _ => return Err(HandlerError::internal("a proposal of another kind")),
        };
        self.note(format!("{} {text}", context.actor.id));
        if is_forbidden { Err(ErrorResponse::new(409, "not on a Monday").into()) } else { Ok(()) }
    }

    async fn after(&self, _: &Context<'_>, change: &Changed<'_>) {
        let name = change.resource.and_then(|resource| resource.get("userName")).and_then(Value::as_str).unwrap_or("-");
        self.note(format!("{:?} {} {name}", change.action, change.id));
    }
}

fn service() -> (Service, Arc<Guard>) {
    let guard = Arc::new(Guard::default());
    let hook = Arc::<Guard>::clone(&guard);
    (Service::with(|builder| builder.hook(hook)), guard)
}

#[tokio::test]
async fn a_product_is_asked_before_and_told_after_each_change() {
    let (service, guard) = service();
    service.user("ola").await;
    assert_eq!(guard.take(), ["first create false", "Create id1 ola"]);
    service.put("/Users/id1", json!({"schemas": [USER], "userName": "kari"})).await;
    assert_eq!(guard.take(), ["first replace id1", "Replace id1 kari"]);
    service.patch("/Users/id1", json!([{"op": "add", "path": "title", "value": "x"}])).await;
    assert_eq!(guard.take(), ["first patch id1 by 1", "Patch id1 kari"]);
    service.get("/Users/id1").await;
    service.get("/Users").await;
    assert_eq!(guard.take(), Vec::<String>::new());
    service.delete("/Users/id1").await;
    assert_eq!(guard.take(), ["first delete id1", "Delete id1 -"]);
    service.delete("/Users/id1").await.check_error(404, None);
    assert_eq!(guard.take(), ["first delete id1"]);
}

#[tokio::test]
async fn what_a_product_refuses_is_not_done() {
    let (service, guard) = service();
    service.user("ola").await;
    service.user("kari").await;
    let refused = service.post("/Users", json!({"schemas": [USER], "userName": "forbidden"})).await;
    assert_eq!(refused.check_error(409, None).body["detail"], "not on a Monday");
    service.put("/Users/id1", json!({"schemas": [USER], "userName": "x", "title": "x"})).await.check_error(409, None);
    let operation = json!({"op": "replace", "path": "userName", "value": "x"});
    service.patch("/Users/id1", json!([operation, operation])).await.check_error(409, None);
    service.delete("/Users/id2").await.check_error(409, None);
    assert_eq!(service.get("/Users").await.names(), ["ola", "kari"]);
    assert!(guard.take().iter().skip(4).all(|note| note.starts_with("first")));
}

/// What is refused before is never proposed.
#[tokio::test]
async fn a_product_sees_only_what_is_admitted() {
    let (service, guard) = service();
    service.send("DELETE", "/Users/id1", &["authorization: Bearer reader"], "").await.check_error(403, None);
    service.post("/Users", json!([])).await.check_error(400, Some("invalidSyntax"));
    service.send("PUT", "/Users/id1", &["content-type: text/plain"], "{}").await.check_error(415, None);
    assert_eq!(guard.take(), Vec::<String>::new());
}

/// A circle that is taken back is told of as deletions.
#[tokio::test]
async fn what_a_bulk_request_takes_back_is_told() {
    let guard = Arc::new(Guard::default());
    let hook = Arc::<Guard>::clone(&guard);
    let profile = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#;
    let service = Service::with(|builder| builder.profile(serde_json::from_str(profile).unwrap()).hook(hook));
    let group = |own: &str, other: &str, name: serde_json::Value| {
        json!({"method": "POST", "path": "/Groups", "bulkId": own, "data":
            {"schemas": [GROUP], "displayName": name, "members": [{"value": format!("bulkId:{other}"), "type": "Group"}]}})
    };
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        group("g", "h", json!("g")), group("h", "g", json!(7))]});
    assert_eq!(service.post("/Bulk", body).await.status, 200);
    let notes = guard.take();
    let (made, gone) =
        (notes.iter().filter(|note| note.starts_with("Create")).count(), notes.iter().filter(|note| note.starts_with("Delete")).count());
    assert_eq!((made, gone), (1, 1), "{notes:?}");
    assert_eq!(service.get("/Groups").await.body["totalResults"], 0);
}
