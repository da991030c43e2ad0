//! The fake of Microsoft Entra ID sends what is recorded of it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use scimkit_testing::clients::{AppRole, Attributes, Complaint, EntraClient, RoleMapping};
use scimkit_testing::{ScriptedTransport, VirtualTime};
use serde_json::{Value, json};

use crate::recorded::{BASE, Recorded, names, read, with_list, with_resource};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What is not compared, and why.
const NOT_SENT: [(&str, &str); 16] = [
    ("custom-extension-user", "a resource, not a request"),
    ("design-user-with-custom-extension", "a resource, not a request"),
    ("legacy-example1-query", "an older form"),
    ("legacy-example2-create", "an older form"),
    ("legacy-example3-get", "an older form"),
    ("legacy-example4-reference-check", "an older form"),
    ("legacy-example5-manager-add", "an older form"),
    ("legacy-example6-delete", "an older form"),
    ("ringcentral-create", "an example of the service's own documentation"),
    ("ringcentral-delete", "an example of the service's own documentation"),
    ("ringcentral-get", "an example of the service's own documentation"),
    ("ringcentral-list", "an example of the service's own documentation"),
    ("ringcentral-replace", "an example of the service's own documentation"),
    ("user-disable", "capitalized as without the flag, with the boolean as with it; see `flag-disable-off` and `flag-disable-on`"),
    ("roles-complex-post", "an excerpt; `roles` is compared"),
    ("roles-single-post", "an excerpt; `roles` is compared"),
];

struct Conversation {
    time: VirtualTime,
    script: Arc<ScriptedTransport>,
    client: EntraClient,
}

impl Conversation {
    fn new(script: ScriptedTransport, query: &str) -> Self {
        let script = Arc::new(script);
        let client = EntraClient::new(Arc::clone(&script) as _, &format!("{BASE}{query}")).unwrap();
        Self { time: VirtualTime::default(), script, client }
    }

    fn sent(&self, index: usize) -> Request<Bytes> {
        self.script.requests()[index].clone()
    }

    fn last(&self) -> Request<Bytes> {
        self.script.requests().last().unwrap().clone()
    }

    fn provision(&mut self, attributes: &Attributes) -> Result<(), Complaint> {
        self.time.run(self.client.provision_user("source", attributes)).unwrap().map(drop)
    }
}

/// The query that the recordings with the flag need.
fn flag(recorded: &Recorded) -> &'static str {
    if recorded.name.ends_with("-on") { "?aadOptscim062020" } else { "" }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A PATCH of a user who is found with `before` and has `wanted` then.
fn patches(recorded: &Recorded, before: Value, wanted: Attributes) -> Conversation {
    let mut found = before;
    found["id"] = json!(recorded.id());
    found["externalId"] = json!("source");
    let script = with_list(ScriptedTransport::new(), &[found]).answering(StatusCode::NO_CONTENT, "");
    let mut conversation = Conversation::new(script, flag(recorded));
    conversation.client = conversation.client.with_matching("externalId");
    conversation.provision(&wanted.with("externalId", "source")).unwrap();
    conversation
}

/// A request about a group whose member is `member`, once both are linked.
fn group(recorded: &Recorded, member: &str) -> Conversation {
    let script = with_list(ScriptedTransport::new(), &[json!({"id": recorded.id(), "displayName": "guides"})]);
    let script = with_list(script, &[json!({"id": member, "userName": "ola"})]);
    let script = script.answering(StatusCode::NO_CONTENT, "").answering(StatusCode::NO_CONTENT, "");
    let mut conversation = Conversation::new(script, flag(recorded));
    let Conversation { time, client, .. } = &mut conversation;
    time.run(async {
        client.provision_group("group", &Attributes::new().with("displayName", "guides")).await.unwrap();
        client.provision_user("source", &Attributes::new().with("userName", "ola")).await.unwrap();
        client.add_members("group", &["source"]).await.unwrap();
    })
    .unwrap();
    conversation
}

fn removes_a_member(recorded: &Recorded) {
    let operation = &recorded.body["Operations"][0];
    let member = match operation["value"][0]["value"].as_str() {
        Some(id) => id.to_owned(),
        None => text(&operation["path"]).split('"').nth(1).unwrap().to_owned(),
    };
    let mut conversation = group(recorded, &member);
    conversation.time.run(conversation.client.remove_members("group", &["source"])).unwrap().unwrap();
    recorded.check(&conversation.last());
}

fn replaces_many(recorded: &Recorded, wanted: Attributes) {
    let before = json!({
        "displayName": "old", "externalId": "old", "emails": [{"type": "work", "value": "old"}],
        "name": {"givenName": "old", "familyName": "old"}, (ENTERPRISE): {"employeeNumber": "old"},
    });
    // `externalId` is one of the values, so this user is looked for by another one.
    let mut found = before;
    found["id"] = json!(recorded.id());
    found["userName"] = json!("ola");
    let script = with_list(ScriptedTransport::new(), &[found]).answering(StatusCode::OK, "{}");
    let mut conversation = Conversation::new(script, flag(recorded));
    conversation.provision(&wanted.with("userName", "ola")).unwrap();
    recorded.check(&conversation.last());
}

fn role(text: &Value) -> AppRole {
    let role: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    let member = |name: &str| role[name].as_str().unwrap().to_owned();
    AppRole::new(member("id"), member("value"), member("displayName"))
}

fn sets_roles(recorded: &Recorded, query: &str, mapping: RoleMapping, roles: &[AppRole]) {
    let script = with_list(ScriptedTransport::new(), &[json!({"id": recorded.id(), "userName": "ola"})]);
    let mut conversation = Conversation::new(script.answering(StatusCode::NO_CONTENT, ""), query);
    conversation.provision(&Attributes::new().with("userName", "ola")).unwrap();
    conversation.time.run(conversation.client.set_roles("source", mapping, roles)).unwrap().unwrap();
    recorded.check(&conversation.last());
}

fn assertive() -> [AppRole; 2] {
    [AppRole::new("1", "User", "User"), AppRole::new("2", "Test", "Test")]
}

/// Sends what is recorded under a name; `false` if nothing does.
fn sends(recorded: &Recorded) -> bool {
    let new = Attributes::new;
    match recorded.name.as_str() {
        "test-connection" => {
            let conversation = Conversation::new(with_list(ScriptedTransport::new(), &[]), "");
            conversation.time.run(conversation.client.test_connection()).unwrap().unwrap();
            let (path, _) = read(&conversation.last());
            let guid = path.split('"').nth(1).unwrap().to_owned();
            let lengths: Vec<usize> = guid.split('-').map(str::len).collect();
            assert_eq!((lengths, guid.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'), "{guid}");
            assert_eq!(path.replace(&guid, "{random-guid}"), recorded.path);
            assert!(conversation.last().uri().query().unwrap().contains("filter=userName+eq+%22"));
        }
        "user-query" | "user-query-empty" => {
            let mut conversation = Conversation::new(with_list(ScriptedTransport::new(), &[]), "");
            // The script ends before the user is created.
            conversation.provision(&new().with("userName", recorded.searched())).unwrap_err();
            recorded.check(&conversation.sent(0));
        }
        "user-get" | "user-get-not-found" => {
            let script = with_list(ScriptedTransport::new(), &[json!({"id": recorded.id(), "userName": "ola"})]);
            let mut conversation = Conversation::new(script, "");
            conversation.provision(&new().with("userName", "ola")).unwrap();
            conversation.provision(&new().with("userName", "kari")).unwrap_err();
            recorded.check(&conversation.last());
        }
        "user-create" => {
            let (body, script) = (&recorded.body, with_list(ScriptedTransport::new(), &[]));
            let mut conversation = Conversation::new(with_resource(script, StatusCode::CREATED, &json!({"id": "1"})), "");
            let attributes = new()
                .with("userName", text(&body["userName"]))
                .with("active", true)
                .with("emails[type eq \"work\"].value", text(&body["emails"][0]["value"]))
                .with("name.formatted", text(&body["name"]["formatted"]))
                .with("name.familyName", text(&body["name"]["familyName"]))
                .with("name.givenName", text(&body["name"]["givenName"]));
            let Conversation { time, client, .. } = &mut conversation;
            time.run(client.provision_user(text(&body["externalId"]), &attributes)).unwrap().unwrap();
            recorded.check(&conversation.last());
        }
        "multi-value-phone-numbers" => {
            let script = with_list(ScriptedTransport::new(), &[]);
            let mut conversation = Conversation::new(with_resource(script, StatusCode::CREATED, &json!({"id": "1"})), "");
            let numbers = ["work", "mobile", "fax"].map(|kind| (format!("phoneNumbers[type eq \"{kind}\"].value"), "555-555-5555"));
            conversation.provision(&numbers.into_iter().collect::<Attributes>().with("userName", "ola")).unwrap();
            assert_eq!(read(&conversation.last()).1["phoneNumbers"], recorded.body["phoneNumbers"]);
        }
        "user-patch-multi-valued" => {
            let before = json!({"emails": [{"type": "work", "value": "old"}], "name": {"familyName": "old"}});
            let wanted =
                new().with("emails[type eq \"work\"].value", text(&recorded.value(0))).with("name.familyName", text(&recorded.value(1)));
            recorded.check(&patches(recorded, before, wanted).last());
        }
        "user-patch-single-valued" => {
            let wanted = new().with("userName", text(&recorded.value(0)));
            recorded.check(&patches(recorded, json!({"userName": "old"}), wanted).last());
        }
        "flag-add-single-off" | "flag-add-single-on" => {
            recorded.check(&patches(recorded, json!({}), new().with("nickName", "Babs")).last());
        }
        "observed-add-filtered-missing" => {
            let wanted = new().with("phoneNumbers[type eq \"mobile\"].value", text(&recorded.value(0)));
            recorded.check(&patches(recorded, json!({"phoneNumbers": [{"type": "work", "value": "1"}]}), wanted).last());
        }
        "flag-disable-off" | "flag-disable-on" => {
            let script = with_list(ScriptedTransport::new(), &[json!({"id": recorded.id(), "userName": "ola"})]);
            let mut conversation = Conversation::new(script.answering(StatusCode::OK, "{}"), flag(recorded));
            conversation.provision(&new().with("userName", "ola")).unwrap();
            conversation.time.run(conversation.client.disable_user("source")).unwrap().unwrap();
            recorded.check(&conversation.last());
        }
        "observed-manager-string" => {
            let script = with_list(ScriptedTransport::new(), &[json!({"id": recorded.id(), "userName": "ola"})]);
            let script = with_list(script, &[json!({"id": recorded.value(0), "userName": "kari"})]).answering(StatusCode::NO_CONTENT, "");
            let mut conversation = Conversation::new(script, "");
            conversation.provision(&new().with("userName", "ola")).unwrap();
            let Conversation { time, client, .. } = &mut conversation;
            time.run(client.provision_user("manager", &new().with("userName", "kari"))).unwrap().unwrap();
            time.run(client.set_manager("source", Some("manager"))).unwrap().unwrap();
            recorded.check(&conversation.last());
        }
        "flag-replace-many-off" => {
            let value = |operation: usize| text(&recorded.value(operation)).to_owned();
            let wanted = new()
                .with("displayName", value(0))
                .with("emails[type eq \"work\"].value", value(1))
                .with("name.givenName", value(2))
                .with("name.familyName", value(3))
                .with("externalId", value(4))
                .with(format!("{ENTERPRISE}:employeeNumber"), value(5));
            replaces_many(recorded, wanted);
        }
        "flag-replace-many-on" => {
            let merged = recorded.value(1);
            let number = format!("{ENTERPRISE}:employeeNumber");
            let wanted = new()
                .with("displayName", text(&merged["displayName"]))
                .with("emails[type eq \"work\"].value", text(&recorded.value(0)))
                .with("name.givenName", text(&merged["name.givenName"]))
                .with("name.familyName", text(&merged["name.familyName"]))
                .with(number.clone(), text(&merged[number.as_str()]));
            replaces_many(recorded, wanted);
        }
        "user-delete" => {
            let script = with_list(ScriptedTransport::new(), &[json!({"id": recorded.id(), "userName": "ola"})]);
            let mut conversation = Conversation::new(script.answering(StatusCode::NO_CONTENT, ""), "");
            conversation.provision(&new().with("userName", "ola")).unwrap();
            conversation.time.run(conversation.client.delete_user("source")).unwrap().unwrap();
            recorded.check(&conversation.last());
        }
        "group-query" => {
            let mut conversation = Conversation::new(with_list(ScriptedTransport::new(), &[]), "");
            let wanted = new().with("displayName", recorded.searched());
            conversation.time.run(conversation.client.provision_group("group", &wanted)).unwrap().unwrap_err();
            recorded.check(&conversation.sent(0));
        }
        "group-create" => {
            let script = with_list(ScriptedTransport::new(), &[]);
            let mut conversation = Conversation::new(with_resource(script, StatusCode::CREATED, &json!({"id": "1"})), "");
            let wanted = new().with("displayName", text(&recorded.body["displayName"]));
            let Conversation { time, client, .. } = &mut conversation;
            time.run(client.provision_group(text(&recorded.body["externalId"]), &wanted)).unwrap().unwrap();
            recorded.check(&conversation.last());
        }
        "group-get" | "group-patch-attributes" => {
            let found = json!({"id": recorded.id(), "displayName": "guides"});
            let script = with_resource(with_list(ScriptedTransport::new(), std::slice::from_ref(&found)), StatusCode::OK, &found);
            let mut conversation = Conversation::new(script.answering(StatusCode::NO_CONTENT, ""), "");
            let name = recorded.body["Operations"][0]["value"].as_str().unwrap_or("another");
            let Conversation { time, client, script } = &mut conversation;
            for name in ["guides", name] {
                time.run(client.provision_group("group", &new().with("displayName", name))).unwrap().unwrap();
            }
            recorded.check(&script.requests()[if recorded.name == "group-get" { 1 } else { 2 }]);
        }
        "group-patch-add-members" => {
            let member = recorded.body["Operations"][0]["value"][0]["value"].clone();
            recorded.check(&group(recorded, text(&member)).last());
        }
        "group-patch-remove-members" | "flag-remove-member-off" | "flag-remove-member-on" => removes_a_member(recorded),
        "group-delete" => {
            let mut conversation = group(recorded, "1");
            conversation.time.run(conversation.client.delete_group("group")).unwrap().unwrap();
            recorded.check(&conversation.last());
        }
        "schemas-discovery" => {
            let conversation = Conversation::new(with_list(ScriptedTransport::new(), &[json!({"id": "urn:a"})]), "");
            assert_eq!(conversation.time.run(conversation.client.discover_schemas()).unwrap().unwrap(), ["urn:a"]);
            recorded.check(&conversation.last());
        }
        "roles-single-patch" => sets_roles(recorded, "", RoleMapping::Single, &[role(&recorded.value(0)[0]["value"])]),
        "roles-complex-patch" => {
            let roles: Vec<AppRole> = recorded.value(0).as_array().unwrap().iter().map(|element| role(&element["value"])).collect();
            sets_roles(recorded, "", RoleMapping::Complex, &roles);
        }
        // Published in lower case, as the flag has it.
        "roles-assertive-patch" => sets_roles(recorded, "?aadOptscim062020", RoleMapping::Assertive, &assertive()),
        "roles-assertive-post" | "roles-complex-post" | "roles-single-post" => {
            let (mapping, roles) = match recorded.name.as_str() {
                "roles-assertive-post" => (RoleMapping::Assertive, assertive().to_vec()),
                "roles-complex-post" => {
                    (RoleMapping::Complex, vec![AppRole::new("1", "Admin", "Admin"), AppRole::new("2", "User", "User")])
                }
                _ => (RoleMapping::Single, vec![AppRole::new("1", "Admin", "Admin"), AppRole::new("2", "User", "User")]),
            };
            assert_eq!(serde_json::to_value(mapping.created(&roles)).unwrap(), recorded.body["roles"], "{}", recorded.name);
        }
        _ => return false,
    }
    true
}

/// Each recording is sent by the client, or it is said why not.
#[test]
fn what_is_recorded_is_what_the_client_sends() {
    for name in names("entra") {
        let reason = NOT_SENT.iter().find(|(other, _)| *other == name);
        let is_sent = sends(&Recorded::read("entra", &name));
        assert!(is_sent || reason.is_some(), "`{name}` is recorded, and nothing sends it");
    }
}

/// What is sent besides the recorded parts of a request.
#[test]
fn requests_have_the_headers_of_the_real_one() {
    let script = with_resource(with_list(ScriptedTransport::new(), &[]), StatusCode::CREATED, &json!({"id": "1"}));
    let mut conversation = Conversation::new(script, "");
    conversation.client = conversation.client.with_token(&"secret".into());
    conversation.provision(&Attributes::new().with("userName", "ola")).unwrap();
    let (looked, created) = (conversation.sent(0), conversation.sent(1));
    assert_eq!(created.headers()["content-type"], "application/scim+json; charset=utf-8");
    assert_eq!((&created.headers()["authorization"], looked.headers().get("content-type")), (&"Bearer secret".parse().unwrap(), None));
    assert!(created.headers().get("user-agent").is_none());
    assert!(!format!("{:?}", conversation.client).contains("secret"));
}

/// R7644-3.4.2.2: the value of a comparison is a JSON string, whatever stands in it.
#[test]
fn names_with_any_characters_are_looked_for_as_they_are() {
    let name = r#"TestGrp-!@#$%^&*()_+=-{}][\":;'/.,?\\1 ø"#;
    let mut conversation = Conversation::new(with_list(ScriptedTransport::new(), &[]), "");
    let wanted = Attributes::new().with("displayName", name);
    conversation.time.run(conversation.client.provision_group("group", &wanted)).unwrap().unwrap_err();
    let (path, _) = read(&conversation.sent(0));
    let filter = path.strip_prefix("/Groups?excludedAttributes=members&filter=displayName eq ").unwrap();
    assert_eq!(serde_json::from_str::<String>(filter).unwrap(), name);
}
