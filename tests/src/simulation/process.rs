//! A worker's process: a future that may be killed, or not be run for a while, between any two steps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use scimkit_types::Timer;

/// What becomes of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It runs to its end.
    Runs,
    /// It is killed after so many polls: the future is to be dropped when this one ends.
    Killed(u64),
    /// It stands still after so many polls, for so long.
    Stalled(u64, Duration),
}

/// A future that suffers a fate; gives nothing if it was killed.
pub struct Process<F> {
    inner: Pin<Box<F>>,
    fate: Fate,
    timer: Arc<dyn Timer>,
    polls: u64,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Set while the process stands still.
    pub(crate) is_stalled: Arc<AtomicBool>,
}

impl<F> fmt::Debug for Process<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("fate", &self.fate).field("polls", &self.polls).finish_non_exhaustive()
    }
}

impl<F: Future> Process<F> {
    /// A process.
    pub fn new(inner: F, fate: Fate, timer: Arc<dyn Timer>) -> Self {
        Self { inner: Box::pin(inner), fate, timer, polls: 0, pause: None, is_stalled: Arc::default() }
    }
}

impl<F: Future> Future for Process<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let process = self.get_mut();
        process.polls += 1;
        match process.fate {
            Fate::Killed(polls) if process.polls > polls => return Poll::Ready(None),
            Fate::Stalled(polls, duration) if process.polls > polls && process.pause.is_none() => {
                process.is_stalled.store(true, Ordering::Relaxed);
                process.pause = Some(process.timer.sleep(duration));
            }
            _ => {}
        }
        if process.is_stalled.load(Ordering::Relaxed) {
            match process.pause.as_mut().map(|pause| pause.as_mut().poll(context)) {
                Some(Poll::Pending) => return Poll::Pending,
                _ => process.is_stalled.store(false, Ordering::Relaxed),
            }
        }
        process.inner.as_mut().poll(context).map(Some)
    }
}
