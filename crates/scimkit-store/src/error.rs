//! Why a store could not do what it was asked.

/// The result of a call to a store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why a store could not do what it was asked. What the caller could expect (no such resource) is a value, not an error.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error without cause.
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of the back end.
    pub fn backend(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Backend, source: Some(source.into()) }
    }

    /// An error with a cause.
    pub fn with_source(kind: StoreErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What happened.
    pub const fn kind(&self) -> &StoreErrorKind {
        &self.kind
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// A value that must occur once is in use by another resource.
    #[error("a value of `{attribute}` is in use by another resource")]
    NotUnique {
        /// The path of the attribute.
        attribute: String,
    },
    /// The resource changed since it was read.
    #[error("the resource changed since it was read")]
    RevisionMismatch,
    /// The tenant has as many resources of the type as it may have.
    #[error("there are {limit} resources already, as many as there may be")]
    Full {
        /// The limit.
        limit: u64,
    },
    /// Another owner holds the job.
    #[error("another owner holds the job")]
    Held,
    /// The lease was lost: another owner has taken the job.
    #[error("the lease was lost to another owner")]
    Fenced,
    /// The back end failed; the cause says how. Nothing of the call was kept.
    #[error("the database failed")]
    Backend,
    /// What the database holds cannot be read.
    #[error("the database holds something that cannot be read: {what}")]
    Corrupt {
        /// What it is.
        what: String,
    },
    /// A text holds U+0000, which databases refuse.
    #[error("`{attribute}` holds the character U+0000")]
    NulCharacter {
        /// The path of the attribute.
        attribute: String,
    },
}
