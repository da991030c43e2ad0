//! A plan that can be read, saved, compared, approved and then applied.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use scimkit_types::{Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::event::{EventAction, PropertyChange};
use crate::records::{Action, PlannedAction};
use crate::report::CycleReport;

/// How many actions a plan has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlanCounts {
    /// All actions; changes of references that come with nothing else are not among them.
    pub actions: u64,
    /// Resources that are created.
    pub creates: u64,
    /// Resources that are changed.
    pub updates: u64,
    /// Resources that are disabled.
    pub disables: u64,
    /// Resources that are deleted.
    pub deletes: u64,
    /// Resources of which only references change, as far as that is known before anything is written.
    pub references: u64,
}

impl PlanCounts {
    /// How many resources are disabled and deleted, which is what the deletion threshold judges.
    pub const fn removals(&self) -> u64 {
        self.disables + self.deletes
    }

    pub(crate) fn count(&mut self, action: &Action) {
        self.actions += 1;
        match action {
            Action::Create { .. } => self.creates += 1,
            Action::Update { is_disabled: true, .. } => self.disables += 1,
            Action::Update { .. } => self.updates += 1,
            Action::References { .. } => self.references += 1,
            Action::Delete { .. } => self.deletes += 1,
        }
    }
}

/// A plan that waits to be approved and applied. Its actions are in the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlanHeader {
    /// Names the plan.
    pub id: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The number of the cycle that it is a part of.
    pub cycle: u64,
    /// The job's fingerprint.
    pub fingerprint: String,
    /// Up to where the source was read, as text that changes when that does.
    pub watermark: String,
    /// How many actions there are.
    pub counts: PlanCounts,
    /// What the cycle did up to the plan: how much was read, how objects were matched, and who was skipped or failed.
    pub report: CycleReport,
}

impl PlanHeader {
    pub(crate) const fn new(
        id: String,
        made_at: Timestamp,
        cycle: u64,
        fingerprint: String,
        watermark: String,
        counts: PlanCounts,
        report: CycleReport,
    ) -> Self {
        Self { id, made_at, cycle, fingerprint, watermark, counts, report }
    }
}

/// One action of a plan, for people and for comparing. Values of mappings that are wrapped in `Redact` are hidden. Type,
/// ids and name of the object stand under the same names in the [`ProvisioningEvent`](crate::ProvisioningEvent) that tells what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlannedChange {
    /// Where in the plan the action stands.
    pub key: String,
    /// The type of the source object.
    pub object_type: String,
    /// The id of the source object.
    pub source_id: String,
    /// What people know the source object by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
    /// The id of the resource, unless it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// What is done.
    pub action: EventAction,
    /// Why the resource is disabled or deleted: the object is not assigned, is filtered out, is disabled at the source, or was deleted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What changes, with the mapping that each value comes from and why.
    pub changes: Vec<PropertyChange>,
}

impl PlannedChange {
    pub(crate) fn new(key: String, planned: PlannedAction) -> Self {
        let changes = planned.changes();
        Self {
            key,
            target_id: planned.action.target_id().map(str::to_owned),
            action: planned.action.event(),
            object_type: planned.object_type,
            source_id: planned.source_id,
            source_name: planned.name,
            why: planned.why,
            changes,
        }
    }

    /// The action as a difference that people can read: one line for what is done, one for each attribute.
    pub fn to_diff(&self) -> String {
        let sign = match self.action {
            EventAction::Create => '+',
            EventAction::Delete => '-',
            _ => '~',
        };
        let name = self.source_name.as_deref().unwrap_or(&self.source_id);
        let action = self.action.name();
        let why = self.why.as_ref().map(|why| format!("    # {why}")).unwrap_or_default();
        let mut text = format!("{sign} {action} {} {name}{why}\n", self.object_type);
        for change in &self.changes {
            let from = if change.mappings.is_empty() { String::new() } else { format!("    # {}", change.mappings.join("; ")) };
            // Writing to text cannot fail.
            let _ = match (&change.old, &change.new) {
                (Value::Null, new) => writeln!(text, "    + {}: {}{from}", change.name, shown(new)),
                (old, Value::Null) => writeln!(text, "    - {}: {}{from}", change.name, shown(old)),
                (old, new) => writeln!(text, "    ~ {}: {} -> {}{from}", change.name, shown(old), shown(new)),
            };
        }
        text
    }

    /// What the action does, without where it stands: equal for two plans that do the same with the object.
    fn effect(&self) -> (EventAction, Vec<(&str, &Value, &Value)>) {
        (self.action, self.changes.iter().map(|change| (change.name.as_str(), &change.old, &change.new)).collect())
    }
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// A plan with its actions, as it is exported. Files of it hold people's data: whoever writes one makes it readable by its owner only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlanDocument {
    /// The plan.
    pub plan: PlanHeader,
    /// Its actions, in order.
    pub actions: Vec<PlannedChange>,
}

impl PlanDocument {
    /// Reads an exported plan.
    ///
    /// # Errors
    /// The place in the text where it is not one.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What this plan does that the other one does not, and the other way round.
    pub fn compare<'a>(&'a self, other: &'a Self) -> PlanComparison<'a> {
        let mut comparison = PlanComparison::default();
        let mut others: BTreeMap<(&str, &str), Vec<&PlannedChange>> = BTreeMap::new();
        for change in &other.actions {
            others.entry((&change.object_type, &change.source_id)).or_default().push(change);
        }
        for change in &self.actions {
            let known = others.get_mut(&(change.object_type.as_str(), change.source_id.as_str()));
            match known.filter(|known| !known.is_empty()).map(|known| known.remove(0)) {
                Some(same) if same.effect() == change.effect() => comparison.same += 1,
                Some(changed) => comparison.changed.push((change, changed)),
                None => comparison.only_here.push(change),
            }
        }
        comparison.only_there = others.into_values().flatten().collect();
        comparison
    }
}

/// How two plans differ.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PlanComparison<'a> {
    /// Actions that both have.
    pub same: u64,
    /// Actions for objects with which the first plan does something and the second nothing.
    pub only_here: Vec<&'a PlannedChange>,
    /// The other way round.
    pub only_there: Vec<&'a PlannedChange>,
    /// Actions that differ.
    pub changed: Vec<(&'a PlannedChange, &'a PlannedChange)>,
}

/// In which form a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanFormat {
    /// As a difference that people can read.
    Diff,
    /// As a [`PlanDocument`] in JSON.
    Json,
}

/// Writes a plan action by action, so that memory does not grow with it.
pub(crate) struct PlanWriter<'a> {
    out: &'a mut (dyn Write + Send),
    format: PlanFormat,
    is_first: bool,
}

impl<'a> PlanWriter<'a> {
    pub(crate) fn begin(out: &'a mut (dyn Write + Send), format: PlanFormat, plan: &PlanHeader) -> io::Result<Self> {
        match format {
            PlanFormat::Diff => {
                let PlanCounts { creates, updates, disables, deletes, references, .. } = plan.counts;
                writeln!(
                    out,
                    "plan {} of cycle {}: {creates} create, {updates} update, {disables} disable, {deletes} delete, {references} references",
                    plan.id, plan.cycle
                )?;
            }
            PlanFormat::Json => {
                out.write_all(b"{\"plan\":")?;
                serde_json::to_writer(&mut *out, plan)?;
                out.write_all(b",\"actions\":[")?;
            }
        }
        Ok(Self { out, format, is_first: true })
    }

    pub(crate) fn write(&mut self, change: &PlannedChange) -> io::Result<()> {
        match self.format {
            PlanFormat::Diff => self.out.write_all(change.to_diff().as_bytes())?,
            PlanFormat::Json => {
                self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *self.out, change)?;
            }
        }
        self.is_first = false;
        Ok(())
    }

    pub(crate) fn end(self) -> io::Result<()> {
        if self.format == PlanFormat::Json {
            self.out.write_all(b"\n]}\n")?;
        }
        self.out.flush()
    }
}
