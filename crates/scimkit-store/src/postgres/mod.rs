//! Stores in PostgreSQL.
//!
//! [`PostgresResources`] and [`PostgresState`] work over a [`Pool`] of connections that is handed in: where the server is, how many
//! connections there are and whether they are encrypted is the application's business. Both may share a pool and a schema of the database;
//! all their tables are in that schema, `scimkit` unless another one is named. Opening a store brings the schema to the present version,
//! once, however many processes try; a role that may not create tables can open a store whose schema is at the present version.
//!
//! Every call is one transaction. Calls that the database gives up, because they waited for each other or met a change (deadlock,
//! serialization failure), are done again, a bounded number of times. A change is durable as far as the server is set up to make it so
//! (`fsync` and `synchronous_commit` are on unless somebody turned them off). A call whose future is dropped is taken back unless it was
//! being committed already. Statements are prepared once for each connection, so that a proxy between the pool and the server must keep
//! sessions together. The database must be encoded in UTF-8; how it sorts text is of no matter, since keys compare by bytes.
//!
//! ```no_run
//! use deadpool_postgres::{Manager, Pool};
//! use scimkit_store::postgres::PostgresResources;
//! use tokio_postgres::NoTls;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // Needs a server, so it is compiled only. To a server elsewhere, a connector for TLS stands in the place of `NoTls`: such as
//! // `tokio_postgres_rustls::MakeRustlsConnect::new(..)` with the settings of `scimkit_http::tls::client_config()`.
//! let address: tokio_postgres::Config = "postgres://scim@localhost/directory".parse()?;
//! let pool = Pool::builder(Manager::new(address, NoTls)).max_size(16).build()?;
//! let store = PostgresResources::open(pool).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//! What the server or the pool reports is [`Backend`](crate::StoreErrorKind::Backend) with the cause, of which no values are part; a schema
//! of a newer version is [`Corrupt`](crate::StoreErrorKind::Corrupt).

/// A server for tests.
#[cfg(test)]
#[expect(dead_code, reason = "what durability is tested by is needed elsewhere")]
#[path = "../../tests/cluster.rs"]
pub(crate) mod cluster;
pub(crate) mod database;
mod error;
mod session;

pub use deadpool_postgres::Pool;

use crate::error::Result;
use crate::sql::{resource_store, state_store};
use database::PostgresDatabase;

/// The schema that stores use unless another one is named.
pub const SCHEMA: &str = "scimkit";

/// Keeps resources in PostgreSQL; see the [module](self) for what holds for the database.
///
/// Every filter and every sort is done by the database over comparison keys that were made in Rust when the resource was written, so that
/// a filter means the same as in the evaluator; `eq` on text and comparisons of instants use an index, whatever the attribute. Other
/// comparisons look at each resource of the type, and keep no more of them than the page ends with. So does a sort, except where an index
/// has its order: without a filter, by text that compares without case or by an instant, up to ten thousand results behind the beginning or
/// a position, unless the page reaches resources without a value, which a descending list begins with. Without filter and sort, a page is
/// found in the same time wherever it is. A filter
/// may name `id`, `meta.resourceType`, `meta.created` and `meta.lastModified`; `meta.location` and `meta.version` are not kept and so have
/// no value. A list that lies directly inside a list, which SCIM does not have, is never compared.
///
/// Adding or removing one member does not depend on how many there are.
///
/// ```no_run
/// use scimkit_store::postgres::{Pool, PostgresResources};
/// use scimkit_store::{NewResource, ResourceKey, ResourceStore, Tenant};
/// use scimkit_types::{Resource, Timestamp, schema};
///
/// # async fn run(pool: Pool) -> Result<(), scimkit_store::StoreError> {
/// // Needs a server, so it is compiled only.
/// let store = PostgresResources::open(pool).await?;
/// let key = ResourceKey::new(Tenant::default(), "User", "2819c223");
/// store.create(NewResource::new(key, Resource::new([schema::USER]), Timestamp::UNIX_EPOCH)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PostgresResources {
    database: PostgresDatabase,
}

impl PostgresResources {
    /// Opens the store in the schema [`SCHEMA`] and creates what is missing.
    ///
    /// # Errors
    /// `Backend` if the server cannot be reached or refuses; `Corrupt` if the schema is of a newer version.
    pub async fn open(pool: Pool) -> Result<Self> {
        Self::open_in(pool, SCHEMA).await
    }

    /// Opens the store in a schema of this name, of 1 to 63 bytes, and creates what is missing.
    ///
    /// # Errors
    /// `Backend` if the server cannot be reached or refuses; `Corrupt` if the schema is of a newer version.
    pub async fn open_in(pool: Pool, schema: &str) -> Result<Self> {
        Ok(Self { database: PostgresDatabase::open(pool, schema).await? })
    }
}

resource_store!(PostgresResources);

/// Keeps provisioning state in PostgreSQL; see the [module](self) for what holds for the database. A key may have 2,000 bytes.
///
/// ```no_run
/// use scimkit_store::postgres::{Pool, PostgresState};
/// use scimkit_store::{JobId, StateStore, Table};
///
/// # async fn run(pool: Pool) -> Result<(), scimkit_store::StoreError> {
/// // Needs a server, so it is compiled only.
/// let state = PostgresState::open(pool).await?;
/// assert_eq!(state.get(&JobId::new("users"), Table::Job, "watermark").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PostgresState {
    database: PostgresDatabase,
}

impl PostgresState {
    /// Opens the store in the schema [`SCHEMA`] and creates what is missing.
    ///
    /// # Errors
    /// `Backend` if the server cannot be reached or refuses; `Corrupt` if the schema is of a newer version.
    pub async fn open(pool: Pool) -> Result<Self> {
        Self::open_in(pool, SCHEMA).await
    }

    /// Opens the store in a schema of this name, of 1 to 63 bytes, and creates what is missing.
    ///
    /// # Errors
    /// `Backend` if the server cannot be reached or refuses; `Corrupt` if the schema is of a newer version.
    pub async fn open_in(pool: Pool, schema: &str) -> Result<Self> {
        Ok(Self { database: PostgresDatabase::open(pool, schema).await? })
    }
}

state_store!(PostgresState);
