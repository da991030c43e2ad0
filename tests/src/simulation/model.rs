//! What a service must hold, as a function of the directory, the job and what stood there before.

use std::collections::{BTreeMap, BTreeSet};

use scimkit_store::StoredResource;
use scimkit_types::{Resource, Value, schema};

use super::directory::{Group, Person, Presence, State};
use super::scenario::Scenario;
use crate::job::ServiceKind;

/// What a service holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub users: Vec<StoredResource>,
    pub groups: Vec<StoredResource>,
}

/// What was planted in the service before the first cycle, by id.
pub(crate) type Planted = BTreeMap<String, StoredResource>;

/// The reference model: the directory at the end, and which mapping counts.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub scenario: &'a Scenario,
    pub directory: &'a State,
    /// Whether the title gets an ending.
    pub has_other_mapping: bool,
    pub planted: &'a Planted,
    /// The nicknames that somebody else gave, by id; nothing is mapped to them.
    pub nicknames: &'a BTreeMap<String, String>,
}

fn text<'a>(resource: &'a Resource, name: &str) -> Option<&'a str> {
    resource.get(name).and_then(Value::as_str)
}

fn is_active(resource: &Resource) -> bool {
    resource.get("active").and_then(Value::as_bool) == Some(true)
}

impl Model<'_> {
    /// Everything that is not as it must be; and those whose names others keep, who may wait for that.
    pub(crate) fn check(&self, held: &Held) -> (Vec<String>, BTreeSet<String>) {
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
            if !known && !self.planted.contains_key(&stored.id) {
                faults.push(format!("invariant 16: nobody is known by {}: {}", stored.id, print(&stored.document)));
            }
        }
        faults.extend(self.check_planted(held));
        (faults, blocked)
    }

    /// Least touch: what this job did not match is as it was, and attributes without a mapping are.
    fn check_planted(&self, held: &Held) -> Vec<String> {
        let mut faults = Vec::new();
        for (id, before) in self.planted {
            let now = held.users.iter().chain(&held.groups).find(|stored| stored.id == *id);
            let is_adopted = now.is_some_and(|now| now.document.external_id().is_some());
            match now {
                Some(now) if !is_adopted && (&now.document, &now.revision) != (&before.document, &before.revision) => {
                    faults.push(format!("invariant 17: {} became {}", print(&before.document), print(&now.document)));
                }
                Some(now) if now.document.get("nickName") != before.document.get("nickName") => {
                    faults.push(format!("invariant 17: an attribute without mapping changed: {}", print(&now.document)));
                }
                None if before.document.get("title").and_then(Value::as_str) == Some("Other") => {
                    faults.push(format!("invariant 17: {} is gone", print(&before.document)));
                }
                _ => {}
            }
        }
        for user in &held.users {
            let nickname = self.nicknames.get(&user.id).map(String::as_str);
            if nickname.is_some() && text(&user.document, "nickName") != nickname {
                faults.push(format!("invariant 17: an attribute without mapping changed: {}", print(&user.document)));
            }
        }
        faults
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
        let title = if self.has_other_mapping { format!("{} (Oslo)", person.title) } else { person.title.clone() };
        let name = found.get("name").and_then(Value::as_complex);
        let part = |part: &str| name.and_then(|name| name.get(part)).and_then(Value::as_str);
        let email = found.get("emails").map(Value::elements).unwrap_or_default().first().and_then(Value::as_complex);
        let email = email.and_then(|email| email.get("value")).and_then(Value::as_str);
        let mut expected = vec![
            ("userName", text(found, "userName"), Some(person.name.as_str())),
            ("emails", email, Some(person.name.as_str())),
            ("title", text(found, "title"), Some(title.as_str())),
            ("givenName", part("givenName"), Some("Given")),
            ("familyName", part("familyName"), Some(person.surname.as_str())),
        ];
        let enterprise = found.extension(schema::ENTERPRISE_USER);
        if self.scenario.service == ServiceKind::Standard {
            expected.push(("displayName", text(found, "displayName"), Some(person.surname.as_str())));
            expected.push(("employeeNumber", enterprise.and_then(|user| user.get("employeeNumber")).and_then(Value::as_str), Some("7")));
            let manager = enterprise.and_then(|user| user.get("manager")).and_then(Value::as_complex);
            let manager = manager.and_then(|manager| manager.get("value")).and_then(Value::as_str);
            // A reference to a manager who is gone, whose end was not told, may stand or not.
            if person.manager.as_deref().is_none_or(|id| self.is_known(id)) {
                expected.push(("manager", manager, person.manager.as_deref().and_then(|id| self.linked(users, id))));
            }
        }
        match expected.into_iter().find(|(_, found, expected)| found != expected) {
            Some((name, is, expected)) => Err(format!("expected `{name}` to be {expected:?}, found {is:?}: {}", print(found))),
            None => Ok(()),
        }
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
        let found = match (self.directory.is_group_in_scope(id) && self.scenario.service == ServiceKind::Standard, found) {
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

fn print(resource: &Resource) -> String {
    serde_json::to_string(resource).unwrap()
}
