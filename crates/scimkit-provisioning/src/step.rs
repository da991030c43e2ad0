//! The steps that an object goes through, as the provisioning log tells them.

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::decide::Reason;
use crate::event::{EventAction, EventStatus};

/// One step of what became of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProvisioningStep {
    /// The name, as Microsoft's log has it, such as `EntryExportAdd`.
    pub name: String,
    /// What kind of step it is.
    pub kind: StepKind,
    /// How it ended.
    pub status: EventStatus,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl ProvisioningStep {
    pub(crate) fn new(name: &str, kind: StepKind, status: EventStatus, description: Option<String>) -> Self {
        Self { name: name.to_owned(), kind, status, description }
    }
}

/// A kind of step (`provisioningStepType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StepKind {
    /// The object was read from the source.
    Import,
    /// It was decided whether the object is in scope.
    Scoping,
    /// The object was looked for in the target.
    Matching,
    /// The mappings were evaluated.
    Processing,
    /// References were resolved.
    ReferenceResolution,
    /// The target was written.
    Export,
}

/// The steps of an object, up to the one that decided.
pub(crate) fn steps(action: EventAction, status: EventStatus, reason: Option<&Reason>, target_id: Option<&str>) -> Vec<ProvisioningStep> {
    let last = reason.map_or(StepKind::Export, |reason| last_step(reason.code));
    let all = [StepKind::Import, StepKind::Scoping, StepKind::Matching, StepKind::Processing, StepKind::Export];
    let mut steps = Vec::new();
    for kind in all {
        let is_last = kind == last;
        steps.push(ProvisioningStep {
            name: name(kind, action, target_id.is_some()).to_owned(),
            kind,
            status: if is_last { status } else { EventStatus::Success },
            description: reason.filter(|_| is_last).map(|reason| reason.text.clone()),
        });
        if is_last {
            break;
        }
    }
    steps
}

const fn last_step(code: ErrorCode) -> StepKind {
    match code {
        ErrorCode::NotAssigned | ErrorCode::NotInScope | ErrorCode::Disabled | ErrorCode::Deleted => StepKind::Scoping,
        ErrorCode::MissingMatchingValue | ErrorCode::DuplicateSourceEntries | ErrorCode::DuplicateTargetEntries => StepKind::Matching,
        ErrorCode::MissingValues
        | ErrorCode::MappingFailed
        | ErrorCode::ObjectIgnored
        | ErrorCode::RedundantExport
        | ErrorCode::ActionNotAllowed
        | ErrorCode::PlanOutdated => StepKind::Processing,
        _ => StepKind::Export,
    }
}

const fn name(kind: StepKind, action: EventAction, is_linked: bool) -> &'static str {
    match (kind, action) {
        (StepKind::Import, EventAction::Create) => "EntryImportAdd",
        (StepKind::Import, EventAction::Delete | EventAction::StagedDelete) => "EntryImportDelete",
        (StepKind::Import, _) if is_linked => "EntryImportUpdate",
        (StepKind::Import | StepKind::Matching, _) => "EntryImport",
        (StepKind::Scoping, _) => "EntrySynchronizationScoping",
        (StepKind::Processing, EventAction::Create) => "EntrySynchronizationAdd",
        (StepKind::Processing, EventAction::Other) => "EntrySynchronizationSkip",
        (StepKind::Processing | StepKind::ReferenceResolution, _) => "EntrySynchronizationUpdate",
        (StepKind::Export, EventAction::Create) => "EntryExportAdd",
        (StepKind::Export, EventAction::Delete | EventAction::StagedDelete) => "EntryExportDelete",
        (StepKind::Export, _) => "EntryExportUpdate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_with_the_one_that_decided() {
        let reason = Reason::new(ErrorCode::NotAssigned, "the object is not assigned to the application");
        let skipped = steps(EventAction::Other, EventStatus::Skipped, Some(&reason), None);
        let names: Vec<&str> = skipped.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["EntryImport", "EntrySynchronizationScoping"]);
        assert_eq!(skipped.last().map(|step| step.status), Some(EventStatus::Skipped));

        let created = steps(EventAction::Create, EventStatus::Success, None, Some("7"));
        let names: Vec<&str> = created.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["EntryImportAdd", "EntrySynchronizationScoping", "EntryImport", "EntrySynchronizationAdd", "EntryExportAdd"]);
    }
}
