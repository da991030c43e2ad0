//! Requests of RFC 7644 as values: nothing here sends anything.

mod base;
mod encode;

pub use base::BaseUri;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH, USER_AGENT};
use http::{Method, Request};
use scimkit_types::{BulkRequest, Resource, SearchRequest, SortOrder, Value, Version};
use serde::Serialize;

use self::encode::Query;
use crate::class::Cost;
use crate::error::ClientError;

/// The media type of SCIM (RFC 7644 section 8.1).
pub const MEDIA_TYPE: &str = "application/scim+json";

/// The endpoint of the authenticated subject (RFC 7644 section 3.11).
const ME: &str = "Me";
const ACCEPTED: &str = "application/scim+json, application/json";
const AGENT: &str = concat!("scimkit/", env!("CARGO_PKG_VERSION"));

/// Which attributes an answer shall carry; the two lists exclude each other (R7644-3.9-04).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// Those that the service provider returns by default.
    #[default]
    Default,
    /// These, and those that are always returned.
    Only(Vec<String>),
    /// All of the default but these.
    Except(Vec<String>),
}

impl BaseUri {
    /// A POST that creates a resource.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`], as for all requests, if the endpoint is not a path below the base.
    pub fn create(&self, endpoint: &str, resource: &Resource) -> Result<Request<Bytes>, ClientError> {
        self.with_body(Method::POST, endpoint, None, resource, None)
    }

    /// A GET of a resource.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint or the id cannot be part of an address.
    pub fn get(&self, endpoint: &str, id: &str, selection: &Selection) -> Result<Request<Bytes>, ClientError> {
        let mut query = Query::default();
        query.select(selection);
        self.without_body(Method::GET, endpoint, Some(id), &query, None)
    }

    /// A PUT of a resource; with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint or the id cannot be part of an address.
    pub fn replace(
        &self,
        endpoint: &str,
        id: &str,
        resource: &Resource,
        precondition: Option<&Version>,
    ) -> Result<Request<Bytes>, ClientError> {
        self.with_body(Method::PUT, endpoint, Some(id), resource, precondition)
    }

    /// A PATCH of a resource; with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint or the id cannot be part of an address.
    pub fn patch(&self, endpoint: &str, id: &str, body: &Value, precondition: Option<&Version>) -> Result<Request<Bytes>, ClientError> {
        self.with_body(Method::PATCH, endpoint, Some(id), body, precondition)
    }

    /// A DELETE of a resource; with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint or the id cannot be part of an address.
    pub fn delete(&self, endpoint: &str, id: &str, precondition: Option<&Version>) -> Result<Request<Bytes>, ClientError> {
        self.without_body(Method::DELETE, endpoint, Some(id), &Query::default(), precondition)
    }

    /// A GET of the resource that the authenticated subject is (RFC 7644 section 3.11).
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the address is too long.
    pub fn me(&self, selection: &Selection) -> Result<Request<Bytes>, ClientError> {
        let mut query = Query::default();
        query.select(selection);
        self.without_body(Method::GET, ME, None, &query, None)
    }

    /// A POST that creates the resource that the authenticated subject is.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the resource cannot be written as JSON.
    pub fn create_me(&self, resource: &Resource) -> Result<Request<Bytes>, ClientError> {
        self.create(ME, resource)
    }

    /// A PUT of the resource that the authenticated subject is; with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the resource cannot be written as JSON.
    pub fn replace_me(&self, resource: &Resource, precondition: Option<&Version>) -> Result<Request<Bytes>, ClientError> {
        self.with_body(Method::PUT, ME, None, resource, precondition)
    }

    /// A PATCH of the resource that the authenticated subject is; with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the body cannot be written as JSON.
    pub fn patch_me(&self, body: &Value, precondition: Option<&Version>) -> Result<Request<Bytes>, ClientError> {
        self.with_body(Method::PATCH, ME, None, body, precondition)
    }

    /// A DELETE of the resource that the authenticated subject is; with a version, only if it is the present one.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the version cannot be part of a header.
    pub fn delete_me(&self, precondition: Option<&Version>) -> Result<Request<Bytes>, ClientError> {
        self.without_body(Method::DELETE, ME, None, &Query::default(), precondition)
    }

    /// A query by GET. The endpoint may be empty, for all resource types.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint cannot be part of an address, or attributes are both selected and excluded.
    pub fn query(&self, endpoint: &str, search: &SearchRequest) -> Result<Request<Bytes>, ClientError> {
        check_selection(search)?;
        let mut query = Query::default();
        query.list("attributes", &search.attributes);
        query.list("excludedAttributes", &search.excluded_attributes);
        query.text("filter", search.filter.as_deref());
        query.text("sortBy", search.sort_by.as_deref());
        query.text(
            "sortOrder",
            search.sort_order.map(|order| match order {
                SortOrder::Ascending => "ascending",
                SortOrder::Descending => "descending",
            }),
        );
        query.text("startIndex", search.start_index.map(|index| index.to_string()).as_deref());
        query.text("count", search.count.map(|count| count.to_string()).as_deref());
        query.text("cursor", search.cursor.as_deref());
        self.without_body(Method::GET, endpoint, None, &query, None)
    }

    /// A query by `POST …/.search`, which keeps the filter out of addresses and logs (R7644-7.5.2-01).
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint cannot be part of an address, or attributes are both selected and excluded.
    pub fn search(&self, endpoint: &str, search: &SearchRequest) -> Result<Request<Bytes>, ClientError> {
        check_selection(search)?;
        self.with_body(Method::POST, endpoint, Some(".search"), &search.to_json(), None)
    }

    /// A bulk request. It costs as much of a quota as it has operations.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the bulk request has more operations than can be counted.
    pub fn bulk(&self, bulk: BulkRequest) -> Result<Request<Bytes>, ClientError> {
        let cost = u32::try_from(bulk.operations.len()).map_err(|_| ClientError::invalid_request("expected fewer operations"))?;
        let mut request = self.with_body(Method::POST, "Bulk", None, &bulk.into_json(), None)?;
        request.extensions_mut().insert(Cost(cost.max(1)));
        Ok(request)
    }

    /// A GET of a whole endpoint, as of the discovery endpoints.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if the endpoint cannot be part of an address.
    pub fn read(&self, endpoint: &str) -> Result<Request<Bytes>, ClientError> {
        self.without_body(Method::GET, endpoint, None, &Query::default(), None)
    }

    fn without_body(
        &self,
        method: Method,
        endpoint: &str,
        last: Option<&str>,
        query: &Query,
        precondition: Option<&Version>,
    ) -> Result<Request<Bytes>, ClientError> {
        let builder = Request::builder().method(method).uri(self.join(endpoint, last, query)?);
        finish(builder, precondition, Bytes::new())
    }

    fn with_body(
        &self,
        method: Method,
        endpoint: &str,
        last: Option<&str>,
        body: &impl Serialize,
        precondition: Option<&Version>,
    ) -> Result<Request<Bytes>, ClientError> {
        let body = serde_json::to_vec(body).map_err(|_| ClientError::invalid_request("expected a body that can be written as JSON"))?;
        let builder = Request::builder().method(method).uri(self.join(endpoint, last, &Query::default())?);
        finish(builder.header(CONTENT_TYPE, MEDIA_TYPE), precondition, Bytes::from(body))
    }
}

fn finish(builder: http::request::Builder, precondition: Option<&Version>, body: Bytes) -> Result<Request<Bytes>, ClientError> {
    let mut builder = builder.header(ACCEPT, ACCEPTED).header(USER_AGENT, AGENT);
    if let Some(version) = precondition {
        builder = builder.header(IF_MATCH, version.to_string());
    }
    builder.body(body).map_err(|_| ClientError::invalid_request("expected parts that an HTTP request can hold"))
}

fn check_selection(search: &SearchRequest) -> Result<(), ClientError> {
    if search.attributes.is_empty() || search.excluded_attributes.is_empty() {
        return Ok(());
    }
    Err(ClientError::invalid_request("expected `attributes` or `excludedAttributes`, found both"))
}
