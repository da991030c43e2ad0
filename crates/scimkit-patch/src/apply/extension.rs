//! Whole extensions, and `schemas`, which follows from them.

use scimkit_types::{Mutability, Schema, Tolerance, Value};

use super::{Action, Patch, Verb, container};
use crate::coerce::kind;
use crate::error::PatchError;
use crate::scope::Place;

impl<'a> Patch<'a, '_> {
    /// Adds or replaces attributes of an extension (AMB-26); null stands for its removal.
    pub(super) fn write_extension(&mut self, schema: &'a Schema, verb: Verb, value: Value) -> Result<(), PatchError> {
        match value {
            Value::Complex(members) => self.extension_members(schema, members, verb),
            Value::Null if verb == Verb::Replace => self.remove_extension(schema),
            Value::String(text) if text.is_empty() && verb == Verb::Replace && self.scope.tolerate(Tolerance::EmptyClears) => {
                self.remove_extension(schema)
            }
            other => Err(PatchError::NotAnObject { operation: self.scope.operation, found: kind(&other) }),
        }
    }

    pub(super) fn remove_extension(&mut self, schema: &'a Schema) -> Result<(), PatchError> {
        self.touch(schema.id.as_str());
        if self.scope.context.is_required_extension(schema) {
            return Err(PatchError::Required { operation: self.scope.operation, path: schema.id.to_string() });
        }
        let members = container(self.resource, Some(schema));
        for attribute in &schema.attributes {
            let is_assigned = members.get(attribute.name.as_str()).is_some_and(|value| !value.is_unassigned());
            match attribute.mutability {
                Mutability::ReadOnly if is_assigned => return Err(self.scope.read_only(Place::new(Some(schema), attribute))),
                Mutability::Immutable if is_assigned => return Err(self.scope.immutable(Place::new(Some(schema), attribute))),
                _ => {}
            }
        }
        *members = scimkit_types::ComplexValue::new();
        self.settle_extension(schema, true)
    }

    /// Lets the extension go when nothing in it is assigned, and `schemas` say what is there (R7644-3.5.2-11, R7644-3.5.2-13).
    pub(super) fn settle_extension(&mut self, schema: &'a Schema, had_values: bool) -> Result<(), PatchError> {
        let uri = schema.id.as_str();
        let is_assigned = self.resource.get(uri).is_some_and(|value| !value.is_unassigned());
        let is_listed = self.resource.has_schema(uri);
        if !is_assigned {
            if had_values && self.scope.context.is_required_extension(schema) {
                return Err(PatchError::Required { operation: self.scope.operation, path: uri.to_owned() });
            }
            self.resource.remove(uri);
        }
        // A URI that was listed without values stays until the extension is removed.
        if is_assigned == is_listed || (is_listed && !had_values) {
            return Ok(());
        }
        self.touch("schemas");
        let mut schemas: Vec<String> = self.resource.schemas().map(str::to_owned).collect();
        if is_assigned {
            if schemas.is_empty() {
                schemas.push(self.scope.context.resource_type.schema.to_string());
            }
            schemas.push(uri.to_owned());
        } else {
            schemas.retain(|schema| !schema.eq_ignore_ascii_case(uri));
        }
        self.resource.set_schemas(schemas.iter().map(String::as_str));
        Ok(())
    }

    /// `schemas` follows from what the resource holds: naming schemas of the resource type is accepted and does nothing.
    pub(super) fn schemas(&mut self, place: Place<'a>, action: Action) -> Result<(), PatchError> {
        let operation = self.scope.operation;
        match action {
            Action::Write(_, value) if !value.is_unassigned() => {
                let base = &self.scope.context.resource_type.schema;
                let is_known = self
                    .scope
                    .elements(place, value)?
                    .iter()
                    .all(|uri| uri.as_str().is_some_and(|uri| *base == *uri || self.scope.context.extension(uri).is_some()));
                let resource_type = || self.scope.context.resource_type.name.clone();
                if is_known { Ok(()) } else { Err(PatchError::UnknownSchema { operation, resource_type: resource_type() }) }
            }
            _ => Err(PatchError::Required { operation, path: place.to_string() }),
        }
    }
}
