//! References in the state, a row each: those of the source, those that were written, and those that must be looked at.
//!
//! INVARIANT (no lost change): whatever changes what a reference is to be, or leaves in doubt what it is, puts a mark in the same batch;
//! a mark goes in the batch that says that the reference is right.

use std::collections::{BTreeMap, HashMap};

use scimkit_store::{Batch, Table};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::records::{Link, StoredRecord};
use crate::run::Run;
use crate::state::{
    CHUNK, GONE, State, Work, gone_key, key_part, object_key, part_text, put, reference_parts, reference_prefix, references_prefix,
    referrer_key, waiting_key,
};

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Other {
    /// The id of a source object.
    Source(String),
    /// The id of a resource that no source object was linked to when the reference was found.
    Target(String),
}

impl Other {
    /// The end of a key; source objects sort as they do among the references of the source, and before resources.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Source(id) => format!("s{}", key_part(id)),
            Self::Target(id) => format!("t{}", key_part(id)),
        }
    }

    /// What the end of a key stands for; `None` if it is not about one reference.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let rest = |start| key.strip_prefix(start).map(|part| part_text(part).into_owned());
        rest('s').map(Self::Source).or_else(|| rest('t').map(Self::Target))
    }
}

/// How a reference to a resource stands in the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Written {
    /// It was written.
    Sure(String),
    /// It was written, and it is not known whether it still stands.
    Doubted(String),
    /// It is not known whether it was written.
    Tried(String),
}

impl Written {
    /// The id of the resource.
    pub(crate) fn target(&self) -> &str {
        match self {
            Self::Sure(target) | Self::Doubted(target) | Self::Tried(target) => target,
        }
    }

    /// Whether it counts as what was last written.
    pub(crate) const fn is_written(&self) -> bool {
        matches!(self, Self::Sure(_) | Self::Doubted(_))
    }

    /// The same when it may have been changed.
    fn doubted(self) -> Self {
        match self {
            Self::Sure(target) | Self::Doubted(target) => Self::Doubted(target),
            Self::Tried(target) => Self::Tried(target),
        }
    }
}

/// A reference that is added or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReferenceEdit {
    /// What it leads to.
    pub other: Other,
    /// The id of the resource.
    pub target: String,
    /// Whether it is removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_removed: bool,
}

/// The key of a reference as it was last written.
pub(crate) fn written_key(object_type: &str, id: &str, path: &str, other: &Other) -> String {
    format!("{}{}", reference_prefix(object_type, id, path), other.key())
}

/// The key of the mark of one reference.
pub(crate) fn touched_key(object_type: &str, id: &str, other: &Other) -> String {
    format!("{}{}", references_prefix(object_type, id), other.key())
}

/// The key of the mark of an object whose references are compared as a whole.
pub(crate) fn whole_key(object_type: &str, id: &str) -> String {
    references_prefix(object_type, id)
}

/// The key that says that the references of an object at a path were begun to be written when there were none, and are not all written.
pub(crate) fn begun_key(object_type: &str, id: &str, path: &str) -> String {
    format!("{}o{}", references_prefix(object_type, id), key_part(path))
}

impl Run<'_> {
    /// Whether objects of a type have lists of references to be written.
    pub(crate) fn has_lists(&self, object_type: &str) -> bool {
        self.job.mapping(object_type).is_some_and(|(_, mapping)| mapping.has_reference_lists())
    }

    /// Marks one reference of an object, and the object.
    pub(crate) fn touch(&self, batch: &mut Batch, object_type: &str, id: &str, other: &Other) {
        if self.has_lists(object_type) {
            batch.put(Table::Touched, touched_key(object_type, id, other), "null");
        }
        batch.put(Table::Pending, Work::References.key(object_type, id), "null");
    }
}

/// The target ids of source objects that are linked.
pub(crate) async fn linked_targets(run: &Run<'_>, ids: &[String]) -> Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    for mapping in &run.job.mappings {
        let keys: Vec<String> = ids.iter().map(|id| object_key(mapping.object_type(), id)).collect();
        let links = run.state.get_many::<LinkedTo>(Table::Link, &keys).await?;
        found.extend(ids.iter().zip(links).filter_map(|(id, link)| Some((id.clone(), link?.target_id))));
    }
    Ok(found)
}

/// The part of a link that says where it leads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkedTo {
    target_id: String,
}

/// The source objects that resources are linked to, by the id of the resource.
pub(crate) async fn owners(state: &State, job: &crate::job::ProvisioningJob, targets: &[String]) -> Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    for mapping in &job.mappings {
        let keys: Vec<String> = targets.iter().map(|target| object_key(mapping.object_type(), target)).collect();
        let owners = state.get_many::<String>(Table::LinkByTarget, &keys).await?;
        found.extend(targets.iter().zip(owners).filter_map(|(target, owner)| Some((target.clone(), owner?))));
    }
    Ok(found)
}

/// Says in the state that references were written as they were asked for. Their marks go, unless those may be newer.
pub(crate) fn put_references(
    batch: &mut Batch,
    (object_type, id): (&str, &str),
    lists: BTreeMap<String, Vec<ReferenceEdit>>,
    is_newest: bool,
) -> Result<()> {
    for (path, edits) in lists {
        for ReferenceEdit { other, target, is_removed } in edits {
            let key = written_key(object_type, id, &path, &other);
            if is_removed {
                batch.delete(Table::Written, key);
            } else {
                put(batch, Table::Written, key, &Written::Sure(target))?;
            }
            if is_newest {
                batch.delete(Table::Touched, touched_key(object_type, id, &other));
            }
        }
    }
    Ok(())
}

/// Says in the state that references may have been written as they were asked for; they are marked.
pub(crate) async fn put_doubt(run: &Run<'_>, batch: &mut Batch, object: (&str, &str), path: &str, edits: &[ReferenceEdit]) -> Result<()> {
    let (object_type, id) = object;
    for edits in edits.chunks(CHUNK) {
        let keys: Vec<String> = edits.iter().map(|edit| written_key(object_type, id, path, &edit.other)).collect();
        let known = run.state.get_many::<Written>(Table::Written, &keys).await?;
        for ((edit, key), known) in edits.iter().zip(keys).zip(known) {
            let row = known.map_or_else(|| Written::Tried(edit.target.clone()), Written::doubted);
            put(batch, Table::Written, key, &row)?;
            batch.put(Table::Touched, touched_key(object_type, id, &edit.other), "null");
        }
    }
    Ok(())
}

/// Removes what was written of the references of an object whose link is forgotten.
pub(crate) fn forget_written(batch: &mut Batch, object_type: &str, id: &str) {
    let prefix = references_prefix(object_type, id);
    batch.clear(Table::Written, prefix.as_str());
    batch.clear(Table::Touched, prefix);
}

/// Notes that an object is gone for good, so that its references are cleared away before it may come again.
pub(crate) fn put_gone(batch: &mut Batch, object_type: &str, stored: &StoredRecord) {
    if !stored.record.references.is_empty() {
        batch.put(Table::Pending, gone_key(object_type, &stored.record.id), "null");
    }
}

/// Clears away the references of the objects that are gone for good, and what waits for their other ends.
pub(crate) async fn clear_gone(run: &Run<'_>) -> Result<()> {
    let mut gone = run.state.walk::<IgnoredAny>(Table::Pending, GONE);
    while let Some(keys) = gone.next_ids().await? {
        for (object_type, id) in keys.iter().filter_map(|key| key.split_once('/')) {
            let prefix = references_prefix(object_type, id);
            let mut walk = run.state.walk::<IgnoredAny>(Table::Reference, prefix.as_str());
            while let Some(rows) = walk.next().await? {
                let mut batch = Batch::new();
                for (key, _) in rows {
                    if let Some((attribute, other)) = key.strip_prefix(&prefix).and_then(reference_parts) {
                        let (attribute, other) = (part_text(attribute), part_text(other));
                        batch.delete(Table::Referrer, referrer_key(&other, object_type, id, &attribute));
                        batch.delete(Table::Waiting, waiting_key(&other, object_type, id));
                    }
                    batch.delete(Table::Reference, key);
                }
                run.state.commit(batch).await?;
            }
            let mut batch = Batch::new();
            batch.clear(Table::Touched, prefix);
            batch.delete(Table::Pending, gone_key(object_type, id));
            run.state.commit(batch).await?;
        }
    }
    Ok(())
}

impl Link {
    /// Whether all that was written at a path is known.
    pub(crate) fn knows(&self, path: &str) -> bool {
        self.references.contains_key(path)
    }
}
