//! A directory of people and groups that changes, forgets and fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use scimkit_provisioning::{
    Assignment, Assignments, Position, ReferenceChange, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
use scimkit_types::{ComplexValue, Value};

use super::process::step;

/// How many objects a page has.
const PAGE: usize = 4;

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    SoftDeleted,
    Deleted,
}

/// A person, as the directory has them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub name: String,
    pub title: String,
    pub surname: String,
    pub is_employee: bool,
    pub is_enabled: bool,
    pub presence: Presence,
    pub manager: Option<String>,
    /// Whether they were ever out of the job's scope.
    pub was_out: bool,
}

/// A group, as the directory has it.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub name: String,
    pub members: BTreeSet<String>,
    pub presence: Presence,
}

/// Something that happens in the directory. People and groups are numbers; who is not there stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Somebody new comes.
    Join(usize),
    /// A new title, by number.
    Title(usize, u32),
    /// Another name, which nobody has.
    Rename(usize),
    /// Two people exchange their names.
    Swap(usize, usize),
    /// Somebody moves into the scoping filter, or out of it.
    Employ(usize, bool),
    /// An account is enabled or disabled.
    Enable(usize, bool),
    /// Somebody is deleted and may come back.
    SoftDelete(usize),
    /// Somebody who was deleted comes back.
    Restore(usize),
    /// Somebody is deleted for good; the flag says whether the directory tells who referred to them.
    Delete(usize, bool),
    /// Somebody gets another manager, or none.
    Manager(usize, Option<usize>),
    /// Somebody becomes a member of a group, or is one no longer.
    Member(usize, usize, bool),
    /// A group gets another name, which no other has.
    RenameGroup(usize),
    /// A group is deleted, softly or for good.
    DeleteGroup(usize, bool),
    /// A group that was deleted comes back.
    RestoreGroup(usize),
    /// A person is assigned, or not any more.
    AssignPerson(usize, bool),
    /// A group is assigned, or not any more.
    AssignGroup(usize, bool),
    /// So many people leave at once, from one on.
    Exodus(usize, usize),
    /// The directory forgets what happened, so that positions before now are too old.
    Expire,
    /// The directory tells once more what it told.
    Replay,
}

/// People and groups, and what happened to them.
#[derive(Debug, Default)]
pub struct Directory {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub people: BTreeMap<String, Person>,
    pub groups: BTreeMap<String, Group>,
    pub assigned: BTreeSet<(String, bool)>,
    pub assigns: bool,
    /// Whether the directory ever forgot.
    pub has_expired: bool,
    log: Vec<(bool, SourceChange)>,
    oldest: usize,
    names: u32,
    reads: u64,
    failures: BTreeSet<u64>,
}

pub(crate) fn person(number: usize) -> String {
    format!("p{number:02}")
}

pub(crate) fn group(number: usize) -> String {
    format!("g{number}")
}

impl Directory {
    /// A directory of so many people, and so many groups with three members each; with `assigns`, every other one is assigned.
    pub fn new(people: usize, groups: usize, assigns: bool) -> Self {
        let directory = Self::default();
        directory.state().assigns = assigns;
        for number in 0..people {
            directory.apply(Change::Join(number));
            directory.apply(Change::Manager(number, Some(number / 3)));
            directory.apply(Change::AssignPerson(number, number % 3 != 2));
        }
        for number in 0..groups {
            let mut state = directory.state();
            let members = (0..3).map(|index| person((number * 3 + index) % people.max(1))).collect();
            state.groups.insert(group(number), Group { name: format!("Group {number}"), members, presence: Presence::Present });
            state.tell_group(&group(number));
            drop(state);
            directory.apply(Change::AssignGroup(number, number % 2 == 0));
        }
        let mut state = directory.state();
        let inside: BTreeSet<String> = state.people.keys().filter(|id| state.is_in_scope(id)).cloned().collect();
        state.people.iter_mut().for_each(|(id, person)| person.was_out = !inside.contains(id));
        drop(state);
        directory
    }

    /// Lets reads fail from now on, counted from 1; forgets the failures before.
    pub fn fail_at(&self, reads: impl IntoIterator<Item = u64>) {
        let mut state = self.state();
        state.reads = 0;
        state.failures = reads.into_iter().collect();
    }

    /// Whoever reads this from the beginning is not told who was deleted for good.
    pub(crate) fn note_restart(&self) {
        self.state().has_expired = true;
    }

    pub(crate) fn look(&self) -> State {
        self.state().clone()
    }

    /// Lets something happen.
    pub fn apply(&self, change: Change) {
        let mut guard = self.state();
        let state = &mut *guard;
        match change {
            Change::Join(number) => state.join(number),
            Change::Title(number, title) => state.change(number, |person| person.title = format!("Title {title}")),
            Change::Rename(number) => {
                state.names += 1;
                let name = format!("{}.v{}@example.com", person(number), state.names);
                state.change(number, |person| person.name = name);
            }
            Change::Swap(left, right) => {
                let name = |number| state.people.get(&person(number)).filter(|person| person.is_there()).map(|person| person.name.clone());
                if let (Some(of_left), Some(of_right)) = (name(left), name(right)) {
                    state.change(left, |person| person.name = of_right);
                    state.change(right, |person| person.name = of_left);
                }
            }
            Change::Employ(number, is_employee) => state.change(number, |person| person.is_employee = is_employee),
            Change::Enable(number, is_enabled) => state.change(number, |person| person.is_enabled = is_enabled),
            Change::SoftDelete(number) => state.soft_delete(number),
            Change::Restore(number) => {
                if let Some(found) = state.people.get_mut(&person(number)).filter(|found| found.presence == Presence::SoftDeleted) {
                    found.presence = Presence::Present;
                    state.tell(&person(number));
                }
            }
            Change::Delete(number, tells) => state.delete(number, tells),
            Change::Manager(number, manager) => state.set_manager(number, manager),
            Change::Member(in_group, number, is_in) => state.set_member(in_group, number, is_in),
            Change::RenameGroup(number) => {
                state.names += 1;
                let name = format!("Group {number} v{}", state.names);
                if let Some(found) = state.groups.get_mut(&group(number)).filter(|found| found.presence == Presence::Present) {
                    found.name = name;
                    state.tell_group(&group(number));
                }
            }
            Change::DeleteGroup(number, is_final) => state.delete_group(number, is_final),
            Change::RestoreGroup(number) => {
                if let Some(found) = state.groups.get_mut(&group(number)).filter(|found| found.presence == Presence::SoftDeleted) {
                    found.presence = Presence::Present;
                    state.tell_group(&group(number));
                }
            }
            Change::AssignPerson(number, is_assigned) => state.assign((person(number), false), is_assigned),
            Change::AssignGroup(number, is_assigned) => state.assign((group(number), true), is_assigned),
            Change::Exodus(from, count) => (from..from + count).for_each(|number| state.soft_delete(number)),
            Change::Expire => {
                // People who left leave no trace.
                state.has_expired = true;
                state.oldest = state.log.len() + 1;
                state.log.push((false, SourceChange::new("nobody", SourceChangeKind::Deleted)));
            }
            Change::Replay => {
                let from = state.log.len().saturating_sub(12).max(state.oldest);
                let again: Vec<_> = state.log.iter().skip(from).cloned().collect();
                state.log.extend(again);
            }
        }
        state.note_scope();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Person {
    pub(crate) fn is_there(&self) -> bool {
        self.presence == Presence::Present
    }

    fn attributes(&self) -> ComplexValue {
        let mut attributes: ComplexValue = [
            ("mail", self.name.as_str()),
            ("userPrincipalName", self.name.as_str()),
            ("displayName", self.surname.as_str()),
            ("givenName", "Given"),
            ("surname", self.surname.as_str()),
            ("jobTitle", self.title.as_str()),
        ]
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
        attributes.insert("employeeId", if self.is_employee { Value::from("7") } else { Value::Null });
        attributes.insert("accountEnabled", Value::from(self.is_enabled));
        attributes
    }
}

impl State {
    /// Whether somebody is to have an account.
    pub(crate) fn is_in_scope(&self, id: &str) -> bool {
        if !self.people.get(id).is_some_and(|person| person.is_there() && person.is_employee) {
            return false;
        }
        let by_group = |(group, is_group): &(String, bool)| {
            let group = self.groups.get(group).filter(|group| *is_group && group.presence == Presence::Present);
            group.is_some_and(|group| group.members.contains(id))
        };
        !self.assigns || self.assigned.contains(&(id.to_owned(), false)) || self.assigned.iter().any(by_group)
    }

    pub(crate) fn is_group_in_scope(&self, id: &str) -> bool {
        let is_there = self.groups.get(id).is_some_and(|group| group.presence == Presence::Present);
        is_there && (!self.assigns || self.assigned.contains(&(id.to_owned(), true)))
    }

    fn note_scope(&mut self) {
        let out: Vec<String> = self.people.keys().filter(|id| !self.is_in_scope(id)).cloned().collect();
        for id in out {
            // Who is deleted was in scope until then.
            if let Some(person) = self.people.get_mut(&id).filter(|person| person.is_there()) {
                person.was_out = true;
            }
        }
    }

    fn join(&mut self, number: usize) {
        let id = person(number);
        if self.people.contains_key(&id) {
            return;
        }
        let joined = Person {
            name: format!("{id}@example.com"),
            title: "Title 0".to_owned(),
            surname: format!("Surname {id}"),
            is_employee: true,
            is_enabled: true,
            presence: Presence::Present,
            manager: None,
            was_out: false,
        };
        self.people.insert(id.clone(), joined);
        self.tell(&id);
    }

    fn change(&mut self, number: usize, change: impl FnOnce(&mut Person)) {
        let id = person(number);
        if let Some(found) = self.people.get_mut(&id).filter(|found| found.is_there()) {
            change(found);
            let attributes = found.attributes();
            self.log.push((false, SourceChange::new(id, SourceChangeKind::Present { attributes, references: Vec::new() })));
        }
    }

    fn soft_delete(&mut self, number: usize) {
        let id = person(number);
        if let Some(found) = self.people.get_mut(&id).filter(|found| found.is_there()) {
            found.presence = Presence::SoftDeleted;
            self.log.push((false, SourceChange::new(id, SourceChangeKind::SoftDeleted)));
        }
    }

    fn delete(&mut self, number: usize, tells: bool) {
        let id = person(number);
        let Some(found) = self.people.get_mut(&id).filter(|found| found.presence != Presence::Deleted) else { return };
        found.presence = Presence::Deleted;
        self.log.push((false, SourceChange::new(id.clone(), SourceChangeKind::Deleted)));
        if !tells {
            return;
        }
        let reports: Vec<String> = self
            .people
            .iter()
            .filter(|(_, other)| other.is_there() && other.manager.as_ref() == Some(&id))
            .map(|(id, _)| id.clone())
            .collect();
        for report in reports {
            if let Some(other) = self.people.get_mut(&report) {
                other.manager = None;
            }
            self.refer(false, &report, "manager", &id, true);
        }
        let groups: Vec<String> = self.groups.iter().filter(|(_, group)| group.members.contains(&id)).map(|(id, _)| id.clone()).collect();
        for found in groups {
            if let Some(group) = self.groups.get_mut(&found) {
                group.members.remove(&id);
                if group.presence == Presence::Present {
                    self.refer(true, &found, "members", &id, true);
                }
            }
        }
    }

    fn set_manager(&mut self, number: usize, manager: Option<usize>) {
        let id = person(number);
        let manager = manager.map(person).filter(|manager| self.people.contains_key(manager) && *manager != id);
        let Some(found) = self.people.get_mut(&id).filter(|found| found.is_there()) else { return };
        let before = std::mem::replace(&mut found.manager, manager.clone());
        if before == manager {
            return;
        }
        if let Some(before) = before {
            self.refer(false, &id, "manager", &before, true);
        }
        if let Some(manager) = manager {
            self.refer(false, &id, "manager", &manager, false);
        }
    }

    fn set_member(&mut self, in_group: usize, number: usize, is_in: bool) {
        let (id, member) = (group(in_group), person(number));
        if !self.people.contains_key(&member) {
            return;
        }
        let Some(found) = self.groups.get_mut(&id).filter(|found| found.presence == Presence::Present) else { return };
        let has_changed = if is_in { found.members.insert(member.clone()) } else { found.members.remove(&member) };
        if has_changed {
            self.refer(true, &id, "members", &member, !is_in);
        }
    }

    fn delete_group(&mut self, number: usize, is_final: bool) {
        let id = group(number);
        let Some(found) = self.groups.get_mut(&id).filter(|found| found.presence != Presence::Deleted) else { return };
        found.presence = if is_final { Presence::Deleted } else { Presence::SoftDeleted };
        let kind = if is_final { SourceChangeKind::Deleted } else { SourceChangeKind::SoftDeleted };
        self.log.push((true, SourceChange::new(id, kind)));
    }

    fn assign(&mut self, principal: (String, bool), is_assigned: bool) {
        if is_assigned {
            self.assigned.insert(principal);
        } else {
            self.assigned.remove(&principal);
        }
    }

    fn refer(&mut self, is_group: bool, id: &str, attribute: &str, other: &str, is_removed: bool) {
        let references = vec![ReferenceChange::new(attribute, other, is_removed)];
        let kind = SourceChangeKind::Present { attributes: ComplexValue::default(), references };
        self.log.push((is_group, SourceChange::new(id, kind)));
    }

    /// A person as a whole.
    fn whole(&self, id: &str) -> Option<SourceChange> {
        let person = self.people.get(id).filter(|person| person.is_there())?;
        let references = person.manager.iter().map(|manager| ReferenceChange::new("manager", manager, false)).collect();
        Some(SourceChange::new(id, SourceChangeKind::Present { attributes: person.attributes(), references }))
    }

    fn whole_group(&self, id: &str) -> Option<SourceChange> {
        let group = self.groups.get(id).filter(|group| group.presence == Presence::Present)?;
        let attributes = [("displayName", Value::from(group.name.as_str())), ("securityEnabled", Value::from(true))].into_iter().collect();
        let references = group.members.iter().map(|member| ReferenceChange::new("members", member, false)).collect();
        Some(SourceChange::new(id, SourceChangeKind::Present { attributes, references }))
    }

    fn tell(&mut self, id: &str) {
        let whole = self.whole(id).map(|change| (false, change));
        self.log.extend(whole);
    }

    fn tell_group(&mut self, id: &str) {
        let whole = self.whole_group(id).map(|change| (true, change));
        self.log.extend(whole);
    }

    /// The objects after one, at the place where the round began.
    fn first_round(&self, is_group: bool, after: &str, place: usize) -> SourcePage {
        let all: Vec<SourceChange> = if is_group {
            self.groups.keys().filter_map(|id| self.whole_group(id)).collect()
        } else {
            self.people.keys().filter_map(|id| self.whole(id)).collect()
        };
        let mut left: Vec<SourceChange> = all.into_iter().filter(|change| change.id.as_str() > after).collect();
        let is_last = left.len() <= PAGE;
        left.truncate(PAGE);
        let next = match left.last().filter(|_| !is_last) {
            Some(last) => format!("first:{place}:{}", last.id),
            None => format!("log:{place}"),
        };
        SourcePage::new(left, Position::new(next), is_last)
    }
}

fn expired() -> SourceError {
    SourceError::new(SourceErrorKind::PositionExpired, "the position is too old")
}

#[async_trait]
impl Source for Directory {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned(), "Group".to_owned()]
    }

    async fn read(&self, object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        step().await;
        let mut state = self.state();
        state.reads += 1;
        let number = state.reads;
        if state.failures.remove(&number) {
            return Err(SourceError::new(SourceErrorKind::Unavailable, "the directory does not answer"));
        }
        let is_group = object_type == "Group";
        let Some(position) = position else { return Ok(state.first_round(is_group, "", state.log.len())) };
        let mut parts = position.as_str().splitn(3, ':');
        let (kind, place, after) = (parts.next(), parts.next(), parts.next());
        let place: usize = place.and_then(|place| place.parse().ok()).ok_or_else(expired)?;
        if place < state.oldest {
            return Err(expired());
        }
        if kind == Some("first") {
            return Ok(state.first_round(is_group, after.unwrap_or_default(), place));
        }
        let mut changes = Vec::new();
        let mut next = state.log.len();
        for (index, (of_group, change)) in state.log.iter().enumerate().skip(place) {
            if changes.len() == PAGE {
                next = index;
                break;
            }
            if *of_group == is_group {
                changes.push(change.clone());
            }
        }
        let is_last = next == state.log.len();
        Ok(SourcePage::new(changes, Position::new(format!("log:{next}")), is_last))
    }

    async fn assignments(&self) -> Result<Assignments, SourceError> {
        let state = self.state();
        let assigned = state.assigned.iter().map(|(id, is_group)| {
            let kind = if *is_group { "Group" } else { "User" };
            Assignment::new(id.as_str(), kind, "role")
        });
        Ok(Assignments::new(assigned.collect(), Vec::new()))
    }
}
