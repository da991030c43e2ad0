//! Who is in scope by assignment: users and groups that are assigned, and members of assigned security groups, direct ones unless the job
//! expands nested groups.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use scimkit_store::{Batch, Table};
use scimkit_types::Value;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::event::Phase;
use crate::paging::Paging;
use crate::records::{JobRecord, Presence, StoredRecord};
use crate::run::Run;
use crate::source::{Assignment, SourceError, SourceErrorKind, is_usable_id};
use crate::state::{CHUNK, Work, object_id, object_key, put, put_job};

/// Reads the assignments, brings the stored entitlements in step with them, and marks the objects whose entitlement changed.
///
/// Of the state nothing is read or written when neither an assignment nor a group changed. Who is assigned is kept nowhere as a whole but
/// in the state: a page at a time is held, so that a list which may have changed is first read to see whether it did, and then once more.
///
/// INVARIANT (no lost assignment): until the last page was read, what is gathered stands beside the entitlements; a reading that stopped
/// before is begun anew.
pub(crate) async fn entitle(run: &Run<'_>, record: &mut JobRecord) -> Result<()> {
    let mut told = 0;
    if !record.assignments.is_empty() {
        let has_changed_groups = run.state.walk::<IgnoredAny>(Table::Pending, Work::Object.prefix("Group")).next().await?.is_some();
        if !has_changed_groups && read(run, None, &mut told).await? == record.assignments {
            return Ok(());
        }
        // Of what is brought in step in part, nothing may be taken for known: the assignments may be what they were by then.
        record.assignments.clear();
        let mut batch = Batch::new();
        put_job(&mut batch, record)?;
        run.state.commit(batch).await?;
    }
    let print = gather(run, &mut told).await?;
    store(run).await?;
    record.assignments = print;
    let mut batch = Batch::new();
    put_job(&mut batch, record)?;
    run.state.commit(batch).await
}

/// Reads all pages of the assignments, grants what they say if somebody is to be granted something, and returns a print of them. The
/// progress goes on from what was told before.
async fn read(run: &Run<'_>, mut granted: Option<&mut Granted<'_>>, told: &mut u64) -> Result<String> {
    let mut print = Print::default();
    let mut paging = Paging::new("assignments");
    let mut after = None;
    loop {
        // Reading alone does not write, so nothing else renews the lease.
        run.state.hold().await?;
        let page = run.source.assignments(after.as_ref()).await?;
        let is_empty = page.assignments.is_empty();
        *told += u64::try_from(page.assignments.len()).unwrap_or_default();
        run.progress(Phase::Entitling, *told, None);
        for assignment in page.assignments {
            check_id(&assignment)?;
            print.add(&assignment);
            if let Some(granted) = &mut granted {
                granted.grant_assignment(&assignment).await?;
            }
        }
        let Some(next) = page.next else { return Ok(print.text(run.job.expands_nested_groups)) };
        paging.follow(after.as_ref(), &next, is_empty)?;
        after = Some(next);
    }
}

/// Refuses an id that cannot be the key of a record.
fn check_id(assignment: &Assignment) -> Result<()> {
    if is_usable_id(&assignment.principal_id) {
        return Ok(());
    }
    let message = format!(
        "expected ids that are not empty and do not hold U+0000, found one in the assignment of `{}`",
        assignment.principal_id.escape_default()
    );
    Err(SourceError::new(SourceErrorKind::Invalid, message).into())
}

/// Tells lists of assignments apart, whatever pages they come in and in whatever order.
#[derive(Debug, Default)]
struct Print {
    count: u64,
    /// The sum of a print of each.
    sum: u128,
}

impl Print {
    fn add(&mut self, assignment: &Assignment) {
        let half = |part: u8| {
            let mut hasher = DefaultHasher::new();
            (part, &assignment.principal_id, &assignment.principal_type, &assignment.app_role_id).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        self.count += 1;
        self.sum = self.sum.wrapping_add((half(0) << 64) | half(1));
    }

    fn text(&self, expands_nested_groups: bool) -> String {
        let nested = if expands_nested_groups { ":nested" } else { "" };
        format!("{}:{:032x}{nested}", self.count, self.sum)
    }
}

/// Gathers the entitled objects by key, with the roles that each has, in the state. Returns a print of the assignments.
async fn gather(run: &Run<'_>, told: &mut u64) -> Result<String> {
    let mut batch = Batch::new();
    batch.clear(Table::Entitlement, "");
    run.state.commit(batch).await?;
    let mut granted = Granted { run, roles: BTreeMap::new() };
    let print = read(run, Some(&mut granted), told).await?;
    granted.keep().await?;
    Ok(print)
}

/// What was granted and is not in the state yet; never more than a chunk.
#[derive(Debug)]
struct Granted<'a> {
    run: &'a Run<'a>,
    roles: BTreeMap<String, Vec<String>>,
}

/// How many levels of groups below an assigned group count, if nested groups do.
const MAX_NESTING: usize = 16;

impl Granted<'_> {
    /// Grants its role to whoever an assignment is for.
    async fn grant_assignment(&mut self, assignment: &Assignment) -> Result<()> {
        let Assignment { principal_id, principal_type, app_role_id } = assignment;
        if principal_type.eq_ignore_ascii_case("User") {
            self.grant(object_key("User", principal_id), app_role_id).await
        } else if principal_type.eq_ignore_ascii_case("Group") {
            self.grant_group(principal_id, app_role_id).await
        } else {
            Ok(())
        }
    }

    /// Grants a role to a group and its members, and to nested groups and theirs if the job expands them: level by level, each group once,
    /// so that groups that are members of each other come to an end.
    async fn grant_group(&mut self, id: &str, role: &str) -> Result<()> {
        let expands = self.run.job.expands_nested_groups;
        let mut level = vec![object_key("Group", id)];
        let mut seen: BTreeSet<String> = level.iter().cloned().collect();
        for _ in 0..=(if expands { MAX_NESTING } else { 0 }) {
            let mut nested = Vec::new();
            for key in level {
                let group = self.run.state.get::<StoredRecord>(Table::Record, &key).await?;
                let Some(group) = group.filter(|group| group.presence == Presence::Present && is_security_enabled(group)) else { continue };
                for members in group.record.references.get("members").map(Vec::as_slice).unwrap_or_default().chunks(CHUNK) {
                    let keys: Vec<String> = members.iter().map(|member| object_key("Group", member)).collect();
                    let groups = if expands { self.run.state.get_many::<IgnoredAny>(Table::Record, &keys).await? } else { Vec::new() };
                    for (index, (member, key)) in members.iter().zip(keys).enumerate() {
                        if groups.get(index).is_none_or(Option::is_none) {
                            self.grant(object_key("User", member), role).await?;
                        } else if seen.insert(key.clone()) {
                            nested.push(key);
                        }
                    }
                }
                self.grant(key, role).await?;
            }
            level = nested;
        }
        Ok(())
    }

    async fn grant(&mut self, key: String, role: &str) -> Result<()> {
        add_role(self.roles.entry(key).or_default(), role);
        if self.roles.len() >= CHUNK { self.keep().await } else { Ok(()) }
    }

    async fn keep(&mut self) -> Result<()> {
        let roles = std::mem::take(&mut self.roles);
        let keys: Vec<String> = roles.keys().cloned().collect();
        let known = self.run.state.get_many::<Vec<String>>(Table::Entitlement, &keys).await?;
        let mut batch = Batch::new().deferred();
        for ((key, roles), known) in roles.into_iter().zip(known) {
            let mut all = known.unwrap_or_default();
            roles.iter().for_each(|role| add_role(&mut all, role));
            put(&mut batch, Table::Entitlement, key, &all)?;
        }
        self.run.state.commit(batch).await
    }
}

fn add_role(roles: &mut Vec<String>, role: &str) {
    if let Err(index) = roles.binary_search_by(|known| known.as_str().cmp(role)) {
        roles.insert(index, role.to_owned());
    }
}

/// A group counts for assignment unless the source says that it is not security-enabled.
fn is_security_enabled(group: &StoredRecord) -> bool {
    group.record.attributes.get("securityEnabled").and_then(Value::as_bool) != Some(false)
}

/// Makes what was gathered the present entitlements, and marks whoever has others than before.
async fn store(run: &Run<'_>) -> Result<()> {
    let mut walk = run.state.walk::<Vec<String>>(Table::Assignment, "");
    while let Some(rows) = walk.next().await? {
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        let wanted = run.state.get_many::<IgnoredAny>(Table::Entitlement, &keys).await?;
        let mut batch = Batch::new().deferred();
        for (key, _) in keys.into_iter().zip(wanted).filter(|(_, wanted)| wanted.is_none()) {
            mark(&mut batch, &key);
            batch.delete(Table::Assignment, key);
        }
        run.state.commit(batch).await?;
    }
    let mut walk = run.state.walk::<Vec<String>>(Table::Entitlement, "");
    while let Some(rows) = walk.next().await? {
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        let present = run.state.get_many::<Vec<String>>(Table::Assignment, &keys).await?;
        let mut batch = Batch::new().deferred();
        for ((key, roles), present) in rows.into_iter().zip(present) {
            if present.as_ref() != Some(&roles) {
                mark(&mut batch, &key);
                put(&mut batch, Table::Assignment, key, &roles)?;
            }
        }
        run.state.commit(batch).await?;
    }
    let mut batch = Batch::new();
    batch.clear(Table::Entitlement, "");
    run.state.commit(batch).await
}

fn mark(batch: &mut Batch, key: &str) {
    if let Some((object_type, _)) = key.split_once('/') {
        batch.put(Table::Pending, Work::Object.key(object_type, object_id(object_type, key)), "null");
    }
}
