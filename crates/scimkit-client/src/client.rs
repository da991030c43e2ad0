//! The calls of RFC 7644.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{Request, Response, Uri};
use scimkit_types::{BulkRequest, BulkResponse, ListResponse, Resource, SearchRequest, Value, Version};

use crate::class::NotAfter;
use crate::error::ClientError;
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
}

impl Client {
    /// A client of the service provider at this address. A query of the address, such as `?aadOptscim062020`, is part of every request.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] unless the address is absolute, with `http` or `https` and without user information.
    pub fn new(transport: Arc<dyn Transport>, base: Uri) -> Result<Self, ClientError> {
        Ok(Self { transport, base: BaseUri::new(base)?, limits: ResponseLimits::default(), not_after: None })
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
        tracing::debug!(method = %request.method(), path = request.uri().path(), "send request");
        let response = self.transport.send(request).await?;
        tracing::debug!(status = response.status().as_u16(), "received response");
        Ok(response)
    }

    /// Creates a resource and returns it as the service provider has it (RFC 7644 section 3.3).
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn create(&self, endpoint: &str, resource: &Resource) -> Result<Resource, ClientError> {
        self.limits.created(&self.send(self.base.create(endpoint, resource)?).await?)
    }

    /// Reads a resource (RFC 7644 section 3.4.1).
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there is no such resource.
    pub async fn get(&self, endpoint: &str, id: &str, selection: &Selection) -> Result<Resource, ClientError> {
        let response = self.send(self.base.get(endpoint, id, selection)?).await?;
        self.limits.resource(&response)?.ok_or_else(|| ClientError::InvalidBody {
            status: response.status().as_u16(),
            path: String::new(),
            reason: "expected a resource, found nothing".to_owned(),
        })
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
        self.limits.resource(&self.send(self.base.replace(endpoint, id, resource, precondition)?).await?)
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
        self.limits.resource(&self.send(self.base.patch(endpoint, id, body, precondition)?).await?)
    }

    /// Deletes a resource (RFC 7644 section 3.6); with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::is_gone`] if there was no such resource.
    pub async fn delete(&self, endpoint: &str, id: &str, precondition: Option<&Version>) -> Result<(), ClientError> {
        let response = self.send(self.base.delete(endpoint, id, precondition)?).await?;
        // Whatever a success says, the resource is deleted.
        if response.status().is_success() { Ok(()) } else { self.limits.value(&response).map(drop) }
    }

    /// Reads one page of a query by GET (RFC 7644 section 3.4.2). The endpoint may be empty, for all resource types.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn query(&self, endpoint: &str, request: &SearchRequest) -> Result<ListResponse, ClientError> {
        self.limits.list(&self.send(self.base.query(endpoint, request)?).await?, request.cursor.is_some())
    }

    /// Reads one page of a query by `POST …/.search` (RFC 7644 section 3.4.3), which keeps the filter out of addresses and logs.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn search(&self, endpoint: &str, request: &SearchRequest) -> Result<ListResponse, ClientError> {
        self.limits.list(&self.send(self.base.search(endpoint, request)?).await?, request.cursor.is_some())
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

    /// Sends a bulk request (RFC 7644 section 3.7).
    ///
    /// # Errors
    /// [`ClientError`], as for all calls; a failed operation is part of the result.
    pub async fn bulk(&self, request: BulkRequest) -> Result<BulkResponse, ClientError> {
        self.limits.bulk(&self.send(self.base.bulk(request)?).await?)
    }

    /// Reads what the service provider says of its abilities (RFC 7643 section 5).
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn service_provider_config(&self) -> Result<Value, ClientError> {
        let entries = self.entries("ServiceProviderConfig").await?;
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
        self.entries("Schemas").await
    }

    /// Reads the service provider's resource types (RFC 7643 section 6), each as it came, since real ones often miss members.
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn resource_types(&self) -> Result<Vec<Value>, ClientError> {
        self.entries("ResourceTypes").await
    }

    async fn entries(&self, endpoint: &str) -> Result<Vec<Value>, ClientError> {
        self.limits.entries(&self.send(self.base.read(endpoint)?).await?)
    }
}
