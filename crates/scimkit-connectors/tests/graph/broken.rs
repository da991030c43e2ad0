use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use scimkit_client::{TransportError, TransportErrorKind, transport_fn};
use scimkit_connectors::graph::{GraphOptions, GraphSource};
use scimkit_provisioning::{Position, Source, SourceErrorKind};

use super::{APPLICATION, scripted};

/// A page whose text is wrong in some place is refused with this message.
async fn check(body: &str, expected: &str) {
    let (source, _) = scripted(&[(200, body)]);
    let error = source.read("User", None).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (SourceErrorKind::Invalid, expected), "{body}");
}

#[tokio::test]
async fn wrong_structure_is_named_with_its_place() {
    let link = r#""@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?a""#;
    let value = |value: &str| format!("{{{link},\n\"value\": {value}}}");
    let page = "`/v1.0/users/delta`";
    let cases = [
        (value("[{\"id\": 7}]"), "`value[0].id`: expected a text, found a number (line 2, column 19)"),
        (value("[{\"id\": \"\"}]"), "`value[0].id`: expected a text, found an empty one (line 2, column 20)"),
        (value("[{}, {}]"), "`value[0]`: expected the member `id`, found none (line 2, column 12)"),
        (value("{\"id\": \"secret\"}"), "`value`: expected a list, found an object (line 2, column 10)"),
        (value("\"secret\""), "`value`: expected a list, found a text (line 2, column 17)"),
        (value("[\"secret\"]"), "`value[0]`: expected an object, found a text (line 2, column 18)"),
        (value("[[\"secret\"]]"), "`value[0]`: expected an object, found a list (line 2, column 11)"),
        (value("[null]"), "`value[0]`: expected an object, found null (line 2, column 14)"),
        (value("[{\"id\": \"1\", \"id\": \"1\"}]"), "`value[0]`: expected the member `id` once, found it twice (line 2, column 32)"),
        (
            value("[{\"id\": \"1\", \"city\": {\"secret\": 1}}]"),
            "`value[0].city`: expected a text or null, found an object (line 2, column 44)",
        ),
        (
            value("[{\"id\": \"1\", \"accountEnabled\": \"True\"}]"),
            "`value[0].accountEnabled`: expected a boolean or null, found a text (line 2, column 47)",
        ),
        (
            value("[{\"id\": \"1\", \"@removed\": {\"reason\": \"secret\"}}]"),
            "`value[0].@removed.reason`: expected `changed` or `deleted`, found another text (line 2, column 54)",
        ),
        (value("[{\"id\": \"1\", \"@removed\": {}}]"), "`value[0].@removed`: expected the member `reason`, found none (line 2, column 36)"),
        (
            value("[{\"id\": \"1\", \"manager@delta\": [{\"id\": true}]}]"),
            "`value[0].manager@delta[0].id`: expected a text, found a boolean (line 2, column 52)",
        ),
        (value("[{\"id\": \"1\", \"manager@delta\": null}]"), "`value[0].manager@delta`: expected a list, found null (line 2, column 43)"),
        (value("[{\"id\": \"1\", \"mail\": \"secret}]"), "`value[0].mail`: EOF while parsing a string (line 2, column 40)"),
        (value("[]]"), "expected `,` or `}` (line 2, column 12)"),
        (format!("{{{link}}} x"), "expected the member `value`, found none (line 1, column 70)"),
        ("[]".to_owned(), "expected an object, found a list (line 1, column 2)"),
        (String::new(), "EOF while parsing a value (line 1, column 0)"),
        (r#"{"value": []}"#.to_owned(), "expected one of `@odata.nextLink` and `@odata.deltaLink`, found none"),
        (
            format!(r#"{{"value": [], {link}, "@odata.nextLink": "https://graph.microsoft.com/v1.0/users/delta?a"}}"#),
            "expected one of `@odata.nextLink` and `@odata.deltaLink`, found both",
        ),
    ];
    for (body, expected) in cases {
        assert!(!expected.contains("secret"));
        check(&body, &format!("{page}: {expected}")).await;
    }
}

#[tokio::test]
async fn roles_that_are_wrong_are_named_with_their_place() {
    let cases = [
        ("[\"secret\"]", "`appRoles[0]`: expected an object, found a text"),
        ("[{\"id\": \"r\"}, {\"id\": 7}]", "`appRoles[1].id`: expected a text, found a number"),
        ("[{\"value\": \"secret\"}]", "`appRoles[0]`: expected the member `id`, found none"),
        ("[{\"id\": \"r\", \"value\": {\"secret\": 1}}]", "`appRoles[0].value`: expected a text or null, found an object"),
        ("[{\"isEnabled\": \"secret\"}]", "`appRoles[0].isEnabled`: expected a boolean or null, found a text"),
        ("null", "`appRoles`: expected a list, found null"),
    ];
    for (roles, expected) in cases {
        let (source, _) = scripted(&[(200, &format!("{{\"appRoles\": {roles}}}"))]);
        let error = source.app_roles().await.unwrap_err();
        let start = format!("`/v1.0/servicePrincipals/{APPLICATION}`: {expected} (line 1");
        assert_eq!(error.kind, SourceErrorKind::Invalid);
        assert!(error.message.starts_with(&start), "{}", error.message);
    }
}

#[tokio::test]
async fn link_to_another_host_is_refused() {
    for link in [
        "https://example.com/v1.0/users/delta?t=1",
        "http://graph.microsoft.com/v1.0/users/delta?t=1",
        "https://graph.microsoft.com:8443/x",
    ] {
        let (source, asked) = scripted(&[(200, &format!(r#"{{"value": [], "@odata.nextLink": "{link}"}}"#))]);
        let error = source.read("User", None).await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Invalid);
        assert!(error.message.contains("expected a link to `https://graph.microsoft.com`"), "{}", error.message);
        assert!(!error.message.contains("t=1"), "tokens are not told");
        let stored = Position::new(format!(r#"{{"link": "{link}"}}"#));
        assert_eq!(source.read("User", Some(&stored)).await.unwrap_err().kind, SourceErrorKind::Invalid);
        assert_eq!(asked.lock().unwrap().len(), 1, "nothing was sent there");
    }
}

/// An HTTP stack may send such a name and password in the place of the token.
#[tokio::test]
async fn link_with_a_user_name_is_refused() {
    let link = "https://user:secret@graph.microsoft.com/v1.0/users/delta?t=1";
    let (source, _) = scripted(&[(200, &format!(r#"{{"value": [], "@odata.nextLink": "{link}"}}"#))]);
    let error = source.read("User", None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Invalid);
    assert!(error.message.ends_with("expected a link without a user name or password"), "{}", error.message);
}

#[tokio::test]
async fn statuses_have_their_meaning() {
    use SourceErrorKind as Kind;
    let code = |code: &str| format!(r#"{{"error": {{"code": "{code}", "message": "secret"}}}}"#);
    let cases = [
        (410, String::new(), Kind::PositionExpired),
        (410, code("syncStateNotFound"), Kind::PositionExpired),
        (400, code("resyncRequired"), Kind::PositionExpired),
        (400, code("SyncStateInvalid"), Kind::PositionExpired),
        (400, code("BadRequest"), Kind::Invalid),
        (401, code("InvalidAuthenticationToken"), Kind::Unauthorized),
        (403, String::new(), Kind::Unauthorized),
        (404, code("Request_ResourceNotFound"), Kind::Invalid),
        (302, String::new(), Kind::Invalid),
        (429, String::new(), Kind::Unavailable),
        (503, code("resyncRequired"), Kind::Unavailable),
    ];
    for (status, body, expected) in cases {
        let (source, _) = scripted(&[(status, &body)]);
        let error = source.read("Group", None).await.unwrap_err();
        assert_eq!(error.kind, expected, "{status} {body}");
        assert!(error.message.contains(&status.to_string()) && !error.message.contains("secret"), "{}", error.message);
    }
}

#[tokio::test]
async fn transport_that_does_not_answer_is_unavailable() {
    let cases = [
        (TransportErrorKind::Connect, SourceErrorKind::Unavailable),
        (TransportErrorKind::Timeout, SourceErrorKind::Unavailable),
        (TransportErrorKind::Interrupted, SourceErrorKind::Unavailable),
        (TransportErrorKind::TooLarge, SourceErrorKind::Invalid),
        (TransportErrorKind::Token, SourceErrorKind::Unauthorized),
    ];
    for (kind, expected) in cases {
        let transport = transport_fn(move |_: Request<Bytes>| async move { Err(TransportError::new(kind)) });
        let source = GraphSource::new(Arc::new(transport), GraphOptions::new(APPLICATION)).unwrap();
        assert_eq!(source.assignments(None).await.unwrap_err().kind, expected);
    }
}

#[tokio::test]
async fn options_and_positions_that_make_no_address_are_refused() {
    let (source, asked) = scripted(&[]);
    assert_eq!(source.read("Device", None).await.unwrap_err().message, "expected the object type `User` or `Group`, found `Device`");
    assert_eq!(source.read("User", Some(&Position::new("12"))).await.unwrap_err().kind, SourceErrorKind::Invalid);
    assert!(asked.lock().unwrap().is_empty());

    let refuses = |options: GraphOptions| {
        GraphSource::new(Arc::new(transport_fn(|_| async { Err(TransportError::new(TransportErrorKind::Connect)) })), options).is_err()
    };
    assert!(refuses(GraphOptions::new("a/../b")));
    assert!(refuses(GraphOptions::new("")));
    assert!(refuses(GraphOptions::new(APPLICATION).with_base("/v1.0")));
    assert!(refuses(GraphOptions::new(APPLICATION).with_base("https://graph.microsoft.com/v1.0?x")));
    assert!(refuses(GraphOptions::new(APPLICATION).with_user_properties(["mail&x"])));
    assert!(!refuses(GraphOptions::new(APPLICATION)));
}
