//! Our own short form of mappings, as JSON or TOML.

use scimkit_types::Profile;
use serde::{Deserialize, Serialize};

use crate::expression::{self, Expression, ExpressionOptions, Node};
use crate::fault::Fault;
use crate::schema::document::{self, Origin};
use crate::schema::{
    AttributeDefinition, AttributeMapping, FlowType, FormatError, NullPolicy, ObjectFlow, ObjectMapping, ScopeClause, ScopeFilter,
    ScopeGroup, read_json,
};

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
                fault.line = self.origin.text().map(|text| self.line(text, &fault.path));
                faults.push(fault);
            }
        }
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    fn line(&self, text: &str, path: &str) -> usize {
        #[cfg(feature = "toml")]
        if self.is_toml {
            return document::line_at(text, toml_form::locate(text, path));
        }
        document::line_at(text, document::locate(text, path))
    }

    fn form(&self) -> Result<FileForm, ShortFormError> {
        let objects: Result<Vec<_>, _> = self.objects.iter().map(ObjectForm::of).collect();
        Ok(FileForm { objects: objects? })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "mappings as an object with the member `objects`")]
struct FileForm {
    objects: Vec<ObjectForm>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ObjectForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    source: String,
    target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<OperationForm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_attributes: Option<Vec<SourceAttributeForm>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scope: Vec<GroupForm>,
    attributes: Vec<AttributeForm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OperationForm {
    Create,
    Update,
    Delete,
}

impl OperationForm {
    const ALL: [(Self, ObjectFlow, &'static str); 3] = [
        (Self::Create, ObjectFlow::Create, "Add"),
        (Self::Update, ObjectFlow::Update, "Update"),
        (Self::Delete, ObjectFlow::Delete, "Delete"),
    ];
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "the name of an attribute, or a table with `name`, `type` and `multivalued`")]
enum SourceAttributeForm {
    Name(String),
    Whole(WholeAttributeForm),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeAttributeForm {
    name: String,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    type_: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    multivalued: Option<bool>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    clauses: Vec<ClauseForm>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseForm {
    attribute: String,
    operator: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributeForm {
    target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(rename = "match", default, skip_serializing_if = "is_zero")]
    matching: u32,
    #[serde(default, skip_serializing_if = "is_always")]
    flow: FlowType,
    #[serde(default, skip_serializing_if = "NullPolicy::is_ignore")]
    null: NullPolicy,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_always(flow: &FlowType) -> bool {
    *flow == FlowType::Always
}

impl ObjectForm {
    fn into_object(self) -> MappedObject {
        let mut mapping = ObjectMapping::new(self.source, self.target);
        mapping.name = self.name;
        mapping.enabled = self.enabled.unwrap_or(true);
        if let Some(operations) = self.operations {
            let names = OperationForm::ALL.iter().filter(|(operation, ..)| operations.contains(operation)).map(|(.., name)| *name);
            mapping.flow_types = names.collect::<Vec<_>>().join(",");
        }
        if !self.scope.is_empty() {
            let groups = self.scope.into_iter().map(GroupForm::into_group).collect();
            mapping.scope = Some(ScopeFilter { groups, ..ScopeFilter::default() });
        }
        mapping.attribute_mappings = self.attributes.into_iter().map(AttributeForm::into_mapping).collect();
        let attribute = |form| match form {
            SourceAttributeForm::Name(name) => AttributeDefinition::new(name),
            SourceAttributeForm::Whole(WholeAttributeForm { name, type_, multivalued }) => {
                AttributeDefinition { type_, multivalued, ..AttributeDefinition::new(name) }
            }
        };
        let source_attributes = self.source_attributes.map(|attributes| attributes.into_iter().map(attribute).collect());
        MappedObject { mapping, source_attributes }
    }

    fn of(object: &MappedObject) -> Result<Self, ShortFormError> {
        let mapping = &object.mapping;
        let allowed: Vec<_> = OperationForm::ALL.iter().filter(|(_, flow, _)| mapping.allows(*flow)).map(|(form, ..)| *form).collect();
        let group =
            |group: &ScopeGroup| GroupForm { name: group.name.clone(), clauses: group.clauses.iter().map(ClauseForm::of).collect() };
        let attribute = |attribute: &AttributeDefinition| match (&attribute.type_, attribute.multivalued) {
            (None, None) => SourceAttributeForm::Name(attribute.name.clone()),
            (type_, multivalued) => {
                SourceAttributeForm::Whole(WholeAttributeForm { name: attribute.name.clone(), type_: type_.clone(), multivalued })
            }
        };
        let attributes: Result<Vec<_>, _> = mapping.attribute_mappings.iter().map(AttributeForm::of).collect();
        Ok(Self {
            name: mapping.name.clone(),
            source: mapping.source_object_name.clone(),
            target: mapping.target_object_name.clone(),
            enabled: (!mapping.enabled).then_some(false),
            operations: (allowed.len() < OperationForm::ALL.len()).then_some(allowed),
            source_attributes: object.source_attributes.as_ref().map(|attributes| attributes.iter().map(attribute).collect()),
            scope: mapping.scope.iter().flat_map(|scope| &scope.groups).map(group).collect(),
            attributes: attributes?,
        })
    }
}

impl GroupForm {
    fn into_group(self) -> ScopeGroup {
        let clauses = self.clauses.into_iter().map(ClauseForm::into_clause).collect();
        ScopeGroup { name: self.name, clauses, ..ScopeGroup::default() }
    }
}

impl ClauseForm {
    fn into_clause(self) -> ScopeClause {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        ScopeClause::new(self.attribute, self.operator, &values)
    }

    fn of(clause: &ScopeClause) -> Self {
        Self {
            attribute: clause.source_operand_name.clone(),
            operator: clause.operator_name.clone(),
            values: clause.target_operand.as_ref().map(|operand| operand.values.clone()).unwrap_or_default(),
        }
    }
}

impl AttributeForm {
    fn into_mapping(self) -> AttributeMapping {
        let text = match (self.expression, self.constant) {
            (Some(expression), _) => Some(expression),
            (None, Some(constant)) => Some(Node::Text(constant.into()).to_string()),
            (None, None) => None,
        };
        let mut mapping = AttributeMapping::new(self.target, text.as_deref().unwrap_or_default());
        if text.is_none() {
            mapping.source = None;
        }
        mapping.default_value = self.default;
        mapping.matching_priority = self.matching;
        mapping.flow_type = self.flow;
        mapping.null_policy = self.null;
        mapping
    }

    fn of(mapping: &AttributeMapping) -> Result<Self, ShortFormError> {
        let read = |source| expression::from_source(source, &ExpressionOptions::default());
        let error = |message: String| ShortFormError { target: mapping.target_attribute_name.clone(), message };
        let expression = match mapping.source.as_ref().map(read) {
            Some(Ok(expression)) => expression,
            // A text that is not valid is kept, so that a check can name what is wrong with it.
            Some(Err(fault)) => match mapping.source.as_ref().and_then(|source| source.expression.clone()) {
                Some(text) => return Ok(Self { expression: Some(text), ..Self::without_source(mapping) }),
                None => return Err(error(fault.to_string())),
            },
            None => None,
        };
        let without_source = Self::without_source(mapping);
        Ok(match expression {
            Some(Expression { root: Node::Text(text) }) => Self { constant: text.as_str().map(str::to_owned), ..without_source },
            Some(expression) => Self { expression: Some(expression.to_string()), ..without_source },
            None => without_source,
        })
    }

    fn without_source(mapping: &AttributeMapping) -> Self {
        Self {
            target: mapping.target_attribute_name.clone(),
            expression: None,
            constant: None,
            default: mapping.default_value.clone(),
            matching: mapping.matching_priority,
            flow: mapping.flow_type,
            null: mapping.null_policy,
        }
    }
}

#[cfg(feature = "toml")]
mod toml_form {
    use serde::de::DeserializeOwned;
    use toml::Spanned;
    use toml::de::{DeTable, DeValue};

    use crate::schema::document::{self, Part};
    use crate::schema::{FormatError, check_size};

    pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, FormatError> {
        check_size(text)?;
        let fault = |path: String, error: &toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let line_start = text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |end| end + 1);
            let column = text.get(line_start..at).map_or(1, |head| head.chars().count() + 1);
            FormatError { path, line: document::line_at(text, at), column, message: error.message().replace('\n', ", ") }
        };
        let deserializer = toml::Deserializer::parse(text).map_err(|error| fault(".".to_owned(), &error))?;
        serde_path_to_error::deserialize(deserializer).map_err(|error| fault(error.path().to_string(), error.inner()))
    }

    /// The byte at which the value at a path begins, or the nearest one around it that is there.
    pub(super) fn locate(text: &str, path: &str) -> usize {
        let Ok(document) = DeTable::parse(text) else { return 0 };
        let mut found = document.span().start;
        let mut parts = document::parts(path).into_iter();
        let mut current: Option<&Spanned<DeValue<'_>>> = match parts.next() {
            Some(Part::Name(name)) => document.get_ref().get(name),
            _ => None,
        };
        while let Some(value) = current {
            found = value.span().start;
            current = parts.next().and_then(|part| match (part, value.get_ref()) {
                (Part::Name(name), DeValue::Table(table)) => table.get(name),
                (Part::Index(index), DeValue::Array(values)) => values.get(index),
                _ => None,
            });
        }
        found
    }
}
