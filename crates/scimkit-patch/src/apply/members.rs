//! Values without a path: an object whose members are attributes and extensions.

use scimkit_types::{ComplexValue, Mutability, Schema, Tolerance, Value};

use super::{Action, Patch, Verb};
use crate::coerce::kind;
use crate::error::PatchError;
use crate::scope::Place;
use crate::target::Target;

impl<'a> Patch<'a, '_> {
    /// Writes attributes of the base schema and extensions.
    pub(super) fn base_members(&mut self, members: ComplexValue, verb: Verb) -> Result<(), PatchError> {
        for (name, value) in members.into_members() {
            match self.named(None, name.as_str(), &value)? {
                Some(Target::Base) => match value {
                    // The base schema's own URI as a name; no deeper, so that nesting stays bounded.
                    Value::Complex(members) => {
                        for (name, value) in members.into_members() {
                            self.member(None, name.as_str(), value, verb)?;
                        }
                    }
                    other => return Err(PatchError::NotAnObject { operation: self.scope.operation, found: kind(&other) }),
                },
                Some(Target::Extension(schema)) => self.write_extension(schema, verb, value)?,
                Some(target) => self.write_member(target, value, verb)?,
                None => self.unknown_member(name.into())?,
            }
        }
        Ok(())
    }

    /// Writes attributes of an extension.
    pub(super) fn extension_members(&mut self, schema: &'a Schema, members: ComplexValue, verb: Verb) -> Result<(), PatchError> {
        self.touch(schema.id.as_str());
        for (name, value) in members.into_members() {
            self.member(Some(schema), name.as_str(), value, verb)?;
        }
        Ok(())
    }

    fn member(&mut self, extension: Option<&'a Schema>, name: &str, value: Value, verb: Verb) -> Result<(), PatchError> {
        match self.named(extension, name, &value)? {
            Some(target @ Target::Attribute(..)) => self.write_member(target, value, verb),
            Some(_) | None => self.unknown_member(name.to_owned()),
        }
    }

    fn write_member(&mut self, target: Target<'a>, value: Value, verb: Verb) -> Result<(), PatchError> {
        let Target::Attribute(place, filter) = target else { return Ok(()) };
        if place.definition().mutability == Mutability::ReadOnly || place.attribute.mutability == Mutability::ReadOnly {
            // AMB-36
            let is_ignored = self.scope.tolerate(Tolerance::IgnoreReadOnly);
            return if is_ignored { Ok(()) } else { Err(self.scope.read_only(place)) };
        }
        self.attribute(place, filter.as_deref(), Action::Write(verb, value))
    }

    fn unknown_member(&mut self, name: String) -> Result<(), PatchError> {
        if self.scope.tolerate(Tolerance::RejectUnknown) {
            return Err(PatchError::UnknownName { operation: self.scope.operation, name });
        }
        Ok(())
    }

    /// What the name of a member stands for; `None` if it is unknown.
    fn named(&mut self, extension: Option<&'a Schema>, name: &str, value: &Value) -> Result<Option<Target<'a>>, PatchError> {
        if let Some(attribute) = self.scope.context.attribute(extension, name) {
            return Ok(Some(Target::Attribute(Place::new(extension, attribute), None)));
        }
        if extension.is_none()
            && let Some(target) = name.parse().ok().and_then(|uri| self.scope.schema(&uri))
        {
            return Ok(Some(target));
        }
        let is_container = name.contains(':') && matches!(value, Value::Complex(_));
        let is_path = name.contains(['.', ':', '[']);
        if !is_path {
            let bare = if extension.is_none() { self.scope.bare_extension_attribute(name) } else { None };
            return Ok(bare.map(|place| Target::Attribute(place, None)));
        }
        if !self.scope.allows(Tolerance::DottedKeys) {
            let error = PatchError::PathAsName { operation: self.scope.operation, name: name.to_owned() };
            return if is_container { Ok(None) } else { Err(error) };
        }
        let path = match extension {
            Some(schema) => format!("{}:{name}", schema.id),
            None => name.to_owned(),
        };
        match self.scope.target(&path) {
            Ok(target) => {
                self.scope.tolerate(Tolerance::DottedKeys);
                Ok(Some(target))
            }
            Err(PatchError::UnknownAttribute { .. }) => Ok(None),
            Err(_) if is_container => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what is named in the value of a `remove` without path, such as `{"members": [{"value": "…"}]}`.
    pub(super) fn remove_members(&mut self, members: ComplexValue) -> Result<(), PatchError> {
        for (name, value) in members {
            match self.named(None, &name, &value)? {
                Some(Target::Attribute(place, None)) if place.definition().is_multi_valued && !value.is_unassigned() => {
                    self.attribute(place, None, Action::RemoveGiven(value))?;
                }
                Some(Target::Attribute(place, filter)) => self.attribute(place, filter.as_deref(), Action::Remove)?,
                Some(Target::Extension(schema)) if value.is_unassigned() => self.remove_extension(schema)?,
                // What to remove must be known: a removal that is ignored would be taken for done.
                Some(_) | None => {
                    return Err(PatchError::UnknownName { operation: self.scope.operation, name });
                }
            }
        }
        Ok(())
    }
}
