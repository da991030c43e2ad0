//! Fake services behave as their profile says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use scimkit_client::{Authorized, BearerToken, Client, ClientError, StaticToken, Transport};
use scimkit_testing::{VirtualTime, fake};
use scimkit_types::profile::RequestLimit;
use scimkit_types::{Profile, Resource, SearchRequest, schema};
use serde_json::{Value, json};

fn profile() -> Profile {
    fake::ringcentral_profile()
}

#[test]
fn the_profile_like_ringcentral_is_that_of_the_test_data() {
    let text = include_str!("../../../../testdata/profiles/ringcentral.json");
    assert_eq!(serde_json::from_str::<Profile>(text).unwrap(), fake::ringcentral_profile());
}

fn user(name: &str) -> Resource {
    serde_json::from_value(serde_json::json!({
        "schemas": [schema::USER], "userName": name, "name": {"givenName": "Kari", "familyName": "Nordmann"},
        "emails": [{"type": "work", "value": name}], "addresses": [{"type": "work", "country": "NO"}],
    }))
    .unwrap()
}

fn client(transport: impl Transport + 'static) -> Client {
    let token = StaticToken::new(BearerToken::new("secret").unwrap());
    Client::new(Arc::new(Authorized::new(transport, token)), Uri::from_static("https://fake.example/scim/v2")).unwrap()
}

#[test]
fn the_service_like_ringcentral_fills_in_and_changes_what_its_profile_says() {
    let time = VirtualTime::default();
    let service = fake::ringcentral(profile(), &"secret".into(), time.clock()).unwrap();
    let client = client(service.transport());
    let created = time.run(client.create("/Users", &user("kari@example.com"))).unwrap().unwrap();
    assert_eq!(created.id(), Some("300000001"));
    assert_eq!(created.get("active").and_then(|active| active.as_bool()), Some(false));
    let shown = serde_json::to_value(&created).unwrap();
    assert_eq!(shown["addresses"][0]["country"], "Norway");

    let error = time.run(client.create("/Users", &user("kari@example.com"))).unwrap().unwrap_err();
    assert_eq!(error.status(), Some(409));
    let stored = time.run(service.resources("User")).unwrap().unwrap();
    assert_eq!(stored.len(), 1);
}

#[test]
fn the_service_like_ringcentral_needs_its_token_and_its_switch() {
    let time = VirtualTime::default();
    let service = fake::ringcentral(profile(), &"another".into(), time.clock()).unwrap();
    let refused: Result<_, ClientError> = time.run(client(service.transport()).query("/Users", &SearchRequest::default())).unwrap();
    assert!(refused.is_err());

    let service = fake::ringcentral(profile(), &"secret".into(), time.clock()).unwrap();
    service.directory_provider.set(false);
    let refused = time.run(client(service.transport()).query("/Users", &SearchRequest::default())).unwrap().unwrap_err();
    assert_eq!(refused.status(), Some(403));
}

#[test]
fn the_service_like_ringcentral_keeps_to_its_limits() {
    let time = VirtualTime::default();
    let service = fake::ringcentral(profile(), &"secret".into(), time.clock()).unwrap();
    let transport = service.transport();
    let read = || {
        let mut request = Request::get("https://fake.example/scim/v2/Users").body(Bytes::new()).unwrap();
        request.headers_mut().insert("authorization", "Bearer secret".parse().unwrap());
        let answer: Response<Bytes> = time.run(transport.send(request)).unwrap().unwrap();
        answer.status()
    };
    for _ in 0..300 {
        assert_eq!(read(), StatusCode::OK);
    }
    assert_eq!(read(), StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn an_open_service_lets_everybody_in() {
    let time = VirtualTime::default();
    let service = fake::service(Profile::standard(), time.clock()).unwrap();
    let client = Client::new(Arc::new(service.transport()), Uri::from_static("https://fake.example/scim/v2")).unwrap();
    let created = time.run(client.create("/Users", &user("kari@example.com"))).unwrap().unwrap();
    assert_eq!(created.id(), Some("00000000-0000-4000-8000-000000000001"));
}

/// The platform's error, its headers, and a minute in which nothing of the class is answered.
#[test]
fn the_service_like_ringcentral_has_a_penalty_for_whoever_is_over_a_limit() {
    let time = VirtualTime::default();
    let mut profile = profile();
    profile.limits.read = Some(RequestLimit::new(2, 60));
    let service = fake::ringcentral(profile, &"secret".into(), time.clock()).unwrap();
    let transport = service.transport();
    let read = || time.run(transport.send(request(Method::GET, "/Users", ""))).unwrap().unwrap();
    assert_eq!((read().status(), read().status()), (StatusCode::OK, StatusCode::OK));
    time.advance(Duration::from_secs(59));
    let refused = read();
    assert_eq!((refused.status(), refused.headers()["retry-after"].to_str().ok()), (StatusCode::TOO_MANY_REQUESTS, Some("60")));
    assert_eq!(
        (&refused.headers()["x-rate-limit-group"], &refused.headers()["x-rate-limit-limit"]),
        (&"Light".parse().unwrap(), &2.into())
    );
    assert!(refused.body().starts_with(br#"{"errorCode":"CMN-301""#));
    // The window has room again, and the penalty is not over.
    time.advance(Duration::from_secs(30));
    let refused = read();
    assert_eq!((refused.status(), refused.headers()["retry-after"].to_str().ok()), (StatusCode::TOO_MANY_REQUESTS, Some("30")));
    let written = time.run(transport.send(request(Method::DELETE, "/Users/1", ""))).unwrap().unwrap();
    assert_eq!(written.status(), StatusCode::NOT_FOUND);
    time.advance(Duration::from_secs(30));
    assert_eq!(read().status(), StatusCode::OK);
}

const USER_ID: &str = "9067729b3d-00000000-0000-4000-8000-000000000001";
const GROUP_ID: &str = "9067729b3d-00000000-0000-4000-8000-000000000002";

fn request(method: Method, path: &str, body: &str) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(format!("https://fake.example/scim/v2{path}"));
    let request = request.header("authorization", "Bearer secret").header("content-type", "application/scim+json");
    request.body(Bytes::from(body.to_owned())).unwrap()
}

/// A service like AWS IAM Identity Center with a user and a group, of whom the user is a member.
fn aws(time: &VirtualTime) -> impl Fn(Method, &str, Value) -> (u16, Value) + use<> {
    let service = fake::aws(fake::aws_profile(), &"secret".into(), time.clock()).unwrap();
    let (transport, time) = (service.transport(), time.clone());
    let send = move |method: Method, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = time.run(transport.send(request(method, path, &body))).unwrap().unwrap();
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap_or_default())
    };
    let user = json!({"schemas": [schema::USER], "userName": "kari", "displayName": "Kari", "name": {"givenName": "K", "familyName": "N"}});
    assert_eq!(send(Method::POST, "/Users", user).1["id"], USER_ID);
    let group = json!({"schemas": [schema::GROUP], "displayName": "Guides", "members": [{"value": USER_ID}]});
    assert_eq!(send(Method::POST, "/Groups", group).1["id"], GROUP_ID);
    send
}

fn patch(operation: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

/// IR25, IR34: what AWS refuses.
#[test]
fn the_service_like_aws_refuses_what_the_real_one_refuses() {
    let send = aws(&VirtualTime::default());
    let members = |count: usize| (0..count).map(|number| json!({"value": format!("m{number}")})).collect::<Vec<Value>>();
    let group = |count| json!({"schemas": [schema::GROUP], "displayName": "Many", "members": members(count)});
    let email = |kind| json!({"type": kind, "value": "k@example.com"});
    let user = json!({
        "schemas": [schema::USER], "userName": "ola", "displayName": "Ola", "name": {"givenName": "O", "familyName": "N"},
        "emails": [email("work"), email("home")],
    });
    let (user_path, group_path) = (format!("/Users/{USER_ID}"), format!("/Groups/{GROUP_ID}"));
    let refused = [
        (Method::POST, "/Groups", group(101)),
        (Method::POST, "/Users", user),
        (Method::POST, "/Users", json!({"schemas": [schema::USER], "userName": "ola", "name": {"givenName": "O", "familyName": "N"}})),
        (Method::PUT, &group_path, group(1)),
        (Method::PATCH, &group_path, patch(&json!({"op": "add", "path": "members", "value": members(101)}))),
        (Method::PATCH, &group_path, patch(&json!({"op": "replace", "path": "members", "value": members(1)}))),
        (Method::PATCH, &group_path, patch(&json!({"op": "remove", "path": "members"}))),
        (Method::PATCH, &group_path, patch(&json!({"op": "replace", "path": "meta", "value": {}}))),
        (Method::PATCH, &group_path, patch(&json!({"op": "replace", "value": {"displayName": "A", "externalId": "B"}}))),
        (Method::PATCH, &user_path, patch(&json!({"op": "replace", "value": {"displayName": "A", "title": "B"}}))),
        (Method::PATCH, &user_path, patch(&json!({"op": "remove", "path": "active"}))),
        (Method::PATCH, &user_path, patch(&json!({"op": "add", "path": "emails", "value": [email("work"), email("home")]}))),
        (Method::GET, "/Users?filter=userName%20eq%20%22a%22%20or%20userName%20eq%20%22b%22", Value::Null),
        (Method::GET, "/Users?filter=userName%20sw%20%22a%22", Value::Null),
        (Method::GET, "/Users?filter=title%20eq%20%22a%22", Value::Null),
    ];
    for (method, path, body) in refused {
        assert_eq!(send(method.clone(), path, body.clone()).0, 400, "{method} {path} {body}");
    }
    let taken = [
        (Method::POST, "/Groups", group(100), 201),
        (Method::POST, "/Groups", group(1), 409),
        (Method::PATCH, &group_path, patch(&json!({"op": "replace", "value": {"id": GROUP_ID, "displayName": "New"}})), 204),
        (Method::PATCH, &group_path, patch(&json!({"op": "add", "path": "members", "value": members(100)})), 204),
        (Method::PATCH, &group_path, patch(&json!({"op": "remove", "path": "members[value eq \"m1\"]"})), 204),
        (Method::PATCH, &user_path, patch(&json!({"op": "replace", "path": "title", "value": "Clerk"})), 200),
        (Method::GET, "/Users?filter=userName%20eq%20%22kari%22", Value::Null, 200),
    ];
    for (method, path, body, status) in taken {
        let answer = send(method.clone(), path, body.clone());
        assert_eq!(answer.0, status, "{method} {path} {body}: {}", answer.1);
    }
}

/// IR25: the members of a group are never shown; whether somebody is one can be asked.
#[test]
fn the_service_like_aws_never_shows_members() {
    let send = aws(&VirtualTime::default());
    for path in [format!("/Groups/{GROUP_ID}"), format!("/Groups/{GROUP_ID}?attributes=members"), "/Groups".to_owned()] {
        let (status, body) = send(Method::GET, &path, Value::Null);
        assert!(status == 200 && !body.to_string().contains("members"), "{path}: {body}");
    }
    let asked = |id: &str| {
        let filter = format!("/Groups?filter=id%20eq%20%22{GROUP_ID}%22%20and%20members%20eq%20%22{id}%22");
        send(Method::GET, &filter, Value::Null).1["totalResults"].clone()
    };
    assert_eq!((asked(USER_ID), asked("somebody")), (json!(1), json!(0)));
}

/// Pages by index end after the first one, and whoever is over a limit is not told until when.
#[test]
fn the_service_like_aws_has_one_page_by_index_and_no_advice() {
    let time = VirtualTime::default();
    let mut profile = fake::aws_profile();
    profile.paging.max_count = 1;
    profile.paging.default_count = 1;
    profile.limits.read = Some(RequestLimit::new(2, 60));
    let service = fake::aws(profile, &"secret".into(), time.clock()).unwrap();
    let transport = service.transport();
    for name in ["a", "b"] {
        let user = json!({"schemas": [schema::USER], "userName": name, "displayName": name, "name": {"givenName": "K", "familyName": "N"}});
        time.run(transport.send(request(Method::POST, "/Users", &user.to_string()))).unwrap().unwrap();
    }
    let read = |path: &str| time.run(transport.send(request(Method::GET, path, ""))).unwrap().unwrap();
    let (first, second) = (read("/Users"), read("/Users?startIndex=2"));
    let resources = |answer: &Response<Bytes>| serde_json::from_slice::<Value>(answer.body()).unwrap()["Resources"].clone();
    assert_eq!((resources(&first).as_array().unwrap().len(), resources(&first)), (1, resources(&second)));
    let refused = read("/Users");
    assert_eq!((refused.status(), refused.headers().get("retry-after")), (StatusCode::TOO_MANY_REQUESTS, None));
}
