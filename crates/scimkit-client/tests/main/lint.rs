use std::sync::Arc;

use http::Response;
use scimkit_client::Bytes;
use scimkit_client::lint::{DeviationKind as Kind, Expected, Lints, deviations};
use scimkit_client::response::ResponseLimits;
use scimkit_types::{BulkRequest, Resource, SearchRequest};

use crate::support::{Scripted, answer, run};

const SCIM: (&str, &str) = ("content-type", "application/scim+json");

fn found(expected: Expected<'_>, status: u16, headers: &[(&str, &str)], body: &str) -> Vec<(Kind, String)> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    deviations(&response, expected, ResponseLimits::default()).into_iter().map(|found| (found.kind, found.place)).collect()
}

#[track_caller]
fn check(expected: Expected<'_>, status: u16, headers: &[(&str, &str)], body: &str, kinds: &[(Kind, &str)]) {
    let kinds: Vec<(Kind, String)> = kinds.iter().map(|(kind, place)| (*kind, (*place).to_owned())).collect();
    assert_eq!(found(expected, status, headers, body), kinds, "{body}");
}

const ONE: Expected<'_> = Expected::Resource { id: Some("1") };
const PAGE: Expected<'_> = Expected::List { start_index: Some(1), count: Some(2), by_cursor: false };
const USER: &str = r#""schemas": ["urn:x"], "meta": {"resourceType": "User", "location": "https://h/Users/1", "version": "W/\"a\""}"#;

fn user(rest: &str) -> String {
    format!("{{{USER}, {rest}}}")
}

fn list(rest: &str) -> String {
    format!(r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], {rest}}}"#)
}

#[test]
fn answers_as_the_standard_writes_them_have_no_deviation() {
    let etag = ("etag", "W/\"a\"");
    let location = ("location", "https://h/Users/1");
    check(ONE, 200, &[SCIM, etag, location], &user(r#""id": "1""#), &[]);
    check(ONE, 200, &[("content-type", "application/JSON; charset=utf-8"), etag], &user(r#""id": "1""#), &[]);
    check(Expected::Created, 201, &[SCIM, etag, location], &user(r#""id": "1""#), &[]);
    check(Expected::Deleted, 204, &[], "", &[]);
    check(PAGE, 200, &[SCIM], &list(r#""totalResults": 0"#), &[]);
    let page = format!(r#""totalResults": 5, "startIndex": 1, "itemsPerPage": 1, "Resources": [{}]"#, user(r#""id": "1""#));
    check(PAGE, 200, &[SCIM], &list(&page), &[]);
    let error = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "401", "detail": "d"}"#;
    check(ONE, 401, &[SCIM, ("www-authenticate", "Bearer")], error, &[]);
    check(ONE, 308, &[], "", &[]);
}

/// R7644-3.1-01, R7643-2.1-04, R7643-3.1-02, R8259-8.1-01: what a resource lacks is named, and the resource is read.
#[test]
fn faulty_resources_are_listed() {
    check(
        ONE,
        200,
        &[("content-type", "text/html")],
        "\u{feff}{\"id\": \"2\", \"password\": \"s3cret\"}",
        &[
            (Kind::ContentType, "Content-Type"),
            (Kind::ByteOrderMark, ""),
            (Kind::MissingSchemas, "schemas"),
            (Kind::OtherId, "id"),
            (Kind::MissingMeta, "meta.resourceType"),
            (Kind::Password, "password"),
        ],
    );
    check(ONE, 200, &[SCIM, ("etag", "W/\"a\"")], &user(r#""id": null"#), &[(Kind::MissingId, "id")]);
}

/// R7643-3.1-15, R7643-3.1-16: headers and body say the same.
#[test]
fn faulty_headers_are_listed() {
    let body = user(r#""id": "1""#);
    check(ONE, 200, &[SCIM], &body, &[(Kind::MissingEtag, "ETag")]);
    check(ONE, 200, &[SCIM, ("etag", "a")], &body, &[(Kind::EtagForm, "ETag"), (Kind::EtagDiffers, "ETag")]);
    check(
        ONE,
        200,
        &[SCIM, ("etag", "W/\"a\""), ("location", "/Users/1"), ("retry-after", "soon")],
        &body,
        &[(Kind::RetryAfterForm, "Retry-After"), (Kind::LocationDiffers, "Location")],
    );
}

/// R7644-3.3-04, R7644-3.3-06, R7644-3.6-01: the statuses of a create and a delete.
#[test]
fn faulty_statuses_are_listed() {
    check(
        Expected::Created,
        200,
        &[SCIM, ("etag", "W/\"a\"")],
        &user(r#""id": "1""#),
        &[(Kind::CreateStatus, ""), (Kind::MissingLocation, "Location")],
    );
    check(Expected::Created, 201, &[("location", "/Users/1")], "", &[(Kind::CreateBody, "")]);
    check(Expected::Deleted, 200, &[], "", &[(Kind::DeleteStatus, "")]);
}

/// R7644-3.4.2-02, R7644-3.4.2-03, R7644-3.4.2-05, R7644-3.4.2.4-05: what a page lacks.
#[test]
fn faulty_pages_are_listed() {
    let page = r#"{"totalResults": "5", "itemsPerPage": 100, "startIndex": 0, "Resources": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}"#;
    let kinds: Vec<Kind> = found(PAGE, 200, &[SCIM], page).into_iter().map(|(kind, _)| kind).collect();
    for kind in [Kind::ListSchemas, Kind::NumberAsText, Kind::ItemsPerPage, Kind::OtherStart, Kind::TooManyResources, Kind::MissingMeta] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    check(PAGE, 200, &[SCIM], &list(r#""Resources": []"#), &[(Kind::MissingTotal, "totalResults")]);
    check(
        PAGE,
        200,
        &[SCIM],
        &list(r#""totalResults": 3"#),
        &[(Kind::MissingResources, "Resources"), (Kind::MissingPosition, "startIndex")],
    );
    let by_cursor = Expected::List { start_index: None, count: None, by_cursor: true };
    check(by_cursor, 200, &[SCIM], &list(r#""nextCursor": "a""#), &[]);
}

/// R7644-3.12-01, R7644-3.12-03, R7644-3.12-05, R7644-2-01: errors.
#[test]
fn faulty_errors_are_listed() {
    check(ONE, 401, &[], "<html>", &[(Kind::MissingChallenge, "WWW-Authenticate"), (Kind::ErrorBody, "")]);
    check(
        ONE,
        400,
        &[SCIM],
        r#"{"status": 409, "detail": "d", "scimType": "invented"}"#,
        &[
            (Kind::ErrorBody, "schemas"),
            (Kind::ErrorStatusForm, "status"),
            (Kind::ErrorStatusDiffers, "status"),
            (Kind::ErrorKeyword, "scimType"),
        ],
    );
}

/// R7643-5-02, R7644-4-01, R7644-4-02, IR37: discovery.
#[test]
fn faulty_discovery_is_listed() {
    let config = r#"{"schemas": ["urn:x"], "patch": {"supported": true}, "filter": {"supported": true}, "changePassword": {"supported": true},
        "sort": {"supported": true}, "bulk": {"supported": false}}"#;
    check(Expected::Config, 200, &[SCIM], config, &[(Kind::ConfigMember, "etag.supported"), (Kind::ConfigMember, "authenticationSchemes")]);
    check(Expected::Config, 200, &[SCIM], &list(r#""Resources": []"#), &[(Kind::ConfigForm, "")]);
    check(Expected::Discovery, 200, &[SCIM], "[]", &[(Kind::DiscoveryForm, "")]);
    check(
        Expected::Discovery,
        200,
        &[SCIM],
        &list(r#""totalResults": 1, "Resources": [{"id": "urn:x"}]"#),
        &[(Kind::MissingSchemas, "Resources[0].schemas")],
    );
}

/// R7644-3.7-02, R7644-3.7-14, R7644-3.7-15, R7644-3.7-16: bulk.
#[test]
fn faulty_bulk_responses_are_listed() {
    let body = r#"{"Operations": [{"method": "PUT", "status": 200}, {"method": "POST", "status": "400"}]}"#;
    check(
        Expected::Bulk,
        200,
        &[SCIM],
        body,
        &[
            (Kind::BulkSchemas, "schemas"),
            (Kind::BulkStatus, "Operations[0].status"),
            (Kind::BulkLocation, "Operations[0].location"),
            (Kind::BulkError, "Operations[1].response"),
        ],
    );
}

/// The list has each kind once for each endpoint, names the rule, and holds no value.
#[test]
fn a_client_collects_what_its_peer_does_wrong() {
    let body = r#"{"id": "1", "userName": "Ola"}"#;
    let page = r#"{"totalResults": "1", "Resources": [{"id": "1"}]}"#;
    let peer =
        Scripted::new([answer(200, body), answer(200, body), answer(200, page), answer(200, body), answer(200, r#"{"Operations": []}"#)]);
    let lints = Arc::new(Lints::default());
    let client = peer.client().with_lints(Arc::clone(&lints));
    run(client.get("/Users", "1", &Default::default())).unwrap();
    run(client.get("/Users", "1", &Default::default())).unwrap();
    run(client.query("/Users", &SearchRequest::default())).unwrap();
    run(client.create("/Users", &Resource::default())).unwrap();
    run(client.bulk(BulkRequest::default())).unwrap();
    let found = lints.found();
    let schemas = found.iter().find(|found| found.endpoint == "GET /Users" && found.deviation.kind == Kind::MissingSchemas).unwrap();
    assert_eq!((schemas.answers, schemas.deviation.place.as_str()), (3, "schemas"));
    assert_eq!(schemas.deviation.to_string(), "a resource has no `schemas` (`schemas`): R7643-2.1-04");
    assert!(found.iter().any(|found| found.endpoint == "POST /Users" && found.deviation.kind == Kind::CreateStatus));
    assert!(found.iter().any(|found| found.endpoint == "POST /Bulk" && found.deviation.kind == Kind::BulkSchemas));
    assert!(!format!("{found:?}").contains("Ola"));
    assert!(Kind::ALL.iter().all(|kind| kind.rule().starts_with('R') && !kind.text().is_empty()));
}

/// A peer that answers at ever new endpoints takes no more memory.
#[test]
fn the_list_is_bounded() {
    let lints = Lints::default();
    let response = Response::builder().status(500).body(Bytes::new()).unwrap();
    for number in 0..10_000 {
        lints.note(&format!("GET /{number}"), deviations(&response, ONE, ResponseLimits::default()));
    }
    let found = lints.found();
    assert!(found.len() <= 64 * Kind::ALL.len() + Kind::ALL.len());
    assert_eq!(found.iter().map(|found| found.answers).sum::<u64>(), 10_000);
}
