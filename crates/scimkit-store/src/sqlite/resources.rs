//! Resources in SQLite.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};
use scimkit_types::{Resource, Timestamp, Value};

use super::database::Database;
use super::error::{corrupt, is_conflict, senseless};
use super::filter::{self, Parameters};
use super::{members, values};
use crate::error::{Result, StoreError, StoreErrorKind};
use crate::keys::{instant_key, instant_of_key};
use crate::resource::document::{self, MemberChange};
use crate::resource::{
    NewResource, Page, Position, Query, ResourceKey, ResourceStore, Revision, Selection, StoredResource, UniqueKey, Update,
};

/// Keeps resources in SQLite; see the [module](super) for what holds for the file.
///
/// Every filter and every sort is done by SQLite over comparison keys that were made in Rust when the resource was written, so that a
/// filter means the same as in the evaluator; `eq` on text and comparisons of instants use an index. A filter may name `id`,
/// `meta.resourceType`, `meta.created` and `meta.lastModified`; `meta.location` and `meta.version` are not kept and so have no value.
/// A list that lies directly inside a list, which SCIM does not have, is never compared.
///
/// Adding or removing one member does not depend on how many there are. When a resource is deleted, the revision of every resource that
/// had it as a member grows by one.
///
/// ```
/// use scimkit_store::{NewResource, ResourceKey, ResourceStore, Selection, Tenant, sqlite::SqliteResources};
/// use scimkit_types::{Resource, Timestamp, schema};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), scimkit_store::StoreError> {
/// let store = SqliteResources::open_in_memory()?;
/// let key = ResourceKey::new(Tenant::default(), "User", "2819c223");
/// store.create(NewResource::new(key.clone(), Resource::new([schema::USER]), Timestamp::UNIX_EPOCH)).await?;
/// assert!(store.get(&key, Selection::Whole).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteResources {
    database: Database,
}

impl SqliteResources {
    /// Opens or creates a database file. Blocks while it does.
    ///
    /// # Errors
    /// `Backend` if the file cannot be used; `Corrupt` if it is no database of this library.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { database: Database::open(path.as_ref())? })
    }

    /// A database that lives as long as the store.
    ///
    /// # Errors
    /// `Backend` if memory is short.
    pub fn open_in_memory() -> Result<Self> {
        Ok(Self { database: Database::open_in_memory()? })
    }
}

/// A row of the table `resource`.
struct Row {
    scope: i64,
    resource: i64,
    document: Resource,
    revision: Revision,
    created_at: Timestamp,
    modified_at: Timestamp,
}

impl Row {
    /// The document with what filters may ask for beside it.
    fn searchable(&self, key: &ResourceKey) -> Resource {
        searchable(&self.document, key, self.created_at, self.modified_at)
    }

    fn check_revision(&self, expected: Option<Revision>) -> Result<()> {
        if expected.is_none_or(|expected| expected == self.revision) {
            Ok(())
        } else {
            Err(StoreError::new(StoreErrorKind::RevisionMismatch))
        }
    }

    fn stored(self, id: &str) -> StoredResource {
        StoredResource::new(id.to_owned(), self.document, self.revision, self.created_at, self.modified_at)
    }
}

fn searchable(document: &Resource, key: &ResourceKey, created_at: Timestamp, modified_at: Timestamp) -> Resource {
    let mut document = document.clone();
    document::add_common(&mut document, &key.id, &key.resource_type, created_at, modified_at);
    document
}

fn scope(transaction: &Transaction<'_>, tenant: &str, resource_type: &str) -> Result<Option<(i64, u64)>> {
    let mut statement = transaction.prepare_cached("SELECT scope, resources FROM scope WHERE tenant = ?1 AND resource_type = ?2")?;
    let row = statement.query_row([tenant, resource_type], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
    row.map(|(scope, resources)| Ok((scope, u64::try_from(resources).map_err(|_| senseless("a number of resources is negative"))?)))
        .transpose()
}

fn write_document(document: &Resource) -> Result<String> {
    serde_json::to_string(document).map_err(StoreError::backend)
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| corrupt(what, error))
}

fn read_instant(key: &[u8]) -> Result<Timestamp> {
    instant_of_key(key).ok_or_else(|| senseless("an instant is none"))
}

const COLUMNS: &str = "r.scope, r.resource, r.document, r.revision, r.created_at, r.modified_at, r.id";

type Columns = (i64, i64, String, i64, Vec<u8>, Vec<u8>, String);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
}

fn read_row(columns: Columns) -> Result<(String, Row)> {
    let (scope, resource, document, revision, created_at, modified_at, id) = columns;
    let row = Row {
        scope,
        resource,
        document: read_json(&document, "a document")?,
        revision: Revision(u64::try_from(revision).map_err(|_| senseless("a revision is negative"))?),
        created_at: read_instant(&created_at)?,
        modified_at: read_instant(&modified_at)?,
    };
    Ok((id, row))
}

fn find(transaction: &Transaction<'_>, key: &ResourceKey) -> Result<Option<Row>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM scope s JOIN resource r ON r.scope = s.scope \
         WHERE s.tenant = ?1 AND s.resource_type = ?2 AND r.id = ?3"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let row = statement.query_row([key.tenant.as_str(), &key.resource_type, &key.id], columns).optional()?;
    row.map(|row| read_row(row).map(|(_, row)| row)).transpose()
}

fn write_unique(transaction: &Transaction<'_>, scope: i64, resource: i64, keys: &[UniqueKey]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    let mut statement = transaction.prepare_cached("INSERT INTO unique_key (scope, attribute, key, resource) VALUES (?1, ?2, ?3, ?4)")?;
    for unique in keys.iter().filter(|key| seen.insert(*key)) {
        match statement.execute(params![scope, unique.attribute, unique.key, resource]) {
            Ok(_) => {}
            Err(error) if is_conflict(&error) => {
                return Err(StoreError::new(StoreErrorKind::NotUnique { attribute: unique.attribute.clone() }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn create(transaction: &Transaction<'_>, new: NewResource) -> Result<StoredResource> {
    let NewResource { key, mut document, unique, member_attributes, created_at, limit } = new;
    let (scope, resources) = match scope(transaction, key.tenant.as_str(), &key.resource_type)? {
        Some(found) => found,
        None => {
            transaction
                .prepare_cached("INSERT INTO scope (tenant, resource_type) VALUES (?1, ?2)")?
                .execute([key.tenant.as_str(), &key.resource_type])?;
            (transaction.last_insert_rowid(), 0)
        }
    };
    for attribute in &member_attributes {
        keep_apart(transaction, scope, attribute)?;
    }
    document::strip(&mut document);
    let taken = document::take_members(&mut document, &members::attributes(transaction, scope)?);
    let instant = instant_key(created_at);
    let inserted = transaction
        .prepare_cached("INSERT INTO resource (scope, id, document, revision, created_at, modified_at) VALUES (?1, ?2, ?3, 1, ?4, ?4)")?
        .execute(params![scope, key.id, write_document(&document)?, instant.as_slice()]);
    match inserted {
        Ok(_) => {}
        Err(error) if is_conflict(&error) => return Err(StoreError::new(StoreErrorKind::NotUnique { attribute: "id".to_owned() })),
        Err(error) => return Err(error.into()),
    }
    let resource = transaction.last_insert_rowid();
    write_unique(transaction, scope, resource, &unique)?;
    if let Some(limit) = limit.filter(|limit| resources >= *limit) {
        return Err(StoreError::new(StoreErrorKind::Full { limit }));
    }
    transaction.prepare_cached("UPDATE scope SET resources = resources + 1 WHERE scope = ?1")?.execute([scope])?;
    values::insert(transaction, scope, resource, &values::of_document(&searchable(&document, &key, created_at, created_at)))?;
    for (attribute, elements) in taken {
        members::insert_all(transaction, scope, resource, &attribute, &elements)?;
        if !elements.is_empty() {
            document.insert(attribute, Value::List(elements.into_iter().map(|(_, element)| element).collect()));
        }
    }
    Ok(StoredResource::new(key.id, document, Revision(1), created_at, created_at))
}

/// Keeps the elements of an attribute apart from now on, in the resources that there are as well.
fn keep_apart(transaction: &Transaction<'_>, scope: i64, attribute: &str) -> Result<()> {
    if members::attributes(transaction, scope)?.iter().any(|known| known.eq_ignore_ascii_case(attribute)) {
        return Ok(());
    }
    transaction.execute("INSERT INTO member_attribute (scope, attribute) VALUES (?1, ?2)", params![scope, attribute])?;
    let attributes = [attribute.to_owned()];
    let path = attribute.to_ascii_lowercase();
    let mut statement = transaction.prepare("SELECT r.resource, r.document FROM resource r WHERE r.scope = ?1")?;
    let mut rows = statement.query([scope])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        let (resource, text): (i64, String) = (row.get(0)?, row.get(1)?);
        let mut document: Resource = read_json(&text, "a document")?;
        if document.get(attribute).is_some() {
            let taken = document::take_members(&mut document, &attributes);
            changed.push((resource, document, taken));
        }
    }
    for (resource, document, taken) in changed {
        transaction.execute("UPDATE resource SET document = ?2 WHERE resource = ?1", params![resource, write_document(&document)?])?;
        transaction.execute(
            "DELETE FROM value WHERE resource = ?1 AND (path = ?2 OR (path >= ?2 || '.' AND path < ?2 || '/'))",
            params![resource, path],
        )?;
        for (attribute, elements) in taken {
            members::insert_all(transaction, scope, resource, &attribute, &elements)?;
        }
    }
    Ok(())
}

fn update(transaction: &Transaction<'_>, update: Update) -> Result<Option<StoredResource>> {
    let Update { key, expected, document, unique, members, modified_at } = update;
    let Some(mut row) = find(transaction, &key)? else { return Ok(None) };
    row.check_revision(expected)?;
    let mut has_changed = document.is_some();
    for change in &members {
        let change = MemberChange::of(change)?;
        keep_apart(transaction, row.scope, change.attribute())?;
        has_changed |= members::change(transaction, row.scope, row.resource, change)?;
    }
    if !members.is_empty() {
        // Keeping an attribute apart may have taken it out of the document.
        row = find(transaction, &key)?.ok_or_else(|| senseless("a resource is gone"))?;
    }
    if !has_changed {
        return Ok(Some(row.stored(&key.id)));
    }
    let old = values::of_document(&row.searchable(&key));
    row.revision.0 += 1;
    row.modified_at = modified_at;
    if let Some(mut document) = document {
        document::strip(&mut document);
        for attribute in members::attributes(transaction, row.scope)? {
            document.remove(&attribute);
        }
        row.document = document;
        transaction.prepare_cached("DELETE FROM unique_key WHERE resource = ?1")?.execute([row.resource])?;
        write_unique(transaction, row.scope, row.resource, &unique)?;
    }
    values::replace(transaction, row.scope, row.resource, &old, &values::of_document(&row.searchable(&key)))?;
    let revision = i64::try_from(row.revision.0).map_err(StoreError::backend)?;
    transaction
        .prepare_cached("UPDATE resource SET document = ?2, revision = ?3, modified_at = ?4 WHERE resource = ?1")?
        .execute(params![row.resource, write_document(&row.document)?, revision, instant_key(modified_at).as_slice()])?;
    Ok(Some(row.stored(&key.id)))
}

fn delete(transaction: &Transaction<'_>, key: &ResourceKey, expected: Option<Revision>) -> Result<bool> {
    let Some(row) = find(transaction, key)? else { return Ok(false) };
    row.check_revision(expected)?;
    transaction.prepare_cached("DELETE FROM resource WHERE resource = ?1")?.execute([row.resource])?;
    transaction.prepare_cached("UPDATE scope SET resources = resources - 1 WHERE scope = ?1")?.execute([row.scope])?;
    members::remove_everywhere(transaction, key)?;
    Ok(true)
}

fn query(transaction: &Transaction<'_>, query: &Query) -> Result<Page> {
    let Some((scope, resources)) = scope(transaction, query.tenant.as_str(), &query.resource_type)? else {
        return Ok(Page::default());
    };
    let mut parameters = Parameters::default();
    let bound = parameters.bind(scope);
    let mut condition = format!("r.scope = {bound}");
    if let Some(filter) = &query.filter {
        if let Some(narrowing) = filter::narrowing(filter.root(), &bound, &mut parameters) {
            // The plus keeps SQLite from walking the scope in order instead of using the narrowing.
            condition = format!("+{condition} AND {narrowing}");
        }
        condition = format!("{condition} AND {}", filter::condition(filter.root(), &mut parameters)?);
    }
    let counted = parameters.0.len();
    let key = query.sort.as_ref().map(|sort| filter::key(sort, &mut parameters)).transpose()?;
    let sort = query.sort.as_ref().zip(key.as_deref());
    let place = match &query.after {
        Some(position) => format!(" AND {}", filter::after(sort, position, &mut parameters)?),
        None => String::new(),
    };
    let order = filter::order(sort);
    // One more than the page has tells whether there is another page.
    let limit = parameters.bind(i64::try_from(query.count).unwrap_or(i64::MAX).saturating_add(1));
    let offset = parameters.bind(i64::try_from(query.offset).unwrap_or(i64::MAX));
    let sql = format!("SELECT r.resource FROM resource r WHERE {condition}{place} ORDER BY {order} LIMIT {limit} OFFSET {offset}");
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut found: Vec<i64> = statement.query_map(params_from_iter(&parameters.0), |row| row.get(0))?.collect::<Result<_, _>>()?;
    let has_more = found.len() as u64 > query.count;
    if has_more {
        found.pop();
    }
    let length = found.len() as u64;
    let total = if query.filter.is_none() {
        resources
    } else if query.after.is_none() && !has_more && (length > 0 || (query.offset == 0 && query.count > 0)) {
        // The page is the last one.
        query.offset + length
    } else {
        let sql = format!("SELECT count(*) FROM resource r WHERE {condition}");
        let parameters = parameters.0.iter().take(counted);
        let count: i64 = transaction.prepare_cached(&sql)?.query_row(params_from_iter(parameters), |row| row.get(0))?;
        u64::try_from(count).map_err(StoreError::backend)?
    };
    let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM resource r WHERE r.resource = ?1"))?;
    let last = found.last().copied().filter(|_| has_more);
    let mut page = Vec::with_capacity(found.len());
    for resource in found {
        let (id, mut row) = read_row(statement.query_row([resource], columns)?)?;
        add_members(transaction, &mut row, query.selection)?;
        page.push(row.stored(&id));
    }
    let next = match (last, page.last()) {
        (Some(resource), Some(stored)) => Some(Position::new(key_of(transaction, query, resource, stored)?, stored.id.clone())),
        _ => None,
    };
    Ok(Page { total, resources: page, next })
}

/// What a result was sorted by.
fn key_of(transaction: &Transaction<'_>, query: &Query, resource: i64, stored: &StoredResource) -> Result<Option<Vec<u8>>> {
    let Some(sort) = &query.sort else { return Ok(Some(instant_key(stored.created_at).to_vec())) };
    let mut parameters = Parameters::default();
    let resource = parameters.bind(resource);
    let sql = format!("SELECT {} FROM resource r WHERE r.resource = {resource}", filter::key(sort, &mut parameters)?);
    let key = transaction.prepare_cached(&sql)?.query_row(params_from_iter(&parameters.0), |row| row.get(0))?;
    filter::key_of_parameter(key)
}

fn add_members(transaction: &Transaction<'_>, row: &mut Row, selection: Selection) -> Result<()> {
    if selection == Selection::WithoutMembers {
        return Ok(());
    }
    for attribute in members::attributes(transaction, row.scope)? {
        let elements = members::elements(transaction, row.resource, &attribute)?;
        if !elements.is_empty() {
            row.document.insert(attribute, Value::List(elements));
        }
    }
    Ok(())
}

#[async_trait]
impl ResourceStore for SqliteResources {
    async fn create(&self, resource: NewResource) -> Result<StoredResource> {
        document::check_new(&resource)?;
        self.database.write(move |transaction| create(transaction, resource)).await
    }

    async fn get(&self, key: &ResourceKey, selection: Selection) -> Result<Option<StoredResource>> {
        let key = key.clone();
        let get = move |transaction: &Transaction<'_>| {
            let Some(mut row) = find(transaction, &key)? else { return Ok(None) };
            add_members(transaction, &mut row, selection)?;
            Ok(Some(row.stored(&key.id)))
        };
        self.database.read(get).await
    }

    async fn update(&self, change: Update) -> Result<Option<StoredResource>> {
        document::check_update(&change)?;
        self.database.write(move |transaction| update(transaction, change)).await
    }

    async fn delete(&self, key: &ResourceKey, expected: Option<Revision>) -> Result<bool> {
        let key = key.clone();
        self.database.write(move |transaction| delete(transaction, &key, expected)).await
    }

    async fn query(&self, wanted: &Query) -> Result<Page> {
        let wanted = wanted.clone();
        self.database.read(move |transaction| query(transaction, &wanted)).await
    }

    async fn memberships(&self, key: &ResourceKey) -> Result<Vec<(String, String, Option<String>)>> {
        let key = key.clone();
        self.database.read(move |transaction| members::memberships(transaction, &key)).await
    }
}
