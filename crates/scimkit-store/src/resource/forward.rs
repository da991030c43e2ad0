//! A shared store is a store.

use std::sync::Arc;

use async_trait::async_trait;

use super::{NewResource, Page, Query, ResourceKey, ResourceStore, Revision, Selection, StoredResource, Update};
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

            async fn delete(&self, key: &ResourceKey, expected: Option<Revision>) -> Result<bool> {
                (**self).delete(key, expected).await
            }

            async fn query(&self, query: &Query) -> Result<Page> {
                (**self).query(query).await
            }

            async fn memberships(&self, key: &ResourceKey) -> Result<Vec<(String, String, Option<String>)>> {
                (**self).memberships(key).await
            }
        }
    };
}

forward!(Arc<T>);
forward!(&T);
