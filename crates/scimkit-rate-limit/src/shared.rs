//! A state that many processes share.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use thiserror::Error;

/// What a shared limit says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever asks must handle every answer")]
pub enum SharedDecision {
    /// The request may be made now, under this number.
    Admitted(RequestNumber),
    /// The request may not be made now; after so long it is worth asking again.
    Refused {
        /// How long the same request is refused at least, by the clock of the shared state.
        retry_after: Duration,
    },
    /// The request costs more than the whole quota and is refused at any time.
    Impossible,
}

/// The number by which a shared state knows a request that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestNumber(pub u64);

/// The shared state did not answer, so nothing may be sent.
#[derive(Debug, Error)]
#[error("the shared quota cannot be reached")]
pub struct SharedError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl SharedError {
    /// An error of the store that holds the state.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

/// What a shared limit answers in time.
pub type SharedAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, SharedError>> + Send + 'a>>;

/// A limit whose state many processes share.
///
/// # Contract
/// All calls of all processes are decided one after the other by one clock, as a [`Limiter`](crate::Limiter) would decide them. Whoever gets
/// an error sends nothing. A request that is neither finished nor heard of again counts as arrived at its deadline.
pub trait SharedLimit: Debug + Send + Sync {
    /// Decides on a request that begins now and is under way for at most `deadline`; if it is admitted, its cost is held until
    /// [`finish`](Self::finish).
    fn start(&self, cost: u32, deadline: Duration) -> SharedAnswer<'_, SharedDecision>;

    /// Says that a request has its answer: it is charged as if it had arrived now.
    fn finish(&self, request: RequestNumber, cost: u32) -> SharedAnswer<'_, ()>;

    /// Admits nothing for so long, in any process. A pause that ends later stays.
    fn pause(&self, pause: Duration) -> SharedAnswer<'_, ()>;
}
