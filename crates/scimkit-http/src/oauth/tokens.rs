//! Tokens and where they are kept.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use scimkit_client::TokenError;
use scimkit_types::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What an authorization server gave. `Debug` shows no token.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token.
    pub access: SecretString,
    /// What a new access token is asked for with.
    pub refresh: Option<SecretString>,
    /// Until when the access token is used: a little shorter than it is valid. `None` until it is rejected.
    pub use_until: Option<Timestamp>,
}

impl Tokens {
    /// An access token that is used until it is rejected, and cannot be renewed.
    pub fn new(access: impl Into<SecretString>) -> Self {
        Self { access: access.into(), refresh: None, use_until: None }
    }

    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.use_until.is_none_or(|until| now < until)
    }

    pub(super) fn is(&self, access: &str) -> bool {
        self.access.expose_secret() == access
    }

    pub(super) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        let use_until = self.use_until.map(|until| until.to_string());
        let kept = Kept { access_token: Text::of(&self.access), refresh_token: self.refresh.as_ref().map(Text::of), use_until };
        serde_json::to_vec(&kept).map(Zeroizing::new)
    }

    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        let kept: Kept<'_> = serde_json::from_slice(json).ok()?;
        let use_until = kept.use_until.map(|until| until.parse()).transpose().ok()?;
        let (access, refresh) = (kept.access_token.into_secret(), kept.refresh_token.map(Text::into_secret));
        Some(Self { access, refresh, use_until })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("use_until", &self.use_until).finish_non_exhaustive()
    }
}

/// How tokens stand in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    #[serde(borrow)]
    access_token: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    use_until: Option<String>,
}

/// A token where it stands, so that no copy of it is left behind.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    fn of(secret: &'a SecretString) -> Self {
        Self(Cow::Borrowed(secret.expose_secret()))
    }

    fn into_secret(self) -> SecretString {
        match self.0 {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

/// Where tokens outlive the process.
///
/// # Contract
/// What `save` was given is what `load` returns, as a whole, also after a crash in the middle of a later `save`: a refresh token that can be
/// used only once is lost otherwise, and people must consent anew. Both are short and may block. One process uses a store at a time.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// What was saved last; `None` if nothing was.
    ///
    /// # Errors
    /// [`TokenError`] if it cannot be read.
    fn load(&self) -> Result<Option<Tokens>, TokenError>;

    /// Keeps the tokens in the place of those before.
    ///
    /// # Errors
    /// [`TokenError`] if they are not kept for certain.
    fn save(&self, tokens: &Tokens) -> Result<(), TokenError>;
}

/// Keeps tokens as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Option<Tokens>>);

impl TokenStore for MemoryTokens {
    fn load(&self) -> Result<Option<Tokens>, TokenError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, tokens: &Tokens) -> Result<(), TokenError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokens.clone());
        Ok(())
    }
}
