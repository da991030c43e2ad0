//! What others changed of one object, as far as the mappings would have it otherwise.

use std::collections::BTreeMap;

use scimkit_filter::{AttributePath, Filter};
use scimkit_mapping::{Desired, Operation};
use scimkit_store::{Batch, Table};
use scimkit_types::Resource;

use crate::decide::{Known, Setting};
use crate::differences::{attribute_of, differences};
use crate::echo::echo;
use crate::error::Result;
use crate::event::PropertyChange;
use crate::judged::Flow;
use crate::records::{Link, StoredRecord};
use crate::reference_rows::{Other, ReferenceEdit, Written, owners, put_doubt};
use crate::references::{edits_change, flowing, ids_at, reference_change};
use crate::run::Run;
use crate::state::{CHUNK, Walk, object_key, reference_prefix};
use crate::target::TargetErrorKind;

/// How many references a service that shows none is asked for by a filter, before those are taken for gone.
const MOST_ASKED: usize = 5;

/// How many references of a list are shown at most, about.
const MOST_SHOWN: usize = 2048;

/// What others changed of one object.
#[derive(Debug, Default)]
pub(crate) struct Drifted {
    /// From what is there to what is to be there: first attributes, then references.
    pub changes: Vec<PropertyChange>,
    /// How many of the changes are of attributes.
    pub attributes: usize,
    /// What was last written, with what is there in the place of what differs.
    pub exported: Resource,
    /// What is there of the references that differ and have no list, by path.
    pub references: BTreeMap<String, Vec<String>>,
    /// The lists that differ.
    pub lists: Vec<DriftedList>,
    /// Whether the service does not show references that were written.
    pub is_hidden: bool,
}

/// A list of references that differs.
#[derive(Debug)]
pub(crate) struct DriftedList {
    /// The path of the list.
    pub path: String,
    /// What is there, in order.
    pub present: Vec<String>,
    /// Whether others may add to it.
    pub may_grow: bool,
}

/// What is there, of the references that are other ones than were written.
#[derive(Debug, Default)]
struct Present {
    references: BTreeMap<String, Vec<String>>,
    lists: BTreeMap<String, Vec<String>>,
    is_hidden: bool,
}

/// Compares a resource with what was last written to it. What differs counts only if writing the same again would change it: what a flow
/// type lets others add is no drift.
pub(crate) async fn drifted(run: &Run<'_>, setting: &Setting<'_>, id: &str, link: &Link, resource: &Resource) -> Result<Drifted> {
    let (mut changes, exported) = differences(setting, &link.exported, resource);
    let object = (setting.mapping.object_type(), id);
    let Present { references: present, lists: listed, is_hidden } = present_references(run, setting, id, resource, link).await?;
    let (mut references, mut lists) = (BTreeMap::new(), Vec::new());
    if changes.is_empty() && present.is_empty() && listed.is_empty() {
        return Ok(Drifted { is_hidden, ..Drifted::default() });
    }
    let desired = desired(run, setting, id, link).await?;
    if !changes.is_empty() {
        changes = unwanted(setting, link, resource, desired.cleared);
    }
    let attributes = changes.len();
    let reference_at = |path: &str| desired.references.iter().find(|reference| reference.target == path);
    for (path, present) in present {
        let written = link.references.get(&path).map(Vec::as_slice).unwrap_or_default();
        let after = reference_at(&path).map_or_else(|| written.to_vec(), |reference| flowing(reference, &present, written));
        if after != present {
            changes.push(reference_change(&path, &present, &after));
            references.insert(path, present);
        }
    }
    for (path, present) in listed {
        let flow = reference_at(&path).map_or(Flow::All, |reference| Flow::of(reference.flow_type, !present.is_empty()));
        if flow == Flow::Nothing {
            continue;
        }
        let may_grow = flow == Flow::Adds;
        let mut edits = Vec::new();
        let mut differing = Differing::new(run, object, &path, &present, may_grow);
        while edits.len() < MOST_SHOWN {
            let Some(some) = differing.next().await? else { break };
            edits.extend(some);
        }
        if !edits.is_empty() {
            changes.push(edits_change(&path, &edits));
            lists.push(DriftedList { path, present, may_grow });
        }
    }
    Ok(Drifted { changes, attributes, exported, references, lists, is_hidden })
}

/// The references of a list that are other ones than were written, in chunks: as they would be removed and added again.
#[derive(Debug)]
struct Differing<'a> {
    run: &'a Run<'a>,
    walk: Option<Walk<'a, Written>>,
    prefix: String,
    may_grow: bool,
    /// What is there that was not found among what was written, yet.
    strangers: Vec<(&'a str, bool)>,
}

impl<'a> Differing<'a> {
    fn new(run: &'a Run<'_>, object: (&str, &str), path: &str, present: &'a [String], may_grow: bool) -> Self {
        let prefix = reference_prefix(object.0, object.1, path);
        let walk = Some(run.state.walk(Table::Written, prefix.as_str()));
        // What others may add is found by itself.
        let strangers = present.iter().map(|target| (target.as_str(), may_grow)).collect();
        Self { run, walk, prefix, may_grow, strangers }
    }

    /// The next references; `None` after the last ones.
    async fn next(&mut self) -> Result<Option<Vec<ReferenceEdit>>> {
        let Some(walk) = &mut self.walk else { return self.next_strangers().await };
        let Some(rows) = walk.next().await? else {
            self.walk = None;
            self.strangers.retain(|(_, is_found)| !is_found);
            return Ok(Some(Vec::new()));
        };
        let mut edits = Vec::new();
        for (key, row) in rows {
            let Some(other) = key.strip_prefix(&self.prefix).and_then(Other::of_key) else { continue };
            let target = row.target().to_owned();
            let place = self.strangers.binary_search_by(|(stranger, _)| (*stranger).cmp(&target)).ok();
            let found = place.and_then(|place| self.strangers.get_mut(place));
            let is_present = found.map(|(_, is_found)| *is_found = true).is_some();
            // What may have been added stays where others may add.
            if is_present != row.is_written() && (row.is_written() || !self.may_grow) {
                edits.push(ReferenceEdit { other, target, is_removed: is_present });
            }
        }
        Ok(Some(edits))
    }

    async fn next_strangers(&mut self) -> Result<Option<Vec<ReferenceEdit>>> {
        let some = self.strangers.len().min(CHUNK);
        if some == 0 {
            return Ok(None);
        }
        let targets: Vec<String> = self.strangers.drain(..some).map(|(target, _)| target.to_owned()).collect();
        let mut owners = owners(self.run.state, self.run.job, &targets).await?;
        let edits = targets.into_iter().map(|target| {
            let other = owners.remove(&target).map_or_else(|| Other::Target(target.clone()), Other::Source);
            ReferenceEdit { other, target, is_removed: true }
        });
        Ok(Some(edits.collect()))
    }
}

impl DriftedList {
    /// Says in the state that what differs is in doubt, so that it is written whatever was written before.
    pub(crate) async fn doubt(&self, run: &Run<'_>, object: (&str, &str)) -> Result<()> {
        let mut differing = Differing::new(run, object, &self.path, &self.present, self.may_grow);
        while let Some(edits) = differing.next().await? {
            let mut batch = Batch::new();
            put_doubt(run, &mut batch, object, &self.path, &edits).await?;
            run.state.commit(batch).await?;
        }
        Ok(())
    }
}

/// What the mappings give for an object; nothing if that is not known.
async fn desired(run: &Run<'_>, setting: &Setting<'_>, id: &str, link: &Link) -> Result<Desired> {
    let key = object_key(setting.mapping.object_type(), id);
    let Some(stored) = run.state.get::<StoredRecord>(Table::Record, &key).await? else { return Ok(Desired::default()) };
    let roles: Option<Vec<String>> = run.state.get(Table::Assignment, &key).await?;
    let known = Known { stored: &stored, roles: roles.as_deref(), link: Some(link) };
    Ok(setting.desired(known, Operation::Update, setting.standing(known).is_err()).unwrap_or_default())
}

/// The changes that writing again what was written would bring; `cleared` are the attributes that are to have no value.
fn unwanted(setting: &Setting<'_>, link: &Link, resource: &Resource, cleared: Vec<String>) -> Vec<PropertyChange> {
    let shown = echo(resource, &setting.job.profile);
    let mut flowing = Desired::default();
    flowing.resource = echo(&link.exported, &setting.job.profile);
    flowing.cleared = cleared;
    differences(setting, &setting.mapping.expected(&shown, &flowing), &shown).0
}

async fn present_references(run: &Run<'_>, setting: &Setting<'_>, id: &str, resource: &Resource, link: &Link) -> Result<Present> {
    let object_type = setting.mapping.object_type();
    let mut whole = None;
    let mut present = Present::default();
    for (path, written) in &link.references {
        if attribute_of(setting, path).is_none_or(|attribute| !attribute.is_multi_valued) {
            let ids = ids_at(resource, path);
            if ids != *written {
                present.references.insert(path.clone(), ids);
            }
            continue;
        }
        if whole.is_none() {
            let resource_type = setting.mapping.resource_type();
            match run.call(|not_after| run.target.get(resource_type, &link.target_id, not_after)).await? {
                Ok(read) => whole = Some(read),
                // It went away since it was listed.
                Err(error) if error.kind == TargetErrorKind::Gone => break,
                Err(error) => return Err(error.into()),
            }
        }
        let ids = whole.as_ref().map(|whole| ids_at(whole, path)).unwrap_or_default();
        if ids.is_empty() && hides(run, setting, link, path, &some_written(run, (object_type, id), path).await?).await? {
            present.is_hidden = true;
        } else {
            present.lists.insert(path.clone(), ids);
        }
    }
    Ok(present)
}

/// Some of the target ids that were written to a list.
async fn some_written(run: &Run<'_>, (object_type, id): (&str, &str), path: &str) -> Result<Vec<String>> {
    let mut walk = run.state.walk::<Written>(Table::Written, reference_prefix(object_type, id, path));
    let mut some = Vec::new();
    while let Some(rows) = walk.next().await? {
        some.extend(rows.into_iter().filter(|(_, row)| row.is_written()).map(|(_, row)| row.target().to_owned()));
        if some.len() >= MOST_ASKED {
            break;
        }
    }
    Ok(some)
}

/// Whether a service that shows no references has some that were written, or cannot be asked for one of them.
async fn hides(run: &Run<'_>, setting: &Setting<'_>, link: &Link, path: &str, written: &[String]) -> Result<bool> {
    let resource_type = setting.mapping.resource_type();
    for id in written.iter().take(MOST_ASKED) {
        let Some(filter) = one_of(&link.target_id, path, id) else { return Ok(true) };
        match run.call(|not_after| run.target.find(resource_type, &filter, not_after)).await? {
            Ok(found) if found.is_empty() => {}
            Err(error) if error.ends_cycle() => return Err(error.into()),
            // There is one, or the service refuses to be asked: so nobody can tell that there is none.
            Ok(_) | Err(_) => return Ok(true),
        }
    }
    Ok(false)
}

/// A filter that finds a resource if it has a reference.
fn one_of(target_id: &str, path: &str, id: &str) -> Option<Filter> {
    let own = AttributePath::parse("id").ok()?;
    let value = AttributePath::parse(&format!("{path}.value")).ok()?;
    Filter::and([Filter::equal(own, target_id), Filter::equal(value, id)])
}
