//! The job's state, typed: records in and out of the state store under the job's lease.

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scimkit_store::{Batch, Fence, JobId, Lease, StateStore, Step, Table};
use scimkit_types::{Clock, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::control::STATUS_KEY;
use crate::error::{CycleError, Result};
use crate::records::JobRecord;
use crate::status::StatusRecord;

/// How many records are read or written at once.
pub(crate) const CHUNK: usize = 256;

/// Separates the parts of a key that may hold a slash.
const SEPARATOR: char = '\u{1f}';

/// Begins what stands for a character that a key cannot hold.
const ESCAPE: char = '\u{1a}';

/// Begins the keys of objects that wait for a matching value, among those that wait for an object.
const BLOCKED: char = '\u{1e}';

/// The state of one job while its lease is held.
#[derive(Debug)]
pub(crate) struct State {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    job: JobId,
    owner: String,
    lease_duration: Duration,
    lease: Mutex<Lease>,
    /// Whether tables are empty, as far as that was asked; `None` if the job is with somebody else, who may fill them.
    vacancies: Option<Mutex<HashMap<Table, bool>>>,
    /// Whether it was written when the job is due.
    is_scheduled: AtomicBool,
}

impl State {
    pub(crate) async fn open(
        store: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        job: JobId,
        owner: String,
        lease_duration: Duration,
    ) -> Result<Self> {
        let lease = store.lease(&job, &owner, None, clock.now(), lease_duration).await?;
        Ok(Self::held(store, clock, job, owner, lease_duration, lease))
    }

    /// The state of a job that its owner was handed.
    pub(crate) fn held(
        store: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        job: JobId,
        owner: String,
        lease_duration: Duration,
        lease: Lease,
    ) -> Self {
        let (lease, vacancies) = (Mutex::new(lease), Some(Mutex::default()));
        Self { store, clock, job, owner, lease_duration, lease, vacancies, is_scheduled: AtomicBool::new(false) }
    }

    /// The state as it stands, for reading only: the job stays with whoever has it.
    ///
    /// INVARIANT (one owner): no lease was taken, so a commit would be refused; readers make none.
    pub(crate) fn reading(store: Arc<dyn StateStore>, clock: Arc<dyn Clock>, job: JobId, owner: String) -> Self {
        let lease = Mutex::new(Lease::new(Fence(0), Timestamp::MAX));
        Self { store, clock, job, owner, lease_duration: Duration::ZERO, lease, vacancies: None, is_scheduled: AtomicBool::new(false) }
    }

    /// Gives the job back.
    pub(crate) async fn close(&self) -> Result<()> {
        let fence = self.lease().fence;
        Ok(self.store.release(&self.job, fence).await?)
    }

    fn lease(&self) -> Lease {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that more than three quarters of the lease are left, and tells until when a request may be sent: half of the lease
    /// is kept for its answer.
    ///
    /// INVARIANT (one owner): called before every request and every commit; a lost lease ends the cycle, and what waits to be sent
    /// (for a quota, or to be sent again) is not sent once half of the lease has passed.
    pub(crate) async fn hold(&self) -> Result<Timestamp> {
        let mut lease = self.lease();
        let now = self.clock.now();
        let left = Duration::try_from(lease.expires_at.duration_since(now)).unwrap_or_default();
        if left <= self.lease_duration / 4 * 3 {
            lease = self.store.lease(&self.job, &self.owner, Some(lease.fence), now, self.lease_duration).await?;
            *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
        }
        Ok(lease.expires_at.saturating_sub(self.lease_duration / 2).unwrap_or(now))
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.hold().await?;
        if let Some(vacancies) = &self.vacancies {
            let mut vacancies = vacancies.lock().unwrap_or_else(PoisonError::into_inner);
            for step in &batch.steps {
                if let Step::Put { table, .. } = step {
                    vacancies.insert(*table, false);
                }
            }
        }
        let schedules = batch.steps.iter().any(|step| matches!(step, Step::Schedule { .. }));
        self.store.commit(&self.job, self.lease().fence, batch).await?;
        self.is_scheduled.fetch_or(schedules, Ordering::Relaxed);
        Ok(())
    }

    /// Writes when the job is due.
    pub(crate) async fn schedule(&self, due_at: Timestamp) -> Result<()> {
        let mut batch = Batch::new();
        batch.schedule(due_at);
        self.commit(batch).await
    }

    /// Whether it was written under this lease when the job is due.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.is_scheduled.load(Ordering::Relaxed)
    }

    /// Whether a table is empty, so that nothing need be looked for in it: much of a first cycle looks for links that nobody has yet.
    ///
    /// INVARIANT (one owner): while the job is held nobody else fills a table; what others did once the lease was lost is seen as little
    /// as it would be a moment before, and nothing is written then.
    async fn is_vacant(&self, table: Table) -> Result<bool> {
        let Some(vacancies) = &self.vacancies else { return Ok(false) };
        let known = vacancies.lock().unwrap_or_else(PoisonError::into_inner).get(&table).copied();
        if let Some(is_vacant) = known {
            return Ok(is_vacant);
        }
        let is_vacant = self.store.scan(&self.job, table, "", None, 1).await?.is_empty();
        // A batch that was written meanwhile knows better.
        Ok(*vacancies.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_insert(is_vacant))
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<T>> {
        if self.is_vacant(table).await? {
            return Ok(None);
        }
        let text = self.store.get(&self.job, table, key).await?;
        text.map(|text| decode(table, &text)).transpose()
    }

    pub(crate) async fn get_many<T: DeserializeOwned>(&self, table: Table, keys: &[String]) -> Result<Vec<Option<T>>> {
        if keys.is_empty() || self.is_vacant(table).await? {
            return Ok(keys.iter().map(|_| None).collect());
        }
        let texts = self.store.get_many(&self.job, table, keys).await?;
        texts.into_iter().map(|text| text.map(|text| decode(table, &text)).transpose()).collect()
    }

    /// The records of a table whose key starts so, in key order and in chunks.
    pub(crate) fn walk<T: DeserializeOwned>(&self, table: Table, prefix: impl Into<String>) -> Walk<'_, T> {
        Walk { state: self, table, prefix: prefix.into(), after: None, record: PhantomData }
    }

    /// The first key of a table after another one.
    pub(crate) async fn first_key_after(&self, table: Table, after: Option<&str>) -> Result<Option<String>> {
        let rows = self.store.scan(&self.job, table, "", after, 1).await?;
        Ok(rows.into_iter().next().map(|(key, _)| key))
    }

    /// Some records of a table after a key, in key order.
    pub(crate) async fn page<T: DeserializeOwned>(&self, table: Table, after: Option<&str>, limit: usize) -> Result<Vec<(String, T)>> {
        let rows = self.store.scan(&self.job, table, "", after, limit).await?;
        rows.into_iter().map(|(key, text)| Ok((key, decode(table, &text)?))).collect()
    }

    pub(crate) async fn count(&self, table: Table, prefix: &str) -> Result<u64> {
        Ok(self.store.count(&self.job, table, prefix).await?)
    }

    /// How the job is.
    pub(crate) async fn status(&self) -> Result<StatusRecord> {
        Ok(self.get(Table::Job, STATUS_KEY).await?.unwrap_or_default())
    }

    pub(crate) async fn job(&self) -> Result<JobRecord> {
        Ok(self.get(Table::Job, JOB_KEY).await?.unwrap_or_default())
    }
}

/// Records read in chunks. What is removed or put behind the present chunk while walking does no harm.
#[derive(Debug)]
pub(crate) struct Walk<'a, T> {
    state: &'a State,
    table: Table,
    prefix: String,
    after: Option<String>,
    record: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Walk<'_, T> {
    /// The next chunk; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<(String, T)>>> {
        let State { store, job, .. } = self.state;
        let rows = store.scan(job, self.table, &self.prefix, self.after.as_deref(), CHUNK).await?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        self.after = Some(last.clone());
        rows.into_iter().map(|(key, text)| Ok((key, decode(self.table, &text)?))).collect::<Result<_>>().map(Some)
    }

    /// The next chunk of keys without the prefix.
    pub(crate) async fn next_ids(&mut self) -> Result<Option<Vec<String>>> {
        let rows = self.next().await?;
        Ok(rows.map(|rows| rows.into_iter().map(|(key, _)| key.strip_prefix(&self.prefix).unwrap_or(&key).to_owned()).collect()))
    }
}

const JOB_KEY: &str = "job";

/// Puts the job's own record into a batch.
pub(crate) fn put_job(batch: &mut Batch, record: &JobRecord) -> Result<()> {
    put(batch, Table::Job, JOB_KEY, record)
}

/// Puts a record into a batch.
pub(crate) fn put(batch: &mut Batch, table: Table, key: impl Into<String>, record: &impl Serialize) -> Result<()> {
    let mut text = Vec::with_capacity(usual_length(table));
    serde_json::to_writer(&mut text, record).map_err(|source| CycleError::CorruptState { table: table.name(), source })?;
    // JSON is UTF-8, so nothing is lost.
    batch.put(table, key, String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()));
    Ok(())
}

/// How many bytes a record of a table usually has, so that the text need not grow.
const fn usual_length(table: Table) -> usize {
    match table {
        Table::Plan | Table::Intent => 2048,
        Table::Record | Table::Link | Table::Listing => 960,
        _ => 64,
    }
}

fn decode<T: DeserializeOwned>(table: Table, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| CycleError::CorruptState { table: table.name(), source })
}

/// The key of an object: its type and its id.
pub(crate) fn object_key(object_type: &str, id: &str) -> String {
    format!("{object_type}/{id}")
}

/// The id in the key of an object of a type.
pub(crate) fn object_id<'a>(object_type: &str, key: &'a str) -> &'a str {
    key.strip_prefix(object_type).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key)
}

/// Which work waits for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It is evaluated and written.
    Object,
    /// Its references are written.
    References,
}

impl Work {
    /// The start of the keys of objects of a type that wait for this work.
    pub(crate) fn prefix(self, object_type: &str) -> String {
        let work = match self {
            Self::Object => "object",
            Self::References => "references",
        };
        format!("{work}/{object_type}/")
    }

    /// The key in the table of escrow of an object for which this work failed.
    pub(crate) fn escrow_key(self, object_type: &str, id: &str) -> String {
        match self {
            Self::Object => object_key(object_type, id),
            Self::References => self.key(object_type, id),
        }
    }

    /// The key of the work that an entry of the table of escrow is about.
    pub(crate) fn of_escrow(key: &str) -> String {
        if key.starts_with("references/") { key.to_owned() } else { format!("object/{key}") }
    }

    /// The key of an object that waits for this work.
    pub(crate) fn key(self, object_type: &str, id: &str) -> String {
        format!("{}{id}", self.prefix(object_type))
    }
}

/// The key of a reference that waits for an object: what it waits for, and whose reference it is.
pub(crate) fn waiting_key(missing_id: &str, object_type: &str, id: &str) -> String {
    format!("{missing_id}{SEPARATOR}{object_type}/{id}")
}

/// The start of the keys of all references that wait for an object.
pub(crate) fn waiting_prefix(missing_id: &str) -> String {
    format!("{missing_id}{SEPARATOR}")
}

/// The key of a reference by the object that it leads to.
pub(crate) fn referrer_key(other: &str, object_type: &str, id: &str, attribute: &str) -> String {
    format!("{}{attribute}{SEPARATOR}{object_type}/{id}", referrers_prefix(other))
}

/// The start of the keys of all references that lead to an object.
pub(crate) fn referrers_prefix(other: &str) -> String {
    format!("{}{SEPARATOR}", key_part(other))
}

/// The object type and id of who has a reference, from its key without the prefix.
pub(crate) fn referrer(rest: &str) -> Option<(&str, &str)> {
    rest.split_once(SEPARATOR)?.1.split_once('/')
}

/// The same, if it has it under this attribute.
pub(crate) fn referrer_by<'a>(rest: &'a str, attribute: &str) -> Option<(&'a str, &'a str)> {
    let (under, object) = rest.split_once(SEPARATOR)?;
    if under == attribute { object.split_once('/') } else { None }
}

/// The start of the keys of what is kept of the references of an object, one by one.
pub(crate) fn references_prefix(object_type: &str, id: &str) -> String {
    format!("{object_type}/{}{SEPARATOR}", key_part(id))
}

/// The same of one attribute of the source, or of one path of the target.
pub(crate) fn reference_prefix(object_type: &str, id: &str, name: &str) -> String {
    format!("{}{}{SEPARATOR}", references_prefix(object_type, id), key_part(name))
}

/// The key of a reference of an object by its attribute.
pub(crate) fn reference_key(object_type: &str, id: &str, attribute: &str, other: &str) -> String {
    format!("{}{}", reference_prefix(object_type, id, attribute), key_part(other))
}

/// The attribute or path and the rest of the key of a reference, from its key without the start that all of its object have.
pub(crate) fn reference_parts(rest: &str) -> Option<(&str, &str)> {
    rest.split_once(SEPARATOR)
}

/// The start of the keys of the members of entitling groups whose entitlement must be looked at.
pub(crate) const ENTITLED: &str = "entitled/";

/// The key of an object whose entitlement must be looked at; without an id, that of all of them.
pub(crate) fn entitlement_key(id: &str) -> String {
    format!("{ENTITLED}{id}")
}

/// The start of the keys of the objects that are gone for good and whose references are not cleared away yet.
pub(crate) const GONE: &str = "gone/";

/// The key of an object that is gone for good, until its references are cleared away.
pub(crate) fn gone_key(object_type: &str, id: &str) -> String {
    format!("{GONE}{object_type}/{id}")
}

/// The start of the keys of the objects that lost their link and may get another one.
pub(crate) fn forgotten_prefix() -> String {
    // No object has an empty id, so nothing else waits under it.
    waiting_prefix("")
}

/// The key of an object that lost its link.
pub(crate) fn forgotten_key(id: &str) -> String {
    format!("{}{id}", forgotten_prefix())
}

/// Text as a part of a key: without the separator, and without what databases refuse. Different texts stay different.
pub(crate) fn key_part(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', SEPARATOR, ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut part = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        match character {
            '\0' => part.extend([ESCAPE, '0']),
            SEPARATOR => part.extend([ESCAPE, '1']),
            ESCAPE => part.extend([ESCAPE, '2']),
            other => part.push(other),
        }
    }
    Cow::Owned(part)
}

/// The text of which [`key_part`] made a part of a key.
pub(crate) fn part_text(part: &str) -> Cow<'_, str> {
    if !part.contains(ESCAPE) {
        return Cow::Borrowed(part);
    }
    let mut text = String::with_capacity(part.len());
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        match (character, (character == ESCAPE).then(|| characters.next()).flatten()) {
            (ESCAPE, Some('0')) => text.push('\0'),
            (ESCAPE, Some('1')) => text.push(SEPARATOR),
            (ESCAPE, Some('2')) => text.push(ESCAPE),
            (ESCAPE, Some(other)) => text.extend([ESCAPE, other]),
            (other, _) => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// The start of the keys of all objects that wait for a matching value.
pub(crate) fn waiters_prefix(object_type: &str, matching_key: &str) -> String {
    format!("{object_type}/{matching_key}{SEPARATOR}")
}

/// The start of the keys of all objects that failed since another one has this matching value.
pub(crate) fn blocked_prefix(object_type: &str, matching_key: &str) -> String {
    format!("{BLOCKED}{}", waiters_prefix(object_type, matching_key))
}

/// The key of an object that failed since another one has the matching value that it is to have.
pub(crate) fn blocked_key(object_type: &str, matching_key: &str, id: &str) -> String {
    format!("{}{id}", blocked_prefix(object_type, matching_key))
}

/// The key of an action; keys sort by layer, then by number.
pub(crate) fn action_key(layer: u32, number: u64) -> String {
    format!("{}{number:020}", layer_prefix(layer))
}

/// The key in a plan of the changes of an object's references; behind all actions. There they are only shown: what is to be written is
/// decided when what it refers to is.
pub(crate) fn preview_key(object_type: &str, id: &str) -> String {
    format!("references/{object_type}/{id}")
}

/// The start of the keys of the actions of a layer.
pub(crate) fn layer_prefix(layer: u32) -> String {
    format!("{layer:010}/")
}
