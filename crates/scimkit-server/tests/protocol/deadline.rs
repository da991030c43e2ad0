//! The end of the time that a request may take.

use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use scimkit_server::{
    AcceptedPassword, Actor, BearerTokens, Changed, Context, Found, Hook, PasswordSink, Preconditions, Proposal, ResourceHandler, Result,
    Search, Server, ServerBuilder, StoreHandler,
};
use scimkit_store::{MemoryResources, Tenant};
use scimkit_types::{ManualClock, PatchOp, Projection, Resource, Timer};
use secrecy::SecretString;
use serde_json::json;

use super::support::{Service, USER, builder};

/// The time is over as soon as somebody waits.
#[derive(Debug)]
struct NoTime;

impl Timer for NoTime {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(ready(()))
    }
}

/// Never ends; with a handler, it creates after a wait.
#[derive(Debug, Default)]
struct Stuck(Option<StoreHandler>);

#[async_trait]
impl ResourceHandler for Stuck {
    async fn create(&self, context: &Context<'_>, body: Resource, projection: &Projection) -> Result<Resource> {
        match &self.0 {
            Some(handler) => {
                tokio::task::yield_now().await;
                handler.create(context, body, projection).await
            }
            None => pending().await,
        }
    }

    async fn get(&self, _: &Context<'_>, _: &str, _: &Projection) -> Result<Resource> {
        pending().await
    }

    async fn replace(&self, _: &Context<'_>, _: &str, _: Resource, _: &Preconditions, _: &Projection) -> Result<Resource> {
        pending().await
    }

    async fn patch(&self, _: &Context<'_>, _: &str, _: PatchOp, _: &Preconditions, _: &Projection) -> Result<Resource> {
        pending().await
    }

    async fn delete(&self, _: &Context<'_>, _: &str, _: &Preconditions) -> Result<()> {
        pending().await
    }

    async fn query(&self, _: &Context<'_>, _: &Search) -> Result<Found> {
        pending().await
    }
}

fn stuck() -> Server {
    stuck_builder(Stuck::default()).build().unwrap()
}

fn stuck_builder(handler: Stuck) -> ServerBuilder {
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::default()));
    let profile = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#;
    Server::builder(Arc::new(handler), Arc::new(tokens))
        .profile(serde_json::from_str(profile).unwrap())
        .deadline(Duration::from_secs(30), Arc::new(NoTime))
}

/// A read that takes too long was not done; a write may have been.
#[tokio::test]
async fn what_takes_too_long_is_a_scim_error() {
    let server = stuck();
    let user = json!({"schemas": [USER], "userName": "ola"}).to_string();
    for (method, path, body, status) in [
        ("GET", "/Users", "", 503),
        ("GET", "/Users/1", "", 503),
        ("GET", "", "", 503),
        ("POST", "/Users", user.as_str(), 504),
        ("PUT", "/Users/1", user.as_str(), 504),
        ("DELETE", "/Users/1", "", 504),
    ] {
        let request = Request::builder().method(method).uri(format!("/scim/v2{path}")).header("authorization", "Bearer token");
        let response = server.handle(request.body(Bytes::from(body.to_owned())).unwrap()).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        let error: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(error["status"], status.to_string());
    }
}

/// Notes for which resources it keeps passwords.
#[derive(Debug, Default)]
struct Keepers(Mutex<Vec<String>>);

#[async_trait]
impl PasswordSink for Keepers {
    async fn accept(&self, _: &Context<'_>, _: &SecretString) -> Result<AcceptedPassword> {
        Ok(AcceptedPassword::new("accepted"))
    }

    async fn keep(&self, _: &Context<'_>, id: &str, _: AcceptedPassword) -> Result<()> {
        self.0.lock().unwrap().push(id.to_owned());
        Ok(())
    }

    async fn forget(&self, _: &Context<'_>, _: &str) -> Result<()> {
        Ok(())
    }
}

/// A create with a password is done to its end, so that there is no user whose password was lost; others are cut off.
#[tokio::test]
async fn the_end_of_the_time_leaves_no_user_without_a_password() {
    let keepers = Arc::new(Keepers::default());
    let handler = Stuck(Some(StoreHandler::new(Arc::new(MemoryResources::new()))));
    let server = stuck_builder(handler).passwords(Arc::<Keepers>::clone(&keepers)).build().unwrap();
    let create = async |body: serde_json::Value| {
        let request = Request::post("/scim/v2/Users").header("authorization", "Bearer token");
        let response = server.handle(request.body(Bytes::from(body.to_string())).unwrap()).await;
        (response.status().as_u16(), serde_json::from_slice::<serde_json::Value>(response.body()).unwrap())
    };
    let (status, user) = create(json!({"schemas": [USER], "userName": "ola", "password": "hush"})).await;
    assert_eq!((status, keepers.0.lock().unwrap().as_slice()), (201, [user["id"].as_str().unwrap().to_owned()].as_slice()));
    let (status, _) = create(json!({"schemas": [USER], "userName": "kari"})).await;
    assert_eq!(status, 504);
}

/// Once the time is over, no operation of a bulk request is begun any more, and each has its outcome.
#[tokio::test]
async fn a_bulk_request_has_one_deadline() {
    let create = |id: &str| json!({"method": "POST", "path": "/Users", "bulkId": id, "data": {"schemas": [USER], "userName": id}});
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [create("a"), create("b")]});
    let request = Request::post("/scim/v2/Bulk").header("authorization", "Bearer token").body(Bytes::from(body.to_string())).unwrap();
    let response = stuck().handle(request).await;
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((&body["Operations"][0]["status"], &body["Operations"][1]["status"]), (&json!("504"), &json!("504")));
}

#[tokio::test]
async fn what_is_done_in_time_is_not_disturbed() {
    let service = Service::with(|builder| builder.deadline(Duration::from_secs(30), Arc::new(NoTime)));
    service.user("ola").await;
    assert_eq!(service.get("/Users").await.names(), ["ola"]);
}

/// Takes a minute for every change.
#[derive(Debug)]
struct Slow(Arc<ManualClock>);

#[async_trait]
impl Hook for Slow {
    async fn before(&self, _: &Context<'_>, _: &Proposal<'_>) -> Result<()> {
        Ok(())
    }

    async fn after(&self, _: &Context<'_>, _: &Changed<'_>) {
        self.0.advance(Duration::from_secs(60));
    }
}

/// What was not begun in time is surely not done, and is told so; what was done stays done.
#[tokio::test]
async fn operations_that_are_too_late_are_not_begun() {
    let (builder, clock) = builder();
    let profile = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#;
    let builder = builder.profile(serde_json::from_str(profile).unwrap()).hook(Arc::new(Slow(Arc::clone(&clock))));
    let server = builder.deadline(Duration::from_secs(90), Arc::new(NoTime)).build().unwrap();
    let service = Service { server, clock };
    let create = |id: &str| json!({"method": "POST", "path": "/Users", "bulkId": id, "data": {"schemas": [USER], "userName": id}});
    let operations = json!([create("a"), create("b"), create("c")]);
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let reply = service.post("/Bulk", body).await;
    let statuses: Vec<&str> = reply.body["Operations"].as_array().unwrap().iter().filter_map(|done| done["status"].as_str()).collect();
    assert_eq!(statuses, ["201", "201", "503"]);
    assert_eq!(service.get("/Users").await.names(), ["a", "b"]);
}
