//! Microsoft Graph's `synchronizationSchema`: mappings as a document.

mod definition;
pub(crate) mod document;
mod mapping;

pub use definition::{AttributeDefinition, DirectoryDefinition, ObjectDefinition};
pub use mapping::{
    AttributeMapping, FlowBehavior, FlowType, KeyValue, MappingSource, NullPolicy, ObjectFlow, ObjectMapping, Parameter, ScopeClause,
    ScopeFilter, ScopeGroup, ScopeOperand, SourceType,
};

use scimkit_types::Profile;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::document::Origin;
use crate::expression::ExpressionOptions;
use crate::fault::Fault;

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
    /// The text that the document was read from.
    #[serde(skip)]
    origin: Origin,
}

/// The most bytes of a document.
pub(crate) const MAX_DOCUMENT: usize = 8 << 20;

impl SynchronizationSchema {
    /// Reads a document of at most 8 megabytes.
    ///
    /// # Errors
    /// [`FormatError`] with the path and place of what does not fit.
    pub fn from_json(text: &str) -> Result<Self, FormatError> {
        let mut schema: Self = read_json(text)?;
        schema.origin = Origin::new(text);
        Ok(schema)
    }

    /// Writes the document.
    ///
    /// A document that was read and not changed has the text that it was read from. Otherwise it is indented, and what did not change stands
    /// as it did: members in their order, with the spelling of their values, and with nothing added.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "every key is text and no number infinite; nothing else fails")]
    pub fn to_json(&self) -> String {
        let after = serde_json::to_value(self).expect("a schema as JSON");
        let rewritten = self.origin.text().and_then(|text| {
            let before = serde_json::to_value(read_json::<Self>(text).ok()?).ok()?;
            document::rewrite(text, &before, &after)
        });
        rewritten.unwrap_or_else(|| serde_json::to_string_pretty(self).expect("a schema as JSON"))
    }

    /// All faults of all object mappings for a service provider at once, with their paths, and their lines in what
    /// [`to_json`](Self::to_json) writes.
    ///
    /// Source attributes are checked if the document describes the rule's source directory.
    ///
    /// ```
    /// use scimkit_mapping::{ExpressionOptions, SynchronizationSchema};
    /// use scimkit_types::Profile;
    ///
    /// let schema = SynchronizationSchema::from_json(r#"{"synchronizationRules": [{"objectMappings": [{
    ///     "sourceObjectName": "User", "targetObjectName": "urn:ietf:params:scim:schemas:core:2.0:User",
    ///     "attributeMappings": [
    ///         {"targetAttributeName": "userName", "matchingPriority": 1,
    ///          "source": {"expression": "Tolower([mail])"}},
    ///         {"targetAttributeName": "nickname2", "source": {"expression": "[mail]"}}]
    /// }]}]}"#)?;
    /// let faults: Vec<_> = schema.check(&Profile::standard(), &ExpressionOptions::default()).iter().map(ToString::to_string).collect();
    /// assert!(faults[0].ends_with("did you mean `ToLower`? (line 5)"));
    /// assert!(faults[1].ends_with("`nickname2` is not an attribute of `User` (line 6)"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&self, profile: &Profile, options: &ExpressionOptions) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (rule_index, rule) in self.synchronization_rules.iter().enumerate() {
            for (index, mapping) in rule.object_mappings.iter().enumerate() {
                let directory = rule.source_directory_name.as_deref().unwrap_or_default();
                let source = self.source_definitions(directory, &mapping.source_object_name);
                for mut fault in mapping.check(source, profile, options) {
                    let dot = if fault.path.is_empty() { "" } else { "." };
                    fault.path = format!("synchronizationRules[{rule_index}].objectMappings[{index}]{dot}{}", fault.path);
                    faults.push(fault);
                }
            }
        }
        document::set_lines(&self.to_json(), &mut faults);
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    /// The definitions of the attributes of a source object, if the document describes it.
    pub fn source_definitions(&self, directory: &str, object: &str) -> Option<&[AttributeDefinition]> {
        let directory = self.directories.iter().find(|known| known.name.eq_ignore_ascii_case(directory))?;
        let object = directory.objects.iter().find(|known| known.name.eq_ignore_ascii_case(object))?;
        Some(&object.attributes)
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
        Some(self.source_definitions(directory, object)?.iter().map(|attribute| attribute.name.as_str()).collect())
    }
}

impl std::str::FromStr for SynchronizationSchema {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::from_json(text)
    }
}

/// Reads a value from a JSON document.
pub(crate) fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, FormatError> {
    let fault = |path: String, error: &serde_json::Error| FormatError {
        path,
        line: error.line(),
        column: error.column(),
        message: without_place(error),
    };
    check_size(text)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| fault(error.path().to_string(), error.inner()))?;
    deserializer.end().map_err(|error| fault(".".to_owned(), &error))?;
    Ok(value)
}

/// Refuses a document that is too large.
pub(crate) fn check_size(text: &str) -> Result<(), FormatError> {
    if text.len() <= MAX_DOCUMENT {
        return Ok(());
    }
    let message = format!("the document is over the limit of {MAX_DOCUMENT} bytes");
    Err(FormatError { path: ".".to_owned(), line: 1, column: 1, message })
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
