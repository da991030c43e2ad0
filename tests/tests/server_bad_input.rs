//! What a server answers on its socket to what no well-behaved client sends.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::sync::Arc;

use scimkit_e2e::Wire;
use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit_store::{MemoryResources, Tenant};
use scimkit_types::Profile;

const PROFILE: &str = r#"{"name": "x", "limits": {"maxBody": 20000, "maxDepth": 8, "maxAttributes": 500},
    "features": {"bulk": {"maxOperations": 3, "maxPayloadSize": 20000}}}"#;
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

async fn wire() -> Wire {
    let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::default()));
    let profile: Profile = serde_json::from_str(PROFILE).unwrap();
    let handler = Arc::new(StoreHandler::new(Arc::new(MemoryResources::new())));
    Wire::start(Server::builder(handler, Arc::new(tokens)).profile(profile).build().unwrap()).await
}

/// A row: what is wrong, the method, the path, a header, the body, and the status and keyword of the answer.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, Vec<u8>, u16, Option<&'a str>);

fn bodies<'a>() -> Vec<Row<'a>> {
    let json = "Content-Type: application/scim+json";
    let syntax = Some("invalidSyntax");
    let value = Some("invalidValue");
    let user = |members: &str| format!(r#"{{"schemas": ["{USER}"], "userName": "ola"{members}}}"#).into_bytes();
    let patch = |operations: &str| format!(r#"{{"schemas": ["{PATCH}"], "Operations": {operations}}}"#).into_bytes();
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (what, body) in [
        ("no body", Vec::new()),
        ("broken JSON", b"{".to_vec()),
        ("a trailing comma", user(",")),
        ("JSON behind JSON", [user(""), b"{}".to_vec()].concat()),
        ("a list", b"[]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a number that is none", user(", \"x\": 01")),
        ("NaN", user(", \"x\": NaN")),
        ("a duplicate key", user(", \"userName\": \"kari\"")),
        ("a duplicate key in another case", user(", \"USERNAME\": \"kari\"")),
        ("invalid UTF-8", b"{\"schemas\": [\"\xff\xfe\"]}".to_vec()),
        ("a lone surrogate", user(", \"title\": \"\\ud800\"")),
        ("a raw control character", user(", \"title\": \"a\x01b\"")),
        ("too deep", user(", \"x\": [[[[[[[[1]]]]]]]]")),
        ("far too deep", [b"[".repeat(10_000), b"]".repeat(9_000)].concat()),
    ] {
        rows.push((what, "POST", "/Users", json, body.clone(), 400, syntax));
        rows.push((what, "PUT", "/Users/1", json, body.clone(), 400, syntax));
    }
    rows.push(("no schemas", "POST", "/Users", json, b"{\"userName\": \"ola\"}".to_vec(), 400, syntax));
    for (what, members) in [
        ("a text for a boolean", ", \"active\": \"yes\""),
        ("a number for a text", ", \"title\": 7"),
        ("an object for a text", ", \"title\": {}"),
        ("a text for an object", ", \"name\": \"Ola\""),
        ("a text for a list", ", \"emails\": \"a@example.com\""),
        ("U+0000", ", \"title\": \"a\\u0000b\""),
    ] {
        rows.push((what, "POST", "/Users", json, user(members), 400, value));
    }
    for (what, body) in [
        ("operations that are none", patch("7")),
        ("an operation that is none", patch("[7]")),
        ("no operations", patch("[]")),
        ("an unknown operation", patch(r#"[{"op": "move", "path": "title"}]"#)),
        ("no op", patch(r#"[{"path": "title"}]"#)),
        ("another message", user("")),
    ] {
        rows.push((what, "PATCH", "/Users/1", json, body, 400, syntax));
    }
    for what in ["text/plain", "application/xml", "", "multipart/form-data"] {
        let header = match what {
            "text/plain" => "Content-Type: text/plain",
            "application/xml" => "Content-Type: application/xml",
            "multipart/form-data" => "Content-Type: multipart/form-data; boundary=x",
            _ => "Content-Type: ",
        };
        for (method, path) in
            [("POST", "/Users"), ("PUT", "/Users/1"), ("PATCH", "/Users/1"), ("POST", "/Users/.search"), ("POST", "/Bulk")]
        {
            rows.push((what, method, path, header, user(""), 415, None));
        }
    }
    let huge = user(&format!(", \"title\": \"{}\"", "x".repeat(20_000)));
    let many = user(&format!(", \"x\": [{}1]", "1,".repeat(500)));
    for (method, path) in [("POST", "/Users"), ("PUT", "/Users/1"), ("PATCH", "/Users/1"), ("POST", "/Users/.search"), ("POST", "/Bulk")] {
        rows.push(("huge", method, path, json, huge.clone(), 413, None));
    }
    rows.push(("many", "POST", "/Users", json, many, 413, None));
    for (what, body) in [("broken", b"{".to_vec()), ("another message", user("")), ("a list", b"[]".to_vec())] {
        rows.push((what, "POST", "/Users/.search", json, body.clone(), 400, syntax));
        rows.push((what, "POST", "/Bulk", json, body, 400, syntax));
    }
    rows
}

fn addresses<'a>() -> Vec<Row<'a>> {
    let (filter, value) = (Some("invalidFilter"), Some("invalidValue"));
    let row = |path: &'a str, status: u16, scim_type: Option<&'a str>| (path, "GET", path, "X-Test: 1", Vec::new(), status, scim_type);
    let mut rows = vec![
        row("/Users?filter=userName", 400, filter),
        row("/Users?filter=%FF", 400, value),
        row("/Users?filter=userName+eq+%22a", 400, filter),
        row("/Users?filter=userName+xx+%22a%22", 400, filter),
        row("/Users?filter=((((((((((userName+pr", 400, filter),
        row("/Users?filter=userName+eq+%22a%00%22", 400, filter),
        row("/Users?count=x", 400, value),
        row("/Users?startIndex=1.5", 400, value),
        row("/Users?sortOrder=up", 400, value),
        row("/Users?sortBy=nothing", 400, value),
        row("/Users?count=1&count=2", 400, value),
        row("/Users/%FF", 404, None),
        row("/Users/%00", 404, None),
        row("/Users/..%2F..%2Fetc", 404, None),
        row("/Users/a/b/c/d/e/f/g/h/i/j", 404, None),
        row("/nothing", 404, None),
    ];
    for method in ["DELETE", "PATCH", "TRACE", "BREW"] {
        rows.push(("a method that the path does not take", method, "/Users", "X-Test: 1", Vec::new(), 405, None));
    }
    for (what, header, status) in [
        ("no token", "Authorization: Bearer", 400),
        ("two tokens", "Authorization: Bearer a b", 400),
        ("another scheme", "Authorization: Digest x", 401),
        ("a wrong token", "Authorization: Bearer wrong", 401),
        ("a token that is no text", "Authorization: Bearer \u{e9}", 400),
    ] {
        rows.push((what, "GET", "/Users", header, Vec::new(), status, None));
    }
    rows
}

/// Invariants 4 and 10, R7644-3.12-01, R8259-2-01, R8259-9-01, IR27, IR30: whatever is sent, the answer is a SCIM error of the right kind, and
/// the service goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_answered_by_scim_errors() {
    let wire = wire().await;
    let (bodies, addresses) = (bodies(), addresses());
    assert!(bodies.len() + addresses.len() > 80);
    for (what, method, path, header, body, status, scim_type) in bodies.into_iter().chain(addresses) {
        let reply = wire.send(method, path, &[header], body).await;
        assert_eq!(
            (reply.status, reply.body["scimType"].as_str()),
            (status, scim_type),
            "{what}: {method} {path} {header}\n{}",
            reply.text
        );
        reply.check_error(status, scim_type);
        assert_eq!(reply.head.contains("allow: "), status == 405, "{what}");
    }
    let created = wire.send("POST", "/Users", &[], format!(r#"{{"schemas": ["{USER}"], "userName": "ola"}}"#)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(wire.send("GET", "/Users", &[], "").await.body["totalResults"], 1);
}

/// R7644-3.2-02: HEAD is GET without a body, OPTIONS tells the methods to anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_and_options_have_no_body() {
    let wire = wire().await;
    let head = wire.send("HEAD", "/Users", &[], "").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let options = wire.send("OPTIONS", "/Users/1", &["Authorization: none"], "").await;
    assert_eq!((options.status, options.text.as_str()), (204, ""));
    assert!(options.head.contains("allow: get, head, put, patch, delete, options"), "{}", options.head);
}

/// A body that ends before it is complete is the client's fault and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_cut_off_changes_nothing() {
    let wire = wire().await;
    let body = format!(r#"{{"schemas": ["{USER}"], "userName": "ola"}}"#);
    let head =
        "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer token\r\nTransfer-Encoding: chunked\r\n\r\n";
    let reply = wire.raw(format!("{head}{:x}\r\n{body}\r\nzz\r\n", body.len()).into_bytes()).await;
    assert!(reply.status == 400 || reply.status == 0, "{}", reply.head);
    assert_eq!(wire.send("GET", "/Users", &[], "").await.body["totalResults"], 0);
}
