//! What actors may do with resources of some types.

use std::sync::Arc;

use scimkit_server::{Actor, BearerTokens, Permissions, Server, StoreHandler};
use scimkit_store::{MemoryResources, Tenant};
use serde_json::json;

use super::support::{GROUP, Service, USER, builder};

fn service() -> Service {
    let (_, clock) = builder();
    let tenant = || Tenant::new("a");
    let tokens = BearerTokens::new()
        .with_token(&"token".into(), Actor::new("hr", tenant()).with_resource_type("User", Permissions::ReadWrite))
        .with_token(
            &"mixed".into(),
            Actor::new("mixed", tenant()).with_resource_type("User", Permissions::Read).with_resource_type("group", Permissions::ReadWrite),
        )
        .with_token(
            &"reader".into(),
            Actor::new("reader", tenant()).with_permissions(Permissions::Read).with_resource_type("User", Permissions::ReadWrite),
        );
    let handler = StoreHandler::new(Arc::new(MemoryResources::new()));
    let profile = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#;
    let builder = Server::builder(Arc::new(handler), Arc::new(tokens)).profile(serde_json::from_str(profile).unwrap());
    Service { server: builder.build().unwrap(), clock }
}

/// R7644-2-02, R7644-2-03, R7644-2.1-01: what an actor has no permission for is 403, by itself, in queries over all types and in bulk requests.
#[tokio::test]
async fn permissions_hold_for_each_resource_type() {
    let service = service();
    service.user("ola").await;
    let group = json!({"schemas": [GROUP], "displayName": "g"});
    let forbidden = async |token: &str, method: &str, path: &str, body: &str| {
        let reply = service.send(method, path, &[&format!("authorization: Bearer {token}")], body.to_owned()).await;
        assert!(reply.check_error(403, None).header("www-authenticate").contains("insufficient_scope"), "{token} {method} {path}");
    };
    forbidden("token", "POST", "/Groups", &group.to_string()).await;
    forbidden("token", "GET", "/Groups", "").await;
    forbidden("token", "GET", "/Groups/g", "").await;
    forbidden("token", "GET", "", "").await;
    forbidden("mixed", "POST", "/Users", &json!({"schemas": [USER], "userName": "x"}).to_string()).await;
    forbidden("mixed", "DELETE", "/Users/u", "").await;
    forbidden("reader", "POST", "/Users", &json!({"schemas": [USER], "userName": "x"}).to_string()).await;
    let mixed = ["authorization: Bearer mixed"];
    assert_eq!(service.send("POST", "/Groups", &mixed, group.to_string()).await.status, 201);
    assert_eq!(service.send("GET", "/Users", &mixed, "").await.names(), ["ola"]);
    assert_eq!(service.send("GET", "/Users", &["authorization: Bearer reader"], "").await.names(), ["ola"]);
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": [USER], "userName": "kari"}},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group}]});
    let reply = service.post("/Bulk", bulk).await;
    assert_eq!((&reply.body["Operations"][0]["status"], &reply.body["Operations"][1]["status"]), (&json!("201"), &json!("403")));
}
