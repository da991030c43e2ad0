//! Writing and removing one attribute of an object.

use scimkit_types::{AttributeType, ComplexValue, Mutability, Tolerance, Value};

use super::{Action, Verb, complex_in, list_in};
use crate::error::PatchError;
use crate::scope::{Place, Scope};
use crate::target::ElementFilter;

impl<'a> Scope<'a> {
    /// Does something to the attribute in the object that holds it.
    pub(super) fn act(
        &mut self,
        container: &mut ComplexValue,
        place: Place<'a>,
        filter: Option<&ElementFilter>,
        action: Action,
    ) -> Result<(), PatchError> {
        if place.attribute.is_multi_valued && (filter.is_some() || place.sub_attribute.is_some()) {
            return self.selected(container, place, filter, action);
        }
        match (place.sub_attribute, action) {
            (None, Action::Write(verb, value)) => self.write(container, place, verb, value),
            (None, Action::Remove) => self.clear(container, place),
            (Some(_), Action::Write(verb, value)) => {
                let name = place.attribute.name.as_str();
                let clears = place.definition().name == *"value";
                let members = complex_in(container, name);
                self.write(members, place, verb, value)?;
                let is_cleared = clears && members.get("value").is_none();
                self.settle_complex(container, place.parent(), is_cleared)
            }
            (Some(_), Action::Remove) => {
                let members = complex_in(container, place.attribute.name.as_str());
                self.clear(members, place)?;
                self.settle_complex(container, place.parent(), false)
            }
            (_, Action::RemoveGiven(value)) => self.remove_given(container, place, value),
        }
    }

    /// Writes a value where the definition's name stands in the object.
    pub(super) fn write(&mut self, members: &mut ComplexValue, place: Place<'a>, verb: Verb, value: Value) -> Result<(), PatchError> {
        let definition = place.definition();
        if definition.is_multi_valued {
            let elements = self.elements(place, value)?;
            return self.write_list(members, place, verb, elements);
        }
        if definition.type_ == AttributeType::Complex {
            return self.write_complex(members, place, value);
        }
        let value = self.simple(place, value)?;
        if matches!(value, Value::Null) {
            return self.clear(members, place);
        }
        self.set(members, place, value)
    }

    /// Sets a sub-attribute or attribute to a value of its type.
    fn set(&self, members: &mut ComplexValue, place: Place<'a>, value: Value) -> Result<(), PatchError> {
        let definition = place.definition();
        let name = definition.name.as_str();
        if definition.mutability == Mutability::Immutable
            && members.get(name).is_some_and(|before| !before.is_unassigned() && !before.is_equivalent(&value))
        {
            return Err(self.immutable(place));
        }
        members.insert(name, value);
        Ok(())
    }

    fn write_complex(&mut self, container: &mut ComplexValue, place: Place<'a>, value: Value) -> Result<(), PatchError> {
        let name = place.definition().name.as_str();
        match self.sole(value) {
            Value::Null => self.clear(container, place),
            // Text stands for the whole value: what else was known of the old one, such as `$ref`, is not true of the new one.
            Value::String(text) => match self.text_for_complex(place, text)? {
                Value::Null => self.clear(container, place),
                value => {
                    let is_same = |before: &Value| {
                        before.as_complex().and_then(|before| before.get("value"))
                            == value.as_complex().and_then(|value| value.get("value"))
                    };
                    if !container.get(name).is_some_and(is_same) {
                        container.insert(name, value);
                    }
                    Ok(())
                }
            },
            Value::Complex(members) => {
                let given = self.complex(place, members)?;
                let is_cleared = given.get("value").is_some_and(Value::is_unassigned);
                self.merge(complex_in(container, name), place, given)?;
                self.settle_complex(container, place, is_cleared)
            }
            other => Err(self.mistyped(place, &other)),
        }
    }

    /// Merges sub-attributes that have been read by [`Scope::complex`] (AMB-14, AMB-15); null removes one.
    pub(super) fn merge(&mut self, members: &mut ComplexValue, place: Place<'a>, given: ComplexValue) -> Result<(), PatchError> {
        for (name, value) in given.into_members() {
            let Some(sub_attribute) = place.definition().sub_attribute(name.as_str()) else { continue };
            let child = place.child(sub_attribute);
            if value.is_unassigned() {
                self.clear(members, child)?;
            } else {
                self.set(members, child, value)?;
            }
        }
        Ok(())
    }

    /// Lets a complex value go when nothing in it is assigned, or when a tolerant peer has cleared the `value` of a reference.
    fn settle_complex(&mut self, container: &mut ComplexValue, place: Place<'a>, is_cleared: bool) -> Result<(), PatchError> {
        let definition = place.definition();
        let name = definition.name.as_str();
        let is_reference = definition.sub_attribute("$ref").is_some();
        let is_gone = container.get(name).is_none_or(Value::is_unassigned);
        if is_gone || (is_cleared && is_reference && self.tolerate(Tolerance::EmptyClears)) {
            if definition.is_required {
                return Err(self.required(place));
            }
            container.remove(name);
        }
        Ok(())
    }

    /// Removes an attribute or sub-attribute (R7644-3.5.2.2-02, R7644-3.5.2.2-05).
    pub(super) fn clear(&mut self, members: &mut ComplexValue, place: Place<'a>) -> Result<(), PatchError> {
        let definition = place.definition();
        let name = definition.name.as_str();
        if definition.is_required {
            return Err(self.required(place));
        }
        if definition.mutability == Mutability::Immutable && members.get(name).is_some_and(|value| !value.is_unassigned()) {
            return Err(self.immutable(place));
        }
        if self.journal.is_some() && place.sub_attribute.is_none() {
            self.retain(list_in(members, name), |_| false);
        }
        members.remove(name);
        Ok(())
    }

    /// Lets a list go when it is empty (R7644-3.5.2.2-03).
    pub(super) fn settle_list(&self, container: &mut ComplexValue, place: Place<'a>) -> Result<(), PatchError> {
        let name = place.attribute.name.as_str();
        if !list_in(container, name).is_empty() {
            return Ok(());
        }
        container.remove(name);
        if place.attribute.is_required { Err(self.required(place.parent())) } else { Ok(()) }
    }

    pub(super) fn read_only(&self, place: Place<'_>) -> PatchError {
        PatchError::ReadOnly { operation: self.operation, path: place.to_string() }
    }

    pub(super) fn immutable(&self, place: Place<'_>) -> PatchError {
        PatchError::Immutable { operation: self.operation, path: place.to_string() }
    }

    pub(super) fn required(&self, place: Place<'_>) -> PatchError {
        PatchError::Required { operation: self.operation, path: place.to_string() }
    }
}
