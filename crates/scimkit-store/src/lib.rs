//! Stores for SCIM resources and for the state of provisioning.
//!
//! [`ResourceStore`] keeps the resources of a service provider; [`StateStore`] keeps what a provisioning job must not forget.
//! Both come in memory and, with the feature `sqlite`, in SQLite; the feature `conformance` has the suites that prove an implementation.
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` | `sqlite::SqliteResources` and `sqlite::SqliteState` over a bundled SQLite |
//! | `conformance` | the suites that every implementation and wrapper runs in its tests |

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
mod keys;
pub mod resource;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod state;

pub use error::{StoreError, StoreErrorKind};
pub use resource::{
    MemoryResources, NewResource, Page, Query, ResourceKey, ResourceStore, Revision, Selection, Sort, StoredResource, Tenant, UniqueKey,
    Update,
};
pub use state::{Batch, Fence, JobId, Lease, MemoryState, StateStore, Step, Table};
