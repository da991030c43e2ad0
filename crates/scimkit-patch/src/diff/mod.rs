//! The operations that lead from one resource to another.

mod assign;
mod lists;
mod normal;
mod singular;

use scimkit_types::{Attribute, ComplexValue, Mutability, OperationKind, PatchOperation, Resource, Schema, Tolerance, Value};

use crate::equal::{is_reference_list, is_same};
use crate::error::DiffError;
use crate::scope::{Context, Place};
use assign::Assignment;
use lists::ListPlan;

/// What the operations of [`diff`] may look like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiffOptions {
    /// Whether a whole list may be replaced. Without it elements are addressed by filters only, as is needed when both resources show
    /// only a part of a list. Default true.
    pub can_replace_lists: bool,
    /// Whether the service understands filters in paths. Default true. Without it members are removed by filters only if the dialect says
    /// [`Tolerance::SendRemoveByValue`], so that [`encode`](crate::encode()) takes the filters out.
    pub has_value_paths: bool,
    /// Whether each attribute needs an operation with a path, as it also does when the dialect says
    /// [`Tolerance::PathRequired`]. Default false: replacements are put together in one operation without path.
    pub is_path_required: bool,
    /// Whether `$ref`, `type` and `display` of a reference are left alone where the desired one does not have them: service providers
    /// derive them from `value`. Default false: a reference that has more than is desired is replaced.
    pub ignores_derived: bool,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self { can_replace_lists: true, has_value_paths: true, is_path_required: false, ignores_derived: false }
    }
}

impl DiffOptions {
    /// These options with [`can_replace_lists`](Self::can_replace_lists).
    #[must_use]
    pub fn with_can_replace_lists(self, can_replace_lists: bool) -> Self {
        Self { can_replace_lists, ..self }
    }

    /// These options with [`has_value_paths`](Self::has_value_paths).
    #[must_use]
    pub fn with_has_value_paths(self, has_value_paths: bool) -> Self {
        Self { has_value_paths, ..self }
    }

    /// These options with [`is_path_required`](Self::is_path_required).
    #[must_use]
    pub fn with_is_path_required(self, is_path_required: bool) -> Self {
        Self { is_path_required, ..self }
    }

    /// These options with [`ignores_derived`](Self::ignores_derived).
    #[must_use]
    pub fn with_ignores_derived(self, ignores_derived: bool) -> Self {
        Self { ignores_derived, ..self }
    }
}

/// The operations that make `current` equal to `desired` in all that a client can write, up to what carries no meaning.
///
/// Equal resources need none. `meta` and `schemas` are not considered, nor are read-only attributes that `desired` leaves out. Members of
/// a group are added by one operation and removed by one each; other lists are replaced, or their elements addressed by filters such as
/// `emails[type eq "work"]`, whichever is smaller. An extension that has nothing any more loses its attributes one by one; it is removed by
/// its URI if one of them is required. The operations are strict RFC 7644; [`encode`](crate::encode()) translates them.
///
/// # Errors
/// [`DiffError`] if the resources differ where a client cannot write, or `desired` is not one that operations can lead to.
pub fn diff(
    current: &Resource,
    desired: &Resource,
    context: &Context<'_>,
    options: &DiffOptions,
) -> Result<Vec<PatchOperation>, DiffError> {
    let mut differ = Differ {
        context: Context { dialect: scimkit_types::Dialect::STRICT, ..*context },
        is_path_required: options.is_path_required || context.dialect.allows(Tolerance::PathRequired),
        removes_by_value: context.dialect.allows(Tolerance::SendRemoveByValue),
        options,
        before: Vec::new(),
        assignments: Vec::new(),
        after: Vec::new(),
        lists: Vec::new(),
    };
    differ.unknown(desired, current)?;
    let base = context.catalog.schema(context.resource_type.schema.as_str()).map(|schema| schema.attributes.as_slice()).unwrap_or_default();
    let is_common_only = |attribute: &&Attribute| !base.iter().any(|other| other.name == attribute.name);
    for attribute in context.catalog.common_attributes().iter().filter(is_common_only).chain(base) {
        differ.attribute(Place::new(None, attribute), current.as_complex(), desired.as_complex())?;
    }
    let none = ComplexValue::new();
    for schema in context.extensions() {
        let uri = schema.id.as_str();
        let (current, desired) = (current.extension(uri).unwrap_or(&none), desired.extension(uri).unwrap_or(&none));
        differ.unknown_in_extension(schema, current, desired)?;
        if differ.goes_whole(schema, current, desired) {
            differ.after.push(PatchOperation::new(OperationKind::Remove, Some(uri.to_owned()), None));
            continue;
        }
        for attribute in &schema.attributes {
            differ.attribute(Place::new(Some(schema), attribute), current, desired)?;
        }
    }
    Ok(differ.finish())
}

struct Differ<'a, 'o> {
    context: Context<'a>,
    options: &'o DiffOptions,
    is_path_required: bool,
    /// Whether [`encode`](crate::encode()) will take the filters out of paths that select members.
    removes_by_value: bool,
    /// What has to come before the assignments.
    before: Vec<PatchOperation>,
    assignments: Vec<Assignment<'a>>,
    /// What may come after the assignments.
    after: Vec<PatchOperation>,
    lists: Vec<ListPlan<'a>>,
}

impl<'a> Differ<'a, '_> {
    fn attribute(&mut self, place: Place<'a>, current: &ComplexValue, desired: &ComplexValue) -> Result<(), DiffError> {
        let name = place.attribute.name.as_str();
        let (current, desired) = (current.get(name), desired.get(name));
        if current == desired || (place.extension.is_none() && ["schemas", "meta"].iter().any(|skipped| place.attribute.name == **skipped))
        {
            return Ok(());
        }
        let path = || place.to_string();
        if place.attribute.mutability == Mutability::ReadOnly {
            let is_left_out = desired.is_none_or(Value::is_unassigned);
            return if is_left_out || is_same(current, desired) { Ok(()) } else { Err(DiffError::ReadOnly { path: path() }) };
        }
        let current = normal::current(place, current);
        let desired = normal::desired(&self.context, place, desired)?;
        // References are compared one by one anyway.
        let is_compared_later = is_reference_list(place.attribute) && !current.is_unassigned() && !desired.is_unassigned();
        let is_mutable = place.attribute.mutability != Mutability::Immutable;
        if !(is_compared_later && is_mutable) && is_same(Some(&current), Some(&desired)) {
            return Ok(());
        }
        if place.attribute.mutability == Mutability::Immutable && !current.is_unassigned() {
            return Err(DiffError::Immutable { path: path() });
        }
        if desired.is_unassigned() && place.attribute.is_required {
            return Err(DiffError::Required { path: path() });
        }
        if desired.is_unassigned() && (self.options.can_replace_lists || !place.attribute.is_multi_valued) {
            self.after.push(PatchOperation::new(OperationKind::Remove, Some(path()), None));
            return Ok(());
        }
        match (current, desired) {
            (current, Value::List(desired)) => self.list(place, lists::into_elements(current), desired),
            (current, Value::Null) if place.attribute.is_multi_valued => self.list(place, lists::into_elements(current), Vec::new()),
            (Value::Complex(current), Value::Complex(desired)) if !current.is_empty() => self.singular(place, &current, desired),
            (_, desired) => {
                self.assignments.push(Assignment::whole(place, desired));
                Ok(())
            }
        }
    }

    /// Whether an extension that has nothing any more must be removed by its URI, because it has an attribute that it cannot be without.
    ///
    /// Not when only a part of the resource may be shown, nor when something stays that a client cannot remove.
    fn goes_whole(&self, schema: &Schema, current: &ComplexValue, desired: &ComplexValue) -> bool {
        let is_assigned = |attribute: &&Attribute| current.get(attribute.name.as_str()).is_some_and(|value| !value.is_unassigned());
        let is_fixed = |attribute: &Attribute| matches!(attribute.mutability, Mutability::ReadOnly | Mutability::Immutable);
        let mut assigned = schema.attributes.iter().filter(is_assigned);
        self.options.can_replace_lists
            && desired.iter().all(|(_, value)| value.is_unassigned())
            && !self.context.is_required_extension(schema)
            && schema.attributes.iter().filter(is_assigned).any(|attribute| attribute.is_required)
            && assigned.all(|attribute| !is_fixed(attribute))
    }

    /// Attributes of the desired resource that no schema knows cannot be reached by a path.
    fn unknown(&self, desired: &Resource, current: &Resource) -> Result<(), DiffError> {
        for (name, value) in desired.as_complex().iter() {
            let is_known = self.context.attribute(None, name).is_some() || self.context.extension(name).is_some();
            if !is_known && !is_same(current.get(name), Some(value)) {
                return Err(DiffError::UnknownAttribute { path: name.to_owned() });
            }
        }
        Ok(())
    }

    fn unknown_in_extension(&self, schema: &Schema, current: &ComplexValue, desired: &ComplexValue) -> Result<(), DiffError> {
        for (name, value) in desired.iter() {
            if schema.attribute(name).is_none() && !is_same(current.get(name), Some(value)) {
                return Err(DiffError::UnknownAttribute { path: format!("{}:{name}", schema.id) });
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<PatchOperation> {
        self.choose_lists();
        let mut operations = self.before;
        operations.extend(assign::operations(self.assignments, self.is_path_required));
        operations.extend(self.after);
        operations
    }
}
