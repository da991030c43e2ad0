//! The generic cell rate algorithm.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::decision::Decision;
use crate::instant::{self, CENTURY, NEVER};
use crate::limit::Limit;
use crate::quota::Quota;
use crate::usage::Used;

/// Admits an even rate with bursts, in 8 bytes of state: the generic cell rate algorithm.
///
/// One unit of cost becomes free every `window / requests` (rounded down to nanoseconds), and up to `burst` units can be saved up. In one
/// window there may be up to `requests + burst` admissions: use [`SlidingWindow`](crate::SlidingWindow) where the quota is a hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// The time that one unit of cost takes, in nanoseconds.
    interval: i64,
    /// The time that the burst takes, in nanoseconds.
    tolerance: i64,
    burst: NonZeroU32,
}

/// When a [`Gcra`] is as if it had never been used: its theoretical arrival time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival(i64);

impl Gcra {
    /// This rate, with `burst` units of cost at once.
    pub fn new(quota: Quota, burst: NonZeroU32) -> Self {
        let interval = (quota.window_nanos() / i64::from(quota.requests().get())).max(1);
        Self { interval, tolerance: interval.saturating_mul(i64::from(burst.get())), burst }
    }

    /// The units of cost that can be admitted at once.
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// The time in which one unit of cost becomes free.
    pub const fn interval(self) -> Duration {
        Duration::from_nanos(self.interval.unsigned_abs())
    }

    /// When the clock was set back, how much time has passed is unknown: the burst counts as used now. One burst is what a late caller explains.
    #[inline]
    const fn settled(self, arrival: i64, now: i64) -> i64 {
        let full = now.saturating_add(self.tolerance);
        if arrival > full.saturating_add(self.tolerance) { full } else { arrival }
    }

    #[inline]
    fn weight(self, cost: u32) -> i64 {
        self.interval.saturating_mul(i64::from(cost))
    }

    /// Whether so much cost is free now, and else when.
    #[inline]
    fn free_at(self, arrival: i64, under_way: u32, cost: u32, now: i64) -> i64 {
        let arrival = self.settled(arrival, now);
        let held = if under_way == 0 { arrival } else { arrival.max(now).saturating_add(self.weight(under_way)) };
        held.saturating_add(self.weight(cost)).saturating_sub(self.tolerance)
    }

    /// The arrival time after a charge.
    #[inline]
    fn charged(self, arrival: i64, cost: u32, now: i64) -> i64 {
        if cost == 0 { arrival } else { self.settled(arrival, now).max(now).saturating_add(self.weight(cost)) }
    }

    /// Decides on a cost that is possible: the arrival time after it, and when it is free.
    #[inline]
    fn step(self, arrival: i64, cost: u32, now: i64) -> (i64, i64) {
        // No cost that is possible weighs more than the tolerance: what has never been used, or is free again, admits it.
        let weight = self.weight(cost);
        let next = arrival.max(now).saturating_add(weight);
        let free_at = next.saturating_sub(self.tolerance);
        if free_at <= now {
            return (next, free_at);
        }
        // Only a refusal can be due to a clock that was set back.
        if free_at.saturating_sub(weight) > now.saturating_add(self.tolerance) {
            return self.step_set_back(arrival, weight, now);
        }
        (arrival, free_at)
    }

    #[cold]
    fn step_set_back(self, arrival: i64, weight: i64, now: i64) -> (i64, i64) {
        let settled = self.settled(arrival, now);
        (settled, settled.saturating_add(weight).saturating_sub(self.tolerance))
    }
}

impl Limit for Gcra {
    type State = Arrival;

    fn unused(&self) -> Arrival {
        Arrival(NEVER)
    }

    fn capacity(&self) -> u32 {
        self.burst.get()
    }

    #[inline]
    fn decide(&self, state: &Arrival, under_way: u32, cost: u32, now: Timestamp) -> Decision {
        if cost > self.burst.get() {
            return Decision::Impossible;
        }
        let now = instant::from_timestamp(now);
        let free_at = self.free_at(state.0, under_way, cost, now);
        if free_at <= now { Decision::Admitted } else { Decision::Refused { retry_at: instant::to_timestamp(free_at) } }
    }

    fn advance(&self, state: &mut Arrival, now: Timestamp) {
        state.0 = self.settled(state.0, instant::from_timestamp(now));
    }

    #[inline]
    fn charge(&self, state: &mut Arrival, cost: u32, now: Timestamp) {
        state.0 = self.charged(state.0, cost, instant::from_timestamp(now));
    }

    fn remaining(&self, state: &Arrival, under_way: u32, now: Timestamp) -> u32 {
        let now = instant::from_timestamp(now);
        let held = self.settled(state.0, now).max(now).saturating_add(self.weight(under_way));
        let room = self.tolerance.saturating_sub(held.saturating_sub(now)).max(0);
        u32::try_from(room / self.interval).unwrap_or(u32::MAX).min(self.burst.get())
    }

    fn idle_at(&self, state: &Arrival) -> Timestamp {
        instant::to_timestamp(state.0)
    }

    fn free_after_all(&self, now: Timestamp) -> Timestamp {
        instant::to_timestamp(instant::from_timestamp(now).saturating_add(self.tolerance))
    }

    fn quotas(&self) -> Vec<Quota> {
        Quota::new(self.burst.get(), Duration::from_nanos(self.tolerance.min(CENTURY).unsigned_abs())).into_iter().collect()
    }

    fn usage(&self, state: &Arrival, _now: Timestamp) -> Used {
        Used::Arrival(state.0)
    }

    fn resume(&self, used: &Used, now: Timestamp) -> Option<Arrival> {
        let Used::Arrival(arrival) = used else { return None };
        Some(Arrival((*arrival).min(instant::from_timestamp(now).saturating_add(self.tolerance))))
    }

    #[inline]
    fn admit(&self, state: &mut Arrival, cost: u32, now: Timestamp) -> Decision {
        if cost > self.burst.get() {
            return Decision::Impossible;
        }
        let now = instant::from_timestamp(now);
        let (next, free_at) = self.step(state.0, cost, now);
        state.0 = next;
        if free_at <= now { Decision::Admitted } else { Decision::Refused { retry_at: instant::to_timestamp(free_at) } }
    }
}

/// A [`Gcra`] with its state, shared by threads without a lock. For services.
#[derive(Debug)]
pub struct AtomicGcra {
    gcra: Gcra,
    arrival: AtomicI64,
}

impl AtomicGcra {
    /// An unused limiter.
    pub const fn new(gcra: Gcra) -> Self {
        Self { gcra, arrival: AtomicI64::new(NEVER) }
    }

    /// Decides on a request and charges it if it is admitted.
    #[inline]
    pub fn admit(&self, cost: u32, now: Timestamp) -> Decision {
        match self.admit_at(cost, instant::from_timestamp(now)) {
            Ok(()) => Decision::Admitted,
            Err(i64::MAX) => Decision::Impossible,
            Err(retry_at) => Decision::Refused { retry_at: instant::to_timestamp(retry_at) },
        }
    }

    /// As [`admit`](Self::admit), for whoever keeps time as nanoseconds since any instant, always the same.
    ///
    /// # Errors
    /// When the request is refused, the instant from which it is worth asking; `i64::MAX` if it is refused at any time.
    #[inline]
    pub fn admit_at(&self, cost: u32, now: i64) -> Result<(), i64> {
        if cost > self.gcra.burst.get() {
            return Err(i64::MAX);
        }
        let mut arrival = self.arrival.load(Ordering::Relaxed);
        loop {
            let (next, free_at) = self.gcra.step(arrival, cost, now);
            let answer = if free_at <= now { Ok(()) } else { Err(free_at) };
            if next == arrival {
                return answer;
            }
            // The value is all there is to see: nothing else is published with it.
            match self.arrival.compare_exchange_weak(arrival, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return answer,
                Err(seen) => arrival = seen,
            }
        }
    }

    /// The state at present, for [`Limit`]'s other methods.
    pub fn state(&self) -> Arrival {
        Arrival(self.arrival.load(Ordering::Relaxed))
    }

    /// The rule.
    pub const fn gcra(&self) -> Gcra {
        self.gcra
    }
}
