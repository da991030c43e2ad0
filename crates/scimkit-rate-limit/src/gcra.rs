//! The generic cell rate algorithm.

use std::num::NonZeroU32;

use jiff::Timestamp;

use crate::instant;
use crate::limiter::{Decision, Limiter};
use crate::quota::Quota;

/// Admits an even rate with bursts, in constant memory: the generic cell rate algorithm.
///
/// One unit of cost becomes free every `window / requests` (rounded down to nanoseconds), and up to `burst` units can be saved up. In one
/// window there may be up to `requests + burst` admissions: use [`SlidingWindow`](crate::SlidingWindow) where the quota is a hard limit.
#[derive(Clone, Debug)]
pub struct Gcra {
    /// The time that one unit of cost takes, in nanoseconds.
    interval: i64,
    burst: NonZeroU32,
    /// The latest instant seen.
    last: i64,
    /// When the limiter will be as if never used.
    arrival: i64,
    paused_until: i64,
    in_flight: u32,
}

impl Gcra {
    /// An unused limiter of this rate that admits `burst` units of cost at once.
    pub fn new(quota: Quota, burst: NonZeroU32) -> Self {
        let interval = (quota.window_nanos() / i64::from(quota.requests().get())).max(1);
        Self { interval, burst, last: i64::MIN, arrival: i64::MIN, paused_until: i64::MIN, in_flight: 0 }
    }

    /// The units of cost that can be admitted at once.
    pub const fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// Decides on a request and charges it at once. For services.
    pub fn admit(&mut self, cost: u32, now: Timestamp) -> Decision {
        let now = self.advance(now);
        let decision = self.decide_at(cost, now);
        if decision.is_admitted() {
            self.charge(cost, now);
        }
        decision
    }

    /// Decides on a request that begins now; if it is admitted, its cost is charged when it [finishes](Self::finish) and counts until then.
    pub fn start(&mut self, cost: u32, now: Timestamp) -> Decision {
        let now = self.advance(now);
        let decision = self.decide_at(cost, now);
        if decision.is_admitted() {
            self.in_flight += cost;
        }
        decision
    }

    /// Says that a request that was started has its answer, or that none will come. More cost than is under way is ignored.
    pub fn finish(&mut self, cost: u32, now: Timestamp) {
        let now = self.advance(now);
        let cost = cost.min(self.in_flight);
        self.in_flight -= cost;
        self.charge(cost, now);
    }

    /// What `admit` and `start` would say; charges nothing.
    pub fn decide(&self, cost: u32, now: Timestamp) -> Decision {
        let mut copy = self.clone();
        let now = copy.advance(now);
        copy.decide_at(cost, now)
    }

    /// Admits nothing before this instant. An earlier pause stays if it is longer.
    pub fn pause_until(&mut self, at: Timestamp) {
        self.paused_until = self.paused_until.max(instant::from_timestamp(at));
    }

    /// How much cost could be admitted now.
    pub fn remaining(&self, now: Timestamp) -> u32 {
        let mut copy = self.clone();
        let now = copy.advance(now);
        if now < copy.paused_until {
            return 0;
        }
        let used = i128::from(copy.arrival.max(now)) - i128::from(now) + copy.weight(copy.in_flight);
        let room = copy.weight(copy.burst.get()) - used;
        u32::try_from(room.max(0) / i128::from(copy.interval)).unwrap_or(u32::MAX)
    }

    /// The instant from which the limiter is as if it had never been used; `None` while a request is under way.
    pub fn idle_at(&self) -> Option<Timestamp> {
        (self.in_flight == 0).then(|| instant::to_timestamp(self.arrival.max(self.paused_until)))
    }

    /// Takes note of the time and returns the time to decide by.
    fn advance(&mut self, now: Timestamp) -> i64 {
        let now = instant::from_timestamp(now);
        let tolerated = narrow(self.weight(self.burst.get()));
        if now < self.last.saturating_sub(tolerated) {
            // The clock was set back: how much time has passed is unknown, so the burst counts as used now.
            self.paused_until = now.saturating_add(self.paused_until.saturating_sub(self.last)).max(now);
            self.arrival = now.saturating_add(tolerated);
            self.last = now;
        }
        self.last = self.last.max(now);
        self.last
    }

    fn decide_at(&self, cost: u32, now: i64) -> Decision {
        if cost > self.burst.get() {
            return Decision::Impossible;
        }
        let free_at = if self.in_flight == 0 {
            i128::from(self.arrival) + self.weight(cost) - self.weight(self.burst.get())
        } else {
            // As if what is under way finished now.
            i128::from(self.arrival.max(now)) + self.weight(self.in_flight) + self.weight(cost) - self.weight(self.burst.get())
        };
        let retry_at = narrow(free_at).max(self.paused_until);
        if retry_at <= now { Decision::Admitted } else { Decision::Refused { retry_at: instant::to_timestamp(retry_at) } }
    }

    fn charge(&mut self, cost: u32, now: i64) {
        if cost > 0 {
            self.arrival = narrow(i128::from(self.arrival.max(now)) + self.weight(cost));
        }
    }

    /// The time that so much cost takes, in nanoseconds; more than fits in 64 bits for a quota of centuries.
    fn weight(&self, cost: u32) -> i128 {
        i128::from(self.interval) * i128::from(cost)
    }
}

fn narrow(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

impl Limiter for Gcra {
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
