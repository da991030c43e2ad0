//! What others changed of one object, as far as the mappings would have it otherwise.

use std::collections::BTreeMap;

use scimkit_filter::{AttributePath, Filter};
use scimkit_mapping::{Desired, Operation};
use scimkit_store::Table;
use scimkit_types::Resource;

use crate::decide::{Known, Setting};
use crate::differences::{attribute_of, differences};
use crate::echo::echo;
use crate::error::Result;
use crate::event::PropertyChange;
use crate::records::{Link, StoredRecord};
use crate::references::{flowing, ids_at, reference_change};
use crate::run::Run;
use crate::state::object_key;
use crate::target::TargetErrorKind;

/// How many references a service that shows none is asked for by a filter, before those are taken for gone.
const MOST_ASKED: usize = 5;

/// What others changed of one object.
#[derive(Debug, Default)]
pub(crate) struct Drifted {
    /// From what is there to what is to be there: first attributes, then references.
    pub changes: Vec<PropertyChange>,
    /// How many of the changes are of attributes.
    pub attributes: usize,
    /// What was last written, with what is there in the place of what differs.
    pub exported: Resource,
    /// What is there of the references that differ and that somebody else is not free to add, by path.
    pub references: BTreeMap<String, Vec<String>>,
    /// Whether the service does not show references that were written.
    pub is_hidden: bool,
}

/// What is there, of the references that are other ones than were written.
#[derive(Debug, Default)]
struct Present {
    references: BTreeMap<String, Vec<String>>,
    is_hidden: bool,
}

/// Compares a resource with what was last written to it. What differs counts only if writing the same again would change it: what a flow
/// type lets others add is no drift.
pub(crate) async fn drifted(run: &Run<'_>, setting: &Setting<'_>, id: &str, link: &Link, resource: &Resource) -> Result<Drifted> {
    let (mut changes, exported) = differences(setting, &link.exported, resource);
    let Present { references: present, is_hidden } = present_references(run, setting, resource, link).await?;
    let mut references = BTreeMap::new();
    if changes.is_empty() && present.is_empty() {
        return Ok(Drifted { is_hidden, ..Drifted::default() });
    }
    let desired = desired(run, setting, id, link).await?;
    if !changes.is_empty() {
        changes = unwanted(setting, link, resource, desired.cleared);
    }
    let attributes = changes.len();
    for (path, present) in present {
        let written = link.references.get(&path).map(Vec::as_slice).unwrap_or_default();
        let reference = desired.references.iter().find(|reference| reference.target == path);
        let after = reference.map_or_else(|| written.to_vec(), |reference| flowing(reference, &present, written));
        if after != present {
            changes.push(reference_change(&path, &present, &after));
            let is_ours = |id: &String| written.binary_search(id).is_ok() || after.binary_search(id).is_err();
            references.insert(path, present.into_iter().filter(is_ours).collect());
        }
    }
    Ok(Drifted { changes, attributes, exported, references, is_hidden })
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

async fn present_references(run: &Run<'_>, setting: &Setting<'_>, resource: &Resource, link: &Link) -> Result<Present> {
    let mut whole = None;
    let mut present = Present::default();
    for (path, written) in &link.references {
        let is_listed = attribute_of(setting, path).is_none_or(|attribute| !attribute.is_multi_valued);
        let ids = if is_listed {
            ids_at(resource, path)
        } else {
            if whole.is_none() {
                let resource_type = setting.mapping.resource_type();
                match run.call(|not_after| run.target.get(resource_type, &link.target_id, not_after)).await? {
                    Ok(read) => whole = Some(read),
                    // It went away since it was listed.
                    Err(error) if error.kind == TargetErrorKind::Gone => break,
                    Err(error) => return Err(error.into()),
                }
            }
            whole.as_ref().map(|whole| ids_at(whole, path)).unwrap_or_default()
        };
        if !is_listed && ids.is_empty() && hides(run, setting, link, path, written).await? {
            present.is_hidden = true;
        } else if ids != *written {
            present.references.insert(path.clone(), ids);
        }
    }
    Ok(present)
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
