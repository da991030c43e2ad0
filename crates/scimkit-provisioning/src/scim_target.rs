//! A SCIM service as a target.

use async_trait::async_trait;
use scimkit_client::request::Selection;
use scimkit_client::{Client, ClientError, NotAfter, Repeatable, TransportErrorKind};
use scimkit_filter::Filter;
use scimkit_patch::{Abilities, Context, DiffOptions, UpdateRequest};
use scimkit_types::{Catalog, PatchOp, PatchOperation, Profile, Resource, SearchRequest, Timestamp};

use crate::target::{Target, TargetChange, TargetError, TargetErrorKind, TargetPage};

/// A SCIM service, reached through a client and spoken to as its profile says.
#[derive(Clone, Debug)]
pub struct ScimTarget {
    client: Client,
    pub(crate) catalog: Catalog,
    pub(crate) profile: Profile,
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

    pub(crate) fn resource_type(&self, name: &str) -> Result<&scimkit_types::ResourceType, TargetError> {
        self.catalog.resource_type(name).ok_or_else(|| {
            TargetError::new(TargetErrorKind::Incompatible, format!("the service `{}` has no resource type `{name}`", self.profile.name))
        })
    }

    pub(crate) fn client(&self, not_after: Timestamp) -> Client {
        self.client.clone().with_not_after(NotAfter(not_after))
    }

    /// A query of resources without their members, of which there may be very many.
    fn search(&self, resource_type: &str) -> Result<SearchRequest, TargetError> {
        let mut request = SearchRequest::default();
        if self.catalog.attribute(self.resource_type(resource_type)?, None, "members").is_some() {
            request.excluded_attributes = vec!["members".to_owned()];
        }
        Ok(request)
    }

    /// Changes a resource of a service without PATCH: it is read, changed here and sent back whole, so that what no mapping owns stays.
    async fn replace(
        &self,
        resource_type: &str,
        id: &str,
        operations: &[PatchOperation],
        context: &Context<'_>,
        not_after: Timestamp,
    ) -> Result<(), TargetError> {
        let cannot = |error: &dyn std::error::Error| TargetError::new(TargetErrorKind::Rejected, error.to_string());
        let current = self.get(resource_type, id, not_after).await?;
        let request = PatchOp::new(operations.to_vec());
        let desired = scimkit_patch::apply(&current, &request, context).map_err(|error| cannot(&error))?.resource;
        let abilities = Abilities::of(&self.profile);
        let requests = scimkit_patch::update(&current, &desired, context, &abilities, &DiffOptions::default());
        // What somebody else changed in between is not undone, where the service can tell.
        let version = if self.profile.features.etag { current.meta().version } else { None };
        let client = self.client(not_after);
        for request in requests.map_err(|error| cannot(&error))? {
            if let UpdateRequest::Put(resource) = request {
                client.replace(self.endpoint(resource_type)?, id, &resource, version.as_ref()).await.map_err(target_error)?;
            }
        }
        Ok(())
    }

    pub(crate) fn endpoint(&self, name: &str) -> Result<&str, TargetError> {
        self.resource_type(name).map(|resource_type| resource_type.endpoint.as_str())
    }
}

#[async_trait]
impl Target for ScimTarget {
    async fn find(&self, resource_type: &str, filter: &Filter, not_after: Timestamp) -> Result<Vec<Resource>, TargetError> {
        let mut request = self.search(resource_type)?;
        request.filter = Some(filter.to_string());
        let list = self.client(not_after).query(self.endpoint(resource_type)?, &request).await.map_err(target_error)?;
        Ok(list.resources)
    }

    async fn list(&self, resource_type: &str, start_index: u64, not_after: Timestamp) -> Result<TargetPage, TargetError> {
        let mut request = self.search(resource_type)?;
        request.start_index = i64::try_from(start_index).ok();
        request.count = i64::try_from(self.profile.paging.max_count).ok();
        let list = self.client(not_after).query(self.endpoint(resource_type)?, &request).await.map_err(target_error)?;
        Ok(TargetPage::new(list.total_results, list.resources))
    }

    async fn get(&self, resource_type: &str, id: &str, not_after: Timestamp) -> Result<Resource, TargetError> {
        self.client(not_after).get(self.endpoint(resource_type)?, id, &Selection::Default).await.map_err(target_error)
    }

    async fn create(&self, resource_type: &str, resource: &Resource, not_after: Timestamp) -> Result<Resource, TargetError> {
        self.client(not_after).create(self.endpoint(resource_type)?, resource).await.map_err(target_error)
    }

    async fn patch(&self, resource_type: &str, id: &str, operations: &[PatchOperation], not_after: Timestamp) -> Result<(), TargetError> {
        let context = Context::new(&self.catalog, self.resource_type(resource_type)?);
        if !self.profile.features.patch {
            return self.replace(resource_type, id, operations, &context, not_after).await;
        }
        let client = self.client(not_after);
        let body = scimkit_patch::encode(operations.to_vec(), &context.with_dialect(self.profile.dialect));
        let mut request = client.base().patch(self.endpoint(resource_type)?, id, &body, None).map_err(target_error)?;
        // Setting, adding and removing the same values twice has the effect of once.
        request.extensions_mut().insert(Repeatable);
        let response = client.send(request).await.map_err(target_error)?;
        client.limits().resource(&response).map_err(target_error)?;
        Ok(())
    }

    async fn bulk(&self, changes: &[TargetChange], not_after: Timestamp) -> Vec<Result<String, TargetError>> {
        self.send_bulk(changes, not_after).await
    }

    async fn delete(&self, resource_type: &str, id: &str, not_after: Timestamp) -> Result<(), TargetError> {
        self.client(not_after).delete(self.endpoint(resource_type)?, id, None).await.map_err(target_error)
    }
}

pub(crate) fn target_error(error: ClientError) -> TargetError {
    let kind = match (&error, error.status()) {
        (ClientError::Transport(cause), _) if cause.kind() == TransportErrorKind::Token => TargetErrorKind::Unauthorized,
        (ClientError::Transport(cause), _) if cause.kind() == TransportErrorKind::Expired => TargetErrorKind::Expired,
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
        ClientError::Transport(cause) if cause.kind() == TransportErrorKind::Token => {
            "there is no access token, or the service refuses it".to_owned()
        }
        ClientError::Response { error, .. } if !error.detail.is_empty() => {
            let scim_type = error.scim_type.map(|scim_type| format!(" ({scim_type})")).unwrap_or_default();
            format!("the service answered {}{scim_type}: {}", error.status, error.detail)
        }
        other => other.to_string(),
    }
}
