//! A PATCH request as changes of members, which need nothing loaded, and operations on the rest of the document.

use scimkit_patch::{Compiled, PatchError};
use scimkit_store::Selection;
use scimkit_types::validate::Operation;
use scimkit_types::value::MemberName;
use scimkit_types::{Change, ErrorResponse, PatchOp, Resource, Tolerance, Value};

use super::{Edit, accept, document, edit_to, members};
use crate::handler::{Context, HandlerError, Preconditions, Result};

/// What a request does, as far as can be told without the resource.
#[derive(Debug)]
pub(super) struct Plan {
    /// Changes of members.
    members: Vec<Change>,
    /// The other operations.
    document: PatchOp,
    /// What has to be loaded.
    pub(super) selection: Selection,
    /// What was tolerated so far.
    pub(super) tolerances: Vec<Tolerance>,
}

impl Plan {
    pub(super) fn new(context: &Context<'_>, patch: &PatchOp) -> Result<Self> {
        check_limit("operations", patch.operations.len(), context.limits.max_operations)?;
        let Compiled { changes, document, tolerances, .. } =
            scimkit_patch::compile(patch, &patch_context(context)).map_err(|error| refuse(&error))?;
        check_limit("members", changes.len(), context.limits.max_members)?;
        let concerns_members = members::may_concern(&document, &context.shape.members);
        let selection = if concerns_members { Selection::Whole } else { Selection::WithoutMembers };
        Ok(Self { members: changes, document, selection, tolerances })
    }

    /// The changes, if there is nothing else to do and nothing to check.
    pub(super) fn members_alone(&self, preconditions: &Preconditions) -> Option<&[Change]> {
        let is_alone = self.document.operations.is_empty() && !self.members.is_empty() && preconditions.is_none();
        is_alone.then_some(&self.members)
    }

    /// What the request does to a resource: to the document in place, and to its members.
    pub(super) fn edit(&self, context: &Context<'_>, document: &mut Resource) -> Result<Edit> {
        let mut edit = Edit { changes_document: false, members: self.members.clone() };
        if self.document.operations.is_empty() {
            return Ok(edit);
        }
        // Of members no copy is made as they change, so what they were is kept here.
        let whole = (self.selection == Selection::Whole).then(|| document.clone());
        let patched = scimkit_patch::apply_in_place(document, &self.document, &patch_context(context)).map_err(|error| refuse(&error))?;
        document::refuse_secrets(context, document)?;
        match whole {
            Some(current) if patched.is_changed => {
                let desired = accept(context, document, Operation::Patch { current: &current })?;
                *document = current;
                let between = edit_to(document, desired, &context.shape.members);
                check_limit("members", between.members.len(), context.limits.max_members)?;
                edit.changes_document = between.changes_document;
                edit.members.extend(between.members);
            }
            Some(current) => *document = current,
            None if patched.references.is_empty() => {
                edit.changes_document = settle(context, document, patched.is_changed, patched.before)?;
            }
            None => return Err(HandlerError::internal("operations on members were taken for operations on other attributes")),
        }
        context.count(patched.tolerances);
        Ok(edit)
    }
}

/// Makes a document that was patched one that is stored, given what the attributes were that the patch wrote; returns whether it is
/// another than it was. If not, it is as it was.
///
/// The document was valid before, so only what was written is looked at.
fn settle(context: &Context<'_>, document: &mut Resource, is_changed: bool, before: Vec<(MemberName, Option<Value>)>) -> Result<bool> {
    if is_changed {
        *document = context.accept_changes(std::mem::take(document), &before)?;
        document::settle(context, document)?;
    }
    let is_same = |(name, before): &(MemberName, Option<Value>)| {
        let none = Value::Null;
        before.as_ref().unwrap_or(&none).is_equivalent(document.get(name.as_str()).unwrap_or(&none))
    };
    if is_changed && !before.iter().all(is_same) {
        return Ok(true);
    }
    for (name, before) in before {
        match before {
            Some(before) => drop(document.insert(name, before)),
            None => drop(document.remove(name.as_str())),
        }
    }
    Ok(false)
}

fn patch_context<'a>(context: &Context<'a>) -> scimkit_patch::Context<'a> {
    scimkit_patch::Context::new(context.catalog, context.resource_type).with_dialect(context.dialect)
}

fn check_limit(what: &str, found: usize, limit: Option<u64>) -> Result<()> {
    match limit {
        Some(limit) if u64::try_from(found).is_ok_and(|found| found > limit) => {
            Err(HandlerError::Refused(ErrorResponse::new(413, format!("expected at most {limit} {what} in one request, found {found}"))))
        }
        _ => Ok(()),
    }
}

/// The error with its cause: where a path cannot be read, the cause says why.
fn refuse(error: &PatchError) -> HandlerError {
    let mut detail = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        detail.push_str(": ");
        detail.push_str(&cause.to_string());
    }
    HandlerError::of(error.scim_type(), detail)
}
