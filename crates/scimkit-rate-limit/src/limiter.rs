//! What all limiters have in common.

use std::fmt::Debug;

use jiff::Timestamp;

/// What a limiter says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever asks must handle every answer")]
pub enum Decision {
    /// The request may be made now, and is charged.
    Admitted,
    /// The request may not be made now, and nothing is charged.
    Refused {
        /// Before this instant the same request is refused again; then it is worth asking.
        retry_at: Timestamp,
    },
    /// The request costs more than the whole quota and is refused at any time.
    Impossible,
}

impl Decision {
    /// Whether the request may be made now.
    pub const fn is_admitted(self) -> bool {
        matches!(self, Self::Admitted)
    }

    /// The stricter of two decisions, for a request that needs both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Impossible, _) | (_, Self::Impossible) => Self::Impossible,
            (Self::Refused { retry_at: a }, Self::Refused { retry_at: b }) => Self::Refused { retry_at: a.max(b) },
            (refused @ Self::Refused { .. }, Self::Admitted) | (Self::Admitted, refused @ Self::Refused { .. }) => refused,
            (Self::Admitted, Self::Admitted) => Self::Admitted,
        }
    }
}

/// Decides which requests may be made.
///
/// # Contract
/// A decision depends on the calls before it and on `now`, nothing else. A refusal changes nothing that a later decision depends on.
/// `now` may be smaller than in an earlier call; that never admits more. No method panics.
pub trait Limiter: Debug {
    /// What [`admit`](Self::admit) and [`start`](Self::start) would say; charges nothing.
    fn decide(&self, cost: u32, now: Timestamp) -> Decision;

    /// Decides on a request and charges it at once. For services.
    fn admit(&mut self, cost: u32, now: Timestamp) -> Decision;

    /// Decides on a request that begins now; if it is admitted, its cost is held until [`finish`](Self::finish). For clients.
    fn start(&mut self, cost: u32, now: Timestamp) -> Decision;

    /// Says that a request that was started has its answer, or that none will come: from now on it is charged as if it had arrived now.
    fn finish(&mut self, cost: u32, now: Timestamp);

    /// Admits nothing before this instant, which the service named. An earlier pause stays if it is longer.
    fn pause_until(&mut self, at: Timestamp);

    /// How much cost could be admitted now.
    fn remaining(&self, now: Timestamp) -> u32;

    /// The instant from which the limiter is as if it had never been used; `None` while a request is under way.
    fn idle_at(&self) -> Option<Timestamp>;
}
