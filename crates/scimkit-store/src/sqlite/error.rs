//! What SQLite reports, as errors of a store.

use rusqlite::ErrorCode;

use crate::error::StoreError;
use crate::sql::corrupt;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => corrupt("the file is not an SQLite database", error),
            Some(ErrorCode::DatabaseCorrupt) => corrupt("the database file is damaged", error),
            _ => Self::backend(error),
        }
    }
}
