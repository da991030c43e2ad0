use futures_util::TryStreamExt;
use scimkit_client::request::Selection;
use scimkit_client::{ClientError, Created, Matching, Removed};
use scimkit_types::{EnterpriseUser, Group, PatchOp, Resource, SearchRequest, User, Value, schema};

use crate::support::{Answer, Scripted, answer, answer_with, run};

const OLA: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "7", "userName": "ola", "shoeSize": 42}"#;

fn users(answers: impl IntoIterator<Item = Answer>) -> (std::sync::Arc<Scripted>, scimkit_client::Client) {
    let peer = Scripted::new(answers);
    let client = peer.client();
    (peer, client)
}

#[test]
fn every_call_has_a_typed_form() {
    let page = format!(r#"{{"totalResults": 1, "Resources": [{OLA}]}}"#);
    let (peer, client) =
        users([answer(201, OLA), answer(200, OLA), answer(200, OLA), answer(204, ""), answer(200, &page), answer(204, "")]);
    let users = client.resources::<User>();
    let ola = run(users.create(&User::new("ola"))).unwrap();
    assert_eq!(run(users.get("7", &Selection::Default)).unwrap(), ola);
    assert_eq!(run(users.replace("7", &ola, None)).unwrap(), Some(ola.clone()));
    assert_eq!(run(users.patch("7", &PatchOp::default(), None)).unwrap(), None);
    assert_eq!(run(users.query_all(&SearchRequest::default(), 10.try_into().unwrap()).try_collect::<Vec<_>>()).unwrap(), [ola]);
    run(users.delete("7", None)).unwrap();
    assert_eq!(
        peer.seen().iter().map(|seen| seen.split('?').next().unwrap()).collect::<Vec<_>>(),
        [
            "POST /scim/v2/Users",
            "GET /scim/v2/Users/7",
            "PUT /scim/v2/Users/7",
            "PATCH /scim/v2/Users/7",
            "GET /scim/v2/Users",
            "DELETE /scim/v2/Users/7"
        ]
    );
    // What the view does not name goes back with it.
    let sent = String::from_utf8(peer.requests()[2].body().to_vec()).unwrap();
    assert!(sent.contains("shoeSize"), "{sent}");
}

/// R7644-3.10-02: attributes of an extension are always sent below the URN of its schema, those of the core schema without one.
#[test]
fn attributes_of_an_extension_are_qualified() {
    let department = format!("{}:department", schema::ENTERPRISE_USER);
    let (peer, client) = users([answer(201, OLA), answer(200, OLA)]);
    let mut enterprise = EnterpriseUser::default();
    enterprise.department = Some("sales".to_owned());
    let mut user = User::new("ola");
    user.enterprise = Some(enterprise);
    run(client.resources::<User>().create(&user)).unwrap();
    run(client.resources::<User>().get("7", &Selection::Only(vec!["userName".to_owned(), department]))).unwrap();
    let sent: Value = serde_json::from_slice(peer.requests()[0].body()).unwrap();
    let sent = sent.as_complex().unwrap();
    let below = sent.get(schema::ENTERPRISE_USER).and_then(Value::as_complex).and_then(|extension| extension.get("department"));
    assert_eq!((below.and_then(Value::as_str), sent.get("department")), (Some("sales"), None));
    assert_eq!(sent.get("userName").and_then(Value::as_str), Some("ola"));
    let selected = "attributes=userName,urn%3Aietf%3Aparams%3Ascim%3Aschemas%3Aextension%3Aenterprise%3A2.0%3AUser%3Adepartment";
    assert_eq!(peer.requests()[1].uri().query(), Some(selected));
}

/// R7644-3.2-04: another endpoint, as the service provider's resource types tell it.
#[test]
fn typed_calls_can_go_elsewhere() {
    let (peer, client) = users([answer(201, r#"{"id": "1", "displayName": "g"}"#), answer(404, r#"{"status": "404", "detail": "d"}"#)]);
    let teams = client.resources::<Group>().at("/Teams");
    assert!(matches!(run(teams.create_once(&Group::new("g"), &Matching::by("displayName"))).unwrap(), Created::New(_)));
    assert_eq!(run(teams.remove("1")).unwrap(), Removed::WasGone);
    assert_eq!(peer.seen(), ["POST /scim/v2/Teams", "DELETE /scim/v2/Teams/1"]);
}

#[test]
fn what_does_not_fit_the_view_is_named() {
    let (_, client) = users([answer(200, r#"{"id": "1", "userName": 7}"#)]);
    let error = run(client.resources::<User>().get("1", &Selection::Default)).unwrap_err();
    assert_eq!(error.to_string(), "expected a string, found something else at `userName` of an answer 200");
}

/// R7644-3.11-01, R7644-3.11-03: `/Me` takes every method, and the answer tells where the resource stands.
#[test]
fn the_subject_itself_can_be_read_and_changed() {
    let redirect = answer_with(308, "location", "https://example.com/scim/v2/Users/7", "");
    let (peer, client) = users([answer(200, OLA), answer(201, OLA), answer(204, ""), answer(200, OLA), answer(204, ""), redirect]);
    assert_eq!(run(client.me(&Selection::Only(vec!["userName".to_owned()]))).unwrap().id(), Some("7"));
    run(client.create_me(&Resource::default())).unwrap();
    assert_eq!(run(client.replace_me(&Resource::default(), None)).unwrap(), None);
    assert!(run(client.patch_me(&Value::Null, None)).unwrap().is_some());
    run(client.delete_me(None)).unwrap();
    assert!(matches!(run(client.me(&Selection::Default)), Err(ClientError::Redirect { status: 308, .. })));
    assert_eq!(peer.seen()[0], "GET /scim/v2/Me?attributes=userName");
    assert_eq!(peer.seen()[1..5], ["POST", "PUT", "PATCH", "DELETE"].map(|method| format!("{method} /scim/v2/Me")));
}

/// R7643-3.1-04: a resource without an `id` is of no use; a create may tell it in the address.
#[test]
fn an_answer_without_an_id_is_an_error() {
    let (_, client) = users([
        answer(201, r#"{"userName": "ola"}"#),
        answer_with(201, "location", "https://example.com/Users/7?x", r#"{"userName": "ola", "id": ""}"#),
        answer(200, r#"{"totalResults": 2, "Resources": [{"id": "1"}, {"userName": "ola"}]}"#),
    ]);
    let error = run(client.create("/Users", &Resource::default())).unwrap_err();
    assert!(matches!(&error, ClientError::InvalidBody { path, .. } if path == "id") && error.may_have_had_effect());
    let created = run(client.create("/Users", &Resource::default())).unwrap();
    assert_eq!((created.id(), created.get("userName").and_then(Value::as_str)), (Some("7"), Some("ola")));
    let error = run(client.query("/Users", &SearchRequest::default())).unwrap_err();
    assert!(matches!(&error, ClientError::InvalidBody { path, .. } if path == "Resources[1].id"));
}

/// R7644-3.5.1-04, R7643-6-07: a client clears an attribute by null or an empty list, and needs to send no extension.
#[test]
fn what_is_cleared_is_sent() {
    let (peer, client) = users([answer(200, OLA)]);
    let mut user = Resource::new([schema::USER]);
    user.insert("userName", "ola");
    user.insert("title", Value::Null);
    user.insert("emails", Value::List(Vec::new()));
    run(client.replace("/Users", "7", &user, None)).unwrap();
    let sent = String::from_utf8(peer.requests()[0].body().to_vec()).unwrap();
    assert!(sent.contains(r#""title":null"#) && sent.contains(r#""emails":[]"#) && !sent.contains("enterprise"), "{sent}");
}

/// R7644-3.1-04, R7643-4.1.2-10, R7643-3.3-05: what comes back may differ from what was sent, have types of its own, and name its schemas in
/// any order.
#[test]
fn what_comes_back_may_differ() {
    let body = r#"{"schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "7", "userName": "OLA@example.com", "active": false, "emails": [{"value": "ola@example.com", "type": "invented"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "d"}}"#;
    let (_, client) = users([answer(201, body)]);
    let ola = run(client.resources::<User>().create(&User::new("ola"))).unwrap();
    assert_eq!((ola.user_name.as_str(), ola.active, ola.emails[0].type_.as_deref()), ("OLA@example.com", Some(false), Some("invented")));
    assert_eq!(ola.enterprise.and_then(|enterprise| enterprise.department).as_deref(), Some("d"));
}
