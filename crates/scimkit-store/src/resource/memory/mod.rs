//! Resources in memory.

mod query;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use scimkit_types::compare::text_key;
use scimkit_types::{Resource, Timestamp, Value};

use super::candidates::{HashIndex, ValueIndex};
use super::creation::Creations;
use super::document::{self, MemberChange};
use super::members::Members;
use super::packed::{Packed, PackedKeys};
use super::{
    Edge, MAX_LEVELS, Membership, NewResource, Page, Query, ResourceKey, ResourceStore, Revision, Selection, StoredResource, Tenant,
    UniqueKey, Update, memberships_of,
};
use crate::error::{Result, StoreError, StoreErrorKind};

/// Keeps resources in memory, for tests, examples and services that need nothing more.
///
/// Filters on `id`, on unique attributes, on `userName`, `externalId`, `displayName` and `emails.value` by `eq`, on the `value` of
/// members and on what [`with_matching_attributes`](Self::with_matching_attributes) names are answered through an index; other filters
/// and every sort look at each resource of the type, and keep no more of them than about twice as many as the page ends with. A page of
/// all resources takes as long wherever it begins, by position and by offset. Documents are kept packed: users take less than three times the
/// memory of their JSON, indexes included. A query sees one state of its tenant: changes of that tenant wait until it has its answer,
/// other tenants do not.
///
/// A filter may name `id`, `meta.resourceType`, `meta.created` and `meta.lastModified`; `meta.location` and `meta.version` are not kept
/// and so have no value.
///
/// ```
/// use scimkit_store::{MemoryResources, NewResource, ResourceKey, ResourceStore, Selection, Tenant};
/// use scimkit_types::{Resource, Timestamp, schema};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), scimkit_store::StoreError> {
/// let store = MemoryResources::new();
/// let key = ResourceKey::new(Tenant::default(), "User", "2819c223");
/// store.create(NewResource::new(key.clone(), Resource::new([schema::USER]), Timestamp::UNIX_EPOCH)).await?;
/// assert!(store.get(&key, Selection::Whole).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryResources {
    tenants: RwLock<HashMap<Tenant, Arc<RwLock<TenantResources>>>>,
    matching: Arc<[String]>,
}

#[derive(Debug, Default)]
struct TenantResources {
    types: HashMap<String, TypeResources>,
    memberships: Memberships,
    /// The paths that are indexed beside the usual ones.
    matching: Arc<[String]>,
}

#[derive(Debug)]
struct TypeResources {
    entries: HashMap<Arc<str>, Box<Entry>>,
    by_creation: Creations,
    unique: HashIndex,
    values: ValueIndex,
    /// The attributes whose elements are kept apart from the documents of all resources of the type.
    member_attributes: Vec<String>,
}

impl TypeResources {
    fn new(matching: &[String]) -> Self {
        Self {
            entries: HashMap::new(),
            by_creation: Creations::default(),
            unique: HashIndex::default(),
            values: ValueIndex::new(matching),
            member_attributes: Vec::new(),
        }
    }
}

#[derive(Debug)]
struct Entry {
    /// The document without `id`, `meta` and members.
    document: Packed,
    members: Vec<Members>,
    revision: Revision,
    created_at: Timestamp,
    modified_at: Timestamp,
    unique: PackedKeys,
}

/// Who has whom as a member, by the folded `value` of the member.
#[derive(Debug, Default)]
struct Memberships(HashMap<String, BTreeSet<MemberOf>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct MemberOf {
    id: String,
    resource_type: String,
    attribute: String,
    value: String,
}

impl Memberships {
    fn of(&self, value: &str) -> impl Iterator<Item = &MemberOf> {
        self.0.get(&*text_key(value, false)).into_iter().flatten()
    }

    fn add(&mut self, membership: MemberOf) {
        self.0.entry(text_key(&membership.value, false).into_owned()).or_default().insert(membership);
    }

    fn remove(&mut self, membership: &MemberOf) {
        let key = text_key(&membership.value, false);
        if let Some(memberships) = self.0.get_mut(&*key) {
            memberships.remove(membership);
            if memberships.is_empty() {
                self.0.remove(&*key);
            }
        }
    }
}

impl MemberOf {
    fn new(key: &ResourceKey, attribute: &str, value: &str) -> Self {
        Self {
            id: key.id.clone(),
            resource_type: key.resource_type.clone(),
            attribute: attribute.to_ascii_lowercase(),
            value: value.to_owned(),
        }
    }
}

impl Entry {
    fn stored(&self, id: &str, selection: Selection) -> StoredResource {
        let document = match selection {
            Selection::Whole => self.whole(),
            Selection::WithoutMembers => self.document.unpack(),
        };
        StoredResource::new(id.to_owned(), document, self.revision, self.created_at, self.modified_at)
    }

    fn whole(&self) -> Resource {
        let mut document = self.document.unpack();
        for members in self.members.iter().filter(|members| !members.is_empty()) {
            document.insert(members.attribute.clone(), members.to_value());
        }
        document
    }

    fn check_revision(&self, expected: Option<Revision>) -> Result<()> {
        if expected.is_none_or(|expected| expected == self.revision) {
            Ok(())
        } else {
            Err(StoreError::new(StoreErrorKind::RevisionMismatch))
        }
    }
}

impl TypeResources {
    fn check_unique(&self, keys: &[UniqueKey], id: &str) -> Result<()> {
        let has = |owner: &Arc<str>, key| self.entries.get(owner).is_some_and(|entry| entry.unique.iter().any(|known| known == key));
        match keys.iter().find(|key| self.unique.ids(parts(key)).any(|owner| **owner != *id && has(owner, parts(key)))) {
            Some(key) => Err(StoreError::new(StoreErrorKind::NotUnique { attribute: key.attribute.clone() })),
            None => Ok(()),
        }
    }

    /// Enters a resource into the indexes of what its document holds.
    fn enter(&mut self, id: &Arc<str>, unique: &[UniqueKey], document: &Resource) {
        self.watch(unique);
        for key in unique {
            self.unique.insert(parts(key), id);
        }
        self.values.enter(id, document);
    }

    /// Indexes the attributes of unique values from now on, also in the resources that there are.
    fn watch(&mut self, unique: &[UniqueKey]) {
        let attributes = unique.iter().map(|key| key.attribute.as_str());
        let unknown: Vec<&str> = attributes.filter(|attribute| !self.values.has(attribute)).collect();
        for attribute in unknown {
            self.values.watch(attribute);
            for (id, entry) in &self.entries {
                self.values.enter_at(attribute, id, &entry.document.unpack());
            }
        }
    }

    /// Keeps the elements of an attribute apart from now on, in the resources that there are as well.
    fn keep_apart(&mut self, memberships: &mut Memberships, resource_type: &str, tenant: &Tenant, attribute: &str) {
        if self.member_attributes.iter().any(|known| known.eq_ignore_ascii_case(attribute)) {
            return;
        }
        let attributes = [attribute.to_owned()];
        for (id, entry) in &mut self.entries {
            let key = ResourceKey::new(tenant.clone(), resource_type, id.as_ref());
            let mut document = entry.document.unpack();
            for (attribute, elements) in document::take_members(&mut document, &attributes) {
                entry.members.push(enter_members(memberships, &key, &attribute, elements));
            }
            entry.document = Packed::new(&document);
        }
        self.member_attributes.extend(attributes);
    }

    fn leave(&mut self, id: &Arc<str>, unique: &PackedKeys, document: &Resource) {
        for key in unique.iter() {
            self.unique.remove(key, id);
        }
        self.values.leave(id, document);
    }
}

impl MemoryResources {
    /// A store without resources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Indexes more attributes, by which filters with `eq` find resources without looking at all of them: paths such as `nickName`,
    /// `phoneNumbers.value` or `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber`.
    #[must_use]
    pub fn with_matching_attributes<T: Into<String>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        self.matching = paths.into_iter().map(Into::into).collect();
        self
    }

    fn tenant(&self, tenant: &Tenant) -> Option<Arc<RwLock<TenantResources>>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).map(Arc::clone)
    }

    fn tenant_or_new(&self, tenant: &Tenant) -> Arc<RwLock<TenantResources>> {
        if let Some(found) = self.tenant(tenant) {
            return found;
        }
        let new = || Arc::new(RwLock::new(TenantResources { matching: Arc::clone(&self.matching), ..TenantResources::default() }));
        Arc::clone(self.tenants.write().unwrap_or_else(PoisonError::into_inner).entry(tenant.clone()).or_insert_with(new))
    }
}

fn read(tenant: &RwLock<TenantResources>) -> RwLockReadGuard<'_, TenantResources> {
    tenant.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(tenant: &RwLock<TenantResources>) -> RwLockWriteGuard<'_, TenantResources> {
    tenant.write().unwrap_or_else(PoisonError::into_inner)
}

impl TenantResources {
    fn create(&mut self, new: NewResource) -> Result<StoredResource> {
        let NewResource { key, mut document, mut unique, member_attributes, created_at, limit } = new;
        let resources = self.types.entry(key.resource_type.clone()).or_insert_with(|| TypeResources::new(&self.matching));
        if resources.entries.contains_key(key.id.as_str()) {
            return Err(StoreError::new(StoreErrorKind::NotUnique { attribute: "id".to_owned() }));
        }
        resources.check_unique(&unique, &key.id)?;
        if let Some(limit) = limit.filter(|limit| resources.entries.len() as u64 >= *limit) {
            return Err(StoreError::new(StoreErrorKind::Full { limit }));
        }
        dedup(&mut unique);
        document::strip(&mut document);
        for attribute in &member_attributes {
            resources.keep_apart(&mut self.memberships, &key.resource_type, &key.tenant, attribute);
        }
        let taken = document::take_members(&mut document, &resources.member_attributes).into_iter();
        let members = taken.map(|(attribute, elements)| enter_members(&mut self.memberships, &key, &attribute, elements)).collect();
        let id: Arc<str> = Arc::from(key.id);
        resources.enter(&id, &unique, &document);
        resources.by_creation.insert((created_at, Arc::clone(&id)));
        let (document, unique) = (Packed::new(&document), PackedKeys::new(&unique));
        let entry = Entry { document, members, revision: Revision(1), created_at, modified_at: created_at, unique };
        let stored = entry.stored(&id, Selection::Whole);
        resources.entries.insert(id, Box::new(entry));
        Ok(stored)
    }

    fn update(&mut self, update: Update) -> Result<Option<StoredResource>> {
        let Update { key, expected, document, mut unique, members, modified_at } = update;
        let Some(resources) = self.types.get_mut(&key.resource_type) else { return Ok(None) };
        let Some((id, entry)) = resources.entries.get_key_value(key.id.as_str()) else { return Ok(None) };
        let id = Arc::clone(id);
        entry.check_revision(expected)?;
        dedup(&mut unique);
        let claims = document.is_some() && !entry.unique.iter().eq(unique.iter().map(parts));
        if claims {
            resources.check_unique(&unique, &key.id)?;
        }
        // INVARIANT (atomic update): nothing below fails, and nothing above has changed anything.
        for change in members.iter().filter_map(|change| MemberChange::of(change).ok()) {
            resources.keep_apart(&mut self.memberships, &key.resource_type, &key.tenant, change.attribute());
        }
        if claims {
            resources.watch(&unique);
        }
        let TypeResources { entries, unique: owners, values, member_attributes, .. } = resources;
        let Some(entry) = entries.get_mut(&id) else { return Ok(None) };
        let mut has_changed = document.is_some();
        for change in members.iter().filter_map(|change| MemberChange::of(change).ok()) {
            has_changed |= change_members(&mut entry.members, &mut self.memberships, &key, change);
        }
        if has_changed {
            entry.revision.0 += 1;
            entry.modified_at = entry.modified_at.max(modified_at);
        }
        if claims {
            for key in entry.unique.iter() {
                owners.remove(key, &id);
            }
            for key in &unique {
                owners.insert(parts(key), &id);
            }
            entry.unique = PackedKeys::new(&unique);
        }
        let document = match document {
            Some(mut document) => {
                document::strip(&mut document);
                for attribute in member_attributes.iter() {
                    document.remove(attribute);
                }
                let packed = Packed::new(&document);
                values.reenter(&id, &entry.document, (&packed, &document));
                entry.document = packed;
                document
            }
            None => entry.document.unpack(),
        };
        Ok(Some(StoredResource::new(key.id, document, entry.revision, entry.created_at, entry.modified_at)))
    }

    fn delete(&mut self, key: &ResourceKey, expected: Option<Revision>, deleted_at: Timestamp) -> Result<bool> {
        let Some(resources) = self.types.get_mut(&key.resource_type) else { return Ok(false) };
        let Some(entry) = resources.entries.get(key.id.as_str()) else { return Ok(false) };
        entry.check_revision(expected)?;
        let Some((id, entry)) = resources.entries.remove_entry(key.id.as_str()) else { return Ok(false) };
        resources.leave(&id, &entry.unique, &entry.document.unpack());
        resources.by_creation.remove(&(entry.created_at, id));
        for members in &entry.members {
            for value in members.keys() {
                self.memberships.remove(&MemberOf::new(key, &members.attribute, value));
            }
        }
        let memberships: Vec<MemberOf> = self.memberships.of(&key.id).filter(|found| found.value == key.id).cloned().collect();
        let mut grown = HashSet::new();
        for membership in memberships {
            self.memberships.remove(&membership);
            let group = self.types.get_mut(&membership.resource_type).and_then(|found| found.entries.get_mut(membership.id.as_str()));
            let Some(group) = group else { continue };
            for members in group.members.iter_mut().filter(|members| members.attribute.eq_ignore_ascii_case(&membership.attribute)) {
                members.remove(&membership.value);
            }
            if grown.insert((membership.resource_type, membership.id)) {
                group.revision.0 += 1;
                group.modified_at = group.modified_at.max(deleted_at);
            }
        }
        Ok(true)
    }

    fn memberships(&self, ids: &[String]) -> Vec<Vec<Membership>> {
        // Most are in no group.
        if ids.iter().all(|id| self.memberships.of(id).next().is_none()) {
            return vec![Vec::new(); ids.len()];
        }
        let mut edges: Vec<Edge> = Vec::new();
        let mut asked: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut level: Vec<&str> = asked.iter().copied().collect();
        for _ in 0..MAX_LEVELS {
            let members = mem::take(&mut level);
            for (member, group) in members.into_iter().flat_map(|member| self.memberships.of(member).map(move |group| (member, group))) {
                if group.value != member {
                    continue;
                }
                let entry = self.types.get(&group.resource_type).and_then(|resources| resources.entries.get(group.id.as_str()));
                let is_name = |name: &str| name.eq_ignore_ascii_case("displayName");
                let display = match entry.and_then(|entry| entry.document.unpack_some(is_name).remove("displayName")) {
                    Some(Value::String(display)) => Some(display),
                    _ => None,
                };
                let (id, resource_type) = (group.id.clone(), group.resource_type.clone());
                edges.push(Edge { member: member.to_owned(), id, resource_type, display });
                if asked.insert(&group.id) {
                    level.push(&group.id);
                }
            }
        }
        memberships_of(ids.iter().map(|id| Cow::Borrowed(id.as_str())), &edges, |id| Cow::Borrowed(id))
    }
}

fn enter_members(memberships: &mut Memberships, key: &ResourceKey, attribute: &str, elements: Vec<(String, Value)>) -> Members {
    let mut members = Members::new(attribute);
    for (value, element) in elements {
        memberships.add(MemberOf::new(key, attribute, &value));
        members.add(&value, element);
    }
    members
}

fn change_members(all: &mut Vec<Members>, memberships: &mut Memberships, key: &ResourceKey, change: MemberChange<'_>) -> bool {
    let attribute = change.attribute();
    let place = all.iter().position(|members| members.attribute.eq_ignore_ascii_case(attribute));
    let members = match place.and_then(|place| all.get_mut(place)) {
        Some(members) => members,
        None => all.push_mut(Members::new(attribute)),
    };
    match change {
        MemberChange::Add { member, .. } => {
            let value = document::member_key(member);
            memberships.add(MemberOf::new(key, attribute, &value));
            members.add(&value, member.clone())
        }
        MemberChange::Remove { value, .. } => {
            memberships.remove(&MemberOf::new(key, attribute, value));
            members.remove(value)
        }
        MemberChange::Clear { .. } => {
            let values = members.clear();
            for value in &values {
                memberships.remove(&MemberOf::new(key, attribute, value));
            }
            !values.is_empty()
        }
    }
}

/// What a unique value is found by.
fn parts(key: &UniqueKey) -> (&str, &str) {
    (&key.attribute, &key.key)
}

fn dedup(keys: &mut Vec<UniqueKey>) {
    if keys.len() < 2 {
        return;
    }
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
}

#[async_trait]
impl ResourceStore for MemoryResources {
    async fn create(&self, resource: NewResource) -> Result<StoredResource> {
        document::check_new(&resource)?;
        let tenant = self.tenant_or_new(&resource.key.tenant);
        write(&tenant).create(resource)
    }

    async fn get(&self, key: &ResourceKey, selection: Selection) -> Result<Option<StoredResource>> {
        let Some(tenant) = self.tenant(&key.tenant) else { return Ok(None) };
        let tenant = read(&tenant);
        let entry = tenant.types.get(&key.resource_type).and_then(|resources| resources.entries.get(key.id.as_str()));
        Ok(entry.map(|entry| entry.stored(&key.id, selection)))
    }

    async fn update(&self, update: Update) -> Result<Option<StoredResource>> {
        document::check_update(&update)?;
        let Some(tenant) = self.tenant(&update.key.tenant) else { return Ok(None) };
        write(&tenant).update(update)
    }

    async fn delete(&self, key: &ResourceKey, expected: Option<Revision>, deleted_at: Timestamp) -> Result<bool> {
        let Some(tenant) = self.tenant(&key.tenant) else { return Ok(false) };
        write(&tenant).delete(key, expected, deleted_at)
    }

    async fn query(&self, query: &Query) -> Result<Page> {
        document::check_query(query)?;
        let Some(tenant) = self.tenant(&query.tenant) else { return Ok(Page::default()) };
        Ok(read(&tenant).query(query))
    }

    async fn memberships(&self, tenant: &Tenant, ids: &[String]) -> Result<Vec<Vec<Membership>>> {
        let Some(tenant) = self.tenant(tenant) else { return Ok(vec![Vec::new(); ids.len()]) };
        Ok(read(&tenant).memberships(ids))
    }
}
