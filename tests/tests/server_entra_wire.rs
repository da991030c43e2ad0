//! Every request that Microsoft Entra ID is recorded to send to a service provider, over a socket: a test for each file, and the whole
//! conversation of a client that sends them in their order.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests reports by panicking")]

use std::sync::{Arc, Mutex};

use scimkit_e2e::{Loopback, Wire, WireReply};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit_store::{MemoryResources, Tenant};
use scimkit_testing::clients::{Attributes, Complaint, EntraClient, Outcome};
use scimkit_types::{Dialect, Profile};
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A recording and a service of the profile that it was made for.
struct Replay {
    wire: Wire,
    method: String,
    /// Below the base path, percent-encoded.
    path: String,
    body: Value,
    /// What the recorded service answered.
    expected: Value,
    /// The id that the next created resource has.
    next_id: Arc<Mutex<String>>,
}

impl Replay {
    async fn of(text: &str) -> Self {
        let recording: Value = serde_json::from_str(text).unwrap();
        let request = &recording["request"];
        let is_ringcentral = recording["name"].as_str().unwrap().starts_with("ringcentral");
        let profile: Profile = if is_ringcentral {
            serde_json::from_str(include_str!("../../testdata/profiles/ringcentral.json")).unwrap()
        } else {
            Profile::standard()
        };
        let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("entra", Tenant::default()));
        let next_id = Arc::new(Mutex::new("new".to_owned()));
        let ids = Arc::clone(&next_id);
        let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
        let mut builder = Server::builder(handler, Arc::new(tokens)).ids(Arc::new(move || ids.lock().unwrap().clone()));
        builder = if is_ringcentral { builder.profile(profile) } else { builder.profile(profile).dialect(Dialect::ENTRA) };
        Self {
            wire: Wire::start(builder.build().unwrap()).await,
            method: request["method"].as_str().unwrap_or("POST").to_owned(),
            path: path(request["path"].as_str().unwrap_or("/Users")),
            body: if request.is_null() { recording["sample"].clone() } else { request["body"].clone() },
            expected: recording["response"].clone(),
            next_id,
        }
    }

    /// The id in the path, if there is one.
    fn id(&self) -> Option<&str> {
        let id = self.path.split('?').next()?.split('/').nth(2)?;
        (!id.is_empty()).then_some(id)
    }

    /// Makes a resource with this id before the request is sent.
    async fn given(&self, endpoint: &str, id: &str, body: &Value) {
        id.clone_into(&mut self.next_id.lock().unwrap());
        let mut body = body.clone();
        for name in ["id", "meta"] {
            body.as_object_mut().unwrap().remove(name);
        }
        let reply = self.wire.send("POST", endpoint, &["Content-Type: application/scim+json"], body.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        "new".clone_into(&mut self.next_id.lock().unwrap());
    }

    async fn given_user(&self) {
        let body = json!({
            "schemas": [USER, ENTERPRISE], "userName": "ola", "active": true, "name": {"familyName": "Nordmann"}, "title": "Clerk",
            "emails": [{"type": "work", "value": "ola@example.com", "primary": true}],
        });
        self.given("/Users", self.id().unwrap(), &body).await;
    }

    async fn given_group(&self, members: &[&str]) {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": [GROUP], "displayName": "guides", "members": members});
        self.given("/Groups", self.id().unwrap(), &body).await;
    }

    async fn send(&self) -> WireReply {
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        self.wire.send(&self.method, &self.path, &["Content-Type: application/scim+json; charset=utf-8"], body).await
    }

    /// Sends the request; the status is the recorded one, or the standard's if none was recorded.
    async fn check(&self) -> WireReply {
        let standard = match self.method.as_str() {
            "POST" => 201,
            "DELETE" => 204,
            "PATCH" if self.path.starts_with("/Groups") => 204,
            _ => 200,
        };
        let reply = self.send().await;
        assert_eq!(u64::from(reply.status), self.expected["status"].as_u64().unwrap_or(standard), "{}", reply.text);
        reply
    }

    async fn read(&self) -> Value {
        let path = self.path.split('?').next().unwrap();
        self.wire.send("GET", path, &[], "").await.body
    }

    /// A resource with what the recorded one has, besides what the service provider makes.
    #[track_caller]
    fn check_attributes(found: &Value, recorded: &Value) {
        for (name, value) in recorded.as_object().unwrap() {
            let is_made = ["id", "meta", "schemas", "groups"].contains(&name.as_str());
            let is_unassigned = value.is_null() || value == &json!([]);
            if !is_made && !is_unassigned {
                assert!(holds(&found[name], value), "{name}: {} for {value}", found[name]);
            }
        }
    }
}

/// Whether a value has everything that another one has.
fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            // Services add `primary: false`, which is no different from none.
            wanted.iter().all(|(name, value)| found.get(name).is_some_and(|found| holds(found, value)) || value == &json!(false))
        }
        (Value::Array(found), Value::Array(wanted)) => wanted.iter().all(|value| found.iter().any(|found| holds(found, value))),
        _ => found == wanted,
    }
}

/// A path of a recording below `/scim/v2`, as it goes over the wire.
fn path(recorded: &str) -> String {
    let start = ["/Users", "/Groups", "/Schemas"].iter().find_map(|endpoint| recorded.find(endpoint)).unwrap();
    let path = recorded.get(start..).unwrap().replace("{id}", "recorded-id");
    path.replace(' ', "%20").replace('"', "%22").replace('{', "%7B").replace('}', "%7D")
}

macro_rules! recorded {
    ($name:literal) => {
        Replay::of(include_str!(concat!("../../testdata/entra/", $name, ".json"))).await
    };
}

macro_rules! replays {
    ($($(#[$attribute:meta])* $test:ident: $name:literal |$replay:ident| $body:block)*) => {$(
        $(#[$attribute])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let $replay = recorded!($name);
            $body
        }
    )*};
}

/// A PATCH of a user that changes something and leaves the rest.
async fn changes_a_user(replay: &Replay) -> Value {
    replay.given_user().await;
    let before = replay.read().await;
    let reply = replay.check().await;
    assert_ne!(reply.body["meta"]["version"], before["meta"]["version"]);
    assert_eq!(replay.read().await, reply.body);
    assert_eq!(reply.body["title"], "Clerk");
    reply.body
}

/// A POST whose answer has everything that was sent.
async fn creates(replay: &Replay) -> Value {
    let reply = replay.check().await;
    let recorded = if replay.expected.is_null() { &replay.body } else { &replay.expected["body"] };
    Replay::check_attributes(&reply.body, recorded);
    reply.body
}

/// A GET that finds the recorded resource.
async fn finds(replay: &Replay, endpoint: &str, recorded: &Value) -> Value {
    replay.given(endpoint, replay.id().unwrap_or("found"), recorded).await;
    replay.check().await.body
}

replays! {
    custom_extension_user: "custom-extension-user" |replay| {
        let body = replay.check().await.body;
        assert_eq!(body["userName"], "bjensen");
        assert_eq!(body[ENTERPRISE]["manager"]["value"], "26118915-6090-4610-87e4-49d8ca9f808d");
    }
    design_user_with_custom_extension: "design-user-with-custom-extension" |replay| {
        assert_eq!(replay.check().await.body[ENTERPRISE]["manager"]["value"], "123456");
    }
    flag_add_single_off: "flag-add-single-off" |replay| { assert_eq!(changes_a_user(&replay).await["nickName"], "Babs"); }
    flag_add_single_on: "flag-add-single-on" |replay| { assert_eq!(changes_a_user(&replay).await["nickName"], "Babs"); }
    flag_disable_off: "flag-disable-off" |replay| { assert_eq!(changes_a_user(&replay).await["active"], false); }
    flag_disable_on: "flag-disable-on" |replay| { assert_eq!(changes_a_user(&replay).await["active"], false); }
    flag_remove_member_off: "flag-remove-member-off" |replay| { removes_a_member(&replay).await; }
    flag_remove_member_on: "flag-remove-member-on" |replay| { removes_a_member(&replay).await; }
    flag_replace_many_off: "flag-replace-many-off" |replay| { replaces_many(&replay, ["Pvlo", "Gtfd"]).await; }
    flag_replace_many_on: "flag-replace-many-on" |replay| { replaces_many(&replay, ["Bjfe", "Kkom"]).await; }
    group_create: "group-create" |replay| { assert_eq!(creates(&replay).await["schemas"], json!([GROUP])); }
    group_delete: "group-delete" |replay| {
        replay.given_group(&["a"]).await;
        replay.check().await;
        replay.send().await.check_error(404, None);
    }
    group_get: "group-get" |replay| {
        replay.given_group(&["a"]).await;
        let body = replay.check().await.body;
        assert_eq!((&body["displayName"], body.get("members")), (&json!("guides"), None));
    }
    group_patch_add_members: "group-patch-add-members" |replay| {
        replay.given_group(&["a"]).await;
        replay.check().await;
        assert_eq!(replay.read().await["members"].as_array().unwrap().len(), 2);
    }
    group_patch_attributes: "group-patch-attributes" |replay| {
        replay.given_group(&["a"]).await;
        replay.check().await;
        let body = replay.read().await;
        assert_ne!(body["displayName"], "guides");
        assert_eq!(body["members"].as_array().unwrap().len(), 1);
    }
    group_patch_remove_members: "group-patch-remove-members" |replay| { removes_a_member(&replay).await; }
    group_query: "group-query" |replay| {
        let body = finds(&replay, "/Groups", &json!({"schemas": [GROUP], "displayName": "displayName", "members": [{"value": "a"}]})).await;
        assert_eq!((&body["totalResults"], body["Resources"][0].get("members")), (&json!(1), None));
    }
    /// The value without quotes is no filter of RFC 7644, and none of the dialects takes it for one.
    legacy_example1_query: "legacy-example1-query" |replay| { replay.send().await.check_error(400, Some("invalidFilter")); }
    /// Attributes of the extension at the top, and null for what has no value; a schema whose name is mistyped.
    legacy_example2_create: "legacy-example2-create" |replay| {
        let body = replay.check().await.body;
        assert_eq!((&body["userName"], &body["schemas"]), (&json!("jyoung@testuser.com"), &json!([USER])));
    }
    legacy_example3_get: "legacy-example3-get" |replay| {
        replay.given_user().await;
        assert_eq!(replay.check().await.body["userName"], "ola");
    }
    /// As in the first example; `manager` stands in the extension. What the standard has for it finds nobody.
    legacy_example4_reference_check: "legacy-example4-reference-check" |replay| {
        replay.send().await.check_error(400, Some("invalidFilter"));
        let filter = format!("id%20eq%20%22a0a0%22%20and%20{ENTERPRISE}:manager%20eq%20%2200aa%22");
        let reply = replay.wire.send("GET", &format!("/Users?filter={filter}&attributes=id"), &[], "").await;
        assert_eq!((reply.status, &reply.body["totalResults"]), (200, &json!(0)), "{}", reply.text);
    }
    legacy_example5_manager_add: "legacy-example5-manager-add" |replay| {
        assert!(changes_a_user(&replay).await[ENTERPRISE]["manager"]["value"].is_string());
    }
    legacy_example6_delete: "legacy-example6-delete" |replay| {
        replay.given_user().await;
        replay.check().await;
        replay.send().await.check_error(404, None);
    }
    multi_value_phone_numbers: "multi-value-phone-numbers" |replay| {
        let mut replay = replay;
        replay.body["userName"] = json!("ola");
        assert_eq!(creates(&replay).await["phoneNumbers"].as_array().unwrap().len(), 3);
    }
    observed_add_filtered_missing: "observed-add-filtered-missing" |replay| { changes_a_user(&replay).await; }
    observed_manager_string: "observed-manager-string" |replay| {
        assert!(changes_a_user(&replay).await[ENTERPRISE]["manager"]["value"].is_string());
    }
    ringcentral_create: "ringcentral-create" |replay| { creates(&replay).await; }
    ringcentral_delete: "ringcentral-delete" |replay| {
        given_ringcentral_user(&replay).await;
        replay.check().await;
        replay.send().await.check_error(404, None);
    }
    ringcentral_get: "ringcentral-get" |replay| {
        given_ringcentral_user(&replay).await;
        assert_eq!(replay.check().await.body["userName"], "ola@example.com");
    }
    /// An empty filter is no filter of RFC 7644; who means none leaves it out.
    ringcentral_list: "ringcentral-list" |replay| {
        given_ringcentral_user(&replay).await;
        replay.send().await.check_error(400, Some("invalidFilter"));
        let without = replay.path.replace("filter=&", "");
        assert_eq!(replay.wire.send("GET", &without, &[], "").await.body["totalResults"], 1);
    }
    ringcentral_replace: "ringcentral-replace" |replay| {
        given_ringcentral_user(&replay).await;
        Replay::check_attributes(&replay.check().await.body, &replay.body);
    }
    roles_assertive_patch: "roles-assertive-patch" |replay| { has_roles(&changes_a_user(&replay).await); }
    roles_assertive_post: "roles-assertive-post" |replay| { has_roles(&creates(&with_user_name(replay)).await); }
    roles_complex_patch: "roles-complex-patch" |replay| { has_roles(&changes_a_user(&replay).await); }
    /// A role has no `displayName` in RFC 7643: it is ignored.
    roles_complex_post: "roles-complex-post" |replay| { has_roles(&with_user_name(replay).check().await.body); }
    roles_single_patch: "roles-single-patch" |replay| { has_roles(&changes_a_user(&replay).await); }
    roles_single_post: "roles-single-post" |replay| { has_roles(&creates(&with_user_name(replay)).await); }
    schemas_discovery: "schemas-discovery" |replay| {
        let body = replay.check().await.body;
        let ids = |list: &'_ Value| -> Vec<String> {
            list["Resources"].as_array().unwrap().iter().map(|schema| schema["id"].as_str().unwrap().to_owned()).collect()
        };
        let (found, recorded) = (ids(&body), ids(&replay.expected["body"]));
        assert!(recorded.iter().all(|id| found.contains(id)), "{found:?}");
    }
    test_connection: "test-connection" |replay| { finds_nobody(&replay).await; }
    user_create: "user-create" |replay| { creates(&replay).await; }
    user_delete: "user-delete" |replay| {
        replay.given_user().await;
        replay.check().await;
        replay.send().await.check_error(404, None);
    }
    user_disable: "user-disable" |replay| { assert_eq!(changes_a_user(&replay).await["active"], false); }
    user_get: "user-get" |replay| {
        let recorded = replay.expected["body"].clone();
        Replay::check_attributes(&finds(&replay, "/Users", &recorded).await, &recorded);
    }
    user_get_not_found: "user-get-not-found" |replay| { replay.check().await.check_error(404, None); }
    user_patch_multi_valued: "user-patch-multi-valued" |replay| { changes_a_user(&replay).await; }
    user_patch_single_valued: "user-patch-single-valued" |replay| { changes_a_user(&replay).await; }
    user_query: "user-query" |replay| {
        let recorded = replay.expected["body"]["Resources"][0].clone();
        let body = finds(&replay, "/Users", &recorded).await;
        assert_eq!(body["totalResults"], 1);
        Replay::check_attributes(&body["Resources"][0], &recorded);
    }
    user_query_empty: "user-query-empty" |replay| { finds_nobody(&replay).await; }
}

async fn finds_nobody(replay: &Replay) {
    replay.given("/Users", "somebody", &json!({"schemas": [USER], "userName": "ola"})).await;
    let body = replay.check().await.body;
    assert_eq!((&body["totalResults"], &body["Resources"]), (&json!(0), &json!([])));
}

/// One of the members that the request names goes, the other one stays.
async fn removes_a_member(replay: &Replay) {
    let text = replay.body["Operations"][0].to_string();
    let named = replay.body["Operations"][0]["value"][0]["value"].as_str().map(str::to_owned);
    let named = named.unwrap_or_else(|| text.split("\\\"").nth(1).unwrap().to_owned());
    replay.given_group(&[&named, "stays"]).await;
    replay.check().await;
    let members = replay.read().await["members"].clone();
    assert_eq!((members.as_array().unwrap().len(), &members[0]["value"]), (1, &json!("stays")), "{named}");
}

async fn replaces_many(replay: &Replay, [display_name, given_name]: [&str; 2]) {
    let body = changes_a_user(replay).await;
    assert_eq!((&body["displayName"], &body["name"]["givenName"]), (&json!(display_name), &json!(given_name)));
    assert!(body[ENTERPRISE]["employeeNumber"].is_string());
    assert!(body["emails"][0]["value"].as_str().unwrap().ends_with("@test.microsoft.com"));
}

fn with_user_name(mut replay: Replay) -> Replay {
    if replay.body.get("userName").is_none() {
        replay.body["userName"] = json!("ola");
    }
    replay
}

#[track_caller]
fn has_roles(user: &Value) {
    assert!(user["roles"].as_array().is_some_and(|roles| !roles.is_empty()), "{user}");
}

async fn given_ringcentral_user(replay: &Replay) {
    let body = json!({
        "schemas": [USER], "userName": "ola@example.com", "name": {"familyName": "Nordmann", "givenName": "Ola"},
        "emails": [{"type": "work", "value": "ola@example.com"}],
    });
    replay.given("/Users", replay.id().unwrap_or("found"), &body).await;
}

/// A month of a small company, as a client has it whose requests are the recorded ones; afterwards the service has what the client
/// believes.
async fn lives(client: &mut EntraClient) -> Result<(), Complaint> {
    client.test_connection().await?;
    let person = |name: &str| {
        Attributes::new()
            .with("userName", format!("{name}@example.com"))
            .with("active", true)
            .with("displayName", name)
            .with("name.familyName", "Nordmann")
            .with("emails[type eq \"work\"].value", format!("{name}@example.com"))
            .with(format!("{ENTERPRISE}:employeeNumber"), "7")
    };
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    for name in &names {
        assert_eq!(client.provision_user(name, &person(name)).await?, Outcome::Created);
    }
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let guides = Attributes::new().with("displayName", r#"Guides "&" (Oslo) 100 % +1"#);
    assert_eq!(client.provision_group("guides", &guides).await?, Outcome::Created);
    // Several requests at once, each with a member of its own: none is lost.
    assert_eq!(client.add_members("guides", &members).await?, Outcome::Updated);
    assert_eq!(client.check().await?, []);

    for (name, manager) in [("p1", Some("p0")), ("p2", Some("p0")), ("p1", Some("p2")), ("p2", None)] {
        assert_eq!(client.set_manager(name, manager).await?, Outcome::Updated);
    }
    let married = person("p3").with("name.familyName", "Hansen").with("displayName", "P. Hansen").with("userName", "p.hansen@example.com");
    let married = married.with("phoneNumbers[type eq \"mobile\"].value", "+47 555 01 000");
    assert_eq!(client.provision_user("p3", &married).await?, Outcome::Updated);
    assert_eq!(client.provision_group("guides", &Attributes::new().with("displayName", "Tour guides")).await?, Outcome::Updated);
    assert_eq!(client.remove_members("guides", &["p4", "p5", "p6"]).await?, Outcome::Updated);
    assert_eq!(client.check().await?, []);

    assert_eq!(client.disable_user("p4").await?, Outcome::Disabled);
    assert_eq!(client.disable_user("p7").await?, Outcome::Disabled);
    assert_eq!(client.provision_user("p7", &person("p7")).await?, Outcome::Updated);
    assert_eq!(client.delete_user("p4").await?, Outcome::Deleted);
    assert_eq!(client.delete_user("p8").await?, Outcome::Deleted);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.delete_group("guides").await?, Outcome::Deleted);
    assert_eq!(client.check().await?, []);
    Ok(())
}

/// IR24: the whole conversation, without the flag and with it, for a server that speaks the client's dialect and a lenient one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_has_what_entra_believes() {
    for (dialect, query) in [
        (Dialect::ENTRA, ""),
        (Dialect::LENIENT, ""),
        (Dialect::ENTRA_OPTSCIM, "?aadOptscim062020"),
        (Dialect::LENIENT, "?aadOptscim062020"),
    ] {
        let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("entra", Tenant::default()));
        let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
        let server = Server::builder(handler, Arc::new(tokens)).dialect(dialect).build().unwrap();
        let service = Loopback::start(server, None).await;
        let transport = Arc::new(ReqwestTransport::new(ReqwestOptions::default()).unwrap());
        let address = format!("{}{query}", service.base());
        let stranger = EntraClient::new(Arc::clone(&transport) as _, &address).unwrap();
        assert_eq!(stranger.test_connection().await.unwrap_err().status(), Some(401));
        let mut client = EntraClient::new(transport, &address).unwrap().with_token(&"token".into());
        lives(&mut client).await.unwrap_or_else(|complaint| panic!("{dialect:?} {query}: {complaint:?}"));
    }
}
