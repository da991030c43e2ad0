//! A request as changes of single members, so that a large group need not be loaded.

use scimkit_types::{Change, ComplexValue, OperationKind, PatchOp, PatchOperation, Tolerance, Value};

use crate::equal::is_writable_reference_list;
use crate::error::PatchError;
use crate::scope::{Context, Place, Scope};
use crate::target::{ElementFilter, Target};

/// A request, split into what a store can do to single members and what has to be applied to the rest of the document.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Compiled {
    /// The changes of members, in order; independent of `document`.
    pub changes: Vec<Change>,
    /// The other operations. It has none when all were compiled; then there is nothing for [`apply`](crate::apply()) to do.
    pub document: PatchOp,
    /// Which deviations of the dialect occurred in what was compiled.
    pub tolerances: Vec<Tolerance>,
}

/// Splits a request: operations on large multi-valued references, such as `members`, become [`Change::AddMember`],
/// [`Change::RemoveMember`] and [`Change::ClearMembers`]; the others stay operations.
///
/// A multi-valued reference is a complex multi-valued attribute of the base schema with `value` and a `$ref` to resources that a client
/// can write. If an operation on one cannot be expressed so, such as `members[type eq "User"]`, or is one that
/// [`apply`](crate::apply()) refuses, the request stays as it is and there are no changes. When some operations were compiled, indexes in
/// errors of the others are those of `document`.
///
/// # Errors
/// [`PatchError`] if a path cannot be read or the number of operations is out of bounds.
pub fn compile(request: &PatchOp, context: &Context<'_>) -> Result<Compiled, PatchError> {
    let mut scope = Scope::new(*context);
    scope.check_size(request)?;
    let mut compiler = Compiler { scope, changes: Vec::new(), document: Vec::new() };
    for (index, operation) in request.operations.iter().enumerate() {
        compiler.scope.operation = index;
        if compiler.operation(operation)?.is_none() {
            return Ok(Compiled { changes: Vec::new(), document: request.clone(), tolerances: Vec::new() });
        }
    }
    let Compiler { scope, changes, document } = compiler;
    Ok(Compiled { changes, document: PatchOp::new(document), tolerances: scope.tolerances })
}

struct Compiler<'a> {
    scope: Scope<'a>,
    changes: Vec<Change>,
    document: Vec<PatchOperation>,
}

impl<'a> Compiler<'a> {
    /// Compiles one operation; `None` if it concerns members and cannot be expressed.
    fn operation(&mut self, operation: &PatchOperation) -> Result<Option<()>, PatchError> {
        let Some(path) = &operation.path else { return Ok(self.members_of_value(operation)) };
        match self.scope.target(path)? {
            Target::Attribute(place, filter) if is_compiled(place) => Ok(self.change(place, filter.as_deref(), operation)),
            Target::Base if operation.value.as_ref().is_some_and(|value| self.names_members(value)) => Ok(None),
            _ => {
                self.document.push(operation.clone());
                Ok(Some(()))
            }
        }
    }

    fn change(&mut self, place: Place<'a>, filter: Option<&ElementFilter>, operation: &PatchOperation) -> Option<()> {
        if place.sub_attribute.is_some() {
            return None;
        }
        let value = operation.value.as_ref().filter(|value| !matches!(value, Value::Null));
        match (operation.kind, filter) {
            (OperationKind::Remove, Some(filter)) if value.is_none() => {
                let values = filter.values()?;
                self.remove(place, values.into_iter().map(str::to_owned).collect());
                Some(())
            }
            (OperationKind::Remove, None) => match value {
                None => self.clear(place),
                Some(value) => self.remove_given(place, value.clone()),
            },
            (OperationKind::Add, None) => self.add(place, value?.clone()),
            (OperationKind::Replace, None) => self.replace(place, operation.value.clone()?),
            _ => None,
        }
    }

    fn clear(&mut self, place: Place<'a>) -> Option<()> {
        if place.attribute.is_required {
            return None;
        }
        self.changes.push(Change::ClearMembers { attribute: place.attribute.name.to_string() });
        Some(())
    }

    fn add(&mut self, place: Place<'a>, value: Value) -> Option<()> {
        let members = self.scope.elements(place, value).ok()?;
        for member in &members {
            let element = member.as_complex()?;
            let is_primary = element.get("primary").and_then(Value::as_bool) == Some(true);
            if is_primary || element.get("value").and_then(Value::as_str).is_none_or(str::is_empty) {
                return None;
            }
        }
        let attribute = place.attribute.name.as_str();
        self.changes.extend(members.into_iter().map(|member| Change::AddMember { attribute: attribute.to_owned(), member }));
        Some(())
    }

    fn replace(&mut self, place: Place<'a>, value: Value) -> Option<()> {
        if value.is_unassigned() {
            return self.clear(place);
        }
        let index = self.changes.len();
        self.add(place, value)?;
        if index == self.changes.len() {
            return self.clear(place);
        }
        self.changes.insert(index, Change::ClearMembers { attribute: place.attribute.name.to_string() });
        Some(())
    }

    fn remove(&mut self, place: Place<'a>, values: Vec<String>) {
        let attribute = place.attribute.name.as_str();
        self.changes.extend(values.into_iter().map(|value| Change::RemoveMember { attribute: attribute.to_owned(), value }));
    }

    fn remove_given(&mut self, place: Place<'a>, value: Value) -> Option<()> {
        if !self.scope.tolerate(Tolerance::RemoveByValue) {
            return None;
        }
        let name = place.attribute.name.as_str();
        let value = match value {
            Value::Complex(mut members) if place.attribute.sub_attribute(name).is_none() && members.get(name).is_some() => {
                members.remove(name)?
            }
            other => other,
        };
        let members = self.scope.elements(place, value).ok()?;
        let values: Option<Vec<String>> =
            members.iter().map(|member| Some(member.as_complex()?.get("value")?.as_str()?.to_owned())).collect();
        self.remove(place, values?);
        Some(())
    }

    /// Takes the members out of a value without path.
    fn members_of_value(&mut self, operation: &PatchOperation) -> Option<()> {
        let Some(Value::Complex(value)) = &operation.value else {
            self.document.push(operation.clone());
            return Some(());
        };
        if operation.kind == OperationKind::Remove && !self.scope.allows(Tolerance::RemoveByValue) {
            self.document.push(operation.clone());
            return Some(());
        }
        let mut rest = ComplexValue::new();
        for (name, value) in value.iter() {
            let attribute = self.scope.context.attribute(None, name);
            match attribute.map(|attribute| Place::new(None, attribute)).filter(|place| is_compiled(*place)) {
                Some(place) => match operation.kind {
                    OperationKind::Add => self.add(place, value.clone())?,
                    OperationKind::Replace => self.replace(place, value.clone())?,
                    OperationKind::Remove if value.is_unassigned() => self.clear(place)?,
                    OperationKind::Remove => self.remove_given(place, value.clone())?,
                },
                None if self.leads_to_members(name, value) => return None,
                None => {
                    rest.insert(name, value.clone());
                }
            }
        }
        if !rest.is_empty() || value.is_empty() {
            self.document.push(PatchOperation::new(operation.kind, None, Some(Value::Complex(rest))));
        }
        Some(())
    }

    /// Whether a name that is a path, or the base schema's URI, leads to members.
    fn leads_to_members(&self, name: &str, value: &Value) -> bool {
        if !name.contains(['.', ':', '[']) {
            return false;
        }
        let mut scope = Scope::new(self.scope.context);
        match scope.target(name) {
            Ok(Target::Attribute(place, _)) => is_compiled(place),
            Ok(Target::Base) => self.names_members(value),
            _ => false,
        }
    }

    fn names_members(&self, value: &Value) -> bool {
        let Value::Complex(members) = value else { return false };
        let is_one =
            |name: &str| self.scope.context.attribute(None, name).is_some_and(|attribute| is_compiled(Place::new(None, attribute)));
        // A name that is a path may lead anywhere.
        members.iter().any(|(name, _)| is_one(name) || name.contains(['.', ':', '[']))
    }
}

fn is_compiled(place: Place<'_>) -> bool {
    place.extension.is_none() && is_writable_reference_list(place.attribute)
}
