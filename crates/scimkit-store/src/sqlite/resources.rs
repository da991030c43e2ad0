//! Resources in SQLite.

use std::path::Path;

use super::database::{SqliteDatabase, Usage};
use crate::error::Result;
use crate::sql::resource_store;

/// Keeps resources in SQLite; see the [module](super) for what holds for the file.
///
/// Every filter and every sort is done by SQLite over comparison keys that were made in Rust when the resource was written, so that a
/// filter means the same as in the evaluator; `eq` on text and comparisons of instants use an index, whatever the attribute. Other
/// comparisons look at each resource of the type, and keep no more of them than the page ends with. So does a sort, except where an index
/// has its order: without a filter, by text that compares without case or by an instant, up to ten thousand results behind the beginning or
/// a position, unless the page reaches resources without a value, which a descending list begins with. Without filter and sort, a page is
/// found in the same time wherever it is. A filter may
/// name `id`, `meta.resourceType`, `meta.created` and `meta.lastModified`; `meta.location` and `meta.version` are not kept and so have no
/// value. A list that lies directly inside a list, which SCIM does not have, is never compared.
///
/// Adding or removing one member does not depend on how many there are.
///
/// ```
/// use scimkit_store::{NewResource, ResourceKey, ResourceStore, Selection, Tenant, sqlite::SqliteResources};
/// use scimkit_types::{Resource, Timestamp, schema};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), scimkit_store::StoreError> {
/// let store = SqliteResources::open_in_memory()?;
/// let key = ResourceKey::new(Tenant::default(), "User", "2819c223");
/// store.create(NewResource::new(key.clone(), Resource::new([schema::USER]), Timestamp::UNIX_EPOCH)).await?;
/// assert!(store.get(&key, Selection::Whole).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteResources {
    database: SqliteDatabase,
}

impl SqliteResources {
    /// Opens or creates a database file. Blocks while it does.
    ///
    /// # Errors
    /// `Backend` if the file cannot be used; `Corrupt` if it is no database of this library.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { database: SqliteDatabase::open(path.as_ref(), Usage::Resources)? })
    }

    /// A database that lives as long as the store.
    ///
    /// # Errors
    /// `Backend` if memory is short.
    pub fn open_in_memory() -> Result<Self> {
        Ok(Self { database: SqliteDatabase::open_in_memory()? })
    }
}

resource_store!(SqliteResources);
