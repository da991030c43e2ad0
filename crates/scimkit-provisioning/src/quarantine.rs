//! Quarantine: when a job fails too much, how often it is tried then, and when it is given up.

use std::fmt;
use std::time::Duration;

use scimkit_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::error::CycleError;
use crate::source::SourceErrorKind;
use crate::target::TargetErrorKind;

/// How long after the first failure a job in quarantine is tried again; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_mins(5);

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How long a job may be in quarantine before it is disabled, and an object may fail before it is left until it changes.
pub(crate) const KEPT: Duration = Duration::from_hours(28 * 24);

/// Whether a job is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ScheduleState {
    /// It is run when it is due.
    #[default]
    Active,
    /// It is not run until it is started.
    Paused,
    /// It failed for four weeks and is not run until it is started or its quarantine is reset.
    Disabled,
}

impl ScheduleState {
    /// What is written into the state as the reason why a job is withheld.
    const PAUSED: &str = "Paused";
    const DISABLED: &str = "Disabled";

    /// The state of a job that is withheld for a reason, if for any. Whoever withholds a job by the state store pauses it.
    pub(crate) fn withheld(reason: Option<&str>) -> Self {
        match reason {
            None => Self::Active,
            Some(Self::DISABLED) => Self::Disabled,
            Some(_) => Self::Paused,
        }
    }

    /// The reason why a job in this state is withheld.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Paused => Some(Self::PAUSED),
            Self::Disabled => Some(Self::DISABLED),
        }
    }
}

impl fmt::Display for ScheduleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        })
    }
}

/// Why a job is in quarantine. In JSON the names are those of Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum QuarantineReason {
    /// The service refuses the client, or does not speak SCIM.
    #[serde(rename = "EncounteredQuarantineException")]
    Exception,
    /// Too many of all objects failed, in proportion.
    #[serde(rename = "EncounteredEscrowProportionThreshold")]
    EscrowProportion,
    /// Too many objects failed, references left out.
    #[serde(rename = "EncounteredBaseEscrowThreshold")]
    EscrowCount,
    /// Too many objects and references failed.
    #[serde(rename = "EncounteredTotalEscrowThreshold")]
    TotalEscrowCount,
    /// More objects would be disabled or deleted than the job allows.
    TooManyDeletes,
    /// The source refuses to be read.
    IngestionInterrupted,
    /// Somebody put it there.
    #[serde(rename = "QuarantinedOnDemand")]
    OnDemand,
    /// Something else.
    Unknown,
}

impl QuarantineReason {
    /// Why a cycle that failed so puts the job into quarantine at once; `None` if it does not.
    pub fn of(error: &CycleError) -> Option<Self> {
        match error {
            CycleError::TooManyDeletes { .. } => Some(Self::TooManyDeletes),
            CycleError::Refused { .. } => Some(Self::Exception),
            // Of one object that it is gone ends no cycle; so this is a query that was answered by 404.
            CycleError::Target(error) => matches!(
                error.kind,
                TargetErrorKind::Unauthorized | TargetErrorKind::Incompatible | TargetErrorKind::Rejected | TargetErrorKind::Gone
            )
            .then_some(Self::Exception),
            CycleError::Source(error) => {
                matches!(error.kind, SourceErrorKind::Unauthorized | SourceErrorKind::Invalid).then_some(Self::IngestionInterrupted)
            }
            CycleError::CorruptState { .. } | CycleError::UnknownObjectType { .. } => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// How many failures put a job into quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct QuarantineThresholds {
    /// Below so many failures nothing is judged. Default 5,000.
    pub least_failures: u64,
    /// More objects than this failed, of a hundred. Default 40.
    pub percent: u64,
    /// More objects than this failed, references left out. Default 40,000.
    pub failures: u64,
    /// More objects and references than this failed. Default 60,000.
    pub total_failures: u64,
}

impl Default for QuarantineThresholds {
    fn default() -> Self {
        Self { least_failures: 5_000, percent: 40, failures: 40_000, total_failures: 60_000 }
    }
}

/// How many objects failed, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EscrowCounts {
    /// Objects that failed.
    pub failures: u64,
    /// Objects whose references failed.
    pub reference_failures: u64,
    /// Objects that are as they should be.
    pub successes: u64,
}

impl EscrowCounts {
    /// These counts.
    pub const fn new(failures: u64, reference_failures: u64, successes: u64) -> Self {
        Self { failures, reference_failures, successes }
    }

    const fn total_failures(self) -> u64 {
        self.failures.saturating_add(self.reference_failures)
    }
}

impl QuarantineThresholds {
    /// Whether so many failures put a job into quarantine, and why.
    pub const fn judge(&self, counts: EscrowCounts) -> Option<QuarantineReason> {
        let events = counts.failures.saturating_add(counts.successes);
        if counts.total_failures() < self.least_failures {
            None
        } else if counts.total_failures() > self.total_failures {
            Some(QuarantineReason::TotalEscrowCount)
        } else if counts.failures > self.failures {
            Some(QuarantineReason::EscrowCount)
        } else if counts.failures >= self.least_failures && counts.failures.saturating_mul(100) > self.percent.saturating_mul(events) {
            Some(QuarantineReason::EscrowProportion)
        } else {
            None
        }
    }
}

/// That a job is in quarantine: it is tried less and less often, down to once a day, and disabled after four weeks. A cycle that is
/// completed without too many failures ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Quarantine {
    /// Since when the reason is the present one.
    #[serde(rename = "currentBegan")]
    pub current_began_at: Timestamp,
    /// Since when the job is in quarantine.
    #[serde(rename = "seriesBegan")]
    pub series_began_at: Timestamp,
    /// How many cycles have failed in it.
    pub series_count: u32,
    /// When the job is tried again.
    #[serde(rename = "nextAttempt")]
    pub next_attempt_at: Timestamp,
    /// Why.
    pub reason: QuarantineReason,
    /// What the last cycle failed with.
    pub error: Option<ExecutionError>,
}

/// What a cycle failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExecutionError {
    /// What kind of failure it is, as Microsoft's service names it where it has a name.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// Whether whoever runs the job can do something about it.
    pub tenant_actionable: bool,
}

impl ExecutionError {
    pub(crate) fn new(error: &CycleError) -> Self {
        let code = match error {
            CycleError::Target(error) => ErrorCode::of(error).to_string(),
            CycleError::Refused { .. } => ErrorCode::InsufficientRights.to_string(),
            CycleError::TooManyDeletes { .. } => "TooManyDeletes".to_owned(),
            CycleError::Source(_) => "IngestionInterrupted".to_owned(),
            _ => "InternalError".to_owned(),
        };
        Self { code, message: error.to_string(), tenant_actionable: !error.is_transient() }
    }
}

impl Quarantine {
    /// The quarantine after one more cycle that failed.
    pub(crate) fn next(known: Option<&Self>, now: Timestamp, reason: QuarantineReason, error: Option<ExecutionError>) -> Self {
        let series_count = known.map_or(0, |known| known.series_count).saturating_add(1);
        let factor = 1_u32.checked_shl(series_count - 1).unwrap_or(u32::MAX);
        let wait = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
        Self {
            current_began_at: known.filter(|known| known.reason == reason).map_or(now, |known| known.current_began_at),
            series_began_at: known.map_or(now, |known| known.series_began_at),
            series_count,
            next_attempt_at: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
            reason,
            error,
        }
    }

    /// Lets the job be tried at once, and for four more weeks.
    pub(crate) const fn renew(&mut self, now: Timestamp) {
        self.series_began_at = now;
        self.next_attempt_at = now;
    }

    /// Whether the job was in quarantine for four weeks.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.series_began_at.saturating_add(KEPT).is_ok_and(|end| now >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: u64, reference_failures: u64, successes: u64, expected: Option<QuarantineReason>) {
        let counts = EscrowCounts::new(failures, reference_failures, successes);
        assert_eq!(QuarantineThresholds::default().judge(counts), expected, "{counts:?}");
    }

    /// Test vector 1 of Microsoft's documentation; judged are 5,000 failures and more.
    #[test]
    fn four_thousand_failures_are_not_judged() {
        check(4_000, 0, 0, None);
        check(4_999, 0, 0, None);
        check(5_000, 0, 0, Some(QuarantineReason::EscrowProportion));
    }

    /// Test vector 2; the count is more than 40,000 failures without those of references.
    #[test]
    fn forty_five_thousand_failures_are_too_many() {
        check(45_000, 0, 0, Some(QuarantineReason::EscrowCount));
        check(45_000, 0, 1_000_000, Some(QuarantineReason::EscrowCount));
        check(40_000, 0, 1_000_000, None);
    }

    /// Test vector 3.
    #[test]
    fn thirty_thousand_failures_of_thirty_five_thousand_are_too_many() {
        check(30_000, 0, 5_000, Some(QuarantineReason::EscrowProportion));
    }

    /// Test vector 4: 16.7 percent.
    #[test]
    fn twenty_thousand_failures_of_a_hundred_and_twenty_thousand_are_not_too_many() {
        check(20_000, 0, 100_000, None);
    }

    /// Test vector 5; the total is more than 60,000 failures with those of references.
    #[test]
    fn forty_thousand_users_and_twenty_one_thousand_managers_are_too_many() {
        check(40_000, 21_000, 1_000_000, Some(QuarantineReason::TotalEscrowCount));
        check(40_000, 20_000, 1_000_000, None);
    }

    /// The proportion is more than 40 percent, without failures of references.
    #[test]
    fn forty_of_a_hundred_are_the_most() {
        check(8_000, 0, 12_000, None);
        check(8_001, 0, 12_000, Some(QuarantineReason::EscrowProportion));
        check(1_000, 30_000, 0, None);
    }

    /// The first wait is that of Microsoft's sample.
    #[test]
    fn a_job_in_quarantine_is_tried_ever_less_down_to_once_a_day() {
        let mut now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let mut quarantine = Quarantine::next(None, now, QuarantineReason::Exception, None);
        let mut waits = Vec::new();
        for _ in 0..12 {
            waits.push(quarantine.next_attempt_at.duration_since(now).as_secs() / 60);
            now = quarantine.next_attempt_at;
            quarantine = Quarantine::next(Some(&quarantine), now, QuarantineReason::Exception, None);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]);
        assert_eq!(quarantine.series_count, 13);
    }

    #[test]
    fn a_job_in_quarantine_is_given_up_after_four_weeks() {
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let quarantine = Quarantine::next(None, now, QuarantineReason::Exception, None);
        let end = now.checked_add(Duration::from_hours(28 * 24)).unwrap();
        assert!(quarantine.has_ended(end));
        assert!(!quarantine.has_ended(end.checked_sub(Duration::from_secs(1)).unwrap()));
    }

    #[test]
    fn another_reason_begins_anew_within_the_series() {
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let later = now.checked_add(Duration::from_hours(1)).unwrap();
        let first = Quarantine::next(None, now, QuarantineReason::Exception, None);
        let second = Quarantine::next(Some(&first), later, QuarantineReason::TooManyDeletes, None);
        assert_eq!((second.current_began_at, second.series_began_at), (later, now));
    }
}
