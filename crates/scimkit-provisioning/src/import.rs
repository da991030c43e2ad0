//! Reading the source: changes are merged into the records of the state, page by page, and what changed is marked.

use std::collections::{BTreeMap, BTreeSet};

use scimkit_mapping::SourceRecord;
use scimkit_store::{Batch, Table};
use scimkit_types::Value;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::event::Phase;
use crate::paging::Paging;
use crate::records::{JobRecord, Presence, ReadPosition, StoredRecord};
use crate::run::Run;
use crate::source::{Position, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage, is_usable_id};
use crate::state::{Work, object_key, put, put_job, referrer_key};

/// How often a cycle reads an object type from the beginning because its position is not known any more. A source that forgets positions
/// faster than they can be followed ends the cycle.
const MOST_RESTARTS: u32 = 3;

/// Reads every object type of the job to the end of its round.
///
/// A cycle that goes on reads on from where it stopped, also where its round had ended: what was put right at the source meanwhile counts.
pub(crate) async fn import(run: &Run<'_>, record: &mut JobRecord) -> Result<()> {
    let mut imported = 0;
    index_referrers(run, record).await?;
    for object_type in run.source.object_types() {
        if record.positions.get(&object_type).is_some_and(|position| position.is_round_complete) {
            // What comes now are changes, which do not tell every object.
            sweep(run, record, &object_type).await?;
        }
        if has_no_position(record, &object_type) && has_records(run, &object_type).await? {
            start_over(run, record, &object_type).await?;
        }
        let (mut paging, mut restarts) = (Paging::new(&object_type), 0);
        loop {
            let position = match record.positions.get(&object_type) {
                Some(position) => Some(&position.next),
                None => record.watermark.get(&object_type),
            };
            let page = match run.source.read(&object_type, position).await {
                Err(error) if error.kind == SourceErrorKind::PositionExpired && position.is_some() && restarts < MOST_RESTARTS => {
                    start_over(run, record, &object_type).await?;
                    (paging, restarts) = (Paging::new(&object_type), restarts + 1);
                    continue;
                }
                page => page?,
            };
            if !page.is_last {
                paging.follow(position, &page.next, page.changes.is_empty())?;
            }
            imported += u64::try_from(page.changes.len()).unwrap_or(u64::MAX);
            check_ids(&page)?;
            let references = page.changes.iter().map(|change| match &change.kind {
                SourceChangeKind::Present { references, .. } => references.len(),
                SourceChangeKind::SoftDeleted | SourceChangeKind::Deleted => 0,
            });
            let references = u64::try_from(references.sum::<usize>()).unwrap_or(u64::MAX);
            let is_last = page.is_last;
            take_page(run, record, &object_type, page).await?;
            run.count(|report| {
                report.imported = imported;
                report.imported_references = report.imported_references.saturating_add(references);
            });
            run.progress(Phase::Importing, imported, None);
            if is_last {
                break;
            }
        }
        sweep(run, record, &object_type).await?;
    }
    Ok(())
}

/// Whether the first round of an object type has not begun.
fn has_no_position(job: &JobRecord, object_type: &str) -> bool {
    let is_known = job.positions.contains_key(object_type) || job.watermark.contains_key(object_type);
    !is_known && !job.restarted.contains(object_type)
}

/// Whether there are objects of a type, as when some were provisioned on demand before the first round, which may not show them any more.
async fn has_records(run: &Run<'_>, object_type: &str) -> Result<bool> {
    Ok(run.state.walk::<IgnoredAny>(Table::Record, object_key(object_type, "")).next().await?.is_some())
}

/// Refuses ids that cannot be the key of a record.
fn check_ids(page: &SourcePage) -> Result<()> {
    let are_usable = |change: &SourceChange| match &change.kind {
        SourceChangeKind::Present { references, .. } => is_usable_id(&change.id) && references.iter().all(|other| is_usable_id(&other.id)),
        SourceChangeKind::SoftDeleted | SourceChangeKind::Deleted => is_usable_id(&change.id),
    };
    match page.changes.iter().find(|change| !are_usable(change)) {
        Some(change) => {
            let message = format!(
                "expected ids that are not empty and do not hold U+0000, found one in the change of `{}`",
                change.id.escape_default()
            );
            Err(SourceError::new(SourceErrorKind::Invalid, message).into())
        }
        None => Ok(()),
    }
}

/// The source no longer knows the position: its stream is read from the beginning, and what is seen is remembered.
async fn start_over(run: &Run<'_>, job: &mut JobRecord, object_type: &str) -> Result<()> {
    job.positions.remove(object_type);
    job.watermark.remove(object_type);
    job.restarted.insert(object_type.to_owned());
    let mut batch = Batch::new();
    batch.clear(Table::Seen, object_key(object_type, ""));
    put_job(&mut batch, job)?;
    run.state.commit(batch).await
}

/// Takes the objects that a round from the beginning did not show as deleted: softly, for the round does not tell which deletions are final.
/// Does nothing after any other round.
async fn sweep(run: &Run<'_>, job: &mut JobRecord, object_type: &str) -> Result<()> {
    if !job.restarted.contains(object_type) {
        return Ok(());
    }
    let prefix = object_key(object_type, "");
    let mut walk = run.state.walk::<StoredRecord>(Table::Record, prefix.as_str());
    while let Some(rows) = walk.next().await? {
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        let seen = run.state.get_many::<IgnoredAny>(Table::Seen, &keys).await?;
        let mut batch = Batch::new().deferred();
        for ((key, stored), seen) in rows.into_iter().zip(seen) {
            if seen.is_none() && stored.presence == Presence::Present {
                batch.put(Table::Pending, Work::Object.key(object_type, &stored.record.id), "null");
                put(&mut batch, Table::Record, key, &with_presence(&stored, Presence::SoftDeleted))?;
            }
        }
        run.state.commit(batch).await?;
    }
    job.restarted.remove(object_type);
    let mut batch = Batch::new();
    batch.clear(Table::Seen, prefix);
    put_job(&mut batch, job)?;
    run.state.commit(batch).await
}

/// Merges a page. A round that starts over tells every object whole, so that the first change of each replaces what was known.
///
/// INVARIANT (no lost change): the merged records, their marks and the position after the page are one batch.
async fn take_page(run: &Run<'_>, job: &mut JobRecord, object_type: &str, page: SourcePage) -> Result<()> {
    let mut keys: Vec<String> = page.changes.iter().map(|change| object_key(object_type, &change.id)).collect();
    keys.sort_unstable();
    keys.dedup();
    let stored = run.state.get_many::<StoredRecord>(Table::Record, &keys).await?;
    let mut unseen = BTreeSet::new();
    if job.restarted.contains(object_type) {
        let seen = run.state.get_many::<IgnoredAny>(Table::Seen, &keys).await?;
        unseen.extend(keys.iter().zip(seen).filter(|(_, seen)| seen.is_none()).map(|(key, _)| key.clone()));
    }
    let mut known: BTreeMap<String, Option<StoredRecord>> = keys.into_iter().zip(stored).collect();

    // What is lost is read again.
    let mut batch = Batch::new().deferred();
    for key in &unseen {
        batch.put(Table::Seen, key.clone(), "null");
    }
    for change in page.changes {
        let key = object_key(object_type, &change.id);
        let Some(slot) = known.get_mut(&key) else { continue };
        let id = change.id.clone();
        let is_whole = unseen.remove(&key) && matches!(change.kind, SourceChangeKind::Present { .. });
        let merged = if is_whole { replace(object_type, slot.as_ref(), change) } else { merge(object_type, slot.as_ref(), change) };
        if merged == *slot {
            continue;
        }
        if let Some(merged) = &merged {
            put(&mut batch, Table::Record, object_key(object_type, &id), merged)?;
            put_referrers(&mut batch, slot.as_ref(), Some(merged));
            batch.put(Table::Pending, Work::Object.key(object_type, &id), "null");
        }
        *slot = merged;
    }
    job.positions.insert(object_type.to_owned(), ReadPosition { next: page.next, is_round_complete: page.is_last });
    put_job(&mut batch, job)?;
    run.state.commit(batch).await
}

/// Brings the index of who refers to whom in step with a record that changes, comes or goes.
///
/// INVARIANT (no forgotten reference): this is in the same batch as the record.
pub(crate) fn put_referrers(batch: &mut Batch, before: Option<&StoredRecord>, after: Option<&StoredRecord>) {
    for key in referrers_only_in(before, after) {
        batch.delete(Table::Referrer, key);
    }
    for key in referrers_only_in(after, before) {
        batch.put(Table::Referrer, key, "null");
    }
}

/// The keys in the index of the references that one record has and another one of the same object does not.
fn referrers_only_in(stored: Option<&StoredRecord>, other: Option<&StoredRecord>) -> Vec<String> {
    let Some(SourceRecord { id, object_type, references, .. }) = stored.map(|stored| &stored.record) else { return Vec::new() };
    let mut keys = Vec::new();
    for (attribute, ids) in references {
        // References stand in order.
        let known = other.and_then(|other| other.record.references.get(attribute)).map(Vec::as_slice).unwrap_or_default();
        let new = ids.iter().filter(|other| known.binary_search(other).is_err());
        keys.extend(new.map(|other| referrer_key(other, object_type, id, attribute)));
    }
    keys
}

/// Makes the index of who refers to whom for a state that was made without one.
async fn index_referrers(run: &Run<'_>, job: &mut JobRecord) -> Result<()> {
    if job.has_referrers {
        return Ok(());
    }
    let mut walk = run.state.walk::<StoredRecord>(Table::Record, "");
    while let Some(rows) = walk.next().await? {
        let mut batch = Batch::new().deferred();
        for (_, stored) in rows {
            put_referrers(&mut batch, None, Some(&stored));
        }
        run.state.commit(batch).await?;
    }
    job.has_referrers = true;
    let mut batch = Batch::new();
    put_job(&mut batch, job)?;
    run.state.commit(batch).await
}

/// Takes what the source tells of one object: the changes tell it whole; without any, it is gone and may come back. Returns what is known
/// of it then.
pub(crate) async fn take_one(run: &Run<'_>, object_type: &str, id: &str, changes: Vec<SourceChange>) -> Result<Option<StoredRecord>> {
    let page = SourcePage::new(changes, Position::new(""), true);
    check_ids(&page)?;
    let key = object_key(object_type, id);
    let stored: Option<StoredRecord> = run.state.get(Table::Record, &key).await?;
    let mut changes = page.changes.into_iter().filter(|change| change.id == id);
    let mut merged = match changes.next() {
        Some(first) if matches!(first.kind, SourceChangeKind::Present { .. }) => replace(object_type, stored.as_ref(), first),
        Some(first) => merge(object_type, stored.as_ref(), first),
        None => stored.as_ref().map(|stored| match stored.presence {
            Presence::Present => with_presence(stored, Presence::SoftDeleted),
            Presence::SoftDeleted | Presence::Deleted => stored.clone(),
        }),
    };
    for change in changes {
        merged = merge(object_type, merged.as_ref(), change);
    }
    if let Some(record) = merged.as_ref().filter(|_| merged != stored) {
        let mut batch = Batch::new();
        put(&mut batch, Table::Record, key, record)?;
        put_referrers(&mut batch, stored.as_ref(), Some(record));
        batch.put(Table::Pending, Work::Object.key(object_type, id), "null");
        run.state.commit(batch).await?;
    }
    Ok(merged)
}

/// The record after a change. Merging the same change again changes nothing.
fn merge(object_type: &str, stored: Option<&StoredRecord>, change: SourceChange) -> Option<StoredRecord> {
    let (attributes, references) = match change.kind {
        SourceChangeKind::Present { attributes, references } => (attributes, references),
        SourceChangeKind::SoftDeleted => return stored.map(|stored| with_presence(stored, Presence::SoftDeleted)),
        SourceChangeKind::Deleted => return stored.map(|stored| with_presence(stored, Presence::Deleted)),
    };
    let mut merged =
        stored.cloned().unwrap_or_else(|| StoredRecord { record: SourceRecord::new(change.id, object_type), presence: Presence::Present });
    merged.presence = Presence::Present;
    for (name, value) in attributes {
        if value == Value::Null {
            merged.record.attributes.remove(&name);
        } else {
            merged.record.attributes.insert(name, value);
        }
    }
    for reference in references {
        let ids = merged.record.references.entry(reference.attribute).or_default();
        match (ids.binary_search(&reference.id), reference.is_removed) {
            (Ok(index), true) => {
                ids.remove(index);
            }
            (Err(index), false) => ids.insert(index, reference.id),
            _ => {}
        }
    }
    Some(merged)
}

/// The record of an object that is told whole: what is not told is not so any more. References that are not told have ended, which is
/// more than that nothing is known of them.
fn replace(object_type: &str, stored: Option<&StoredRecord>, change: SourceChange) -> Option<StoredRecord> {
    let mut whole = merge(object_type, None, change)?;
    for attribute in stored.into_iter().flat_map(|stored| stored.record.references.keys()) {
        whole.record.references.entry(attribute.clone()).or_default();
    }
    Some(whole)
}

fn with_presence(stored: &StoredRecord, presence: Presence) -> StoredRecord {
    StoredRecord { record: stored.record.clone(), presence }
}

/// Marks every object that the state has for evaluation, because the job itself changed.
pub(crate) async fn mark_all(run: &Run<'_>) -> Result<()> {
    let mut walk = run.state.walk::<IgnoredAny>(Table::Record, "");
    while let Some(rows) = walk.next().await? {
        let mut batch = Batch::new().deferred();
        for (key, _) in rows {
            if let Some((object_type, id)) = key.split_once('/') {
                batch.put(Table::Pending, Work::Object.key(object_type, id), "null");
            }
        }
        run.state.commit(batch).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use scimkit_store::Step;
    use scimkit_types::ComplexValue;

    use super::*;
    use crate::source::ReferenceChange;

    fn present(attributes: &[(&str, Value)], references: &[(&str, &str, bool)]) -> SourceChange {
        let attributes: ComplexValue = attributes.iter().map(|(name, value)| (*name, value.clone())).collect();
        let references = references.iter().map(|(name, id, is_removed)| ReferenceChange::new(*name, *id, *is_removed)).collect();
        SourceChange::new("1", SourceChangeKind::Present { attributes, references })
    }

    #[test]
    fn absent_keeps_and_null_removes() {
        let first = merge("User", None, present(&[("mail", "a".into()), ("title", "b".into())], &[])).unwrap();
        let second = merge("User", Some(&first), present(&[("TITLE", Value::Null)], &[])).unwrap();
        assert_eq!(second.record.attributes.get("mail").and_then(Value::as_str), Some("a"));
        assert_eq!(second.record.attributes.get("title"), None);
    }

    #[test]
    fn a_replayed_change_changes_nothing() {
        let change = present(&[("mail", "a".into())], &[("members", "7", false), ("members", "3", false), ("members", "9", true)]);
        let first = merge("Group", None, change.clone());
        assert_eq!(merge("Group", first.as_ref(), change), first);
        assert_eq!(first.unwrap().record.references.get("members").unwrap(), &["3", "7"]);
    }

    #[test]
    fn references_that_a_whole_object_does_not_tell_have_ended() {
        let first = merge("User", None, present(&[("mail", "a".into()), ("title", "b".into())], &[("manager", "7", false)]));
        let whole = replace("User", first.as_ref(), present(&[("mail", "a".into())], &[])).unwrap();
        assert_eq!(whole.record.attributes.get("title"), None);
        assert!(whole.record.references.get("manager").is_some_and(Vec::is_empty), "{:?}", whole.record.references);
    }

    #[test]
    fn a_deleted_object_that_comes_back_is_present() {
        let first = merge("User", None, present(&[("mail", "a".into())], &[]));
        let deleted = merge("User", first.as_ref(), SourceChange::new("1", SourceChangeKind::SoftDeleted));
        assert_eq!(deleted.as_ref().unwrap().presence, Presence::SoftDeleted);
        assert_eq!(merge("User", deleted.as_ref(), present(&[], &[])), first);
        assert_eq!(merge("User", None, SourceChange::new("1", SourceChangeKind::Deleted)), None);
    }

    #[test]
    fn the_index_of_referrers_gets_what_began_and_loses_what_ended() {
        let keys = |before: Option<&StoredRecord>, after: Option<&StoredRecord>| {
            let mut batch = Batch::new();
            put_referrers(&mut batch, before, after);
            let steps = batch.steps.into_iter().map(|step| match step {
                Step::Put { key, .. } => format!("+{}", key.replace('\u{1f}', " ")),
                Step::Delete { key, .. } => format!("-{}", key.replace('\u{1f}', " ")),
                Step::Clear { prefix, .. } => prefix,
                Step::Schedule { due_at } => due_at.to_string(),
            });
            steps.collect::<Vec<_>>()
        };
        let first = merge("User", None, present(&[], &[("manager", "7", false), ("owner", "7", false)]));
        assert_eq!(keys(None, first.as_ref()), ["+7 manager User/1", "+7 owner User/1"]);
        let second = merge("User", first.as_ref(), present(&[], &[("manager", "7", true), ("manager", "8", false)]));
        assert_eq!(keys(first.as_ref(), second.as_ref()), ["-7 manager User/1", "+8 manager User/1"]);
        assert_eq!(keys(second.as_ref(), second.as_ref()), Vec::<String>::new());
        assert_eq!(keys(second.as_ref(), None), ["-8 manager User/1", "-7 owner User/1"]);
    }
}
