//! What a peer does wrong although it can be understood.

mod body;
mod check;
mod kind;

pub use check::{Expected, deviations};
pub use kind::DeviationKind;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One thing that a peer does otherwise than the standard says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Deviation {
    /// What it does.
    pub kind: DeviationKind,
    /// Where in the answer: a member such as `Resources[0].id`, or a header such as `Content-Type`; empty for the answer as a whole. Never
    /// a value of an attribute.
    pub place: String,
}

impl Deviation {
    pub(crate) fn new(kind: DeviationKind, place: impl Into<String>) -> Self {
        Self { kind, place: place.into() }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.text())?;
        if !self.place.is_empty() {
            write!(f, " (`{}`)", self.place)?;
        }
        write!(f, ": {}", self.kind.rule())
    }
}

/// Collects what a peer does wrong, over many answers: each kind at each endpoint once, with how often it came and where it came first.
///
/// There are as many entries as kinds and endpoints, and endpoints are counted up to 64; so the memory is bounded whatever a peer sends.
///
/// ```
/// use std::sync::Arc;
/// use scimkit_client::lint::{DeviationKind, Lints};
/// use scimkit_client::{Client, TransportError, transport_fn};
///
/// # futures_util::FutureExt::now_or_never(async {
/// let peer = transport_fn(|_| async {
///     let answer = http::Response::builder().header("content-type", "text/html");
///     Ok::<_, TransportError>(answer.body(r#"{"id": "1", "schemas": ["urn:x"], "meta": {"resourceType": "User"}}"#.into()).unwrap())
/// });
/// let lints = Arc::new(Lints::default());
/// let client = Client::new(Arc::new(peer), "https://example.com/scim/v2".parse()?)?.with_lints(Arc::clone(&lints));
/// client.get("/Users", "1", &Default::default()).await?;
/// assert_eq!(lints.found().first().map(|found| found.deviation.kind), Some(DeviationKind::ContentType));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Lints {
    found: Mutex<BTreeMap<(String, DeviationKind), Found>>,
}

/// A kind of deviation at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The endpoint, such as `/Users`, and the method.
    pub endpoint: String,
    /// The first one.
    pub deviation: Deviation,
    /// How many answers deviate so.
    pub answers: u64,
}

/// How many endpoints are told apart; the rest is counted together.
const MAX_ENDPOINTS: usize = 64;

impl Lints {
    /// Counts what one answer of an endpoint does wrong.
    pub fn note(&self, endpoint: &str, deviations: impl IntoIterator<Item = Deviation>) {
        let mut found = self.lock();
        let mut kinds = Vec::new();
        for deviation in deviations {
            if kinds.contains(&deviation.kind) {
                continue;
            }
            kinds.push(deviation.kind);
            let key = (endpoint.to_owned(), deviation.kind);
            let is_known = found.contains_key(&key) || found.len() < MAX_ENDPOINTS * DeviationKind::ALL.len();
            let endpoint = if is_known { key.0 } else { "other".to_owned() };
            let entry = found.entry((endpoint.clone(), deviation.kind)).or_insert(Found { endpoint, deviation, answers: 0 });
            entry.answers = entry.answers.saturating_add(1);
        }
    }

    /// What was found so far, by endpoint and kind.
    pub fn found(&self) -> Vec<Found> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, DeviationKind), Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
