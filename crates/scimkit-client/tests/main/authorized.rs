use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::Request;
use http::header::AUTHORIZATION;
use scimkit_client::{Authorized, BearerToken, Bytes, StaticToken, TokenError, TokenSource, Transport, TransportError, TransportErrorKind};

use crate::support::{Scripted, answer, run};

/// Gives `a`, then `b`, and so on.
#[derive(Debug, Default)]
struct Letters(Mutex<u8>);

#[async_trait]
impl TokenSource for Letters {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        let letter = char::from(b'a' + *self.0.lock().unwrap());
        BearerToken::new(letter.to_string())
    }

    async fn refresh(&self, rejected: &BearerToken) -> Result<BearerToken, TokenError> {
        assert_eq!(rejected.expose(), self.token().await?.expose());
        *self.0.lock().unwrap() += 1;
        self.token().await
    }
}

fn request() -> Request<Bytes> {
    Request::post("https://example.com/Users").body(Bytes::from_static(b"{}")).unwrap()
}

fn tokens(peer: &Scripted) -> Vec<String> {
    let header = |request: &Request<Bytes>| {
        let value = &request.headers()[AUTHORIZATION];
        assert!(value.is_sensitive());
        value.to_str().unwrap().to_owned()
    };
    peer.requests().iter().map(header).collect()
}

#[test]
fn every_request_carries_the_token() {
    let peer = Scripted::new([answer(200, ""), answer(200, "")]);
    let transport = Authorized::new(Arc::clone(&peer), StaticToken::new(BearerToken::new("s3cret").unwrap()));
    run(transport.send(request())).unwrap();
    run(transport.send(request())).unwrap();
    assert_eq!(tokens(&peer), ["Bearer s3cret", "Bearer s3cret"]);
    assert!(!format!("{transport:?} {:?}", peer.requests()).contains("s3cret"));
}

/// R7644-7.4-01: a rejected token is refreshed once; the second answer is final.
#[test]
fn a_rejected_token_is_refreshed_once() {
    let peer = Scripted::new([answer(401, ""), answer(200, ""), answer(401, ""), answer(401, "")]);
    let transport = Authorized::new(Arc::clone(&peer), Letters::default());
    assert_eq!(run(transport.send(request())).unwrap().status(), 200);
    assert_eq!(run(transport.send(request())).unwrap().status(), 401);
    assert_eq!(tokens(&peer), ["Bearer a", "Bearer b", "Bearer b", "Bearer c"]);
    assert!(peer.requests().iter().all(|request| request.body() == "{}"));
}

#[test]
fn without_a_token_nothing_is_sent() {
    let peer = Scripted::new([answer(401, "")]);
    let transport = Authorized::new(Arc::clone(&peer), StaticToken::new(BearerToken::new("x").unwrap()));
    let error = run(transport.send(request())).unwrap_err();
    assert_eq!((error.kind(), error.may_have_had_effect(), peer.seen().len()), (TransportErrorKind::Token, false, 1));
}

/// A token that cannot be had because the authorization server is not heard: the request had no effect and may be tried again.
#[test]
fn an_authorization_server_that_is_not_heard_is_no_refusal() {
    #[derive(Debug)]
    struct Silent(TransportErrorKind);

    #[async_trait]
    impl TokenSource for Silent {
        async fn token(&self) -> Result<BearerToken, TokenError> {
            Err(TokenError::with_source("the authorization server did not answer", TransportError::new(self.0)))
        }

        async fn refresh(&self, _rejected: &BearerToken) -> Result<BearerToken, TokenError> {
            self.token().await
        }
    }

    use TransportErrorKind as Kind;
    for (cause, expected) in [
        (Kind::Connect, Kind::Connect),
        (Kind::Timeout, Kind::Connect),
        (Kind::Interrupted, Kind::Connect),
        (Kind::TooLarge, Kind::Token),
        (Kind::Refused, Kind::Token),
    ] {
        let peer = Scripted::new([]);
        let error = run(Authorized::new(Arc::clone(&peer), Silent(cause)).send(request())).unwrap_err();
        assert_eq!((error.kind(), error.may_have_had_effect(), peer.seen().len()), (expected, false, 0), "{cause:?}");
    }
}
