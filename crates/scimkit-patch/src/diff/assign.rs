//! Replacements that can be put together in one operation without path.

use scimkit_types::{Attribute, ComplexValue, OperationKind, PatchOperation, Value};

use crate::scope::Place;

/// A value that an attribute is set to, or sub-attributes that are merged into it.
#[derive(Debug)]
pub(super) struct Assignment<'a> {
    place: Place<'a>,
    value: Value,
}

impl<'a> Assignment<'a> {
    /// The attribute gets this value, and if it is complex these sub-attributes.
    pub(super) const fn whole(place: Place<'a>, value: Value) -> Self {
        Self { place, value }
    }

    fn into_operation(self, sub_attribute: Option<&'a Attribute>) -> PatchOperation {
        let place = Place { sub_attribute, ..self.place };
        PatchOperation::new(OperationKind::Replace, Some(place.to_string()), Some(self.value))
    }

    /// The shortest operation with a path.
    fn with_path(mut self) -> PatchOperation {
        let sole = match &mut self.value {
            Value::Complex(members) if members.len() == 1 && !self.place.attribute.is_multi_valued => {
                let first = members.iter().next().map(|(name, _)| name.to_owned());
                first.and_then(|name| Some((self.place.attribute.sub_attribute(&name)?, members.remove(&name)?)))
            }
            _ => None,
        };
        match sole {
            Some((sub_attribute, value)) => Self { value, ..self }.into_operation(Some(sub_attribute)),
            None => self.into_operation(None),
        }
    }
}

/// One operation without path, or one for each attribute.
pub(super) fn operations(assignments: Vec<Assignment<'_>>, is_path_required: bool) -> Vec<PatchOperation> {
    if is_path_required || assignments.len() < 2 {
        return assignments.into_iter().map(Assignment::with_path).collect();
    }
    let mut members = ComplexValue::new();
    for Assignment { place, value } in assignments {
        let name = place.attribute.name.as_str();
        match place.extension {
            None => {
                members.insert(name, value);
            }
            Some(schema) => {
                let extension = members.entry(schema.id.as_str());
                if let Value::Complex(extension) = extension {
                    extension.insert(name, value);
                } else {
                    *extension = Value::Complex(ComplexValue::from_iter([(name, value)]));
                }
            }
        }
    }
    vec![PatchOperation::new(OperationKind::Replace, None, Some(Value::Complex(members)))]
}
