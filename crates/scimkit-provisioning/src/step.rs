//! The steps that an object goes through, as the provisioning log tells them.

use std::collections::BTreeMap;

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
    /// More of it by name: `ReportableIdentifier` is what people know the object by, or its id, `TargetId` the resource that was found or
    /// written, `SkipReason` and `ErrorCode` why nothing was done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl ProvisioningStep {
    pub(crate) fn new(name: &str, kind: StepKind, status: EventStatus, description: Option<String>) -> Self {
        Self { name: name.to_owned(), kind, status, description, details: BTreeMap::new() }
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

/// What the steps of an object are told from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub action: EventAction,
    pub status: EventStatus,
    pub reason: Option<&'a Reason>,
    pub target_id: Option<&'a str>,
    /// Whether it is about the references of the object.
    pub is_reference: bool,
    /// What people know the object by, or its id.
    pub identifier: &'a str,
}

/// The steps of an object, up to the one that decided.
pub(crate) fn steps(told: Told<'_>) -> Vec<ProvisioningStep> {
    let Told { action, status, reason, target_id, .. } = told;
    let mapped = if told.is_reference { StepKind::ReferenceResolution } else { StepKind::Processing };
    let last = match reason.map_or(StepKind::Export, |reason| last_step(reason.code)) {
        StepKind::Processing => mapped,
        other => other,
    };
    let all = [StepKind::Import, StepKind::Scoping, StepKind::Matching, mapped, StepKind::Export];
    let mut steps = Vec::new();
    for kind in all {
        let is_last = kind == last;
        let status = if is_last { status } else { EventStatus::Success };
        let description = reason.filter(|_| is_last).map(|reason| reason.text.clone());
        let mut step = ProvisioningStep::new(name(kind, action, target_id.is_some()), kind, status, description);
        step.details = details(told, kind, is_last);
        steps.push(step);
        if is_last {
            break;
        }
    }
    steps
}

fn details(told: Told<'_>, kind: StepKind, is_last: bool) -> BTreeMap<String, String> {
    let mut details = BTreeMap::new();
    let was_there = told.action != EventAction::Create;
    if let Some(target_id) = told.target_id.filter(|_| (kind == StepKind::Matching && was_there) || kind == StepKind::Export) {
        details.insert("TargetId".to_owned(), target_id.to_owned());
    }
    if is_last {
        details.insert("ReportableIdentifier".to_owned(), told.identifier.to_owned());
        if let Some(reason) = told.reason {
            let name = if told.status == EventStatus::Skipped { "SkipReason" } else { "ErrorCode" };
            details.insert(name.to_owned(), reason.code.to_string());
        }
    }
    details
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
        let skipped = steps(Told {
            action: EventAction::Other,
            status: EventStatus::Skipped,
            reason: Some(&reason),
            target_id: None,
            is_reference: false,
            identifier: "ada@example.com",
        });
        let names: Vec<&str> = skipped.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["EntryImport", "EntrySynchronizationScoping"]);
        assert_eq!(skipped.last().map(|step| step.status), Some(EventStatus::Skipped));
        let details = |steps: &[ProvisioningStep]| serde_json::to_value(&steps.last().unwrap().details).unwrap();
        assert_eq!(details(&skipped), serde_json::json!({"ReportableIdentifier": "ada@example.com", "SkipReason": "NotAssigned"}));
        assert!(skipped.first().unwrap().details.is_empty());

        let done = Told {
            action: EventAction::Create,
            status: EventStatus::Success,
            reason: None,
            target_id: Some("7"),
            is_reference: false,
            identifier: "1",
        };
        let created = steps(done);
        assert_eq!(details(&created), serde_json::json!({"ReportableIdentifier": "1", "TargetId": "7"}));
        let names: Vec<&str> = created.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["EntryImportAdd", "EntrySynchronizationScoping", "EntryImport", "EntrySynchronizationAdd", "EntryExportAdd"]);

        let joined = steps(Told { action: EventAction::Update, is_reference: true, ..done });
        let kinds: Vec<StepKind> = joined.iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [StepKind::Import, StepKind::Scoping, StepKind::Matching, StepKind::ReferenceResolution, StepKind::Export]);
        let failure = Reason::new(ErrorCode::MappingFailed, "the mapping cannot give a value");
        let failed =
            steps(Told { action: EventAction::Other, status: EventStatus::Failure, is_reference: true, reason: Some(&failure), ..done });
        assert_eq!(failed.last().map(|step| step.kind), Some(StepKind::ReferenceResolution));
    }
}
