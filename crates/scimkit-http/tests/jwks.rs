//! Access tokens of an authorization server that lives in the test.
#![cfg(feature = "jwks")]
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA384, RsaKeyPair,
};
use scimkit_client::{Transport, TransportError, TransportErrorKind};
use scimkit_http::jwks::{Algorithm, Claims, JwksAuthenticator, JwksOptions};
use scimkit_server::{Actor, AuthenticationError, Authenticator};
use scimkit_store::Tenant;
use scimkit_types::{ManualClock, Timestamp};
use serde_json::{Value, json};

const ISSUER: &str = "https://login.example.com/";
const NOW: i64 = 1_800_000_000;

/// A private key with the algorithm that it signs with.
enum Signer {
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>, &'static str),
}

impl Signer {
    fn ec() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::Ec(Box::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()))
    }

    fn ed() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Box::new(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()))
    }

    fn rsa(algorithm: &'static str) -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(include_bytes!("data/rsa.pk8")).unwrap()), algorithm)
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
            Self::Rsa(_, algorithm) => algorithm,
        }
    }

    fn jwk(&self, id: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..).unwrap().split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(pair.public_key().as_ref())}),
            Self::Rsa(pair, _) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "use": "sig", "kid": id, "n": encode(&public.n), "e": encode(&public.e)})
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Self::Rsa(pair, algorithm) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let encoding: &dyn ring::signature::RsaEncoding = if *algorithm == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA384 };
                pair.sign(encoding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self, id: &str, claims: &Value) -> String {
        self.sign(&json!({"alg": self.algorithm(), "kid": id, "typ": "at+jwt"}), claims)
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "scim", "sub": "entra", "tenant": "a", "exp": NOW + 600, "nbf": NOW - 10})
}

/// Publishes keys and counts how often it is asked.
#[derive(Debug)]
struct Issuer {
    body: Mutex<String>,
    status: AtomicU16,
    fetches: AtomicUsize,
}

impl Issuer {
    fn publish(&self, keys: &[Value]) {
        *self.body.lock().unwrap() = json!({"keys": keys}).to_string();
    }

    /// Answers with this status; 0 does not answer.
    fn fail(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Transport for Issuer {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("GET", "https://login.example.com/keys"));
        self.fetches.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let status = self.status.load(Ordering::Relaxed);
        if status == 0 {
            return Err(TransportError::new(TransportErrorKind::Connect));
        }
        let body = Bytes::from(self.body.lock().unwrap().clone());
        Ok(Response::builder().status(status).body(body).unwrap())
    }
}

struct World {
    issuer: Arc<Issuer>,
    clock: Arc<ManualClock>,
    authenticator: JwksAuthenticator,
}

fn world_with(change: impl FnOnce(JwksOptions) -> JwksOptions) -> World {
    let issuer = Arc::new(Issuer { body: Mutex::default(), status: AtomicU16::new(200), fetches: AtomicUsize::new(0) });
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(NOW).unwrap()));
    let options = change(JwksOptions::new("https://login.example.com/keys".parse().unwrap(), ISSUER, "scim"));
    let actor = |claims: &Claims| Some(Actor::new(claims.text("sub")?, Tenant::new(claims.text("tenant")?)));
    let transport: Arc<dyn Transport> = Arc::<Issuer>::clone(&issuer);
    let authenticator = JwksAuthenticator::new(transport, Arc::<ManualClock>::clone(&clock), options, Arc::new(actor));
    World { issuer, clock, authenticator }
}

fn world() -> World {
    world_with(|options| options)
}

impl World {
    async fn ask(&self, token: &str) -> Result<Actor, AuthenticationError> {
        let request = Request::builder().header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap();
        self.authenticator.authenticate(&request.into_parts().0).await
    }

    async fn is_refused(&self, token: &str) -> bool {
        matches!(self.ask(token).await, Err(AuthenticationError::Invalid))
    }
}

/// R7644-2-04, R7644-2-01: a token is signed by a published key of the issuer, by every kind of key.
#[tokio::test]
async fn a_token_of_the_issuer_lets_in() {
    for signer in [Signer::ec(), Signer::ed(), Signer::rsa("RS256"), Signer::rsa("PS384")] {
        let world = world();
        world.issuer.publish(&[signer.jwk("k1")]);
        let actor = world.ask(&signer.token("k1", &claims())).await.unwrap();
        assert_eq!((actor.id.as_str(), actor.tenant), ("entra", Tenant::new("a")), "{}", signer.algorithm());
        assert!(world.ask(&signer.sign(&json!({"alg": signer.algorithm()}), &claims())).await.is_ok(), "the only key needs no name");
        assert_eq!(world.issuer.fetches(), 1);
    }
}

/// R7644-2.1-02, R6750-5.2-01: forged, altered, foreign, expired, early and unsigned tokens, and those of others for others.
#[tokio::test]
async fn other_tokens_are_refused() {
    let (signer, stranger) = (Signer::ec(), Signer::ec());
    let world = world();
    world.issuer.publish(&[signer.jwk("k1"), Signer::rsa("RS256").jwk("k2")]);
    let good = signer.token("k1", &claims());
    assert!(world.ask(&good).await.is_ok());
    let with = |changes: Value| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    for changes in [
        json!({"exp": NOW - 60}),
        json!({"nbf": NOW + 61}),
        json!({"iss": "https://login.example.org/"}),
        json!({"aud": "other"}),
        json!({"tenant": null}),
    ] {
        assert!(world.is_refused(&signer.token("k1", &with(changes.clone()))).await, "{changes}");
    }
    assert!(world.ask(&signer.token("k1", &with(json!({"exp": NOW - 59, "nbf": NOW + 60})))).await.is_ok());
    let mut parts: Vec<&str> = good.split('.').collect();
    let altered = URL_SAFE_NO_PAD.encode(with(json!({"tenant": "b"})).to_string());
    if let Some(part) = parts.get_mut(1) {
        *part = &altered;
    }
    let forged_with_public_key = signer.sign(&json!({"alg": "HS256", "kid": "k1"}), &claims());
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims().to_string()));
    for token in [
        parts.join("."),
        stranger.token("k1", &claims()),
        signer.token("k2", &claims()),
        signer.sign(&json!({"alg": "RS256", "kid": "k2"}), &claims()),
        signer.sign(&json!({"alg": "ES256"}), &claims()).replace('.', ".."),
        forged_with_public_key,
        unsigned,
        "opaque".to_owned(),
    ] {
        assert!(world.is_refused(&token).await, "{token}");
    }
}

#[tokio::test]
async fn only_allowed_algorithms_are_taken() {
    let (ec, rsa) = (Signer::ec(), Signer::rsa("RS256"));
    let world = world_with(|options| options.with_algorithms([Algorithm::Es256]));
    world.issuer.publish(&[ec.jwk("k1"), rsa.jwk("k2")]);
    assert!(world.ask(&ec.token("k1", &claims())).await.is_ok());
    assert!(world.is_refused(&rsa.token("k2", &claims())).await);
}

/// A new key is found when a token names it; made-up ones do not load the issuer.
#[tokio::test]
async fn keys_are_rotated() {
    let (old, new) = (Signer::ec(), Signer::ec());
    let world = world();
    world.issuer.publish(&[old.jwk("k1")]);
    assert!(world.ask(&old.token("k1", &claims())).await.is_ok());
    for index in 0..20 {
        assert!(world.is_refused(&old.token(&format!("made-up-{index}"), &claims())).await);
    }
    assert_eq!(world.issuer.fetches(), 1, "an unknown key within the wait");
    world.issuer.publish(&[old.jwk("k1"), new.jwk("k2")]);
    world.clock.advance(Duration::from_secs(30));
    assert!(world.ask(&new.token("k2", &claims())).await.is_ok() && world.ask(&old.token("k1", &claims())).await.is_ok());
    assert_eq!(world.issuer.fetches(), 2);
}

/// A key that is no longer published is no longer taken once the keys are old.
#[tokio::test]
async fn keys_are_forgotten() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let world = world();
    let late = |signer: &Signer, id: &str| {
        let mut claims = claims();
        claims["exp"] = json!(NOW + 100_000);
        signer.token(id, &claims)
    };
    world.issuer.publish(&[old.jwk("k1")]);
    assert!(world.ask(&late(&old, "k1")).await.is_ok());
    world.issuer.publish(&[new.jwk("k2")]);
    world.clock.advance(Duration::from_secs(3599));
    assert!(world.ask(&late(&old, "k1")).await.is_ok());
    world.clock.advance(Duration::from_secs(1));
    assert!(world.is_refused(&late(&old, "k1")).await);
    assert!(world.ask(&late(&new, "k2")).await.is_ok());
}

/// While the issuer is away, the keys are used for a day; without keys the service cannot tell, and does not let in.
#[tokio::test]
async fn an_issuer_may_be_away_for_a_while() {
    let signer = Signer::ec();
    let world = world();
    let mut claims = claims();
    claims["exp"] = json!(NOW + 1_000_000);
    let token = signer.token("k1", &claims);
    for status in [0, 500, 302] {
        world.issuer.fail(status);
        assert!(matches!(world.ask(&token).await, Err(AuthenticationError::Unavailable(_))), "{status}");
        world.clock.advance(Duration::from_secs(30));
    }
    world.issuer.fail(200);
    *world.issuer.body.lock().unwrap() = "<html>".to_owned();
    assert!(matches!(world.ask(&token).await, Err(AuthenticationError::Unavailable(_))));
    let fetches = world.issuer.fetches();
    assert!(matches!(world.ask(&token).await, Err(AuthenticationError::Unavailable(_))));
    assert_eq!(world.issuer.fetches(), fetches, "a failure is not repeated at once");
    world.clock.advance(Duration::from_secs(30));
    world.issuer.publish(&[signer.jwk("k1")]);
    assert!(world.ask(&token).await.is_ok());
    world.issuer.fail(0);
    world.clock.advance(Duration::from_secs(23 * 3600));
    assert!(world.ask(&token).await.is_ok());
    world.clock.advance(Duration::from_secs(3600));
    assert!(matches!(world.ask(&token).await, Err(AuthenticationError::Unavailable(_))));
}

/// Many requests at once ask the issuer once.
#[tokio::test]
async fn requests_wait_for_one_fetch() {
    let signer = Signer::ec();
    let world = Arc::new(world());
    world.issuer.publish(&[signer.jwk("k1")]);
    let token = signer.token("k1", &claims());
    let asked: Vec<_> = (0..16)
        .map(|_| {
            let (world, token) = (Arc::clone(&world), token.clone());
            tokio::spawn(async move { world.ask(&token).await.is_ok() })
        })
        .collect();
    for answer in asked {
        assert!(answer.await.unwrap());
    }
    assert_eq!(world.issuer.fetches(), 1);
}

/// A client that goes away while its request fetches keys keeps nobody else from having them: the next request goes on with the fetch.
#[tokio::test]
async fn a_fetch_outlives_the_request_that_began_it() {
    let signer = Signer::ec();
    let world = world();
    world.issuer.publish(&[signer.jwk("k1")]);
    let token = signer.token("k1", &claims());
    {
        let mut gone = std::pin::pin!(world.ask(&token));
        let waits = std::future::poll_fn(|context| std::task::Poll::Ready(gone.as_mut().poll(context).is_pending())).await;
        assert!(waits);
    }
    assert!(world.ask(&token).await.is_ok());
    assert_eq!(world.issuer.fetches(), 1);
}
