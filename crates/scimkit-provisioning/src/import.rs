//! Reading the source: changes are merged into the records of the state, page by page, and what changed is marked.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem::take;

use scimkit_mapping::SourceRecord;
use scimkit_store::{Batch, Table};
use scimkit_types::Value;
use serde::de::IgnoredAny;

use crate::entitlement::{GROUP, MEMBERS, grants};
use crate::error::Result;
use crate::event::Phase;
use crate::paging::Paging;
use crate::records::{JobRecord, Presence, ReadPosition, StoredRecord};
use crate::reference_rows::{Other, clear_gone, touched_key, whole_key};
use crate::run::Run;
use crate::source::{Position, ReferenceChange, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage, is_usable_id};
use crate::state::{
    CHUNK, Work, entitlement_key, object_key, part_text, put, put_job, reference_key, reference_parts, references_prefix, referrer_key,
};

/// How many changes of state are gathered at most, about, while references end that a round from the beginning does not tell.
const MOST_STEPS: usize = 4 * CHUNK;

/// How often a cycle reads an object type from the beginning because its position is not known any more. A source that forgets positions
/// faster than they can be followed ends the cycle.
const MOST_RESTARTS: u32 = 3;

/// Reads every object type of the job to the end of its round.
///
/// A cycle that goes on reads on from where it stopped, also where its round had ended: what was put right at the source meanwhile counts.
pub(crate) async fn import(run: &Run<'_>, record: &mut JobRecord) -> Result<()> {
    let mut imported = 0;
    clear_gone(run).await?;
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
/// What has ended of them meanwhile will not be told, so that they are to be told whole. Does nothing after any other round; one that shows
/// nobody at all is refused unless the removals are released.
async fn sweep(run: &Run<'_>, job: &mut JobRecord, object_type: &str) -> Result<()> {
    if !job.restarted.contains(object_type) {
        return Ok(());
    }
    let prefix = object_key(object_type, "");
    if shows_nothing_any_more(run, object_type).await? && !run.are_removals_released().await? {
        // The next cycle asks again from the beginning, not for what has changed since.
        start_over(run, job, object_type).await?;
        let message = format!(
            "expected objects of the type `{object_type}`, as there were before, found none at all; none is taken as deleted unless the \
             removals are released, by `ForceDeletes` or `with_removals_allowed`"
        );
        return Err(SourceError::new(SourceErrorKind::Invalid, message).into());
    }
    let mut walk = run.state.walk::<StoredRecord>(Table::Record, prefix.as_str());
    while let Some(rows) = walk.next().await? {
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        let seen = run.state.get_many::<IgnoredAny>(Table::Seen, &keys).await?;
        let mut batch = Batch::new().deferred();
        for ((key, stored), seen) in rows.into_iter().zip(seen) {
            let is_gone = stored.presence == Presence::Present;
            if seen.is_some() || (!is_gone && stored.is_untold) {
                continue;
            }
            if is_gone {
                batch.put(Table::Pending, Work::Object.key(object_type, &stored.record.id), "null");
                if object_type == GROUP {
                    batch.put(Table::Pending, entitlement_key(""), "null");
                }
            }
            let presence = if is_gone { Presence::SoftDeleted } else { stored.presence };
            put(&mut batch, Table::Record, key, &StoredRecord { presence, is_untold: true, ..stored })?;
        }
        run.state.commit(batch).await?;
    }
    job.restarted.remove(object_type);
    let mut batch = Batch::new();
    batch.clear(Table::Seen, prefix);
    put_job(&mut batch, job)?;
    run.state.commit(batch).await
}

/// Whether a round from the beginning told nothing at all, though there were objects: that is far more often a source that is broken than one
/// that is empty.
async fn shows_nothing_any_more(run: &Run<'_>, object_type: &str) -> Result<bool> {
    let prefix = object_key(object_type, "");
    if run.state.walk::<IgnoredAny>(Table::Seen, prefix.as_str()).next().await?.is_some() {
        return Ok(false);
    }
    let mut walk = run.state.walk::<StoredRecord>(Table::Record, prefix.as_str());
    while let Some(rows) = walk.next().await? {
        if rows.iter().any(|(_, stored)| stored.presence == Presence::Present) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Merges a page. A round that starts over tells every object whole, so that the first change of each replaces what was known; so does the
/// first change of an object that such a round did not show.
///
/// INVARIANT (no lost change): what changed, its marks and the position after the page are one batch, for what is read again may be newer.
/// Only that a round from the beginning ends references may be written before, since after a kill it ends what it does not tell again.
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
    let mut merging = Merging::new(run, object_type, &page.changes).await?;
    merging.can_split = true;
    let mut seen = Vec::new();
    for change in page.changes {
        let key = object_key(object_type, &change.id);
        let Some(slot) = known.get_mut(&key) else { continue };
        let is_first = unseen.remove(&key);
        let is_untold = is_first || slot.as_ref().is_some_and(|stored| stored.is_untold);
        let is_whole = is_untold && matches!(change.kind, SourceChangeKind::Present { .. });
        merging.merge(slot, change, is_whole).await?;
        if is_first {
            seen.push(key);
        }
    }
    for key in seen {
        merging.batch.put(Table::Seen, key, "null");
    }
    job.positions.insert(object_type.to_owned(), ReadPosition { next: page.next, is_round_complete: page.is_last });
    put_job(&mut merging.batch, job)?;
    run.state.commit(merging.batch).await
}

/// Those of the keys that a table has.
async fn there(run: &Run<'_>, table: Table, keys: &[String]) -> Result<HashSet<String>> {
    let there = run.state.get_many::<IgnoredAny>(table, keys).await?;
    Ok(keys.iter().zip(there).filter(|(_, there)| there.is_some()).map(|(key, _)| key.clone()).collect())
}

/// Changes of objects of one type that are being merged into what is known.
#[derive(Debug)]
struct Merging<'a> {
    run: &'a Run<'a>,
    object_type: &'a str,
    /// Whether there is each reference that the changes tell of, by its key.
    references: HashMap<String, bool>,
    /// The keys of the objects that are linked and have lists of references: of what is not linked, all are written when it is.
    linked: HashSet<String>,
    /// The keys of the groups whose members are entitled.
    entitling: HashSet<String>,
    /// What is lost is read again.
    batch: Batch,
    /// Whether the references that a whole object does not have any more may be ended before the rest is written.
    can_split: bool,
}

impl<'a> Merging<'a> {
    async fn new(run: &'a Run<'_>, object_type: &'a str, changes: &[SourceChange]) -> Result<Self> {
        let mut keys = Vec::new();
        for change in changes {
            if let SourceChangeKind::Present { references, .. } = &change.kind {
                keys.extend(references.iter().map(|other| reference_key(object_type, &change.id, &other.attribute, &other.id)));
            }
        }
        let mut references = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let there = run.state.get_many::<IgnoredAny>(Table::Reference, keys).await?;
            references.extend(keys.iter().cloned().zip(there.iter().map(Option::is_some)));
        }
        let mut keys: Vec<String> = changes.iter().map(|change| object_key(object_type, &change.id)).collect();
        keys.sort_unstable();
        keys.dedup();
        let linked = if run.has_lists(object_type) { there(run, Table::Link, &keys).await? } else { HashSet::new() };
        let entitling = if object_type == GROUP { there(run, Table::Assignment, &keys).await? } else { HashSet::new() };
        Ok(Self { run, object_type, references, linked, entitling, batch: Batch::new().deferred(), can_split: false })
    }

    /// Merges a change; one that tells the object whole replaces what was known of it.
    async fn merge(&mut self, slot: &mut Option<StoredRecord>, mut change: SourceChange, is_whole: bool) -> Result<()> {
        let id = change.id.clone();
        let references = match &mut change.kind {
            SourceChangeKind::Present { references, .. } => take(references),
            SourceChangeKind::SoftDeleted | SourceChangeKind::Deleted => Vec::new(),
        };
        let told: Vec<String> = references.iter().map(|reference| reference.attribute.clone()).collect();
        let mut merged =
            if is_whole { replace(self.object_type, slot.as_ref(), change) } else { merge(self.object_type, slot.as_ref(), change) };
        if let Some(merged) = &mut merged {
            merged.record.references.extend(told.into_iter().map(|attribute| (attribute, Vec::new())));
        }
        if let Some(merged) = merged.as_ref().filter(|_| merged != *slot) {
            put(&mut self.batch, Table::Record, object_key(self.object_type, &id), merged)?;
            if self.object_type == GROUP && slot.as_ref().is_none_or(|known| grants(known) != grants(merged)) {
                self.batch.put(Table::Pending, entitlement_key(""), "null");
            }
            self.mark(&id);
        }
        *slot = merged;
        if is_whole {
            self.end_untold(&id, &references).await?;
        }
        for reference in references {
            self.take_reference(&id, &reference);
        }
        Ok(())
    }

    fn mark(&mut self, id: &str) {
        self.batch.put(Table::Pending, Work::Object.key(self.object_type, id), "null");
    }

    fn take_reference(&mut self, id: &str, reference: &ReferenceChange) {
        let ReferenceChange { attribute, id: other, is_removed } = reference;
        let key = reference_key(self.object_type, id, attribute, other);
        if self.references.insert(key.clone(), !is_removed).unwrap_or_default() != *is_removed {
            return;
        }
        if *is_removed {
            self.batch.delete(Table::Reference, key);
            self.batch.delete(Table::Referrer, referrer_key(other, self.object_type, id, attribute));
        } else {
            self.batch.put(Table::Reference, key, "null");
            self.batch.put(Table::Referrer, referrer_key(other, self.object_type, id, attribute), "null");
        }
        let object = object_key(self.object_type, id);
        if self.linked.contains(&object) {
            let other = Other::Source(other.clone());
            self.batch.put(Table::Touched, touched_key(self.object_type, id, &other), "null");
        }
        if attribute == MEMBERS && self.entitling.contains(&object) {
            self.batch.put(Table::Pending, entitlement_key(other), "null");
        }
        self.mark(id);
    }

    /// Ends the references that an object which is told whole does not have any more.
    async fn end_untold(&mut self, id: &str, told: &[ReferenceChange]) -> Result<()> {
        let told: BTreeSet<String> = told
            .iter()
            .filter(|reference| !reference.is_removed)
            .map(|reference| reference_key(self.object_type, id, &reference.attribute, &reference.id))
            .collect();
        let prefix = references_prefix(self.object_type, id);
        let mut walk = self.run.state.walk::<IgnoredAny>(Table::Reference, prefix.as_str());
        while let Some(rows) = walk.next().await? {
            for (key, _) in rows.into_iter().filter(|(key, _)| !told.contains(key)) {
                let Some((attribute, other)) = key.strip_prefix(&prefix).and_then(reference_parts) else { continue };
                let reference = ReferenceChange::new(part_text(attribute), part_text(other), true);
                self.references.insert(key, true);
                self.take_reference(id, &reference);
            }
            if self.can_split && self.batch.steps.len() > MOST_STEPS {
                self.run.state.commit(std::mem::replace(&mut self.batch, Batch::new().deferred())).await?;
            }
        }
        Ok(())
    }
}

/// Takes what the source tells of one object: the changes tell it whole; without any, it is gone and may come back. Returns what is known
/// of it then.
pub(crate) async fn take_one(run: &Run<'_>, object_type: &str, id: &str, changes: Vec<SourceChange>) -> Result<Option<StoredRecord>> {
    let page = SourcePage::new(changes, Position::new(""), true);
    check_ids(&page)?;
    clear_gone(run).await?;
    let mut slot: Option<StoredRecord> = run.state.get(Table::Record, &object_key(object_type, id)).await?;
    let changes: Vec<SourceChange> = page.changes.into_iter().filter(|change| change.id == id).collect();
    let mut merging = Merging::new(run, object_type, &changes).await?;
    if changes.is_empty() && slot.as_ref().is_some_and(|stored| stored.presence == Presence::Present) {
        merging.merge(&mut slot, SourceChange::new(id, SourceChangeKind::SoftDeleted), false).await?;
    }
    for (index, change) in changes.into_iter().enumerate() {
        let is_whole = index == 0 && matches!(change.kind, SourceChangeKind::Present { .. });
        merging.merge(&mut slot, change, is_whole).await?;
    }
    merging.batch.is_deferred = false;
    run.state.commit(merging.batch).await?;
    Ok(slot)
}

/// The record after a change, whose references stand in rows of their own. Merging the same change again changes nothing.
fn merge(object_type: &str, stored: Option<&StoredRecord>, change: SourceChange) -> Option<StoredRecord> {
    let attributes = match change.kind {
        SourceChangeKind::Present { attributes, .. } => attributes,
        SourceChangeKind::SoftDeleted => return stored.map(|stored| with_presence(stored, Presence::SoftDeleted)),
        SourceChangeKind::Deleted => return stored.map(|stored| with_presence(stored, Presence::Deleted)),
    };
    let mut record = stored.map_or_else(|| SourceRecord::new(change.id, object_type), |stored| stored.record.clone());
    for (name, value) in attributes {
        if value == Value::Null {
            record.attributes.remove(&name);
        } else {
            record.attributes.insert(name, value);
        }
    }
    Some(StoredRecord { record, presence: Presence::Present, is_untold: false })
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
    StoredRecord { presence, ..stored.clone() }
}

/// Marks every object that the state has for evaluation, because the job itself changed.
pub(crate) async fn mark_all(run: &Run<'_>) -> Result<()> {
    let mut walk = run.state.walk::<IgnoredAny>(Table::Record, "");
    while let Some(rows) = walk.next().await? {
        let mut batch = Batch::new().deferred();
        for (key, _) in rows {
            if let Some((object_type, id)) = key.split_once('/') {
                batch.put(Table::Pending, Work::Object.key(object_type, id), "null");
                if run.has_lists(object_type) {
                    batch.put(Table::Touched, whole_key(object_type, id), "null");
                }
            }
        }
        run.state.commit(batch).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use scimkit_types::ComplexValue;

    use super::*;

    fn present(attributes: &[(&str, Value)]) -> SourceChange {
        let attributes: ComplexValue = attributes.iter().map(|(name, value)| (*name, value.clone())).collect();
        SourceChange::new("1", SourceChangeKind::Present { attributes, references: Vec::new() })
    }

    #[test]
    fn absent_keeps_and_null_removes() {
        let first = merge("User", None, present(&[("mail", "a".into()), ("title", "b".into())])).unwrap();
        let second = merge("User", Some(&first), present(&[("TITLE", Value::Null)])).unwrap();
        assert_eq!(second.record.attributes.get("mail").and_then(Value::as_str), Some("a"));
        assert_eq!(second.record.attributes.get("title"), None);
    }

    #[test]
    fn a_deleted_object_that_comes_back_is_present() {
        let first = merge("User", None, present(&[("mail", "a".into())]));
        let deleted = merge("User", first.as_ref(), SourceChange::new("1", SourceChangeKind::SoftDeleted));
        assert_eq!(deleted.as_ref().unwrap().presence, Presence::SoftDeleted);
        assert_eq!(merge("User", deleted.as_ref(), present(&[])), first);
        assert_eq!(merge("User", None, SourceChange::new("1", SourceChangeKind::Deleted)), None);
    }
}
