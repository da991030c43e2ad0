//! Singular complex attributes, such as `name`: per sub-attribute or as a whole, whichever is smaller.

use scimkit_types::{ComplexValue, Mutability, OperationKind, PatchOperation, Value};

use super::Differ;
use super::assign::Assignment;
use crate::equal::is_same;
use crate::error::DiffError;
use crate::scope::Place;

/// The sub-attributes to set and the names of those to remove.
pub(super) fn sub_attributes(current: &ComplexValue, desired: &ComplexValue) -> (ComplexValue, Vec<String>) {
    let changed = desired.iter().filter(|(name, value)| !is_same(current.get(name), Some(value)));
    let set = changed.map(|(name, value)| (name, value.clone())).collect();
    let gone = current.iter().filter(|(name, _)| desired.get(name).is_none_or(Value::is_unassigned));
    (set, gone.map(|(name, _)| name.to_owned()).collect())
}

/// The names that a service provider derives from the `value` of a reference.
pub(super) fn is_derived(name: &str) -> bool {
    ["$ref", "type", "display", "displayName"].iter().any(|derived| derived.eq_ignore_ascii_case(name))
}

impl<'a> Differ<'a, '_> {
    pub(super) fn singular(&mut self, place: Place<'a>, current: &ComplexValue, desired: ComplexValue) -> Result<(), DiffError> {
        let definition = place.attribute;
        let (set, mut gone) = sub_attributes(current, &desired);
        if self.options.ignores_derived && definition.sub_attribute("$ref").is_some() {
            gone.retain(|name| !is_derived(name));
        }
        for (name, _) in set.iter() {
            let is_immutable = definition.sub_attribute(name).is_some_and(|sub| sub.mutability == Mutability::Immutable);
            if is_immutable && current.get(name).is_some() {
                return Err(DiffError::Immutable { path: format!("{place}.{name}") });
            }
        }
        for name in &gone {
            let Some(sub_attribute) = definition.sub_attribute(name) else { continue };
            let path = place.child(sub_attribute).to_string();
            if sub_attribute.mutability == Mutability::Immutable {
                return Err(DiffError::Immutable { path });
            }
            if sub_attribute.is_required {
                return Err(DiffError::Required { path });
            }
        }
        let single = gone.len() + usize::from(!set.is_empty());
        if single > 2 && !definition.is_required {
            self.before.push(PatchOperation::new(OperationKind::Remove, Some(place.to_string()), None));
            self.assignments.push(Assignment::whole(place, Value::Complex(desired)));
            return Ok(());
        }
        if !set.is_empty() {
            self.assignments.push(Assignment::whole(place, Value::Complex(set)));
        }
        let removal = |name: String| PatchOperation::new(OperationKind::Remove, Some(format!("{place}.{name}")), None);
        self.after.extend(gone.into_iter().map(removal));
        Ok(())
    }
}
