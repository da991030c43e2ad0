use std::sync::Arc;

use http::header::AUTHORIZATION;
use scimkit_client::bulk::{BulkLimits, BulkPlan};
use scimkit_client::request::{BaseUri, Selection};
use scimkit_client::{
    Authorized, BearerToken, Classes, Client, Deadline, RateLimited, Retry, RetryPolicy, StaticToken, TokenError, Traced, Transport,
    transport_fn,
};
use scimkit_types::{BulkOperation, Resource, User, schema};

use crate::support::{Answer, Scripted, Watch, World, answer, answer_with, run};

const TOKEN: &str = "t0ken-s3cret";

/// Everything that can be printed is printed, with a token, a password and a name in it.
#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let world = World::new();
    let watch = || Arc::new(Watch(Arc::clone(&world)));
    let token = StaticToken::new(BearerToken::new(TOKEN).unwrap());
    let peer = Scripted::new([
        answer(500, "p4ssword-s3cret"),
        answer(400, r#"{"status": "400", "detail": "the password p4ssword-s3cret is weak"}"#),
        answer_with(302, "location", "https://elsewhere.example/?token=t0ken-s3cret", ""),
        answer(200, r#"{"password": "p4ssword-s3cret" "#),
        Answer::Failure(scimkit_client::TransportErrorKind::Timeout),
    ]);
    let shown = transport_fn({
        let peer = Arc::clone(&peer);
        move |request| {
            let peer = Arc::clone(&peer);
            async move { peer.send(request).await }
        }
    });
    let limited = RateLimited::new(Deadline::new(shown, std::time::Duration::from_secs(9), watch()), Classes::default(), watch(), watch());
    let authorized = Authorized::new(Traced::new(limited, watch()), token.clone());
    let policy = RetryPolicy::default().with_max_attempts(1);
    let retry = Arc::new(Retry::new(authorized, policy, watch(), || 0));
    let client = Client::new(Arc::clone(&retry) as Arc<dyn Transport>, "https://example.com/v2".parse().unwrap()).unwrap();

    let mut user = Resource::new([schema::USER]);
    user.insert("password", "p4ssword-s3cret");
    let mut printed = vec![format!("{token:?} {retry:?} {client:?} {:?} {:?}", client.resources::<User>(), client.base())];
    printed.push(format!("{:?} {}", BearerToken::new("t0ken s3cret").unwrap_err(), TokenError::new("expected a token")));
    printed.push(format!("{:?}", BaseUri::new("https://ola:t0ken-s3cret@example.com".parse().unwrap()).unwrap_err()));
    for _ in 0..5 {
        let error = run(client.create("/Users", &user)).unwrap_err();
        printed.push(format!("{error} {error:?} {:?}", std::error::Error::source(&error)));
    }
    let mut operation = BulkOperation::default();
    (operation.method, operation.path, operation.bulk_id) = ("POST".to_owned(), Some("/Users".to_owned()), Some("1".to_owned()));
    operation.data = Some(scimkit_types::Value::Complex(user.into_complex()));
    printed.push(format!("{:?}", BulkPlan::new(vec![operation], BulkLimits::default(), None).unwrap()));
    let sent = peer.requests();
    assert!(sent.iter().all(|request| request.headers()[AUTHORIZATION].is_sensitive()));
    printed.push(format!("{:?}", sent.iter().map(http::Request::headers).collect::<Vec<_>>()));
    printed.push(format!("{:?}", client.base().get("/Users", "1", &Selection::Default).unwrap()));
    for text in printed {
        assert!(!text.contains("s3cret"), "{text}");
    }
}
