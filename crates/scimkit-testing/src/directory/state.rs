//! What a directory holds and what it tells of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use scimkit_provisioning::{
    Assignment, AssignmentPage, Position, ReferenceChange, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
use scimkit_types::{ComplexValue, Value};

use super::{PAGE, group, person};

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Presence {
    /// They are.
    Present,
    /// They were deleted and may come back.
    SoftDeleted,
    /// They were deleted for good.
    Deleted,
}

/// A person, as the directory has them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// `userPrincipalName` and `mail`.
    pub name: String,
    /// `jobTitle`.
    pub title: String,
    /// `surname` and `displayName`.
    pub surname: String,
    /// Whether `employeeId` has a value.
    pub is_employee: bool,
    /// `accountEnabled`.
    pub is_enabled: bool,
    /// Whether they are there.
    pub presence: Presence,
    /// The id of the manager.
    pub manager: Option<String>,
    /// Whether they were ever out of the job's scope.
    pub was_out: bool,
}

/// A group, as the directory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// `displayName`.
    pub name: String,
    /// The ids of the members.
    pub members: BTreeSet<String>,
    /// Whether it is there.
    pub presence: Presence,
}

/// What a directory holds at an instant; those who were deleted too.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The people, by id.
    pub people: BTreeMap<String, Person>,
    /// The groups, by id.
    pub groups: BTreeMap<String, Group>,
    /// The ids that are assigned, each with whether it is a group's.
    pub assigned: BTreeSet<(String, bool)>,
    /// Whether only the assigned are in scope.
    pub assigns: bool,
    /// Whether the directory ever forgot what had happened.
    pub has_expired: bool,
}

/// What a directory holds, and everything that happened in order; a position is a place in it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) snapshot: Snapshot,
    pub(super) log: Vec<(bool, SourceChange)>,
    /// Positions before this place are not known any more.
    pub(super) oldest: usize,
    /// How many names were given.
    pub(super) names: u32,
    pub(super) reads: u64,
    pub(super) failures: BTreeSet<u64>,
    /// Whether it tells of one object by itself.
    pub(super) reads_one: bool,
}

impl Person {
    /// Whether they are there.
    pub fn is_there(&self) -> bool {
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

impl Snapshot {
    /// Whether somebody is to have an account: they are there, have an employee number and are assigned, or are a member of a group that
    /// is.
    pub fn is_in_scope(&self, id: &str) -> bool {
        if !self.people.get(id).is_some_and(|person| person.is_there() && person.is_employee) {
            return false;
        }
        let by_group = |(group, is_group): &(String, bool)| {
            let group = self.groups.get(group).filter(|group| *is_group && group.presence == Presence::Present);
            group.is_some_and(|group| group.members.contains(id))
        };
        !self.assigns || self.assigned.contains(&(id.to_owned(), false)) || self.assigned.iter().any(by_group)
    }

    /// Whether a group is to be at the target.
    pub fn is_group_in_scope(&self, id: &str) -> bool {
        let is_there = self.groups.get(id).is_some_and(|group| group.presence == Presence::Present);
        is_there && (!self.assigns || self.assigned.contains(&(id.to_owned(), true)))
    }
}

impl State {
    /// Counts a read, which may be one that fails.
    pub(super) fn count_read(&mut self) -> Result<(), SourceError> {
        self.reads += 1;
        match self.failures.remove(&self.reads) {
            true => Err(SourceError::new(SourceErrorKind::Unavailable, "the directory does not answer")),
            false => Ok(()),
        }
    }

    pub(super) fn note_scope(&mut self) {
        let out: Vec<String> = self.snapshot.people.keys().filter(|id| !self.snapshot.is_in_scope(id)).cloned().collect();
        for id in out {
            // Who is deleted was in scope until then.
            if let Some(person) = self.snapshot.people.get_mut(&id).filter(|person| person.is_there()) {
                person.was_out = true;
            }
        }
    }

    pub(super) fn join(&mut self, number: usize) {
        let id = person(number);
        if self.snapshot.people.contains_key(&id) {
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
        self.snapshot.people.insert(id.clone(), joined);
        self.tell(&id);
    }

    pub(super) fn change(&mut self, number: usize, change: impl FnOnce(&mut Person)) {
        let id = person(number);
        if let Some(found) = self.snapshot.people.get_mut(&id).filter(|found| found.is_there()) {
            change(found);
            let attributes = found.attributes();
            self.log.push((false, SourceChange::new(id, SourceChangeKind::Present { attributes, references: Vec::new() })));
        }
    }

    pub(super) fn soft_delete(&mut self, number: usize) {
        let id = person(number);
        if let Some(found) = self.snapshot.people.get_mut(&id).filter(|found| found.is_there()) {
            found.presence = Presence::SoftDeleted;
            self.log.push((false, SourceChange::new(id, SourceChangeKind::SoftDeleted)));
        }
    }

    pub(super) fn delete(&mut self, number: usize, tells: bool) {
        let id = person(number);
        let Some(found) = self.snapshot.people.get_mut(&id).filter(|found| found.presence != Presence::Deleted) else { return };
        found.presence = Presence::Deleted;
        self.log.push((false, SourceChange::new(id.clone(), SourceChangeKind::Deleted)));
        if !tells {
            return;
        }
        let reports: Vec<String> = self
            .snapshot
            .people
            .iter()
            .filter(|(_, other)| other.is_there() && other.manager.as_ref() == Some(&id))
            .map(|(id, _)| id.clone())
            .collect();
        for report in reports {
            if let Some(other) = self.snapshot.people.get_mut(&report) {
                other.manager = None;
            }
            self.refer(false, &report, "manager", &id, true);
        }
        let groups: Vec<String> =
            self.snapshot.groups.iter().filter(|(_, group)| group.members.contains(&id)).map(|(id, _)| id.clone()).collect();
        for found in groups {
            if let Some(group) = self.snapshot.groups.get_mut(&found) {
                group.members.remove(&id);
                if group.presence == Presence::Present {
                    self.refer(true, &found, "members", &id, true);
                }
            }
        }
    }

    pub(super) fn set_manager(&mut self, number: usize, manager: Option<usize>) {
        let id = person(number);
        let manager = manager.map(person).filter(|manager| self.snapshot.people.contains_key(manager) && *manager != id);
        let Some(found) = self.snapshot.people.get_mut(&id).filter(|found| found.is_there()) else { return };
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

    pub(super) fn set_member(&mut self, in_group: usize, number: usize, is_in: bool) {
        let (id, member) = (group(in_group), person(number));
        if !self.snapshot.people.contains_key(&member) {
            return;
        }
        let Some(found) = self.snapshot.groups.get_mut(&id).filter(|found| found.presence == Presence::Present) else { return };
        let has_changed = if is_in { found.members.insert(member.clone()) } else { found.members.remove(&member) };
        if has_changed {
            self.refer(true, &id, "members", &member, !is_in);
        }
    }

    pub(super) fn delete_group(&mut self, number: usize, is_final: bool) {
        let id = group(number);
        let Some(found) = self.snapshot.groups.get_mut(&id).filter(|found| found.presence != Presence::Deleted) else { return };
        found.presence = if is_final { Presence::Deleted } else { Presence::SoftDeleted };
        let kind = if is_final { SourceChangeKind::Deleted } else { SourceChangeKind::SoftDeleted };
        self.log.push((true, SourceChange::new(id, kind)));
    }

    pub(super) fn assign(&mut self, principal: (String, bool), is_assigned: bool) {
        if is_assigned {
            self.snapshot.assigned.insert(principal);
        } else {
            self.snapshot.assigned.remove(&principal);
        }
    }

    pub(super) fn refer(&mut self, is_group: bool, id: &str, attribute: &str, other: &str, is_removed: bool) {
        let references = vec![ReferenceChange::new(attribute, other, is_removed)];
        let kind = SourceChangeKind::Present { attributes: ComplexValue::default(), references };
        self.log.push((is_group, SourceChange::new(id, kind)));
    }

    /// A person as a whole.
    pub(super) fn whole(&self, id: &str) -> Option<SourceChange> {
        let person = self.snapshot.people.get(id).filter(|person| person.is_there())?;
        let references = person.manager.iter().map(|manager| ReferenceChange::new("manager", manager, false)).collect();
        Some(SourceChange::new(id, SourceChangeKind::Present { attributes: person.attributes(), references }))
    }

    pub(super) fn whole_group(&self, id: &str) -> Option<SourceChange> {
        let group = self.snapshot.groups.get(id).filter(|group| group.presence == Presence::Present)?;
        let attributes = [("displayName", Value::from(group.name.as_str())), ("securityEnabled", Value::from(true))].into_iter().collect();
        let references = group.members.iter().map(|member| ReferenceChange::new("members", member, false)).collect();
        Some(SourceChange::new(id, SourceChangeKind::Present { attributes, references }))
    }

    pub(super) fn tell(&mut self, id: &str) {
        let whole = self.whole(id).map(|change| (false, change));
        self.log.extend(whole);
    }

    pub(super) fn tell_group(&mut self, id: &str) {
        let whole = self.whole_group(id).map(|change| (true, change));
        self.log.extend(whole);
    }

    /// The objects after one, at the place where the round began.
    pub(super) fn first_round(&self, is_group: bool, after: &str, place: usize) -> SourcePage {
        let all: Vec<SourceChange> = if is_group {
            self.snapshot.groups.keys().filter_map(|id| self.whole_group(id)).collect()
        } else {
            self.snapshot.people.keys().filter_map(|id| self.whole(id)).collect()
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

    /// The assignments after one.
    pub(super) fn assignments(&self, after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        let kind = |is_group: bool| if is_group { "Group" } else { "User" };
        let after = after.map(|position| match position.as_str().split_once(':') {
            Some((kind, id)) => Ok((id.to_owned(), kind == "Group")),
            None => Err(SourceError::new(SourceErrorKind::Invalid, "the position is not one of this directory")),
        });
        let after = after.transpose()?.map_or(Bound::Unbounded, Bound::Excluded);
        let mut left = self.snapshot.assigned.range((after, Bound::Unbounded)).peekable();
        let page: Vec<&(String, bool)> = left.by_ref().take(PAGE).collect();
        let next = page.last().filter(|_| left.peek().is_some()).map(|(id, is_group)| Position::new(format!("{}:{id}", kind(*is_group))));
        let assignments = page.into_iter().map(|(id, is_group)| Assignment::new(id.as_str(), kind(*is_group), "role")).collect();
        Ok(AssignmentPage::new(assignments, next))
    }
}
