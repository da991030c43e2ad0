//! A server over memory and a client of few words.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use scimkit_server::{Actor, BearerTokens, Permissions, Server, ServerBuilder, StoreHandler};
use scimkit_store::{MemoryResources, Tenant};
use scimkit_types::{Dialect, ManualClock, Profile, Timestamp};
use serde_json::Value;

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const BASE: &str = "https://example.com/scim/v2";

pub(crate) struct Service {
    pub(crate) server: Server,
    pub(crate) clock: Arc<ManualClock>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) response: Response<Bytes>,
    /// Null without a body.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().unwrap()
    }

    /// The user names of a list, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let of = |resource: &'_ Value| resource["userName"].as_str().or_else(|| resource["displayName"].as_str()).map(str::len);
        let resources = self.body["Resources"].as_array().unwrap();
        resources
            .iter()
            .filter(|resource| of(resource).is_some())
            .map(|resource| resource["userName"].as_str().or_else(|| resource["displayName"].as_str()).unwrap())
            .collect()
    }

    /// R7644-3.12-01, R7644-3.12-03, R7644-3.2-05: an error is a SCIM body whose status is the status line's.
    #[track_caller]
    pub(crate) fn check_error(&self, status: u16, scim_type: Option<&str>) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/scim+json");
        assert_eq!(self.body["schemas"], serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(self.body["status"], status.to_string());
        assert_eq!(self.body["scimType"].as_str(), scim_type, "{}", self.body);
        assert!(self.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        self
    }
}

pub(crate) fn builder() -> (ServerBuilder, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
    let tokens = BearerTokens::new()
        .with_token(&"token".into(), Actor::new("first", Tenant::new("a")))
        .with_token(&"other".into(), Actor::new("second", Tenant::new("b")))
        .with_token(&"reader".into(), Actor::new("reader", Tenant::new("a")).with_permissions(Permissions::Read));
    let handler = StoreHandler::new(Arc::new(MemoryResources::new()));
    let next = AtomicU64::new(1);
    let builder = Server::builder(Arc::new(handler), Arc::new(tokens))
        .base_url(BASE)
        .clock(Arc::<ManualClock>::clone(&clock))
        .ids(Arc::new(move || format!("id{}", next.fetch_add(1, Ordering::Relaxed))));
    (builder, clock)
}

impl Service {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let (builder, clock) = builder();
        Self { server: change(builder).build().unwrap(), clock }
    }

    pub(crate) fn with_dialect(dialect: Dialect) -> Self {
        Self::with(|builder| builder.dialect(dialect))
    }

    /// A profile of the test data, or JSON.
    pub(crate) fn with_profile(json: &str) -> Self {
        let profile: Profile = serde_json::from_str(json).unwrap();
        Self::with(|builder| builder.profile(profile))
    }

    pub(crate) async fn request(&self, request: Request<Bytes>) -> Reply {
        let response = self.server.handle(request).await;
        let body = if response.body().is_empty() { Value::Null } else { serde_json::from_slice(response.body()).unwrap() };
        Reply { status: response.status().as_u16(), response, body }
    }

    /// Sends a request as the first actor. Headers are given as `name: value`.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[&str], body: impl Into<Bytes>) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/scim/v2{path}"));
        if !headers.iter().any(|header| header.starts_with("authorization")) {
            request = request.header("authorization", "Bearer token");
        }
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        self.request(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &["content-type: application/scim+json"], body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, &["content-type: application/scim+json"], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Reply {
        let body = serde_json::json!({"schemas": [PATCH], "Operations": operations});
        self.send("PATCH", path, &["content-type: application/scim+json"], body.to_string()).await
    }

    /// Creates a user and returns its id.
    pub(crate) async fn user(&self, user_name: &str) -> String {
        let reply = self.post("/Users", serde_json::json!({"schemas": [USER], "userName": user_name})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.id().to_owned()
    }

    /// Creates a group with these members and returns its id.
    pub(crate) async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| serde_json::json!({"value": id, "type": "User"})).collect();
        let reply = self.post("/Groups", serde_json::json!({"schemas": [GROUP], "displayName": name, "members": members})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.id().to_owned()
    }
}

/// Percent-encodes a parameter.
pub(crate) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
