//! Applying a request to a resource.

mod elements;
mod extension;
mod members;
mod write;

use scimkit_types::{ComplexValue, Mutability, OperationKind, PatchOp, PatchOperation, Resource, Schema, Tolerance, Value};

use crate::coerce::kind;
use crate::error::PatchError;
use crate::scope::{Context, Place, Scope};
use crate::target::{ElementFilter, Target};
use crate::{MAX_OPERATIONS, equal};

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

/// Applies all operations in order, each to the result of the one before, or none (R7644-3.5.2-14, R7644-3.5.2-16).
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
    let mut scope = Scope::new(*context);
    scope.check_size(request)?;
    let mut patch = Patch { scope, resource: resource.clone(), touched: Vec::new(), has_written_secret: false };
    for (index, operation) in request.operations.iter().enumerate() {
        patch.scope.operation = index;
        patch.operation(operation)?;
    }
    let is_changed =
        patch.has_written_secret || patch.touched.iter().any(|name| !equal::is_same(resource.get(name), patch.resource.get(name)));
    Ok(Applied { resource: patch.resource, is_changed, tolerances: patch.scope.tolerances })
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

/// A request being applied to a working copy.
#[derive(Debug)]
struct Patch<'a> {
    scope: Scope<'a>,
    resource: Resource,
    /// The top-level names that operations wrote: attributes, and the URIs of extensions.
    touched: Vec<&'a str>,
    has_written_secret: bool,
}

impl<'a> Patch<'a> {
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
        self.touch(place.extension.map_or(place.attribute.name.as_str(), |schema| schema.id.as_str()));
        self.has_written_secret |= place.definition().mutability == Mutability::WriteOnly && matches!(action, Action::Write(..));
        let (scope, extension) = (&mut self.scope, place.extension);
        let name = place.attribute.name.as_str();
        let container = container(&mut self.resource, extension);
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

    fn touch(&mut self, name: &'a str) {
        if !self.touched.contains(&name) {
            self.touched.push(name);
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
