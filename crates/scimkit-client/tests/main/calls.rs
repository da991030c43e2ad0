use std::error::Error;
use std::time::Duration;

use scimkit_client::request::Selection;
use scimkit_client::response::ResponseLimits;
use scimkit_client::{ClientError, TransportErrorKind};
use scimkit_types::{Resource, ScimType, SearchRequest, Value, Version, schema};

use crate::support::{Answer, Scripted, answer, answer_with, run};

const ERROR: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404","detail":"no Ola here"}"#;

fn get(answer: Answer) -> Result<Resource, ClientError> {
    run(Scripted::new([answer]).client().get("/Users", "1", &Selection::Default))
}

#[test]
fn a_create_returns_what_the_service_provider_made() {
    let peer = Scripted::new([answer(201, r#"{"id": "7", "userName": "ola"}"#)]);
    let created = run(peer.client().create("/Users", &Resource::new([schema::USER]))).unwrap();
    assert_eq!((created.id(), peer.seen()), (Some("7"), vec!["POST /scim/v2/Users".to_owned()]));
}

/// Some services answer a create without a body: the address says the id.
#[test]
fn a_create_without_a_body_is_known_by_its_address() {
    let peer = Scripted::new([answer_with(201, "location", "https://example.com/scim/v2/Users/a%2Fb", ""), answer(201, "")]);
    let created = run(peer.client().create("/Users", &Resource::new([schema::USER]))).unwrap();
    assert_eq!((created.id(), created.meta().location.as_deref()), (Some("a/b"), Some("https://example.com/scim/v2/Users/a%2Fb")));
    let error = run(peer.client().create("/Users", &Resource::new([schema::USER]))).unwrap_err();
    assert!(matches!(error, ClientError::InvalidBody { .. }) && error.may_have_had_effect());
}

/// A PATCH may be answered by 204; the result is then not known.
#[test]
fn an_answer_without_a_body_has_no_resource() {
    let peer = Scripted::new([answer(204, ""), answer(200, r#"{"id": "1"}"#), answer(204, ""), answer(204, "")]);
    let client = peer.client();
    let version = Version::new("1");
    assert_eq!(run(client.patch("/Users", "1", &Value::Null, Some(&version))).unwrap(), None);
    assert!(run(client.patch("/Users", "1", &Value::Null, None)).unwrap().is_some());
    assert_eq!(run(client.replace("/Users", "1", &Resource::default(), None)).unwrap(), None);
    run(client.delete("/Users", "1", None)).unwrap();
    let names = ["PATCH", "PATCH", "PUT", "DELETE"].map(|method| format!("{method} /scim/v2/Users/1"));
    assert_eq!(peer.seen(), names);
}

/// A success with a page of a gateway may not be one of the service.
#[test]
fn a_delete_is_answered_by_nothing_or_json() {
    let peer = Scripted::new([answer(200, ""), answer(200, "{}"), answer(200, "<html></html>")]);
    let client = peer.client();
    run(client.delete("/Users", "1", None)).unwrap();
    run(client.delete("/Users", "1", None)).unwrap();
    let error = run(client.delete("/Users", "1", None)).unwrap_err();
    assert!(matches!(error, ClientError::InvalidBody { .. }) && error.may_have_had_effect());
}

/// IR31: only a 404 with a SCIM error says that the resource is gone.
#[test]
fn gone_is_a_404_with_a_scim_error() {
    let gone = get(answer(404, ERROR)).unwrap_err();
    assert!(gone.is_gone() && gone.status() == Some(404) && !gone.may_have_had_effect());
    for body in ["", "<html>Not Found</html>", r#"{"message": "Not Found"}"#] {
        let error = get(answer(404, body)).unwrap_err();
        assert!(matches!(error, ClientError::Unexpected { status: 404, .. }) && !error.is_gone(), "{body}");
    }
}

/// R7644-3.12-03: the status of the answer counts, whatever its body says, and a number is read too.
#[test]
fn an_error_is_read_with_its_keyword_and_delay() {
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":400,"scimType":"uniqueness","detail":"d"}"#;
    let error = get(answer_with(409, "retry-after", "7", body)).unwrap_err();
    assert_eq!((error.status(), error.scim_type()), (Some(409), Some(ScimType::Uniqueness)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.to_string(), "the service provider answered 409 (uniqueness)");
}

/// What a peer writes for people may repeat attribute values, so no error shows it.
#[test]
fn errors_show_no_values() {
    let error = get(answer(404, ERROR)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Ola") && error.source().is_none());
    let error = get(answer(500, "<html>Ola</html>")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Ola"));
    let error = get(answer(200, r#"{"userName": "Ola" "x"}"#)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Ola"), "{error}");
}

/// R7644-3.12-04: a redirect is an error that carries its location; it is not followed.
#[test]
fn a_redirect_is_an_answer() {
    let peer = Scripted::new([answer_with(308, "location", "https://elsewhere.example/Users/1", "")]);
    let error = run(peer.client().get("/Users", "1", &Selection::Default)).unwrap_err();
    let ClientError::Redirect { status: 308, location: Some(location) } = &error else { panic!("{error:?}") };
    assert_eq!((location.as_str(), peer.seen().len()), ("https://elsewhere.example/Users/1", 1));
}

#[test]
fn a_body_that_is_not_scim_names_what_was_found() {
    let error = get(answer_with(502, "content-type", "text/html; charset=utf-8", "<html>")).unwrap_err();
    assert_eq!(error.to_string(), "expected a SCIM error, found 502 with a body of `text/html`");
    assert!(error.may_have_had_effect());
    let ClientError::InvalidBody { status: 200, reason, .. } = get(answer(200, r#"{"name": {"a": 1, "A": 2}}"#)).unwrap_err() else {
        panic!("a duplicate member was read")
    };
    assert!(reason.starts_with("expected JSON, found ") && reason.contains("`name.A`"), "{reason}");
    for body in ["[]", "1", "", "<html>"] {
        assert!(matches!(get(answer(200, body)), Err(ClientError::InvalidBody { .. })), "{body}");
    }
}

/// A JSON body under another media type (as of appliances) and one with a byte order mark are read.
#[test]
fn json_is_read_whatever_it_is_called() {
    assert_eq!(get(answer_with(200, "content-type", "text/html", r#"{"id": "1"}"#)).unwrap().id(), Some("1"));
    assert_eq!(get(answer(200, "\u{feff}{\"id\": \"1\"}")).unwrap().id(), Some("1"));
}

#[test]
fn answers_are_bounded_in_size_and_depth() {
    let deep = |levels: usize| format!("{{\"x\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
    let read = |limits: ResponseLimits, body: &str| {
        run(Scripted::new([answer(200, body)]).client().with_limits(limits).get("/Users", "1", &Selection::Default))
    };
    let limits = ResponseLimits::default();
    assert!(read(limits, &deep(63)).is_ok());
    assert!(matches!(read(limits, &deep(64)), Err(ClientError::InvalidBody { .. })));
    assert!(matches!(read(limits.with_max_depth(1_000_000), &deep(100_000)), Err(ClientError::InvalidBody { .. })));
    assert!(read(limits.with_max_depth(1), r#"{"x": "[[[[\"[[["}"#).is_ok());
    assert!(read(limits.with_max_body(11), r#"{"id": "1"}"#).is_ok());
    assert!(matches!(read(limits.with_max_body(10), r#"{"id": "1"}"#), Err(ClientError::InvalidBody { .. })));
}

#[test]
fn a_request_without_an_answer_is_a_transport_error() {
    let error = get(Answer::Failure(TransportErrorKind::Timeout)).unwrap_err();
    assert!(error.may_have_had_effect() && error.status().is_none());
    assert_eq!(error.source().unwrap().to_string(), "no answer came in time");
    assert!(!get(Answer::Failure(TransportErrorKind::Connect)).unwrap_err().may_have_had_effect());
}

/// R7644-3.4.2-04: `Resources` may be missing when there are none, or when none were asked for.
#[test]
fn a_list_may_have_no_resources() {
    let peer = Scripted::new([answer(200, r#"{"totalResults": 0}"#), answer(200, r#"{"totalResults": "5", "Resources": null}"#)]);
    let client = peer.client();
    assert_eq!(run(client.query("/Users", &SearchRequest::default())).unwrap().resources.len(), 0);
    assert_eq!(run(client.search("/Users", &SearchRequest::default())).unwrap().total_results, 5);
    assert_eq!(peer.seen(), ["GET /scim/v2/Users", "POST /scim/v2/Users/.search"]);
}

/// IR37: discovery is read as real services write it: a list response, a bare array, one object, with entries that miss members.
#[test]
fn discovery_is_read_leniently() {
    let peer = Scripted::new([
        answer(200, r#"{"totalResults": 1, "resources": [{"id": "urn:x"}]}"#),
        answer(200, r#"[{"name": "User"}, {"name": "Group"}]"#),
        answer(200, r#"{"patch": {"supported": true}}"#),
        answer(200, r#"{"totalResults": 0}"#),
        answer(404, ERROR),
    ]);
    let client = peer.client();
    assert_eq!(run(client.schemas()).unwrap().len(), 1);
    assert_eq!(run(client.resource_types()).unwrap().len(), 2);
    assert!(run(client.service_provider_config()).unwrap().as_complex().unwrap().get("patch").is_some());
    assert_eq!(run(client.schemas()).unwrap().len(), 0);
    assert!(run(client.service_provider_config()).unwrap_err().is_gone());
    assert_eq!(peer.seen()[..3], ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"].map(|path| format!("GET /scim/v2{path}")));
}
