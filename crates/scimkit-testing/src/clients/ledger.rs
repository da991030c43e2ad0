//! What a client believes that a service holds.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use scimkit_types::{ComplexValue, Value};

use super::attributes::{Attributes, read};
use super::complaint::Complaint;
use super::connection::{Connection, encoded};

/// What a client did, by what it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It created the object.
    Created,
    /// It found the object at the service, linked it, and sent what was different.
    Linked,
    /// It changed the object.
    Updated,
    /// It sent nothing, as the service has everything already.
    Unchanged,
    /// It made the account inactive.
    Disabled,
    /// It deleted the object, or found it gone.
    Deleted,
    /// It sent nothing, as there is nothing at the service that it could change.
    Skipped,
}

/// What a client believes of an object at the service.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Believed {
    /// The id at the service.
    pub id: String,
    /// The values that it sent and that were not refused; null where it took a value away.
    pub attributes: Attributes,
    /// Of a group: the ids of the members' accounts.
    pub members: BTreeSet<String>,
}

impl Believed {
    pub(crate) fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// Remembers what was sent.
    pub(crate) fn learn(&mut self, sent: &Attributes) {
        for (path, value) in sent.iter() {
            self.attributes.set(path, value.clone());
        }
    }
}

/// A difference between what a client believes and what the service answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Disagreement {
    /// The id by which the client knows the object.
    pub source_id: String,
    /// The path of the attribute; `id` if there is no such object.
    pub path: String,
    /// What the client believes.
    pub believed: Option<Value>,
    /// What the service answered.
    pub found: Option<Value>,
}

/// The objects that a client has linked, by the id that they have at the client.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) users: BTreeMap<String, Believed>,
    pub(crate) groups: BTreeMap<String, Believed>,
}

impl Ledger {
    /// The ids at the service of those of these users who are linked.
    pub(crate) fn linked(&self, users: &[&str]) -> Vec<String> {
        users.iter().filter_map(|user| self.users.get(*user)).map(|user| user.id.clone()).collect()
    }

    /// Forgets a user and their memberships.
    pub(crate) fn forget_user(&mut self, source_id: &str) {
        if let Some(user) = self.users.remove(source_id) {
            for group in self.groups.values_mut() {
                group.members.remove(&user.id);
            }
        }
    }

    /// Reads every object and compares.
    pub(crate) async fn check(&self, connection: &Connection) -> Result<Vec<Disagreement>, Complaint> {
        let mut disagreements = Vec::new();
        let users = self.users.iter().map(|(source_id, user)| ("/Users", source_id, user));
        let groups = self.groups.iter().map(|(source_id, group)| ("/Groups", source_id, group));
        for (endpoint, source_id, believed) in users.chain(groups) {
            let mut note = |path: &str, believed: Option<Value>, found: Option<Value>| {
                if believed != found {
                    disagreements.push(Disagreement { source_id: source_id.clone(), path: path.to_owned(), believed, found });
                }
            };
            let answer = connection.get(&format!("{endpoint}/{}", encoded(&believed.id, "%20"))).await?;
            if answer.status == StatusCode::NOT_FOUND {
                note("id", Some(Value::from(believed.id.as_str())), None);
                continue;
            }
            let (id, resource) = answer.accepted()?.resource()?;
            note("id", Some(Value::from(believed.id.as_str())), Some(Value::from(id)));
            for (path, value) in believed.attributes.all() {
                note(path, Some(value.clone()).filter(|value| !value.is_unassigned()), read(&resource, path).cloned());
            }
            if endpoint == "/Groups" {
                let list = |ids: BTreeSet<String>| Some(Value::List(ids.into_iter().map(Value::from).collect()));
                note("members", list(believed.members.clone()), list(members(&resource)));
            }
        }
        Ok(disagreements)
    }
}

fn members(group: &ComplexValue) -> BTreeSet<String> {
    let elements = group.get("members").map(Value::elements).unwrap_or_default();
    elements.iter().filter_map(|member| member.as_complex()?.get("value")?.as_str().map(str::to_owned)).collect()
}
