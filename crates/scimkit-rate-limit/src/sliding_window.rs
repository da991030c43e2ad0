//! Exact sliding windows.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::instant;
use crate::limiter::{Decision, Limiter};
use crate::quota::Quota;

/// Admits no more than the quota in any half-open window `(t, t + window]`, and refuses nothing that this allows.
///
/// The cost of a request at `t` is free again at `t + window`. Memory grows with use, up to 8 bytes for each request of the quota.
#[derive(Clone, Debug)]
pub struct SlidingWindow {
    quota: Quota,
    /// The latest instant seen.
    last: i64,
    /// Nothing is admitted before.
    paused_until: i64,
    /// Cost that has started and not finished.
    in_flight: u32,
    /// Cost charged as a block at one instant, which is before all of `charged`.
    block: Block,
    /// When each unit of cost was charged, oldest first.
    // INVARIANT (held cost): in_flight + block.cost + charged.len() <= quota.requests
    charged: VecDeque<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    cost: u32,
    at: i64,
}

/// What a [`SlidingWindow`] has admitted and still counts, to be kept over a restart.
///
/// What is under way when the usage is taken counts as finished when the window is built again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Nanoseconds since 1970 and the cost charged then, in order of time.
    charged: Vec<(i64, u32)>,
    /// Cost that had started and not finished.
    #[serde(default)]
    in_flight: u32,
    /// Nanoseconds since 1970 before which nothing is admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused_until: Option<i64>,
}

impl SlidingWindow {
    /// A window in which nothing has been admitted.
    pub const fn new(quota: Quota) -> Self {
        Self {
            quota,
            last: i64::MIN,
            paused_until: i64::MIN,
            in_flight: 0,
            block: Block { cost: 0, at: i64::MIN },
            charged: VecDeque::new(),
        }
    }

    /// A window whose whole quota was used at this instant: for a start when what was used before is not known.
    pub fn full(quota: Quota, now: Timestamp) -> Self {
        let now = instant::from_timestamp(now);
        Self { last: now, block: Block { cost: quota.requests().get(), at: now }, ..Self::new(quota) }
    }

    /// A window that has admitted what another one did before it. The quota may be another one; a charge in the future counts as made now.
    pub fn with_usage(quota: Quota, usage: &Usage, now: Timestamp) -> Self {
        let now = instant::from_timestamp(now);
        let mut window = Self { last: now, paused_until: usage.paused_until.unwrap_or(i64::MIN), ..Self::new(quota) };
        let mut charges: Vec<(i64, u32)> = usage.charged.iter().map(|&(at, cost)| (at.min(now), cost)).collect();
        charges.sort_unstable();
        charges.push((now, usage.in_flight));
        // Of more than the quota, the latest count: they are free last.
        let mut room = quota.requests().get();
        let kept: Vec<(i64, u32)> = charges
            .into_iter()
            .rev()
            .map(|(at, cost)| {
                let cost = cost.min(room);
                room -= cost;
                (at, cost)
            })
            .collect();
        for (at, cost) in kept.into_iter().rev() {
            if window.is_held(at, now) {
                window.charge(cost, at);
            }
        }
        window
    }

    /// The quota.
    pub const fn quota(&self) -> Quota {
        self.quota
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

    /// Decides on a request that begins now; if it is admitted, its cost is held until one window after [`finish`](Self::finish).
    ///
    /// While it is unknown when requests under way will finish, the instant of a refusal is the earliest one possible.
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
        let seen = instant::from_timestamp(now);
        if self.was_set_back(seen) {
            // Rare, so that a copy is good enough.
            let mut window = self.clone();
            let now = window.advance(now);
            return window.decide_at(cost, now);
        }
        self.decide_at(cost, seen.max(self.last))
    }

    /// Admits nothing before this instant. An earlier pause stays if it is longer.
    pub fn pause_until(&mut self, at: Timestamp) {
        self.paused_until = self.paused_until.max(instant::from_timestamp(at));
    }

    /// How much cost could be admitted now.
    pub fn remaining(&self, now: Timestamp) -> u32 {
        let now = instant::from_timestamp(now);
        if self.was_set_back(now) {
            return 0;
        }
        let now = now.max(self.last);
        if now < self.paused_until { 0 } else { self.quota.requests().get().saturating_sub(self.held(now)) }
    }

    /// What counts at this instant, to be kept over a restart.
    pub fn usage(&self, now: Timestamp) -> Usage {
        let now = instant::from_timestamp(now).max(self.last);
        let mut charged: Vec<(i64, u32)> = Vec::new();
        if self.block.cost > 0 && self.is_held(self.block.at, now) {
            charged.push((self.block.at, self.block.cost));
        }
        for at in self.charged.iter().copied().filter(|at| self.is_held(*at, now)) {
            match charged.last_mut() {
                Some((latest, cost)) if *latest == at => *cost += 1,
                _ => charged.push((at, 1)),
            }
        }
        Usage { charged, in_flight: self.in_flight, paused_until: (self.paused_until > now).then_some(self.paused_until) }
    }

    /// The instant from which the window is empty; `None` while a request is under way.
    pub fn idle_at(&self) -> Option<Timestamp> {
        if self.in_flight > 0 {
            return None;
        }
        let latest = self.charged.back().copied().or_else(|| (self.block.cost > 0).then_some(self.block.at));
        let free = latest.map_or(i64::MIN, |at| self.free_at(at));
        Some(instant::to_timestamp(free.max(self.paused_until)))
    }

    /// Takes note of the time, forgets what is free, and returns the time to decide by.
    fn advance(&mut self, now: Timestamp) -> i64 {
        let now = instant::from_timestamp(now);
        if self.was_set_back(now) {
            // The clock was set back: how much time has passed is unknown, so the quota counts as used now.
            self.paused_until = now.saturating_add(self.paused_until.saturating_sub(self.last)).max(now);
            self.charged.clear();
            self.block = Block { cost: self.quota.requests().get() - self.in_flight, at: now };
            self.last = now;
        }
        self.last = self.last.max(now);
        if !self.is_held(self.block.at, self.last) {
            self.block.cost = 0;
        }
        while self.charged.front().is_some_and(|at| !self.is_held(*at, self.last)) {
            self.charged.pop_front();
        }
        self.last
    }

    /// Whether the clock has gone back further than a late caller explains.
    const fn was_set_back(&self, now: i64) -> bool {
        now < self.last.saturating_sub(self.quota.window_nanos())
    }

    const fn free_at(&self, charged_at: i64) -> i64 {
        charged_at.saturating_add(self.quota.window_nanos())
    }

    /// Whether a charge at `at` still counts.
    const fn is_held(&self, at: i64, now: i64) -> bool {
        self.free_at(at) > now
    }

    fn held(&self, now: i64) -> u32 {
        let block = if self.is_held(self.block.at, now) { self.block.cost } else { 0 };
        let free = self.charged.partition_point(|at| !self.is_held(*at, now));
        block + length(self.charged.len() - free) + self.in_flight
    }

    fn decide_at(&self, cost: u32, now: i64) -> Decision {
        let quota = self.quota.requests().get();
        if cost > quota {
            return Decision::Impossible;
        }
        let held = self.held(now);
        // How much of what is held must become free first.
        let excess = held.saturating_sub(quota - cost);
        let free_at = if excess == 0 { i64::MIN } else { self.nth_free_at(excess, now) };
        let retry_at = free_at.max(self.paused_until);
        if retry_at <= now { Decision::Admitted } else { Decision::Refused { retry_at: instant::to_timestamp(retry_at) } }
    }

    /// When so many units of what is held now are free: exactly if they are charged, else as if what is under way finished now.
    fn nth_free_at(&self, count: u32, now: i64) -> i64 {
        let block = if self.is_held(self.block.at, now) { self.block.cost } else { 0 };
        if count <= block {
            return self.free_at(self.block.at);
        }
        let free = self.charged.partition_point(|at| !self.is_held(*at, now));
        let index = usize::try_from(count - block - 1).unwrap_or(usize::MAX).saturating_add(free);
        self.free_at(self.charged.get(index).copied().unwrap_or(now))
    }

    /// Charges at an instant that is not before any other charge.
    fn charge(&mut self, cost: u32, at: i64) {
        let cost = usize::try_from(cost).unwrap_or(usize::MAX);
        let needed = self.charged.len().saturating_add(cost);
        if needed > self.charged.capacity() {
            // Doubles like any vector, but never beyond the quota.
            let most = usize::try_from(self.quota.requests().get()).unwrap_or(usize::MAX);
            let capacity = needed.max(self.charged.capacity().saturating_mul(2).min(most));
            self.charged.reserve_exact(capacity - self.charged.len());
        }
        self.charged.extend(std::iter::repeat_n(at, cost));
    }
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Limiter for SlidingWindow {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn memory_is_at_most_8_bytes_a_request() {
        let requests = 1_000;
        let mut window = SlidingWindow::new(Quota::new(requests, Duration::from_secs(1)).unwrap());
        for nanos in 0..10 * i128::from(requests) {
            let now = Timestamp::from_nanosecond(nanos * 1_000_000).unwrap();
            assert!(window.admit(1, now).is_admitted());
            assert!(window.charged.capacity() <= 1_000);
        }
        assert_eq!(window.charged.len(), 1_000);
    }
}
