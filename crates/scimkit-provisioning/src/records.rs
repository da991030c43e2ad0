//! The records of a job's state, as they stand in the state store.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use scimkit_mapping::{MappingSet, SourceRecord};
use scimkit_types::{Resource, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::decide::property_changes;
use crate::event::PropertyChange;
use crate::reference_rows::ReferenceEdit;
use crate::references::edits_change;
use crate::saved_plan::PlanHeader;
use crate::source::Position;
use crate::state::Work;

/// What a job remembers of itself: one record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct JobRecord {
    /// Changes when mappings, scope or schemas change; then every object is evaluated again.
    pub fingerprint: String,
    /// How many cycles were begun.
    pub cycles: u64,
    /// Whether the last cycle that was begun has not ended.
    pub is_cycle_open: bool,
    /// Where each object type's stream is read on, within the open cycle.
    pub positions: BTreeMap<String, ReadPosition>,
    /// Where each object type's next round begins, once a cycle has ended.
    pub watermark: BTreeMap<String, Position>,
    /// The object types whose stream starts over, because the source no longer knows the position.
    pub restarted: BTreeSet<String>,
    /// What the assignments were made of when users were last marked for them.
    pub assignments: String,
    /// Whether the next cycle evaluates every object, whatever changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub evaluates_all: bool,
    /// Whether references stand in rows of their own, and the state knows who refers to whom.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_reference_rows: bool,
    /// The plan that waits to be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHeader>,
}

/// How far a round was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadPosition {
    pub next: Position,
    pub is_round_complete: bool,
}

/// A source object as last read, whole but for its references: its record says which of them the source tells of, and there are rows of
/// them in the table of references.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredRecord {
    pub record: SourceRecord,
    pub presence: Presence,
    /// Whether a round from the beginning did not show the object, so that it is told whole when it comes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_untold: bool,
}

impl StoredRecord {
    /// What people know the object by, if the source tells and the mappings show it.
    pub(crate) fn name(&self, mapping: &MappingSet) -> Option<String> {
        let is_shown = |name: &&str| !mapping.redacted_source_attributes().any(|hidden| hidden.eq_ignore_ascii_case(name));
        let text = |name: &str| self.record.attributes.get(name).and_then(Value::as_str);
        ["userPrincipalName", "displayName"].into_iter().filter(is_shown).find_map(text).map(str::to_owned)
    }
}

/// Whether the source still has an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Presence {
    Present,
    SoftDeleted,
    Deleted,
}

/// The link between the two identities of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    /// The object's id in the target.
    pub target_id: String,
    /// The key under which the object is matched: the precedence and the comparison key of its matching value.
    pub matching_key: Option<String>,
    /// What was last written.
    pub exported: Resource,
    /// What was last written, by the path of the reference: the target id of one that has no list. Of a list nothing stands here, but
    /// that the rows of it in the table of written references are all that was written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, Vec<String>>,
    /// Whether the job still manages the object: false once it has left the scope.
    pub is_managed: bool,
    /// Whether the object was there before it was linked, so that it may have references that nobody of us wrote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_adopted: bool,
    /// Whether a change of the attributes was begun after that, and it is not known whether it was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_uncertain: bool,
    /// The target ids of which it is not known whether they stand in the target, by the path of a reference that has no list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doubtful: BTreeMap<String, BTreeSet<String>>,
}

/// What people know a resource by, if it tells and the mappings show it.
pub(crate) fn target_name(resource: &Resource, mapping: &MappingSet) -> Option<String> {
    let is_shown = |name: &&str| !mapping.redacted_attributes().any(|hidden| hidden.eq_ignore_ascii_case(name));
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    ["displayName", "userName"].into_iter().filter(is_shown).find_map(text).map(str::to_owned)
}

impl Link {
    /// Text that changes when a link does; empty without one.
    pub(crate) fn print(link: Option<&Self>) -> String {
        link.map(print).unwrap_or_default()
    }
}

/// Text that changes when a record does.
pub(crate) fn print(record: &impl Serialize) -> String {
    let mut hasher = DefaultHasher::new();
    // Every record can be written as JSON.
    serde_json::to_string(record).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// One action that a cycle is going to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedAction {
    /// The type of the source object.
    pub object_type: String,
    /// The id of the source object.
    pub source_id: String,
    /// What people know the source object by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A print of the link that the action was planned from.
    #[serde(default)]
    pub basis: String,
    /// The layer of the action; those of a lower one are done first.
    #[serde(default)]
    pub layer: u32,
    /// What is done.
    pub action: Action,
    /// Why the resource is disabled or deleted, if the plan says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What changes, for people, unless it is [what is created](Self::changes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PropertyChange>,
    /// The paths of attributes of a new resource whose values are not shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
}

impl PlannedAction {
    /// The key of the action once it is begun.
    ///
    /// INVARIANT (crash safety): it is that of the work on the object and not of a place in a plan, since what is open for many cycles must
    /// not give way to an action of a later plan. An object has at most one action of a kind under way.
    pub(crate) fn intent_key(&self) -> String {
        self.action.work().key(&self.object_type, &self.source_id)
    }

    /// What changes, for people. That a new resource has its attributes is not kept beside them, unless it was explained, nor is it kept
    /// beside the references that are added and removed.
    pub(crate) fn changes(&self) -> Vec<PropertyChange> {
        match &self.action {
            Action::Create { resource, .. } if self.changes.is_empty() => property_changes(&Resource::default(), resource, &self.redacted),
            Action::References { lists, .. } => {
                let edited = lists.iter().map(|(path, edits)| edits_change(path, edits));
                self.changes.iter().cloned().chain(edited).collect()
            }
            _ => self.changes.clone(),
        }
    }
}

/// What is done to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Action {
    /// A resource is created.
    Create {
        /// The resource as it is sent.
        resource: Resource,
        /// The key under which it is matched.
        matching_key: String,
        /// The filter that finds it by its matching value as it is sent, whatever the job's mappings are when it is asked.
        filter: String,
    },
    /// A resource is changed; first it is linked, if it was found by its matching attribute.
    Update {
        /// The id of the resource.
        target_id: String,
        /// The PATCH operations, as the body of a request has them.
        operations: Value,
        /// What is managed afterwards.
        exported: Resource,
        /// The key under which it is matched afterwards.
        matching_key: Option<String>,
        /// Whether the object was found in the target and is linked now.
        is_adopted: bool,
        /// Whether the object is disabled.
        is_disabled: bool,
        /// Whether the job still manages the object afterwards.
        is_managed: bool,
        /// Whether this is a part of what the object gets: it gives its matching value up for another one and gets its own later in the
        /// same plan, or is disabled and gets its own by a later plan. It stays marked.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_interim: bool,
    },
    /// References of a resource are changed.
    References {
        /// The id of the resource.
        target_id: String,
        /// The target ids that stand afterwards, by the path of a reference that has no list.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        references: BTreeMap<String, Vec<String>>,
        /// What is added to lists and removed from them, by path.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        lists: BTreeMap<String, Vec<ReferenceEdit>>,
        /// What the link knows afterwards beside what is changed, by path.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        known: BTreeMap<String, Vec<String>>,
        /// Whether lists were compared as a whole, and are right afterwards.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_whole: bool,
        /// Whether more of the same object follows, so that it stays marked.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_part: bool,
    },
    /// A resource is deleted.
    Delete {
        /// The id of the resource.
        target_id: String,
    },
}

impl Action {
    /// Which work on its object this is.
    pub(crate) const fn work(&self) -> Work {
        match self {
            Self::References { .. } => Work::References,
            Self::Create { .. } | Self::Update { .. } | Self::Delete { .. } => Work::Object,
        }
    }
}

/// An object that failed, and when it is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Escrow {
    /// When it first failed.
    pub first_failed_at: Timestamp,
    /// The number of the cycle in which it failed last.
    #[serde(default)]
    pub cycle: u64,
    /// How often it has failed.
    pub failures: u32,
    /// When it is tried again.
    pub next_attempt_at: Timestamp,
    /// Why it failed last.
    pub code: ErrorCode,
    /// Why it failed last, for people.
    pub reason: String,
}
