//! Keeping the state of provisioning: small records in tables, changed by batches that are done as a whole.

mod forward;
mod memory;

pub use memory::MemoryState;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use scimkit_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Result, StoreError, StoreErrorKind};

/// A provisioning job; its state is apart from that of every other job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(String);

impl JobId {
    /// A job of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A kind of record. Each table is ordered by key, by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Table {
    /// One record a job: position, watermark, fingerprint, cycle.
    Job,
    /// Source records as last read, by object type and source id.
    Record,
    /// Objects that must be looked at, by phase, object type and source id.
    Pending,
    /// What a cycle is going to do, by order.
    Plan,
    /// Links between source and target objects, by object type and source id.
    Link,
    /// Source ids by object type and target id.
    LinkByTarget,
    /// Source ids by object type and matching value.
    LinkByMatch,
    /// Requests that were begun, by order.
    Intent,
    /// Objects that failed and are tried again later, by object type and source id.
    Escrow,
    /// References that wait for their other end, by the source id that they wait for.
    Waiting,
    /// Target objects found by listing, by object type and matching value.
    Listing,
    /// The roles of each entitled object, by object type and source id.
    Assignment,
    /// Objects seen in a round that starts over, by object type and source id.
    Seen,
    /// Source ids by what a plan gives them: object type and matching value, or target id.
    Claim,
    /// The roles of each entitled object while they are gathered, by object type and source id.
    Entitlement,
    /// Records of the provisioning log, by cycle and number.
    Log,
    /// Who refers to whom, by the source id that is referred to, then by the object type and source id of who does.
    Referrer,
    /// References of source objects as last read, by object type and source id, then by attribute and the source id that is referred to.
    Reference,
    /// References as last written, by object type and source id, then by path and what is referred to.
    Written,
    /// References that must be looked at, by object type and source id, then by what is referred to.
    Touched,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 20] = [
        Self::Job,
        Self::Record,
        Self::Pending,
        Self::Plan,
        Self::Link,
        Self::LinkByTarget,
        Self::LinkByMatch,
        Self::Intent,
        Self::Escrow,
        Self::Waiting,
        Self::Listing,
        Self::Assignment,
        Self::Seen,
        Self::Claim,
        Self::Entitlement,
        Self::Log,
        Self::Referrer,
        Self::Reference,
        Self::Written,
        Self::Touched,
    ];

    /// The name of the table, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Record => "record",
            Self::Pending => "pending",
            Self::Plan => "plan",
            Self::Link => "link",
            Self::LinkByTarget => "link_by_target",
            Self::LinkByMatch => "link_by_match",
            Self::Intent => "intent",
            Self::Escrow => "escrow",
            Self::Waiting => "waiting",
            Self::Listing => "listing",
            Self::Assignment => "assignment",
            Self::Seen => "seen",
            Self::Claim => "claim",
            Self::Entitlement => "entitlement",
            Self::Log => "log",
            Self::Referrer => "referrer",
            Self::Reference => "reference",
            Self::Written => "written",
            Self::Touched => "touched",
        }
    }
}

/// Proof of owning a job, which every change of state carries: a change under an older one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

/// The right to work on a job until an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// Proof of owning the job.
    pub fence: Fence,
    /// When the lease ends unless it is renewed.
    pub expires_at: Timestamp,
}

impl Lease {
    /// A lease.
    pub const fn new(fence: Fence, expires_at: Timestamp) -> Self {
        Self { fence, expires_at }
    }
}

/// Changes of state that are done together, in order. Values are JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// What is done.
    pub steps: Vec<Step>,
    /// Whether a machine that fails may lose the batch, and then all that came after it as well: a batch that is not deferred makes it
    /// durable, and so does the end of the job's lease. A process that is killed loses nothing.
    pub is_deferred: bool,
}

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must do every step")]
pub enum Step {
    /// Sets a record.
    Put {
        /// The table.
        table: Table,
        /// The key.
        key: String,
        /// The record.
        value: String,
    },
    /// Removes a record, if there is one.
    Delete {
        /// The table.
        table: Table,
        /// The key.
        key: String,
    },
    /// Removes all records of a table whose key starts so.
    Clear {
        /// The table.
        table: Table,
        /// The start of the keys; empty for all.
        prefix: String,
    },
    /// Sets from when on the job is handed out by [`take_due`](StateStore::take_due).
    Schedule {
        /// When the job is due.
        due_at: Timestamp,
    },
}

impl Batch {
    /// No changes.
    pub const fn new() -> Self {
        Self { steps: Vec::new(), is_deferred: false }
    }

    /// This batch as one that need not be durable by itself, since what it holds can be found out again.
    #[must_use]
    pub fn deferred(self) -> Self {
        Self { is_deferred: true, ..self }
    }

    /// Sets a record.
    pub fn put(&mut self, table: Table, key: impl Into<String>, value: impl Into<String>) {
        self.steps.push(Step::Put { table, key: key.into(), value: value.into() });
    }

    /// Removes a record, if there is one.
    pub fn delete(&mut self, table: Table, key: impl Into<String>) {
        self.steps.push(Step::Delete { table, key: key.into() });
    }

    /// Removes all records of a table whose key starts so.
    pub fn clear(&mut self, table: Table, prefix: impl Into<String>) {
        self.steps.push(Step::Clear { table, prefix: prefix.into() });
    }

    /// Sets from when on the job is handed out by [`take_due`](StateStore::take_due).
    pub fn schedule(&mut self, due_at: Timestamp) {
        self.steps.push(Step::Schedule { due_at });
    }

    /// Whether nothing is to be done.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Keeps the state of provisioning jobs.
///
/// # Contract
/// A batch is kept as a whole or not at all, and is durable once [`commit`](Self::commit) has returned, unless it is
/// [deferred](Batch::is_deferred): then it is durable once a later one is that is not. A store may make each durable at once. A call sees
/// every batch that was committed before it began. Keys are ordered by their bytes.
///
/// Beside its lease a job has an instant from which on it is due, and possibly a reason why it is withheld. Workers that share a store ask
/// it for [jobs that are due](Self::take_due): one that nobody has goes to exactly one of those who ask, and to another one when that
/// one's lease has ended. A job that was never [offered](Self::offer) or [scheduled](Batch::schedule) is never due; it can be taken by
/// name all the same.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// `state_store_conformance!` of the feature `conformance` proves an implementation.
#[async_trait]
pub trait StateStore: Debug + Send + Sync {
    /// Takes or renews the job for an owner until `now + duration`. The same owner gets it at once; another one only after the lease
    /// ended. Each call gives a greater fence than all before it, unless it renews: a renewal names the fence that it has, and may come
    /// after the lease ended as long as nobody has taken the job since.
    ///
    /// # Errors
    /// `Held` if another owner has the job; `Fenced` if a renewal comes after the job was taken or given back; `Backend`.
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease>;

    /// Gives the job back, if the fence is the present one.
    ///
    /// # Errors
    /// `Backend`.
    async fn release(&self, job: &JobId, fence: Fence) -> Result<()>;

    /// Takes jobs that are due at `now` for an owner until `now + duration`, as [`lease`](Self::lease) does: at most `limit` of them, first
    /// those that have been due for longest. A job that is withheld or that somebody has, also this owner, is passed over, and so are those
    /// that others are taking at the same time: nobody waits for them.
    ///
    /// # Errors
    /// `Backend`.
    async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>>;

    /// The first instant at which [`take_due`](Self::take_due) has a job to hand out, as things stand: when a job is due, or when the lease
    /// of whoever has it ends, if that is later. `None` if no job is due ever. Asking is cheap, however many jobs there are.
    ///
    /// # Errors
    /// `Backend`.
    async fn next_due(&self) -> Result<Option<Timestamp>>;

    /// Lets the job be handed out from an instant on, or from the earlier one on that is known. It is no longer withheld. Nobody needs to
    /// have the job for that.
    ///
    /// # Errors
    /// `Backend`.
    async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<()>;

    /// Keeps the job from being handed out until it is offered again, and remembers why. Nobody needs to have the job for that, and whoever
    /// has it keeps it. When it is due is not forgotten.
    ///
    /// # Errors
    /// `NulCharacter` if the reason holds U+0000; `Backend`.
    async fn withhold(&self, job: &JobId, reason: &str) -> Result<()>;

    /// Why the job is withheld; `None` if it is not.
    ///
    /// # Errors
    /// `Backend`.
    async fn withheld(&self, job: &JobId) -> Result<Option<String>>;

    /// Reads one record; `None` if there is none.
    ///
    /// # Errors
    /// `Backend`.
    async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>>;

    /// Reads several records at once, in the order of the keys given.
    ///
    /// # Errors
    /// `Backend`.
    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>>;

    /// Reads records in key order: those whose key starts with `prefix` and is greater than `after`, at most `limit`.
    ///
    /// # Errors
    /// `Backend`.
    async fn scan(&self, job: &JobId, table: Table, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, String)>>;

    /// How many records there are whose key starts with `prefix`.
    ///
    /// # Errors
    /// `Backend`.
    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64>;

    /// Does a batch.
    ///
    /// # Errors
    /// `Fenced` if the fence is not the present one, even if nobody else holds the job, or was given back; `NulCharacter` if a key or
    /// value holds U+0000; `Backend`. Then nothing was done.
    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<()>;
}

/// Refuses text that a database does not take.
pub(crate) fn check_batch(batch: &Batch) -> Result<()> {
    batch.steps.iter().try_for_each(|step| match step {
        Step::Put { key, value, .. } => check_text("key", key).and_then(|()| check_text("value", value)),
        Step::Delete { key, .. } => check_text("key", key),
        Step::Clear { prefix, .. } => check_text("prefix", prefix),
        Step::Schedule { .. } => Ok(()),
    })
}

/// Refuses text that a database does not take.
pub(crate) fn check_text(attribute: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(StoreError::new(StoreErrorKind::NulCharacter { attribute: attribute.to_owned() }));
    }
    Ok(())
}

/// The smallest text that is greater than every text that starts so; `None` if there is none.
pub(crate) fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The successor of a character skips the surrogates, which no text holds.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::end_of_prefix;

    proptest! {
        #[test]
        fn exactly_the_texts_between_a_prefix_and_its_end_start_so(prefix in any::<String>(), other in any::<String>(), rest in any::<String>()) {
            let is_between = |text: &str| text >= prefix.as_str() && end_of_prefix(&prefix).is_none_or(|end| *text < *end);
            let longer = format!("{prefix}{rest}");
            prop_assert!(is_between(&longer));
            prop_assert_eq!(is_between(&other), other.starts_with(&prefix));
        }
    }

    #[test]
    fn the_last_character_and_the_surrogates_are_skipped() {
        assert_eq!(end_of_prefix("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(end_of_prefix("\u{d7ff}"), Some("\u{e000}".to_owned()));
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
        assert_eq!(end_of_prefix(""), None);
    }
}
