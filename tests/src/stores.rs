//! Stores that a worker writes to and a test looks into.

use std::sync::Arc;

use deadpool_postgres::{Manager, Pool};
use scimkit_store::postgres::PostgresResources;
use scimkit_store::sqlite::SqliteResources;
use scimkit_store::{NewResource, ResourceKey, ResourceStore, StoreError, Tenant, UniqueKey, Update};
use scimkit_types::{Change, ComplexValue, Resource, Timestamp};
use tokio_postgres::NoTls;

/// Opens `sqlite` at a path or `postgres` at a URL.
///
/// # Panics
/// If it cannot be opened.
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests report by panicking")]
pub async fn open(kind: &str, place: &str) -> Arc<dyn ResourceStore> {
    match kind {
        "sqlite" => Arc::new(SqliteResources::open(place).unwrap()),
        "postgres" => {
            let pool = Pool::builder(Manager::new(place.parse().unwrap(), NoTls)).max_size(8).build().unwrap();
            Arc::new(PostgresResources::open(pool).await.unwrap())
        }
        other => panic!("expected `sqlite` or `postgres`, found `{other}`"),
    }
}

/// The key of a resource.
pub fn key(resource_type: &str, id: &str) -> ResourceKey {
    ResourceKey::new(Tenant::default(), resource_type, id)
}

/// Creates a user whose name is its id.
///
/// # Errors
/// What the store says.
pub async fn create(store: &dyn ResourceStore, id: &str) -> Result<(), StoreError> {
    let document = Resource::from([("userName", id.to_owned()), ("title", "Guide".to_owned())].into_iter().collect::<ComplexValue>());
    let mut user = NewResource::new(key("User", id), document, Timestamp::UNIX_EPOCH);
    user.unique = vec![UniqueKey::new("userName", id)];
    store.create(user).await.map(drop)
}

/// Creates the group `all`, unless it is there.
///
/// # Errors
/// What the store says.
pub async fn create_group(store: &dyn ResourceStore) -> Result<(), StoreError> {
    let mut group = NewResource::new(key("Group", "all"), Resource::from(ComplexValue::new()), Timestamp::UNIX_EPOCH);
    group.member_attributes = vec!["members".to_owned()];
    store.create(group).await.map(drop)
}

/// Adds a user to the group `all`.
///
/// # Errors
/// What the store says.
pub async fn add(store: &dyn ResourceStore, id: &str) -> Result<(), StoreError> {
    let member = [("value", id.to_owned())].into_iter().collect::<ComplexValue>().into();
    let mut update = Update::new(key("Group", "all"), Timestamp::UNIX_EPOCH);
    update.members = vec![Change::AddMember { attribute: "members".to_owned(), member }];
    store.update(update).await.map(drop)
}
