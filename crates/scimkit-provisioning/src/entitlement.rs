//! Who is in scope by assignment: users and groups that are assigned, and direct members of assigned security groups.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use scimkit_store::{Batch, Table};
use scimkit_types::Value;

use crate::error::Result;
use crate::records::{JobRecord, Presence, StoredRecord};
use crate::run::Run;
use crate::source::{Assignment, Assignments};
use crate::state::{CHUNK, Work, object_id, object_key, put, put_job};

/// Brings the stored entitlements in step with the assignments, and marks the objects whose entitlement changed.
///
/// Nothing is read when neither an assignment nor a group changed.
pub(crate) async fn entitle(run: &Run<'_>, record: &mut JobRecord, assignments: &Assignments) -> Result<()> {
    let mut sorted = assignments.assignments.clone();
    sorted.sort();
    sorted.dedup();
    let print = fingerprint(&sorted);
    let has_changed_groups = run.state.count(Table::Pending, &Work::Object.prefix("Group")).await? > 0;
    if record.assignments == print && !has_changed_groups {
        return Ok(());
    }
    let wanted = entitled(run, &sorted).await?;
    store(run, wanted).await?;
    record.assignments = print;
    let mut batch = Batch::new();
    put_job(&mut batch, record)?;
    run.state.commit(batch).await
}

fn fingerprint(assignments: &[Assignment]) -> String {
    let mut hasher = DefaultHasher::new();
    for assignment in assignments {
        (&assignment.principal_id, &assignment.principal_type, &assignment.app_role_id).hash(&mut hasher);
    }
    format!("{}:{:016x}", assignments.len(), hasher.finish())
}

/// The entitled objects by key, and the roles that each has.
async fn entitled(run: &Run<'_>, assignments: &[Assignment]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut entitled: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut grant = |key: String, role: &str| {
        let roles = entitled.entry(key).or_default();
        if let Err(index) = roles.binary_search_by(|known| known.as_str().cmp(role)) {
            roles.insert(index, role.to_owned());
        }
    };
    for assignment in assignments {
        if assignment.principal_type.eq_ignore_ascii_case("User") {
            grant(object_key("User", &assignment.principal_id), &assignment.app_role_id);
            continue;
        }
        if !assignment.principal_type.eq_ignore_ascii_case("Group") {
            continue;
        }
        let key = object_key("Group", &assignment.principal_id);
        let group = run.state.get::<StoredRecord>(Table::Record, &key).await?;
        let Some(group) = group.filter(|group| group.presence == Presence::Present && is_security_enabled(group)) else { continue };
        for member in group.record.references.get("members").map(Vec::as_slice).unwrap_or_default() {
            grant(object_key("User", member), &assignment.app_role_id);
        }
        grant(key, &assignment.app_role_id);
    }
    Ok(entitled)
}

/// A group counts for assignment unless the source says that it is not security-enabled.
fn is_security_enabled(group: &StoredRecord) -> bool {
    group.record.attributes.get("securityEnabled").and_then(Value::as_bool) != Some(false)
}

async fn store(run: &Run<'_>, mut wanted: BTreeMap<String, Vec<String>>) -> Result<()> {
    let mut walk = run.state.walk::<Vec<String>>(Table::Assignment, "");
    while let Some(rows) = walk.next().await? {
        let mut batch = Batch::new();
        for (key, roles) in rows {
            match wanted.remove(&key) {
                Some(same) if same == roles => {}
                Some(changed) => {
                    put(&mut batch, Table::Assignment, key.clone(), &changed)?;
                    mark(&mut batch, &key);
                }
                None => {
                    batch.delete(Table::Assignment, key.clone());
                    mark(&mut batch, &key);
                }
            }
        }
        run.state.commit(batch).await?;
    }
    let mut batch = Batch::new();
    for (key, roles) in wanted {
        put(&mut batch, Table::Assignment, key.clone(), &roles)?;
        mark(&mut batch, &key);
        if batch.steps.len() >= CHUNK {
            run.state.commit(std::mem::take(&mut batch)).await?;
        }
    }
    run.state.commit(batch).await
}

fn mark(batch: &mut Batch, key: &str) {
    if let Some((object_type, _)) = key.split_once('/') {
        batch.put(Table::Pending, Work::Object.key(object_type, object_id(object_type, key)), "null");
    }
}
