//! Stores in SQLite.
//!
//! [`SqliteResources`] and [`SqliteState`] may share a database file; their tables have different names. One connection writes,
//! a few read beside it (write-ahead log); a change is on disk when its call returns (`synchronous = FULL`; a
//! [deferred](crate::Batch::is_deferred) batch of state with the next change that is), and calls that come while
//! the disk is busy are written together. The connections keep up to 96 MiB of the file in memory, those of state 20 MiB. The file must
//! lie on a local disk.
//! SQLite is synchronous, so every call works on a thread that the tokio runtime has for blocking work: calls outside of a tokio runtime
//! are errors. Another process may use the same file; a writer waits up to 30 seconds for another one.
//!
//! # Errors
//! A locked, unreadable, moved or replaced file is [`Backend`](crate::StoreErrorKind::Backend) with the cause; a damaged file, one of
//! another application or one of a newer version is [`Corrupt`](crate::StoreErrorKind::Corrupt).

pub(crate) mod database;
mod error;
mod resources;
mod session;
mod state;
mod writer;

pub use resources::SqliteResources;
pub use state::SqliteState;
