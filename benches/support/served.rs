//! A service with people in it, asked in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scimkit::client::http::header::{AUTHORIZATION, CONTENT_TYPE};
use scimkit::client::http::{Method, Request, StatusCode};
use scimkit::server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit::store::{ResourceStore, Tenant};
use scimkit::types::profile::BulkFeature;
use scimkit::types::{Dialect, Profile};

/// The bearer token of the service.
pub const TOKEN: &str = "secret";

/// A server over this store, whose ids count up from `1`, so that callers know them.
pub fn server(store: Arc<dyn ResourceStore>) -> Server {
    server_from(store, 1)
}

/// A server whose ids count up from another number.
pub fn server_from(store: Arc<dyn ResourceStore>, first: u64) -> Server {
    let tokens = BearerTokens::new().with_token(&TOKEN.into(), Actor::new("bench", Tenant::default()));
    let next = AtomicU64::new(first);
    let mut profile = Profile::standard();
    profile.limits.max_body = Some(16 << 20);
    profile.features.bulk = Some(BulkFeature::new(1000, 16 << 20));
    Server::builder(Arc::new(StoreHandler::new(store)), Arc::new(tokens))
        .profile(profile)
        .dialect(Dialect::ENTRA) // which filters by `emails[type eq "work"].value`
        .ids(Arc::new(move || next.fetch_add(1, Ordering::Relaxed).to_string()))
        .cursors(&Box::new([7; 32]).into(), Duration::from_secs(3600))
        .build()
        .expect("a server of the standard")
}

/// The n-th user as JSON, counted from 1.
pub fn user(n: usize) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"user{n}@example.com","externalId":"e{n}","displayName":"User {n}","title":"Guide","active":true,"name":{{"givenName":"User","familyName":"Number {n}"}},"emails":[{{"type":"work","value":"user{n}@example.com","primary":true}},{{"type":"home","value":"home{n}@example.org"}}],"phoneNumbers":[{{"type":"work","value":"tel:+4722{n:06}"}}]}}"#
    )
}

/// A group of the users with ids 1 to `members`.
pub fn group(name: &str, members: usize) -> String {
    let members: Vec<String> = (1..=members).map(|id| format!(r#"{{"value":"{id}","type":"User"}}"#)).collect();
    format!(r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{name}","members":[{}]}}"#, members.join(","))
}

/// Asks the server; the status and the body.
pub async fn ask(server: &Server, method: Method, path: &str, body: impl Into<String>) -> (StatusCode, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/scim/v2{path}"))
        .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(CONTENT_TYPE, "application/scim+json")
        .body(body.into().into_bytes().into())
        .expect("a request");
    let response = server.handle(request).await;
    (response.status(), response.into_body().to_vec())
}

/// Creates the users 1 to `users` with the ids `1` to `users`, many at a time.
pub async fn fill(server: &Server, users: usize) {
    // The ids are given in the order of the requests, which the first poll of each decides: one after another within a batch.
    let mut n = 0;
    while n < users {
        let last = (n + 256).min(users);
        let creates = (n + 1..=last).map(|n| async move {
            let (status, body) = ask(server, Method::POST, "/Users", user(n)).await;
            assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&body));
        });
        futures_util::future::join_all(creates).await;
        n = last;
    }
}
