//! The members of the short form, and how they become mappings.

use serde::{Deserialize, Serialize};

use super::{MappedObject, ShortFormError};
use crate::expression::{self, Expression, ExpressionOptions, Node};
use crate::schema::{
    AttributeDefinition, AttributeMapping, FlowType, NullPolicy, ObjectFlow, ObjectMapping, ScopeClause, ScopeFilter, ScopeGroup,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "mappings as an object with the member `objects`")]
pub(super) struct FileForm {
    pub(super) objects: Vec<ObjectForm>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ObjectForm {
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
    pub(super) fn into_object(self) -> MappedObject {
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

    pub(super) fn of(object: &MappedObject) -> Result<Self, ShortFormError> {
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
