//! What a job knows: who is linked, and who is not and why. Nothing is sent to the service.

use std::collections::{BTreeMap, HashMap};

use scimkit_store::Table;
use scimkit_types::Resource;

use crate::code::ErrorCode;
use crate::decide::{Decision, Known, Setting};
use crate::engine::Engine;
use crate::error::{CycleError, Result};
use crate::records::{Escrow, Link, Presence, StoredRecord};
use crate::reference_rows::Written;
use crate::report::{Cycle, Tally};
use crate::state::{State, object_key, part_text, reference_parts};

impl Engine {
    /// The linked objects with what was last written to each, by object type and source id. Nothing is sent to the service.
    ///
    /// # Errors
    /// [`CycleError`] if the state cannot be read.
    pub async fn linked(&self) -> Result<Vec<LinkedObject>, CycleError> {
        self.find_linked(&self.reading()).await
    }

    async fn find_linked(&self, state: &State) -> Result<Vec<LinkedObject>> {
        let mut linked = Vec::new();
        for mapping in &self.job.mappings {
            let object_type = mapping.object_type();
            let prefix = object_key(object_type, "");
            let mut lists = written_lists(state, &prefix).await?;
            let mut walk = state.walk::<Link>(Table::Link, prefix.as_str());
            while let Some(rows) = walk.next().await? {
                for (key, link) in rows {
                    let source_id = key.strip_prefix(&prefix).unwrap_or(&key).to_owned();
                    let mut references = link.references;
                    for (path, mut target_ids) in lists.remove(&source_id).unwrap_or_default() {
                        let known = references.entry(path).or_default();
                        known.append(&mut target_ids);
                        known.sort_unstable();
                        known.dedup();
                    }
                    linked.push(LinkedObject {
                        object_type: object_type.to_owned(),
                        source_id,
                        target_id: link.target_id,
                        exported: link.exported,
                        references,
                    });
                }
            }
        }
        Ok(linked)
    }

    /// The source objects that the service does not have, each with the reason, by object type and id. Nothing is sent to the service.
    ///
    /// # Errors
    /// [`CycleError`] if the source's roles or the state cannot be read.
    pub async fn unprovisioned(&self) -> Result<Vec<Unprovisioned>, CycleError> {
        self.find_unprovisioned(&self.reading()).await
    }

    async fn find_unprovisioned(&self, state: &State) -> Result<Vec<Unprovisioned>> {
        let record = state.job().await?;
        let tally = Tally::default();
        let run = self.run(state, &tally, &record, Cycle::Incremental);
        let app_roles = self.source.app_roles().await?;
        let mut unprovisioned = Vec::new();
        for mapping in &self.job.mappings {
            let setting = run.setting(mapping, &app_roles);
            let prefix = object_key(mapping.object_type(), "");
            let mut walk = state.walk::<StoredRecord>(Table::Record, prefix.as_str());
            while let Some(rows) = walk.next().await? {
                let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
                let links = state.get_many::<Link>(Table::Link, &keys).await?;
                let roles = state.get_many::<Vec<String>>(Table::Assignment, &keys).await?;
                let escrows = state.get_many::<Escrow>(Table::Escrow, &keys).await?;
                for ((((_, stored), link), roles), escrow) in rows.into_iter().zip(links).zip(roles).zip(escrows) {
                    if link.is_none() {
                        let (code, reason) = why(&setting, &stored, roles.as_deref(), escrow);
                        unprovisioned.push(Unprovisioned {
                            object_type: mapping.object_type().to_owned(),
                            name: stored.name(mapping),
                            source_id: stored.record.id,
                            is_deleted: stored.presence != Presence::Present,
                            code,
                            reason,
                        });
                    }
                }
            }
        }
        Ok(unprovisioned)
    }
}

/// The target ids of the lists of references that were last written to objects, by the id of the object and by path.
async fn written_lists(state: &State, prefix: &str) -> Result<HashMap<String, BTreeMap<String, Vec<String>>>> {
    let mut lists: HashMap<String, BTreeMap<String, Vec<String>>> = HashMap::new();
    let mut walk = state.walk::<Written>(Table::Written, prefix);
    while let Some(rows) = walk.next().await? {
        for (key, row) in rows.iter().filter(|(_, row)| row.is_written()) {
            let Some((id, rest)) = key.strip_prefix(prefix).and_then(reference_parts) else { continue };
            let Some((path, _)) = reference_parts(rest) else { continue };
            let list = lists.entry(part_text(id).into_owned()).or_default().entry(part_text(path).into_owned()).or_default();
            list.push(row.target().to_owned());
        }
    }
    Ok(lists)
}

fn why(setting: &Setting<'_>, stored: &StoredRecord, roles: Option<&[String]>, escrow: Option<Escrow>) -> (ErrorCode, String) {
    match setting.decide(Known { stored, roles, link: None }) {
        Decision::Skip(reason) | Decision::Fail(reason) => (reason.code, reason.text),
        _ => escrow.map_or_else(
            || (ErrorCode::RedundantExport, "the object has not been looked at yet".to_owned()),
            |escrow| (escrow.code, escrow.reason),
        ),
    }
}

/// A source object that the service has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinkedObject {
    /// The type of the object.
    pub object_type: String,
    /// The id of the object in the source.
    pub source_id: String,
    /// The id of the object in the target.
    pub target_id: String,
    /// The attributes that were last written.
    pub exported: Resource,
    /// The target ids that were last written, by the path of the reference.
    pub references: BTreeMap<String, Vec<String>>,
}

/// A source object that the service does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unprovisioned {
    /// The type of the object.
    pub object_type: String,
    /// The id of the object in the source.
    pub source_id: String,
    /// What people know the object by, if the source tells: `userPrincipalName` or `displayName`.
    pub name: Option<String>,
    /// Whether the source has deleted it.
    pub is_deleted: bool,
    /// Why the service does not have it.
    pub code: ErrorCode,
    /// The same for people.
    pub reason: String,
}
