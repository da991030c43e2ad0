//! What holds whatever is sent.

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;

use super::support::{Service, USER};

fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        prop::sample::select(vec!["Users", "Groups", ".search", "Schemas", "ResourceTypes", "Bulk", "Me", "id1", "%00", "%FF", ""])
            .prop_map(str::to_owned),
        "[a-zA-Z0-9%:._-]{0,8}",
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("/scim/v2/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes", "x"]);
    let value = prop_oneof![
        prop::sample::select(vec!["userName", "userName+pr", "-1", "descending", "groups", "meta.version"]).prop_map(str::to_owned),
        "[a-zA-Z0-9%+.(\\[)-]{0,16}",
    ];
    let pairs = prop::collection::vec((name, value).prop_map(|(name, value)| format!("{name}={value}")), 0..4);
    pairs.prop_map(|pairs| pairs.join("&"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
        Just(serde_json::json!([USER])),
        Just(serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"])),
    ];
    let name =
        prop::sample::select(vec!["schemas", "userName", "emails", "name", "value", "Operations", "op", "path", "members", "\u{0}", "x"]);
    let json = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    });
    prop_oneof![json.prop_map(|json| json.to_string().into_bytes()), prop::collection::vec(any::<u8>(), 0..32)]
}

proptest! {
    /// Invariants 4 and 10: no request stops the server or makes it fail, and every error is a SCIM error body.
    #[test]
    fn every_request_has_an_answer(method in method(), path in path(), query in query(), body in body()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let Ok(request) = Request::builder()
            .method(method)
            .uri(format!("{path}?{query}"))
            .header("authorization", "Bearer token")
            .body(Bytes::from(body))
        else { return Ok(()) };
        let reply = runtime.block_on(async {
            let service = Service::new();
            service.user("ola").await;
            service.request(request).await
        });
        prop_assert!(reply.status < 500 || reply.status == 501, "{}: {}", reply.status, reply.body);
        if reply.status >= 400 && method != "HEAD" {
            reply.check_error(reply.status, reply.body["scimType"].as_str());
        }
    }
}
