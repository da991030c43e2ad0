//! Opening a store.

use std::sync::Arc;

use scimkit_store::sqlite::SqliteResources;
use scimkit_store::{MemoryResources, ResourceStore};

use crate::options::{PostgresAddress, Store};
use crate::service::StartError;

/// Opens a store, and makes it if there is none.
pub(crate) async fn open(store: &Store) -> Result<Arc<dyn ResourceStore>, StartError> {
    match store {
        Store::Memory => Ok(Arc::new(MemoryResources::new())),
        Store::Sqlite(path) => match SqliteResources::open(path) {
            Ok(opened) => Ok(Arc::new(opened)),
            Err(source) => Err(StartError::Store { store: store.clone(), source }),
        },
        Store::Postgres(address) => postgres(store, address).await,
    }
}

/// How long a request waits for a connection to the database.
#[cfg(feature = "postgres")]
const WAIT: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(feature = "postgres")]
async fn postgres(store: &Store, address: &PostgresAddress) -> Result<Arc<dyn ResourceStore>, StartError> {
    use deadpool_postgres::{Manager, Pool, Runtime, Timeouts};
    use scimkit_store::postgres::PostgresResources;

    let fault = |fault: &dyn std::fmt::Display| StartError::Database { store: store.clone(), fault: fault.to_string() };
    let config: tokio_postgres::Config = address.expose().parse().map_err(|error: tokio_postgres::Error| fault(&error))?;
    let manager = Manager::new(config, tokio_postgres::NoTls);
    let timeouts = Timeouts { wait: Some(WAIT), create: Some(WAIT), recycle: Some(WAIT) };
    let pool = Pool::builder(manager).max_size(16).runtime(Runtime::Tokio1).timeouts(timeouts).build();
    let pool = pool.map_err(|error| fault(&error))?;
    let opened = PostgresResources::open(pool).await;
    Ok(Arc::new(opened.map_err(|source| StartError::Store { store: store.clone(), source })?))
}

#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "the feature `postgres` waits for the database")]
async fn postgres(store: &Store, _: &PostgresAddress) -> Result<Arc<dyn ResourceStore>, StartError> {
    let fault = "this program was built without PostgreSQL; build it with `--features scimkit-example-service-provider/postgres`";
    Err(StartError::Database { store: store.clone(), fault: fault.to_owned() })
}
