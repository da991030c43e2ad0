//! Cursors: sealed places in the results of a query (RFC 9865).
//!
//! A cursor is encrypted and authenticated by XChaCha20-Poly1305: its key may be shared by many servers for long, since nonces of 192 bits
//! do not run out, and it is as fast and even in time on machines without AES instructions. The nonce is a keyed digest of what is sealed,
//! so that no randomness is needed; equal places at the same second have equal cursors.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use scimkit_store::Position;
use scimkit_types::{ErrorResponse, ScimType, SearchRequest, SortOrder, Timestamp};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};

use crate::handler::{Context, Search};

type Result<T, E = ErrorResponse> = std::result::Result<T, E>;

const NONCE: usize = 24;

/// The keys of cursors: new ones are made under the first, and taken under any of them.
///
/// A key is replaced in three steps: all servers get the new key as a further one, then as the first one, and once the lifetime of a
/// cursor has passed they forget the old key.
#[derive(Debug)]
pub struct CursorKeys {
    keys: Vec<SecretBox<[u8; 32]>>,
}

impl CursorKeys {
    /// The key that cursors are made under.
    pub fn new(key: SecretBox<[u8; 32]>) -> Self {
        Self { keys: vec![key] }
    }

    /// These keys and a further one that cursors are taken under.
    #[must_use]
    pub fn with(mut self, key: SecretBox<[u8; 32]>) -> Self {
        self.keys.push(key);
        self
    }
}

impl From<&SecretBox<[u8; 32]>> for CursorKeys {
    fn from(key: &SecretBox<[u8; 32]>) -> Self {
        Self::new(SecretBox::new(Box::new(*key.expose_secret())))
    }
}

/// Seals and opens cursors.
pub(crate) struct Cursors {
    /// The first one seals.
    seals: Vec<Seal>,
    lifetime: Duration,
}

/// One key.
struct Seal {
    cipher: XChaCha20Poly1305,
    nonce_key: SecretBox<[u8; 32]>,
}

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursors").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// The walk through the results of one query that a request belongs to.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    cursors: &'a Cursors,
    /// What every request of the walk has in common.
    binding: Vec<u8>,
    count: u64,
    now: Timestamp,
}

impl Cursors {
    pub(crate) fn new(keys: &CursorKeys, lifetime: Duration) -> Self {
        Self { seals: keys.keys.iter().map(Seal::new).collect(), lifetime }
    }

    pub(crate) const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    fn seal(&self, binding: &[u8], plain: &[u8]) -> Option<String> {
        self.seals.first()?.seal(binding, plain)
    }

    fn open(&self, binding: &[u8], text: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        self.seals.iter().find_map(|seal| seal.open(binding, &bytes))
    }
}

impl Seal {
    fn new(key: &SecretBox<[u8; 32]>) -> Self {
        let key = key.expose_secret();
        let nonce_key: [u8; 32] = Sha256::new().chain_update("scimkit cursor nonce").chain_update(key).finalize().into();
        Self { cipher: XChaCha20Poly1305::new(&(*key).into()), nonce_key: SecretBox::new(Box::new(nonce_key)) }
    }

    fn seal(&self, binding: &[u8], plain: &[u8]) -> Option<String> {
        let length = u64::try_from(binding.len()).ok()?.to_be_bytes();
        let digest = Sha256::new().chain_update(self.nonce_key.expose_secret()).chain_update(length).chain_update(binding);
        let digest: [u8; 32] = digest.chain_update(plain).finalize().into();
        let nonce: [u8; NONCE] = *digest.first_chunk()?;
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: binding }).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, binding: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: binding }).ok()
    }
}

impl<'a> Walk<'a> {
    /// Begins a walk or goes on with one, if the request asks by cursor; then `search` begins where the cursor says.
    ///
    /// # Errors
    /// `invalidCursor`, `expiredCursor` or `invalidCount` (R9865-2.1-01); `invalidValue` if the request asks by index too.
    pub(crate) fn new(cursors: &'a Cursors, context: &Context<'_>, request: &SearchRequest, search: &mut Search) -> Result<Option<Self>> {
        let Some(text) = request.cursor.as_deref() else { return Ok(None) };
        if request.start_index.is_some() {
            return Err(ErrorResponse::of(ScimType::InvalidValue, "expected `cursor` or `startIndex`, found both"));
        }
        let walk = Self { cursors, binding: binding(context, request), count: search.count, now: context.now };
        if !text.is_empty() {
            search.after = Some(walk.open(text)?);
        }
        Ok(Some(walk))
    }

    /// R9865-5.2-04: what is wrong with a cursor is not told, nor whether it is another's.
    fn open(&self, text: &str) -> Result<Position> {
        let invalid = || ErrorResponse::of(ScimType::InvalidCursor, "the cursor is not one of this query");
        let plain = self.cursors.open(&self.binding, text).ok_or_else(invalid)?;
        let (expires_at, count, position) = read(&plain).ok_or_else(invalid)?;
        if self.now.as_second() >= expires_at {
            return Err(ErrorResponse::of(ScimType::ExpiredCursor, "the cursor has expired; begin again without it"));
        }
        if count != self.count {
            return Err(ErrorResponse::of(ScimType::InvalidCount, format!("expected the `count` {count} that the walk began with")));
        }
        Ok(position)
    }

    /// The cursor of the page that begins there.
    pub(crate) fn cursor(&self, next: &Position) -> Option<String> {
        let lifetime = i64::try_from(self.cursors.lifetime.as_secs()).unwrap_or(i64::MAX);
        let expires_at = self.now.as_second().saturating_add(lifetime);
        let mut plain = expires_at.to_be_bytes().to_vec();
        plain.extend(self.count.to_be_bytes());
        plain.push(u8::from(next.key.is_some()));
        push(&mut plain, next.key.as_deref().unwrap_or_default());
        push(&mut plain, next.id.as_bytes());
        self.cursors.seal(&self.binding, &plain)
    }
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

fn take<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    Some(part)
}

/// When a cursor expires, the count of its walk, and its place.
fn read(plain: &[u8]) -> Option<(i64, u64, Position)> {
    let (expires_at, rest) = plain.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let (has_key, mut rest) = rest.split_first()?;
    let key = take(&mut rest)?.to_vec();
    let id = String::from_utf8(take(&mut rest)?.to_vec()).ok()?;
    let position = Position::new((*has_key == 1).then_some(key), id);
    Some((i64::from_be_bytes(*expires_at), u64::from_be_bytes(*count), position))
}

/// What a cursor is bound to besides the count (R9865-5.2-01, R9865-2-05).
fn binding(context: &Context<'_>, request: &SearchRequest) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [context.tenant().as_str(), &context.actor.id, &context.resource_type.name] {
        push(&mut bytes, part.as_bytes());
    }
    for part in [&request.filter, &request.sort_by] {
        bytes.push(u8::from(part.is_some()));
        push(&mut bytes, part.as_deref().unwrap_or_default().as_bytes());
    }
    bytes.push(u8::from(request.sort_order.unwrap_or_default() == SortOrder::Descending));
    bytes
}
