//! What happens on the second day.

use serde_json::{Map, Value, json};

use crate::company::{ALL_STAFF, Company, Member, NESTED, Person, Role};
use crate::pages::{GroupChange, member, reference, user};
use crate::random::Random;

/// What the directory tells on the second day.
#[derive(Debug)]
pub(crate) struct NextDay {
    pub(crate) users: Vec<Value>,
    pub(crate) groups: Vec<GroupChange>,
}

/// People who join: they are not in the first day's pages, but one of them is already named as a member of a group there.
pub(crate) fn joiners(company: &mut Company, random: &mut Random) -> Vec<Person> {
    let count = if company.people.len() < 100 { 2 } else { 6 };
    let mut joiners: Vec<Person> = (0..count).map(|_| company.person(Role::Plain, random)).collect();
    let chief = company.people.first().map(|person| person.id.clone());
    let first = joiners.first().map(|person| person.id.clone());
    let last = joiners.len() - 1;
    for (index, joiner) in joiners.iter_mut().enumerate() {
        // The last one reports to the first one, who joins on the same day.
        joiner.manager = if index == last { first.clone() } else { chief.clone() };
    }
    if let Some(early) = joiners.get(1) {
        company.join(ALL_STAFF, Member::User(early.id.clone()));
    }
    joiners
}

impl NextDay {
    /// Changes the company and tells the changes.
    pub(crate) fn new(company: &mut Company, joiners: Vec<Person>, random: &mut Random) -> Self {
        let mut day = Self { users: Vec::new(), groups: Vec::new() };
        let mut late = Vec::new();
        let assigned = company.assigned_groups();
        for (index, mut joiner) in joiners.into_iter().enumerate() {
            let mut object = user(&joiner, true);
            if index == 0 {
                joiner.is_assigned = true;
                // Told twice: the second one has only the title, which is the one that holds.
                object.insert("jobTitle".to_owned(), json!("Trainee"));
                late.push(json!({"id": joiner.id, "jobTitle": joiner.job_title}));
            } else if index > 1 {
                let group = random.pick(&assigned).copied().unwrap_or(ALL_STAFF);
                day.member(company, group, &joiner.id, false);
            }
            day.users.push(Value::Object(object));
            company.people.push(joiner);
        }
        for index in 0..company.people.len() {
            day.change(company, index, &assigned, &mut late, random);
        }
        // Something that has not changed may be told again.
        if let Some(person) = company.people.iter().find(|person| person.role == Role::Repeated) {
            late.push(Value::Object(user(person, false)));
        }
        random.shuffle(&mut day.users);
        day.users.append(&mut late);
        day.rename_group(company, &assigned);
        day
    }

    fn change(&mut self, company: &mut Company, index: usize, assigned: &[usize], late: &mut Vec<Value>, random: &mut Random) {
        let chief = company.people.first().map(|person| person.id.clone());
        let Some(mut person) = company.people.get(index).cloned() else { return };
        let id = person.id.clone();
        match person.role {
            Role::Leaver => {
                person.is_enabled = false;
                let is_brief = random.chance(50);
                let object = if is_brief { object(&[("id", json!(id)), ("accountEnabled", json!(false))]) } else { user(&person, false) };
                self.users.push(Value::Object(object));
            }
            Role::Rehired => {
                person.is_enabled = true;
                self.users.push(json!({"id": id, "accountEnabled": true}));
            }
            Role::SoftDeleted | Role::HardDeleted => {
                let reason = if person.role == Role::SoftDeleted { "changed" } else { "deleted" };
                self.users.push(json!({"id": id, "@removed": {"reason": reason}}));
                for group in 0..company.groups.len() {
                    self.member(company, group, &id, true);
                }
            }
            Role::Renamed => {
                let surnames = person.country.surnames;
                let place = surnames.iter().position(|surname| *surname == person.surname).unwrap_or_default();
                person.surname = surnames.get((place + 1) % surnames.len()).copied().unwrap_or(person.surname);
                let (mail, nickname) = company.addresses(person.given_name.1, person.surname.1);
                person.mail = Some(mail);
                person.user_principal_name = format!("{nickname}@example.com");
                person.mail_nickname = nickname;
                let full = user(&person, false);
                let changed = ["id", "surname", "displayName", "mail", "userPrincipalName", "mailNickname"];
                let brief: Map<String, Value> = full
                    .iter()
                    .filter(|(name, _)| changed.contains(&name.as_str()))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                self.users.push(Value::Object(if random.chance(50) { brief } else { full }));
            }
            Role::DepartmentMoved => {
                let is_first = !late.iter().any(|change| change.get("department").is_some());
                person.department = if person.department == "Sales" { "IT" } else { "Sales" };
                if is_first {
                    // Moved twice on one day: the later page holds.
                    self.users.push(json!({"id": id, "department": "Legal"}));
                    late.push(json!({"id": id, "department": person.department}));
                } else {
                    self.users.push(Value::Object(user(&person, false)));
                }
            }
            Role::TitleCleared => self.users.push(json!({"id": id, "jobTitle": null})),
            Role::ManagerChanged => {
                let old = person.manager.take();
                let colleague = company.people.iter().find(|other| other.role == Role::TitleCleared).map(|other| other.id.clone());
                person.manager = colleague.or(chief);
                let ended = old.iter().map(|old| reference("user", old, true));
                let begun = person.manager.iter().map(|new| reference("user", new, false));
                self.users.push(json!({"id": id, "manager@delta": ended.chain(begun).collect::<Vec<_>>()}));
            }
            Role::LeavesScope => self.member(company, ALL_STAFF, &id, true),
            Role::GroupMoved => {
                let (from, to) = match (assigned.get(1), assigned.get(2)) {
                    (Some(from), Some(to)) => (*from, *to),
                    (Some(from), None) => (*from, ALL_STAFF),
                    (None, _) => (NESTED, ALL_STAFF),
                };
                self.member(company, from, &id, true);
                self.member(company, to, &id, false);
            }
            _ => {}
        }
        if let Some(slot) = company.people.get_mut(index) {
            *slot = person;
        }
    }

    /// Notes that a membership began or ended.
    fn member(&mut self, company: &mut Company, index: usize, id: &str, is_removed: bool) {
        let Some(group) = company.groups.get_mut(index) else { return };
        let changed = Member::User(id.to_owned());
        if group.members.contains(&changed) != is_removed {
            return;
        }
        if is_removed {
            group.members.retain(|present| *present != changed);
        } else {
            group.members.push(changed.clone());
        }
        let change = GroupChange { object: object(&[("id", json!(group.id))]), members: vec![member(&changed, is_removed)] };
        self.groups.push(change);
    }

    fn rename_group(&mut self, company: &mut Company, assigned: &[usize]) {
        let index = assigned.get(2).copied().unwrap_or(ALL_STAFF);
        if let Some(group) = company.groups.get_mut(index) {
            group.display_name.push_str(" (Worldwide)");
            let object = object(&[("id", json!(group.id)), ("displayName", json!(group.display_name))]);
            self.groups.push(GroupChange { object, members: Vec::new() });
        }
    }
}

fn object(members: &[(&str, Value)]) -> Map<String, Value> {
    members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
