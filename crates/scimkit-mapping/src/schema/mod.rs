//! Microsoft Graph's `synchronizationSchema`: mappings as a document.

mod definition;
mod mapping;

pub use definition::{AttributeDefinition, DirectoryDefinition, ObjectDefinition};
pub use mapping::{
    AttributeMapping, FlowBehavior, FlowType, KeyValue, MappingSource, NullPolicy, ObjectFlow, ObjectMapping, Parameter, ScopeClause,
    ScopeFilter, ScopeGroup, ScopeOperand, SourceType,
};

use serde::{Deserialize, Serialize};

/// The members of a JSON object that this crate gives no meaning; they are written as they were read.
pub type OtherMembers = serde_json::Map<String, serde_json::Value>;

/// The synchronization schema of a job, as Microsoft Graph exports and imports it. Members that are not known survive.
///
/// ```
/// use scimkit_mapping::SynchronizationSchema;
///
/// let schema = SynchronizationSchema::from_json(r#"{
///     "id": "example", "color": "blue",
///     "synchronizationRules": [{"name": "USER_OUTBOUND_USER", "objectMappings": [{
///         "sourceObjectName": "User", "targetObjectName": "urn:ietf:params:scim:schemas:core:2.0:User",
///         "attributeMappings": [{"targetAttributeName": "userName", "matchingPriority": 1,
///                                "source": {"type": "Attribute", "name": "mail", "expression": "[mail]"}}]
///     }]}]
/// }"#)?;
/// assert_eq!(schema.object_mappings().count(), 1);
/// assert!(schema.to_json().contains("\"color\": \"blue\""));
///
/// let error = SynchronizationSchema::from_json("{\n  \"synchronizationRules\": [{\"priority\": \"high\"}]\n}").unwrap_err();
/// assert_eq!((error.path.as_str(), error.line), ("synchronizationRules[0].priority", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a synchronization schema as a JSON object")]
#[non_exhaustive]
pub struct SynchronizationSchema {
    /// The identifier of the job or template.
    #[serde(default)]
    pub id: Option<String>,
    /// The version.
    #[serde(default)]
    pub version: Option<String>,
    /// The directories on both sides, with their objects and attributes.
    #[serde(default, deserialize_with = "mapping::null_as_default")]
    pub directories: Vec<DirectoryDefinition>,
    /// The rules.
    #[serde(default, deserialize_with = "mapping::null_as_default")]
    pub synchronization_rules: Vec<SynchronizationRule>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl SynchronizationSchema {
    /// Reads a document.
    ///
    /// # Errors
    /// [`FormatError`] with the path and place of what does not fit.
    pub fn from_json(text: &str) -> Result<Self, FormatError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let schema = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| FormatError {
            path: error.path().to_string(),
            line: error.inner().line(),
            column: error.inner().column(),
            message: without_place(error.inner()),
        })?;
        deserializer.end().map_err(|error| FormatError {
            path: ".".to_owned(),
            line: error.line(),
            column: error.column(),
            message: without_place(&error),
        })?;
        Ok(schema)
    }

    /// Writes the document, indented.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "every key is text and no number infinite; nothing else fails")]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a schema as JSON")
    }

    /// The rules by priority, the lowest number first.
    pub fn rules(&self) -> Vec<&SynchronizationRule> {
        let mut rules: Vec<_> = self.synchronization_rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    /// The object mappings of all rules, by the priority of the rules.
    pub fn object_mappings(&self) -> impl Iterator<Item = &ObjectMapping> {
        self.rules().into_iter().flat_map(|rule| &rule.object_mappings)
    }

    /// The names of the attributes of a source object, if the document describes it.
    pub fn source_attributes(&self, directory: &str, object: &str) -> Option<Vec<&str>> {
        let directory = self.directories.iter().find(|known| known.name.eq_ignore_ascii_case(directory))?;
        let object = directory.objects.iter().find(|known| known.name.eq_ignore_ascii_case(object))?;
        Some(object.attributes.iter().map(|attribute| attribute.name.as_str()).collect())
    }
}

impl std::str::FromStr for SynchronizationSchema {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::from_json(text)
    }
}

/// The message of an error without the line and column that follow it.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").and_then(|end| text.get(..end)).map_or_else(|| text.clone(), str::to_owned)
}

/// One direction between two directories.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SynchronizationRule {
    /// The name, such as `USER_OUTBOUND_USER`.
    #[serde(default)]
    pub name: Option<String>,
    /// The lowest number comes first.
    #[serde(default)]
    pub priority: i64,
    /// The name of the directory that objects come from.
    #[serde(default)]
    pub source_directory_name: Option<String>,
    /// The name of the directory that objects go to.
    #[serde(default)]
    pub target_directory_name: Option<String>,
    /// The mappings of objects.
    #[serde(default, deserialize_with = "mapping::null_as_default")]
    pub object_mappings: Vec<ObjectMapping>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// A document that is no synchronization schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{} (line {line}, column {column})", place(path))]
#[non_exhaustive]
pub struct FormatError {
    /// The path of the member, such as `synchronizationRules[0].priority`; `.` is the document.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// The place for a text; nothing for the document itself.
fn place(path: &str) -> String {
    if path == "." { String::new() } else { format!(", at `{path}`") }
}
