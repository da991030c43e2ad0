//! What a limit says of a request.

use jiff::Timestamp;

/// What a limit says of a request.
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
