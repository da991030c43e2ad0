//! What is done to resources, statement by statement.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use scimkit_types::{Resource, Timestamp, Value};

use super::filter::{self, Parameters};
use super::session::{Parameter, Row, Session, first, parameters, short};
use super::{Work, corrupt, marks, members, senseless, values, walk};
use crate::error::{Result, StoreError, StoreErrorKind};
use crate::keys::{instant_key, instant_of_key};
use crate::resource::document::{self, MemberChange};
use crate::resource::{NewResource, Page, Position, Query, ResourceKey, Revision, Selection, StoredResource, UniqueKey, Update};

/// The attributes of the scope `s` whose elements are kept apart, in the spelling that came first. No name holds the separator.
const ATTRIBUTES: &str = "(SELECT string_agg(a.attribute, '\u{1f}') FROM @member_attribute a WHERE a.scope = s.scope)";

fn read_attributes(text: Option<&str>) -> Vec<String> {
    let mut attributes: Vec<String> = text.into_iter().flat_map(|text| text.split('\u{1f}')).map(str::to_owned).collect();
    attributes.sort();
    attributes
}

pub(super) fn write_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(StoreError::backend)
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| corrupt(what, error))
}

fn read_instant(key: &[u8]) -> Result<Timestamp> {
    instant_of_key(key).ok_or_else(|| senseless("an instant is none"))
}

fn read_revision(revision: i64) -> Result<Revision> {
    u64::try_from(revision).map(Revision).map_err(|_| senseless("a revision is negative"))
}

fn write_revision(revision: Revision) -> Result<i64> {
    i64::try_from(revision.0).map_err(StoreError::backend)
}

/// One type of resource of one tenant.
pub(super) struct Scope {
    pub(super) scope: i64,
    member_attributes: Vec<String>,
}

/// `lock` stands at the end of the statement.
pub(super) async fn scope<S: Session>(session: &mut S, tenant: &str, resource_type: &str, lock: &str) -> Result<Option<Scope>> {
    let sql = format!("SELECT s.scope, {ATTRIBUTES} FROM @scope s WHERE s.tenant = ?1 AND s.resource_type = ?2{lock}");
    let Some(mut row) = first(session, &sql, &parameters![tenant, resource_type]).await? else { return Ok(None) };
    Ok(Some(Scope { scope: row.take()?, member_attributes: read_attributes(row.take::<Option<String>>()?.as_deref()) }))
}

async fn scope_or_new<S: Session>(session: &mut S, tenant: &str, resource_type: &str, lock: &str) -> Result<Scope> {
    if let Some(found) = scope(session, tenant, resource_type, lock).await? {
        return Ok(found);
    }
    let sql = "INSERT INTO @scope (tenant, resource_type) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    session.execute(sql, &parameters![tenant, resource_type]).await?;
    scope(session, tenant, resource_type, lock).await?.ok_or_else(|| senseless("a scope is gone"))
}

/// How many resources a scope has.
pub(super) async fn size<S: Session>(session: &mut S, scope: i64) -> Result<u64> {
    let sql = "SELECT CAST(coalesce(sum(resources), 0) AS BIGINT) FROM @scope_size WHERE scope = ?1";
    let resources: i64 = first(session, sql, &parameters![scope]).await?.map_or(Ok(0), |mut row| row.take())?;
    u64::try_from(resources).map_err(|_| senseless("a number of resources is negative"))
}

/// Spreads ids: FNV-1a.
pub(super) fn id_hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Counts a resource in or out.
async fn count<S: Session>(session: &mut S, scope: i64, id: &str, change: i64) -> Result<()> {
    // The same resource is counted in and out in one place.
    let shard = i64::try_from(id_hash(id) % S::DIALECT.shards()).map_err(StoreError::backend)?;
    let sql = "INSERT INTO @scope_size AS size (scope, shard, resources) VALUES (?1, ?2, ?3) \
               ON CONFLICT (scope, shard) DO UPDATE SET resources = size.resources + ?3";
    session.execute(sql, &parameters![scope, shard, change]).await?;
    Ok(())
}

/// A row of the table `resource`.
struct Stored {
    scope: i64,
    resource: i64,
    id: String,
    document: Resource,
    revision: Revision,
    created_at: Timestamp,
    modified_at: Timestamp,
}

const COLUMNS: &str = "r.scope, r.resource, r.id, r.document, r.revision, r.created_at, r.modified_at";

impl Stored {
    fn read(row: &mut Row) -> Result<Self> {
        Ok(Self {
            scope: row.take()?,
            resource: row.take()?,
            id: row.take()?,
            document: read_json(&row.take::<String>()?, "a document")?,
            revision: read_revision(row.take()?)?,
            created_at: read_instant(&row.take::<Vec<u8>>()?)?,
            modified_at: read_instant(&row.take::<Vec<u8>>()?)?,
        })
    }

    fn check_revision(&self, expected: Option<Revision>) -> Result<()> {
        if expected.is_none_or(|expected| expected == self.revision) {
            Ok(())
        } else {
            Err(StoreError::new(StoreErrorKind::RevisionMismatch))
        }
    }

    /// Everything that filters may ask for, but members.
    fn searchable(&self, resource_type: &str) -> Vec<values::Row> {
        searchable(&self.document, &self.id, resource_type, self.created_at, self.modified_at)
    }

    fn stored(self) -> StoredResource {
        StoredResource::new(self.id, self.document, self.revision, self.created_at, self.modified_at)
    }
}

fn searchable(document: &Resource, id: &str, resource_type: &str, created_at: Timestamp, modified_at: Timestamp) -> Vec<values::Row> {
    let mut document = document.clone();
    document::add_common(&mut document, id, resource_type, created_at, modified_at);
    values::of_document(&document)
}

/// The resource of a key, with the attributes of its scope whose elements are kept apart.
async fn find<S: Session>(session: &mut S, key: &ResourceKey, lock: &str) -> Result<Option<(Stored, Vec<String>)>> {
    let sql = format!(
        "SELECT {COLUMNS}, {ATTRIBUTES} FROM @scope s JOIN @resource r ON r.scope = s.scope \
         WHERE s.tenant = ?1 AND s.resource_type = ?2 AND r.id = ?3{lock}"
    );
    let Some(mut row) = first(session, &sql, &parameters![key.tenant.as_str(), key.resource_type.as_str(), key.id.as_str()]).await? else {
        return Ok(None);
    };
    Ok(Some((Stored::read(&mut row)?, read_attributes(row.take::<Option<String>>()?.as_deref()))))
}

/// The resource of a key, which nobody else changes until the transaction ends.
async fn find_locked<S: Session>(session: &mut S, key: &ResourceKey) -> Result<Option<(Stored, Vec<String>)>> {
    let lock = format!("{}{}", S::DIALECT.lock_row(), S::DIALECT.hold_scope());
    find(session, key, &lock).await
}

async fn write_unique<S: Session>(session: &mut S, scope: i64, resource: i64, keys: &[UniqueKey]) -> Result<()> {
    let mut seen = HashSet::new();
    let sql = "INSERT INTO @unique_key (scope, attribute, key, resource) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    for unique in keys.iter().filter(|key| seen.insert(*key)) {
        let written = session.execute(sql, &parameters![scope, unique.attribute.as_str(), short(&unique.key), resource]).await?;
        if written == 0 {
            return Err(StoreError::new(StoreErrorKind::NotUnique { attribute: unique.attribute.clone() }));
        }
    }
    Ok(())
}

/// Writes the unique values that are new and removes those that are gone.
async fn replace_unique<S: Session>(session: &mut S, scope: i64, resource: i64, keys: &[UniqueKey]) -> Result<()> {
    let rows = session.rows("SELECT attribute, key FROM @unique_key WHERE resource = ?1", &parameters![resource]).await?;
    let mut known: HashSet<(String, String)> = HashSet::new();
    for mut row in rows {
        known.insert((row.take()?, row.take()?));
    }
    let place = |key: &UniqueKey| (key.attribute.clone(), short(&key.key).into_owned());
    let wanted: HashSet<(String, String)> = keys.iter().map(place).collect();
    for (attribute, key) in known.difference(&wanted) {
        let sql = "DELETE FROM @unique_key WHERE scope = ?1 AND attribute = ?2 AND key = ?3";
        session.execute(sql, &parameters![scope, attribute.as_str(), key.as_str()]).await?;
    }
    let new: Vec<UniqueKey> = keys.iter().filter(|key| !known.contains(&place(key))).cloned().collect();
    write_unique(session, scope, resource, &new).await
}

/// Creates a resource.
pub(crate) struct Create(pub(crate) NewResource);

impl Work for Create {
    type Answer = StoredResource;

    async fn run<S: Session>(&self, session: &mut S) -> Result<StoredResource> {
        let NewResource { key, document, unique, member_attributes, created_at, limit } = &self.0;
        let (tenant, resource_type) = (key.tenant.as_str(), key.resource_type.as_str());
        let is_apart = |scope: &Scope, attribute: &str| scope.member_attributes.iter().any(|known| known.eq_ignore_ascii_case(attribute));
        if !member_attributes.is_empty() {
            // Before anything is locked: two that lock little and then more would wait for each other.
            let present = scope_or_new(session, tenant, resource_type, "").await?;
            for attribute in member_attributes.iter().filter(|attribute| !is_apart(&present, attribute)) {
                members::keep_apart(session, present.scope, attribute).await?;
            }
        }
        let lock = if limit.is_some() { S::DIALECT.hold_number() } else { S::DIALECT.hold_scope() };
        let Scope { scope, member_attributes } = scope_or_new(session, tenant, resource_type, lock).await?;
        let mut document = document.clone();
        document::strip(&mut document);
        let taken = document::take_members(&mut document, &member_attributes);
        let instant = instant_key(*created_at);
        let sql = "INSERT INTO @resource (scope, id, document, revision, created_at, modified_at) VALUES (?1, ?2, ?3, 1, ?4, ?4) \
                   ON CONFLICT (scope, id) DO NOTHING RETURNING resource";
        let inserted = first(session, sql, &parameters![scope, key.id.as_str(), write_json(&document)?, instant]).await?;
        let Some(mut inserted) = inserted else {
            return Err(StoreError::new(StoreErrorKind::NotUnique { attribute: "id".to_owned() }));
        };
        let resource = inserted.take()?;
        write_unique(session, scope, resource, unique).await?;
        if let Some(limit) = *limit
            && size(session, scope).await? >= limit
        {
            return Err(StoreError::new(StoreErrorKind::Full { limit }));
        }
        values::insert(session, scope, resource, &searchable(&document, &key.id, resource_type, *created_at, *created_at)).await?;
        for (attribute, elements) in taken {
            members::insert(session, scope, resource, &attribute, 0, &elements).await?;
            if !elements.is_empty() {
                document.insert(attribute, Value::List(elements.into_iter().map(|(_, element)| element).collect()));
            }
        }
        // Last, so that others who count in the same place wait as short as can be.
        count(session, scope, &key.id, 1).await?;
        Ok(StoredResource::new(key.id.clone(), document, Revision(1), *created_at, *created_at))
    }
}

/// Reads a resource.
pub(crate) struct Get(pub(crate) ResourceKey, pub(crate) Selection);

impl Work for Get {
    type Answer = Option<StoredResource>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let Some((found, attributes)) = find(session, &self.0, "").await? else { return Ok(None) };
        let mut page = vec![found];
        add_members(session, &mut page, &attributes, self.1).await?;
        Ok(page.pop().map(Stored::stored))
    }
}

/// Puts members into the documents of resources of one scope.
async fn add_members<S: Session>(session: &mut S, page: &mut [Stored], attributes: &[String], selection: Selection) -> Result<()> {
    if selection == Selection::WithoutMembers || attributes.is_empty() || page.is_empty() {
        return Ok(());
    }
    let mut lists: HashMap<(i64, String), Vec<Value>> = HashMap::new();
    for (resource, attribute, element) in members::elements(session, page.iter().map(|stored| stored.resource).collect()).await? {
        lists.entry((resource, attribute)).or_default().push(element);
    }
    for stored in page {
        for attribute in attributes {
            if let Some(elements) = lists.remove(&(stored.resource, attribute.to_ascii_lowercase())) {
                stored.document.insert(attribute.clone(), Value::List(elements));
            }
        }
    }
    Ok(())
}

/// Changes a resource.
pub(crate) struct Change(pub(crate) Update);

impl Work for Change {
    type Answer = Option<StoredResource>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let Update { key, expected, document, unique, members, modified_at } = &self.0;
        let Some((mut present, mut attributes)) = find_locked(session, key).await? else { return Ok(None) };
        present.check_revision(*expected)?;
        let mut has_changed = document.is_some();
        let mut is_known = true;
        for change in members {
            let change = MemberChange::of(change)?;
            if !attributes.iter().any(|known| known.eq_ignore_ascii_case(change.attribute())) {
                members::keep_apart(session, present.scope, change.attribute()).await?;
                attributes.push(change.attribute().to_owned());
                is_known = false;
            }
            has_changed |= members::change(session, present.scope, present.resource, change).await?;
        }
        if !is_known {
            // Keeping an attribute apart may have taken it out of the document.
            (present, attributes) = find(session, key, "").await?.ok_or_else(|| senseless("a resource is gone"))?;
        }
        if !has_changed {
            return Ok(Some(present.stored()));
        }
        let Some(document) = document else {
            let stamp = Stamp::of(&present, &key.resource_type);
            let stamp = touch(session, present.resource, stamp, *modified_at).await?;
            (present.revision, present.modified_at) = (stamp.revision, stamp.modified_at);
            return Ok(Some(present.stored()));
        };
        let old = present.searchable(&key.resource_type);
        present.revision.0 += 1;
        present.modified_at = present.modified_at.max(*modified_at);
        present.document = document.clone();
        document::strip(&mut present.document);
        for attribute in &attributes {
            present.document.remove(attribute);
        }
        replace_unique(session, present.scope, present.resource, unique).await?;
        values::replace(session, present.scope, present.resource, old, present.searchable(&key.resource_type)).await?;
        let sql = "UPDATE @resource SET document = ?2, revision = ?3, modified_at = ?4 WHERE resource = ?1";
        let (text, revision) = (write_json(&present.document)?, write_revision(present.revision)?);
        session.execute(sql, &parameters![present.resource, text, revision, instant_key(present.modified_at)]).await?;
        Ok(Some(present.stored()))
    }
}

/// What changes of a resource when nothing but its members do.
pub(super) struct Stamp {
    scope: i64,
    id: String,
    resource_type: String,
    revision: Revision,
    created_at: Timestamp,
    modified_at: Timestamp,
}

impl Stamp {
    fn of(stored: &Stored, resource_type: &str) -> Self {
        Self {
            scope: stored.scope,
            id: stored.id.clone(),
            resource_type: resource_type.to_owned(),
            revision: stored.revision,
            created_at: stored.created_at,
            modified_at: stored.modified_at,
        }
    }

    fn common(&self) -> Vec<values::Row> {
        values::of_common(&self.id, &self.resource_type, self.created_at, self.modified_at)
    }
}

/// The stamp of a resource, which nobody else changes until the transaction ends.
pub(super) async fn stamp<S: Session>(session: &mut S, resource: i64) -> Result<Option<Stamp>> {
    let sql = format!(
        "SELECT s.scope, r.id, s.resource_type, r.revision, r.created_at, r.modified_at \
         FROM @resource r JOIN @scope s ON s.scope = r.scope WHERE r.resource = ?1{}",
        S::DIALECT.lock_row()
    );
    let Some(mut row) = first(session, &sql, &parameters![resource]).await? else { return Ok(None) };
    Ok(Some(Stamp {
        scope: row.take()?,
        id: row.take()?,
        resource_type: row.take()?,
        revision: read_revision(row.take()?)?,
        created_at: read_instant(&row.take::<Vec<u8>>()?)?,
        modified_at: read_instant(&row.take::<Vec<u8>>()?)?,
    }))
}

/// Counts a change of a resource whose document stays.
pub(super) async fn touch<S: Session>(session: &mut S, resource: i64, mut stamp: Stamp, modified_at: Timestamp) -> Result<Stamp> {
    let old = stamp.common();
    stamp.revision.0 += 1;
    stamp.modified_at = stamp.modified_at.max(modified_at);
    values::replace(session, stamp.scope, resource, old, stamp.common()).await?;
    let sql = "UPDATE @resource SET revision = ?2, modified_at = ?3 WHERE resource = ?1";
    session.execute(sql, &parameters![resource, write_revision(stamp.revision)?, instant_key(stamp.modified_at)]).await?;
    Ok(stamp)
}

/// Deletes a resource.
pub(crate) struct Delete(pub(crate) ResourceKey, pub(crate) Option<Revision>, pub(crate) Timestamp);

impl Work for Delete {
    type Answer = bool;

    async fn run<S: Session>(&self, session: &mut S) -> Result<bool> {
        let Self(key, expected, deleted_at) = self;
        let Some((present, _)) = find_locked(session, key).await? else { return Ok(false) };
        present.check_revision(*expected)?;
        for table in ["value", "member", "unique_key", "resource"] {
            session.execute(&format!("DELETE FROM @{table} WHERE resource = ?1"), &parameters![present.resource]).await?;
        }
        members::remove_everywhere(session, key.tenant.as_str(), &key.id, *deleted_at).await?;
        count(session, present.scope, &key.id, -1).await?;
        Ok(true)
    }
}

/// Finds resources.
pub(crate) struct Find(pub(crate) Query);

impl Work for Find {
    type Answer = Page;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Page> {
        let mut query = Cow::Borrowed(&self.0);
        let Some(Scope { scope, member_attributes }) = scope(session, query.tenant.as_str(), &query.resource_type, "").await? else {
            return Ok(Page::default());
        };
        if query.sort.as_ref().is_some_and(filter::is_creation) {
            query.to_mut().sort = None;
        }
        if query.filter.is_none()
            && query.sort.is_none()
            && query.after.is_none()
            && query.offset > 0
            && let Some((mark, resources)) = marks::before(session, scope, query.offset).await?
        {
            let query = query.to_mut();
            (query.after, query.offset) = (Some(mark), query.offset.saturating_sub(resources));
        }
        let statements = Statements::new(&query, scope, S::DIALECT)?;
        if let Some(before) = S::DIALECT.before_query().filter(|_| query.filter.is_some() || query.sort.is_some()) {
            session.execute(before, &[]).await?;
        }
        let all = if query.filter.is_none() { Some(size(session, scope).await?) } else { None };
        let rows = match walk::page(session, scope, &query).await? {
            Some(rows) => rows,
            None => session.rows(&statements.page, &statements.parameters).await?,
        };
        let mut found: Vec<(i64, Parameter)> = Vec::with_capacity(rows.len());
        for mut row in rows {
            found.push((row.take()?, row.take()?));
        }
        let has_more = found.len() as u64 > query.count;
        if has_more {
            found.pop();
        }
        let length = found.len() as u64;
        let total = if let Some(total) = all {
            total
        } else if query.after.is_none() && !has_more && (length > 0 || (query.offset == 0 && query.count > 0)) {
            // The page is the last one.
            query.offset + length
        } else {
            let parameters = statements.parameters.get(..statements.counted).unwrap_or_default();
            let counted: i64 = first(session, &statements.count, parameters).await?.map_or(Ok(0), |mut row| row.take())?;
            u64::try_from(counted).map_err(StoreError::backend)?
        };
        let last_key = found.last().map(|(_, key)| key.clone());
        let mut page = load(session, &found).await?;
        add_members(session, &mut page, &member_attributes, query.selection).await?;
        let next = match (page.last(), last_key) {
            (Some(last), Some(key)) if has_more => Some(Position::new(filter::key_of_parameter(key)?, last.id.clone())),
            _ => None,
        };
        Ok(Page { total, resources: page.into_iter().map(Stored::stored).collect(), next })
    }
}

/// The resources of a page, in its order.
async fn load<S: Session>(session: &mut S, found: &[(i64, Parameter)]) -> Result<Vec<Stored>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {COLUMNS} FROM @resource r WHERE {}", S::DIALECT.among("r.resource", "?1"));
    let wanted = Parameter::Integers(found.iter().map(|(resource, _)| *resource).collect());
    let mut loaded: HashMap<i64, Stored> = HashMap::with_capacity(found.len());
    for mut row in session.rows(&sql, &[wanted]).await? {
        let stored = Stored::read(&mut row)?;
        loaded.insert(stored.resource, stored);
    }
    Ok(found.iter().filter_map(|(resource, _)| loaded.remove(resource)).collect())
}

/// What a query asks the database.
pub(crate) struct Statements {
    /// The resources of the page and one more, which tells whether there is another page, each with its sort key.
    pub(crate) page: String,
    /// How many resources match.
    pub(crate) count: String,
    pub(crate) parameters: Vec<Parameter>,
    /// How many of the parameters `count` has.
    counted: usize,
}

impl Statements {
    pub(crate) fn new(query: &Query, scope: i64, dialect: super::session::SqlDialect) -> Result<Self> {
        let mut parameters = Parameters::new(dialect);
        let bound = parameters.bind(scope);
        let mut condition = format!("r.scope = {bound}");
        if let Some(filter) = &query.filter {
            if let Some(narrowing) = filter::narrowing(filter.root(), &bound, &mut parameters) {
                // The plus keeps the database from walking the scope in order instead of using the narrowing.
                condition = format!("+{condition} AND {narrowing}");
            }
            condition = format!("{condition} AND {}", filter::condition(filter.root(), &mut parameters)?);
        }
        let counted = parameters.values.len();
        let key = match &query.sort {
            Some(sort) => filter::key(sort, &mut parameters)?,
            None => "r.created_at".to_owned(),
        };
        let place = match &query.after {
            Some(position) => {
                format!(" AND {}", filter::after(query.sort.as_ref().map(|sort| (sort, key.as_str())), position, &mut parameters)?)
            }
            None => String::new(),
        };
        let order = filter::order(query.sort.as_ref());
        let limit = parameters.bind(filter::bounded(query.count) + 1);
        let offset = parameters.bind(filter::bounded(query.offset));
        let page =
            format!("SELECT r.resource, {key} FROM @resource r WHERE {condition}{place} ORDER BY {order} LIMIT {limit} OFFSET {offset}");
        let count = format!("SELECT count(*) FROM @resource r WHERE {condition}");
        Ok(Self { page, count, parameters: parameters.values, counted })
    }
}
