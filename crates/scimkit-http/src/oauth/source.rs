//! Tokens that are renewed in time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use scimkit_client::{BearerToken, TokenError, TokenSource};
use scimkit_types::Clock;

use super::client::OAuthClient;
use super::consent::Consent;
use super::tokens::{TokenStore, Tokens};

/// A source of tokens that are renewed in time and kept in a store.
///
/// At most one request for tokens is under way, whoever waits for it. When everybody who waited is dropped, the request stays, and the next
/// one who asks goes on with it, so that a refresh token that was replaced is not lost. New tokens are saved before anybody gets them.
/// Clones share everything.
#[derive(Clone)]
pub struct OAuthTokens {
    inner: Arc<Inner>,
}

struct Inner {
    client: OAuthClient,
    grant: Grant,
    store: Arc<dyn TokenStore>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// How new tokens are had.
#[derive(Clone, Copy, Debug)]
enum Grant {
    Refresh,
    ClientCredentials,
}

#[derive(Default)]
struct State {
    is_loaded: bool,
    tokens: Option<Tokens>,
    under_way: Option<UnderWay>,
}

type UnderWay = Shared<BoxFuture<'static, Result<Tokens, Arc<TokenError>>>>;

impl OAuthTokens {
    /// Tokens by a consent that people gave: those in the store, renewed with their refresh token; [`authorize`](Self::authorize) puts the
    /// first ones there.
    pub fn authorization_code(client: OAuthClient, store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> Self {
        Self::new(client, Grant::Refresh, store, clock)
    }

    /// Tokens of the client itself (RFC 6749 section 4.4).
    pub fn client_credentials(client: OAuthClient, store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> Self {
        Self::new(client, Grant::ClientCredentials, store, clock)
    }

    fn new(client: OAuthClient, grant: Grant, store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { client, grant, store, clock, state: Mutex::default() }) }
    }

    /// The client.
    pub fn client(&self) -> &OAuthClient {
        &self.inner.client
    }

    /// Whether there are tokens, so that nobody needs to consent.
    ///
    /// # Errors
    /// [`TokenError`] if the store cannot be read.
    pub fn is_authorized(&self) -> Result<bool, TokenError> {
        let mut state = self.inner.state();
        self.inner.load(&mut state)?;
        Ok(state.tokens.is_some())
    }

    /// Exchanges the code of a consent for tokens and saves them. `returned` is the address that the person was sent back to, or its query.
    ///
    /// # Errors
    /// [`TokenError`] if the consent was refused, if the answer does not fit it, or if there are no tokens.
    pub async fn authorize(&self, consent: Consent, returned: &str) -> Result<(), TokenError> {
        let now = self.inner.clock.now();
        let tokens = self.inner.client.exchange(consent, returned, now).await?;
        self.inner.keep(&tokens)
    }

    /// The request that is under way, or a new one.
    fn renew(&self, state: &mut State) -> UnderWay {
        let inner = Arc::clone(&self.inner);
        let present = state.tokens.clone();
        let new = || {
            let work = async move {
                let result = inner.renewed(present.as_ref()).await.map_err(Arc::new);
                inner.state().under_way = None;
                result
            };
            work.boxed().shared()
        };
        state.under_way.get_or_insert_with(new).clone()
    }
}

impl Inner {
    async fn renewed(&self, present: Option<&Tokens>) -> Result<Tokens, TokenError> {
        let now = self.clock.now();
        let tokens = match self.grant {
            Grant::ClientCredentials => self.client.client_credentials(now).await?,
            Grant::Refresh => {
                let present = present.ok_or_else(|| TokenError::new("nobody has consented yet"))?;
                let refresh = present.refresh.as_ref();
                let refresh = refresh.ok_or_else(|| TokenError::new("the token is used up and there is none to renew it"))?;
                self.client.refresh(refresh, now).await?
            }
        };
        self.keep(&tokens)?;
        Ok(tokens)
    }

    /// Saves tokens and uses them from now on.
    fn keep(&self, tokens: &Tokens) -> Result<(), TokenError> {
        let saved = self.store.save(tokens);
        let mut state = self.state();
        // Also when they could not be saved: the ones before are no longer good.
        (state.tokens, state.is_loaded) = (Some(tokens.clone()), true);
        saved
    }

    fn load(&self, state: &mut State) -> Result<(), TokenError> {
        if !state.is_loaded {
            state.tokens = self.store.load()?;
            state.is_loaded = true;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OAuthTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        f.debug_struct("OAuthTokens").field("client", &inner.client).field("grant", &inner.grant).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenSource for OAuthTokens {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        let renewal = {
            let mut state = self.inner.state();
            self.inner.load(&mut state)?;
            let now = self.inner.clock.now();
            if let Some(tokens) = state.tokens.as_ref().filter(|tokens| tokens.is_usable(now)) {
                return BearerToken::new(tokens.access.clone());
            }
            self.renew(&mut state)
        };
        bearer(renewal.await)
    }

    async fn refresh(&self, rejected: &BearerToken) -> Result<BearerToken, TokenError> {
        let renewal = {
            let mut state = self.inner.state();
            self.inner.load(&mut state)?;
            let now = self.inner.clock.now();
            let other = state.tokens.as_ref().filter(|tokens| !tokens.is(rejected.expose()) && tokens.is_usable(now));
            if let Some(tokens) = other {
                return BearerToken::new(tokens.access.clone());
            }
            self.renew(&mut state)
        };
        bearer(renewal.await)
    }
}

fn bearer(renewed: Result<Tokens, Arc<TokenError>>) -> Result<BearerToken, TokenError> {
    match renewed {
        Ok(tokens) => BearerToken::new(tokens.access),
        Err(error) => Err(TokenError::with_source(error.to_string(), error)),
    }
}
