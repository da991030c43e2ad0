//! Who is in scope by assignment: users and groups that are assigned, and members of assigned security groups, direct ones unless the job
//! expands nested groups.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use scimkit_store::{Batch, Table};
use serde::de::IgnoredAny;

use crate::decide::is_false;
use crate::error::Result;
use crate::event::Phase;
use crate::paging::Paging;
use crate::records::{JobRecord, Presence, StoredRecord};
use crate::reference_lists::Told;
use crate::run::Run;
use crate::source::{Assignment, SourceError, SourceErrorKind, is_usable_id};
use crate::state::{CHUNK, ENTITLED, Work, entitlement_key, object_id, object_key, put, put_job, referrer_by, referrers_prefix};

/// Reads the assignments, brings the stored entitlements in step with them, and marks the objects whose entitlement changed.
///
/// Of the state nothing is read or written when neither an assignment nor a group changed; when only members of groups came or went, and
/// not very many, they alone are looked at. Who is assigned is kept nowhere as a whole but in the state: a page at a time is held, so that
/// a list which may have changed is first read to see whether it did, and then once more.
///
/// INVARIANT (no lost assignment): until the last page was read, what is gathered stands beside the entitlements; a reading that stopped
/// before is begun anew.
pub(crate) async fn entitle(run: &Run<'_>, record: &mut JobRecord) -> Result<()> {
    let mut told = 0;
    if !record.assignments.is_empty() {
        if let Some(mut few) = Few::marked(run).await?
            && read(run, Reader::Few(&mut few), &mut told).await? == record.assignments
        {
            return few.keep(run).await;
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
    batch.clear(Table::Pending, ENTITLED);
    put_job(&mut batch, record)?;
    run.state.commit(batch).await
}

/// What becomes of the assignments that are read.
enum Reader<'a, 'b> {
    All(&'a mut Granted<'b>),
    Few(&'a mut Few),
}

/// The members of groups who came or went since entitlements were last brought in step.
#[derive(Debug, Default)]
struct Few {
    /// Their keys, each with the roles that it is assigned to by itself.
    roles: BTreeMap<String, Vec<String>>,
    /// Their marks.
    marks: Vec<String>,
}

impl Few {
    /// The members that are marked; `None` if all entitlements must be looked at.
    async fn marked(run: &Run<'_>) -> Result<Option<Self>> {
        let mut few = Self::default();
        let mut walk = run.state.walk::<IgnoredAny>(Table::Pending, ENTITLED);
        let Some(ids) = walk.next_ids().await? else { return Ok(Some(few)) };
        if ids.len() >= CHUNK || ids.iter().any(String::is_empty) {
            return Ok(None);
        }
        if run.job.expands_nested_groups {
            // The members of a group that came or went as a member come and go with it.
            let keys: Vec<String> = ids.iter().map(|id| object_key(GROUP, id)).collect();
            if run.state.get_many::<IgnoredAny>(Table::Record, &keys).await?.iter().any(Option::is_some) {
                return Ok(None);
            }
        }
        few.roles = ids.iter().map(|id| (object_key("User", id), Vec::new())).collect();
        few.marks = ids;
        Ok(Some(few))
    }

    fn note(&mut self, assignment: &Assignment) {
        if self.roles.is_empty() || !assignment.principal_type.eq_ignore_ascii_case("User") {
            return;
        }
        if let Some(roles) = self.roles.get_mut(&object_key("User", &assignment.principal_id)) {
            add_role(roles, &assignment.app_role_id);
        }
    }

    /// Gives each the roles that it is assigned to and those of the groups that it is a member of.
    async fn keep(self, run: &Run<'_>) -> Result<()> {
        let keys: Vec<String> = self.roles.keys().cloned().collect();
        let present = run.state.get_many::<Vec<String>>(Table::Assignment, &keys).await?;
        let mut batch = Batch::new();
        for ((key, mut roles), present) in self.roles.into_iter().zip(present) {
            let prefix = referrers_prefix(object_id("User", &key));
            let mut walk = run.state.walk::<IgnoredAny>(Table::Referrer, prefix.as_str());
            while let Some(rows) = walk.next_ids().await? {
                let groups = rows.iter().filter_map(|row| referrer_by(row, MEMBERS)).filter(|(object_type, _)| *object_type == GROUP);
                let groups: Vec<String> = groups.map(|(_, id)| object_key(GROUP, id)).collect();
                for granted in run.state.get_many::<Vec<String>>(Table::Assignment, &groups).await?.into_iter().flatten() {
                    granted.iter().for_each(|role| add_role(&mut roles, role));
                }
            }
            let roles = Some(roles).filter(|roles| !roles.is_empty());
            if roles == present {
                continue;
            }
            mark(&mut batch, &key);
            match roles {
                Some(roles) => put(&mut batch, Table::Assignment, key, &roles)?,
                None => batch.delete(Table::Assignment, key),
            }
        }
        for id in self.marks {
            batch.delete(Table::Pending, entitlement_key(&id));
        }
        run.state.commit(batch).await
    }
}

/// The type of the objects whose members are entitled with them.
pub(crate) const GROUP: &str = "Group";

/// The references that lead to them.
pub(crate) const MEMBERS: &str = "members";

/// Whether a group that is assigned entitles its members.
pub(crate) fn grants(group: &StoredRecord) -> bool {
    group.presence == Presence::Present && is_security_enabled(group)
}

/// Reads all pages of the assignments, grants what they say if somebody is to be granted something, and returns a print of them. The
/// progress goes on from what was told before.
async fn read(run: &Run<'_>, mut reader: Reader<'_, '_>, told: &mut u64) -> Result<String> {
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
            match &mut reader {
                Reader::All(granted) => granted.grant_assignment(&assignment).await?,
                Reader::Few(few) => few.note(&assignment),
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
    let print = read(run, Reader::All(&mut granted), told).await?;
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
                let Some(group) = group.filter(grants) else { continue };
                let mut told = Told::new(self.run, (GROUP, &group.record.id), MEMBERS);
                while let Some(members) = told.next().await? {
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
    !group.record.attributes.get("securityEnabled").is_some_and(is_false)
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
