//! Our own short form of mappings, as JSON or TOML.

mod form;
#[cfg(feature = "toml")]
mod toml_form;

use scimkit_types::Profile;

use crate::expression::ExpressionOptions;
use crate::fault::Fault;
use crate::schema::document::{self, Origin};
use crate::schema::{AttributeDefinition, FormatError, ObjectMapping, read_json};
use form::{FileForm, ObjectForm};
#[cfg(feature = "toml")]
pub(crate) use toml_form::set_lines as set_toml_lines;

/// Object mappings in our own short form.
///
/// | member of an object | meaning |
/// |---|---|
/// | `source` | the kind of source object, such as `User` |
/// | `target` | the URI of the target's schema |
/// | `name` | a name for people; may be left out |
/// | `enabled` | whether the mapping is used; default true |
/// | `operations` | some of `create`, `update` and `delete`; default all |
/// | `sourceAttributes` | the attributes of the source, for the check: names, or `name`, `type` and `multivalued`; may be left out |
/// | `scope` | groups of which one must hold: `name` and `clauses`, each with `attribute`, `operator` and `values` |
/// | `attributes` | the attribute mappings |
///
/// | member of an attribute mapping | meaning |
/// |---|---|
/// | `target` | the path of the target attribute |
/// | `expression` or `constant` | where the value comes from; neither for a mapping that only has a default |
/// | `default` | the value of a new object when the source has none |
/// | `match` | the precedence as a matching attribute, from 1 |
/// | `flow` | `Always` (the default), `ObjectAddOnly`, `MultiValueAddOnly`, `ValueAddOnly` or `AttributeAddOnly` |
/// | `null` | `ignore` (the default) or `clear`: what becomes of the target's value when the source has none |
///
/// Members with other names are errors. What only Microsoft Graph's form can say, such as metadata, is not kept.
///
/// ```
/// use scimkit_mapping::MappingFile;
///
/// let file = MappingFile::from_json(r#"{"objects": [{
///     "source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User",
///     "scope": [{"clauses": [{"attribute": "mail", "operator": "IS NOT NULL"}]}],
///     "attributes": [
///         {"target": "userName", "expression": "ToLower([mail])", "match": 1},
///         {"target": "locale", "constant": "nb-NO"},
///         {"target": "title", "expression": "[jobTitle]", "null": "clear"}
///     ]
/// }]}"#)?;
/// assert_eq!(file.objects[0].mapping.attribute_mappings.len(), 3);
/// assert_eq!(MappingFile::from_json(&file.to_json()?)?, file);
///
/// let error = MappingFile::from_json("{\"objects\": [{\n\"source\": \"User\",\n\"to\": 1}]}").unwrap_err();
/// assert_eq!((error.path.as_str(), error.line), ("objects[0].to", 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MappingFile {
    /// The objects, in order.
    pub objects: Vec<MappedObject>,
    /// The text that the file was read from, and its language.
    origin: Origin,
    is_toml: bool,
}

/// An object mapping and what is known of its source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MappedObject {
    /// The mapping.
    pub mapping: ObjectMapping,
    /// The attributes of the source, if they are known.
    pub source_attributes: Option<Vec<AttributeDefinition>>,
}

impl MappedObject {
    /// A mapping from a source of which nothing is known.
    pub const fn new(mapping: ObjectMapping) -> Self {
        Self { mapping, source_attributes: None }
    }
}

/// A mapping that the short form cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute mapping `{target}`: {message}")]
#[non_exhaustive]
pub struct ShortFormError {
    /// The target attribute of the mapping.
    pub target: String,
    /// Why it cannot be said.
    pub message: String,
}

impl MappingFile {
    /// A file of these objects.
    pub fn new(objects: Vec<MappedObject>) -> Self {
        Self { objects, ..Self::default() }
    }

    /// Reads JSON of at most 8 megabytes.
    ///
    /// # Errors
    /// [`FormatError`] with the path and place of what does not fit.
    pub fn from_json(text: &str) -> Result<Self, FormatError> {
        let form: FileForm = read_json(text)?;
        Ok(Self { objects: form.objects.into_iter().map(ObjectForm::into_object).collect(), origin: Origin::new(text), is_toml: false })
    }

    /// Writes JSON, indented.
    ///
    /// # Errors
    /// [`ShortFormError`] if an expression is not valid.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "every key is text and no number infinite; nothing else fails")]
    pub fn to_json(&self) -> Result<String, ShortFormError> {
        Ok(serde_json::to_string_pretty(&self.form()?).expect("a form as JSON"))
    }

    /// Reads TOML of at most 8 megabytes.
    ///
    /// # Errors
    /// [`FormatError`] with the path and place of what does not fit.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, FormatError> {
        let form: FileForm = toml_form::read(text)?;
        Ok(Self { objects: form.objects.into_iter().map(ObjectForm::into_object).collect(), origin: Origin::new(text), is_toml: true })
    }

    /// Writes TOML.
    ///
    /// # Errors
    /// [`ShortFormError`] if an expression is not valid.
    #[cfg(feature = "toml")]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "every key is text and no value absent; nothing else fails")]
    pub fn to_toml(&self) -> Result<String, ShortFormError> {
        Ok(toml::to_string_pretty(&self.form()?).expect("a form as TOML"))
    }

    /// All faults of all objects for a service provider at once, with their paths, and their lines in the text that the file was read from.
    pub fn check(&self, profile: &Profile, options: &ExpressionOptions) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, object) in self.objects.iter().enumerate() {
            for mut fault in object.mapping.check(object.source_attributes.as_deref(), profile, options) {
                let path = fault.at.short();
                let dot = if path.is_empty() { "" } else { "." };
                fault.path = format!("objects[{index}]{dot}{path}");
                faults.push(fault);
            }
        }
        if let Some(text) = self.origin.text() {
            self.set_lines(text, &mut faults);
        }
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    fn set_lines(&self, text: &str, faults: &mut [Fault]) {
        #[cfg(feature = "toml")]
        if self.is_toml {
            return toml_form::set_lines(text, faults);
        }
        document::set_lines(text, faults);
    }

    fn form(&self) -> Result<FileForm, ShortFormError> {
        let objects: Result<Vec<_>, _> = self.objects.iter().map(ObjectForm::of).collect();
        Ok(FileForm { objects: objects? })
    }
}
