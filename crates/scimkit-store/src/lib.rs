//! Stores for SCIM resources and for the state of provisioning.
//!
//! [`ResourceStore`] keeps the resources of a service provider; [`StateStore`] keeps what a provisioning job must not forget.
//! Both come in memory, in SQLite (feature `sqlite`) and in PostgreSQL (feature `postgres`); the feature `conformance` has the suites that
//! prove an implementation.
//!
//! ```
//! use scimkit_store::{MAX_LEVELS, Membership, MemoryResources, NewResource, Query, ResourceKey, ResourceStore, Tenant};
//! use scimkit_types::{Resource, Timestamp, schema};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), scimkit_store::StoreError> {
//! let store = MemoryResources::new();
//! let mut user = Resource::new([schema::USER]);
//! user.insert("userName", "ola@example.com");
//! let key = ResourceKey::new(Tenant::new("acme"), "User", "2819c223");
//! store.create(NewResource::new(key, user, Timestamp::UNIX_EPOCH)).await?;
//!
//! let page = store.query(&Query::new(Tenant::new("acme"), "User".to_owned(), 10)).await?;
//! assert_eq!(page.total, 1);
//! let page = store.query(&Query::new(Tenant::new("globex"), "User".to_owned(), 10)).await?;
//! assert_eq!(page.total, 0);
//! # Ok(())
//! # }
//! ```
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` | `sqlite::SqliteResources` and `sqlite::SqliteState` over a bundled SQLite |
//! | `postgres` | `postgres::PostgresResources` and `postgres::PostgresState` over a pool of connections |
//! | `conformance` | the suites that every implementation and wrapper runs in its tests |
//!
//! A store reads no clock and gives no ids: both come in with the call. It knows no schema either: comparison keys of unique values and
//! resolved filters are the caller's.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
mod keys;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod resource;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod state;

pub use error::{StoreError, StoreErrorKind};
pub use resource::{
    MAX_LEVELS, Membership, MemoryResources, NewResource, Page, Position, Query, ResourceKey, ResourceStore, Revision, Selection, Sort,
    StoredResource, Tenant, UniqueKey, Update,
};
pub use state::{Batch, Fence, JobId, Lease, MemoryState, StateStore, Step, Table};
