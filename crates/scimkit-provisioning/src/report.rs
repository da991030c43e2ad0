//! What a cycle did, in numbers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::event::{EventAction, EventStatus};

/// Whether a cycle evaluated everything or only what changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Cycle {
    /// Everything: there was no watermark, or the job changed.
    #[default]
    Initial,
    /// What changed since the watermark.
    Incremental,
    /// One object.
    OnDemand,
}

/// What a cycle did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CycleReport {
    /// The number of the cycle.
    pub number: u64,
    /// What kind of cycle it was.
    pub kind: Cycle,
    /// How many changes the source told.
    pub imported: u64,
    /// How many of them were references that began or ended.
    #[serde(default)]
    pub imported_references: u64,
    /// How many requests of an earlier run were settled.
    pub settled: u64,
    /// How objects were matched, by object type; a type is missing if none had to be.
    pub matching: BTreeMap<String, MatchingDecision>,
    /// Resources that were created.
    pub created: u64,
    /// Resources that were changed.
    pub updated: u64,
    /// Resources that were disabled.
    pub disabled: u64,
    /// Resources that were deleted.
    pub deleted: u64,
    /// Objects that were left as they are, by reason.
    pub skipped: BTreeMap<ErrorCode, u64>,
    /// Objects that failed and are tried again later, by reason.
    pub failed: BTreeMap<ErrorCode, u64>,
    /// Actions that were not tried, as the service had refused every action of their kind (403).
    #[serde(default)]
    pub held: u64,
    /// Bulk requests that were sent, where the service's profile offers them and they are cheaper.
    #[serde(default)]
    pub bulk_requests: u64,
    /// Creates, changes, deletes and changes of references that were sent in them.
    #[serde(default)]
    pub bulk_operations: u64,
    /// Records of the provisioning log.
    pub events: u64,
}

impl CycleReport {
    /// Resources that were written.
    pub const fn written(&self) -> u64 {
        self.created + self.updated + self.disabled + self.deleted
    }

    /// Objects that failed.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    pub(crate) fn count(&mut self, action: EventAction, status: EventStatus, code: Option<ErrorCode>) {
        match (status, code) {
            (EventStatus::Skipped, Some(code)) => *self.skipped.entry(code).or_default() += 1,
            (EventStatus::Failure, Some(code)) => *self.failed.entry(code).or_default() += 1,
            _ => match action {
                EventAction::Create => self.created += 1,
                EventAction::Update => self.updated += 1,
                EventAction::Disable => self.disabled += 1,
                EventAction::Delete => self.deleted += 1,
                EventAction::Other | EventAction::StagedDelete => {}
            },
        }
    }
}

/// What a cycle has done up to now; it outlives the cycle, so that of one that failed is known what it did.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<CycleReport>);

impl Tally {
    pub(crate) fn count(&self, change: impl FnOnce(&mut CycleReport)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn report(&self) -> CycleReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How the objects of the source were looked up in the target, and what the other ways would have cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MatchingDecision {
    /// What was chosen.
    pub choice: MatchingChoice,
    /// How many objects were to be looked up.
    pub objects: u64,
    /// How many reads the list takes, or took before it turned out not to be complete; `None` if the target was not asked, as another way
    /// takes only one read.
    pub listing_reads: Option<u64>,
    /// How many reads filters that name several objects take; `None` if the service's profile has no such filters.
    pub filter_reads: Option<u64>,
    /// Why the list could not be read to its end, so that another way was taken: the service shows one page again and again, counts more
    /// than it shows, or refuses to show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlistable: Option<String>,
}

impl MatchingDecision {
    /// How many reads were expected of what was chosen: one for each object by queries, and one more for each object whose first matching
    /// value nobody has and that has another one.
    pub const fn reads(&self) -> u64 {
        let reads = match self.choice {
            MatchingChoice::Listing => self.listing_reads,
            MatchingChoice::Filters => self.filter_reads,
            MatchingChoice::Queries => None,
        };
        match reads {
            Some(reads) => reads,
            None => self.objects,
        }
    }
}

/// How the objects of the source are looked up in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum MatchingChoice {
    /// By listing the target once.
    Listing,
    /// By queries that ask for several objects each.
    Filters,
    /// By one query for each object.
    Queries,
}

impl MatchingChoice {
    /// The choice in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::Filters => "filters",
            Self::Queries => "queries",
        }
    }
}
