//! Passwords: where they go, and where they never go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use scimkit_server::{AcceptedPassword, Action, Changed, Context, HandlerError, Hook, PasswordSink, Proposal, Result};
use scimkit_store::Tenant;
use scimkit_types::{Dialect, ScimType, Tolerance};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::support::{PATCH, Service, USER};

/// Keeps passwords in a form that a test can read, refuses short ones, and fails for those that say so.
#[derive(Debug, Default)]
struct Drawer {
    kept: Mutex<BTreeMap<String, String>>,
}

impl Drawer {
    fn kept(&self) -> Vec<(String, String)> {
        self.kept.lock().unwrap().clone().into_iter().collect()
    }
}

#[async_trait]
impl PasswordSink for Drawer {
    async fn accept(&self, _: &Context<'_>, password: &SecretString) -> Result<AcceptedPassword> {
        match password.expose_secret() {
            text if text.len() < 4 => Err(HandlerError::of(ScimType::InvalidValue, "expected a longer password")),
            text => Ok(AcceptedPassword::new(format!("hash of {text}"))),
        }
    }

    async fn keep(&self, context: &Context<'_>, id: &str, accepted: AcceptedPassword) -> Result<()> {
        let text = accepted.secret().expose_secret();
        if text.contains("broken") {
            return Err(HandlerError::internal("the drawer is stuck"));
        }
        self.kept.lock().unwrap().insert(format!("{}/{id}", context.tenant().as_str()), text.to_owned());
        Ok(())
    }

    async fn forget(&self, context: &Context<'_>, id: &str) -> Result<()> {
        self.kept.lock().unwrap().remove(&format!("{}/{id}", context.tenant().as_str()));
        Ok(())
    }
}

fn service() -> (Service, Arc<Drawer>) {
    let drawer = Arc::new(Drawer::default());
    let sink = Arc::<Drawer>::clone(&drawer);
    (Service::with(|builder| builder.passwords(sink)), drawer)
}

fn entry(id: &str, password: &str) -> (String, String) {
    (format!("a/{id}"), format!("hash of {password}"))
}

fn user(password: &Value) -> Value {
    json!({"schemas": [USER], "userName": "ola", "password": password})
}

/// R7643-4.1.1-09, R7643-4.1.1-12, R7643-9.2-01, R7643-7-10, R7644-3.5.1-06: a password goes to the sink and comes back nowhere; a replace
/// without one, or with null, keeps it.
#[tokio::test]
async fn a_password_goes_to_the_sink_and_nowhere_else() {
    let (service, drawer) = service();
    let created = service.post("/Users", user(&json!("hush-hush"))).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(drawer.kept(), [entry("id1", "hush-hush")]);
    let read = service.get("/Users/id1?attributes=password,userName").await;
    let listed = service.get("/Users").await;
    let replaced = service.put("/Users/id1", json!({"schemas": [USER], "userName": "ola", "title": "x"})).await;
    assert_eq!(replaced.status, 200);
    assert_eq!(service.put("/Users/id1", user(&json!(null))).await.status, 200);
    assert_eq!(drawer.kept(), [entry("id1", "hush-hush")]);
    let renewed = service.put("/Users/id1", user(&json!("whisper"))).await;
    assert_eq!((renewed.status, drawer.kept()), (200, vec![entry("id1", "whisper")]));
    for reply in [created, read, listed, replaced, renewed] {
        assert!(reply.body.get("password").is_none() && !reply.body.to_string().contains("hush"), "{}", reply.body);
    }
    assert_eq!(service.delete("/Users/id1").await.status, 204);
    assert_eq!(drawer.kept(), []);
}

/// R7643-4.1.1-10: changed by PATCH, under every name that the attribute has; the version stays, as a password is no part of the resource.
#[tokio::test]
async fn a_password_is_changed_by_patch() {
    let (service, drawer) = service();
    service.user("ola").await;
    let replace = |path: &str, value: &str| json!([{"op": "replace", "path": path, "value": value}]);
    for (operations, password) in [
        (replace("password", "first"), "first"),
        (replace("PassWord", "second"), "second"),
        (replace(&format!("{USER}:password"), "third"), "third"),
        (json!([{"op": "add", "value": {"password": "fourth"}}]), "fourth"),
        (json!([{"op": "replace", "value": {USER: {"password": "fifth"}}}]), "fifth"),
        (json!([{"op": "replace", "path": USER, "value": {"password": "sixth"}}]), "sixth"),
        (json!([{"op": "add", "path": USER.to_uppercase(), "value": {format!("{USER}:PASSWORD"): "seventh"}}]), "seventh"),
        (json!([{"op": "replace", "path": "password", "value": "lost"}, {"op": "replace", "path": "password", "value": "last"}]), "last"),
    ] {
        let reply = service.patch("/Users/id1", operations).await;
        assert_eq!((reply.status, drawer.kept()), (200, vec![entry("id1", password)]), "{}", reply.body);
        assert_eq!(reply.header("etag"), "W/\"1\"");
        assert!(reply.body.get("password").is_none());
    }
    let both = json!([{"op": "replace", "value": {"title": "x", "password": "together"}}]);
    let reply = service.patch("/Users/id1", both).await;
    assert_eq!((reply.status, &reply.body["title"], drawer.kept()), (200, &json!("x"), vec![entry("id1", "together")]));
    let removed = service.patch("/Users/id1", json!([{"op": "remove", "path": "password"}])).await;
    assert_eq!((removed.status, drawer.kept()), (200, vec![]));
}

/// What hooks were shown and told.
#[derive(Debug, Default)]
struct Witness {
    seen: Mutex<Vec<String>>,
    told: Mutex<Vec<(Action, String)>>,
}

#[async_trait]
impl Hook for Witness {
    async fn before(&self, _: &Context<'_>, proposal: &Proposal<'_>) -> Result<()> {
        self.seen.lock().unwrap().push(format!("{proposal:?}"));
        Ok(())
    }

    async fn after(&self, _: &Context<'_>, change: &Changed<'_>) {
        self.seen.lock().unwrap().push(format!("{change:?}"));
        self.told.lock().unwrap().push((change.action, change.id.to_owned()));
    }
}

/// R7643-9.2-01, invariant 5: however a password is sent, hooks and the store do not see it, and a part of a password is refused.
#[tokio::test]
async fn no_form_of_a_password_passes_the_sink_by() {
    for dialect in [Dialect::STRICT, Dialect::ENTRA, Dialect::LENIENT] {
        let (drawer, witness) = (Arc::new(Drawer::default()), Arc::new(Witness::default()));
        let (sink, hook) = (Arc::<Drawer>::clone(&drawer), Arc::<Witness>::clone(&witness));
        let service = Service::with(|builder| builder.passwords(sink).hook(hook).dialect(dialect));
        service.user("ola").await;
        let full = format!("{USER}:password");
        for value in [json!({"password": "hush-hush"}), json!({full.as_str(): "hush-hush"}), json!({USER: {full.as_str(): "hush-hush"}})] {
            for path in [None, Some(USER)] {
                let mut operation = json!({"op": "add", "value": value});
                if let Some(path) = path {
                    operation["path"] = json!(path);
                }
                let reply = service.patch("/Users/id1", json!([operation])).await;
                if path.is_none() || value.get(USER).is_none() {
                    assert_eq!((reply.status, drawer.kept()), (200, vec![entry("id1", "hush-hush")]), "{operation} {}", reply.body);
                }
                assert!(!reply.body.to_string().contains("hush"), "{}", reply.body);
                assert_eq!(service.patch("/Users/id1", json!([{"op": "remove", "path": "password"}])).await.status, 200);
            }
        }
        for path in ["password.value", "password[value eq \"x\"]", "password[type eq \"x\"].value", &format!("{full}.value")] {
            let reply = service.patch("/Users/id1", json!([{"op": "replace", "path": path, "value": "hush-hush"}])).await;
            reply.check_error(400, Some("invalidPath"));
        }
        let body = json!({"schemas": [USER], "userName": "ola", full.as_str(): "hush-hush"});
        assert_eq!((service.put("/Users/id1", body).await.status, drawer.kept()), (200, vec![entry("id1", "hush-hush")]));
        let seen = witness.seen.lock().unwrap();
        assert!(!seen.is_empty() && !seen.iter().any(|text| text.contains("hush")), "{dialect:?}");
    }
}

/// Some peers name what to remove by a value; a password that is removed so is forgotten.
#[tokio::test]
async fn a_password_is_removed_by_its_name_in_a_value() {
    let drawer = Arc::new(Drawer::default());
    let sink = Arc::<Drawer>::clone(&drawer);
    let service = Service::with(|builder| builder.passwords(sink).dialect(Dialect::STRICT.with(Tolerance::RemoveByValue)));
    service.post("/Users", user(&json!("hush-hush"))).await;
    assert_eq!(drawer.kept(), [entry("id1", "hush-hush")]);
    let reply = service.patch("/Users/id1", json!([{"op": "remove", "value": {"password": null}}])).await;
    assert_eq!((reply.status, drawer.kept()), (200, vec![]), "{}", reply.body);
}

/// R7644-3.5.1-06, R7644-3.5.2-15: a request that is refused leaves the password as it was; one whose password is not kept says so, does
/// everything else, which hooks learn, and is completed by being sent again.
#[tokio::test]
async fn a_password_changes_with_its_request_or_the_answer_says_so() {
    let (drawer, witness) = (Arc::new(Drawer::default()), Arc::new(Witness::default()));
    let (sink, hook) = (Arc::<Drawer>::clone(&drawer), Arc::<Witness>::clone(&witness));
    let service = Service::with(|builder| builder.passwords(sink).hook(hook));
    service.post("/Users", user(&json!("first"))).await;
    service.user("kari").await;
    let taken = json!([{"op": "replace", "value": {"userName": "kari", "password": "second"}}]);
    service.patch("/Users/id1", taken).await.check_error(409, Some("uniqueness"));
    service.put("/Users/id1", json!({"schemas": [USER], "password": "second"})).await.check_error(400, Some("invalidValue"));
    let body = user(&json!("second")).to_string();
    service.send("PUT", "/Users/id1", &["if-match: W/\"7\""], body).await.check_error(412, None);
    assert_eq!(drawer.kept(), [entry("id1", "first")]);

    witness.told.lock().unwrap().clear();
    let patch = |password: &str| json!([{"op": "replace", "value": {"title": "guide", "password": password}}]);
    let failed = service.patch("/Users/id1", patch("broken")).await;
    let detail = "the password was not kept, while everything else was done; send the request again";
    assert_eq!(failed.check_error(500, None).body["detail"], detail);
    assert_eq!((&service.get("/Users/id1").await.body["title"], drawer.kept()), (&json!("guide"), vec![entry("id1", "first")]));
    let put = |password: &str| json!({"schemas": [USER], "userName": "ola", "title": "boss", "password": password});
    assert_eq!(service.put("/Users/id1", put("broken")).await.check_error(500, None).body["detail"], detail);
    assert_eq!((&service.get("/Users/id1").await.body["title"], drawer.kept()), (&json!("boss"), vec![entry("id1", "first")]));
    service.patch("/Users/id1", json!([{"op": "replace", "path": "password", "value": "broken"}])).await.check_error(500, None);
    assert_eq!(*witness.told.lock().unwrap(), [(Action::Patch, "id1".to_owned()), (Action::Replace, "id1".to_owned())]);

    let version = service.get("/Users/id1").await.header("etag").to_owned();
    let again = service.put("/Users/id1", put("third")).await;
    assert_eq!((again.status, again.header("etag"), drawer.kept()), (200, version.as_str(), vec![entry("id1", "third")]));
}

/// R7644-3.14-03: the version that a request expects holds for passwords too, and so does the existence of the resource.
#[tokio::test]
async fn a_password_of_another_version_or_of_nobody_is_not_taken() {
    let (service, drawer) = service();
    service.user("ola").await;
    let body = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "password", "value": "first"}]}).to_string();
    service.send("PATCH", "/Users/id1", &["if-match: W/\"7\""], body.clone()).await.check_error(412, None);
    service.send("PATCH", "/Users/nobody", &[], body.clone()).await.check_error(404, None);
    service.send("PATCH", "/Users/id1", &["authorization: Bearer other"], body.clone()).await.check_error(404, None);
    assert_eq!(drawer.kept(), []);
    assert_eq!(service.send("PATCH", "/Users/id1", &["if-match: W/\"1\""], body).await.status, 200);
}

/// Invariant 10: what the sink refuses is not done at all, and what it fails to keep is an error.
#[tokio::test]
async fn a_password_that_is_not_taken_is_an_error() {
    let (service, drawer) = service();
    for password in [json!("abc"), json!(""), json!(7), json!(["hush-hush"]), json!({"value": "hush-hush"})] {
        let reply = service.post("/Users", user(&password)).await;
        assert!(!reply.check_error(400, Some("invalidValue")).body.to_string().contains("abc"));
    }
    assert_eq!(service.get("/Users").await.body["totalResults"], 0);
    service.post("/Users", user(&json!("broken lock"))).await.check_error(500, None);
    assert_eq!(service.get("/Users").await.body["totalResults"], 0);
    let id = service.user("kari").await;
    service
        .patch(&format!("/Users/{id}"), json!([{"op": "replace", "path": "password", "value": "broken lock"}]))
        .await
        .check_error(500, None);
    assert_eq!(drawer.kept(), []);
}

/// R7643-5-06: `changePassword` says whether there is a sink.
#[tokio::test]
async fn the_configuration_says_whether_passwords_can_be_changed() {
    let supported = async |service: &Service| service.get("/ServiceProviderConfig").await.body["changePassword"]["supported"].clone();
    assert_eq!(supported(&service().0).await, json!(true));
    assert_eq!(supported(&Service::new()).await, json!(false));
}

/// Invariant 10: without a sink a password is refused, or left out and counted if the dialect says so, as for Okta, but never alone.
#[tokio::test]
async fn without_a_sink_a_password_is_refused_or_left_out_on_purpose() {
    let strict = Service::new();
    let reply = strict.post("/Users", user(&json!("hush-hush"))).await;
    assert!(!reply.check_error(501, None).body.to_string().contains("hush"));
    strict.user("kari").await;
    let operations = json!([{"op": "replace", "path": "password", "value": "hush-hush"}]);
    strict.patch("/Users/id1", operations.clone()).await.check_error(501, None);
    strict.put("/Users/id1", user(&json!("hush-hush"))).await.check_error(501, None);

    let lenient = Service::with_dialect(Dialect::OKTA);
    assert_eq!(lenient.post("/Users", user(&json!("hush-hush"))).await.status, 201);
    assert_eq!(lenient.patch("/Users/id1", json!([{"op": "add", "value": {"title": "x", "password": "hush-hush"}}])).await.status, 200);
    lenient.patch("/Users/id1", operations).await.check_error(501, None);
    assert!(!lenient.get("/Users/id1").await.body.to_string().contains("hush"));
    assert_eq!(lenient.server.tolerances()[&Tenant::new("a")][&Tolerance::DropPassword], 2);
}

/// R7644-7.5.2-02, AMB-35: nobody finds out a password by asking for it.
#[tokio::test]
async fn a_filter_on_a_password_is_sensitive() {
    let (service, _) = service();
    service.post("/Users", user(&json!("hush-hush"))).await;
    for filter in ["password+pr", "password+eq+%22hush-hush%22", "userName+eq+%22ola%22+and+password+sw+%22h%22"] {
        let reply = service.get(&format!("/Users?filter={filter}")).await;
        assert!(!reply.check_error(403, Some("sensitive")).body.to_string().contains("hush"));
    }
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "password pr"});
    service.post("/Users/.search", search).await.check_error(403, Some("sensitive"));
}

/// A value of another writeOnly attribute has nowhere to go.
#[tokio::test]
async fn other_secrets_are_refused() {
    let service = Service::with_profile(
        r#"{"name": "x", "schemas": [{"id": "urn:x:Key", "name": "Key", "attributes": [
            {"name": "label", "type": "string"},
            {"name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never"}]}],
            "resourceTypes": [{"name": "Key", "endpoint": "/Keys", "schema": "urn:x:Key"}]}"#,
    );
    assert_eq!(service.post("/Keys", json!({"schemas": ["urn:x:Key"], "label": "front"})).await.status, 201);
    let refused = service.post("/Keys", json!({"schemas": ["urn:x:Key"], "label": "back", "pin": "1234"})).await;
    assert_eq!(refused.check_error(501, None).body["detail"], "this service does not take values of `pin`");
    service.patch("/Keys/id1", json!([{"op": "add", "path": "pin", "value": "1234"}])).await.check_error(501, None);
}

/// R7644-3.7-17: the operations of a bulk request are no way around the sink.
#[tokio::test]
async fn a_bulk_request_gives_passwords_to_the_sink() {
    let drawer = Arc::new(Drawer::default());
    let sink = Arc::<Drawer>::clone(&drawer);
    let profile = r#"{"name": "x", "features": {"bulk": {"maxOperations": 10, "maxPayloadSize": 100000}}}"#;
    let service = Service::with(|builder| builder.profile(serde_json::from_str(profile).unwrap()).passwords(sink));
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": user(&json!("hush-hush"))},
        {"method": "PATCH", "path": "/Users/bulkId:a", "data": {"schemas": [PATCH], "Operations": [
            {"op": "replace", "path": "password", "value": "whisper"}]}}]});
    let reply = service.post("/Bulk", body).await;
    assert_eq!((&reply.body["Operations"][0]["status"], &reply.body["Operations"][1]["status"]), (&json!("201"), &json!("200")));
    assert_eq!(drawer.kept(), [entry("id1", "whisper")]);
}
