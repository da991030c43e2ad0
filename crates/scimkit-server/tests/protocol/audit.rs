//! Records of writes.

use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use scimkit_server::{
    Actor, AuditRecord, AuditSink, BearerTokens, Context, Found, HandlerError, Preconditions, ResourceHandler, Result, Search, Server,
    StoreHandler,
};
use scimkit_store::{MemoryResources, Tenant};
use scimkit_types::{ManualClock, PatchOp, Projection, Resource, Timestamp};
use serde_json::{Value, json};

use super::support::{GROUP, Service, USER};

#[derive(Debug, Default)]
struct Book {
    records: Mutex<Vec<AuditRecord>>,
}

#[async_trait]
impl AuditSink for Book {
    async fn record(&self, record: &AuditRecord) -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }
}

/// Cannot keep anything.
#[derive(Debug)]
struct Full;

#[async_trait]
impl AuditSink for Full {
    async fn record(&self, _: &AuditRecord) -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
        Err("the disk is full".into())
    }
}

const PROFILE: &str = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#;

fn service() -> (Service, Arc<Book>) {
    let book = Arc::new(Book::default());
    let sink = Arc::<Book>::clone(&book);
    (Service::with(|builder| builder.profile(serde_json::from_str(PROFILE).unwrap()).audit(sink)), book)
}

impl Book {
    /// The records since the last call, as JSON without time.
    fn take(&self) -> Vec<Value> {
        let records: Vec<AuditRecord> = std::mem::take(&mut *self.records.lock().unwrap());
        records
            .iter()
            .map(|record| {
                let mut json: Value = serde_json::from_str(&serde_json::to_string(&record.to_json()).unwrap()).unwrap();
                assert_eq!(json.as_object_mut().unwrap().remove("at").unwrap(), "2026-01-01T00:00:00Z");
                json
            })
            .collect()
    }
}

fn record(operation: &str, resource_type: &str, id: Option<&str>, status: u16) -> Value {
    let mut record = json!({"actor": "first", "tenant": "a", "operation": operation, "resourceType": resource_type, "status": status});
    if let Some(id) = id {
        record["id"] = json!(id);
    }
    record
}

#[tokio::test]
async fn every_write_has_a_record_without_values() {
    let (service, book) = service();
    service.user("secret-value").await;
    service.put("/Users/id1", json!({"schemas": [USER], "userName": "secret-value", "title": "secret-value"})).await;
    service.patch("/Users/id1", json!([{"op": "add", "path": "title", "value": "other-secret"}])).await;
    service.delete("/Users/id1").await;
    let records = book.take();
    let expected = [("create", 201), ("replace", 200), ("patch", 200), ("delete", 204)];
    assert_eq!(records, expected.map(|(operation, status)| record(operation, "User", Some("id1"), status)));
    assert!(!format!("{records:?}").contains("secret"));
    service.get("/Users").await;
    service.get("/Users/id1").await;
    service.send("POST", "/Users", &["authorization: Bearer wrong"], "{}").await.check_error(401, None);
    assert_eq!(book.take(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_refused_write_has_a_record_too() {
    let (service, book) = service();
    service.post("/Users", json!({})).await.check_error(400, Some("invalidSyntax"));
    service.put("/Users/nobody", json!({"schemas": [USER], "userName": "x"})).await.check_error(404, None);
    service.send("DELETE", "/Users/id9", &["authorization: Bearer reader"], "").await.check_error(403, None);
    let mut refused = record("delete", "User", Some("id9"), 403);
    refused["actor"] = json!("reader");
    assert_eq!(book.take(), [record("create", "User", None, 400), record("replace", "User", Some("nobody"), 404), refused]);
    service.delete("/Me").await.check_error(501, None);
    service.post("/Me", json!({})).await.check_error(501, None);
    service.get("/Me").await.check_error(501, None);
    let nobody = |operation: &str| json!({"actor": "first", "tenant": "a", "operation": operation, "status": 501});
    assert_eq!(book.take(), [nobody("delete"), nobody("create")]);
}

#[tokio::test]
async fn each_operation_of_a_bulk_request_has_a_record() {
    let (service, book) = service();
    let bulk = |operations: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let circle = |own: &str, other: &str| {
        json!({"method": "POST", "path": "/Groups", "bulkId": own, "data":
            {"schemas": [GROUP], "displayName": own, "members": [{"value": format!("bulkId:{other}"), "type": "Group"}]}})
    };
    let operations = json!([
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": [USER], "userName": "ola"}},
        {"method": "DELETE", "path": "/Users/nobody"},
        circle("g", "h"),
        circle("h", "g"),
    ]);
    assert_eq!(service.post("/Bulk", bulk(operations)).await.status, 200);
    let mut found = book.take();
    found.sort_by_key(|record| record["id"].to_string());
    let expected = [
        record("create", "User", Some("id1"), 201),
        record("create", "Group", Some("id2"), 201),
        record("create", "Group", Some("id3"), 201),
        record("delete", "User", Some("nobody"), 404),
    ];
    assert_eq!(found, expected);
    let refused = json!([{"method": "BREW", "path": "/Users/id1"}, {"method": "DELETE", "path": "/Nothing/secret"}]);
    assert_eq!(service.post("/Bulk", bulk(refused)).await.status, 200);
    let unclear = |operation: &str| json!({"actor": "first", "tenant": "a", "operation": operation, "status": 400});
    assert_eq!(book.take(), [unclear("bulk"), unclear("delete")]);
    service.post("/Bulk", bulk(json!([]))).await.check_error(400, Some("invalidSyntax"));
    assert_eq!(book.take(), [json!({"actor": "first", "tenant": "a", "operation": "bulk", "status": 400})]);
}

#[tokio::test]
async fn a_record_that_cannot_be_kept_undoes_nothing() {
    let service = Service::with(|builder| builder.audit(Arc::new(Full)));
    service.user("ola").await;
    assert_eq!(service.get("/Users/id1").await.status, 200);
}

/// Deletes nothing.
#[derive(Debug)]
struct Keeper(StoreHandler);

#[async_trait]
impl ResourceHandler for Keeper {
    async fn create(&self, context: &Context<'_>, body: Resource, projection: &Projection) -> Result<Resource> {
        self.0.create(context, body, projection).await
    }

    async fn get(&self, context: &Context<'_>, id: &str, projection: &Projection) -> Result<Resource> {
        self.0.get(context, id, projection).await
    }

    async fn replace(&self, _: &Context<'_>, _: &str, _: Resource, _: &Preconditions, _: &Projection) -> Result<Resource> {
        Err(HandlerError::Busy)
    }

    async fn patch(&self, _: &Context<'_>, _: &str, _: PatchOp, _: &Preconditions, _: &Projection) -> Result<Resource> {
        Err(HandlerError::Busy)
    }

    async fn delete(&self, _: &Context<'_>, _: &str, _: &Preconditions) -> Result<()> {
        Err(HandlerError::Busy)
    }

    async fn query(&self, context: &Context<'_>, search: &Search) -> Result<Found> {
        self.0.query(context, search).await
    }
}

/// Of a circle that fails and cannot be taken back, the records name what is there all the same.
#[tokio::test]
async fn what_a_bulk_request_leaves_behind_is_in_the_records() {
    let book = Arc::new(Book::default());
    let handler = Keeper(StoreHandler::new(Arc::new(MemoryResources::new())));
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::new("a")));
    let server = Server::builder(Arc::new(handler), Arc::new(tokens))
        .profile(serde_json::from_str(PROFILE).unwrap())
        .audit(Arc::<Book>::clone(&book))
        .build()
        .unwrap();
    let service = Service { server, clock: Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)) };
    let create = |own: &str, other: &str| {
        json!({"method": "POST", "path": "/Groups", "bulkId": own, "data":
            {"schemas": [GROUP], "displayName": own, "members": [{"value": format!("bulkId:{other}"), "type": "Group"}]}})
    };
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [create("g", "h"), create("h", "g")]});
    let reply = service.post("/Bulk", body).await;
    assert_eq!(reply.body["Operations"][0]["status"], "503", "{}", reply.body);
    let listed = service.get("/Groups").await;
    let mut left: Vec<&str> = listed.body["Resources"].as_array().unwrap().iter().filter_map(|group| group["id"].as_str()).collect();
    let records = std::mem::take(&mut *book.records.lock().unwrap());
    let mut named: Vec<&str> = records.iter().filter_map(|record| record.id.as_deref()).collect();
    left.sort_unstable();
    named.sort_unstable();
    assert_eq!((left.len(), named), (2, left.clone()));
}
