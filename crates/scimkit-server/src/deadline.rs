//! The end of the time that a request may take.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use scimkit_types::{Clock, Timer, Timestamp};

/// How long requests may take, and what tells that the time is over.
#[derive(Clone)]
pub(crate) struct DeadlineSettings {
    pub(crate) after: Duration,
    pub(crate) timer: Arc<dyn Timer>,
}

/// When the time of a request is over.
#[derive(Clone)]
pub(crate) struct Deadline {
    at: Timestamp,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
}

/// The time was over before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elapsed {
    /// The work was not begun.
    Before,
    /// The work was dropped.
    During,
}

impl DeadlineSettings {
    pub(crate) fn begin(&self, now: Timestamp, clock: &Arc<dyn Clock>) -> Deadline {
        let at = now.saturating_add(self.after).unwrap_or(Timestamp::MAX);
        Deadline { at, clock: Arc::clone(clock), timer: Arc::clone(&self.timer) }
    }
}

impl Deadline {
    /// Does the work, unless the time is over first.
    pub(crate) async fn bound<F: Future>(&self, work: F) -> Result<F::Output, Elapsed> {
        let left = Duration::try_from(self.at.duration_since(self.clock.now())).unwrap_or_default();
        if left.is_zero() {
            return Err(Elapsed::Before);
        }
        let mut work = pin!(work);
        // The timer is asked for only if the work has to wait at all.
        let mut sleep = None;
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            let sleep = sleep.get_or_insert_with(|| self.timer.sleep(left));
            sleep.as_mut().poll(context).map(|()| Err(Elapsed::During))
        })
        .await
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for DeadlineSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineSettings").field("after", &self.after).finish_non_exhaustive()
    }
}
