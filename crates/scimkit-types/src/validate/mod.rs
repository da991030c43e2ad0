//! What a body must be for a resource to be stored (RFC 7643 sections 2 and 7, RFC 7644 sections 3.3 and 3.5.1).

mod changes;
mod checker;
mod elements;
mod format;
mod present;
mod schemas;
mod simple;
#[cfg(test)]
mod tests;

use crate::dialect::{Dialect, Tolerance};
use crate::messages::ScimType;
use crate::profile::Profile;
use crate::resource::Resource;
use crate::schema::{Attribute, Catalog, Mutability, ResourceType, Schema, SchemaUri};
use crate::value::{ComplexValue, MemberName, Value};

pub use changes::accept_changes;
use checker::{Checker, Mode};
use present::Present;

/// One rule that a resource breaks, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {fault}")]
#[non_exhaustive]
pub struct Violation {
    /// The attribute, such as `emails[1].value`.
    pub path: String,
    /// What is wrong, such as `is required`.
    pub fault: String,
    /// The keyword for the answer.
    pub scim_type: ScimType,
}

/// What is to be done with the resource.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// It is new (POST).
    Create,
    /// It takes the place of the present one (PUT).
    Replace {
        /// The present resource.
        current: &'a Resource,
    },
    /// It is the present one after a PATCH.
    Patch {
        /// The present resource.
        current: &'a Resource,
    },
}

/// How strict [`accept`] is where the standard leaves a choice.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Policy {
    /// What is tolerated of the peer.
    pub dialect: Dialect,
    /// Whether a value outside of an attribute's canonical values is refused (R7643-2.3.1-02).
    pub enforces_canonical_values: bool,
    /// Whether text of users that is not of the form that the standard prescribes is refused: `preferredLanguage`, `locale`, `timezone`,
    /// `addresses.country` and `x509Certificates.value` (R7643-4.1.1-05 to -07, R7643-4.1.2-05, R7643-4.1.2-12). Directories hold countries
    /// by name and time zones as Windows calls them, so that is asked for. Telephone numbers are let through in any form.
    pub enforces_formats: bool,
    /// Whether an attribute that the schemas do not know is refused; else it is left out (AMB-05).
    pub rejects_unknown_attributes: bool,
}

/// What a service provider's profile says.
impl From<&Profile> for Policy {
    fn from(profile: &Profile) -> Self {
        Self {
            dialect: profile.dialect,
            enforces_canonical_values: profile.enforces_canonical_values,
            enforces_formats: profile.enforces_formats,
            rejects_unknown_attributes: profile.rejects_unknown_attributes,
        }
    }
}

/// The resource as it is to be stored, and the deviations that were tolerated.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Accepted {
    /// Names in canonical spelling; no nulls, no empty lists, no unknown attributes; what a client cannot write is as it was.
    pub resource: Resource,
    /// Which tolerances fired.
    pub tolerances: Vec<Tolerance>,
}

/// How many violations [`accept`] reports at most.
pub const MAX_VIOLATIONS: usize = 100;

/// Checks a resource against its type and returns it as it is to be stored.
///
/// Names are written as the schemas spell them, and so are canonical values that compare without case.
/// Nulls, empty lists and attributes that the schemas do not know are left out; `schemas` is computed from what the resource holds and
/// from the extensions that it lists.
///
/// | attribute | [`Create`](Operation::Create) | [`Replace`](Operation::Replace) | [`Patch`](Operation::Patch) |
/// |---|---|---|---|
/// | readOnly | ignored | keeps its present value | must have its present value |
/// | immutable | taken | taken if there was none, else must be equal; kept if left out | as for `Replace`, but cannot be removed |
/// | writeOnly | taken | kept if left out (AMB-02) | taken |
/// | readWrite | taken | taken, cleared if left out | taken |
///
/// A readOnly sub-attribute is never taken from the body; it keeps its present value while the value that it belongs to stays the same.
/// Elements of a list that have the same `type` and `value` become one (R7643-2.4-08).
///
/// ```
/// use scimkit_types::validate::{Operation, Policy, accept};
/// use scimkit_types::{Catalog, Resource};
///
/// let catalog = Catalog::standard();
/// let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
/// let body: Resource = serde_json::from_str(
///     r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "username": "ola@example.com", "title": null, "active": "yes"}"#,
/// )?;
/// let violations = accept(&catalog, user_type, &body, Operation::Create, &Policy::default()).unwrap_err();
/// assert_eq!(violations[0].to_string(), "`active` must be a boolean, found a string");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// All [`Violation`]s at once, at most [`MAX_VIOLATIONS`]: those of the body in the order of the document, then what is missing in the
/// order of the schemas. They never show a value.
pub fn accept(
    catalog: &Catalog,
    resource_type: &ResourceType,
    resource: &Resource,
    operation: Operation<'_>,
    policy: &Policy,
) -> Result<Accepted, Vec<Violation>> {
    let (mode, present) = match operation {
        Operation::Create => (Mode::Create, Present::None),
        Operation::Replace { current } => (Mode::Replace, Present::Whole(current)),
        Operation::Patch { current } => (Mode::Patch, Present::Whole(current)),
    };
    let Checked { listed, mut base, extensions, tolerances, .. } = check(catalog, resource_type, resource, mode, present, policy)?;
    let in_schemas = extensions.iter().filter(|e| !e.members.is_empty() || listed.contains(&&e.schema.id)).map(|e| e.schema.id.as_str());
    let schemas = Resource::new(std::iter::once(resource_type.schema.as_str()).chain(in_schemas));
    let (id, meta) = (base.remove("id"), base.remove("meta"));
    // The names differ: those of attributes from each other and from `schemas`, those of extensions by having a colon.
    let mut accepted: Vec<(MemberName, Value)> = Vec::with_capacity(base.len() + extensions.len() + 3);
    accepted.extend(schemas.into_complex().into_members());
    accepted.extend(id.map(|id| (MemberName::from("id"), id)));
    accepted.extend(base.into_members());
    let extensions = extensions.into_iter().filter(|extension| !extension.members.is_empty());
    accepted.extend(extensions.map(|extension| (MemberName::from(&extension.schema.id), Value::Complex(extension.members))));
    accepted.extend(meta.map(|meta| (MemberName::from("meta"), meta)));
    let accepted = Resource::from(ComplexValue::from_distinct(accepted));
    Ok(Accepted { resource: accepted, tolerances })
}

/// What [`check`] made of a resource.
struct Checked<'a> {
    /// The extensions that `schemas` lists.
    listed: Vec<&'a SchemaUri>,
    /// The attributes of the base schema that were checked, without `schemas`.
    attributes: Vec<&'a Attribute>,
    /// What is to be stored of them.
    base: ComplexValue,
    /// The extensions that were checked.
    extensions: Vec<ExtensionState<'a>>,
    tolerances: Vec<Tolerance>,
}

/// Checks `schemas` and what can be other than it was.
fn check<'a>(
    catalog: &'a Catalog,
    resource_type: &'a ResourceType,
    resource: &Resource,
    mode: Mode,
    present: Present<'_>,
    policy: &'a Policy,
) -> Result<Checked<'a>, Vec<Violation>> {
    let mut checker = Checker::new(policy, resource_type, mode);
    let listed = checker.schemas(resource_type, resource, present);

    let attributes = open_attributes(catalog, resource_type, present);
    let mut base = ComplexValue::new();
    let mut base_failures = Vec::new();
    let open_extensions = resource_type.schema_extensions.iter().filter(|extension| present.is_open(extension.schema.as_str()));
    let mut extensions: Vec<ExtensionState<'_>> = open_extensions
        .filter_map(|extension| {
            let schema = catalog.schema(extension.schema.as_str())?;
            Some(ExtensionState { schema, is_required: extension.required, members: ComplexValue::new(), failures: Vec::new() })
        })
        .collect();
    let is_open = |name: &str| !name.eq_ignore_ascii_case("schemas") && present.is_open(name);
    for (name, value) in resource.as_complex().iter().filter(|(name, _)| is_open(name)) {
        if let Some(attribute) = attributes.iter().find(|attribute| attribute.name == *name) {
            checker.attribute(attribute, value, present.get(name), &mut base, &mut base_failures);
        } else if let Some(extension) = extensions.iter_mut().find(|extension| extension.schema.id == *name) {
            checker.enter_schema(extension.schema.id.as_str());
            extension.take(&mut checker, value, present);
            checker.leave();
        } else {
            checker.unknown(name);
        }
    }

    for attribute in &attributes {
        if base.get(attribute.name.as_str()).is_none() {
            checker.settle(attribute, present.get(attribute.name.as_str()), &mut base, &base_failures, true);
        }
    }
    for extension in &mut extensions {
        checker.enter_schema(extension.schema.id.as_str());
        extension.settle(&mut checker, present);
        checker.leave();
    }

    let (violations, tolerances) = checker.finish();
    if violations.is_empty() { Ok(Checked { listed, attributes, base, extensions, tolerances }) } else { Err(violations) }
}

/// The attributes of the base schema and common ones that can be other than they were, in their order, without `schemas`.
fn open_attributes<'a>(catalog: &'a Catalog, resource_type: &'a ResourceType, present: Present<'_>) -> Vec<&'a Attribute> {
    let Present::Before(_, before) = present else {
        return catalog.attributes_of(resource_type).filter(|attribute| attribute.name != *"schemas").collect();
    };
    let named = before.iter().filter_map(|(name, _)| catalog.attribute(resource_type, None, name.as_str()));
    let mut open: Vec<&Attribute> = named.filter(|attribute| attribute.name != *"schemas").collect();
    if open.len() > 1 {
        open.sort_by_key(|open| catalog.attributes_of(resource_type).position(|attribute| attribute.name == open.name));
        open.dedup_by(|left, right| left.name == right.name);
    }
    open
}

/// An extension while it is read.
struct ExtensionState<'a> {
    schema: &'a Schema,
    is_required: bool,
    members: ComplexValue,
    failures: Vec<&'a str>,
}

impl<'a> ExtensionState<'a> {
    fn take(&mut self, checker: &mut Checker<'a>, value: &Value, present: Present<'_>) {
        let Value::Complex(body) = value else {
            if !value.is_unassigned() {
                checker.violation(ScimType::InvalidValue, format!("must be an object, found {}", simple::kind(value)));
            }
            return;
        };
        let present = present.extension(self.schema.id.as_str());
        for (name, value) in body.iter() {
            match self.schema.attribute(name) {
                Some(attribute) => {
                    let present = present.and_then(|present| present.get(name));
                    checker.attribute(attribute, value, present, &mut self.members, &mut self.failures);
                }
                None => checker.unknown(name),
            }
        }
    }

    fn settle(&mut self, checker: &mut Checker<'a>, present: Present<'_>) {
        let present = present.extension(self.schema.id.as_str());
        // What stays although the body leaves it out needs the required attributes beside it.
        let stays = |attribute: &Attribute| {
            matches!(attribute.mutability, Mutability::WriteOnly | Mutability::Immutable)
                && present.and_then(|present| present.get(attribute.name.as_str())).is_some_and(|value| !value.is_unassigned())
        };
        let keeps_something = || checker.mode() == Mode::Replace && self.schema.attributes.iter().any(stays);
        let is_used = !self.members.is_empty() || !self.failures.is_empty() || keeps_something();
        if self.is_required && !is_used {
            checker.violation(ScimType::InvalidValue, "is required".to_owned());
            return;
        }
        for attribute in &self.schema.attributes {
            let present = present.and_then(|present| present.get(attribute.name.as_str()));
            checker.settle(attribute, present, &mut self.members, &self.failures, is_used);
        }
    }
}
