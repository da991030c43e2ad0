//! What is different for a tenant.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use scimkit_server::{DirectoryProviderSwitch, TenantSettings};
use scimkit_store::Tenant;
use scimkit_types::profile::{Limits, RequestLimit};
use scimkit_types::{Dialect, Profile, Tolerance};
use serde_json::json;

use super::support::{Service, USER, encode};

const OTHER: [&str; 1] = ["authorization: Bearer other"];

/// R7644-6-01, invariant 11: a dialect holds for its tenant, and what fired is counted by tenant; filters included.
#[tokio::test]
async fn a_tenant_has_its_dialect() {
    let service = Service::with(|builder| builder.tenant(Tenant::new("b"), TenantSettings::new().with_dialect(Dialect::ENTRA)));
    let body = json!({"schemas": [USER], "userName": "ola", "active": "True"}).to_string();
    service.send("POST", "/Users", &[], body.clone()).await.check_error(400, Some("invalidValue"));
    assert_eq!(service.send("POST", "/Users", &OTHER, body).await.body["active"], true);
    let path = format!("/Users?filter={}", encode(r#"emails[type eq "work"].value eq "a@example.com""#));
    service.get(&path).await.check_error(400, Some("invalidFilter"));
    assert_eq!(service.send("GET", &path, &OTHER, "").await.status, 200);
    let counts = service.server.tolerances();
    assert!(!counts.contains_key(&Tenant::new("a")));
    let fired: &BTreeMap<Tolerance, u64> = &counts[&Tenant::new("b")];
    assert_eq!(fired[&Tolerance::StringBooleans], 1);
    assert!(fired.len() > 1, "{fired:?}");
}

/// Limits and policies of its own; those of the others stay.
#[tokio::test]
async fn a_tenant_has_its_limits_and_policies() {
    let mut limits = Limits::default();
    limits.max_body = Some(200);
    limits.max_operations = Some(1);
    limits.read = Some(RequestLimit::new(1, 60));
    let switch = Arc::new(DirectoryProviderSwitch::new(true));
    let settings = TenantSettings::new().with_limits(limits).with_policy(Arc::<DirectoryProviderSwitch>::clone(&switch));
    let service = Service::with(|builder| builder.tenant(Tenant::new("b"), settings));
    let large = json!({"schemas": [USER], "userName": "x".repeat(200)}).to_string();
    assert_eq!(service.send("POST", "/Users", &[], large.clone()).await.status, 201);
    service.send("POST", "/Users", &OTHER, large).await.check_error(413, None);
    let operation = json!({"op": "add", "path": "title", "value": "x"});
    let patch = json!({"schemas": [super::support::PATCH], "Operations": [operation, operation]}).to_string();
    service.send("PATCH", "/Users/x", &OTHER, patch).await.check_error(413, None);
    assert_eq!(service.send("GET", "/Users", &OTHER, "").await.status, 200);
    service.send("GET", "/Users", &OTHER, "").await.check_error(429, None);
    for _ in 0..3 {
        assert_eq!(service.get("/Users").await.status, 200);
    }
    service.clock.advance(Duration::from_secs(60));
    switch.set(false);
    service.send("GET", "/Users", &OTHER, "").await.check_error(403, None);
    assert_eq!(service.get("/Users").await.status, 200);
}

/// The largest body that any tenant may send is read.
#[test]
fn the_edge_reads_what_the_most_generous_tenant_allows() {
    let mut limits = Limits::default();
    limits.max_body = Some(5 << 20);
    let service = Service::with(|builder| builder.tenant(Tenant::new("b"), TenantSettings::new().with_limits(limits)));
    assert_eq!((service.server.max_body(), Service::new().server.max_body()), (5 << 20, 1 << 20));
}

/// R7644-6.1-01: a server that stands for one tenant lets nobody else in.
#[tokio::test]
async fn a_server_of_one_tenant_lets_nobody_else_in() {
    let service = Service::with(|builder| builder.only_tenant(Tenant::new("a")));
    assert_eq!(service.get("/Users").await.status, 200);
    let refused = service.send("GET", "/Users", &OTHER, "").await;
    assert!(refused.check_error(401, None).header("www-authenticate").contains("invalid_token"));
}

/// draft-ietf-httpapi-ratelimit-headers: what is left of the quota, and when there is more, stands in every answer that was
/// charged or refused; a refusal costs nothing, and a bulk request its operations.
#[tokio::test]
async fn quotas_are_told_in_headers() {
    let profile: Profile = serde_json::from_str(
        r#"{"name": "x", "limits": {"read": {"requests": 2, "seconds": 60}, "write": {"requests": 3, "seconds": 30}},
            "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#,
    )
    .unwrap();
    let service = Service::with(|builder| builder.profile(profile));
    let reply = service.get("/Users").await;
    assert_eq!((reply.header("ratelimit-policy"), reply.header("ratelimit")), ("\"read\";q=2;w=60", "\"read\";r=1;t=60"));
    assert_eq!(service.get("/Users/nobody").await.check_error(404, None).header("ratelimit"), "\"read\";r=0;t=60");
    for _ in 0..3 {
        let refused = service.get("/Users").await;
        assert_eq!(refused.check_error(429, None).header("ratelimit"), "\"read\";r=0;t=60");
        assert_eq!(refused.header("retry-after"), "60");
    }
    let create = |id: &str| json!({"method": "POST", "path": "/Users", "bulkId": id, "data": {"schemas": [USER], "userName": id}});
    let bulk =
        |operations: serde_json::Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let reply = service.post("/Bulk", bulk(json!([create("a"), create("b")]))).await;
    assert_eq!((reply.status, reply.header("ratelimit")), (200, "\"write\";r=1;t=30"));
    let refused = service.post("/Bulk", bulk(json!([create("c"), create("d")]))).await;
    assert_eq!(refused.check_error(429, None).header("ratelimit"), "\"write\";r=1;t=30");
    assert_eq!(service.post("/Users", json!({"schemas": [USER], "userName": "e"})).await.status, 201);
    assert_eq!(service.get("/ServiceProviderConfig").await.header("ratelimit"), "");
    assert_eq!(Service::new().get("/Users").await.header("ratelimit"), "");
}

mod servers {
    use bytes::Bytes;
    use http::Request;
    use scimkit_server::{Actor, BearerTokens, Server, StoreHandler, Tenants};
    use scimkit_store::MemoryResources;

    use super::*;

    fn tenants() -> Tenants {
        let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
        let server = |path: &str, tenant: &str| {
            let mut profile = Profile::standard();
            profile.base_path = path.to_owned();
            let tokens = BearerTokens::new()
                .with_token(&"a".into(), Actor::new("a", Tenant::new("a")))
                .with_token(&"b".into(), Actor::new("b", Tenant::new("b")));
            let builder = Server::builder(Arc::<StoreHandler>::clone(&handler), Arc::new(tokens)).profile(profile);
            builder.only_tenant(Tenant::new(tenant)).build().unwrap()
        };
        Tenants::new()
            .with_server(server("/a/scim/v2", "a"))
            .with_server(server("/b/scim/v2", "b"))
            .with_host("b.example.com", server("/scim/v2", "b"))
    }

    async fn send(tenants: &Tenants, uri: &str, host: &str, token: &str) -> (u16, serde_json::Value) {
        let request = Request::get(uri).header("host", host).header("authorization", format!("Bearer {token}"));
        let response = tenants.handle(request.body(Bytes::new()).unwrap()).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    /// R7644-6-01, R7644-6.1-01: a tenant is told by path or host, and its credentials are good nowhere else.
    #[tokio::test]
    async fn tenants_are_told_by_path_or_host() {
        let tenants = tenants();
        for (uri, host, token, status) in [
            ("/a/scim/v2/Users", "example.com", "a", 200),
            ("/a/scim/Users", "example.com", "a", 200),
            ("/a/scim/v2/Users", "example.com", "b", 401),
            ("/b/scim/v2/Users", "example.com", "b", 200),
            ("/b/scim/v2/Users", "example.com", "a", 401),
            ("/scim/v2/Users", "b.example.com", "b", 200),
            ("/scim/v2/Users", "B.EXAMPLE.COM:8443", "b", 200),
            ("/scim/v2/Users", "b.example.com", "a", 401),
            ("/scim/v2/Users", "example.com", "b", 404),
            ("/a/scim/v2/Users", "b.example.com", "a", 404),
            ("/c/scim/v2/Users", "[::1]:80", "a", 404),
            ("/a/scim/v2/Users", "[::1]:80", "a", 200),
            ("https://b.example.com/scim/v2/Users", "example.com", "b", 200),
        ] {
            let (found, body) = send(&tenants, uri, host, token).await;
            assert_eq!(found, status, "{uri} {host} {token}: {body}");
            assert!(body["schemas"].is_array());
        }
        let (_, config) = send(&tenants, "/b/scim/v2/ServiceProviderConfig", "x", "").await;
        assert_eq!(config["meta"]["location"], "/b/scim/v2/ServiceProviderConfig");
    }

    #[tokio::test]
    async fn a_single_server_stands_for_everything() {
        let only = Tenants::from(Service::new().server);
        assert_eq!((send(&only, "/scim/v2/Users", "anywhere", "token").await.0, only.max_body()), (200, 1 << 20));
        assert_eq!(send(&Tenants::new(), "/scim/v2/Users", "anywhere", "token").await.0, 404);
    }
}
