//! The authorization server of the embedded service, as RingCentral has one: `/restapi/oauth/authorize` and `/restapi/oauth/token`.
//!
//! It knows one client and one administrator. A consent gives an access token that is withdrawn after a few requests, so that each first
//! run shows how a client goes on with the next one, which is the token that the service knows; codes and refresh tokens are good once.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{StatusCode, Uri};
use oauth2::url::{Url, form_urlencoded};
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use scimkit_server::{Actor, AuthenticationError, AuthenticationScheme, Authenticator, BearerTokens};
use scimkit_store::Tenant;
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// The client that the administrator has registered.
pub(crate) const CLIENT_ID: &str = "scimkit-flow";

/// How many requests the access token of a consent is good for.
const FIRST_USES: u64 = 20;

/// The most bytes of a form.
const MAX_FORM: usize = 16 * 1024;

/// An authorization server on a socket of this machine.
#[derive(Debug)]
pub(crate) struct Authority {
    base: String,
    secret: String,
    renewals: Arc<AtomicU64>,
}

/// The access token that a consent gives, which is good for a few requests of one process.
#[derive(Debug)]
pub(crate) struct FirstToken {
    text: String,
    tokens: BearerTokens,
    left: AtomicU64,
}

impl FirstToken {
    /// A new one.
    pub(crate) fn new() -> Self {
        let text = random();
        let tokens = BearerTokens::new().with_token(&SecretString::from(text.as_str()), Actor::new("client", Tenant::default()));
        Self { text, tokens, left: AtomicU64::new(FIRST_USES) }
    }
}

#[async_trait]
impl Authenticator for FirstToken {
    async fn authenticate(&self, parts: &Parts) -> Result<Actor, AuthenticationError> {
        let actor = self.tokens.authenticate(parts).await?;
        let used = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        used.map(|_| actor).map_err(|_| AuthenticationError::Invalid)
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        self.tokens.schemes()
    }

    fn challenge(&self) -> String {
        self.tokens.challenge()
    }
}

struct Shared {
    secret: String,
    first_token: Arc<FirstToken>,
    access_token: String,
    /// How many access tokens were given for a refresh token.
    renewals: Arc<AtomicU64>,
    /// Keeps the refresh token that is good, over a restart.
    file: PathBuf,
    state: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    code: Option<Code>,
    refresh_token: Option<String>,
}

struct Code {
    text: String,
    redirect: String,
    challenge: String,
}

impl Authority {
    /// Starts the server; what it gives out after the first token is the one that the service knows.
    pub(crate) async fn start(first_token: Arc<FirstToken>, service_token: &str, file: PathBuf) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::input_because("the authorization server cannot be started", &error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let base = format!("http://{}/restapi/oauth", listener.local_addr().map_err(cannot)?);
        let refresh_token = match std::fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot(error)),
        };
        let secret = random();
        let state = Mutex::new(Issued { code: None, refresh_token });
        let renewals = Arc::new(AtomicU64::new(0));
        let (access_token, counted) = (service_token.to_owned(), Arc::clone(&renewals));
        let shared = Arc::new(Shared { secret: secret.clone(), first_token, access_token, renewals: counted, file, state });
        let router = Router::new()
            .route("/restapi/oauth/authorize", get(ask).post(allow))
            .route("/restapi/oauth/token", post(token))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { base, secret, renewals })
    }

    /// How many access tokens were given for a refresh token.
    pub(crate) fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::SeqCst)
    }

    /// The address below which the two endpoints stand.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The secret of the client.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The address of an endpoint.
    pub(crate) fn address(&self, endpoint: &str) -> Result<Uri, Failure> {
        format!("{}/{endpoint}", self.base).parse().map_err(|error: http::uri::InvalidUri| Failure::input_because("the address", &error))
    }
}

impl Shared {
    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request for a consent asks for; `None` unless it is one of the client (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
fn asked(uri: &Uri) -> Option<(Code, String)> {
    let query = uri.query()?;
    let one = |name: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
        values.next().filter(|_| values.next().is_none())
    };
    let is_fitting = one("response_type")? == "code" && one("client_id")? == CLIENT_ID && one("code_challenge_method")? == "S256";
    let redirect = one("redirect_uri")?;
    // Only a program of this machine is sent a code.
    let is_here = Url::parse(&redirect).ok()?.host_str() == Some("127.0.0.1");
    let code = Code { text: random(), redirect, challenge: one("code_challenge")? };
    (is_fitting && is_here).then_some((code, one("state")?))
}

/// Asks the administrator.
async fn ask(request: Request) -> Response {
    match asked(request.uri()) {
        Some(_) => page(StatusCode::OK, "<form method=post><p>Let scimkit-flow edit the accounts?</p><button>Allow</button></form>"),
        None => page(StatusCode::BAD_REQUEST, "<p>This is no request of a known client.</p>"),
    }
}

/// The administrator allows it: the browser is sent back with a code.
async fn allow(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some((code, state)) = asked(request.uri()) else {
        return page(StatusCode::BAD_REQUEST, "<p>This is no request of a known client.</p>");
    };
    let Ok(mut back) = Url::parse(&code.redirect) else { return page(StatusCode::BAD_REQUEST, "<p>There is no way back.</p>") };
    back.query_pairs_mut().append_pair("code", &code.text).append_pair("state", &state);
    shared.issued().code = Some(code);
    let mut response = page(StatusCode::SEE_OTHER, "");
    if let Ok(location) = back.as_str().parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Gives tokens for a code or a refresh token (RFC 6749 sections 4.1.3 and 6).
async fn token(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let credentials = request.headers().get(AUTHORIZATION).cloned();
    let Ok(body) = axum::body::to_bytes(request.into_body(), MAX_FORM).await else { return refused("invalid_request") };
    let expected = basic(CLIENT_ID, &shared.secret);
    if credentials.is_none_or(|found| found.as_bytes() != expected.as_bytes()) {
        return refused("invalid_client");
    }
    let one = |name: &str| form_urlencoded::parse(&body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let refresh_token = random();
    let grant_type = one("grant_type");
    {
        let mut issued = shared.issued();
        let is_good = match grant_type.as_deref() {
            // Taken out: a code is good once, whatever comes of it.
            Some("authorization_code") => issued.code.take().is_some_and(|code| {
                let verifier = PkceCodeVerifier::new(one("code_verifier").unwrap_or_default());
                let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
                one("code").as_ref() == Some(&code.text)
                    && one("redirect_uri").as_ref() == Some(&code.redirect)
                    && challenge.as_str() == code.challenge
            }),
            Some("refresh_token") => issued.refresh_token.is_some() && issued.refresh_token == one("refresh_token"),
            _ => return refused("unsupported_grant_type"),
        };
        if !is_good {
            return refused("invalid_grant");
        }
        if keep(&shared.file, &refresh_token).is_err() {
            return refused("server_error");
        }
        issued.refresh_token = Some(refresh_token.clone());
    }
    let access_token = if grant_type.as_deref() == Some("refresh_token") {
        shared.renewals.fetch_add(1, Ordering::SeqCst);
        &shared.access_token
    } else {
        &shared.first_token.text
    };
    let body = serde_json::json!({
        "access_token": access_token, "token_type": "bearer", "expires_in": 3600, "refresh_token": refresh_token,
    });
    json(StatusCode::OK, &body)
}

/// Keeps a refresh token for the owner of the file alone.
fn keep(file: &Path, refresh_token: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(refresh_token.as_bytes())
}

fn refused(error: &str) -> Response {
    let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    json(status, &serde_json::json!({"error": error}))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    answer(status, "application/json", body.to_string())
}

fn page(status: StatusCode, body: &str) -> Response {
    answer(status, "text/html; charset=utf-8", body.to_owned())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

/// The `Authorization` header of a client that shows its secret (RFC 6749 section 2.3.1); neither holds a character to be encoded.
fn basic(client_id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{client_id}:{secret}")))
}

/// 244 random bits.
fn random() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}
