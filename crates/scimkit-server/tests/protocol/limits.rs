//! Rate limits and policies.

use std::sync::Arc;
use std::time::Duration;

use scimkit_server::DirectoryProviderSwitch;
use serde_json::json;

use super::support::{Service, USER, builder};

const LIMITED: &str = r#"{"name": "x", "limits": {"read": {"requests": 2, "seconds": 60}, "write": {"requests": 3, "seconds": 60}, "maxOperations": 2, "maxMembers": 2}}"#;

/// Invariant 19: reads and writes have quotas of their own; a refused request costs nothing and says when to come back.
#[tokio::test]
async fn a_tenant_has_its_quotas() {
    let service = Service::with_profile(LIMITED);
    assert_eq!(service.get("/Users").await.status, 200);
    service.clock.advance(Duration::from_secs(10));
    assert_eq!(service.get("/Users/nobody").await.status, 404);
    for _ in 0..5 {
        let refused = service.get("/Users").await;
        assert_eq!(refused.check_error(429, None).header("retry-after"), "50");
    }
    service.user("ola").await;
    assert_eq!(service.send("GET", "/Users", &["authorization: Bearer other"], "").await.status, 200);
    service.clock.advance(Duration::from_secs(50));
    assert_eq!(service.get("/Users").await.status, 200);
    assert_eq!(service.get("/Users").await.status, 429);
}

/// `.search` reads although it is a POST; discovery and what is refused before cost nothing.
#[tokio::test]
async fn only_what_is_admitted_is_charged() {
    let service = Service::with_profile(LIMITED);
    for _ in 0..5 {
        service.get("/ServiceProviderConfig").await;
        service.send("GET", "/Users", &["authorization: Bearer wrong"], "").await.check_error(401, None);
        service.get("/nothing").await.check_error(404, None);
        service.send("DELETE", "/Users/x", &["authorization: Bearer reader"], "").await.check_error(403, None);
    }
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    assert_eq!(service.post("/Users/.search", search.clone()).await.status, 200);
    assert_eq!(service.post("/Users/.search", search.clone()).await.status, 200);
    assert_eq!(service.post("/Users/.search", search).await.status, 429);
    for name in ["a", "b", "c"] {
        service.user(name).await;
    }
    assert_eq!(service.delete("/Users/id1").await.status, 429);
}

/// IR25: limits of operations and members are refused with their names, never cut.
#[tokio::test]
async fn operations_and_members_are_bounded() {
    let service = Service::with_profile(LIMITED);
    let group = service.group("guides", &[]).await;
    let operation = json!({"op": "replace", "path": "displayName", "value": "x"});
    let reply = service.patch(&format!("/Groups/{group}"), json!([operation, operation, operation])).await;
    assert_eq!(reply.check_error(413, None).body["detail"], "expected at most 2 operations in one request, found 3");
    let members = json!([{"value": "a"}, {"value": "b"}, {"value": "c"}]);
    let reply = service.patch(&format!("/Groups/{group}"), json!([{"op": "add", "path": "members", "value": members}])).await;
    assert_eq!(reply.check_error(413, None).body["detail"], "expected at most 2 members in one request, found 3");
    assert!(service.get(&format!("/Groups/{group}")).await.body.get("members").is_none());
}

/// R7644-2-02, entra.md 6.1: nothing is answered until SCIM is the directory provider.
#[tokio::test]
async fn the_directory_provider_is_chosen_first() {
    let switch = Arc::new(DirectoryProviderSwitch::default());
    let (builder, clock) = builder();
    let server = builder.policy(Arc::<DirectoryProviderSwitch>::clone(&switch)).build().unwrap();
    let service = Service { server, clock };
    let body = json!({"schemas": [USER], "userName": "ola"});
    service.get("/Users").await.check_error(403, None);
    service.post("/Users", body.clone()).await.check_error(403, None);
    service.send("GET", "/Users", &["authorization: Bearer wrong"], "").await.check_error(401, None);
    assert_eq!(service.get("/ServiceProviderConfig").await.status, 200);
    switch.set(true);
    assert_eq!(service.post("/Users", body).await.status, 201);
    switch.set(false);
    service.delete("/Users/id1").await.check_error(403, None);
}
