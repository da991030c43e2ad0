//! The calls of RFC 7644.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{Request, Response, Uri};
use scimkit_types::{BulkRequest, BulkResponse, ListResponse, Resource, SearchRequest, Value, Version};

use crate::capabilities::{Capabilities, CapabilityCache, CapabilitySource};
use crate::class::{NotAfter, Repeatable};
use crate::error::ClientError;
use crate::lint::{self, Expected, Lints};
use crate::pages::{self, PageSize};
use crate::request::{BaseUri, Selection};
use crate::response::ResponseLimits;
use crate::transport::Transport;

/// A client of one service provider.
///
/// Every call makes one request, but [`query_all`](Self::query_all), which makes one for each page. Endpoints are named as resource types
/// name them, with or without the slash: `/Users`.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<dyn Transport>,
    base: BaseUri,
    limits: ResponseLimits,
    not_after: Option<NotAfter>,
    lints: Option<Arc<Lints>>,
    capabilities: Arc<CapabilityCache>,
}

impl Client {
    /// A client of the service provider at this address. A query of the address, such as `?aadOptscim062020`, is part of every request.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] unless the address is absolute, with `http` or `https` and without user information.
    pub fn new(transport: Arc<dyn Transport>, base: Uri) -> Result<Self, ClientError> {
        Ok(Self {
            transport,
            base: BaseUri::new(base)?,
            limits: ResponseLimits::default(),
            not_after: None,
            lints: None,
            capabilities: Arc::default(),
        })
    }

    /// This client with other limits of answers.
    #[must_use]
    pub fn with_limits(self, limits: ResponseLimits) -> Self {
        Self { limits, ..self }
    }

    /// This client with a bound on when its requests may be sent, however long they wait; see [`NotAfter`].
    #[must_use]
    pub fn with_not_after(self, not_after: NotAfter) -> Self {
        Self { not_after: Some(not_after), ..self }
    }

    /// This client with a collection of what the service provider does wrong; without one nothing is collected.
    #[must_use]
    pub fn with_lints(self, lints: Arc<Lints>) -> Self {
        Self { lints: Some(lints), ..self }
    }

    /// This client with another way to know what the service provider can do; see [`capabilities`](Self::capabilities).
    #[must_use]
    pub fn with_capabilities(self, source: CapabilitySource) -> Self {
        Self { capabilities: Arc::new(CapabilityCache::new(source)), ..self }
    }

    /// What the service provider can do: declared, probed, or both, in which case what is declared wins. It is asked once; clones of the
    /// client share the answer. By default it is probed.
    ///
    /// # Errors
    /// [`ClientError`] if it must be asked and does not answer as a service provider.
    pub async fn capabilities(&self) -> Result<Arc<Capabilities>, ClientError> {
        self.capabilities.of(self).await
    }

    /// The address of the service provider.
    pub const fn base(&self) -> &BaseUri {
        &self.base
    }

    /// The limits of answers.
    pub const fn limits(&self) -> ResponseLimits {
        self.limits
    }

    /// Sends a request that was made with [`BaseUri`], for calls that no method here makes.
    ///
    /// # Errors
    /// [`ClientError::Transport`] if there is no answer.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        if let Some(not_after) = self.not_after {
            request.extensions_mut().insert(not_after);
        }
        Ok(self.transport.send(request).await?)
    }

    /// Sends a request and notes what the answer does wrong.
    pub(crate) async fn exchange(&self, request: Request<Bytes>, expected: Expected<'_>) -> Result<Response<Bytes>, ClientError> {
        let endpoint = self.lints.as_ref().map(|_| format!("{} {}", request.method(), self.base.endpoint_of(request.uri())));
        let response = self.send(request).await?;
        if let (Some(lints), Some(endpoint)) = (&self.lints, endpoint) {
            lints.note(&endpoint, lint::deviations(&response, expected, self.limits));
        }
        Ok(response)
    }

    /// Creates a resource and returns it as the service provider has it (RFC 7644 section 3.3).
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn create(&self, endpoint: &str, resource: &Resource) -> Result<Resource, ClientError> {
        self.limits.created(&self.exchange(self.base.create(endpoint, resource)?, Expected::Created).await?)
    }

    /// Reads a resource (RFC 7644 section 3.4.1).
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there is no such resource.
    pub async fn get(&self, endpoint: &str, id: &str, selection: &Selection) -> Result<Resource, ClientError> {
        let response = self.exchange(self.base.get(endpoint, id, selection)?, Expected::Resource { id: Some(id) }).await?;
        self.found(&response)
    }

    /// Replaces a resource (RFC 7644 section 3.5.1); with a version, only if it is the present one. `None` if the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there is no such resource.
    pub async fn replace(
        &self,
        endpoint: &str,
        id: &str,
        resource: &Resource,
        precondition: Option<&Version>,
    ) -> Result<Option<Resource>, ClientError> {
        let request = self.base.replace(endpoint, id, resource, precondition)?;
        self.limits.resource(&self.exchange(request, Expected::Resource { id: Some(id) }).await?)
    }

    /// Changes a resource by the body of a PATCH request (RFC 7644 section 3.5.2); with a version, only if it is the present one.
    /// `None` if the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there is no such resource.
    pub async fn patch(
        &self,
        endpoint: &str,
        id: &str,
        body: &Value,
        precondition: Option<&Version>,
    ) -> Result<Option<Resource>, ClientError> {
        let request = self.base.patch(endpoint, id, body, precondition)?;
        self.limits.resource(&self.exchange(request, Expected::Resource { id: Some(id) }).await?)
    }

    /// Changes a resource as [`patch`](Self::patch) does, by operations that done twice have the effect of once: so they are sent again when
    /// an answer is lost. Setting, adding and removing values are such; what depends on what is there, such as an `add` that stacks, is not.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there is no such resource.
    pub async fn patch_repeatable(&self, endpoint: &str, id: &str, body: &Value) -> Result<Option<Resource>, ClientError> {
        let mut request = self.base.patch(endpoint, id, body, None)?;
        request.extensions_mut().insert(Repeatable);
        self.limits.resource(&self.exchange(request, Expected::Resource { id: Some(id) }).await?)
    }

    /// Deletes a resource (RFC 7644 section 3.6); with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there was no such resource.
    pub async fn delete(&self, endpoint: &str, id: &str, precondition: Option<&Version>) -> Result<(), ClientError> {
        self.deleted(self.base.delete(endpoint, id, precondition)?).await
    }

    /// Reads one page of a query by GET (RFC 7644 section 3.4.2). The endpoint may be empty, for all resource types.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn query(&self, endpoint: &str, request: &SearchRequest) -> Result<ListResponse, ClientError> {
        self.page(self.base.query(endpoint, request)?, request).await
    }

    /// Reads one page of a query by `POST …/.search` (RFC 7644 section 3.4.3), which keeps the filter out of addresses and logs.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn search(&self, endpoint: &str, request: &SearchRequest) -> Result<ListResponse, ClientError> {
        self.page(self.base.search(endpoint, request)?, request).await
    }

    /// Reads all results of a query, page after page, to the end.
    ///
    /// Follows what the service provider really returns: the next page starts after the last resource that came (R7644-3.4.2.4-08), and a
    /// `nextCursor` is followed with the same parameters (R9865-2-05), even when none was asked for (R9865-2.3-01). A resource that comes
    /// again on the next page, because others were created meanwhile, is left out (R7644-3.4.2.4-01). `start_index` and `count` of the
    /// request are not used; a `cursor`, empty for the first page, asks for cursor paging.
    ///
    /// # Errors
    /// The stream ends after the first error: any [`ClientError`], and [`ClientError::Incomplete`] if the pages end before the number of
    /// results that the service provider tells, or do not move on.
    pub fn query_all<'a>(
        &'a self,
        endpoint: &'a str,
        request: &SearchRequest,
        page_size: PageSize,
    ) -> BoxStream<'a, Result<Resource, ClientError>> {
        pages::all(self, endpoint, request.clone(), page_size)
    }

    /// Sends one bulk request (RFC 7644 section 3.7). [`BulkPlan`](crate::bulk::BulkPlan) divides one that is too large for the service
    /// provider.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls; a failed operation is part of the result.
    pub async fn bulk(&self, request: BulkRequest) -> Result<BulkResponse, ClientError> {
        self.limits.bulk(&self.exchange(self.base.bulk(request)?, Expected::Bulk).await?)
    }

    /// Reads what the service provider says of its abilities (RFC 7643 section 5).
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn service_provider_config(&self) -> Result<Value, ClientError> {
        let entries = self.entries("ServiceProviderConfig", Expected::Config).await?;
        entries.into_iter().next().ok_or_else(|| ClientError::InvalidBody {
            status: 200,
            path: String::new(),
            reason: "expected a configuration, found nothing".to_owned(),
        })
    }

    /// Reads the service provider's schemas (RFC 7643 section 7), each as it came, since real ones often miss members.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn schemas(&self) -> Result<Vec<Value>, ClientError> {
        self.entries("Schemas", Expected::Discovery).await
    }

    /// Reads the service provider's resource types (RFC 7643 section 6), each as it came, since real ones often miss members.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn resource_types(&self) -> Result<Vec<Value>, ClientError> {
        self.entries("ResourceTypes", Expected::Discovery).await
    }

    pub(crate) async fn entries(&self, endpoint: &str, expected: Expected<'_>) -> Result<Vec<Value>, ClientError> {
        self.limits.entries(&self.exchange(self.base.read(endpoint)?, expected).await?)
    }

    /// Reads the resource that the authenticated subject is (RFC 7644 section 3.11). Its `id` and `meta.location` tell where it stands.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Redirect`] from a service provider that only points there, and status 501 from one without `/Me`.
    pub async fn me(&self, selection: &Selection) -> Result<Resource, ClientError> {
        let response = self.exchange(self.base.me(selection)?, Expected::Resource { id: None }).await?;
        self.found(&response)
    }

    /// Creates the resource that the authenticated subject is.
    ///
    /// # Errors
    /// [`ClientError`], as for [`me`](Self::me).
    pub async fn create_me(&self, resource: &Resource) -> Result<Resource, ClientError> {
        self.limits.created(&self.exchange(self.base.create_me(resource)?, Expected::Created).await?)
    }

    /// Replaces the resource that the authenticated subject is. `None` if the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`], as for [`me`](Self::me).
    pub async fn replace_me(&self, resource: &Resource, precondition: Option<&Version>) -> Result<Option<Resource>, ClientError> {
        let request = self.base.replace_me(resource, precondition)?;
        self.limits.resource(&self.exchange(request, Expected::Resource { id: None }).await?)
    }

    /// Changes the resource that the authenticated subject is. `None` if the answer has no body.
    ///
    /// # Errors
    /// [`ClientError`], as for [`me`](Self::me).
    pub async fn patch_me(&self, body: &Value, precondition: Option<&Version>) -> Result<Option<Resource>, ClientError> {
        let request = self.base.patch_me(body, precondition)?;
        self.limits.resource(&self.exchange(request, Expected::Resource { id: None }).await?)
    }

    /// Deletes the resource that the authenticated subject is.
    ///
    /// # Errors
    /// [`ClientError`], as for [`me`](Self::me).
    pub async fn delete_me(&self, precondition: Option<&Version>) -> Result<(), ClientError> {
        self.deleted(self.base.delete_me(precondition)?).await
    }

    async fn deleted(&self, request: Request<Bytes>) -> Result<(), ClientError> {
        let response = self.exchange(request, Expected::Deleted).await?;
        // A page of a gateway is no answer of the service, whatever its status.
        self.limits.value(&response).map(drop)
    }

    async fn page(&self, request: Request<Bytes>, search: &SearchRequest) -> Result<ListResponse, ClientError> {
        let by_cursor = search.cursor.is_some();
        let expected = Expected::List { start_index: search.start_index, count: search.count, by_cursor };
        self.limits.list(&self.exchange(request, expected).await?, by_cursor)
    }

    /// The resource of an answer that must have one.
    fn found(&self, response: &Response<Bytes>) -> Result<Resource, ClientError> {
        self.limits.resource(response)?.ok_or_else(|| ClientError::InvalidBody {
            status: response.status().as_u16(),
            path: String::new(),
            reason: "expected a resource, found nothing".to_owned(),
        })
    }
}
