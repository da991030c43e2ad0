//! OAuth 2 against an authorization server in memory.
#![cfg(feature = "oauth")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests report by panicking")]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::{Request, Response};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use scimkit_client::{
    Authorized, Class, Classes, RateLimited, Retry, RetryPolicy, TokenSource, Transport, TransportError, TransportErrorKind, transport_fn,
};
use scimkit_http::oauth::{
    AssertionKey, ClientAuthentication, Cloud, FileTokens, MemoryTokens, OAuthClient, OAuthTokens, TokenStore, Tokens,
};
use scimkit_http::tokio::TokioTimer;
use scimkit_types::{Clock, ManualClock, Timestamp};
use secrecy::ExposeSecret;

const REDIRECT: &str = "http://127.0.0.1:9999/callback";
const AUTHORIZE: &str = "https://as.example/authorize?tenant=x";

/// An authorization server: one code, refresh tokens that are good once, access tokens for an hour.
#[derive(Debug, Default)]
struct Authority {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<(BTreeMap<String, String>, Option<String>)>,
    issued: u32,
    /// How often a request waits before it is answered.
    waits: u32,
    /// What is answered in the place of tokens.
    instead: Option<(u16, &'static str)>,
    without_rotation: bool,
}

impl Authority {
    fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.state.lock().unwrap().requests.iter().map(|(form, _)| form.clone()).collect()
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let form: BTreeMap<String, String> = oauth2::url::form_urlencoded::parse(request.body()).into_owned().collect();
        let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let mut state = self.state.lock().unwrap();
        let is_good = match form["grant_type"].as_str() {
            "refresh_token" => form["refresh_token"] == format!("refresh-{}-s3cret", state.issued) || state.without_rotation,
            "authorization_code" => form["code"] == "the-code" && form.contains_key("code_verifier"),
            _ => true,
        };
        let is_client = form["grant_type"] == "client_credentials";
        state.requests.push((form, authorization));
        let json = |status: u16, body: String| {
            Response::builder().status(status).header("content-type", "application/json").body(Bytes::from(body)).unwrap()
        };
        if let Some((status, body)) = state.instead {
            return json(status, body.to_owned());
        }
        if !is_good {
            return json(400, r#"{"error": "invalid_grant", "error_description": "refresh-s3cret is used up"}"#.to_owned());
        }
        state.issued += 1;
        let number = state.issued;
        let refresh = if is_client || state.without_rotation && number > 1 {
            String::new()
        } else {
            format!(r#""refresh_token": "refresh-{number}-s3cret", "#)
        };
        json(200, format!(r#"{{"access_token": "access-{number}-s3cret", {refresh}"token_type": "Bearer", "expires_in": 3600}}"#))
    }

    fn transport(self: &Arc<Self>) -> Arc<dyn Transport> {
        let authority = Arc::clone(self);
        Arc::new(transport_fn(move |request| {
            let authority = Arc::clone(&authority);
            async move {
                let answer = authority.answer(&request);
                let mut waits = authority.state.lock().unwrap().waits;
                poll_fn(|context| {
                    if waits == 0 {
                        return Poll::Ready(());
                    }
                    waits -= 1;
                    context.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
                Ok::<_, TransportError>(answer)
            }
        }))
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()))
}

fn client(transport: Arc<dyn Transport>, authentication: ClientAuthentication) -> OAuthClient {
    let client = OAuthClient::new("the-client", &"https://as.example/token".parse().unwrap(), transport).unwrap();
    client.with_authentication(authentication).with_scopes(["scim", "offline access"])
}

fn code_tokens(authority: &Arc<Authority>, store: Arc<dyn TokenStore>, clock: Arc<ManualClock>) -> OAuthTokens {
    OAuthTokens::authorization_code(client(authority.transport(), ClientAuthentication::Basic("cl1ent-s3cret".into())), store, clock)
}

/// Gives the consent as a person would: returns where the browser is sent.
fn consent_given(address: &str) -> String {
    let query: BTreeMap<String, String> = oauth2::url::Url::parse(address).unwrap().query_pairs().into_owned().collect();
    format!("{REDIRECT}?code=the-code&state={}", query["state"])
}

async fn authorized(authority: &Arc<Authority>, store: Arc<dyn TokenStore>, clock: Arc<ManualClock>) -> OAuthTokens {
    let tokens = code_tokens(authority, store, clock);
    let consent = tokens.client().consent(&AUTHORIZE.parse().unwrap(), REDIRECT).unwrap();
    let returned = consent_given(consent.address());
    tokens.authorize(consent, &returned).await.unwrap();
    tokens
}

async fn access(tokens: &OAuthTokens) -> String {
    tokens.token().await.unwrap().expose().to_owned()
}

/// RFC 7636: the code is bound to the one who asked, by a verifier whose hash was in the address, and to the request by its state.
#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier() {
    let authority = Arc::new(Authority::default());
    let tokens = code_tokens(&authority, Arc::new(MemoryTokens::default()), clock());
    assert!(!tokens.is_authorized().unwrap());
    assert_eq!(tokens.token().await.unwrap_err().to_string(), "nobody has consented yet");

    let consent = tokens.client().consent(&AUTHORIZE.parse().unwrap(), REDIRECT).unwrap();
    let address = oauth2::url::Url::parse(consent.address()).unwrap();
    let asked: BTreeMap<String, String> = address.query_pairs().into_owned().collect();
    for (name, value) in [("tenant", "x"), ("response_type", "code"), ("client_id", "the-client"), ("redirect_uri", REDIRECT)] {
        assert_eq!(asked[name], value);
    }
    assert_eq!((asked["scope"].as_str(), asked["code_challenge_method"].as_str()), ("scim offline access", "S256"));
    tokens.authorize(consent, &consent_given(address.as_str())).await.unwrap();
    assert_eq!(access(&tokens).await, "access-1-s3cret");

    let forms = authority.forms();
    let verifier = forms[0]["code_verifier"].as_bytes();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, verifier));
    assert_eq!((forms.len(), &challenge, forms[0]["redirect_uri"].as_str()), (1, &asked["code_challenge"], REDIRECT));
    let basic = format!("Basic {}", BASE64_STANDARD.encode("the-client:cl1ent-s3cret"));
    assert_eq!(authority.state.lock().unwrap().requests[0].1.as_deref(), Some(basic.as_str()));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_consent_is_refused() {
    let authority = Arc::new(Authority::default());
    let tokens = code_tokens(&authority, Arc::new(MemoryTokens::default()), clock());
    for (rest, reason) in [
        ("code=the-code", "expected the `state`"),
        ("code=the-code&state=other", "expected the `state`"),
        ("code=the-code&state=STATE&state=STATE", "expected the `state`"),
        ("error=access_denied&error_description=s3cret&state=STATE", "the authorization was refused: access_denied"),
        ("error=%3Cs3cret%3E&state=STATE", "the authorization was refused: unknown reason"),
        ("state=STATE", "expected a `code`"),
        ("state=STATE&code=a&code=b", "expected a `code`"),
    ] {
        let consent = tokens.client().consent(&AUTHORIZE.parse().unwrap(), REDIRECT).unwrap();
        let state = consent_given(consent.address()).rsplit('=').next().unwrap().to_owned();
        let error = tokens.authorize(consent, &rest.replace("STATE", &state)).await.unwrap_err();
        assert!(error.to_string().starts_with(reason), "{error}");
    }
    assert!(authority.forms().is_empty());
}

/// RFC 9207: who has several authorization servers takes an answer only from the one that was asked, and shows its code nowhere else.
#[tokio::test]
async fn an_answer_of_another_authorization_server_is_refused() {
    let authority = Arc::new(Authority::default());
    let client = client(authority.transport(), ClientAuthentication::Public).with_issuer("https://as.example");
    let tokens = OAuthTokens::authorization_code(client, Arc::new(MemoryTokens::default()), clock());
    let consent = || tokens.client().consent(&AUTHORIZE.parse().unwrap(), REDIRECT).unwrap();
    for issuer in ["", "&iss=https://evil.example", "&iss=https://as.example&iss=https://as.example", "&iss=https://as.example/"] {
        let consent = consent();
        let returned = consent_given(consent.address());
        let error = tokens.authorize(consent, &format!("{returned}{issuer}")).await.unwrap_err();
        assert!(error.to_string().starts_with("expected an answer of the issuer"), "{error}");
    }
    let other = OAuthClient::new("the-client", &"https://evil.example/token".parse().unwrap(), authority.transport()).unwrap();
    let other = OAuthTokens::authorization_code(other, Arc::new(MemoryTokens::default()), clock());
    let foreign = consent();
    let returned = format!("{}&iss=https://as.example", consent_given(foreign.address()));
    let error = other.authorize(foreign, &returned).await.unwrap_err();
    assert!(error.to_string().starts_with("expected a consent that this client asked for"), "{error}");
    assert!(authority.forms().is_empty());

    let consent = consent();
    let returned = format!("{}&iss=https%3A%2F%2Fas.example", consent_given(consent.address()));
    tokens.authorize(consent, &returned).await.unwrap();
    assert_eq!(access(&tokens).await, "access-1-s3cret");
}

/// RFC 6749 section 6: a token is renewed before it ends, and the new refresh token takes the place of the old one.
#[tokio::test]
async fn refresh_tokens_rotate() {
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let tokens = authorized(&authority, Arc::new(MemoryTokens::default()), Arc::clone(&clock)).await;
    clock.advance(Duration::from_secs(3539));
    assert_eq!(access(&tokens).await, "access-1-s3cret");
    clock.advance(Duration::from_secs(1));
    assert_eq!(access(&tokens).await, "access-2-s3cret");
    clock.advance(Duration::from_secs(3600));
    assert_eq!(access(&tokens).await, "access-3-s3cret");
    let sent: Vec<Option<String>> = authority.forms().iter().map(|form| form.get("refresh_token").cloned()).collect();
    assert_eq!(sent, [None, Some("refresh-1-s3cret".to_owned()), Some("refresh-2-s3cret".to_owned())]);

    // A server that gives no new one means that the old one stays.
    authority.state.lock().unwrap().without_rotation = true;
    for number in [4, 5] {
        clock.advance(Duration::from_secs(3600));
        assert_eq!(access(&tokens).await, format!("access-{number}-s3cret"));
        assert_eq!(authority.forms().last().unwrap()["refresh_token"], "refresh-3-s3cret");
    }
}

/// One request for tokens at a time: fifty who find the token ended, and fifty whose token was rejected, make one each.
#[tokio::test]
async fn many_at_once_make_one_refresh() {
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let tokens = authorized(&authority, Arc::new(MemoryTokens::default()), Arc::clone(&clock)).await;
    authority.state.lock().unwrap().waits = 100;
    clock.advance(Duration::from_secs(3600));
    let found = join_all((0..50).map(|_| access(&tokens))).await;
    assert!(found.iter().all(|found| found == "access-2-s3cret"));
    assert_eq!(authority.forms().len(), 2);

    let rejected = tokens.token().await.unwrap();
    let found = join_all((0..50).map(|_| tokens.refresh(&rejected))).await;
    assert!(found.iter().all(|found| found.as_ref().unwrap().expose() == "access-3-s3cret"));
    // Late ones, rejected with the old token, get the new one.
    assert_eq!(tokens.refresh(&rejected).await.unwrap().expose(), "access-3-s3cret");
    assert_eq!(authority.forms().len(), 3);

    let tokens = Arc::new(tokens);
    clock.advance(Duration::from_secs(3600));
    let tasks = (0..50).map(|_| {
        let tokens = Arc::clone(&tokens);
        tokio::spawn(async move { access(&tokens).await })
    });
    assert!(join_all(tasks).await.into_iter().all(|found| found.unwrap() == "access-4-s3cret"));
    assert_eq!(authority.forms().len(), 4);
}

/// Whoever waits may give up at any moment: a refresh token that was replaced meanwhile is not lost.
#[tokio::test]
async fn a_refresh_that_was_abandoned_is_finished() {
    for polls in 0..5 {
        let (authority, clock) = (Arc::new(Authority::default()), clock());
        let store = Arc::new(MemoryTokens::default());
        let tokens = authorized(&authority, Arc::clone(&store) as _, Arc::clone(&clock)).await;
        authority.state.lock().unwrap().waits = 3;
        clock.advance(Duration::from_secs(3600));
        let mut waiting = Box::pin(tokens.token());
        for _ in 0..polls {
            if poll_fn(|context| Poll::Ready(waiting.poll_unpin(context))).await.is_ready() {
                break;
            }
        }
        drop(waiting);
        assert_eq!(access(&tokens).await, "access-2-s3cret", "{polls}");
        assert_eq!(authority.forms().len(), 2, "{polls}");
        assert_eq!(store.load().unwrap().unwrap().use_until, Some(clock.now() + Duration::from_secs(3540)));
    }
}

/// Tokens in a file outlive the process, in one whole file that only its owner can read.
#[tokio::test]
async fn a_restart_needs_no_new_consent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let file = || Arc::new(FileTokens::new(&path));
    let tokens = authorized(&authority, file(), Arc::clone(&clock)).await;
    drop(tokens);
    for number in [1, 2, 3] {
        let restarted = code_tokens(&authority, file(), Arc::clone(&clock));
        assert!(restarted.is_authorized().unwrap());
        assert_eq!(access(&restarted).await, format!("access-{number}-s3cret"));
        clock.advance(Duration::from_secs(3600));
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["tokens.json"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // What others could have read is not trusted.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = file().load().unwrap_err().to_string();
        assert!(error.contains("mode 600") && error.contains("644"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    // A file of an interrupted save is replaced, and what is no token is named.
    std::fs::write(folder.path().join("tokens.json.new"), "half").unwrap();
    file().save(&Tokens::new("again")).unwrap();
    assert!(file().load().unwrap().unwrap().refresh.is_none());
    std::fs::write(&path, "{").unwrap();
    assert!(file().load().unwrap_err().to_string().starts_with("expected tokens in"));
}

/// Tokens that cannot be saved are an error, and the ones that were had are used all the same.
#[tokio::test]
async fn tokens_that_cannot_be_saved_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let store = Arc::new(FileTokens::new(folder.path().join("nowhere").join("tokens.json")));
    let tokens = code_tokens(&authority, store, clock);
    let consent = tokens.client().consent(&AUTHORIZE.parse().unwrap(), REDIRECT).unwrap();
    let returned = consent_given(consent.address());
    assert!(tokens.authorize(consent, &returned).await.unwrap_err().to_string().starts_with("cannot write the tokens"));
    assert_eq!(access(&tokens).await, "access-1-s3cret");
}

/// RFC 6749 section 4.4, by a secret in the body.
#[tokio::test]
async fn a_client_has_tokens_of_its_own() {
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let client = client(authority.transport(), ClientAuthentication::Body("cl1ent-s3cret".into()));
    let tokens = OAuthTokens::client_credentials(client, Arc::new(MemoryTokens::default()), Arc::clone(&clock) as _);
    assert_eq!(access(&tokens).await, "access-1-s3cret");
    assert_eq!(access(&tokens).await, "access-1-s3cret");
    clock.advance(Duration::from_secs(3600));
    assert_eq!(access(&tokens).await, "access-2-s3cret");
    let forms = authority.forms();
    assert_eq!(forms.len(), 2);
    assert_eq!((forms[0]["client_id"].as_str(), forms[0]["client_secret"].as_str()), ("the-client", "cl1ent-s3cret"));
    assert_eq!(forms[0]["scope"], "scim offline access");
}

/// RFC 7523 sections 2.2 and 3: a signature in the place of a secret, new for every request.
#[tokio::test]
async fn a_client_signs_who_it_is() {
    let random = ring::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(pkcs8.as_ref()));
    let rsa = BASE64_STANDARD.decode(include_str!("../../../testdata/oauth/client-key.public.base64")).unwrap();
    let keys = [
        (
            AssertionKey::from_pem(include_str!("../../../testdata/oauth/client-key.pem")).unwrap().with_certificate_thumbprint("t1"),
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256 as &dyn ring::signature::VerificationAlgorithm, rsa),
            ("RS256", "x5t#S256", "t1"),
        ),
        (
            AssertionKey::from_pem(&pem).unwrap().with_key_id("k1"),
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED as _, pair.public_key().as_ref().to_vec()),
            ("ES256", "kid", "k1"),
        ),
    ];
    for (key, public, (algorithm, name, id)) in keys {
        assert_eq!(format!("{key:?}"), "AssertionKey([redacted])");
        let (authority, clock) = (Arc::new(Authority::default()), clock());
        let client = client(authority.transport(), ClientAuthentication::PrivateKey(key));
        let tokens = OAuthTokens::client_credentials(client, Arc::new(MemoryTokens::default()), Arc::clone(&clock) as _);
        access(&tokens).await;
        clock.advance(Duration::from_secs(3600));
        access(&tokens).await;
        let mut numbers = Vec::new();
        for form in authority.forms() {
            assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            assert_eq!((form["client_id"].as_str(), form.get("client_secret")), ("the-client", None));
            let (text, signature) = form["client_assertion"].rsplit_once('.').unwrap();
            public.verify(text.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
            let parts: Vec<serde_json::Value> =
                text.split('.').map(|part| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()).collect();
            let [header, claims] = parts.as_slice() else { panic!("{text}") };
            assert_eq!((header["alg"].as_str(), header[name].as_str()), (Some(algorithm), Some(id)));
            assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("the-client"), Some("the-client")));
            assert_eq!(claims["aud"], "https://as.example/token");
            assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
            numbers.push(claims["jti"].clone());
        }
        assert!(numbers.len() == 2 && numbers[0] != numbers[1]);
    }
    for pem in ["", "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"] {
        assert!(AssertionKey::from_pem(pem).is_err());
    }
}

/// What goes wrong is told by a keyword; nothing of it holds a secret, and the tokens before stay.
#[tokio::test]
async fn failures_are_told_without_secrets() {
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let store = Arc::new(MemoryTokens::default());
    let tokens = authorized(&authority, Arc::clone(&store) as _, Arc::clone(&clock)).await;
    clock.advance(Duration::from_secs(3600));
    for (status, body, expected) in [
        (400, r#"{"error": "invalid_grant", "error_description": "s3cret"}"#, "the authorization server refused: invalid_grant"),
        (400, r#"{"error": "s3cret was wrong"}"#, "the authorization server refused: unknown reason"),
        (500, "<html>s3cret", "expected tokens of the authorization server, found something else"),
        (302, "", "expected tokens of the authorization server, found something else"),
        (200, r#"{"access_token": "s3cret"}"#, "expected tokens of the authorization server, found something else"),
        (200, r#"{"access_token": "s3cret\r\n", "token_type": "Bearer"}"#, "expected a token of visible ASCII characters"),
    ] {
        authority.state.lock().unwrap().instead = Some((status, body));
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
            cause = error.source();
        }
    }
    authority.state.lock().unwrap().instead = None;
    assert_eq!(access(&tokens).await, "access-2-s3cret");
    let client = tokens.client();
    let consent = client.consent(&AUTHORIZE.parse().unwrap(), REDIRECT).unwrap();
    let printed = format!("{tokens:?} {client:?} {consent:?} {:?} {store:?}", store.load().unwrap());
    assert!(!printed.contains("s3cret"), "{printed}");
    let secrets = [ClientAuthentication::Basic("s3cret".into()), ClientAuthentication::Body("s3cret".into())];
    assert!(!format!("{secrets:?}").contains("s3cret"));
}

/// A page of HTML, or more than any token needs, is no token; the request is not sent again for it.
#[tokio::test]
async fn what_is_no_token_is_refused() {
    let good = r#"{"access_token": "a", "token_type": "Bearer"}"#;
    for (kind, body, expected) in [
        ("text/html", "<p>Sign in".to_owned(), "expected tokens of the authorization server, found something else"),
        ("application/json", String::new(), "expected tokens of the authorization server, found something else"),
        ("application/json", "[".repeat(60_000), "expected tokens of the authorization server, found something else"),
        ("application/json", good.replace(": \"a\"", &format!(": \"{}\"", "a".repeat(65_536))), "the authorization server did not answer"),
    ] {
        let requests = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&requests);
        let transport = transport_fn(move |_| {
            *counted.lock().unwrap() += 1;
            let answer = Response::builder().header("content-type", kind).body(Bytes::from(body.clone())).unwrap();
            async { Ok(answer) }
        });
        let client = client(Arc::new(transport), ClientAuthentication::Public);
        let tokens = OAuthTokens::client_credentials(client, Arc::new(MemoryTokens::default()), clock());
        let error = tokens.token().await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.is_retryable(), *requests.lock().unwrap()), (expected, false, 1));
    }
}

/// An authorization server that is not heard for a while is asked again by whoever may send the request again.
#[tokio::test]
async fn a_request_waits_for_an_authorization_server_that_was_not_reached() {
    let authority = Arc::new(Authority::default());
    let failures = Arc::new(Mutex::new(2));
    let (inner, left) = (authority.transport(), Arc::clone(&failures));
    let flaky = transport_fn(move |request| {
        let inner = Arc::clone(&inner);
        let fails = {
            let mut left = left.lock().unwrap();
            *left -= 1;
            *left >= 0
        };
        async move { if fails { Err(TransportError::new(TransportErrorKind::Connect)) } else { inner.send(request).await } }
    });
    let tokens = client(Arc::new(flaky), ClientAuthentication::Public);
    let tokens = OAuthTokens::client_credentials(tokens, Arc::new(MemoryTokens::default()), clock());
    assert!(tokens.token().await.unwrap_err().is_retryable());
    let service = transport_fn(|_| async { Ok(Response::new(Bytes::new())) });
    let policy = RetryPolicy::default().with_delays(Duration::ZERO, Duration::ZERO);
    let transport = Retry::new(Authorized::new(service, tokens), policy, Arc::new(TokioTimer::default()), || 0);
    let request = Request::post("https://service.example/Users").body(Bytes::new()).unwrap();
    assert!(transport.send(request).await.unwrap().status().is_success());
    assert_eq!((authority.forms().len(), *failures.lock().unwrap()), (1, -1));
}

/// A link that somebody put in the way is not written through.
#[cfg(unix)]
#[test]
fn tokens_are_not_written_through_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (path, victim) = (folder.path().join("tokens.json"), folder.path().join("victim"));
    std::fs::write(&victim, "mine").unwrap();
    std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&victim, folder.path().join("tokens.json.new")).unwrap();
    symlink(&victim, &path).unwrap();
    let mut kept = Tokens::new("s3cret\"\\");
    kept.refresh = Some("refresh".into());
    FileTokens::new(&path).save(&kept).unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
    let metadata = std::fs::symlink_metadata(&path).unwrap();
    assert!(metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o600);
    let loaded = FileTokens::new(&path).load().unwrap().unwrap();
    assert_eq!((loaded.access.expose_secret(), loaded.refresh.unwrap().expose_secret()), ("s3cret\"\\", "refresh"));
}

/// A request for tokens takes a slot of the limiter, and one that is not answered is not sent again.
#[tokio::test]
async fn a_request_for_tokens_takes_a_slot() {
    let (authority, clock) = (Arc::new(Authority::default()), clock());
    let limited =
        Arc::new(RateLimited::new(authority.transport(), Classes::default(), Arc::clone(&clock) as _, Arc::new(TokioTimer::default())));
    let shared = Arc::clone(&limited) as Arc<dyn Transport>;
    let tokens = OAuthTokens::client_credentials(client(shared, ClientAuthentication::Public), Arc::new(MemoryTokens::default()), clock);
    access(&tokens).await;
    assert_eq!((limited.counts().writes, Class::Write), (1, Class::Write));

    let broken = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&broken);
    let transport = transport_fn(move |_| {
        *counted.lock().unwrap() += 1;
        async { Err(TransportError::new(TransportErrorKind::Interrupted)) }
    });
    let client = client(Arc::new(transport), ClientAuthentication::Public);
    let tokens = OAuthTokens::client_credentials(client, Arc::new(MemoryTokens::default()), crate::clock());
    assert_eq!(tokens.token().await.unwrap_err().to_string(), "the authorization server did not answer");
    assert_eq!(*broken.lock().unwrap(), 1);
}

/// National clouds are configuration.
#[test]
fn clouds_are_configuration() {
    for (cloud, token, scope) in [
        (Cloud::global(), "https://login.microsoftonline.com/t/oauth2/v2.0/token", "https://graph.microsoft.com/.default"),
        (Cloud::us_government_dod(), "https://login.microsoftonline.us/t/oauth2/v2.0/token", "https://dod-graph.microsoft.us/.default"),
        (
            Cloud::china(),
            "https://login.partner.microsoftonline.cn/t/oauth2/v2.0/token",
            "https://microsoftgraph.chinacloudapi.cn/.default",
        ),
        (
            Cloud::new("https://as.example/", "https://graph.example/"),
            "https://as.example/t/oauth2/v2.0/token",
            "https://graph.example/.default",
        ),
    ] {
        assert_eq!((cloud.token_address("t").unwrap().to_string().as_str(), cloud.graph_scope().as_str()), (token, scope));
        assert!(cloud.authorize_address("t").unwrap().to_string().ends_with("/t/oauth2/v2.0/authorize"));
    }
    let read: Cloud =
        serde_json::from_str(r#"{"authority": "https://a.example", "graph": "https://g.example", "service": "https://s.example"}"#)
            .unwrap();
    assert_eq!(read, Cloud::new("https://a.example", "https://g.example").with_service("https://s.example"));
    assert!(Cloud::new("not an address", "").token_address("t").is_err());
}
