//! What a service provider can do: declared, probed, or both.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::lock::Mutex;
use scimkit_types::{ComplexValue, Number, Profile, Value};

use crate::bulk::BulkLimits;
use crate::client::Client;
use crate::error::ClientError;
use crate::lint::Expected;

/// What a service provider can do, as far as it is known. `None` is not known, which does not mean that there is no limit (R9865-4-02).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether there is PATCH.
    pub patch: Option<bool>,
    /// Whether queries can have a filter (R7644-3.4.2.2-25).
    pub filter: Option<bool>,
    /// Whether queries can be sorted.
    pub sort: Option<bool>,
    /// Whether resources have versions.
    pub etag: Option<bool>,
    /// Whether passwords can be changed.
    pub change_password: Option<bool>,
    /// Whether there are bulk requests.
    pub bulk: Option<bool>,
    /// The most operations of a bulk request.
    pub bulk_operations: Option<u64>,
    /// The most bytes of a bulk request.
    pub bulk_payload: Option<u64>,
    /// Whether pages can be asked for by cursor (RFC 9865).
    pub cursor: Option<bool>,
    /// The most resources of a page.
    pub max_page_size: Option<u64>,
    /// The endpoints by the names of the resource types.
    pub endpoints: BTreeMap<String, String>,
}

impl Capabilities {
    /// What a profile declares.
    pub fn declared(profile: &Profile) -> Self {
        let features = &profile.features;
        let endpoints =
            profile.resource_types.iter().map(|resource_type| (resource_type.name.clone(), resource_type.endpoint.clone())).collect();
        Self {
            patch: Some(features.patch),
            filter: Some(features.filter),
            sort: Some(features.sort),
            etag: Some(features.etag),
            change_password: Some(features.change_password),
            bulk: Some(features.bulk.is_some()),
            bulk_operations: features.bulk.as_ref().map(|bulk| bulk.max_operations),
            bulk_payload: features.bulk.as_ref().map(|bulk| bulk.max_payload_size),
            cursor: None,
            max_page_size: Some(profile.paging.max_count),
            endpoints,
        }
    }

    /// What the service provider says of itself, read leniently: members of the wrong type are not known.
    pub fn probed(config: &Value, resource_types: &[Value]) -> Self {
        let feature = |name: &str| config.as_complex().and_then(|config| config.get(name)).and_then(Value::as_complex);
        let supported = |name: &str| flag(feature(name), "supported");
        let endpoints = resource_types.iter().filter_map(|entry| {
            let entry = entry.as_complex()?;
            let name = entry.get("name").or_else(|| entry.get("id")).and_then(Value::as_str)?;
            let endpoint = entry.get("endpoint").and_then(Value::as_str)?;
            Some((name.to_owned(), format!("/{}", endpoint.trim_matches('/'))))
        });
        let pagination = feature("pagination");
        Self {
            patch: supported("patch"),
            filter: supported("filter"),
            sort: supported("sort"),
            etag: supported("etag"),
            change_password: supported("changePassword"),
            bulk: supported("bulk"),
            bulk_operations: count(feature("bulk"), "maxOperations"),
            bulk_payload: count(feature("bulk"), "maxPayloadSize"),
            cursor: flag(pagination, "cursor"),
            max_page_size: count(pagination, "maxPageSize").or_else(|| count(feature("filter"), "maxResults")),
            endpoints: endpoints.collect(),
        }
    }

    /// These capabilities, and those of `other` where these are not known.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut endpoints = other.endpoints;
        endpoints.extend(self.endpoints);
        Self {
            patch: self.patch.or(other.patch),
            filter: self.filter.or(other.filter),
            sort: self.sort.or(other.sort),
            etag: self.etag.or(other.etag),
            change_password: self.change_password.or(other.change_password),
            bulk: self.bulk.or(other.bulk),
            bulk_operations: self.bulk_operations.or(other.bulk_operations),
            bulk_payload: self.bulk_payload.or(other.bulk_payload),
            cursor: self.cursor.or(other.cursor),
            max_page_size: self.max_page_size.or(other.max_page_size),
            endpoints,
        }
    }

    /// The endpoint of a resource type (R7644-3.2-04); names compare without case.
    pub fn endpoint(&self, resource_type: &str) -> Option<&str> {
        let found = self.endpoints.iter().find(|(name, _)| name.eq_ignore_ascii_case(resource_type));
        found.map(|(_, endpoint)| endpoint.as_str())
    }

    /// How large bulk requests may be; `None` unless it is known that there are any. What is not published is taken as small.
    pub fn bulk_limits(&self) -> Option<BulkLimits> {
        let known = BulkLimits::default();
        let max_operations = self.bulk_operations.map_or(known.max_operations, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let max_payload_size = self.bulk_payload.map_or(known.max_payload_size, |most| usize::try_from(most).unwrap_or(usize::MAX));
        (self.bulk == Some(true)).then_some(BulkLimits { max_operations, max_payload_size })
    }
}

fn flag(feature: Option<&ComplexValue>, name: &str) -> Option<bool> {
    match feature?.get(name)? {
        Value::Boolean(value) => Some(*value),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

fn count(feature: Option<&ComplexValue>, name: &str) -> Option<u64> {
    let count = match feature?.get(name)? {
        Value::Number(number) => Number::as_u64(number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    // Nothing at all is how some write that there is no feature or no limit.
    count.filter(|count| *count > 0)
}

/// Where the capabilities of a service provider are known from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum CapabilitySource {
    /// Declared: the service provider is not asked.
    Declared(Capabilities),
    /// Probed: what the service provider says of itself.
    #[default]
    Probed,
    /// Both. What is declared wins over what the service provider says, which is wrong at some (RingCentral, Atlassian).
    Both(Capabilities),
}

/// The capabilities, asked for once.
#[derive(Debug, Default)]
pub(crate) struct CapabilityCache {
    source: CapabilitySource,
    known: Mutex<Option<Arc<Capabilities>>>,
}

impl CapabilityCache {
    pub(crate) fn new(source: CapabilitySource) -> Self {
        Self { source, known: Mutex::new(None) }
    }

    pub(crate) async fn of(&self, client: &Client) -> Result<Arc<Capabilities>, ClientError> {
        // Held while the service provider is asked, so that it is asked once.
        let mut known = self.known.lock().await;
        if let Some(known) = &*known {
            return Ok(Arc::clone(known));
        }
        let capabilities = match &self.source {
            CapabilitySource::Declared(declared) => declared.clone(),
            CapabilitySource::Probed => probe(client).await?,
            CapabilitySource::Both(declared) => declared.clone().or(probe(client).await?),
        };
        let capabilities = Arc::new(capabilities);
        *known = Some(Arc::clone(&capabilities));
        Ok(capabilities)
    }
}

/// Reads both discovery endpoints. One that is not there says nothing; some have the configuration under a name in the plural (Salesforce).
async fn probe(client: &Client) -> Result<Capabilities, ClientError> {
    let mut config = absent_is_none(client.entries("ServiceProviderConfig", Expected::Config).await)?;
    if config.is_none() {
        config = absent_is_none(client.entries("ServiceProviderConfigs", Expected::Config).await)?;
    }
    let resource_types = absent_is_none(client.resource_types().await)?.unwrap_or_default();
    let config = config.and_then(|entries| entries.into_iter().next()).unwrap_or_default();
    Ok(Capabilities::probed(&config, &resource_types))
}

fn absent_is_none<T>(result: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.status(), Some(404 | 405 | 501)) => Ok(None),
        Err(error) => Err(error),
    }
}
