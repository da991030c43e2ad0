//! Opening a store.

use std::sync::Arc;

use scimkit_store::sqlite::SqliteResources;
use scimkit_store::{MemoryResources, ResourceStore};

use crate::options::Store;
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

#[cfg(feature = "postgres")]
use crate::postgres::open as postgres;

#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "the feature `postgres` waits for the database")]
async fn postgres(store: &Store, _: &crate::options::PostgresAddress) -> Result<Arc<dyn ResourceStore>, StartError> {
    let fault = "this program was built without PostgreSQL; build it with `--features scimkit-example-service-provider/postgres`";
    Err(StartError::Database { store: store.clone(), fault: fault.to_owned() })
}
