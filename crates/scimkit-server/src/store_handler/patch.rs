//! A PATCH request as changes of members, which need nothing loaded, and operations on the rest of the document.

use scimkit_patch::{Compiled, PatchError};
use scimkit_store::Selection;
use scimkit_types::validate::Operation;
use scimkit_types::{Change, ErrorResponse, PatchOp, Resource, Tolerance};

use super::{Edit, accept, document, edit_between, members};
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

    /// What the request does to a resource.
    pub(super) fn edit(&self, context: &Context<'_>, current: &Resource) -> Result<Edit> {
        let mut edit = Edit { document: None, members: self.members.clone() };
        if self.document.operations.is_empty() {
            return Ok(edit);
        }
        let applied = scimkit_patch::apply(current, &self.document, &patch_context(context)).map_err(|error| refuse(&error))?;
        let resource = applied.resource;
        document::refuse_secrets(context, &resource)?;
        if applied.is_changed {
            let desired = accept(context, &resource, Operation::Patch { current })?;
            let between = edit_between(current, desired, &context.shape.members);
            check_limit("members", between.members.len(), context.limits.max_members)?;
            edit.document = between.document;
            edit.members.extend(between.members);
        }
        context.count(applied.tolerances);
        Ok(edit)
    }
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
