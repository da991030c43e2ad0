//! How a job is: its schedule, its last cycles and its quarantine, as a value that can be told to others.

use std::time::Duration;

use scimkit_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::CycleError;
use crate::job::{OutOfScope, ProvisioningJob, Scope};
use crate::notice::Notice;
use crate::quarantine::{ExecutionError, Quarantine, ScheduleState};
use crate::report::CycleReport;

/// How a job is. In JSON it has the names and the shape of Microsoft Graph's `synchronizationJob`, without the expiration of a schedule and
/// the address of a page for troubleshooting, which there are none of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobStatus {
    /// The job.
    pub id: String,
    /// What kind of service it is for: the name of the profile.
    pub template_id: String,
    /// When the job is run.
    pub schedule: Schedule,
    /// What came of it.
    pub status: SynchronizationStatus,
    /// What of the job's settings Microsoft's service has a name for.
    pub synchronization_job_settings: Vec<JobSetting>,
}

/// A setting of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobSetting {
    /// `QuarantineTooManyDeletesThreshold`, unless there is none, `SyncAll` or `SkipOutOfScopeDeletions`.
    pub name: &'static str,
    /// A number, or `True` or `False`.
    pub value: String,
}

impl JobSetting {
    /// The settings of a job.
    pub(crate) fn of(job: &ProvisioningJob) -> Vec<Self> {
        let truth = |is_so: bool| if is_so { "True" } else { "False" }.to_owned();
        let threshold = job.deletion_threshold.map(|threshold| ("QuarantineTooManyDeletesThreshold", threshold.to_string()));
        let others =
            [("SyncAll", truth(job.scope == Scope::All)), ("SkipOutOfScopeDeletions", truth(job.out_of_scope == OutOfScope::Keep))];
        threshold.into_iter().chain(others).map(|(name, value)| Self { name, value }).collect()
    }
}

/// When a job is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Schedule {
    /// The time between cycles, in JSON as in ISO 8601.
    #[serde(serialize_with = "as_iso_8601")]
    pub interval: Duration,
    /// Whether it is run.
    pub state: ScheduleState,
}

fn as_iso_8601<S: serde::Serializer>(interval: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let (minutes, seconds) = (interval.as_secs() / 60, interval.as_secs() % 60);
    let seconds = if seconds > 0 { format!("{seconds}S") } else { String::new() };
    serializer.collect_str(&format_args!("PT{minutes}M{seconds}"))
}

/// What came of running a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SynchronizationStatus {
    /// In one word.
    pub code: StatusCode,
    /// How many cycles in a row could not be completed.
    pub count_successive_complete_failures: u64,
    /// Whether an initial cycle had so many failures that some were dropped: they are tried again only after a restart.
    pub escrows_pruned: bool,
    /// The last cycle.
    pub last_execution: Option<Execution>,
    /// The last cycle that was completed.
    pub last_successful_execution: Option<Execution>,
    /// The last cycle that was completed and wrote something.
    pub last_successful_execution_with_exports: Option<Execution>,
    /// How many objects are done, of how many.
    pub progress: Vec<ProgressUnits>,
    /// The quarantine, if the job is in one.
    pub quarantine: Option<Quarantine>,
    /// When a cycle first ended with nothing left to do.
    pub steady_state_first_achieved_time: Option<Timestamp>,
    /// When a cycle last ended with nothing left to do.
    pub steady_state_last_achieved_time: Option<Timestamp>,
    /// How many objects are linked, by object type.
    pub synchronized_entry_count_by_type: Vec<EntryCount>,
}

/// A job's status in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StatusCode {
    /// It has no mappings.
    NotConfigured,
    /// No cycle was begun.
    NotRun,
    /// It is run when it is due.
    Active,
    /// It is paused or disabled.
    Paused,
    /// It is in quarantine.
    Quarantine,
}

/// How many objects there are of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EntryCount {
    /// The object type.
    pub key: String,
    /// How many.
    pub value: u64,
}

/// How far a cycle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProgressUnits {
    /// How many are done.
    pub completed_units: u64,
    /// How many there are.
    pub total_units: u64,
    /// What is counted.
    pub units: String,
    /// When this was so.
    pub progress_observation_date_time: Timestamp,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ExecutionState {
    /// Completed.
    Succeeded,
    /// Not completed.
    Failed,
    /// Completed, but objects failed.
    EntryLevelErrors,
}

/// A cycle that ended, in numbers: of one that failed, what it did until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Execution {
    /// Names the cycle.
    pub activity_identifier: String,
    /// How it ended.
    pub state: ExecutionState,
    /// When it began.
    pub time_began: Timestamp,
    /// When it ended.
    pub time_ended: Timestamp,
    /// Objects that are entitled by assignment.
    pub count_entitled: u64,
    /// Objects that are linked, and so provisioned.
    pub count_entitled_for_provisioning: u64,
    /// Objects that failed in this cycle.
    pub count_escrowed: u64,
    /// Objects and references that wait to be tried again.
    pub count_escrowed_raw: u64,
    /// Objects that were written.
    pub count_exported: u64,
    /// Writes.
    pub count_exports: u64,
    /// Objects that were looked at.
    pub count_imported: u64,
    /// Changes that the source told.
    pub count_imported_deltas: u64,
    /// Changes of references that the source told.
    pub count_imported_reference_deltas: u64,
    /// What it failed with.
    pub error: Option<ExecutionError>,
}

/// What a state knows for the numbers of an execution.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub entitled: u64,
    pub linked: u64,
    pub escrowed: u64,
}

impl Execution {
    pub(crate) fn new(
        activity_identifier: String,
        time_began: Timestamp,
        time_ended: Timestamp,
        report: &CycleReport,
        error: Option<&CycleError>,
        totals: Totals,
    ) -> Self {
        Self {
            activity_identifier,
            state: match error {
                Some(_) => ExecutionState::Failed,
                None if report.failures() > 0 => ExecutionState::EntryLevelErrors,
                None => ExecutionState::Succeeded,
            },
            time_began,
            time_ended,
            count_entitled: totals.entitled,
            count_entitled_for_provisioning: totals.linked,
            count_escrowed: report.failures(),
            count_escrowed_raw: totals.escrowed,
            count_exported: report.written(),
            count_exports: report.written(),
            count_imported: report.events,
            count_imported_deltas: report.imported,
            count_imported_reference_deltas: report.imported_references,
            error: error.map(ExecutionError::new),
        }
    }
}

/// What the state keeps of how a job is: one record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatusRecord {
    pub count_successive_complete_failures: u64,
    pub escrows_pruned: bool,
    /// Whether the removals of the next cycle were released.
    pub allows_removals: bool,
    pub last_execution: Option<Execution>,
    pub last_successful_execution: Option<Execution>,
    pub last_successful_execution_with_exports: Option<Execution>,
    pub quarantine: Option<Quarantine>,
    pub steady_state_first_achieved_time: Option<Timestamp>,
    pub steady_state_last_achieved_time: Option<Timestamp>,
    /// What people are still to be told of.
    pub notices: Vec<Notice>,
}
