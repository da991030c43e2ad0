//! Applying a request to a resource.

mod elements;
mod extension;
mod journal;
mod members;
mod write;

use scimkit_types::value::MemberName;
use scimkit_types::{ComplexValue, Mutability, OperationKind, PatchOp, PatchOperation, Resource, Schema, Tolerance, Value};

use crate::coerce::kind;
use crate::error::PatchError;
use crate::scope::{Context, Place, Scope};
use crate::target::{ElementFilter, Target};
use crate::{MAX_OPERATIONS, equal};

pub(crate) use journal::Journal;

/// A resource after a PATCH request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// The resource with all operations applied. Names that the request wrote have the schema's spelling; `meta` is as it was.
    pub resource: Resource,
    /// Whether anything changed, up to what carries no meaning; a request that writes a writeOnly attribute always changes
    /// (R7644-3.5.2.1-06).
    pub is_changed: bool,
    /// Which deviations of the dialect occurred, each once, in the order in which they first did.
    pub tolerances: Vec<Tolerance>,
}

/// What [`apply_in_place`] did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Patched {
    /// Whether anything changed, as in [`Applied`].
    pub is_changed: bool,
    /// Which deviations of the dialect occurred, each once, in the order in which they first did.
    pub tolerances: Vec<Tolerance>,
    /// What the top-level attributes and extensions that were written were before, by name; `None` for those that were not there. All
    /// others, but for `references`, are as they were.
    pub before: Vec<(MemberName, Option<Value>)>,
    /// The names of `members` and other lists of references that were written, of which there is no copy.
    pub references: Vec<MemberName>,
}

/// Applies all operations in order, each to the result of the one before, or none (R7644-3.5.2-14, R7644-3.5.2-16).
///
/// The result is a copy; a resource that is not needed any more, such as a group with many members, is better patched by
/// [`apply_in_place`].
///
/// ```
/// use scimkit_patch::{Context, apply};
/// use scimkit_types::{Catalog, PatchOp, Resource};
///
/// let catalog = Catalog::standard();
/// let context = Context::new(&catalog, catalog.resource_type("User").ok_or("no such resource type")?);
/// let user: Resource = serde_json::from_str(r#"{"userName": "ola", "emails": [{"type": "work", "value": "o@example.com"}]}"#)?;
/// let request = PatchOp::from_json(serde_json::from_str(
///     r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
///         "Operations": [{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ola@example.com"}]}"#,
/// )?)?;
/// let applied = apply(&user, &request, &context)?;
/// assert_eq!(applied.resource.get("emails").map(|emails| emails.elements().len()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`PatchError`] of the first operation that cannot be applied; the resource is not touched.
pub fn apply(resource: &Resource, request: &PatchOp, context: &Context<'_>) -> Result<Applied, PatchError> {
    let mut resource = resource.clone();
    let Patched { is_changed, tolerances, .. } = apply_in_place(&mut resource, request, context)?;
    Ok(Applied { resource, is_changed, tolerances })
}

/// Applies all operations to the resource itself, in order, or none.
///
/// Nothing is copied but the attributes that are written, and of `members` and other lists of references only the elements concerned: to
/// add or remove one of many members takes a walk over the others and no copy of them.
///
/// ```
/// use scimkit_patch::{Context, apply_in_place};
/// use scimkit_types::{Catalog, OperationKind, PatchOp, PatchOperation, Resource};
///
/// let catalog = Catalog::standard();
/// let context = Context::new(&catalog, catalog.resource_type("Group").ok_or("no such resource type")?);
/// let mut group: Resource = serde_json::from_str(r#"{"displayName": "Guides", "members": [{"value": "1"}, {"value": "2"}]}"#)?;
/// let leaves = PatchOperation::new(OperationKind::Remove, Some(r#"members[value eq "1"]"#.to_owned()), None);
/// let nameless = PatchOperation::new(OperationKind::Remove, Some("displayName".to_owned()), None);
/// assert!(apply_in_place(&mut group, &PatchOp::new(vec![leaves.clone(), nameless]), &context).is_err());
/// assert_eq!(group.get("members").map(|members| members.elements().len()), Some(2));
/// assert!(apply_in_place(&mut group, &PatchOp::new(vec![leaves]), &context)?.is_changed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`PatchError`] of the first operation that cannot be applied; the resource is equal to what it was, though its attributes may stand in
/// another order.
pub fn apply_in_place(resource: &mut Resource, request: &PatchOp, context: &Context<'_>) -> Result<Patched, PatchError> {
    let mut scope = Scope::new(*context);
    scope.check_size(request)?;
    let mut patch = Patch { scope, resource, backups: Vec::new(), journals: Vec::new(), has_written_secret: false };
    for (index, operation) in request.operations.iter().enumerate() {
        patch.scope.operation = index;
        if let Err(error) = patch.operation(operation) {
            patch.undo();
            return Err(error);
        }
    }
    let is_changed = patch.is_changed();
    let Patch { scope, backups, journals, .. } = patch;
    Ok(Patched {
        is_changed,
        tolerances: scope.tolerances,
        before: backups.into_iter().map(|(name, before)| (MemberName::from(name), before)).collect(),
        references: journals.iter().map(|journal| MemberName::from(journal.name())).collect(),
    })
}

impl Scope<'_> {
    pub(crate) fn check_size(&mut self, request: &PatchOp) -> Result<(), PatchError> {
        let found = request.operations.len();
        if found > MAX_OPERATIONS {
            return Err(PatchError::TooManyOperations { found, limit: MAX_OPERATIONS });
        }
        if found == 0 && !self.tolerate(Tolerance::EmptyOperations) {
            return Err(PatchError::NoOperations);
        }
        Ok(())
    }
}

/// What to do with values: a removal has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
}

/// What an operation does to one attribute.
#[derive(Debug)]
enum Action {
    Write(Verb, Value),
    Remove,
    /// Removes the elements that are given (AMB-28).
    RemoveGiven(Value),
}

/// A request being applied, with what it takes to undo it.
#[derive(Debug)]
struct Patch<'a, 'r> {
    scope: Scope<'a>,
    resource: &'r mut Resource,
    /// What the top-level attributes and extensions that operations wrote were before, by name.
    backups: Vec<(&'a str, Option<Value>)>,
    /// What was done to lists of references, of which there is no backup.
    journals: Vec<Journal<'a>>,
    has_written_secret: bool,
}

impl<'a> Patch<'a, '_> {
    fn is_changed(&self) -> bool {
        self.has_written_secret
            || self.backups.iter().any(|(name, before)| !equal::is_same(before.as_ref(), self.resource.get(name)))
            || self.journals.iter().any(Journal::is_changed)
    }

    fn undo(self) {
        let members = self.resource.as_complex_mut();
        for (name, before) in self.backups {
            journal::restore(members, name, before);
        }
        for journal in self.journals {
            journal.undo(members);
        }
    }

    fn operation(&mut self, operation: &PatchOperation) -> Result<(), PatchError> {
        let index = self.scope.operation;
        let target = match &operation.path {
            Some(path) => Some(self.scope.target(path)?),
            None => None,
        };
        let verb = match operation.kind {
            OperationKind::Add => Verb::Add,
            OperationKind::Replace => Verb::Replace,
            OperationKind::Remove => return self.removal(target, operation.value.clone()),
        };
        let Some(value) = operation.value.clone() else { return Err(PatchError::MissingValue { operation: index }) };
        match target {
            Some(Target::Attribute(place, filter)) => self.attribute(place, filter.as_deref(), Action::Write(verb, value)),
            Some(Target::Extension(schema)) => self.write_extension(schema, verb, value),
            Some(Target::Base) | None => match value {
                Value::Complex(members) => self.base_members(members, verb),
                other => Err(PatchError::NotAnObject { operation: index, found: kind(&other) }),
            },
        }
    }

    fn removal(&mut self, target: Option<Target<'a>>, value: Option<Value>) -> Result<(), PatchError> {
        let operation = self.scope.operation;
        let value = value.filter(|value| !matches!(value, Value::Null));
        match (target, value) {
            (None, Some(Value::Complex(members))) if self.scope.tolerate(Tolerance::RemoveByValue) => self.remove_members(members),
            (None | Some(Target::Base), _) => Err(PatchError::MissingPath { operation }),
            (Some(_), Some(_)) if !self.scope.tolerate(Tolerance::RemoveByValue) => Err(PatchError::UnexpectedValue { operation }),
            (Some(Target::Extension(schema)), None) => self.remove_extension(schema),
            (Some(Target::Extension(_)), Some(_)) => Err(PatchError::UnexpectedValue { operation }),
            (Some(Target::Attribute(place, None)), Some(value)) if place.definition().is_multi_valued => {
                self.attribute(place, None, Action::RemoveGiven(value))
            }
            (Some(Target::Attribute(place, filter)), _) => self.attribute(place, filter.as_deref(), Action::Remove),
        }
    }

    /// Does something to one attribute, in the resource or in an extension.
    fn attribute(&mut self, place: Place<'a>, filter: Option<&ElementFilter>, action: Action) -> Result<(), PatchError> {
        let is_read_only = |definition: &scimkit_types::Attribute| definition.mutability == Mutability::ReadOnly;
        if is_read_only(place.attribute) || place.sub_attribute.is_some_and(is_read_only) {
            return Err(self.scope.read_only(place));
        }
        if place.extension.is_none() && place.attribute.name == *"schemas" {
            return self.schemas(place, action);
        }
        self.has_written_secret |= place.definition().mutability == Mutability::WriteOnly && matches!(action, Action::Write(..));
        let (name, extension) = (place.attribute.name.as_str(), place.extension);
        if extension.is_none() && equal::is_writable_reference_list(place.attribute) {
            return self.references(place, filter, action);
        }
        self.touch(extension.map_or(name, |schema| schema.id.as_str()));
        let scope = &mut self.scope;
        let container = container(self.resource, extension);
        let had_extension = extension.is_some() && !container.is_empty();
        let before = (place.attribute.mutability == Mutability::Immutable).then(|| container.get(name).cloned()).flatten();
        scope.act(container, place, filter, action)?;
        if let Some(before) = before.filter(|before| !before.is_unassigned())
            && !equal::is_same(Some(&before), container.get(name))
        {
            return Err(scope.immutable(place));
        }
        match extension {
            Some(schema) => self.settle_extension(schema, had_extension),
            None => Ok(()),
        }
    }

    /// Does something to a list of references of the base schema, which may be long.
    fn references(&mut self, place: Place<'a>, filter: Option<&ElementFilter>, action: Action) -> Result<(), PatchError> {
        let name = place.attribute.name.as_str();
        let members = self.resource.as_complex_mut();
        let known = self.journals.iter().position(|journal| journal.is_of(name));
        let mut journal = known.map_or_else(|| Journal::new(name, members), |index| self.journals.swap_remove(index));
        let is_inside = place.sub_attribute.is_some() || (filter.is_some() && matches!(action, Action::Write(..)));
        // Whoever becomes primary changes other elements as well.
        if is_inside || place.attribute.sub_attribute("primary").is_some() {
            let before = members.get(name).cloned();
            let outcome = self.scope.act(members, place, filter, action);
            journal.rewritten(before, members.get(name));
            self.journals.push(journal);
            outcome
        } else {
            self.scope.journal = Some(journal);
            let outcome = self.scope.act(members, place, filter, action);
            self.journals.extend(self.scope.journal.take());
            outcome
        }
    }

    /// Keeps what an attribute or extension was before the request.
    fn touch(&mut self, name: &'a str) {
        if !self.backups.iter().any(|(touched, _)| *touched == name) {
            self.backups.push((name, self.resource.get(name).cloned()));
        }
    }
}

/// The object that holds the attributes of the extension, made if there is none; the resource itself for the base schema.
fn container<'r>(resource: &'r mut Resource, extension: Option<&Schema>) -> &'r mut ComplexValue {
    let members = resource.as_complex_mut();
    let Some(schema) = extension else { return members };
    complex_in(members, schema.id.as_str())
}

/// The complex value of this name, made if there is none.
fn complex_in<'r>(members: &'r mut ComplexValue, name: &str) -> &'r mut ComplexValue {
    let value = members.entry(name);
    if !matches!(value, Value::Complex(_)) {
        *value = Value::Complex(ComplexValue::new());
    }
    #[expect(clippy::unreachable, reason = "the value was made complex just above")]
    match value {
        Value::Complex(members) => members,
        _ => unreachable!("the value is complex"),
    }
}

/// The elements of the list of this name, made if there is none; a single value becomes its only element.
fn list_in<'r>(members: &'r mut ComplexValue, name: &str) -> &'r mut Vec<Value> {
    let value = members.entry(name);
    if !matches!(value, Value::List(_)) {
        *value = match std::mem::take(value) {
            Value::Null => Value::List(Vec::new()),
            other => Value::List(vec![other]),
        };
    }
    #[expect(clippy::unreachable, reason = "the value was made a list just above")]
    match value {
        Value::List(elements) => elements,
        _ => unreachable!("the value is a list"),
    }
}
