//! `/Me`, another name for the resource of whoever asks.

use scimkit_server::{Actor, BearerTokens, Permissions, Server, StoreHandler};
use scimkit_store::{MemoryResources, Tenant};
use serde_json::json;

use super::support::{BASE, PATCH, Service, USER, builder};

/// A server whose actors are the users that it makes first.
fn service() -> Service {
    let actor = |name: &str, id: &str| Actor::new(name, Tenant::new("a")).with_resource("User", id);
    let tokens = BearerTokens::new()
        .with_token(&"token".into(), actor("first", "me"))
        .with_token(&"reader".into(), actor("reader", "me").with_permissions(Permissions::Read))
        .with_token(&"ghost".into(), actor("ghost", "nobody"))
        .with_token(&"odd".into(), Actor::new("odd", Tenant::new("a")).with_resource("Nothing", "me"));
    let handler = StoreHandler::new(std::sync::Arc::new(MemoryResources::new()));
    let builder_ = Server::builder(std::sync::Arc::new(handler), std::sync::Arc::new(tokens));
    let server = builder_.base_url(BASE).ids(std::sync::Arc::new(|| "me".to_owned())).build().unwrap();
    Service { server, clock: builder().1 }
}

/// R7644-3.11-03: every operation on `/Me` is one on the actor's resource, and tells its permanent address.
#[tokio::test]
async fn me_is_the_resource_of_the_actor() {
    let (service, location) = (service(), format!("{BASE}/Users/me"));
    service.user("ola").await;
    let read = service.get("/Me?attributes=userName").await;
    assert_eq!((read.status, read.header("location"), read.id()), (200, location.as_str(), "me"));
    assert_eq!((&read.body["userName"], read.body.get("name")), (&json!("ola"), None));
    let replaced = service.put("/Me", json!({"schemas": [USER], "userName": "ola", "title": "guide"})).await;
    assert_eq!((replaced.status, replaced.header("location")), (200, location.as_str()));
    let patched = service.patch("/Me", json!([{"op": "replace", "path": "title", "value": "driver"}])).await;
    assert_eq!((patched.status, patched.header("location")), (200, location.as_str()));
    assert_eq!(service.get("/Users/me").await.body["title"], "driver");
    let stale = json!({"schemas": [PATCH], "Operations": [{"op": "remove", "path": "title"}]}).to_string();
    service.send("PATCH", "/Me", &["if-match: W/\"1\""], stale).await.check_error(412, None);
    let deleted = service.delete("/Me").await;
    assert_eq!((deleted.status, deleted.header("location")), (204, location.as_str()));
    service.get("/Me").await.check_error(404, None);
}

/// R7644-3.11-01, R7644-2.1-01: who has no resource, one that is not there, or no permission.
#[tokio::test]
async fn me_is_not_there_for_everybody() {
    Service::new().get("/Me").await.check_error(501, None);
    let service = service();
    service.user("ola").await;
    service.post("/Me", json!({"schemas": [USER], "userName": "kari"})).await.check_error(501, None);
    for token in ["ghost", "odd"] {
        service.send("GET", "/Me", &[&format!("authorization: Bearer {token}")], "").await.check_error(404, None);
    }
    service.send("DELETE", "/Me", &["authorization: Bearer reader"], "").await.check_error(403, None);
    assert_eq!(service.send("GET", "/Me", &["authorization: Bearer reader"], "").await.status, 200);
}
