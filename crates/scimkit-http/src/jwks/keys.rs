//! Fetching keys and keeping them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::ACCEPT;
use http::{Request, StatusCode, Uri};
use jiff::Timestamp;
use scimkit_client::{Transport, TransportError};
use scimkit_types::Clock;
use serde_json::Value;

use super::JwksOptions;
use super::key::{Algorithm, Key};

/// The most bytes of a set of keys.
const MAX_BODY: usize = 1 << 20;
/// The most keys of a set; issuers publish a handful.
const MAX_KEYS: usize = 100;

/// Why there are no keys to check a token with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("the keys of the authorization server could not be fetched")]
    Transport(#[source] TransportError),
    #[error("expected the keys of the authorization server with status 200, found {status}")]
    Status { status: StatusCode },
    #[error("expected at most {MAX_BODY} bytes of keys, found {found}")]
    TooLarge { found: usize },
    #[error("expected a set of keys as JSON with a list at `keys`")]
    Format,
    #[error("the keys of the authorization server could not be fetched shortly before")]
    TriedBefore,
}

/// The keys of an issuer.
#[derive(Debug)]
pub(crate) struct Keys {
    transport: Arc<dyn Transport>,
    kept: RwLock<Kept>,
    /// The fetch under way. All requests that need it wait for it, and any of them gets it done: it goes on when the one that began it is
    /// given up by its client.
    fetching: Mutex<Option<Fetch>>,
}

type Fetch = Shared<BoxFuture<'static, Result<Vec<Arc<Key>>, Arc<KeysError>>>>;

#[derive(Clone, Debug, Default)]
struct Kept {
    keys: Vec<Arc<Key>>,
    fetched_at: Option<Timestamp>,
    /// When fetching was last tried.
    tried_at: Option<Timestamp>,
}

impl Keys {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, kept: RwLock::default(), fetching: Mutex::default() }
    }

    /// The key of a token; `None` if the issuer has none such.
    ///
    /// # Errors
    /// [`KeysError`] if there are no keys that may still be used.
    pub(crate) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        options: &JwksOptions,
        clock: &dyn Clock,
    ) -> Result<Option<Arc<Key>>, Arc<KeysError>> {
        let kept = self.kept();
        if kept.is_younger(options.refresh_after, clock.now())
            && let Some(key) = kept.find(id, algorithm)
        {
            return Ok(Some(key));
        }
        let outcome = self.refresh(&kept, options, clock).await;
        let kept = self.kept();
        if kept.is_younger(options.keep_for, clock.now()) { Ok(kept.find(id, algorithm)) } else { outcome.map(|()| None) }
    }

    /// Fetches keys, unless another request has done so since `seen`, or tried it a short while ago.
    async fn refresh(&self, seen: &Kept, options: &JwksOptions, clock: &dyn Clock) -> Result<(), Arc<KeysError>> {
        let Some(fetch) = self.begin(seen, options, clock)? else { return Ok(()) };
        let outcome = fetch.clone().await;
        // The first one that learns of the end notes it.
        let mut running = self.fetching();
        if running.take_if(|running| running.ptr_eq(&fetch)).is_some() {
            match &outcome {
                // As old as its beginning: it may have waited for somebody to get it done.
                Ok(keys) => self.change(|kept| {
                    kept.keys.clone_from(keys);
                    kept.fetched_at = kept.tried_at;
                }),
                Err(error) => tracing::warn!(%error, cause = ?std::error::Error::source(error), "keys were not fetched"),
            }
        }
        drop(running);
        outcome.map(drop)
    }

    /// The fetch to wait for; `None` if there is no need for one any more.
    fn begin(&self, seen: &Kept, options: &JwksOptions, clock: &dyn Clock) -> Result<Option<Fetch>, Arc<KeysError>> {
        let mut running = self.fetching();
        if let Some(fetch) = running.as_ref() {
            return Ok(Some(fetch.clone()));
        }
        let (now, kept) = (clock.now(), self.kept());
        if kept.fetched_at != seen.fetched_at {
            return Ok(None);
        }
        // A clock that was set back must not keep keys from being fetched.
        let is_early = kept.tried_at.is_some_and(|tried_at| {
            let since = now.duration_since(tried_at);
            !since.is_negative() && since.unsigned_abs() < options.wait_between_fetches
        });
        if is_early {
            return Err(Arc::new(KeysError::TriedBefore));
        }
        self.change(|kept| kept.tried_at = Some(now));
        let fetch = fetch(Arc::clone(&self.transport), options.jwks_uri.clone()).map(|keys| keys.map_err(Arc::new)).boxed().shared();
        *running = Some(fetch.clone());
        Ok(Some(fetch))
    }

    fn fetching(&self) -> MutexGuard<'_, Option<Fetch>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn fetch(transport: Arc<dyn Transport>, uri: Uri) -> Result<Vec<Arc<Key>>, KeysError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert(ACCEPT, http::HeaderValue::from_static("application/jwk-set+json, application/json"));
    let response = transport.send(request).await.map_err(KeysError::Transport)?;
    if response.status() != StatusCode::OK {
        return Err(KeysError::Status { status: response.status() });
    }
    if response.body().len() > MAX_BODY {
        return Err(KeysError::TooLarge { found: response.body().len() });
    }
    let set: Value = serde_json::from_slice(response.body()).map_err(|_| KeysError::Format)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(KeysError::Format)?;
    Ok(keys.iter().take(MAX_KEYS).filter_map(Key::parse).map(Arc::new).collect())
}

impl Kept {
    fn is_younger(&self, than: std::time::Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|fetched_at| now.duration_since(fetched_at).unsigned_abs() < than)
    }

    /// A token without a key id can only be of the one key that fits.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }
}
