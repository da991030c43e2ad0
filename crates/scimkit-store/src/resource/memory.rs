//! Resources in memory.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use scimkit_types::compare::text_key;
use scimkit_types::{Resource, Timestamp};

use super::candidates::{self, ValueIndex};
use super::document::{self, MemberChange};
use super::members::Members;
use super::{
    Edge, MAX_LEVELS, Membership, NewResource, Page, Position, Query, ResourceKey, ResourceStore, Revision, Selection, StoredResource,
    Tenant, UniqueKey, Update, memberships_of,
};
use crate::error::{Result, StoreError, StoreErrorKind};
use crate::keys::{instant_key, instant_of_key, sort_key};

/// Keeps resources in memory, for tests, examples and services that need nothing more.
///
/// Filters on `id`, on unique attributes, on `userName`, `externalId`, `displayName` and `emails.value` by `eq`, and on the `value` of
/// members are answered through an index; others look at every resource of the type. A query sees one state of its tenant:
/// changes of that tenant wait until it has its answer, other tenants do not.
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
}

#[derive(Debug, Default)]
struct TenantResources {
    types: HashMap<String, TypeResources>,
    memberships: Memberships,
}

#[derive(Debug, Default)]
struct TypeResources {
    entries: HashMap<String, Entry>,
    by_creation: BTreeSet<(Timestamp, String)>,
    unique: HashMap<UniqueKey, String>,
    values: ValueIndex,
    /// The attributes whose elements are kept apart from the documents of all resources of the type.
    member_attributes: Vec<String>,
}

impl TypeResources {
    /// A page of all resources.
    fn page_by_creation(&self, query: &Query) -> Page {
        let after = query.after.as_ref().map(|position| {
            let created_at = position.key.as_deref().and_then(instant_of_key).unwrap_or(Timestamp::MIN);
            (created_at, position.id.clone())
        });
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.by_creation.range((start, Bound::Unbounded)).skip(as_usize(query.offset)).peekable();
        let page: Vec<_> = rest.by_ref().take(as_usize(query.count)).collect();
        let last = page.last().filter(|_| rest.peek().is_some());
        let next = last.map(|(created_at, id)| Position::new(Some(instant_key(*created_at).to_vec()), id.clone()));
        let stored = page.into_iter().filter_map(|(_, id)| self.entries.get(id).map(|entry| entry.stored(id, query.selection))).collect();
        Page { total: self.entries.len() as u64, resources: stored, next }
    }
}

#[derive(Debug)]
struct Entry {
    /// The document with `id` and `meta`, without members: what filters are evaluated on.
    searchable: Resource,
    members: Vec<Members>,
    revision: Revision,
    created_at: Timestamp,
    modified_at: Timestamp,
    unique: Vec<UniqueKey>,
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
        let mut document = match selection {
            Selection::Whole => self.whole(),
            Selection::WithoutMembers => self.searchable.clone(),
        };
        document::strip(&mut document);
        StoredResource::new(id.to_owned(), document, self.revision, self.created_at, self.modified_at)
    }

    fn whole(&self) -> Resource {
        let mut document = self.searchable.clone();
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
        match keys.iter().find(|key| self.unique.get(key).is_some_and(|owner| owner != id)) {
            Some(key) => Err(StoreError::new(StoreErrorKind::NotUnique { attribute: key.attribute.clone() })),
            None => Ok(()),
        }
    }

    /// Enters a resource into the indexes of what its document holds.
    fn enter(&mut self, id: &str, unique: &[UniqueKey], document: &Resource) {
        for key in unique {
            if self.values.watch(&key.attribute) {
                for (id, entry) in &self.entries {
                    self.values.enter_at(&key.attribute, id, &entry.searchable);
                }
            }
            self.unique.insert(key.clone(), id.to_owned());
        }
        self.values.enter(id, document);
    }

    /// Keeps the elements of an attribute apart from now on, in the resources that there are as well.
    fn keep_apart(&mut self, memberships: &mut Memberships, resource_type: &str, tenant: &Tenant, attribute: &str) {
        if self.member_attributes.iter().any(|known| known.eq_ignore_ascii_case(attribute)) {
            return;
        }
        let attributes = [attribute.to_owned()];
        for (id, entry) in &mut self.entries {
            let key = ResourceKey::new(tenant.clone(), resource_type, id.clone());
            for (attribute, elements) in document::take_members(&mut entry.searchable, &attributes) {
                entry.members.push(enter_members(memberships, &key, &attribute, elements));
            }
        }
        self.member_attributes.extend(attributes);
    }

    fn leave(&mut self, id: &str, unique: &[UniqueKey], document: &Resource) {
        for key in unique {
            self.unique.remove(key);
        }
        self.values.leave(id, document);
    }
}

impl MemoryResources {
    /// A store without resources.
    pub fn new() -> Self {
        Self::default()
    }

    fn tenant(&self, tenant: &Tenant) -> Option<Arc<RwLock<TenantResources>>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).map(Arc::clone)
    }

    fn tenant_or_new(&self, tenant: &Tenant) -> Arc<RwLock<TenantResources>> {
        if let Some(found) = self.tenant(tenant) {
            return found;
        }
        Arc::clone(self.tenants.write().unwrap_or_else(PoisonError::into_inner).entry(tenant.clone()).or_default())
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
        let resources = self.types.entry(key.resource_type.clone()).or_default();
        if resources.entries.contains_key(&key.id) {
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
        document::add_common(&mut document, &key.id, &key.resource_type, created_at, created_at);
        resources.enter(&key.id, &unique, &document);
        resources.by_creation.insert((created_at, key.id.clone()));
        let entry = Entry { searchable: document, members, revision: Revision(1), created_at, modified_at: created_at, unique };
        let stored = entry.stored(&key.id, Selection::Whole);
        resources.entries.insert(key.id, entry);
        Ok(stored)
    }

    fn update(&mut self, update: Update) -> Result<Option<StoredResource>> {
        let Update { key, expected, document, mut unique, members, modified_at } = update;
        let Some(resources) = self.types.get_mut(&key.resource_type) else { return Ok(None) };
        let Some(entry) = resources.entries.get(&key.id) else { return Ok(None) };
        entry.check_revision(expected)?;
        if document.is_some() {
            resources.check_unique(&unique, &key.id)?;
        }
        // INVARIANT (atomic update): nothing below fails, and nothing above has changed anything.
        for change in members.iter().filter_map(|change| MemberChange::of(change).ok()) {
            resources.keep_apart(&mut self.memberships, &key.resource_type, &key.tenant, change.attribute());
        }
        let Some(mut entry) = resources.entries.remove(&key.id) else { return Ok(None) };
        let mut has_changed = document.is_some();
        for change in members.iter().filter_map(|change| MemberChange::of(change).ok()) {
            has_changed |= change_members(&mut entry.members, &mut self.memberships, &key, change);
        }
        if has_changed {
            entry.revision.0 += 1;
            entry.modified_at = entry.modified_at.max(modified_at);
        }
        if let Some(mut document) = document {
            dedup(&mut unique);
            document::strip(&mut document);
            for attribute in &resources.member_attributes {
                document.remove(attribute);
            }
            resources.leave(&key.id, &entry.unique, &entry.searchable);
            resources.enter(&key.id, &unique, &document);
            entry.searchable = document;
            entry.unique = unique;
        }
        document::add_common(&mut entry.searchable, &key.id, &key.resource_type, entry.created_at, entry.modified_at);
        let stored = entry.stored(&key.id, Selection::WithoutMembers);
        resources.entries.insert(key.id, entry);
        Ok(Some(stored))
    }

    fn delete(&mut self, key: &ResourceKey, expected: Option<Revision>, deleted_at: Timestamp) -> Result<bool> {
        let Some(resources) = self.types.get_mut(&key.resource_type) else { return Ok(false) };
        let Some(entry) = resources.entries.get(&key.id) else { return Ok(false) };
        entry.check_revision(expected)?;
        let Some(entry) = resources.entries.remove(&key.id) else { return Ok(false) };
        resources.by_creation.remove(&(entry.created_at, key.id.clone()));
        resources.leave(&key.id, &entry.unique, &entry.searchable);
        for members in &entry.members {
            for value in members.keys() {
                self.memberships.remove(&MemberOf::new(key, &members.attribute, value));
            }
        }
        let memberships: Vec<MemberOf> = self.memberships.of(&key.id).filter(|found| found.value == key.id).cloned().collect();
        let mut grown = HashSet::new();
        for membership in memberships {
            self.memberships.remove(&membership);
            let group = self.types.get_mut(&membership.resource_type).and_then(|found| found.entries.get_mut(&membership.id));
            let Some(group) = group else { continue };
            for members in group.members.iter_mut().filter(|members| members.attribute.eq_ignore_ascii_case(&membership.attribute)) {
                members.remove(&membership.value);
            }
            if grown.insert((membership.resource_type.clone(), membership.id.clone())) {
                group.revision.0 += 1;
                group.modified_at = group.modified_at.max(deleted_at);
                let Entry { created_at, modified_at, .. } = *group;
                document::add_common(&mut group.searchable, &membership.id, &membership.resource_type, created_at, modified_at);
            }
        }
        Ok(true)
    }

    fn query(&self, query: &Query) -> Page {
        let Some(resources) = self.types.get(&query.resource_type) else { return Page::default() };
        let names_members = query
            .filter
            .as_ref()
            .is_some_and(|filter| resources.member_attributes.iter().any(|attribute| candidates::names(filter.root(), attribute)));
        let matches = |entry: &Entry| match &query.filter {
            None => true,
            Some(filter) if names_members => filter.matches(&entry.whole()),
            Some(filter) => filter.matches(&entry.searchable),
        };
        let members = |value: &str| {
            let found = self.memberships.of(value).filter(|found| found.resource_type == query.resource_type);
            found.map(|found| found.id.clone()).collect()
        };
        let is_member_attribute = |name: &str| resources.member_attributes.iter().any(|known| known.eq_ignore_ascii_case(name));
        let candidates = query.filter.as_ref().and_then(|filter| {
            candidates::find(filter.root(), &resources.values, &|name, value| is_member_attribute(name).then(|| members(value)))
        });
        let mut found: Vec<(&str, &Entry)> = match candidates {
            Some(ids) => {
                let entries = ids.iter().filter_map(|id| resources.entries.get_key_value(id.as_str()));
                let mut found: Vec<_> = entries.map(|(id, entry)| (id.as_str(), entry)).filter(|(_, entry)| matches(entry)).collect();
                found.sort_by_key(|(id, entry)| (entry.created_at, *id));
                found
            }
            None if query.filter.is_none() && query.sort.is_none() => {
                // Without filter and sort the page is cut out of the order of creation.
                return resources.page_by_creation(query);
            }
            None => {
                let entries =
                    resources.by_creation.iter().filter_map(|(_, id)| resources.entries.get(id).map(|entry| (id.as_str(), entry)));
                entries.filter(|(_, entry)| matches(entry)).collect()
            }
        };
        let total = found.len() as u64;
        let is_descending = query.sort.as_ref().is_some_and(|sort| sort.order == scimkit_types::SortOrder::Descending);
        let key = |entry: &Entry| match &query.sort {
            None => Some(instant_key(entry.created_at).to_vec()),
            Some(sort) if is_member_attribute(sort.path.attribute.as_str()) => sort_key(&entry.whole(), &sort.path),
            Some(sort) => sort_key(&entry.searchable, &sort.path),
        };
        let place = |id: &str, entry: &Entry| SortPlace { key: key(entry), is_descending, id: id.to_owned() };
        if query.sort.is_some() {
            found.sort_by_cached_key(|(id, entry)| place(id, entry));
        }
        if let Some(after) = &query.after {
            let after = SortPlace { key: after.key.clone(), is_descending, id: after.id.clone() };
            found.retain(|(id, entry)| place(id, entry) > after);
        }
        let mut rest = found.into_iter().skip(as_usize(query.offset)).peekable();
        let page: Vec<_> = rest.by_ref().take(as_usize(query.count)).collect();
        let last = page.last().filter(|_| rest.peek().is_some());
        let next = last.map(|(id, entry)| Position::new(key(entry), (*id).to_owned()));
        let stored = page.into_iter().map(|(id, entry)| entry.stored(id, query.selection)).collect();
        Page { total, resources: stored, next }
    }

    fn memberships(&self, ids: &[String]) -> Vec<Vec<Membership>> {
        let mut edges: Vec<Edge> = Vec::new();
        let mut asked: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut level: Vec<&str> = asked.iter().copied().collect();
        for _ in 0..MAX_LEVELS {
            let members = mem::take(&mut level);
            for (member, group) in members.into_iter().flat_map(|member| self.memberships.of(member).map(move |group| (member, group))) {
                if group.value != member {
                    continue;
                }
                let entry = self.types.get(&group.resource_type).and_then(|resources| resources.entries.get(&group.id));
                let display = entry.and_then(|entry| entry.searchable.get("displayName")).and_then(|name| name.as_str()).map(str::to_owned);
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

/// The place of a result: missing keys last when ascending and first when descending, ties by id.
#[derive(Debug, PartialEq, Eq)]
struct SortPlace {
    key: Option<Vec<u8>>,
    is_descending: bool,
    id: String,
}

impl Ord for SortPlace {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let ascending = (self.key.is_none(), &self.key).cmp(&(other.key.is_none(), &other.key));
        let by_key = if self.is_descending { ascending.reverse() } else { ascending };
        by_key.then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for SortPlace {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn enter_members(
    memberships: &mut Memberships,
    key: &ResourceKey,
    attribute: &str,
    elements: Vec<(String, scimkit_types::Value)>,
) -> Members {
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

fn dedup(keys: &mut Vec<UniqueKey>) {
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
}

fn as_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
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
        let entry = tenant.types.get(&key.resource_type).and_then(|resources| resources.entries.get(&key.id));
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
