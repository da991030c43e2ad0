//! Microsoft Entra ID.

mod requests;
mod roles;

use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use scimkit_client::{Transport, random_from_seed};
use scimkit_types::{ComplexValue, Value};
use secrecy::SecretString;

use super::attributes::{Attributes, read};
use super::complaint::Complaint;
use super::connection::{Connection, encoded, equals, patch_body};
use super::ledger::{Believed, Disagreement, Ledger, Outcome};
use requests::{Kind, Spelling};

pub use roles::{AppRole, RoleMapping};

/// Sends what the provisioning service of Microsoft Entra ID sends.
///
/// Objects are known by the id that they have in the directory, as there. A user or a group is looked for by the matching attribute when
/// it is met for the first time, then created or linked; later changes go to the id that was linked, after a read of the object. Only
/// values that have changed are sent; what has no value is never sent, so that the service keeps its own. Groups are created without
/// members; members are those users who are linked.
///
/// The address may carry the feature flag, as in the portal: `https://example.com/scim/v2?aadOptscim062020` makes PATCH requests as the
/// standard has them. Without it operations are capitalized, booleans in them are text and members are removed by a list of values. No
/// `User-Agent` is sent.
pub struct EntraClient {
    connection: Connection,
    spelling: Spelling,
    matching: String,
    members_per_request: usize,
    requests_at_once: usize,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    ledger: Ledger,
}

impl fmt::Debug for EntraClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraClient")
            .field("connection", &self.connection)
            .field("spelling", &self.spelling)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

/// The paths of what groups are matched by and of a user's manager.
const DISPLAY_NAME: &str = "displayName";
const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const MANAGER_VALUE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value";

/// The feature flag on an address.
const FLAG: &str = "aadOptscim062020";

impl EntraClient {
    /// A client of the service at this address, which may carry the feature flag as a query.
    ///
    /// # Errors
    /// [`Complaint::Address`] if it is not absolute.
    pub fn new(transport: Arc<dyn Transport>, tenant_url: &str) -> Result<Self, Complaint> {
        let (base, query) = tenant_url.split_once('?').unwrap_or((tenant_url, ""));
        let has_flag = query.split('&').any(|part| part.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case(FLAG)));
        Ok(Self {
            connection: Connection::new(transport, base)?,
            spelling: if has_flag { Spelling::Optscim } else { Spelling::Classic },
            matching: "userName".to_owned(),
            members_per_request: 1,
            requests_at_once: 5,
            random: Box::new(random_from_seed(0)),
            ledger: Ledger::default(),
        })
    }

    /// This client with a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &SecretString) -> Self {
        self.connection = self.connection.with_token(token);
        self
    }

    /// This client with another attribute by which users are looked for, such as `externalId`. Default `userName`.
    #[must_use]
    pub fn with_matching(mut self, path: impl Into<String>) -> Self {
        self.matching = path.into();
        self
    }

    /// This client with so many members in a request and so many such requests at once, at least one of each. Default 1 and 5.
    #[must_use]
    pub fn with_members(mut self, per_request: usize, requests_at_once: usize) -> Self {
        self.members_per_request = per_request.max(1);
        self.requests_at_once = requests_at_once.max(1);
        self
    }

    /// This client with another source of random numbers, such as [`random_from_seed`].
    #[must_use]
    pub fn with_random(mut self, random: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.random = Box::new(random);
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

    /// Tests the connection, as the button does and as every cycle begins: looks for a user by a random value, whom nobody may be.
    ///
    /// # Errors
    /// [`Complaint`] unless the answer is 200 with an empty list.
    pub async fn test_connection(&self) -> Result<(), Complaint> {
        let found = self.find("/Users", "", &self.matching, &self.guid()).await?;
        match found {
            None => Ok(()),
            Some(_) => Err(Complaint::unusable("GET /Users", "expected nobody for a random value, found somebody")),
        }
    }

    /// Reads the schemas, as when the mappings of a gallery application are opened; returns their URIs.
    ///
    /// # Errors
    /// [`Complaint`] unless the answer is a list response.
    pub async fn discover_schemas(&self) -> Result<Vec<String>, Complaint> {
        let page = self.connection.get("/Schemas").await?.accepted()?.list()?;
        Ok(page.resources.iter().filter_map(super::connection::id_of).collect())
    }

    /// Makes a user be at the service with these values. Whoever is disabled and not linked is not created.
    ///
    /// # Errors
    /// [`Complaint`]; nothing is believed of a request that was refused.
    pub async fn provision_user(&mut self, source_id: &str, attributes: &Attributes) -> Result<Outcome, Complaint> {
        if let Some(believed) = self.ledger.users.get(source_id).cloned() {
            let changes = attributes.changes(|path| believed.attributes.get(path).cloned());
            return self.update("/Users", "", source_id, believed, &changes).await;
        }
        if attributes.get("active").and_then(Value::as_bool) == Some(false) {
            return Ok(Outcome::Skipped);
        }
        let matching = self.matching.clone();
        self.meet("/Users", "", &matching, source_id, attributes, requests::new_user(source_id, attributes)).await
    }

    /// Makes a group be at the service with these values, of which `displayName` is the one that it is looked for by.
    ///
    /// # Errors
    /// [`Complaint`]; nothing is believed of a request that was refused.
    pub async fn provision_group(&mut self, source_id: &str, attributes: &Attributes) -> Result<Outcome, Complaint> {
        if let Some(believed) = self.ledger.groups.get(source_id).cloned() {
            let changes = attributes.changes(|path| believed.attributes.get(path).cloned());
            return self.update("/Groups", WITHOUT_MEMBERS, source_id, believed, &changes).await;
        }
        self.meet("/Groups", WITHOUT_MEMBERS, DISPLAY_NAME, source_id, attributes, requests::new_group(source_id, attributes)).await
    }

    /// Makes the account of a user inactive, as when they are unassigned, out of scope, blocked or in the recycle bin.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn disable_user(&mut self, source_id: &str) -> Result<Outcome, Complaint> {
        let Some(user) = self.ledger.users.get_mut(source_id) else { return Ok(Outcome::Skipped) };
        let inactive = Attributes::new().with("active", false);
        if inactive.changes(|path| user.attributes.get(path).cloned()).iter().next().is_none() {
            return Ok(Outcome::Unchanged);
        }
        let body = self.spelling.patch(&inactive, |_| Kind::Replace);
        self.connection.send(Method::PATCH, &address("/Users", &user.id), Some(body)).await?.accepted()?;
        user.learn(&inactive);
        Ok(Outcome::Disabled)
    }

    /// Deletes the account of a user who was deleted for good.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn delete_user(&mut self, source_id: &str) -> Result<Outcome, Complaint> {
        let Some(user) = self.ledger.users.get(source_id) else { return Ok(Outcome::Skipped) };
        self.delete(&address("/Users", &user.id)).await?;
        self.ledger.forget_user(source_id);
        Ok(Outcome::Deleted)
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn delete_group(&mut self, source_id: &str) -> Result<Outcome, Complaint> {
        let Some(group) = self.ledger.groups.get(source_id) else { return Ok(Outcome::Skipped) };
        self.delete(&address("/Groups", &group.id)).await?;
        self.ledger.groups.remove(source_id);
        Ok(Outcome::Deleted)
    }

    /// Gives a user a manager, or none. Nothing is sent unless both are linked. Without the flag the manager is the id as text, which is
    /// what services report; with it, a complex value, for which there is no report.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn set_manager(&mut self, source_id: &str, manager: Option<&str>) -> Result<Outcome, Complaint> {
        let wanted = match manager.map(|manager| self.ledger.users.get(manager).map(|manager| manager.id.clone())) {
            Some(None) => return Ok(Outcome::Skipped),
            Some(Some(id)) => Value::from(id),
            None => Value::Null,
        };
        let Some(user) = self.ledger.users.get_mut(source_id) else { return Ok(Outcome::Skipped) };
        let before = user.attributes.get(MANAGER_VALUE).cloned().unwrap_or(Value::Null);
        if before == wanted {
            return Ok(Outcome::Unchanged);
        }
        let kind = if before == Value::Null { Kind::Add } else { Kind::Replace };
        let complex = |id: Value| Value::Complex([("value", id)].into_iter().collect());
        let sent = match (&wanted, self.spelling) {
            (Value::Null, _) => complex(Value::from("")),
            (id, Spelling::Classic) => id.clone(),
            (id, Spelling::Optscim) => complex(id.clone()),
        };
        let body = patch_body(vec![self.spelling.operation(kind, MANAGER, sent)]);
        self.connection.send(Method::PATCH, &address("/Users", &user.id), Some(body)).await?.accepted()?;
        user.attributes.set(MANAGER_VALUE, wanted);
        Ok(Outcome::Updated)
    }

    /// Gives a linked user app roles, as a mapping to `roles` does. What a service makes of them differs: nothing is believed of it.
    ///
    /// # Errors
    /// [`Complaint`].
    pub async fn set_roles(&mut self, source_id: &str, mapping: RoleMapping, roles: &[AppRole]) -> Result<Outcome, Complaint> {
        let Some(user) = self.ledger.users.get(source_id) else { return Ok(Outcome::Skipped) };
        let body = mapping.patch(roles, self.spelling);
        self.connection.send(Method::PATCH, &address("/Users", &user.id), Some(body)).await?.accepted()?;
        Ok(Outcome::Updated)
    }

    /// Adds users to a group: those who are linked and are not members yet, in portions, some of them at the same time.
    ///
    /// # Errors
    /// The first [`Complaint`]; what the other requests did is believed.
    pub async fn add_members(&mut self, group: &str, members: &[&str]) -> Result<Outcome, Complaint> {
        self.change_members(group, members, Kind::Add).await
    }

    /// Takes users out of a group: those who are linked and are members, in portions, some of them at the same time.
    ///
    /// # Errors
    /// The first [`Complaint`]; what the other requests did is believed.
    pub async fn remove_members(&mut self, group: &str, members: &[&str]) -> Result<Outcome, Complaint> {
        self.change_members(group, members, Kind::Remove).await
    }

    async fn change_members(&mut self, group: &str, members: &[&str], kind: Kind) -> Result<Outcome, Complaint> {
        let mut linked = self.ledger.linked(members);
        let Some(group) = self.ledger.groups.get_mut(group) else { return Ok(Outcome::Skipped) };
        linked.retain(|id| group.members.contains(id) == (kind == Kind::Remove));
        if linked.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let path = address("/Groups", &group.id);
        let portions: Vec<&[String]> = linked.chunks(self.members_per_request).collect();
        for at_once in portions.chunks(self.requests_at_once) {
            let requests = at_once.iter().map(|ids| {
                let body = if kind == Kind::Remove { self.spelling.remove_members(ids) } else { self.spelling.add_members(ids) };
                self.connection.send(Method::PATCH, &path, Some(body))
            });
            let mut first = None;
            for (ids, answer) in at_once.iter().zip(join_all(requests).await) {
                match answer.and_then(super::connection::Answer::accepted) {
                    Ok(_) if kind == Kind::Remove => group.members.retain(|id| !ids.contains(id)),
                    Ok(_) => group.members.extend(ids.iter().cloned()),
                    Err(complaint) => first = first.or(Some(complaint)),
                }
            }
            if let Some(complaint) = first {
                return Err(complaint);
            }
        }
        Ok(Outcome::Updated)
    }

    /// Looks for an object that is not linked; creates it, or links it and sends what is different.
    async fn meet(
        &mut self,
        endpoint: &str,
        projection: &str,
        matching: &str,
        source_id: &str,
        attributes: &Attributes,
        body: ComplexValue,
    ) -> Result<Outcome, Complaint> {
        let value = attributes.get(matching).and_then(Value::as_str);
        let value = value.ok_or_else(|| Complaint::NoMatchingValue { path: matching.to_owned() })?;
        let Some((id, found)) = self.find(endpoint, projection, matching, value).await? else {
            let answer = self.connection.send(Method::POST, endpoint, Some(body)).await?.accepted()?;
            let mut believed = Believed::new(answer.resource()?.0);
            believed.learn(attributes);
            self.believe(endpoint, source_id, believed);
            return Ok(Outcome::Created);
        };
        let changes = attributes.changes(|path| read(&found, path).cloned());
        let mut believed = Believed::new(id);
        if changes.iter().next().is_some() {
            self.send_changes(endpoint, &believed, &changes, &found).await?;
        }
        believed.learn(attributes);
        self.believe(endpoint, source_id, believed);
        Ok(Outcome::Linked)
    }

    /// Reads a linked object and sends what has changed.
    async fn update(
        &mut self,
        endpoint: &str,
        projection: &str,
        source_id: &str,
        mut believed: Believed,
        changes: &Attributes,
    ) -> Result<Outcome, Complaint> {
        if changes.iter().next().is_none() {
            return Ok(Outcome::Unchanged);
        }
        let projection = projection.trim_end_matches('&');
        let query = if projection.is_empty() { String::new() } else { format!("?{projection}") };
        let answer = self.connection.get(&format!("{}{query}", address(endpoint, &believed.id))).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(Complaint::Gone { id: believed.id });
        }
        let (_, found) = answer.accepted()?.resource()?;
        self.send_changes(endpoint, &believed, changes, &found).await?;
        believed.learn(changes);
        self.believe(endpoint, source_id, believed);
        Ok(Outcome::Updated)
    }

    async fn send_changes(&self, endpoint: &str, believed: &Believed, changes: &Attributes, found: &ComplexValue) -> Result<(), Complaint> {
        let kind = |path: &str| if read(found, path).is_some() { Kind::Replace } else { Kind::Add };
        let body = self.spelling.patch(changes, kind);
        self.connection.send(Method::PATCH, &address(endpoint, &believed.id), Some(body)).await?.accepted()?;
        Ok(())
    }

    async fn find(&self, endpoint: &str, projection: &str, path: &str, value: &str) -> Result<Option<(String, ComplexValue)>, Complaint> {
        let filter = encoded(&equals(path, value), "+");
        let answer = self.connection.get(&format!("{endpoint}?{projection}filter={filter}")).await?;
        answer.accepted()?.list()?.at_most_one()
    }

    async fn delete(&self, path: &str) -> Result<(), Complaint> {
        let answer = self.connection.send(Method::DELETE, path, None).await?;
        if answer.status != StatusCode::NOT_FOUND {
            answer.accepted()?;
        }
        Ok(())
    }

    fn believe(&mut self, endpoint: &str, source_id: &str, believed: Believed) {
        let objects = if endpoint == "/Users" { &mut self.ledger.users } else { &mut self.ledger.groups };
        objects.insert(source_id.to_owned(), believed);
    }

    /// A random GUID (RFC 9562 section 5.4).
    fn guid(&self) -> String {
        let (high, low) = ((self.random)(), (self.random)());
        let variant = 0x8000 | ((low >> 48) & 0x3fff);
        format!("{:08x}-{:04x}-4{:03x}-{variant:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff, low & 0xffff_ffff_ffff)
    }
}

/// Groups are read without their members.
const WITHOUT_MEMBERS: &str = "excludedAttributes=members&";

fn address(endpoint: &str, id: &str) -> String {
    format!("{endpoint}/{}", encoded(id, "%20"))
}
