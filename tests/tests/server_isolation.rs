//! A tenant reaches nothing of another one: one test for each way to try.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests reports by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scimkit_e2e::{Wire, WireReply};
use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit_store::sqlite::SqliteResources;
use scimkit_store::{MemoryResources, ResourceStore, Tenant};
use scimkit_types::Profile;
use secrecy::SecretBox;
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const PROFILE: &str =
    r#"{"name": "x", "paging": {"defaultCount": 1}, "features": {"bulk": {"maxOperations": 9, "maxPayloadSize": 100000}}}"#;

/// Two tenants over one store; theirs is the one to be reached from ours.
struct TwoTenants {
    wire: Wire,
    /// A user of the other tenant.
    their_user: String,
    /// A group of the other tenant with that user.
    their_group: String,
}

impl TwoTenants {
    async fn over(store: Arc<dyn ResourceStore>) -> Self {
        let tokens = BearerTokens::new()
            .with_token(&"ours".into(), Actor::new("ours", Tenant::new("ours")).with_resource("User", "id1"))
            .with_token(&"theirs".into(), Actor::new("theirs", Tenant::new("theirs")));
        let profile: Profile = serde_json::from_str(PROFILE).unwrap();
        let key = SecretBox::new(Box::new([7; 32]));
        let builder = Server::builder(Arc::new(StoreHandler::new(store)), Arc::new(tokens)).profile(profile);
        let next = AtomicU64::new(1);
        let ids = Arc::new(move || format!("id{}", next.fetch_add(1, Ordering::Relaxed)));
        let server = builder.cursors(&key, Duration::from_secs(60)).ids(ids).build().unwrap();
        let mut two = Self { wire: Wire::start(server).await, their_user: String::new(), their_group: String::new() };
        two.their_user = two.create("theirs", "/Users", json!({"schemas": [USER], "userName": "theirs", "title": "secret"})).await;
        let members = json!([{"value": two.their_user, "type": "User"}]);
        two.their_group = two.create("theirs", "/Groups", json!({"schemas": [GROUP], "displayName": "theirs", "members": members})).await;
        two
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> WireReply {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.wire.send(method, path, &[&format!("Authorization: Bearer {token}")], text).await
    }

    async fn ours(&self, method: &str, path: &str, body: Value) -> WireReply {
        let reply = self.ask("ours", method, path, &body).await;
        assert!(!reply.text.contains("secret"), "{}", reply.text);
        reply
    }

    async fn create(&self, token: &str, path: &str, body: Value) -> String {
        let reply = self.ask(token, "POST", path, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.body["id"].as_str().unwrap().to_owned()
    }

    /// Everything of the other tenant is as it was.
    async fn check_untouched(&self) {
        let user = self.ask("theirs", "GET", &format!("/Users/{}", self.their_user), &Value::Null).await;
        assert_eq!((user.status, &user.body["title"], &user.body["meta"]["version"]), (200, &json!("secret"), &json!("W/\"1\"")));
        let group = self.ask("theirs", "GET", &format!("/Groups/{}", self.their_group), &Value::Null).await;
        assert_eq!((&group.body["members"].as_array().unwrap().len(), &group.body["meta"]["version"]), (&1, &json!("W/\"1\"")));
    }
}

async fn by_id(two: TwoTenants) {
    let path = format!("/Users/{}", two.their_user);
    let put = json!({"schemas": [USER], "userName": "taken"});
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "taken"}]});
    for (method, body) in [("GET", Value::Null), ("HEAD", Value::Null), ("PUT", put), ("PATCH", patch), ("DELETE", Value::Null)] {
        assert_eq!(two.ours(method, &path, body).await.status, 404, "{method}");
    }
    let remove = json!({"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members"}]});
    assert_eq!(two.ours("PATCH", &format!("/Groups/{}", two.their_group), remove).await.status, 404);
    two.check_untouched().await;
}

async fn by_filter(two: TwoTenants) {
    two.create("ours", "/Users", json!({"schemas": [USER], "userName": "ours"})).await;
    for filter in [
        format!("id eq \"{}\"", two.their_user),
        "userName eq \"theirs\"".to_owned(),
        "title eq \"secret\"".to_owned(),
        "not (userName eq \"ours\")".to_owned(),
    ] {
        for path in ["/Users", ""] {
            let encoded: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let reply = two.ours("GET", &format!("{path}?filter={encoded}"), Value::Null).await;
            assert_eq!((reply.status, &reply.body["totalResults"]), (200, &json!(0)), "{path} {filter}: {}", reply.text);
        }
    }
}

/// IR23.
async fn by_or(two: TwoTenants) {
    two.create("ours", "/Users", json!({"schemas": [USER], "userName": "ours"})).await;
    for filter in [
        "userName eq \"ours\" or userName eq \"theirs\"",
        "userName pr or not (userName pr)",
        "userName eq \"ours\" or (title eq \"secret\" or id pr)",
    ] {
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter, "count": 10});
        let reply = two.ours("POST", "/Users/.search", search).await;
        assert_eq!((reply.status, &reply.body["totalResults"]), (200, &json!(1)), "{filter}: {}", reply.text);
    }
}

async fn by_bulk(two: TwoTenants) {
    let (user, group) = (format!("/Users/{}", two.their_user), format!("/Groups/{}", two.their_group));
    let operations = json!([
        {"method": "DELETE", "path": user},
        {"method": "PUT", "path": user, "data": {"schemas": [USER], "userName": "taken"}},
        {"method": "PATCH", "path": group, "data": {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members"}]}},
    ]);
    let reply = two.ours("POST", "/Bulk", json!({"schemas": [BULK], "Operations": operations})).await;
    let statuses: Vec<&str> =
        reply.body["Operations"].as_array().unwrap().iter().filter_map(|operation| operation["status"].as_str()).collect();
    assert_eq!(statuses, ["404", "404", "404"]);
    two.check_untouched().await;
}

/// R9865-2-05.
async fn by_cursor(two: TwoTenants) {
    two.create("theirs", "/Users", json!({"schemas": [USER], "userName": "second", "title": "secret"})).await;
    let page = two.ask("theirs", "GET", "/Users?cursor", &Value::Null).await;
    let cursor = page.body["nextCursor"].as_str().unwrap();
    assert_eq!(two.ask("theirs", "GET", &format!("/Users?cursor={cursor}"), &Value::Null).await.status, 200);
    two.ours("GET", &format!("/Users?cursor={cursor}"), Value::Null).await.check_error(400, Some("invalidCursor"));
}

async fn by_reference(two: TwoTenants) {
    let member = json!({"value": two.their_user, "type": "User", "$ref": format!("https://example.com/scim/v2/Users/{}", two.their_user)});
    let reply = two.ours("POST", "/Groups", json!({"schemas": [GROUP], "displayName": "ours", "members": [member]})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let theirs = two.ask("theirs", "GET", &format!("/Users/{}", two.their_user), &Value::Null).await;
    let groups: Vec<&str> = theirs.body["groups"].as_array().unwrap().iter().filter_map(|group| group["display"].as_str()).collect();
    assert_eq!(groups, ["theirs"], "a membership of another tenant is none");
    let manager = json!({"schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "ours",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": two.their_user}}});
    let created = two.ours("POST", "/Users", manager).await;
    assert!(!created.text.contains("\"theirs\""), "{}", created.text);
    two.check_untouched().await;
}

/// The id that stands for our actor is that of a user of the other tenant.
async fn by_me(two: TwoTenants) {
    assert_eq!(two.their_user, "id1");
    for (method, body) in [("GET", Value::Null), ("PUT", json!({"schemas": [USER], "userName": "x"})), ("DELETE", Value::Null)] {
        assert_eq!(two.ours(method, "/Me", body).await.status, 404, "{method}");
    }
    two.check_untouched().await;
}

/// R7643-9.3-01: neither is a value that another tenant uses in use.
async fn by_uniqueness(two: TwoTenants) {
    two.create("ours", "/Users", json!({"schemas": [USER], "userName": "theirs"})).await;
    two.check_untouched().await;
}

macro_rules! ways {
    ($($name:ident: $way:ident;)*) => {$(
        /// Invariant 9, R7644-6-01.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $way(TwoTenants::over(Arc::new(MemoryResources::new())).await).await;
            let folder = tempfile::tempdir().unwrap();
            $way(TwoTenants::over(Arc::new(SqliteResources::open(&folder.path().join("two.db")).unwrap())).await).await;
        }
    )*};
}

ways! {
    a_tenant_reaches_nothing_of_another_by_id: by_id;
    a_tenant_reaches_nothing_of_another_by_filter: by_filter;
    a_tenant_reaches_nothing_of_another_by_or: by_or;
    a_tenant_reaches_nothing_of_another_by_bulk: by_bulk;
    a_tenant_reaches_nothing_of_another_by_cursor: by_cursor;
    a_tenant_reaches_nothing_of_another_by_reference: by_reference;
    a_tenant_reaches_nothing_of_another_by_me: by_me;
    a_tenant_reaches_nothing_of_another_by_uniqueness: by_uniqueness;
}
