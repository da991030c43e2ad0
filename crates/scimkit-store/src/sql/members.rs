//! Members as rows.

use scimkit_types::{Resource, Value};

use super::resources::{self, read_json, write_json};
use super::session::{Each, Parameter, Session, first, parameters, short};
use super::values::{self, Row};
use crate::error::Result;
use crate::resource::document::{self, MemberChange, member_key};

fn rows_of(path: &str, position: i64, element: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    values::of_element(path, position, element, &mut rows);
    rows.sort_by(|left, right| left.place().cmp(&right.place()));
    rows
}

const INSERT: Each = Each {
    one: "INSERT INTO @member (resource, attribute, value, scope, position, element) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    all: "INSERT INTO @member (resource, attribute, value, scope, position, element) \
          SELECT * FROM unnest(?1::bigint[], ?2::text[], ?3::text[], ?4::bigint[], ?5::bigint[], ?6::text[])",
};

/// Writes members of a resource that has none from that position on; their keys differ.
pub(super) async fn insert<S: Session>(
    session: &mut S,
    scope: i64,
    resource: i64,
    attribute: &str,
    first: i64,
    elements: &[(String, Value)],
) -> Result<()> {
    let path = attribute.to_ascii_lowercase();
    let (mut members, mut rows) = (Vec::with_capacity(elements.len()), Vec::new());
    for (position, (value, element)) in (first..).zip(elements) {
        members.push(parameters![resource, path.as_str(), short(value), scope, position, write_json(element)?].into());
        rows.extend(rows_of(&path, position, element));
    }
    session.each(&INSERT, &members).await?;
    values::insert(session, scope, resource, &rows).await
}

/// The members of resources as `(resource, attribute, element)`: by resource and attribute, in the order in which they were added.
pub(super) async fn elements<S: Session>(session: &mut S, resources: Vec<i64>) -> Result<Vec<(i64, String, Value)>> {
    let among = S::DIALECT.among("resource", "?1");
    let sql = format!("SELECT resource, attribute, element FROM @member WHERE {among} ORDER BY resource, attribute, position");
    let rows = session.rows(&sql, &[Parameter::Integers(resources)]).await?;
    let element = |mut row: super::session::Row| Ok((row.take()?, row.take()?, read_json(&row.take::<String>()?, "a member")?));
    rows.into_iter().map(element).collect()
}

/// Changes members; `false` if nothing changed.
pub(super) async fn change<S: Session>(session: &mut S, scope: i64, resource: i64, change: MemberChange<'_>) -> Result<bool> {
    let path = change.attribute().to_ascii_lowercase();
    match change {
        MemberChange::Add { member, .. } => {
            let value = member_key(member);
            let Some((position, known)) = find(session, resource, &path, &value).await? else {
                let sql = "SELECT coalesce(max(position) + 1, 0) FROM @member WHERE resource = ?1";
                let row = first(session, sql, &parameters![resource]).await?;
                let position = row.map_or(Ok(0), |mut row| row.take())?;
                insert(session, scope, resource, &path, position, &[(value, member.clone())]).await?;
                return Ok(true);
            };
            if known == *member {
                return Ok(false);
            }
            let sql = "UPDATE @member SET element = ?4 WHERE resource = ?1 AND attribute = ?2 AND value = ?3";
            session.execute(sql, &parameters![resource, path.as_str(), short(&value), write_json(member)?]).await?;
            values::replace(session, scope, resource, rows_of(&path, position, &known), rows_of(&path, position, member)).await?;
            Ok(true)
        }
        MemberChange::Remove { value, .. } => remove(session, resource, &path, value).await,
        MemberChange::Clear { .. } => {
            let sql = "DELETE FROM @member WHERE resource = ?1 AND attribute = ?2";
            let removed = session.execute(sql, &parameters![resource, path.as_str()]).await?;
            values::delete_attribute(session, resource, &path).await?;
            Ok(removed > 0)
        }
    }
}

async fn find<S: Session>(session: &mut S, resource: i64, path: &str, value: &str) -> Result<Option<(i64, Value)>> {
    let sql = "SELECT position, element FROM @member WHERE resource = ?1 AND attribute = ?2 AND value = ?3";
    let Some(mut row) = first(session, sql, &parameters![resource, path, short(value)]).await? else { return Ok(None) };
    Ok(Some((row.take()?, read_json(&row.take::<String>()?, "a member")?)))
}

async fn remove<S: Session>(session: &mut S, resource: i64, path: &str, value: &str) -> Result<bool> {
    let Some((position, known)) = find(session, resource, path, value).await? else { return Ok(false) };
    let sql = "DELETE FROM @member WHERE resource = ?1 AND attribute = ?2 AND value = ?3";
    session.execute(sql, &parameters![resource, path, short(value)]).await?;
    values::delete(session, resource, &rows_of(path, position, &known)).await?;
    Ok(true)
}

/// Keeps the elements of an attribute apart from now on, in the resources that there are as well.
pub(super) async fn keep_apart<S: Session>(session: &mut S, scope: i64, attribute: &str) -> Result<()> {
    // Nobody writes a document of the scope while those that there are are looked through.
    let sql = format!("SELECT s.scope FROM @scope s WHERE s.scope = ?1{}", S::DIALECT.lock_scope());
    session.rows(&sql, &parameters![scope]).await?;
    let known = session.rows("SELECT attribute FROM @member_attribute WHERE scope = ?1", &parameters![scope]).await?;
    for mut row in known {
        if row.take::<String>()?.eq_ignore_ascii_case(attribute) {
            return Ok(());
        }
    }
    session.execute("INSERT INTO @member_attribute (scope, attribute) VALUES (?1, ?2)", &parameters![scope, attribute]).await?;
    let attributes = [attribute.to_owned()];
    let mut last = -1;
    loop {
        let sql = "SELECT resource, document FROM @resource WHERE scope = ?1 AND resource > ?2 ORDER BY resource LIMIT 256";
        let rows = session.rows(sql, &parameters![scope, last]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for mut row in rows {
            let resource: i64 = row.take()?;
            last = resource;
            let mut document: Resource = read_json(&row.take::<String>()?, "a document")?;
            if document.get(attribute).is_none() {
                continue;
            }
            let taken = document::take_members(&mut document, &attributes);
            let sql = "UPDATE @resource SET document = ?2 WHERE resource = ?1";
            session.execute(sql, &parameters![resource, write_json(&document)?]).await?;
            values::delete_attribute(session, resource, &attribute.to_ascii_lowercase()).await?;
            for (attribute, elements) in taken {
                insert(session, scope, resource, &attribute, 0, &elements).await?;
            }
        }
    }
}

/// The scopes of the tenant of a resource, by its name as the first parameter.
const SCOPES: &str = "SELECT scope FROM @scope WHERE tenant = ?1";

/// Removes a resource from all members of its tenant; those that had it have changed then.
pub(super) async fn remove_everywhere<S: Session>(
    session: &mut S,
    tenant: &str,
    id: &str,
    removed_at: scimkit_types::Timestamp,
) -> Result<()> {
    let sql = format!("SELECT DISTINCT resource, attribute FROM @member WHERE scope IN ({SCOPES}) AND value = ?2 ORDER BY resource");
    let rows = session.rows(&sql, &parameters![tenant, short(id)]).await?;
    let mut owners: Vec<(i64, Vec<String>)> = Vec::new();
    for mut row in rows {
        let (resource, attribute) = (row.take()?, row.take()?);
        match owners.last_mut().filter(|(last, _)| *last == resource) {
            Some((_, attributes)) => attributes.push(attribute),
            None => owners.push((resource, vec![attribute])),
        }
    }
    for (owner, attributes) in owners {
        // The row of the owner is locked before its members are: that is the order in which changes of members take them.
        let Some(stamp) = resources::stamp(session, owner).await? else { continue };
        let mut has_changed = false;
        for attribute in &attributes {
            has_changed |= remove(session, owner, attribute, id).await?;
        }
        if has_changed {
            resources::touch(session, owner, stamp, removed_at).await?;
        }
    }
    Ok(())
}
