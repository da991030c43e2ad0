//! A SCIM service as a target.

use async_trait::async_trait;
use scimkit_client::{Client, ClientError, Repeatable, TransportErrorKind};
use scimkit_filter::Filter;
use scimkit_patch::Context;
use scimkit_types::{Catalog, PatchOperation, Profile, Resource, SearchRequest};

use crate::target::{Target, TargetError, TargetErrorKind, TargetPage};

/// A SCIM service, reached through a client and spoken to as its profile says.
#[derive(Clone, Debug)]
pub struct ScimTarget {
    client: Client,
    catalog: Catalog,
    profile: Profile,
}

impl ScimTarget {
    /// A service with this profile.
    ///
    /// # Errors
    /// [`CatalogError`](scimkit_types::CatalogError) if the profile's schemas do not fit together.
    pub fn new(client: Client, profile: Profile) -> Result<Self, scimkit_types::CatalogError> {
        let catalog = profile.catalog()?;
        Ok(Self { client, catalog, profile })
    }

    fn resource_type(&self, name: &str) -> Result<&scimkit_types::ResourceType, TargetError> {
        self.catalog.resource_type(name).ok_or_else(|| {
            TargetError::new(TargetErrorKind::Incompatible, format!("the service `{}` has no resource type `{name}`", self.profile.name))
        })
    }

    fn endpoint(&self, name: &str) -> Result<&str, TargetError> {
        self.resource_type(name).map(|resource_type| resource_type.endpoint.as_str())
    }
}

#[async_trait]
impl Target for ScimTarget {
    async fn find(&self, resource_type: &str, filter: &Filter) -> Result<Vec<Resource>, TargetError> {
        let mut request = SearchRequest::default();
        request.filter = Some(filter.to_string());
        let list = self.client.query(self.endpoint(resource_type)?, &request).await.map_err(target_error)?;
        Ok(list.resources)
    }

    async fn list(&self, resource_type: &str, start_index: u64) -> Result<TargetPage, TargetError> {
        let mut request = SearchRequest::default();
        request.start_index = i64::try_from(start_index).ok();
        request.count = i64::try_from(self.profile.paging.max_count).ok();
        if self.catalog.attribute(self.resource_type(resource_type)?, None, "members").is_some() {
            request.excluded_attributes = vec!["members".to_owned()];
        }
        let list = self.client.query(self.endpoint(resource_type)?, &request).await.map_err(target_error)?;
        Ok(TargetPage::new(list.total_results, list.resources))
    }

    async fn create(&self, resource_type: &str, resource: &Resource) -> Result<Resource, TargetError> {
        self.client.create(self.endpoint(resource_type)?, resource).await.map_err(target_error)
    }

    async fn patch(&self, resource_type: &str, id: &str, operations: &[PatchOperation]) -> Result<(), TargetError> {
        let context = Context::new(&self.catalog, self.resource_type(resource_type)?).with_dialect(self.profile.dialect);
        let body = scimkit_patch::encode(operations.to_vec(), &context);
        let mut request = self.client.base().patch(self.endpoint(resource_type)?, id, &body, None).map_err(target_error)?;
        // Setting, adding and removing the same values twice has the effect of once.
        request.extensions_mut().insert(Repeatable);
        let response = self.client.send(request).await.map_err(target_error)?;
        self.client.limits().resource(&response).map_err(target_error)?;
        Ok(())
    }

    async fn delete(&self, resource_type: &str, id: &str) -> Result<(), TargetError> {
        self.client.delete(self.endpoint(resource_type)?, id, None).await.map_err(target_error)
    }
}

fn target_error(error: ClientError) -> TargetError {
    let kind = match (&error, error.status()) {
        (ClientError::Transport(cause), _) if cause.kind() == TransportErrorKind::Token => TargetErrorKind::Unauthorized,
        (ClientError::Transport(_), _) => TargetErrorKind::Unavailable,
        (_, Some(401)) => TargetErrorKind::Unauthorized,
        (_, Some(429 | 503)) => TargetErrorKind::Throttled,
        (_, Some(404)) if error.is_gone() => TargetErrorKind::Gone,
        (ClientError::Response { .. }, Some(409)) => TargetErrorKind::Conflict,
        (_, Some(500..)) => TargetErrorKind::ServerError,
        (ClientError::Response { .. }, _) => TargetErrorKind::Rejected,
        _ => TargetErrorKind::Incompatible,
    };
    let retry_after = error.retry_after();
    TargetError {
        kind,
        may_have_had_effect: error.may_have_had_effect(),
        status: error.status(),
        scim_type: error.scim_type(),
        retry_after,
        message: describe(&error),
        // An answer is told whole by the message.
        source: (!matches!(error, ClientError::Response { .. })).then(|| Box::new(error) as _),
    }
}

/// The service's own words where it has some, else what the transport says.
fn describe(error: &ClientError) -> String {
    match error {
        ClientError::Transport(cause) if cause.kind() == TransportErrorKind::Connect => "the service cannot be reached".to_owned(),
        ClientError::Response { error, .. } if !error.detail.is_empty() => {
            let scim_type = error.scim_type.map(|scim_type| format!(" ({scim_type})")).unwrap_or_default();
            format!("the service answered {}{scim_type}: {}", error.status, error.detail)
        }
        other => other.to_string(),
    }
}
