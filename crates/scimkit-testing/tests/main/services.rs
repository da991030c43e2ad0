//! Fake services behave as their profile says.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use scimkit_client::{Authorized, BearerToken, Client, ClientError, StaticToken, Transport};
use scimkit_testing::{VirtualTime, fake};
use scimkit_types::{Profile, Resource, SearchRequest, schema};

fn profile() -> Profile {
    serde_json::from_str(include_str!("../../../../testdata/profiles/ringcentral.json")).unwrap()
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
