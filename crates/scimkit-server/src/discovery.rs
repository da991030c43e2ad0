//! What the service says of itself (RFC 7644 section 4), written once when the server is built.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use scimkit_types::messages::ListResponse;
use scimkit_types::schema::{RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG};
use scimkit_types::{Catalog, ComplexValue, Number, Profile, Resource, ResourceType, Schema, Value};

use crate::authenticate::AuthenticationScheme;
use crate::config::BulkLimits;
use crate::respond::{self, Refusal};
use crate::route::Route;

/// The documents of the discovery endpoints.
#[derive(Debug)]
pub(crate) struct Discovery {
    service_provider_config: Bytes,
    resource_types: Bytes,
    resource_type: HashMap<String, Bytes>,
    schemas: Bytes,
    /// By URI in lower case.
    schema: HashMap<String, Bytes>,
}

/// What the server offers beside what the profile says.
#[derive(Debug)]
pub(crate) struct Offers {
    pub(crate) bulk: Option<BulkLimits>,
    /// How long cursors last; `None` without cursors.
    pub(crate) cursors: Option<Duration>,
    pub(crate) changes_passwords: bool,
    pub(crate) schemes: Vec<AuthenticationScheme>,
}

impl Discovery {
    pub(crate) fn new(profile: &Profile, offers: &Offers, catalog: &Catalog, base_url: &str) -> Self {
        let types: Vec<(&ResourceType, Resource)> = catalog.resource_types().iter().map(|t| (t, resource_type(t, base_url))).collect();
        let schemas: Vec<(&Schema, Resource)> = catalog.schemas().iter().map(|s| (s, schema(s, base_url))).collect();
        Self {
            service_provider_config: respond::text(&service_provider_config(profile, offers, base_url).into_complex().into()),
            resource_types: list(types.iter().map(|(_, resource)| resource)),
            resource_type: types.iter().map(|(t, resource)| (t.name.clone(), write_resource(resource))).collect(),
            schemas: list(schemas.iter().map(|(_, resource)| resource)),
            schema: schemas.iter().map(|(s, resource)| (s.id.as_str().to_ascii_lowercase(), write_resource(resource))).collect(),
        }
    }

    /// R7644-4-03: every parameter is ignored but a filter, which is refused.
    pub(crate) fn answer(&self, route: &Route<'_>, query: Option<&str>) -> Result<Response<Bytes>, Refusal> {
        let has_filter = query.unwrap_or_default().split('&').any(|pair| {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            name.eq_ignore_ascii_case("filter")
        });
        if has_filter {
            return Err(Refusal::status(403, "this endpoint has no filters"));
        }
        let found = match route {
            Route::ServiceProviderConfig => Some(&self.service_provider_config),
            Route::ResourceTypes => Some(&self.resource_types),
            Route::ResourceType(name) => self.resource_type.get(name),
            Route::Schemas => Some(&self.schemas),
            Route::Schema(uri) => self.schema.get(&uri.to_ascii_lowercase()),
            _ => None,
        };
        let text = found.ok_or_else(|| Refusal::status(404, "there is no such resource"))?;
        Ok(respond::json(StatusCode::OK, text.clone()))
    }
}

/// RFC 7643 section 5, with what RFC 9865 adds. What is advertised is what the server does (R7643-5-06).
fn service_provider_config(profile: &Profile, offers: &Offers, base_url: &str) -> Resource {
    let (bulk, cursors) = (offers.bulk, offers.cursors);
    let features = &profile.features;
    let supported = |is_supported: bool| ComplexValue::from_iter([("supported", Value::from(is_supported))]);
    let mut config = Resource::new([SERVICE_PROVIDER_CONFIG]);
    config.insert("patch", supported(features.patch));
    // R7643-5-03: the numbers are required even if there are no bulk requests.
    let mut value = supported(bulk.is_some());
    value.insert("maxOperations", Number::from(bulk.map_or(0, |bulk| bulk.max_operations)));
    let bytes = bulk.map_or(0, |bulk| u64::try_from(bulk.max_payload_size).unwrap_or(u64::MAX));
    value.insert("maxPayloadSize", Number::from(bytes));
    config.insert("bulk", value);
    let mut filter = supported(features.filter);
    filter.insert("maxResults", Number::from(profile.paging.max_count));
    config.insert("filter", filter);
    config.insert("changePassword", supported(offers.changes_passwords));
    config.insert("sort", supported(features.sort));
    config.insert("etag", supported(features.etag));
    let mut pagination = ComplexValue::new();
    pagination.insert("cursor", cursors.is_some());
    pagination.insert("index", true);
    pagination.insert("defaultPaginationMethod", "index");
    pagination.insert("defaultPageSize", Number::from(profile.paging.default_count));
    pagination.insert("maxPageSize", Number::from(profile.paging.max_count));
    if let Some(lifetime) = cursors {
        pagination.insert("cursorTimeout", Number::from(lifetime.as_secs()));
    }
    config.insert("pagination", pagination);
    let schemes = offers.schemes.iter().enumerate().map(|(index, scheme)| {
        let mut value = ComplexValue::new();
        value.insert("type", scheme.type_.as_str());
        value.insert("name", scheme.name.as_str());
        value.insert("description", scheme.description.as_str());
        if let Some(uri) = &scheme.spec_uri {
            value.insert("specUri", uri.as_str());
        }
        value.insert("primary", index == 0);
        Value::Complex(value)
    });
    config.insert("authenticationSchemes", Value::List(schemes.collect()));
    config.insert("meta", meta("ServiceProviderConfig", &format!("{base_url}/ServiceProviderConfig")));
    config
}

fn resource_type(resource_type: &ResourceType, base_url: &str) -> Resource {
    let mut resource = Resource::new([RESOURCE_TYPE]);
    resource.insert("id", resource_type.id.as_deref().unwrap_or(&resource_type.name));
    resource.insert("name", resource_type.name.as_str());
    if !resource_type.description.is_empty() {
        resource.insert("description", resource_type.description.as_str());
    }
    resource.insert("endpoint", resource_type.endpoint.as_str());
    resource.insert("schema", resource_type.schema.as_str());
    let extensions = resource_type.schema_extensions.iter().map(|extension| {
        let mut value = ComplexValue::new();
        value.insert("schema", extension.schema.as_str());
        value.insert("required", extension.required);
        Value::Complex(value)
    });
    resource.insert("schemaExtensions", Value::List(extensions.collect()));
    resource.insert("meta", meta("ResourceType", &format!("{base_url}/ResourceTypes/{}", resource_type.name)));
    resource
}

/// R7643-7-03: with `schemas` and `meta`.
fn schema(schema: &Schema, base_url: &str) -> Resource {
    let mut resource = Resource::new([SCHEMA]);
    resource.insert("id", schema.id.as_str());
    resource.insert("name", schema.name.as_str());
    resource.insert("description", schema.description.as_str());
    let attributes = serde_json::to_vec(&schema.attributes).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    resource.insert("attributes", attributes.unwrap_or_default());
    resource.insert("meta", meta("Schema", &format!("{base_url}/Schemas/{}", schema.id)));
    resource
}

fn meta(resource_type: &str, location: &str) -> ComplexValue {
    ComplexValue::from_iter([("resourceType", resource_type), ("location", location)])
}

fn list<'a>(resources: impl Iterator<Item = &'a Resource>) -> Bytes {
    let resources: Vec<Resource> = resources.cloned().collect();
    let count = u64::try_from(resources.len()).unwrap_or(u64::MAX);
    let mut list = ListResponse::new(count, resources);
    list.start_index = Some(1);
    list.items_per_page = Some(count);
    respond::text(&list.into_json())
}

fn write_resource(resource: &Resource) -> Bytes {
    respond::text(&Value::Complex(resource.as_complex().clone()))
}
