//! Requests to an authorization server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicTokenResponse};
use oauth2::{
    AuthType, AuthUrl, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use scimkit_client::{TokenError, Transport, TransportError, TransportErrorKind};
use scimkit_types::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::assertion::AssertionKey;
use super::consent::{Consent, plain};
use super::tokens::Tokens;

/// How a client shows the authorization server who it is. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// By its id alone: a public client, which PKCE protects.
    #[default]
    Public,
    /// By a secret in the `Authorization` header, as RingCentral wants it.
    Basic(SecretString),
    /// By a secret in the body, as Microsoft Entra ID sends it.
    Body(SecretString),
    /// By a signed assertion (RFC 7523).
    PrivateKey(AssertionKey),
}

/// A client of an authorization server.
#[derive(Clone)]
pub struct OAuthClient {
    client_id: String,
    authentication: ClientAuthentication,
    token_url: TokenUrl,
    scopes: Vec<String>,
    issuer: Option<String>,
    transport: Arc<dyn Transport>,
}

type Endpoint = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The most bytes of an answer. What is larger holds no token that could be sent in a header, or be read from a file again.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest time for which a token is thought to be valid.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl OAuthClient {
    /// A client with this id at the token endpoint at this address.
    ///
    /// Requests go through the transport, once: a [`Retry`](scimkit_client::Retry) does not belong around it, since a refresh token that can
    /// be used once must not be sent twice. Whether plain `http` is allowed is the transport's rule.
    ///
    /// # Errors
    /// [`TokenError`] unless the address is one.
    pub fn new(client_id: impl Into<String>, token_address: &Uri, transport: Arc<dyn Transport>) -> Result<Self, TokenError> {
        let token_url =
            TokenUrl::new(token_address.to_string()).map_err(|_| TokenError::new("expected the address of a token endpoint"))?;
        let (authentication, scopes) = (ClientAuthentication::Public, Vec::new());
        Ok(Self { client_id: client_id.into(), authentication, token_url, scopes, issuer: None, transport })
    }

    /// This client with a way to show who it is.
    #[must_use]
    pub fn with_authentication(self, authentication: ClientAuthentication) -> Self {
        Self { authentication, ..self }
    }

    /// This client with the scopes that it asks for.
    #[must_use]
    pub fn with_scopes(self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { scopes: scopes.into_iter().map(Into::into).collect(), ..self }
    }

    /// This client with the identifier by which the authorization server names itself in the answer to a request for a consent (`iss`,
    /// RFC 9207): an answer without it, or with another one, is refused. Whoever has clients of several authorization servers needs it, so
    /// that none can pass off its answer as that of another.
    #[must_use]
    pub fn with_issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..self }
    }

    /// Asks for a consent at the authorization endpoint at this address, with PKCE (S256) and a `state`, both random; the person is sent
    /// back to the redirect address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`TokenError`] unless both are addresses.
    pub fn consent(&self, authorization_address: &Uri, redirect_address: &str) -> Result<Consent, TokenError> {
        let address = AuthUrl::new(authorization_address.to_string());
        let address = address.map_err(|_| TokenError::new("expected the address of an authorization endpoint"))?;
        let redirect = RedirectUrl::new(redirect_address.to_owned()).map_err(|_| TokenError::new("expected the address of a redirect"))?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = BasicClient::new(ClientId::new(self.client_id.clone())).set_auth_uri(address).set_redirect_uri(redirect.clone());
        let request = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge);
        let (address, state) = request.add_scopes(self.scopes.iter().cloned().map(Scope::new)).url();
        let (token_url, issuer) = (self.token_url.clone(), self.issuer.clone());
        Ok(Consent { address: address.to_string(), state, verifier, redirect, token_url, issuer })
    }

    /// Exchanges the code of a consent for tokens; `returned` is the address that the person was sent back to, or its query.
    pub(super) async fn exchange(&self, consent: Consent, returned: &str, now: Timestamp) -> Result<Tokens, TokenError> {
        if consent.token_url != self.token_url {
            return Err(TokenError::new("expected a consent that this client asked for, found one of another authorization server"));
        }
        let code = consent.code(returned)?;
        let endpoint = self.endpoint().set_redirect_uri(consent.redirect);
        let mut request = endpoint.exchange_code(code).set_pkce_verifier(consent.verifier);
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        let transport = self.http();
        let answer = request.request_async(&transport).await.map_err(failure)?;
        tokens(&answer, now, None)
    }

    /// Asks for new tokens with a refresh token. The new one takes its place if there is one (rotation).
    pub(super) async fn refresh(&self, refresh: &SecretString, now: Timestamp) -> Result<Tokens, TokenError> {
        let token = RefreshToken::new(refresh.expose_secret().to_owned());
        let endpoint = self.endpoint();
        let mut request = endpoint.exchange_refresh_token(&token);
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        let transport = self.http();
        let answer = request.request_async(&transport).await.map_err(failure)?;
        tokens(&answer, now, Some(refresh))
    }

    /// Asks for a token of the client itself.
    pub(super) async fn client_credentials(&self, now: Timestamp) -> Result<Tokens, TokenError> {
        let endpoint = self.endpoint();
        let mut request = endpoint.exchange_client_credentials().add_scopes(self.scopes.iter().cloned().map(Scope::new));
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        let transport = self.http();
        let answer = request.request_async(&transport).await.map_err(failure)?;
        tokens(&answer, now, None)
    }

    fn endpoint(&self) -> Endpoint {
        let client = BasicClient::new(ClientId::new(self.client_id.clone())).set_token_uri(self.token_url.clone());
        let secret = |secret: &SecretString| ClientSecret::new(secret.expose_secret().to_owned());
        match &self.authentication {
            ClientAuthentication::Public | ClientAuthentication::PrivateKey(_) => client.set_auth_type(AuthType::RequestBody),
            ClientAuthentication::Basic(text) => client.set_client_secret(secret(text)).set_auth_type(AuthType::BasicAuth),
            ClientAuthentication::Body(text) => client.set_client_secret(secret(text)).set_auth_type(AuthType::RequestBody),
        }
    }

    /// The parameters by which a client with a key shows who it is.
    fn assertion(&self, now: Timestamp) -> Result<Vec<(&'static str, String)>, TokenError> {
        let ClientAuthentication::PrivateKey(key) = &self.authentication else { return Ok(Vec::new()) };
        let number = CsrfToken::new_random().secret().clone();
        let assertion = key.sign(&self.client_id, self.token_url.as_str(), &number, now)?;
        Ok(vec![
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()),
            ("client_assertion", assertion),
        ])
    }

    fn http(
        &self,
    ) -> impl Fn(HttpRequest) -> futures_util::future::BoxFuture<'static, Result<HttpResponse, TransportError>> + Send + Sync + use<> {
        let transport = Arc::clone(&self.transport);
        move |request| Box::pin(send(Arc::clone(&transport), request))
    }
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient")
            .field("client_id", &self.client_id)
            .field("token_url", &self.token_url.as_str())
            .finish_non_exhaustive()
    }
}

async fn send(transport: Arc<dyn Transport>, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    let (parts, body) = request.into_parts();
    let answer: Response<Bytes> = transport.send(Request::from_parts(parts, Bytes::from(body))).await?;
    if answer.body().len() > MAX_ANSWER {
        return Err(TransportError::new(TransportErrorKind::TooLarge));
    }
    Ok(answer.map(|body| body.to_vec()))
}

/// What an answer gives. A token is used a tenth of its time less than it is valid, at most a minute less.
fn tokens(answer: &BasicTokenResponse, now: Timestamp, before: Option<&SecretString>) -> Result<Tokens, TokenError> {
    let valid = answer.expires_in().map(|valid| valid.min(LONGEST));
    let used = valid.map(|valid| valid.saturating_sub((valid / 10).min(Duration::from_secs(60))));
    let mut tokens = Tokens::new(answer.access_token().secret().as_str());
    scimkit_client::BearerToken::new(tokens.access.clone())?;
    tokens.use_until = used.and_then(|used| now.saturating_add(used).ok());
    let refresh = answer.refresh_token().map(|refresh| SecretString::from(refresh.secret().as_str()));
    tokens.refresh = refresh.or_else(|| before.cloned());
    Ok(tokens)
}

/// Why there are no tokens; nothing of what the server wrote but a keyword, since it may repeat a secret.
fn failure(error: RequestTokenError<TransportError, BasicErrorResponse>) -> TokenError {
    match error {
        RequestTokenError::ServerResponse(error) => {
            TokenError::new(format!("the authorization server refused: {}", plain(error.error().as_ref())))
        }
        RequestTokenError::Request(error) => TokenError::with_source("the authorization server did not answer", error),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            TokenError::new("expected tokens of the authorization server, found something else")
        }
    }
}
