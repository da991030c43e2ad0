use std::sync::Arc;

use scimkit_store::sqlite::{SqliteResources, SqliteState};
use scimkit_store::{MemoryResources, MemoryState, ResourceStore, StateStore};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

mod resources_in_memory {
    scimkit_store::resource_store_conformance!(((), super::MemoryResources::new()));
}

mod resources_in_a_shared_pointer {
    use super::{Arc, MemoryResources, ResourceStore};

    scimkit_store::resource_store_conformance!(((), Arc::new(MemoryResources::new()) as Arc<dyn ResourceStore>));
}

mod resources_in_sqlite_memory {
    scimkit_store::resource_store_conformance!(((), super::SqliteResources::open_in_memory().unwrap()));
}

mod resources_in_a_sqlite_file {
    use super::{SqliteResources, folder};

    fn fresh() -> (tempfile::TempDir, SqliteResources) {
        let folder = folder();
        let store = SqliteResources::open(folder.path().join("resources.db")).unwrap();
        (folder, store)
    }

    scimkit_store::resource_store_conformance!(fresh());
}

mod state_in_memory {
    scimkit_store::state_store_conformance!(((), super::MemoryState::new()));
}

mod state_in_a_shared_pointer {
    use super::{Arc, MemoryState, StateStore};

    scimkit_store::state_store_conformance!(((), Arc::new(MemoryState::new()) as Arc<dyn StateStore>));
}

mod state_in_sqlite_memory {
    scimkit_store::state_store_conformance!(((), super::SqliteState::open_in_memory().unwrap()));
}

mod state_in_a_sqlite_file {
    use super::{SqliteState, folder};

    fn fresh() -> (tempfile::TempDir, SqliteState) {
        let folder = folder();
        let store = SqliteState::open(folder.path().join("state.db")).unwrap();
        (folder, store)
    }

    scimkit_store::state_store_conformance!(fresh());
}

#[cfg(feature = "postgres")]
mod resources_in_postgres {
    use scimkit_store::postgres::PostgresResources;

    use crate::cluster::{Schema, schema};

    async fn fresh() -> Option<(Schema, PostgresResources)> {
        let schema = schema()?;
        let store = PostgresResources::open_in(schema.pool.clone(), &schema.name).await.unwrap();
        Some((schema, store))
    }

    scimkit_store::resource_store_conformance!({
        let Some(fresh) = fresh().await else { return };
        fresh
    });
}

#[cfg(feature = "postgres")]
mod state_in_postgres {
    use scimkit_store::postgres::PostgresState;

    use crate::cluster::{Schema, schema};

    async fn fresh() -> Option<(Schema, PostgresState)> {
        let schema = schema()?;
        let store = PostgresState::open_in(schema.pool.clone(), &schema.name).await.unwrap();
        Some((schema, store))
    }

    scimkit_store::state_store_conformance!({
        let Some(fresh) = fresh().await else { return };
        fresh
    });
}
