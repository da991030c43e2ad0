//! What SQLite reports, as errors of a store.

use rusqlite::ErrorCode;

use crate::error::{StoreError, StoreErrorKind};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => corrupt("the file is not an SQLite database", error),
            Some(ErrorCode::DatabaseCorrupt) => corrupt("the database file is damaged", error),
            _ => Self::backend(error),
        }
    }
}

/// An error about content that cannot be read.
pub(super) fn corrupt(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt { what: what.to_owned() }, source)
}

/// An error about content that was read and makes no sense.
pub(super) fn senseless(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt { what: what.to_owned() })
}

/// Whether a row was refused because there is one like it.
pub(super) fn is_conflict(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
