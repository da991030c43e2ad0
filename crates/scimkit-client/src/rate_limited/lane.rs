//! One class of requests, waiting in line.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use scimkit_rate_limit::{Decision, Limits, Timestamp};
use scimkit_types::{Clock, Timer};

#[derive(Debug)]
pub(super) struct Lane(Mutex<State>);

#[derive(Debug)]
struct State {
    limits: Limits,
    /// Who waits, in order; the waker of everyone but the first tells that it is their turn.
    line: VecDeque<(u64, Option<Waker>)>,
    next_ticket: u64,
}

impl State {
    /// Where in line a ticket is; tickets are in ascending order.
    fn place(&self, ticket: u64) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |(number, _)| *number).ok()
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
    pub(super) const fn new(limits: Limits) -> Self {
        Self(Mutex::new(State { limits, line: VecDeque::new(), next_ticket: 0 }))
    }

    pub(super) fn read<R>(&self, read: impl FnOnce(&Limits) -> R) -> R {
        read(&self.state().limits)
    }

    /// Waits in line until the cost is admitted, and takes it; `None` if it never can be.
    pub(super) async fn slot<'a>(&'a self, cost: u32, clock: &'a dyn Clock, timer: &dyn Timer) -> Option<Slot<'a>> {
        let ticket = self.ticket();
        let mut sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = None;
        let admitted = poll_fn(|context| {
            loop {
                if let Some(sleeping) = &mut sleep {
                    match sleeping.as_mut().poll(context) {
                        Poll::Ready(()) => sleep = None,
                        Poll::Pending => return Poll::Pending,
                    }
                }
                match ticket.turn(cost, clock, context) {
                    Turn::Admitted => return Poll::Ready(true),
                    Turn::Impossible => return Poll::Ready(false),
                    // Whatever frees the quota meanwhile frees it later than this: the limiter names the earliest instant possible.
                    Turn::Until(duration) => sleep = Some(timer.sleep(duration)),
                    Turn::NotYet => return Poll::Pending,
                }
            }
        })
        .await;
        drop(ticket);
        admitted.then_some(Slot { lane: self, cost, clock })
    }

    fn ticket(&self) -> Ticket<'_> {
        let mut state = self.state();
        let number = state.next_ticket;
        state.next_ticket = number.wrapping_add(1);
        state.line.push_back((number, None));
        Ticket { lane: self, number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in line, left when it is dropped.
#[derive(Debug)]
struct Ticket<'a> {
    lane: &'a Lane,
    number: u64,
}

impl Ticket<'_> {
    fn turn(&self, cost: u32, clock: &dyn Clock, context: &Context<'_>) -> Turn {
        let mut state = self.lane.state();
        if state.line.front().is_none_or(|(number, _)| *number != self.number) {
            let place = state.place(self.number);
            if let Some((_, waker)) = place.and_then(|place| state.line.get_mut(place)) {
                *waker = Some(context.waker().clone());
            }
            return Turn::NotYet;
        }
        // The clock is read under the lock, so that the limiter sees time in order.
        let now = clock.now();
        match state.limits.start(cost, now) {
            Decision::Admitted => Turn::Admitted,
            Decision::Impossible => Turn::Impossible,
            Decision::Refused { retry_at } => {
                Turn::Until(Duration::try_from(retry_at.duration_since(now)).unwrap_or(SHORTEST).max(SHORTEST))
            }
        }
    }
}

/// A wait is never empty, so that a timer that rounds down cannot make a busy loop.
const SHORTEST: Duration = Duration::from_nanos(1);

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        let Some(place) = state.place(self.number) else { return };
        state.line.remove(place);
        let next = if place == 0 { state.line.front_mut().and_then(|(_, waker)| waker.take()) } else { None };
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// A part of the quota that a request uses while it is under way; begins to become free when it is dropped.
pub(super) struct Slot<'a> {
    lane: &'a Lane,
    cost: u32,
    clock: &'a dyn Clock,
}

impl Slot<'_> {
    /// Lets nothing more through for so long.
    pub(super) fn pause(&self, pause: Duration) {
        let mut state = self.lane.state();
        let until = self.clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        state.limits.pause_until(until);
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        let now = self.clock.now();
        state.limits.finish(self.cost, now);
    }
}
