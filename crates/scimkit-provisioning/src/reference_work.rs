//! The references of one object: what is to be done of them, in as many actions as there need to be.
//!
//! Usually some are marked, and only those are looked at. All are, those of the source beside those that were written, when the object is
//! new, and when what the mappings say of it may have changed. Either way they are read in chunks, so that memory does not grow with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::take;
use std::time::Duration;

use scimkit_mapping::{DesiredReference, Operation};
use scimkit_store::{Batch, Table};
use serde::de::IgnoredAny;

use crate::decide::{Known, Setting};
use crate::error::Result;
use crate::event::{EventAction, EventStatus, PropertyChange};
use crate::judged::{Flow, Judged, ReferenceList, judge};
use crate::records::{Action, Link, PlannedAction, StoredRecord};
use crate::reference_lists::{All, Marked, Told, is_filled, items};
use crate::reference_rows::{Other, ReferenceEdit, Written, begun_key, linked_targets, owners, touched_key, whole_key, written_key};
use crate::references::{flowing, ids_at, reference_change};
use crate::run::{Outcome, Run};
use crate::state::{CHUNK, Work, object_key, put, waiting_key};

/// How many references one action adds and removes at most, about.
const MOST_EDITS: usize = 2048;

/// How many changes of state are gathered at most, about.
const MOST_STEPS: usize = 4 * CHUNK;

/// Where the references of lists are read.
#[derive(Debug, Default)]
enum Reading<'a> {
    /// All of these lists, the first of which is being read.
    Whole(VecDeque<(ReferenceList, All<'a>)>),
    /// What is marked.
    Marked(Vec<ReferenceList>, Marked<'a>),
    #[default]
    Done,
}

/// What is to be done of the references of one object.
#[derive(Debug)]
pub(crate) struct ReferenceWork<'a> {
    run: &'a Run<'a>,
    object_type: &'a str,
    id: &'a str,
    name: Option<String>,
    link: Link,
    reading: Reading<'a>,
    is_whole: bool,
    /// The references that have no list and change, until they are part of an action.
    references: BTreeMap<String, Vec<String>>,
    changes: Vec<PropertyChange>,
    /// What the link is to know in the end.
    known: BTreeMap<String, Vec<String>>,
    edits: VecDeque<(String, ReferenceEdit)>,
    /// What is written to the state before the next action.
    quiet: Batch,
    /// Whether edits are left out, so that the object is not done.
    leaves: bool,
}

impl<'a> ReferenceWork<'a> {
    /// The work on an object; `None` if there is none, which then is noted.
    pub(crate) async fn open(run: &'a Run<'a>, setting: &'a Setting<'_>, id: &'a str) -> Result<Option<Self>> {
        let object_type = setting.mapping.object_type();
        let key = object_key(object_type, id);
        let stored: Option<StoredRecord> = run.state.get(Table::Record, &key).await?;
        let link: Option<Link> = run.state.get(Table::Link, &key).await?;
        let roles: Option<Vec<String>> = run.state.get(Table::Assignment, &key).await?;
        let mut batch = Batch::new();
        put_finished(&mut batch, object_type, id);
        let (Some(stored), Some(link)) = (stored, link.filter(|link| link.is_managed)) else {
            return run.state.commit(batch).await.map(|()| None);
        };
        let known = Known { stored: &stored, roles: roles.as_deref(), link: Some(&link) };
        let desired = match setting.desired(known, Operation::Update, setting.standing(known).is_err()) {
            Ok(desired) => desired,
            Err(reason) => {
                let escrow = run.put_escrow(&mut batch, Work::References, object_type, id, &reason).await?;
                let outcome = Outcome {
                    object_type,
                    source_id: id,
                    name: stored.name(setting.mapping),
                    target_id: Some(&link.target_id),
                    target_name: run.target_name(object_type, &link.exported),
                    action: EventAction::Other,
                    is_reference: true,
                    status: EventStatus::Failure,
                    reason: Some(reason),
                    escrow: Some(escrow),
                    changes: Vec::new(),
                    took: Duration::ZERO,
                };
                return run.tell(batch, outcome).await.map(|()| None);
            }
        };
        let mut work = Self {
            run,
            object_type,
            id,
            name: stored.name(setting.mapping),
            link,
            reading: Reading::Done,
            is_whole: false,
            references: BTreeMap::new(),
            changes: Vec::new(),
            known: BTreeMap::new(),
            edits: VecDeque::new(),
            quiet: Batch::new(),
            leaves: false,
        };
        let mut lists = Vec::new();
        for reference in desired.references {
            let attribute = attribute_of(&stored, &reference.source).map(str::to_owned);
            match (reference.is_multi_valued, attribute) {
                (false, attribute) => work.look_at_one(&reference, attribute.as_deref()).await?,
                (true, Some(attribute)) => lists.push((reference, attribute)),
                (true, None) => {}
            }
        }
        work.begin(setting, lists).await?;
        Ok(Some(work))
    }

    const fn object(&self) -> (&'a str, &'a str) {
        (self.object_type, self.id)
    }

    /// Looks at a reference that has no list.
    async fn look_at_one(&mut self, reference: &DesiredReference, attribute: Option<&str>) -> Result<()> {
        let path = &reference.target;
        let (target, missing) = one_target(self.run, self.object(), attribute).await?;
        for missing in missing {
            self.quiet.put(Table::Waiting, waiting_key(&missing, self.object_type, self.id), "null");
        }
        let before = match self.link.references.get(path) {
            Some(written) => written.clone(),
            None if self.link.is_adopted => ids_at(&self.link.exported, path),
            None => Vec::new(),
        };
        let after = flowing(reference, &before, target.as_slice());
        if before != after || self.link.doubtful.get(path).is_some_and(|doubtful| !doubtful.is_empty()) {
            self.changes.push(reference_change(path, &before, &after));
            self.references.insert(path.clone(), after);
        } else if self.link.is_adopted && !self.link.knows(path) {
            // What an adopted resource has is known now, and right.
            self.known.insert(path.clone(), before);
        }
        Ok(())
    }

    /// Begins to read the lists: as a whole if one was never compared as a whole, or if that is asked for.
    async fn begin(&mut self, setting: &Setting<'_>, lists: Vec<(DesiredReference, String)>) -> Result<()> {
        if lists.is_empty() {
            return Ok(());
        }
        let object = self.object();
        let mut keys = vec![whole_key(object.0, object.1)];
        keys.extend(lists.iter().map(|(desired, _)| begun_key(object.0, object.1, &desired.target)));
        let marks = self.run.state.get_many::<IgnoredAny>(Table::Touched, &keys).await?;
        let has = |index: usize| marks.get(index).is_some_and(Option::is_some);
        self.is_whole = has(0) || lists.iter().any(|(desired, _)| !self.link.knows(&desired.target));
        let mut chosen = Vec::with_capacity(lists.len());
        for (index, (desired, attribute)) in lists.into_iter().enumerate() {
            let path = desired.target.as_str();
            if self.link.is_adopted && !self.link.knows(path) {
                self.read_adopted(setting, path).await?;
            }
            let was_begun = has(index + 1);
            let mut flow = Flow::of(desired.flow_type, false);
            if Flow::depends(desired.flow_type) && !was_begun {
                flow = Flow::of(desired.flow_type, is_filled(self.run, object, path).await?);
                if flow == Flow::All {
                    // It holds something after the first action, and the rest is to flow all the same.
                    self.quiet.put(Table::Touched, begun_key(object.0, object.1, path), "null");
                }
            }
            self.is_whole |= Flow::depends(desired.flow_type) && flow == Flow::All;
            chosen.push(ReferenceList { desired, attribute, flow });
        }
        self.reading = if self.is_whole {
            self.known.extend(chosen.iter().map(|list| (list.desired.target.clone(), Vec::new())));
            Reading::Whole(chosen.into_iter().map(|list| (list.clone(), All::new(self.run, object, &list))).collect())
        } else {
            Reading::Marked(chosen, Marked::new(self.run, object))
        };
        Ok(())
    }

    /// Takes the references that an adopted resource has for written. Lists do not show members, so it is read for them.
    async fn read_adopted(&mut self, setting: &Setting<'_>, path: &str) -> Result<()> {
        let (run, (object_type, id)) = (self.run, self.object());
        let (resource_type, target_id) = (setting.mapping.resource_type(), &self.link.target_id);
        let present = match run.call(|not_after| run.target.get(resource_type, target_id, not_after)).await? {
            Ok(resource) => ids_at(&resource, path),
            // The request that follows tells what is wrong with the resource.
            Err(error) if !error.ends_cycle() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for targets in present.chunks(CHUNK) {
            let mut owners = owners(run.state, run.job, targets).await?;
            let other = |target: &String| owners.remove(target).map_or_else(|| Other::Target(target.clone()), Other::Source);
            let others: Vec<Other> = targets.iter().map(other).collect();
            let keys: Vec<String> = others.iter().map(|other| written_key(object_type, id, path, other)).collect();
            let rows = run.state.get_many::<Written>(Table::Written, &keys).await?;
            let mut batch = Batch::new();
            for ((key, row), target) in keys.into_iter().zip(rows).zip(targets) {
                if row.is_none_or(|row| row.target() != target) {
                    put(&mut batch, Table::Written, key, &Written::Sure(target.clone()))?;
                }
            }
            run.state.commit(batch).await?;
        }
        Ok(())
    }

    /// The next action; `None` if nothing is left to be done, which then is noted.
    pub(crate) async fn next(&mut self) -> Result<Option<PlannedAction>> {
        let most = most_edits(self.run);
        while !matches!(self.reading, Reading::Done) && (self.run.few_members.is_some() || self.edits.len() < most) {
            self.read_on().await?;
            if self.quiet.steps.len() > MOST_STEPS {
                self.run.state.commit(take(&mut self.quiet)).await?;
            }
        }
        let edits = self.take_edits(most);
        let is_part = !self.edits.is_empty() || !matches!(self.reading, Reading::Done);
        let is_whole = self.is_whole && !is_part && !self.leaves;
        let known = if is_part || self.leaves { BTreeMap::new() } else { take(&mut self.known) };
        if edits.is_empty() && self.references.is_empty() {
            if !is_part {
                self.finish(known, is_whole)?;
            }
            self.run.state.commit(take(&mut self.quiet)).await?;
            return Ok(None);
        }
        // A reference that waits is remembered first, so that a crash cannot lose it.
        self.run.state.commit(take(&mut self.quiet)).await?;
        let mut lists: BTreeMap<String, Vec<ReferenceEdit>> = BTreeMap::new();
        for (path, edit) in edits {
            lists.entry(path).or_default().push(edit);
        }
        let target_id = self.link.target_id.clone();
        let action = Action::References { target_id, references: take(&mut self.references), lists, known, is_whole, is_part };
        Ok(Some(PlannedAction {
            object_type: self.object_type.to_owned(),
            source_id: self.id.to_owned(),
            name: self.name.clone(),
            basis: String::new(),
            layer: 0,
            action,
            why: None,
            changes: take(&mut self.changes),
            redacted: Vec::new(),
        }))
    }

    /// Notes that nothing is left to be done.
    fn finish(&mut self, known: BTreeMap<String, Vec<String>>, is_whole: bool) -> Result<()> {
        let key = object_key(self.object_type, self.id);
        if known.iter().any(|(path, _)| !self.link.knows(path)) {
            self.link.references.extend(known);
            put(&mut self.quiet, Table::Link, key, &self.link)?;
        }
        if is_whole {
            self.quiet.clear(Table::Touched, whole_key(self.object_type, self.id));
        }
        put_finished(&mut self.quiet, self.object_type, self.id);
        Ok(())
    }

    /// Reads the next chunk.
    async fn read_on(&mut self) -> Result<()> {
        let object = self.object();
        match take(&mut self.reading) {
            Reading::Done => {}
            Reading::Whole(mut lists) => {
                let Some((list, all)) = lists.front_mut() else { return Ok(()) };
                let items = all.next().await?;
                if items.is_empty() {
                    lists.pop_front();
                } else {
                    let judged = judge(self.run, object, list, items).await?;
                    let path = list.desired.target.clone();
                    self.take_judged(vec![(path, judged)], false);
                }
                if !lists.is_empty() {
                    self.reading = Reading::Whole(lists);
                }
            }
            Reading::Marked(lists, mut marked) => {
                let others = marked.next().await?;
                if others.is_empty() {
                    return Ok(());
                }
                let mut judged = Vec::with_capacity(lists.len());
                for list in &lists {
                    let items = items(self.run, object, list, &others).await?;
                    judged.push((list.desired.target.clone(), judge(self.run, object, list, items).await?));
                }
                self.take_judged(judged, true);
                self.reading = Reading::Marked(lists, marked);
            }
        }
        Ok(())
    }

    /// Takes what became of some references; the marks of those that are right at all paths go.
    fn take_judged(&mut self, judged: Vec<(String, Judged)>, are_marked: bool) {
        let (object_type, id) = self.object();
        let mut edits = Vec::new();
        let mut settled: Option<BTreeSet<Other>> = None;
        for (path, Judged { edits: some, missing, mut quiet, settled: right }) in judged {
            for missing in missing {
                self.quiet.put(Table::Waiting, waiting_key(&missing, object_type, id), "null");
            }
            self.quiet.steps.append(&mut quiet.steps);
            edits.extend(some.into_iter().map(|edit| (path.clone(), edit)));
            settled = Some(settled.map_or_else(|| right.clone(), |settled| settled.intersection(&right).cloned().collect()));
        }
        if are_marked {
            for other in settled.unwrap_or_default() {
                self.quiet.delete(Table::Touched, touched_key(object_type, id, &other));
            }
        }
        // What is done of one reference is done by one action.
        edits.sort_by(|(_, left), (_, right)| left.other.cmp(&right.other));
        if let Some(few) = &self.run.few_members {
            let count = edits.len();
            edits = few.limit(self.edits.len(), edits);
            self.leaves |= edits.len() < count;
        }
        self.edits.extend(edits);
    }

    /// What the next action does.
    fn take_edits(&mut self, most: usize) -> Vec<(String, ReferenceEdit)> {
        let mut count = most.min(self.edits.len());
        let other = |index: usize| self.edits.get(index).map(|(_, edit)| &edit.other);
        while count > 0 && other(count).is_some() && other(count) == other(count - 1) {
            count += 1;
        }
        self.edits.drain(..count).collect()
    }
}

/// How many references an action adds and removes: requests that are as full as the service lets them be.
fn most_edits(run: &Run<'_>) -> usize {
    let limit = run.job.profile.limits.max_members.and_then(|limit| usize::try_from(limit).ok());
    match limit {
        Some(limit @ 1..=MOST_EDITS) => MOST_EDITS - MOST_EDITS % limit,
        _ => MOST_EDITS,
    }
}

/// Notes that nothing is to be done of the references of an object for now.
fn put_finished(batch: &mut Batch, object_type: &str, id: &str) {
    batch.delete(Table::Pending, Work::References.key(object_type, id));
    batch.delete(Table::Escrow, Work::References.escrow_key(object_type, id));
}

/// The name under which the source tells of references that a mapping reads, if it tells of them.
pub(crate) fn attribute_of<'a>(stored: &'a StoredRecord, source: &str) -> Option<&'a str> {
    stored.record.references.keys().find(|attribute| attribute.eq_ignore_ascii_case(source)).map(String::as_str)
}

/// The first of the target ids that an object refers to, and the source objects that are not linked.
pub(crate) async fn one_target(run: &Run<'_>, object: (&str, &str), attribute: Option<&str>) -> Result<(Option<String>, Vec<String>)> {
    let (mut first, mut missing): (Option<String>, Vec<String>) = (None, Vec::new());
    let Some(attribute) = attribute else { return Ok((first, missing)) };
    let mut told = Told::new(run, object, attribute);
    while let Some(ids) = told.next().await? {
        let mut targets = linked_targets(run, &ids).await?;
        for id in ids {
            match targets.remove(&id) {
                Some(target) => first = Some(first.map_or_else(|| target.clone(), |first| first.min(target.clone()))),
                None => missing.push(id),
            }
        }
    }
    Ok((first, missing))
}
