//! Okta.

mod requests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use http::{Method, StatusCode, header};
use scimkit_client::{Transport, random_from_seed};
use scimkit_types::{ComplexValue, Resource, Value};
use secrecy::SecretString;

use super::attributes::Attributes;
use super::complaint::Complaint;
use super::connection::{Answer, Connection, encoded, equals, id_of, to_resource};
use super::ledger::{Believed, Disagreement, Ledger, Outcome};
use requests::Member;

/// How an application was set up in Okta, which decides by which verbs it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OktaIntegration {
    /// An application of the Okta Integration Network: users are switched on and off and groups are changed by PATCH.
    Network,
    /// An application that an administrator made: every change is a PUT of the whole.
    Custom,
}

/// Sends what Okta sends.
///
/// A user who is assigned is looked for by `userName`, then created or linked; a change of the profile is a read of the account and a PUT
/// of the whole of it. Accounts are switched off and never deleted. A pushed group is looked for by its name, and each change of its
/// members comes with its name once more. An import reads pages of 100 by index.
///
/// A lookup that finds nobody may be answered by 404. A refusal whose body is not JSON is [`Complaint::Unusable`], as Okta cannot read it.
pub struct OktaClient {
    connection: Connection,
    integration: OktaIntegration,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    ledger: Ledger,
}

impl fmt::Debug for OktaClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OktaClient")
            .field("connection", &self.connection)
            .field("integration", &self.integration)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

/// How many resources a page of an import has.
const PAGE: u64 = 100;

/// How many resources an import reads at most.
const MAX_IMPORT: u64 = 1_000_000;

impl OktaClient {
    /// A client of the service at this address.
    ///
    /// # Errors
    /// [`Complaint::Address`] if it is not absolute.
    pub fn new(transport: Arc<dyn Transport>, base_url: &str, integration: OktaIntegration) -> Result<Self, Complaint> {
        let connection = Connection::new(transport, base_url)?
            .with_header(header::USER_AGENT, "Okta SCIM Client 1.0.0")
            .with_header(header::ACCEPT, "application/scim+json")
            .with_header(header::ACCEPT_CHARSET, "utf-8");
        Ok(Self { connection, integration, random: Box::new(random_from_seed(0)), ledger: Ledger::default() })
    }

    /// This client with a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &SecretString) -> Self {
        self.connection = self.connection.with_token(token);
        self
    }

    /// What it believes of a user whom it has linked.
    pub fn user(&self, source_id: &str) -> Option<&Believed> {
        self.ledger.users.get(source_id)
    }

    /// What it believes of a group that it has linked.
    pub fn group(&self, source_id: &str) -> Option<&Believed> {
        self.ledger.groups.get(source_id)
    }

    /// Reads every linked object and compares it with what this client believes.
    ///
    /// # Errors
    /// [`Complaint`] if an object cannot be read.
    pub async fn check(&self) -> Result<Vec<Disagreement>, Complaint> {
        self.ledger.check(&self.connection).await
    }

    /// Tests the connector configuration: two users.
    ///
    /// # Errors
    /// [`Complaint`] unless the answer is a list response.
    pub async fn test_connection(&self) -> Result<(), Complaint> {
        accepted(self.connection.get("/Users?startIndex=1&count=2").await?)?.list().map(drop)
    }

    /// Enables provisioning: two users, and a page of groups.
    ///
    /// # Errors
    /// [`Complaint`] unless both answers are list responses.
    pub async fn enable_provisioning(&self) -> Result<(), Complaint> {
        self.test_connection().await?;
        accepted(self.connection.get("/Groups?startIndex=1&count=100").await?)?.list().map(drop)
    }

    /// Imports all users, page by page.
    ///
    /// # Errors
    /// [`Complaint`] if the pages do not have as many different users as they promise, or more than a million.
    pub async fn import_users(&self) -> Result<Vec<Resource>, Complaint> {
        self.import("/Users").await
    }

    /// Imports all groups, page by page.
    ///
    /// # Errors
    /// As [`import_users`](Self::import_users).
    pub async fn import_groups(&self) -> Result<Vec<Resource>, Complaint> {
        self.import("/Groups").await
    }

    /// Assigns a user: looks for the account by `userName`, creates it, or links it and writes the profile.
    ///
    /// # Errors
    /// [`Complaint`]; a conflict when the account is created is one.
    pub async fn assign_user(&mut self, source_id: &str, attributes: &Attributes) -> Result<Outcome, Complaint> {
        if self.ledger.users.contains_key(source_id) {
            return self.update_user(source_id, attributes).await;
        }
        let name = attributes.get("userName").and_then(Value::as_str);
        let name = name.ok_or_else(|| Complaint::NoMatchingValue { path: "userName".to_owned() })?;
        let found = self.find("/Users", "userName", name).await?;
        let (id, outcome) = match found {
            Some((id, _)) => {
                let active = attributes.clone().with("active", true);
                self.write_profile(&id, &active).await?;
                (id, Outcome::Linked)
            }
            None => {
                let body = requests::new_user(source_id, attributes, self.password());
                let answer = accepted(self.connection.send(Method::POST, "/Users", Some(body)).await?)?;
                (answer.resource()?.0, Outcome::Created)
            }
        };
        let mut believed = Believed::new(id);
        believed.learn(attributes);
        believed.attributes.set("active", true);
        self.ledger.users.insert(source_id.to_owned(), believed);
        Ok(outcome)
    }

    /// Writes what has changed of a linked user's profile.
    ///
    /// # Errors
    /// [`Complaint`]; nothing is believed of a request that was refused.
    pub async fn update_user(&mut self, source_id: &str, attributes: &Attributes) -> Result<Outcome, Complaint> {
        let Some(user) = self.ledger.users.get(source_id) else { return Ok(Outcome::Skipped) };
        let changes = attributes.changes(|path| user.attributes.get(path).cloned());
        if changes.iter().next().is_none() {
            return Ok(Outcome::Unchanged);
        }
        self.write_profile(&user.id, &changes).await?;
        if let Some(user) = self.ledger.users.get_mut(source_id) {
            user.learn(&changes);
        }
        Ok(Outcome::Updated)
    }

    /// Switches the account of a user off, as when they are deactivated or no longer assigned.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn deactivate_user(&mut self, source_id: &str) -> Result<Outcome, Complaint> {
        let outcome = self.switch(source_id, false).await?;
        Ok(if outcome == Outcome::Updated { Outcome::Disabled } else { outcome })
    }

    /// Switches the account of a user on again.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn activate_user(&mut self, source_id: &str) -> Result<Outcome, Complaint> {
        self.switch(source_id, true).await
    }

    /// Pushes a group: looks for it by name, creates it without members or links it, and writes the full list of its members, of whom
    /// those count who are linked.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn push_group(&mut self, source_id: &str, name: &str, members: &[&str]) -> Result<Outcome, Complaint> {
        let outcome = if self.ledger.groups.contains_key(source_id) {
            Outcome::Updated
        } else {
            let (id, outcome) = match self.find("/Groups", "displayName", name).await? {
                Some((id, _)) => (id, Outcome::Linked),
                None => {
                    let body = requests::group(name, &[]);
                    let answer = accepted(self.connection.send(Method::POST, "/Groups", Some(body)).await?)?;
                    (answer.resource()?.0, Outcome::Created)
                }
            };
            let mut believed = Believed::new(id);
            believed.attributes.set("displayName", name);
            self.ledger.groups.insert(source_id.to_owned(), believed);
            outcome
        };
        let members = self.members(&self.ledger.linked(members));
        let Some(group) = self.ledger.groups.get(source_id) else { return Ok(Outcome::Skipped) };
        let path = address("/Groups", &group.id);
        match self.integration {
            OktaIntegration::Network => {
                self.patch(&path, requests::naming(&group.id, name)).await?;
                self.patch(&path, requests::all_members(&members)).await?;
            }
            OktaIntegration::Custom => self.put(&path, requests::group(name, &members)).await?,
        }
        if let Some(group) = self.ledger.groups.get_mut(source_id) {
            group.attributes.set("displayName", name);
            group.members = members.into_iter().map(|(id, _)| id).collect();
        }
        Ok(outcome)
    }

    /// Gives a pushed group another name.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn rename_group(&mut self, source_id: &str, name: &str) -> Result<Outcome, Complaint> {
        let Some(group) = self.ledger.groups.get(source_id) else { return Ok(Outcome::Skipped) };
        let path = address("/Groups", &group.id);
        match self.integration {
            OktaIntegration::Network => self.patch(&path, requests::naming(&group.id, name)).await?,
            OktaIntegration::Custom => {
                let ids: Vec<String> = group.members.iter().cloned().collect();
                self.put(&path, requests::group(name, &self.members(&ids))).await?;
            }
        }
        if let Some(group) = self.ledger.groups.get_mut(source_id) {
            group.attributes.set("displayName", name);
        }
        Ok(Outcome::Updated)
    }

    /// Changes the members of a pushed group; of those named, those count who are linked and for whom it is a change.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn change_members(&mut self, source_id: &str, added: &[&str], removed: &[&str]) -> Result<Outcome, Complaint> {
        let (mut added, mut removed) = (self.ledger.linked(added), self.ledger.linked(removed));
        let Some(group) = self.ledger.groups.get(source_id) else { return Ok(Outcome::Skipped) };
        added.retain(|id| !group.members.contains(id));
        removed.retain(|id| group.members.contains(id));
        if added.is_empty() && removed.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let mut members: BTreeSet<String> = group.members.clone();
        members.retain(|id| !removed.contains(id));
        members.extend(added.iter().cloned());
        let path = address("/Groups", &group.id);
        let name = group.attributes.get("displayName").and_then(Value::as_str).unwrap_or_default();
        match self.integration {
            OktaIntegration::Network => {
                self.patch(&path, requests::naming(&group.id, name)).await?;
                self.patch(&path, requests::membership(&self.members(&removed), &self.members(&added))).await?;
            }
            OktaIntegration::Custom => {
                let all: Vec<String> = members.iter().cloned().collect();
                self.put(&path, requests::group(name, &self.members(&all))).await?;
            }
        }
        if let Some(group) = self.ledger.groups.get_mut(source_id) {
            group.members = members;
        }
        Ok(Outcome::Updated)
    }

    /// Unlinks a pushed group and deletes it at the service.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn delete_group(&mut self, source_id: &str) -> Result<Outcome, Complaint> {
        let Some(group) = self.ledger.groups.get(source_id) else { return Ok(Outcome::Skipped) };
        let answer = self.connection.send(Method::DELETE, &address("/Groups", &group.id), None).await?;
        if answer.status != StatusCode::NOT_FOUND {
            accepted(answer)?;
        }
        self.ledger.groups.remove(source_id);
        Ok(Outcome::Deleted)
    }

    async fn switch(&mut self, source_id: &str, is_active: bool) -> Result<Outcome, Complaint> {
        let Some(user) = self.ledger.users.get(source_id) else { return Ok(Outcome::Skipped) };
        if user.attributes.get("active").and_then(Value::as_bool) == Some(is_active) {
            return Ok(Outcome::Unchanged);
        }
        match self.integration {
            OktaIntegration::Network => self.patch(&address("/Users", &user.id), requests::activation(is_active)).await?,
            OktaIntegration::Custom => self.write_profile(&user.id, &Attributes::new().with("active", is_active)).await?,
        }
        if let Some(user) = self.ledger.users.get_mut(source_id) {
            user.attributes.set("active", is_active);
        }
        Ok(Outcome::Updated)
    }

    /// Reads an account, changes it and writes the whole of it.
    async fn write_profile(&self, id: &str, changes: &Attributes) -> Result<(), Complaint> {
        let path = address("/Users", id);
        let answer = self.connection.get(&path).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(Complaint::Gone { id: id.to_owned() });
        }
        let (_, mut user) = accepted(answer)?.resource()?;
        changes.write_to(&mut user);
        self.put(&path, user).await
    }

    async fn patch(&self, path: &str, body: ComplexValue) -> Result<(), Complaint> {
        let answer = accepted(self.connection.send(Method::PATCH, path, Some(body)).await?)?;
        if answer.status == StatusCode::NO_CONTENT { Ok(()) } else { answer.resource().map(drop) }
    }

    async fn put(&self, path: &str, body: ComplexValue) -> Result<(), Complaint> {
        accepted(self.connection.send(Method::PUT, path, Some(body)).await?)?.resource().map(drop)
    }

    async fn find(&self, endpoint: &str, path: &str, value: &str) -> Result<Option<(String, ComplexValue)>, Complaint> {
        let filter = encoded(&equals(path, value), "%20");
        let answer = self.connection.get(&format!("{endpoint}?filter={filter}&startIndex=1&count=100")).await?;
        if answer.status == StatusCode::NOT_FOUND {
            answer.json()?;
            return Ok(None);
        }
        accepted(answer)?.list()?.at_most_one()
    }

    async fn import(&self, endpoint: &str) -> Result<Vec<Resource>, Complaint> {
        let (mut imported, mut ids, mut start_index) = (Vec::new(), BTreeSet::new(), 1);
        loop {
            let answer = self.connection.get(&format!("{endpoint}?startIndex={start_index}&count={PAGE}")).await?;
            let page = accepted(answer)?.list()?;
            if page.total > MAX_IMPORT {
                let reason = format!("expected at most {MAX_IMPORT} resources, found {}", page.total);
                return Err(Complaint::unusable(&page.request, reason));
            }
            for resource in page.resources {
                if !id_of(&resource).is_some_and(|id| ids.insert(id)) {
                    return Err(Complaint::unusable(&page.request, "expected every resource once, found one on two pages"));
                }
                imported.push(to_resource(resource));
            }
            start_index += PAGE;
            if start_index > page.total {
                let found = u64::try_from(imported.len()).unwrap_or(u64::MAX);
                if found != page.total {
                    let reason = format!("expected {} resources on all pages, found {found}", page.total);
                    return Err(Complaint::unusable(&page.request, reason));
                }
                return Ok(imported);
            }
        }
    }

    /// The accounts of these ids, with the names that they have.
    fn members(&self, ids: &[String]) -> Vec<Member> {
        let name = |id: &String| {
            let user = self.ledger.users.values().find(|user| user.id == *id);
            user.and_then(|user| user.attributes.get("userName")).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        ids.iter().map(|id| (id.clone(), name(id))).collect()
    }

    /// Eight characters that nobody is told.
    fn password(&self) -> String {
        format!("{:08x}", (self.random)() >> 32)
    }
}

/// The answer, if it is not a refusal; a refusal has to be JSON.
fn accepted(answer: Answer) -> Result<Answer, Complaint> {
    if !answer.status.is_success() {
        answer.json()?;
    }
    answer.accepted()
}

fn address(endpoint: &str, id: &str) -> String {
    format!("{endpoint}/{}", encoded(id, "%20"))
}
