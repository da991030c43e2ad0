//! Object mappings, attribute mappings and scoping filters as they stand in a document.

use serde::{Deserialize, Deserializer, Serialize};

use super::OtherMembers;

/// Null stands for the default, such as an empty list.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// How objects of one kind become resources of one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ObjectMapping {
    /// Whether objects are mapped at all. Default true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The operations that may reach the target: `Add`, `Update` and `Delete`, separated by commas. Default all three.
    #[serde(default = "all_flows")]
    pub flow_types: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The kind of source object: `User` or `Group`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_object_name: String,
    /// The URI of the target's schema.
    #[serde(default, deserialize_with = "null_as_default")]
    pub target_object_name: String,
    /// Which objects are in scope; all if there is none.
    #[serde(default)]
    pub scope: Option<ScopeFilter>,
    /// The mappings of attributes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attribute_mappings: Vec<AttributeMapping>,
    /// Names and values that Microsoft Entra keeps here.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: Vec<KeyValue>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

const fn yes() -> bool {
    true
}

fn all_flows() -> String {
    "Add,Update,Delete".to_owned()
}

impl ObjectMapping {
    /// A mapping without attributes, of which all operations may reach the target.
    pub fn new(source_object_name: impl Into<String>, target_object_name: impl Into<String>) -> Self {
        Self {
            enabled: true,
            flow_types: all_flows(),
            name: None,
            source_object_name: source_object_name.into(),
            target_object_name: target_object_name.into(),
            scope: None,
            attribute_mappings: Vec::new(),
            metadata: Vec::new(),
            other: OtherMembers::new(),
        }
    }

    /// Whether this operation may reach the target.
    pub fn allows(&self, flow: ObjectFlow) -> bool {
        let name = match flow {
            ObjectFlow::Create => "Add",
            ObjectFlow::Update => "Update",
            ObjectFlow::Delete => "Delete",
        };
        self.flow_types.split(',').any(|part| part.trim().eq_ignore_ascii_case(name))
    }
}

/// What can be done to an object of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the flow types of Microsoft Graph")]
pub enum ObjectFlow {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KeyValue {
    /// The name.
    pub key: String,
    /// The value.
    #[serde(default)]
    pub value: Option<String>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// How one attribute of the target gets its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttributeMapping {
    /// The value for a new object when the source gives none.
    #[serde(default)]
    pub default_value: Option<String>,
    /// Kept; without effect.
    #[serde(default, deserialize_with = "null_as_default")]
    pub export_missing_references: bool,
    /// Kept; without effect, since values are compared with those last exported.
    #[serde(default, deserialize_with = "null_as_default")]
    pub flow_behavior: FlowBehavior,
    /// When the value flows.
    #[serde(default, deserialize_with = "null_as_default")]
    pub flow_type: FlowType,
    /// The precedence as a matching attribute, the lowest first; 0 for an attribute that does not match.
    #[serde(default, deserialize_with = "null_as_default")]
    pub matching_priority: u32,
    /// Where the value comes from; nothing for a mapping that only has a default.
    #[serde(default)]
    pub source: Option<MappingSource>,
    /// The path of the target attribute, such as `emails[type eq "work"].value`.
    pub target_attribute_name: String,
    /// What becomes of the target's value when the source has none. Not known to Microsoft Graph; left out by default.
    #[serde(default, skip_serializing_if = "NullPolicy::is_ignore")]
    pub null_policy: NullPolicy,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl AttributeMapping {
    /// A mapping from an expression, such as `[mail]`.
    pub fn new(target_attribute_name: impl Into<String>, expression: impl Into<String>) -> Self {
        Self {
            default_value: None,
            export_missing_references: false,
            flow_behavior: FlowBehavior::FlowWhenChanged,
            flow_type: FlowType::Always,
            matching_priority: 0,
            source: Some(MappingSource { expression: Some(expression.into()), ..MappingSource::default() }),
            target_attribute_name: target_attribute_name.into(),
            null_policy: NullPolicy::Ignore,
            other: OtherMembers::new(),
        }
    }

    /// This mapping as a matching attribute.
    #[must_use]
    pub fn matching(self, precedence: u32) -> Self {
        Self { matching_priority: precedence, ..self }
    }

    /// This mapping with a value for new objects.
    #[must_use]
    pub fn with_default(self, value: impl Into<String>) -> Self {
        Self { default_value: Some(value.into()), ..self }
    }

    /// This mapping with another flow type.
    #[must_use]
    pub fn with_flow_type(self, flow_type: FlowType) -> Self {
        Self { flow_type, ..self }
    }

    /// This mapping with another policy for missing values.
    #[must_use]
    pub fn with_null_policy(self, null_policy: NullPolicy) -> Self {
        Self { null_policy, ..self }
    }
}

/// When a value is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FlowBehavior {
    /// When it changed.
    #[default]
    FlowWhenChanged,
    /// In every cycle.
    FlowAlways,
}

/// When the value of a mapping flows. [`MappingSet::expected`](crate::MappingSet::expected) applies it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FlowType {
    /// When the object is created and when it is updated.
    #[default]
    Always,
    /// Only when the object is created.
    ObjectAddOnly,
    /// Values are added to a list, never removed from it; an attribute with one value is as with `Always`.
    MultiValueAddOnly,
    /// A value is added or replaced, never removed: a list keeps what it has, and nothing is cleared.
    ValueAddOnly,
    /// Only if the target has no value.
    AttributeAddOnly,
}

impl FlowType {
    /// What an attribute that has `current` values is to have when its mapping gives `desired` ones, none of them to clear it; `None` if
    /// nothing flows.
    ///
    /// For a reference, which is written after its object, `ObjectAddOnly` flows as long as there is none.
    ///
    /// ```
    /// use scimkit_mapping::FlowType;
    ///
    /// let merge = |flow: FlowType, desired: &[i32]| flow.merge(&[1, 2], desired, true, |left, right| left == right);
    /// assert_eq!(merge(FlowType::Always, &[2, 3]), Some(vec![2, 3]));
    /// assert_eq!(merge(FlowType::MultiValueAddOnly, &[2, 3]), Some(vec![1, 2, 3]));
    /// assert_eq!(merge(FlowType::AttributeAddOnly, &[2, 3]), None);
    /// ```
    pub fn merge<T: Clone>(self, current: &[T], desired: &[T], is_multi_valued: bool, is_same: impl Fn(&T, &T) -> bool) -> Option<Vec<T>> {
        let adds = || {
            let new = desired.iter().filter(|new| !current.iter().any(|known| is_same(known, new)));
            current.iter().chain(new).cloned().collect()
        };
        match self {
            Self::ObjectAddOnly | Self::AttributeAddOnly if !current.is_empty() => None,
            Self::MultiValueAddOnly | Self::ValueAddOnly if is_multi_valued => Some(adds()),
            Self::ValueAddOnly if desired.is_empty() => None,
            _ => Some(desired.to_vec()),
        }
    }
}

/// What becomes of the target's value when the source has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum NullPolicy {
    /// It stays, as in Microsoft Entra.
    #[default]
    Ignore,
    /// It is removed.
    Clear,
}

impl NullPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(crate) fn is_ignore(&self) -> bool {
        *self == Self::Ignore
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MappingSource {
    /// The expression as text.
    #[serde(default)]
    pub expression: Option<String>,
    /// The name of the attribute or function, or the constant itself.
    #[serde(default)]
    pub name: Option<String>,
    /// What the name stands for.
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    pub type_: SourceType,
    /// The arguments of a function.
    #[serde(default, deserialize_with = "null_as_default")]
    pub parameters: Vec<Parameter>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// What a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SourceType {
    /// An attribute of the source object.
    #[default]
    Attribute,
    /// Fixed text.
    Constant,
    /// A function of other sources.
    Function,
    /// Nothing: only a default applies.
    None,
}

/// An argument of a function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Parameter {
    /// The name of the parameter.
    #[serde(default, deserialize_with = "null_as_default")]
    pub key: String,
    /// The value.
    #[serde(default)]
    pub value: Option<MappingSource>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// Which objects are in scope: those that one group lets in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScopeFilter {
    /// The groups; one of them must hold.
    #[serde(default, deserialize_with = "null_as_default")]
    pub groups: Vec<ScopeGroup>,
    /// Experimental in Microsoft Graph; a mapping with such a group does not compile.
    #[serde(default, deserialize_with = "null_as_default")]
    pub input_filter_groups: Vec<ScopeGroup>,
    /// Experimental in Microsoft Graph; a mapping with such a group does not compile.
    #[serde(default, deserialize_with = "null_as_default")]
    pub category_filter_groups: Vec<ScopeGroup>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// Clauses that must all hold. A group without clauses has no effect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScopeGroup {
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The clauses.
    #[serde(default, deserialize_with = "null_as_default")]
    pub clauses: Vec<ScopeClause>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

/// A test of one attribute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScopeClause {
    /// The operator, such as `EQUALS`. Case, blanks and underscores do not matter.
    #[serde(default, deserialize_with = "null_as_default")]
    pub operator_name: String,
    /// The attribute.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_operand_name: String,
    /// The values to compare with.
    #[serde(default)]
    pub target_operand: Option<ScopeOperand>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl ScopeClause {
    /// A test of one attribute.
    pub fn new(attribute: impl Into<String>, operator: impl Into<String>, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Self {
            operator_name: operator.into(),
            source_operand_name: attribute.into(),
            target_operand: Some(ScopeOperand { values, other: OtherMembers::new() }),
            other: OtherMembers::new(),
        }
    }
}

/// The values that an attribute is compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScopeOperand {
    /// The values.
    #[serde(default, deserialize_with = "null_as_default")]
    pub values: Vec<String>,
    /// What else the document says.
    #[serde(flatten)]
    pub other: OtherMembers,
}
