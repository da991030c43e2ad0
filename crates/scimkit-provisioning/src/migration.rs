//! Bringing a state that an older version made into the form of this one: references that stood as lists in the records of objects and
//! links become rows of their own, once, and in chunks.
//!
//! Each step can be repeated: a migration that is killed is done again.

use std::collections::{BTreeMap, BTreeSet};

use scimkit_store::{Batch, Table};

use crate::error::Result;
use crate::job::ProvisioningJob;
use crate::records::{Action, Link, PlannedAction, StoredRecord};
use crate::reference_rows::{Other, Written, owners, whole_key, written_key};
use crate::state::{CHUNK, State, Work, object_key, put, put_job, reference_key, referrer_key};

/// How many records with their lists are read at once.
const PAGE: usize = 16;

/// Brings the state into the form of this version, if it is of an older one.
pub(crate) async fn migrate(state: &State, job: &ProvisioningJob) -> Result<()> {
    let mut record = state.job().await?;
    if record.has_reference_rows {
        return Ok(());
    }
    doubt_intents(state).await?;
    move_told(state).await?;
    move_written(state, job).await?;
    record.has_reference_rows = true;
    // No mark says whose memberships changed since entitlements were brought in step.
    record.assignments.clear();
    let mut batch = Batch::new();
    put_job(&mut batch, &record)?;
    state.commit(batch).await
}

/// Ends what was begun of references: it is in doubt, and the object stays marked.
async fn doubt_intents(state: &State) -> Result<()> {
    let mut walk = state.walk::<PlannedAction>(Table::Intent, "");
    while let Some(rows) = walk.next().await? {
        for (key, planned) in rows {
            if !matches!(planned.action, Action::References { .. }) {
                continue;
            }
            let PlannedAction { object_type, source_id, action, .. } = planned;
            let mut batch = Batch::new();
            batch.delete(Table::Intent, key);
            batch.put(Table::Pending, Work::References.key(&object_type, &source_id), "null");
            let key = object_key(&object_type, &source_id);
            if let Some(link) = state.get::<Link>(Table::Link, &key).await? {
                put(&mut batch, Table::Link, key, &link.doubt(&action))?;
            }
            state.commit(batch).await?;
        }
    }
    Ok(())
}

/// Makes rows of the references of source objects.
async fn move_told(state: &State) -> Result<()> {
    let mut after: Option<String> = None;
    loop {
        let rows = state.page::<StoredRecord>(Table::Record, after.as_deref(), PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        for (key, mut stored) in rows {
            let (object_type, id) = (stored.record.object_type.clone(), stored.record.id.clone());
            let lists: BTreeMap<String, Vec<String>> =
                stored.record.references.iter_mut().map(|(attribute, ids)| (attribute.clone(), std::mem::take(ids))).collect();
            if lists.values().all(Vec::is_empty) {
                continue;
            }
            for (attribute, ids) in lists {
                for ids in ids.chunks(CHUNK) {
                    let mut batch = Batch::new().deferred();
                    for other in ids {
                        batch.put(Table::Reference, reference_key(&object_type, &id, &attribute, other), "null");
                        batch.put(Table::Referrer, referrer_key(other, &object_type, &id, &attribute), "null");
                    }
                    state.commit(batch).await?;
                }
            }
            let mut batch = Batch::new().deferred();
            put(&mut batch, Table::Record, key, &stored)?;
            state.commit(batch).await?;
        }
    }
}

/// Makes rows of the lists of references that were written. They are compared as a whole when they are looked at next, since no mark says
/// what of them changed.
async fn move_written(state: &State, job: &ProvisioningJob) -> Result<()> {
    let mut after: Option<String> = None;
    loop {
        let rows = state.page::<Link>(Table::Link, after.as_deref(), PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        for (key, mut link) in rows {
            let Some((object_type, id)) = key.split_once('/') else { continue };
            let all = link.references.keys().chain(link.doubtful.keys());
            let paths: BTreeSet<String> = all.filter(|path| is_list(job, object_type, path, &link)).cloned().collect();
            let moves = !paths.is_empty();
            for path in paths {
                let written = link.references.get_mut(&path).map(std::mem::take).unwrap_or_default();
                let doubtful = link.doubtful.remove(&path).unwrap_or_default();
                put_written(state, job, (object_type, id), &path, written, &doubtful).await?;
            }
            if moves {
                let mut batch = Batch::new().deferred();
                batch.put(Table::Touched, whole_key(object_type, id), "null");
                put(&mut batch, Table::Link, key, &link)?;
                state.commit(batch).await?;
            }
        }
    }
}

/// Whether a path is that of a list, by the schema, or by what stands there where the job does not know it.
fn is_list(job: &ProvisioningJob, object_type: &str, path: &str, link: &Link) -> bool {
    let (schema, name) = path.rsplit_once(':').map_or((None, path), |(schema, name)| (Some(schema), name));
    let attribute = job.mapping(object_type).and_then(|(_, mapping)| {
        let resource_type = job.catalog.resource_type(mapping.resource_type())?;
        job.catalog.attribute(resource_type, schema, name)
    });
    attribute.map_or_else(|| link.references.get(path).is_some_and(|ids| ids.len() > 1), |attribute| attribute.is_multi_valued)
}

async fn put_written(
    state: &State,
    job: &ProvisioningJob,
    (object_type, id): (&str, &str),
    path: &str,
    written: Vec<String>,
    doubtful: &BTreeSet<String>,
) -> Result<()> {
    let tried = doubtful.iter().filter(|target| written.binary_search(target).is_err()).cloned().map(Written::Tried);
    let tried: Vec<Written> = tried.collect();
    let sure = |target: String| if doubtful.contains(&target) { Written::Doubted(target) } else { Written::Sure(target) };
    let rows: Vec<Written> = written.into_iter().map(sure).chain(tried).collect();
    for rows in rows.chunks(CHUNK) {
        let targets: Vec<String> = rows.iter().map(|row| row.target().to_owned()).collect();
        let mut owners = owners(state, job, &targets).await?;
        let mut batch = Batch::new().deferred();
        for (row, target) in rows.iter().zip(targets) {
            let other = owners.remove(&target).map_or_else(|| Other::Target(target), Other::Source);
            put(&mut batch, Table::Written, written_key(object_type, id, path, &other), row)?;
        }
        state.commit(batch).await?;
    }
    Ok(())
}
