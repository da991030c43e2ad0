//! Several limits at once.

use jiff::Timestamp;

use crate::limiter::{Decision, Limiter};
use crate::quota::Quota;
use crate::sliding_window::SlidingWindow;

/// Several limiters that must all admit a request, such as ten a second and five hundred a minute. Charges all of them or none.
///
/// Without a limiter every request is admitted.
#[derive(Debug)]
pub struct Limits<L = SlidingWindow> {
    limiters: Vec<L>,
}

impl<L> Default for Limits<L> {
    fn default() -> Self {
        Self { limiters: Vec::new() }
    }
}

impl<L: Clone> Clone for Limits<L> {
    fn clone(&self) -> Self {
        Self { limiters: self.limiters.clone() }
    }
}

impl<L: Limiter> Limits<L> {
    /// All of these limits.
    pub fn new(limiters: impl IntoIterator<Item = L>) -> Self {
        Self { limiters: limiters.into_iter().collect() }
    }

    /// No limit.
    pub fn none() -> Self {
        Self::default()
    }

    /// The limiters, in the order in which they were given.
    pub fn limiters(&self) -> &[L] {
        &self.limiters
    }

    /// Decides on a request and charges it at once. For services.
    pub fn admit(&mut self, cost: u32, now: Timestamp) -> Decision {
        self.take(cost, now, L::admit)
    }

    /// Decides on a request that begins now; if it is admitted, its cost is held until one window after [`finish`](Self::finish).
    pub fn start(&mut self, cost: u32, now: Timestamp) -> Decision {
        self.take(cost, now, L::start)
    }

    /// Says that a request that was started has its answer, or that none will come.
    pub fn finish(&mut self, cost: u32, now: Timestamp) {
        for limiter in &mut self.limiters {
            limiter.finish(cost, now);
        }
    }

    /// What `admit` and `start` would say; charges nothing.
    pub fn decide(&self, cost: u32, now: Timestamp) -> Decision {
        self.limiters.iter().map(|limiter| limiter.decide(cost, now)).fold(Decision::Admitted, Decision::and)
    }

    /// Admits nothing before this instant. An earlier pause stays if it is longer.
    pub fn pause_until(&mut self, at: Timestamp) {
        for limiter in &mut self.limiters {
            limiter.pause_until(at);
        }
    }

    /// How much cost could be admitted now; `u32::MAX` without a limit.
    pub fn remaining(&self, now: Timestamp) -> u32 {
        self.limiters.iter().map(|limiter| limiter.remaining(now)).min().unwrap_or(u32::MAX)
    }

    /// The instant from which all limiters are as if they had never been used; `None` while a request is under way.
    pub fn idle_at(&self) -> Option<Timestamp> {
        self.limiters.iter().try_fold(Timestamp::MIN, |latest, limiter| Some(latest.max(limiter.idle_at()?)))
    }

    fn take(&mut self, cost: u32, now: Timestamp, charge: fn(&mut L, u32, Timestamp) -> Decision) -> Decision {
        let decision = self.decide(cost, now);
        if decision.is_admitted() {
            for limiter in &mut self.limiters {
                charge(limiter, cost, now);
            }
        }
        decision
    }
}

impl From<SlidingWindow> for Limits {
    fn from(window: SlidingWindow) -> Self {
        Self::new([window])
    }
}

impl From<Quota> for Limits {
    fn from(quota: Quota) -> Self {
        Self::new([SlidingWindow::new(quota)])
    }
}

impl<L: Limiter> Limiter for Limits<L> {
    fn decide(&self, cost: u32, now: Timestamp) -> Decision {
        self.decide(cost, now)
    }

    fn admit(&mut self, cost: u32, now: Timestamp) -> Decision {
        self.admit(cost, now)
    }

    fn start(&mut self, cost: u32, now: Timestamp) -> Decision {
        self.start(cost, now)
    }

    fn finish(&mut self, cost: u32, now: Timestamp) {
        self.finish(cost, now);
    }

    fn pause_until(&mut self, at: Timestamp) {
        self.pause_until(at);
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.remaining(now)
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.idle_at()
    }
}
