//! A shared store is a store.

use std::sync::Arc;

use async_trait::async_trait;
use scimkit_types::Timestamp;

use super::{Membership, NewResource, Page, Query, ResourceKey, ResourceStore, Revision, Selection, StoredResource, Tenant, Update};
use crate::error::Result;

macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: ResourceStore + ?Sized> ResourceStore for $pointer {
            async fn create(&self, resource: NewResource) -> Result<StoredResource> {
                (**self).create(resource).await
            }

            async fn get(&self, key: &ResourceKey, selection: Selection) -> Result<Option<StoredResource>> {
                (**self).get(key, selection).await
            }

            async fn update(&self, update: Update) -> Result<Option<StoredResource>> {
                (**self).update(update).await
            }

            async fn delete(&self, key: &ResourceKey, expected: Option<Revision>, deleted_at: Timestamp) -> Result<bool> {
                (**self).delete(key, expected, deleted_at).await
            }

            async fn query(&self, query: &Query) -> Result<Page> {
                (**self).query(query).await
            }

            async fn memberships(&self, tenant: &Tenant, ids: &[String]) -> Result<Vec<Vec<Membership>>> {
                (**self).memberships(tenant, ids).await
            }
        }
    };
}

forward!(Arc<T>);
forward!(&T);
