//! How the client comes to its tokens: by a consent of the service's administrator, or by a bearer token of the command line.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::OriginalUri;
use axum::response::Html;
use axum::routing::get;
use bytes::Bytes;
use http::header::LOCATION;
use http::{Method, Request};
use scimkit_client::{BearerToken, StaticToken, TokenSource, Transport};
use scimkit_http::oauth::{ClientAuthentication, FileTokens, OAuthClient, OAuthTokens};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_types::SystemClock;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::authorize_server::{Authority, CLIENT_ID, FirstToken};
use crate::failure::Failure;
use crate::home::Home;
use crate::options::Options;

/// Where the client's tokens come from, before there is a transport to ask for them.
#[derive(Debug)]
pub(crate) enum Authorization {
    /// A bearer token of the command line.
    Bearer(BearerToken),
    /// A consent at the service's authorization server.
    Consent(Authority, FileTokens),
}

impl Authorization {
    /// A bearer token if there is one, else an authorization server that gives out the first token and then the service's.
    pub(crate) async fn new(options: &Options, home: &Home, first_token: Arc<FirstToken>, service_token: &str) -> Result<Self, Failure> {
        if let Some(token) = &options.token {
            let token = BearerToken::new(token.clone()).map_err(|error| Failure::input_because("`--token`", &error))?;
            return Ok(Self::Bearer(token));
        }
        let authority = Authority::start(first_token, service_token, home.file("authority.json")).await?;
        Ok(Self::Consent(authority, FileTokens::new(home.file("tokens.json"))))
    }

    /// The tokens, whose requests go through this transport. Without any kept from an earlier run, the administrator is asked to consent.
    pub(crate) async fn tokens(
        &self,
        transport: Arc<dyn Transport>,
        has_browser: bool,
        out: &mut (dyn Write + Send),
    ) -> Result<Arc<dyn TokenSource>, Failure> {
        let failure = |error: &dyn std::error::Error| Failure::input_because("the authorization failed", error);
        let (authority, file) = match self {
            Self::Bearer(token) => return Ok(Arc::new(StaticToken::new(token.clone()))),
            Self::Consent(authority, file) => (authority, file),
        };
        let client = OAuthClient::new(CLIENT_ID, &authority.address("token")?, transport).map_err(|error| failure(&error))?;
        let client = client.with_authentication(ClientAuthentication::Basic(authority.secret().into())).with_scopes(["EditAccounts"]);
        let tokens = OAuthTokens::authorization_code(client, Arc::new(file.clone()), Arc::new(SystemClock::default()));
        let kept = tokens.is_authorized().map_err(|error| failure(&error))?;
        // A refresh token that the server does not know any more is as good as none.
        if !kept || tokens.token().await.is_err() {
            let callback = Callback::listen().await?;
            let consent = tokens.client().consent(&authority.address("authorize")?, callback.address()).map_err(|error| failure(&error))?;
            let returned = if has_browser {
                let told = writeln!(out, "authorization     open {} and allow it", consent.address()).and_then(|()| out.flush());
                told.map_err(|error| Failure::input_because("cannot write to standard output", &error))?;
                callback.returned().await?
            } else {
                allow(consent.address()).await?
            };
            tokens.authorize(consent, &returned).await.map_err(|error| failure(&error))?;
        }
        Ok(Arc::new(tokens))
    }

    /// How many access tokens the client got for a refresh token.
    pub(crate) fn renewals(&self) -> u64 {
        match self {
            Self::Bearer(_) => 0,
            Self::Consent(authority, _) => authority.renewals(),
        }
    }

    /// How the client is authorized, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Bearer(_) => "the bearer token of `--token`".to_owned(),
            Self::Consent(authority, file) => format!("OAuth 2 at {}; tokens in {}", authority.base(), file.path().display()),
        }
    }
}

/// Does what the administrator does in a browser: opens the address, allows what is asked for, and is sent back.
async fn allow(address: &str) -> Result<String, Failure> {
    let cannot = |error: &dyn std::error::Error| Failure::input_because("the administrator cannot be asked", error);
    let browser = ReqwestTransport::new(ReqwestOptions::default()).map_err(|error| cannot(&error))?;
    for method in [Method::GET, Method::POST] {
        let request = Request::builder().method(method).uri(address).body(Bytes::new()).map_err(|error| cannot(&error))?;
        let response = browser.send(request).await.map_err(|error| cannot(&error))?;
        if let Some(location) = response.headers().get(LOCATION).and_then(|location| location.to_str().ok()) {
            return Ok(location.to_owned());
        }
        if !response.status().is_success() {
            return Err(Failure::input(format!(
                "the administrator cannot be asked: the authorization server answered {}",
                response.status()
            )));
        }
    }
    Err(Failure::input("the authorization server does not send the administrator back"))
}

/// Where a browser is sent back to: an address of this machine.
struct Callback {
    address: String,
    returned: oneshot::Receiver<String>,
}

impl Callback {
    async fn listen() -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::input_because("cannot listen for the browser", &error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let address = format!("http://{}/callback", listener.local_addr().map_err(cannot)?);
        let (sender, returned) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let router = Router::new().route(
            "/callback",
            get(move |OriginalUri(uri): OriginalUri| async move {
                if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    // Nobody waits any more when the run was stopped.
                    let _ = sender.send(uri.to_string());
                }
                Html("<p>You can close this page.</p>")
            }),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, returned })
    }

    fn address(&self) -> &str {
        &self.address
    }

    async fn returned(self) -> Result<String, Failure> {
        self.returned.await.map_err(|error| Failure::input_because("the browser was not waited for", &error))
    }
}
