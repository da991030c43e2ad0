//! What a target must hold, as a function of the directory, the mappings and what stood there before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use scimkit_store::{StoreError, StoredResource};
use scimkit_types::{Resource, Value, schema};

use super::state::{Group, Person, Presence, Snapshot};
use crate::clients::{Attributes, read};
use crate::fake::FakeService;

/// What a target holds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Held {
    /// The accounts.
    pub users: Vec<StoredResource>,
    /// The groups, with members.
    pub groups: Vec<StoredResource>,
}

impl Held {
    /// These accounts and groups.
    pub const fn new(users: Vec<StoredResource>, groups: Vec<StoredResource>) -> Self {
        Self { users, groups }
    }

    /// What a fake service holds now.
    ///
    /// # Errors
    /// [`StoreError`], which a store in memory never gives.
    pub async fn of(service: &FakeService) -> Result<Self, StoreError> {
        Ok(Self::new(service.resources("User").await?, service.resources("Group").await?))
    }
}

/// How a target is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Everything that is not as it must be, each with the number of the invariant that it breaks: 14 an object that differs from what the
    /// directory and the mappings say, 16 one that is there twice or belongs to nobody, 17 one that was nobody's to change.
    pub faults: Vec<String>,
    /// The ids of those who are to have a name that somebody else keeps, because they left or wait for a name themselves: what they have
    /// is not looked at.
    pub blocked: BTreeSet<String>,
}

/// Says what a target must hold once everything that happened in a directory has arrived there, objects being known by `externalId`.
///
/// In scope is whoever [`Snapshot::is_in_scope`] says. They have one account with the values that the mappings give, active as they are
/// enabled; whoever was never enabled needs none. Whoever left the scope has none or an inactive one, and none if they were deleted for
/// good and the job may know it. A group in scope has its name and the accounts of its members. Of those who were deleted for good without
/// a word about who referred to them, references may be left. An account that was there before and was matched with somebody who left before
/// the job could change it may be inactive.
pub struct Model<'a> {
    directory: &'a Snapshot,
    attributes: Box<dyn Fn(&Person) -> Attributes + 'a>,
    has_managers: bool,
    has_groups: bool,
    matched: &'a [StoredResource],
    others: &'a [StoredResource],
    kept: BTreeMap<String, Attributes>,
}

impl fmt::Debug for Model<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("directory", &self.directory).finish_non_exhaustive()
    }
}

fn text<'a>(resource: &'a Resource, name: &str) -> Option<&'a str> {
    resource.get(name).and_then(Value::as_str)
}

fn is_active(resource: &Resource) -> bool {
    resource.get("active").and_then(Value::as_bool) == Some(true)
}

fn is_same(one: &StoredResource, other: &StoredResource) -> bool {
    (&one.document, &one.revision) == (&other.document, &other.revision)
}

/// Whether nothing of an account changed but that it is inactive.
fn is_disabled(now: &StoredResource, before: &StoredResource) -> bool {
    let others = |stored: &StoredResource| {
        let mut document = stored.document.clone();
        document.remove("active");
        document
    };
    !is_active(&now.document) && others(now) == others(before)
}

impl<'a> Model<'a> {
    /// A model of a target that was empty, has groups and managers, and gets of a person the values that `attributes` gives.
    pub fn new(directory: &'a Snapshot, attributes: impl Fn(&Person) -> Attributes + 'a) -> Self {
        Self {
            directory,
            attributes: Box::new(attributes),
            has_managers: true,
            has_groups: true,
            matched: &[],
            others: &[],
            kept: BTreeMap::new(),
        }
    }

    /// This model of a target that keeps users without managers and no groups.
    #[must_use]
    pub fn with_users_only(self) -> Self {
        Self { has_managers: false, has_groups: false, ..self }
    }

    /// This model of a target that held these objects before: some that people of the directory may have been matched with, and those of
    /// others, which nobody may touch.
    #[must_use]
    pub fn with_planted(self, matched: &'a [StoredResource], others: &'a [StoredResource]) -> Self {
        Self { matched, others, ..self }
    }

    /// This model with values that nobody maps, by the id of the object at the target: while it is there it must have them.
    #[must_use]
    pub fn with_kept(self, values: impl IntoIterator<Item = (String, Attributes)>) -> Self {
        Self { kept: values.into_iter().collect(), ..self }
    }

    /// Looks at what a target holds.
    pub fn check(&self, held: &Held) -> Verdict {
        let mut faults = Vec::new();
        let users = by_external_id(&held.users);
        let blocked = self.blocked(held);
        for (id, person) in &self.directory.people {
            let found = users.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
            if found.len() > 1 {
                faults.push(format!("invariant 16: {id} is there {} times", found.len()));
            } else if blocked.contains(id) {
                // Who may not have the name of another one waits in escrow.
            } else if let Err(fault) = self.check_person(&users, id, person, found.first().copied()) {
                faults.push(format!("invariant 14: {id}: {fault}"));
            }
        }
        let groups = by_external_id(&held.groups);
        for (id, group) in &self.directory.groups {
            let found = groups.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
            if found.len() > 1 {
                faults.push(format!("invariant 16: {id} is there {} times", found.len()));
            } else if let Err(fault) = self.check_group(&users, id, group, found.first().copied()) {
                faults.push(format!("invariant 14: {id}: {fault}"));
            }
        }
        for stored in held.users.iter().chain(&held.groups) {
            let known = stored
                .document
                .external_id()
                .is_some_and(|id| self.directory.people.contains_key(id) || self.directory.groups.contains_key(id));
            let is_planted = self.matched.iter().chain(self.others).any(|planted| planted.id == stored.id);
            if !known && !is_planted {
                faults.push(format!("invariant 16: nobody is known by {}: {}", stored.id, print(&stored.document)));
            }
        }
        self.check_planted(held, &mut faults);
        Verdict { faults, blocked }
    }

    /// Least touch: what this job did not match is as it was, and attributes without a mapping are.
    fn check_planted(&self, held: &Held, faults: &mut Vec<String>) {
        let now = |planted: &StoredResource| held.users.iter().chain(&held.groups).find(|stored| stored.id == planted.id);
        for before in self.others {
            match now(before) {
                None => faults.push(format!("invariant 17: {} is gone", print(&before.document))),
                Some(now) if !is_same(now, before) => {
                    faults.push(format!("invariant 17: {} became {}", print(&before.document), print(&now.document)));
                }
                Some(_) => {}
            }
        }
        for before in self.matched {
            let Some(now) = now(before) else { continue };
            let is_adopted = now.document.external_id().is_some();
            if !is_adopted && !is_same(now, before) && !is_disabled(now, before) {
                faults.push(format!("invariant 17: {} became {}", print(&before.document), print(&now.document)));
            }
        }
        for stored in held.users.iter().chain(&held.groups) {
            let Some(kept) = self.kept.get(&stored.id) else { continue };
            let document = stored.document.clone().into_complex();
            if let Some((path, _)) = kept.iter().find(|(path, value)| read(&document, path) != Some(*value)) {
                faults.push(format!("invariant 17: `{path}`, which has no mapping, changed: {}", print(&stored.document)));
            }
        }
    }

    /// Those who are to have a name that somebody keeps: because they left, or because they wait for a name themselves.
    fn blocked(&self, held: &Held) -> BTreeSet<String> {
        let mut blocked = BTreeSet::new();
        loop {
            let is_kept = |id: &str, person: &Person| {
                held.users.iter().any(|user| {
                    let document = &user.document;
                    let owner = document.external_id();
                    let is_his = text(document, "userName").is_some_and(|name| name.eq_ignore_ascii_case(&person.name));
                    let is_kept = !is_active(document) || owner.is_none_or(|owner| blocked.contains(owner));
                    owner != Some(id) && is_his && is_kept
                })
            };
            let people = self.directory.people.iter().filter(|(id, person)| person.is_there() && !blocked.contains(*id));
            let more: Vec<String> = people.filter(|(id, person)| is_kept(id, person)).map(|(id, _)| id.clone()).collect();
            if more.is_empty() {
                return blocked;
            }
            blocked.extend(more);
        }
    }

    fn check_person(
        &self,
        users: &BTreeMap<&str, Vec<&StoredResource>>,
        id: &str,
        person: &Person,
        found: Option<&StoredResource>,
    ) -> Result<(), String> {
        let is_in_scope = self.directory.is_in_scope(id);
        match (person.presence, found) {
            (Presence::Present, None) if is_in_scope && person.is_enabled => Err("expected an account, found none".to_owned()),
            (Presence::Present, Some(found)) if is_in_scope => {
                if is_active(&found.document) != person.is_enabled {
                    return Err(format!("expected `active` to be {}: {}", person.is_enabled, print(&found.document)));
                }
                self.check_attributes(users, person, &found.document)
            }
            (Presence::Deleted, Some(found)) if !person.was_out && !self.directory.has_expired => {
                Err(format!("expected no account any more: {}", print(&found.document)))
            }
            (_, Some(found)) if is_active(&found.document) => Err(format!("expected an inactive account: {}", print(&found.document))),
            _ => Ok(()),
        }
    }

    fn check_attributes(&self, users: &BTreeMap<&str, Vec<&StoredResource>>, person: &Person, found: &Resource) -> Result<(), String> {
        let document = found.clone().into_complex();
        let expected = (self.attributes)(person);
        for (path, value) in expected.iter() {
            let is = read(&document, path);
            if is != Some(value) {
                return Err(format!("expected `{path}` to be {value:?}, found {is:?}: {}", print(found)));
            }
        }
        // A reference to a manager who is gone, whose end was not told, may stand or not.
        if self.has_managers && person.manager.as_deref().is_none_or(|id| self.is_known(id)) {
            let manager = found.extension(schema::ENTERPRISE_USER).and_then(|user| user.get("manager")).and_then(Value::as_complex);
            let manager = manager.and_then(|manager| manager.get("value")).and_then(Value::as_str);
            let expected = person.manager.as_deref().and_then(|id| self.linked(users, id));
            if manager != expected {
                return Err(format!("expected the manager {expected:?}, found {manager:?}: {}", print(found)));
            }
        }
        Ok(())
    }

    /// The id of the account of somebody who was not deleted for good.
    fn linked<'b>(&self, users: &BTreeMap<&str, Vec<&'b StoredResource>>, id: &str) -> Option<&'b str> {
        let found = users.get(id).and_then(|found| found.first()).filter(|_| self.is_known(id));
        found.map(|found| found.id.as_str())
    }

    /// Whether somebody was not deleted for good.
    fn is_known(&self, id: &str) -> bool {
        self.directory.people.get(id).is_some_and(|person| person.presence != Presence::Deleted)
    }

    fn check_group(
        &self,
        users: &BTreeMap<&str, Vec<&StoredResource>>,
        id: &str,
        group: &Group,
        found: Option<&StoredResource>,
    ) -> Result<(), String> {
        let found = match (self.directory.is_group_in_scope(id) && self.has_groups, found) {
            (true, None) => return Err("expected a group, found none".to_owned()),
            (false, Some(found)) => return Err(format!("expected no group: {}", print(&found.document))),
            (false, None) => return Ok(()),
            (true, Some(found)) => &found.document,
        };
        if text(found, "displayName") != Some(group.name.as_str()) {
            return Err(format!("expected the name {:?}: {}", group.name, print(found)));
        }
        let mut expected: Vec<&str> = group.members.iter().filter_map(|id| self.linked(users, id)).collect();
        let elements = found.get("members").map(Value::elements).unwrap_or_default();
        let mut members: Vec<&str> = elements.iter().filter_map(|member| member.as_complex()?.get("value")?.as_str()).collect();
        // As with managers, memberships of who is gone, whose end was not told, are not looked at.
        let untold = group.members.iter().filter(|id| !self.is_known(id)).filter_map(|id| users.get(id.as_str())).flatten();
        let untold: Vec<&str> = untold.map(|user| user.id.as_str()).collect();
        members.retain(|id| users.values().flatten().any(|user| user.id == *id) && !untold.contains(id));
        expected.sort_unstable();
        members.sort_unstable();
        if members != expected {
            return Err(format!("expected the members {expected:?}, found {members:?}"));
        }
        Ok(())
    }
}

fn by_external_id(stored: &[StoredResource]) -> BTreeMap<&str, Vec<&StoredResource>> {
    let mut by_id: BTreeMap<&str, Vec<&StoredResource>> = BTreeMap::new();
    for resource in stored {
        if let Some(id) = resource.document.external_id() {
            by_id.entry(id).or_default().push(resource);
        }
    }
    by_id
}

/// A resource as JSON, for people to read.
fn print(resource: &Resource) -> String {
    serde_json::to_string(resource).unwrap_or_else(|error| format!("a resource that cannot be written: {error}"))
}
