//! One class of requests, waiting in line.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use scimkit_rate_limit::{Advice, Answer, Decision, Limiter, Line, Priority, Ticket, Timestamp, Usage};
use scimkit_types::{Clock, Timer};

use crate::class::NotAfter;

#[derive(Debug)]
pub(super) struct Lane(Mutex<State>);

#[derive(Debug)]
struct State {
    limiter: Limiter,
    /// Who waits; the waker of everyone but the first tells that it is their turn.
    line: Line<Option<Waker>>,
}

impl State {
    /// Wakes whoever is first, unless they are awake.
    fn wake_first(&mut self) -> Option<Waker> {
        let first = self.line.first()?;
        self.line.value_mut(first)?.take()
    }
}

/// What a place in line means at present.
enum Turn {
    Admitted,
    Impossible,
    Until(Duration),
    NotYet,
}

impl Lane {
    pub(super) const fn new(limiter: Limiter) -> Self {
        Self(Mutex::new(State { limiter, line: Line::new() }))
    }

    /// The same lane with another limiter.
    pub(super) fn with(self, change: impl FnOnce(Limiter) -> Limiter) -> Self {
        Self::new(change(self.0.into_inner().unwrap_or_else(PoisonError::into_inner).limiter))
    }

    pub(super) fn usage(&self, clock: &dyn Clock) -> Usage {
        let state = self.state();
        state.limiter.usage(clock.now())
    }

    pub(super) fn remaining(&self, clock: &dyn Clock) -> u32 {
        let state = self.state();
        state.limiter.remaining(clock.now())
    }

    /// Waits in line until the cost is admitted, and takes it; `None` if it never can be, or if it is too late when its turn comes: then
    /// nothing is taken.
    pub(super) async fn slot<'a>(&'a self, ask: Ask, clock: &'a dyn Clock, timer: &dyn Timer) -> Option<Slot<'a>> {
        let waiting = self.wait(ask.priority);
        let mut sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = None;
        let admitted = poll_fn(|context| {
            loop {
                if let Some(sleeping) = &mut sleep {
                    match sleeping.as_mut().poll(context) {
                        Poll::Ready(()) => sleep = None,
                        Poll::Pending => return Poll::Pending,
                    }
                }
                match waiting.turn(ask, clock, context) {
                    Turn::Admitted => return Poll::Ready(true),
                    Turn::Impossible => return Poll::Ready(false),
                    // Whatever frees the quota meanwhile frees it later than this: the limiter names the earliest instant possible.
                    Turn::Until(duration) => sleep = Some(timer.sleep(duration)),
                    Turn::NotYet => return Poll::Pending,
                }
            }
        })
        .await;
        drop(waiting);
        admitted.then_some(Slot { lane: self, cost: ask.cost, latest: None, clock })
    }

    fn wait(&self, priority: Priority) -> Waiting<'_> {
        Waiting { lane: self, ticket: self.state().line.join(priority, None) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked of a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) cost: u32,
    pub(super) priority: Priority,
    pub(super) not_after: Option<NotAfter>,
}

/// A place in line, left when it is dropped.
#[derive(Debug)]
struct Waiting<'a> {
    lane: &'a Lane,
    ticket: Ticket,
}

impl Waiting<'_> {
    fn turn(&self, ask: Ask, clock: &dyn Clock, context: &Context<'_>) -> Turn {
        let mut state = self.lane.state();
        if state.line.first() != Some(self.ticket) {
            if let Some(waker) = state.line.value_mut(self.ticket) {
                *waker = Some(context.waker().clone());
            }
            return Turn::NotYet;
        }
        // The clock is read under the lock, so that the limiter sees time in order.
        let now = clock.now();
        if ask.not_after.is_some_and(|bound| now >= bound.0) {
            return Turn::Impossible;
        }
        match state.limiter.start(ask.cost, now) {
            Decision::Admitted => {
                state.line.served(self.ticket);
                Turn::Admitted
            }
            Decision::Impossible => Turn::Impossible,
            Decision::Refused { retry_at } => {
                Turn::Until(Duration::try_from(retry_at.duration_since(now)).unwrap_or(SHORTEST).max(SHORTEST))
            }
        }
    }
}

/// A wait is never empty, so that a timer that rounds down cannot make a busy loop.
pub(super) const SHORTEST: Duration = Duration::from_nanos(1);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        state.line.leave(self.ticket);
        let next = state.wake_first();
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// A part of the quota that a request uses while it is under way; begins to become free when it is dropped.
///
/// Without an answer the request may still be on its way when it is dropped: its part is used until the request's deadline.
pub(super) struct Slot<'a> {
    lane: &'a Lane,
    cost: u32,
    /// When the request can no longer arrive, while it is under way.
    latest: Option<Timestamp>,
    clock: &'a dyn Clock,
}

impl Slot<'_> {
    /// Says that the request is sent now and may be under way for so long.
    pub(super) fn sent(&mut self, deadline: Duration) {
        self.latest = Some(self.clock.now().saturating_add(deadline).unwrap_or(Timestamp::MAX));
    }

    /// Says that the answer is there, or that there will be none.
    pub(super) const fn answered(&mut self) {
        self.latest = None;
    }

    /// Takes note of what the answer said about limits; for how long nothing is sent because of it.
    pub(super) fn learn(&self, answer: Answer, advice: impl FnOnce(Timestamp) -> Advice) -> Option<Duration> {
        let mut state = self.lane.state();
        let now = self.clock.now();
        state.limiter.learn(answer, &advice(now), now)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        let now = self.clock.now();
        match self.latest {
            None => state.limiter.finish(self.cost, now),
            Some(latest) => state.limiter.abandon(self.cost, latest, now),
        }
    }
}
