//! Members as rows.

use rusqlite::{OptionalExtension, Transaction, params};
use scimkit_types::{Resource, Value};

use super::resources::read_json;
use super::values::{self, Row};
use crate::error::{Result, StoreError};
use crate::resource::ResourceKey;
use crate::resource::document::{MemberChange, member_key};

/// The attributes whose elements are kept apart, in the spelling that came first.
pub(super) fn attributes(transaction: &Transaction<'_>, scope: i64) -> Result<Vec<String>> {
    let mut statement = transaction.prepare_cached("SELECT attribute FROM member_attribute WHERE scope = ?1 ORDER BY attribute")?;
    Ok(statement.query_map([scope], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn write_element(element: &Value) -> Result<String> {
    serde_json::to_string(element).map_err(StoreError::backend)
}

fn rows_of(path: &str, position: i64, element: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    values::of_element(path, position, element, &mut rows);
    rows.sort_by(|left, right| left.place().cmp(&right.place()));
    rows
}

/// Writes the members of a resource that has none; their keys differ.
pub(super) fn insert_all(
    transaction: &Transaction<'_>,
    scope: i64,
    resource: i64,
    attribute: &str,
    elements: &[(String, Value)],
) -> Result<()> {
    (0..).zip(elements).try_for_each(|(position, (value, element))| {
        insert(transaction, scope, resource, &attribute.to_ascii_lowercase(), value, position, element)
    })
}

fn insert(transaction: &Transaction<'_>, scope: i64, resource: i64, path: &str, value: &str, position: i64, element: &Value) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO member (resource, attribute, value, scope, position, element) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![resource, path, value, scope, position, write_element(element)?])?;
    values::insert(transaction, scope, resource, &rows_of(path, position, element))
}

/// The members of a resource in the order in which they were added.
pub(super) fn elements(transaction: &Transaction<'_>, resource: i64, attribute: &str) -> Result<Vec<Value>> {
    let mut statement =
        transaction.prepare_cached("SELECT element FROM member WHERE resource = ?1 AND attribute = ?2 ORDER BY position")?;
    let mut rows = statement.query(params![resource, attribute.to_ascii_lowercase()])?;
    let mut elements = Vec::new();
    while let Some(row) = rows.next()? {
        elements.push(read_json(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?, "a member")?);
    }
    Ok(elements)
}

/// Changes members; `false` if nothing changed.
pub(super) fn change(transaction: &Transaction<'_>, scope: i64, resource: i64, change: MemberChange<'_>) -> Result<bool> {
    let path = change.attribute().to_ascii_lowercase();
    match change {
        MemberChange::Add { member, .. } => {
            let value = member_key(member);
            let Some((position, known)) = find(transaction, resource, &path, &value)? else {
                let position = transaction
                    .prepare_cached("SELECT coalesce(max(position) + 1, 0) FROM member WHERE resource = ?1 AND attribute = ?2")?
                    .query_row(params![resource, path], |row| row.get(0))?;
                insert(transaction, scope, resource, &path, &value, position, member)?;
                return Ok(true);
            };
            if known == *member {
                return Ok(false);
            }
            transaction
                .prepare_cached("UPDATE member SET element = ?4 WHERE resource = ?1 AND attribute = ?2 AND value = ?3")?
                .execute(params![resource, path, value, write_element(member)?])?;
            values::replace(transaction, scope, resource, &rows_of(&path, position, &known), &rows_of(&path, position, member))?;
            Ok(true)
        }
        MemberChange::Remove { value, .. } => remove(transaction, resource, &path, value),
        MemberChange::Clear { .. } => {
            let removed = transaction
                .prepare_cached("DELETE FROM member WHERE resource = ?1 AND attribute = ?2")?
                .execute(params![resource, path])?;
            transaction
                .prepare_cached("DELETE FROM value WHERE resource = ?1 AND (path = ?2 OR (path >= ?2 || '.' AND path < ?2 || '/'))")?
                .execute(params![resource, path])?;
            Ok(removed > 0)
        }
    }
}

fn find(transaction: &Transaction<'_>, resource: i64, path: &str, value: &str) -> Result<Option<(i64, Value)>> {
    let mut statement =
        transaction.prepare_cached("SELECT position, element FROM member WHERE resource = ?1 AND attribute = ?2 AND value = ?3")?;
    let found: Option<(i64, String)> =
        statement.query_row(params![resource, path, value], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    found.map(|(position, element)| Ok((position, read_json(&element, "a member")?))).transpose()
}

fn remove(transaction: &Transaction<'_>, resource: i64, path: &str, value: &str) -> Result<bool> {
    let Some((position, known)) = find(transaction, resource, path, value)? else { return Ok(false) };
    transaction
        .prepare_cached("DELETE FROM member WHERE resource = ?1 AND attribute = ?2 AND value = ?3")?
        .execute(params![resource, path, value])?;
    values::delete(transaction, resource, &rows_of(path, position, &known))?;
    Ok(true)
}

/// The scopes of the tenant of a resource.
const SCOPES: &str = "SELECT scope FROM scope WHERE tenant = ?1";

/// Removes a resource from all members of its tenant; the revisions of those that had it grow.
pub(super) fn remove_everywhere(transaction: &Transaction<'_>, key: &ResourceKey) -> Result<()> {
    let sql = format!("SELECT DISTINCT resource, attribute FROM member WHERE scope IN ({SCOPES}) AND value = ?2 ORDER BY resource");
    let mut statement = transaction.prepare_cached(&sql)?;
    let owners = statement.query_map([key.tenant.as_str(), &key.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let owners: Vec<(i64, String)> = owners.collect::<Result<_, _>>()?;
    let mut last = None;
    for (owner, attribute) in owners {
        remove(transaction, owner, &attribute, &key.id)?;
        if last.replace(owner) != Some(owner) {
            transaction.prepare_cached("UPDATE resource SET revision = revision + 1 WHERE resource = ?1")?.execute([owner])?;
        }
    }
    Ok(())
}

/// The resources of the tenant that have this one as a member.
pub(super) fn memberships(transaction: &Transaction<'_>, key: &ResourceKey) -> Result<Vec<(String, String, Option<String>)>> {
    let sql = format!(
        "SELECT s.resource_type, r.id, r.document FROM resource r JOIN scope s ON s.scope = r.scope \
         WHERE r.resource IN (SELECT resource FROM member WHERE scope IN ({SCOPES}) AND value = ?2) ORDER BY r.id, s.resource_type"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query([key.tenant.as_str(), &key.id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let document: Resource = read_json(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?, "a document")?;
        let display = document.get("displayName").and_then(Value::as_str).map(str::to_owned);
        found.push((row.get(0)?, row.get(1)?, display));
    }
    Ok(found)
}
