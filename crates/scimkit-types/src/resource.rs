//! A resource: everything that a document holds, with access to the attributes that every resource has.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::value::{ComplexValue, MemberName, Value};
use crate::version::Version;

/// A SCIM resource (RFC 7643 section 3), without loss: what is not known stays.
///
/// Names compare without case. Attributes of an extension stand in a complex value under the extension's URI.
///
/// ```
/// use scimkit_types::{Resource, schema};
///
/// let mut user = Resource::new([schema::USER]);
/// user.insert("userName", "ola@example.com");
/// assert_eq!(user.id(), None);
/// assert!(user.has_schema("URN:ietf:params:scim:schemas:core:2.0:User"));
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(ComplexValue);

impl Resource {
    /// A resource that follows these schemas and has no other attribute.
    pub fn new<'a>(schemas: impl IntoIterator<Item = &'a str>) -> Self {
        let mut resource = Self::default();
        resource.set_schemas(schemas);
        resource
    }

    /// The URIs in `schemas`.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        self.get("schemas").map(Value::elements).unwrap_or_default().iter().filter_map(Value::as_str)
    }

    /// Whether `schemas` names this URI; compares without case.
    pub fn has_schema(&self, uri: &str) -> bool {
        self.schemas().any(|schema| schema.eq_ignore_ascii_case(uri))
    }

    /// Replaces `schemas`.
    pub fn set_schemas<'a>(&mut self, schemas: impl IntoIterator<Item = &'a str>) {
        self.insert("schemas", Value::List(schemas.into_iter().map(Value::from).collect()));
    }

    /// The identifier that the service provider gave.
    pub fn id(&self) -> Option<&str> {
        self.get("id").and_then(Value::as_str)
    }

    /// The identifier that the client gave.
    pub fn external_id(&self) -> Option<&str> {
        self.get("externalId").and_then(Value::as_str)
    }

    /// What the service provider says of the resource itself; members that are missing or of the wrong type are `None`.
    pub fn meta(&self) -> Meta {
        Meta::read(self.get("meta"))
    }

    /// Replaces `meta`.
    pub fn set_meta(&mut self, meta: &Meta) {
        let mut value = ComplexValue::new();
        let mut set = |name: &str, text: Option<String>| {
            if let Some(text) = text {
                value.insert(name, text);
            }
        };
        set("resourceType", meta.resource_type.clone());
        set("created", meta.created.map(|at| at.to_string()));
        set("lastModified", meta.last_modified.map(|at| at.to_string()));
        set("location", meta.location.clone());
        set("version", meta.version.as_ref().map(ToString::to_string));
        self.insert("meta", value);
    }

    /// The value of a top-level attribute, or the complex value of an extension by its URI.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of a top-level attribute.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.get_mut(name)
    }

    /// Sets a top-level attribute and returns the value that it had.
    pub fn insert(&mut self, name: impl Into<MemberName>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name, value)
    }

    /// Removes a top-level attribute and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The attributes of an extension.
    pub fn extension(&self, uri: &str) -> Option<&ComplexValue> {
        self.get(uri).and_then(Value::as_complex)
    }

    /// All members in the order in which they came.
    pub const fn as_complex(&self) -> &ComplexValue {
        &self.0
    }

    /// All members.
    pub const fn as_complex_mut(&mut self) -> &mut ComplexValue {
        &mut self.0
    }

    /// The members as a value.
    pub fn into_complex(self) -> ComplexValue {
        self.0
    }
}

/// Shows the id and the names of the attributes, never a value, so that a resource can be logged.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name).collect();
        f.debug_struct("Resource").field("id", &self.id()).field("attributes", &names).finish()
    }
}

impl From<ComplexValue> for Resource {
    fn from(members: ComplexValue) -> Self {
        Self(members)
    }
}

/// What the service provider says of a resource itself (RFC 7643 section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// The name of the resource type.
    pub resource_type: Option<String>,
    /// When the resource was created.
    pub created: Option<Timestamp>,
    /// When the resource last changed; equal to `created` if it never did.
    pub last_modified: Option<Timestamp>,
    /// The address of the resource.
    pub location: Option<String>,
    /// The entity tag of the resource.
    pub version: Option<Version>,
}

impl Meta {
    /// What `meta` holds; members that are missing or of the wrong type are `None`.
    pub(crate) fn read(meta: Option<&Value>) -> Self {
        let meta = meta.and_then(Value::as_complex);
        let text = |name: &str| meta.and_then(|meta| meta.get(name)).and_then(Value::as_str);
        Self {
            resource_type: text("resourceType").map(str::to_owned),
            created: text("created").and_then(|text| text.parse().ok()),
            last_modified: text("lastModified").and_then(|text| text.parse().ok()),
            location: text("location").map(str::to_owned),
            version: text("version").and_then(|text| Version::parse(text).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_values() {
        let user: Resource =
            serde_json::from_str(r#"{"id": "1", "userName": "ola@example.com", "password": "t1meMa$heen", "urn:x:y": {"pin": "9"}}"#)
                .unwrap();
        let expected = r#"Resource { id: Some("1"), attributes: ["id", "userName", "password", "urn:x:y"] }"#;
        assert_eq!(format!("{user:?}"), expected);
    }

    /// R7643-3.1-16, R7643-3.1-17: `meta` is written as it is read.
    #[test]
    fn meta_survives_a_round_trip() {
        let meta = Meta {
            resource_type: Some("User".to_owned()),
            created: "2010-01-23T04:56:22Z".parse().ok(),
            last_modified: "2011-05-13T04:42:34.25Z".parse().ok(),
            location: Some("https://example.com/v2/Users/1".to_owned()),
            version: Some(Version::new("a1")),
        };
        let mut resource = Resource::default();
        resource.set_meta(&meta);
        assert_eq!(resource.meta(), meta);
        let value = resource.get("meta").and_then(Value::as_complex).unwrap();
        assert_eq!(value.get("version"), Some(&Value::from("W/\"a1\"")));
        assert_eq!(Resource::default().meta(), Meta::default());
    }
}
