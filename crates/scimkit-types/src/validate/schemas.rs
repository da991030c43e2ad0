//! The attribute `schemas` of a body (RFC 7643 section 3).

use super::checker::{Checker, Mode};
use super::present::Present;
use super::simple;
use crate::dialect::Tolerance;
use crate::messages::ScimType;
use crate::resource::Resource;
use crate::schema::{ResourceType, SchemaUri};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// Checks `schemas` and returns the extensions of the type that it lists.
    ///
    /// After a PATCH only an unknown URI is a fault: the attribute was computed by the service provider before.
    pub(super) fn schemas(&mut self, resource_type: &'a ResourceType, resource: &Resource, present: Present<'_>) -> Vec<&'a SchemaUri> {
        let is_patch = self.mode() == Mode::Patch;
        let mut listed = Vec::new();
        self.enter("schemas");
        match resource.get("schemas") {
            None => self.missing_schemas(is_patch),
            Some(value) if value.is_unassigned() => self.missing_schemas(is_patch),
            Some(Value::List(values)) => {
                let mut has_base = false;
                for (index, value) in values.iter().enumerate() {
                    self.enter_element(index);
                    match value {
                        Value::String(uri) if resource_type.schema == **uri => {
                            if has_base && !is_patch {
                                self.violation(ScimType::InvalidValue, "occurs twice".to_owned());
                            }
                            has_base = true;
                        }
                        Value::String(uri) => match resource_type.schema_extensions.iter().find(|e| e.schema == **uri) {
                            Some(extension) if listed.contains(&&extension.schema) => {
                                if !is_patch {
                                    self.violation(ScimType::InvalidValue, "occurs twice".to_owned());
                                }
                            }
                            Some(extension) => listed.push(&extension.schema),
                            None if is_patch && present.has_schema(uri) => {}
                            None if self.tolerate(Tolerance::IgnoreUnknownSchemas) => {}
                            None => {
                                let name = &resource_type.name;
                                self.violation(ScimType::InvalidValue, format!("is not a schema of the resource type `{name}`"));
                            }
                        },
                        other => self.violation(ScimType::InvalidValue, format!("must be a schema URI, found {}", simple::kind(other))),
                    }
                    self.leave();
                }
                if !has_base && !is_patch {
                    self.violation(ScimType::InvalidValue, format!("must contain `{}`", resource_type.schema));
                }
            }
            Some(other) => self.violation(ScimType::InvalidSyntax, format!("must be a list of schema URIs, found {}", simple::kind(other))),
        }
        self.leave();
        listed
    }

    fn missing_schemas(&mut self, is_patch: bool) {
        if !is_patch {
            self.violation(ScimType::InvalidSyntax, "is required".to_owned());
        }
    }
}
