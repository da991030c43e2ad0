//! Provisioning state in SQLite.

use std::path::Path;

use super::database::{SqliteDatabase, Usage};
use crate::error::Result;
use crate::sql::state_store;

/// Keeps provisioning state in SQLite; see the [module](super) for what holds for the file.
///
/// ```
/// use scimkit_store::{JobId, StateStore, Table, sqlite::SqliteState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), scimkit_store::StoreError> {
/// let state = SqliteState::open_in_memory()?;
/// assert_eq!(state.get(&JobId::new("users"), Table::Job, "watermark").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteState {
    database: SqliteDatabase,
}

impl SqliteState {
    /// Opens or creates a database file. Blocks while it does.
    ///
    /// # Errors
    /// `Backend` if the file cannot be used; `Corrupt` if it is no database of this library.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { database: SqliteDatabase::open(path.as_ref(), Usage::State)? })
    }

    /// A database that lives as long as the store.
    ///
    /// # Errors
    /// `Backend` if memory is short.
    pub fn open_in_memory() -> Result<Self> {
        Ok(Self { database: SqliteDatabase::open_in_memory()? })
    }
}

state_store!(SqliteState);
