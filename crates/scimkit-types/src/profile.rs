//! What a service provider offers and expects, as data: read by servers that behave so, and by clients that were told.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::dialect::Dialect;
use crate::schema::{Catalog, CatalogError, ResourceType, Schema};
use crate::value::Value;

/// A service provider's abilities, limits and habits.
///
/// A profile is read from JSON; every member but `name` may be left out and then has the default that its field names.
///
/// ```
/// use scimkit_types::Profile;
/// let profile: Profile = serde_json::from_str(r#"{"name": "small", "paging": {"maxCount": 10}}"#)?;
/// assert_eq!(profile.paging.max_count, 10);
/// assert!(profile.catalog()?.resource_type("Group").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    /// The name of the service.
    pub name: String,
    /// The path below which the endpoints stand. Default `/scim/v2`.
    #[serde(default = "default_base_path")]
    pub base_path: String,
    /// How the service wants to be spoken to, and what it tolerates. Default strict.
    #[serde(default)]
    pub dialect: Dialect,
    /// The schemas. Default, when both this and `resource_types` are empty: users with the enterprise extension, and groups.
    #[serde(default)]
    pub schemas: Vec<Schema>,
    /// The resource types.
    #[serde(default)]
    pub resource_types: Vec<ResourceType>,
    /// Which optional features there are. Default: PATCH, filters, sorting and entity tags.
    #[serde(default)]
    pub features: Features,
    /// The sizes of pages.
    #[serde(default)]
    pub paging: Paging,
    /// The attributes that a filter may name, by resource type. Default for a type that is missing: all.
    #[serde(default)]
    pub filterable: BTreeMap<String, Vec<String>>,
    /// Other names that a filter may use for an attribute, such as `email` for `emails.value`.
    #[serde(default)]
    pub filter_aliases: BTreeMap<String, String>,
    /// Requests in a window of time, by class. Default: no limit.
    #[serde(default)]
    pub limits: Limits,
    /// Whether a value outside of an attribute's canonical values is refused. Default false.
    #[serde(default)]
    pub enforces_canonical_values: bool,
    /// Whether text of users that is not of the form that the standard prescribes is refused, such as a country that is no code of two
    /// letters ([`Policy::enforces_formats`](crate::validate::Policy::enforces_formats)). Default false.
    #[serde(default)]
    pub enforces_formats: bool,
    /// Whether an attribute that the schemas do not know is refused. Default false: it is ignored.
    #[serde(default)]
    pub rejects_unknown_attributes: bool,
    /// Paths of one resource type whose values must be equal.
    #[serde(default)]
    pub equal_values: Vec<EqualValues>,
    /// Values that a new resource gets when the request has none, by resource type and attribute.
    #[serde(default)]
    pub defaults: BTreeMap<String, BTreeMap<String, Value>>,
    /// Values that the service changes on the way in and that count as equal.
    #[serde(default)]
    pub echoes: Vec<Echo>,
    /// How many users there can be. Default: no limit.
    #[serde(default)]
    pub seats: Option<u64>,
    /// The directory provider that an administrator must have chosen before requests are answered. Default: none.
    #[serde(default)]
    pub directory_provider: Option<String>,
}

fn default_base_path() -> String {
    "/scim/v2".to_owned()
}

impl Profile {
    /// A service provider that offers the standard's users and groups and has no habits.
    pub fn standard() -> Self {
        Self {
            name: "standard".to_owned(),
            base_path: default_base_path(),
            dialect: Dialect::STRICT,
            schemas: Vec::new(),
            resource_types: Vec::new(),
            features: Features::default(),
            paging: Paging::default(),
            filterable: BTreeMap::new(),
            filter_aliases: BTreeMap::new(),
            limits: Limits::default(),
            enforces_canonical_values: false,
            enforces_formats: false,
            rejects_unknown_attributes: false,
            equal_values: Vec::new(),
            defaults: BTreeMap::new(),
            echoes: Vec::new(),
            seats: None,
            directory_provider: None,
        }
    }

    /// The schemas and resource types.
    ///
    /// # Errors
    /// [`CatalogError`] if they do not fit together.
    pub fn catalog(&self) -> Result<Catalog, CatalogError> {
        if self.schemas.is_empty() && self.resource_types.is_empty() {
            return Ok(Catalog::standard());
        }
        Catalog::new(self.schemas.clone(), self.resource_types.clone())
    }

    /// Whether a filter may name this attribute of a resource type. The path is compared without case, its value filter left out:
    /// `emails.value` stands for `emails[type eq "work"].value`.
    pub fn can_filter(&self, resource_type: &str, attribute: &str) -> bool {
        let listed = self.filterable.iter().find(|(name, _)| name.eq_ignore_ascii_case(resource_type));
        listed.is_none_or(|(_, attributes)| attributes.iter().any(|listed| listed.eq_ignore_ascii_case(attribute)))
    }

    /// The value that the service stores when this one is sent for an attribute such as `addresses.country`.
    pub fn echo<'a>(&'a self, attribute: &str, value: &'a str) -> &'a str {
        let echo = self.echoes.iter().find(|echo| echo.attribute.eq_ignore_ascii_case(attribute));
        echo.and_then(|echo| echo.values.get(value)).map_or(value, String::as_str)
    }
}

/// Which optional features a service provider has (RFC 7643 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Features {
    /// PATCH requests.
    pub patch: bool,
    /// Filters.
    pub filter: bool,
    /// Sorting.
    pub sort: bool,
    /// Entity tags.
    pub etag: bool,
    /// Changing passwords.
    pub change_password: bool,
    /// Bulk requests; `None` if there are none.
    pub bulk: Option<BulkFeature>,
}

impl Default for Features {
    fn default() -> Self {
        Self { patch: true, filter: true, sort: true, etag: true, change_password: false, bulk: None }
    }
}

/// The limits of bulk requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct BulkFeature {
    /// The most operations of one request.
    pub max_operations: u64,
    /// The most bytes of one request.
    pub max_payload_size: u64,
    /// What a request takes of the quota of writes. Default: as much as it has operations.
    #[serde(default)]
    pub price: BulkPrice,
}

impl BulkFeature {
    /// So many operations and bytes at most.
    pub const fn new(max_operations: u64, max_payload_size: u64) -> Self {
        Self { max_operations, max_payload_size, price: BulkPrice::Operations }
    }
}

/// What a bulk request takes of the quota of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum BulkPrice {
    /// As much as it has operations.
    #[default]
    Operations,
    /// As much as any other request.
    Request,
}

/// The sizes of pages (RFC 7644 section 3.4.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Paging {
    /// How many resources a page has when the request does not say. Default 100.
    pub default_count: u64,
    /// How many resources a page has at most. Default 1,000.
    pub max_count: u64,
}

impl Default for Paging {
    fn default() -> Self {
        Self { default_count: 100, max_count: 1000 }
    }
}

/// Limits of a service provider. `None` means that there is no such limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Requests that read.
    pub read: Option<RequestLimit>,
    /// Requests that write.
    pub write: Option<RequestLimit>,
    /// Bytes of a request body. Default 1 MiB.
    pub max_body: Option<u64>,
    /// Operations of a PATCH request.
    pub max_operations: Option<u64>,
    /// Members that one PATCH request adds or removes.
    pub max_members: Option<u64>,
    /// How deep the arrays and objects of a request body nest; the outermost object is at depth 1. At most 127, whatever this says.
    pub max_depth: Option<u64>,
    /// Attributes, sub-attributes and elements of lists in a request body, all together.
    pub max_attributes: Option<u64>,
    /// Bytes of a filter. Default 8,192.
    pub max_filter_length: Option<u64>,
    /// Comparisons of a filter that clients join with `and` and `or`; 1 is a service that takes no such filters.
    pub max_filter_terms: Option<u64>,
    /// Results of a query on all its pages; a query with more is refused with `tooMany`.
    pub max_results: Option<u64>,
}

/// So many requests in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RequestLimit {
    /// The most requests in a window.
    pub requests: u32,
    /// The length of the window in seconds.
    pub seconds: u32,
}

impl RequestLimit {
    /// A limit.
    pub const fn new(requests: u32, seconds: u32) -> Self {
        Self { requests, seconds }
    }
}

/// Two paths of a resource type whose values must be equal without case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct EqualValues {
    /// The name of the resource type.
    pub resource_type: String,
    /// One path, such as `userName`.
    pub left: String,
    /// The other path, such as `emails[type eq "work"].value`.
    pub right: String,
}

/// Values of one attribute that the service changes on the way in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Echo {
    /// The attribute, such as `addresses.country`.
    pub attribute: String,
    /// What becomes of a value: sent, then stored.
    pub values: BTreeMap<String, String>,
}
