//! Telling people what happened to a job: each notice is kept in the state until whoever sends it says that it is sent.
//!
//! INVARIANT (nothing untold): a notice is written with the change that it is about, by one batch, and removed once it was taken; after a
//! kill in between it is given out again under the same id.

use std::fmt::Debug;

use async_trait::async_trait;
use scimkit_store::{Batch, StoreErrorKind, Table};
use scimkit_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::control::STATUS_KEY;
use crate::engine::Engine;
use crate::error::{CycleError, Result};
use crate::quarantine::{Quarantine, QuarantineReason};
use crate::state::{State, put};
use crate::status::StatusRecord;

/// The most notices that wait; of more the oldest are dropped.
const MOST_WAITING: usize = 32;

/// Tells people: by mail, a webhook or whatever the embedding program has. The engine calls it once for each [`Notice`], after what the
/// notice is about is durable.
///
/// A call that fails, or that a kill breaks off, is repeated with the same [`Notice::id`] when the job is run next, or when
/// [`run_due`](Engine::run_due) finds that it is not due; a [worker](crate::Worker) repeats it after a while. The job is held meanwhile, so a call must end within half of
/// [`lease_duration`](crate::ProvisioningJob::lease_duration).
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Tells whom the job names.
    ///
    /// # Errors
    /// Whatever keeps the notice from being sent; it is given out again later.
    async fn notify(&self, notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// Something that people are to be told of a job. It holds no attribute value of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Notice {
    /// Names the notice; one that is given out again has the same.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// The job.
    pub job: String,
    /// Whom to tell, as the job [names them](crate::Notification).
    pub to: Vec<String>,
    /// What happened.
    pub kind: NoticeKind,
    /// The quarantine that the job is in now; of a release the one that it was in.
    pub quarantine: Quarantine,
}

/// What people are told of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum NoticeKind {
    /// The job went into quarantine, or the reason for it changed.
    Quarantined,
    /// More objects would be disabled or deleted than the job allows: none was, until somebody
    /// [releases](crate::ResetScope::FORCE_DELETES) them or puts the directory right. The job is in quarantine.
    RemovalsHeld,
    /// The job left its quarantine: a cycle went well, or somebody restarted it.
    Released,
}

impl Notice {
    /// A line for people, such as the subject of a mail.
    pub fn subject(&self) -> String {
        let (job, quarantine) = (&self.job, &self.quarantine);
        match self.kind {
            NoticeKind::Quarantined => format!("provisioning job `{job}` is in quarantine: {:?}", quarantine.reason),
            NoticeKind::RemovalsHeld => format!("provisioning job `{job}` holds removals back until they are released"),
            NoticeKind::Released => format!("provisioning job `{job}` has left its quarantine"),
        }
    }
}

impl StatusRecord {
    /// What people are to be told of a change of the quarantine, if it is one for people.
    fn news(&self, known: Option<&Quarantine>) -> Option<(NoticeKind, Quarantine)> {
        match (known, &self.quarantine) {
            (Some(known), None) => Some((NoticeKind::Released, known.clone())),
            (known, Some(present)) if known.is_none_or(|known| known.reason != present.reason) => {
                let is_held = present.reason == QuarantineReason::TooManyDeletes;
                Some((if is_held { NoticeKind::RemovalsHeld } else { NoticeKind::Quarantined }, present.clone()))
            }
            _ => None,
        }
    }
}

impl Engine {
    /// Puts how the job is into a batch, and when it is due by that, with the notice of what has changed since it was in this quarantine.
    pub(crate) fn put_status(&self, batch: &mut Batch, known: Option<&Quarantine>, mut status: StatusRecord) -> Result<()> {
        if let Some((kind, quarantine)) = status.news(known).filter(|_| self.notifier.is_some()) {
            let (id, job, to) = (self.random_name(), self.job.id.as_str().to_owned(), self.job.notification.to.clone());
            status.notices.push(Notice { id, at: self.clock.now(), job, to, kind, quarantine });
            let surplus = status.notices.len().saturating_sub(MOST_WAITING);
            status.notices.drain(..surplus);
        }
        batch.schedule(self.due_at(&status));
        put(batch, Table::Job, STATUS_KEY, &status)
    }

    /// Gives out what waits, in order, up to the first that cannot be sent.
    pub(crate) async fn give_notice(&self, state: &State) -> Result<()> {
        let Some(notifier) = &self.notifier else { return Ok(()) };
        let mut status = state.status().await?;
        while !status.notices.is_empty() {
            let notice = status.notices.remove(0);
            state.hold().await?;
            if let Err(error) = notifier.notify(&notice).await {
                tracing::warn!(job = notice.job, notice = notice.id, kind = ?notice.kind, %error, "notice not sent, tried again later");
                return Ok(());
            }
            let mut batch = Batch::new();
            put(&mut batch, Table::Job, STATUS_KEY, &status)?;
            state.commit(batch).await?;
        }
        Ok(())
    }

    /// Gives out what an earlier run left, unless somebody else has the job and does it.
    pub(crate) async fn give_left_notice(&self) -> Result<()> {
        if self.notifier.is_none() || self.reading().status().await?.notices.is_empty() {
            return Ok(());
        }
        let state = match self.open().await {
            Err(CycleError::State(error)) if matches!(error.kind(), StoreErrorKind::Held) => return Ok(()),
            opened => opened?,
        };
        let given = self.give_notice(&state).await;
        let closed = state.close().await;
        given?;
        closed
    }
}
