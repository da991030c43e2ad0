//! What becomes of some references of one object: what is added and removed, by what is to be and by how each stands.

use std::collections::BTreeSet;

use scimkit_mapping::{DesiredReference, FlowType};
use scimkit_store::{Batch, Table};
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::reference_rows::{Other, ReferenceEdit, Written, linked_targets, owners, touched_key, written_key};
use crate::run::Run;
use crate::state::{put, reference_key};

/// One reference of an object at one path.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub other: Other,
    /// Whether the source has it.
    pub is_told: bool,
    /// How it stands in the target.
    pub row: Option<Written>,
}

/// A list of references of one object.
#[derive(Clone, Debug)]
pub(crate) struct ReferenceList {
    /// What is to stand in the target, without the source ids.
    pub desired: DesiredReference,
    /// The name under which the source tells of them.
    pub attribute: String,
    /// What flows.
    pub flow: Flow,
}

/// What flows into a list of references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// What the source has is there, and nothing else.
    All,
    /// What the source has is added, and nothing is removed.
    Adds,
    /// What was written stays.
    Nothing,
}

impl Flow {
    /// What flows by a flow type into a list that holds something, or not.
    pub(crate) const fn of(flow_type: FlowType, is_filled: bool) -> Self {
        match flow_type {
            FlowType::MultiValueAddOnly | FlowType::ValueAddOnly => Self::Adds,
            FlowType::ObjectAddOnly | FlowType::AttributeAddOnly if is_filled => Self::Nothing,
            _ => Self::All,
        }
    }

    /// Whether what flows depends on whether the list holds something.
    pub(crate) const fn depends(flow_type: FlowType) -> bool {
        matches!(flow_type, FlowType::ObjectAddOnly | FlowType::AttributeAddOnly)
    }
}

/// What becomes of some references.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// What is written.
    pub edits: Vec<ReferenceEdit>,
    /// The source objects that are not linked.
    pub missing: Vec<String>,
    /// What changes in the state without a request.
    pub quiet: Batch,
    /// What is right as it stands.
    pub settled: BTreeSet<Other>,
}

/// Judges some references of an object at one path.
pub(crate) async fn judge(run: &Run<'_>, object: (&str, &str), list: &ReferenceList, items: Vec<Item>) -> Result<Judged> {
    let (object_type, id) = object;
    let path = list.desired.target.as_str();
    let told: Vec<String> = items.iter().filter_map(told_id).map(str::to_owned).collect();
    let targets = linked_targets(run, &told).await?;
    let mut judged = Judged::default();
    let mut removals = Vec::new();
    for item in items {
        let wanted = told_id(&item).and_then(|told| {
            let target = targets.get(told).cloned();
            if target.is_none() {
                judged.missing.push(told.to_owned());
            }
            target
        });
        let Item { other, row, .. } = item;
        let written = row.as_ref().filter(|row| row.is_written()).map(|row| row.target().to_owned());
        let after = match list.flow {
            Flow::All => wanted,
            Flow::Adds => wanted.or(written),
            Flow::Nothing => written,
        };
        match (row, after) {
            (None, None) => drop(judged.settled.insert(other)),
            (Some(Written::Sure(present)), Some(after)) if present == after => drop(judged.settled.insert(other)),
            (Some(row), Some(target)) if row.target() != target => {
                // The object has another resource now. The reference to the former one is another reference.
                let former = Other::Target(row.target().to_owned());
                judged.quiet.delete(Table::Written, written_key(object_type, id, path, &other));
                put(&mut judged.quiet, Table::Written, written_key(object_type, id, path, &former), &row)?;
                judged.quiet.put(Table::Touched, touched_key(object_type, id, &former), "null");
                judged.edits.push(ReferenceEdit { other, target, is_removed: false });
                let edit = ReferenceEdit { other: former, target: row.target().to_owned(), is_removed: true };
                match (list.flow, row) {
                    (Flow::All, _) | (_, Written::Tried(_)) => removals.push(edit),
                    (_, Written::Doubted(_)) => judged.edits.push(ReferenceEdit { is_removed: false, ..edit }),
                    (_, Written::Sure(_)) => {}
                }
            }
            (_, Some(target)) => judged.edits.push(ReferenceEdit { other, target, is_removed: false }),
            (Some(row), None) => removals.push(ReferenceEdit { other, target: row.target().to_owned(), is_removed: true }),
        }
    }
    remove(run, object, list, removals, &mut judged).await?;
    judged.edits.sort_by(|left, right| left.other.cmp(&right.other));
    Ok(judged)
}

fn told_id(item: &Item) -> Option<&str> {
    match &item.other {
        Other::Source(id) if item.is_told => Some(id),
        _ => None,
    }
}

/// Removes references, but for those to a resource that is another object's now to which there is to be one.
async fn remove(
    run: &Run<'_>,
    (object_type, id): (&str, &str),
    list: &ReferenceList,
    removals: Vec<ReferenceEdit>,
    judged: &mut Judged,
) -> Result<()> {
    if removals.is_empty() {
        return Ok(());
    }
    let targets: Vec<String> = removals.iter().map(|edit| edit.target.clone()).collect();
    let owners = owners(run.state, run.job, &targets).await?;
    let keys: Vec<String> = targets
        .iter()
        .map(|target| reference_key(object_type, id, &list.attribute, owners.get(target).map_or("", String::as_str)))
        .collect();
    let told = run.state.get_many::<IgnoredAny>(Table::Reference, &keys).await?;
    for (edit, told) in removals.into_iter().zip(told) {
        let owner = owners.get(&edit.target).map(|owner| Other::Source(owner.clone()));
        if told.is_some() && owner.as_ref().is_some_and(|owner| *owner != edit.other) {
            let key = written_key(object_type, id, &list.desired.target, &edit.other);
            judged.quiet.delete(Table::Written, key);
            judged.settled.insert(edit.other);
        } else {
            judged.edits.push(edit);
        }
    }
    Ok(())
}
