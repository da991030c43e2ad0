//! Exact sliding windows.

use jiff::Timestamp;

use crate::charges::{Charges, bytes_for};
use crate::decision::Decision;
use crate::instant;
use crate::limit::Limit;
use crate::quota::Quota;
use crate::usage::Used;

/// Admits no more than the quota in any half-open window `(t, t + window]`, and refuses nothing that this allows.
///
/// The cost of a request at `t` is free again at `t + window`. The state grows with use, up to 4 bytes for each request of the quota if the
/// window is up to 4 seconds, 5 up to 18 minutes, 6 up to three days, and else 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlidingWindow {
    quota: Quota,
    /// Bytes for each charge.
    bytes: u8,
}

/// Calls a function with the number of bytes for a charge as a constant.
macro_rules! by_bytes {
    ($window:expr, $function:ident($($argument:expr),*)) => {
        match $window.bytes {
            4 => $window.$function::<4>($($argument),*),
            5 => $window.$function::<5>($($argument),*),
            6 => $window.$function::<6>($($argument),*),
            _ => $window.$function::<8>($($argument),*),
        }
    };
}

impl SlidingWindow {
    /// A window of this quota.
    pub const fn new(quota: Quota) -> Self {
        Self { quota, bytes: bytes_for(quota.window_nanos()) }
    }

    /// The quota.
    pub const fn quota(self) -> Quota {
        self.quota
    }

    const fn free_at(self, charged_at: i64) -> i64 {
        charged_at.saturating_add(self.quota.window_nanos())
    }

    /// By how much a clock was set back, beyond what a late caller explains; and the instant to decide by, on the clock before that.
    const fn frame(self, state: &Charges, now: i64) -> (i64, i64) {
        if now >= state.seen {
            (0, now)
        } else if now < state.seen.saturating_sub(self.quota.window_nanos()) {
            (state.seen - now, state.seen)
        } else {
            (0, state.seen)
        }
    }

    fn decide_in<const W: usize>(self, state: &Charges, under_way: u32, cost: u32, now: i64) -> Decision {
        let (back, now) = self.frame(state, now);
        let free = state.first_after::<W>(now.saturating_sub(self.quota.window_nanos()));
        self.decide_by::<W>(state, free, under_way, cost, now, back)
    }

    /// Decides when so many of the charges are free.
    #[inline]
    fn decide_by<const W: usize>(self, state: &Charges, free: u32, under_way: u32, cost: u32, now: i64, back: i64) -> Decision {
        let quota = self.quota.requests().get();
        if cost > quota {
            return Decision::Impossible;
        }
        let held = state.len() - free;
        // How much of what is held must become free first.
        let excess = held.saturating_add(under_way).saturating_sub(quota - cost);
        if excess == 0 {
            return Decision::Admitted;
        }
        // What is under way counts as if it arrived now.
        let charged_at = if excess <= held { state.get::<W>(free + excess - 1) } else { now };
        Decision::Refused { retry_at: instant::to_timestamp(self.free_at(charged_at).saturating_sub(back)) }
    }

    #[inline]
    fn admit_in<const W: usize>(self, state: &mut Charges, cost: u32, now: i64) -> Decision {
        state.advance::<W>(now, self.quota.window_nanos());
        let decision = self.decide_by::<W>(state, 0, 0, cost, state.seen, 0);
        if decision.is_admitted() {
            state.push::<W>(cost, self.quota.requests().get());
        }
        decision
    }

    fn advance_in<const W: usize>(self, state: &mut Charges, now: i64) {
        state.advance::<W>(now, self.quota.window_nanos());
    }

    fn charge_in<const W: usize>(self, state: &mut Charges, cost: u32, now: i64) {
        state.advance::<W>(now, self.quota.window_nanos());
        state.push::<W>(cost, self.quota.requests().get());
    }

    fn held_in<const W: usize>(self, state: &Charges, now: i64) -> u32 {
        let (_, now) = self.frame(state, now);
        state.len() - state.first_after::<W>(now.saturating_sub(self.quota.window_nanos()))
    }

    fn latest_in<const W: usize>(self, state: &Charges) -> Option<i64> {
        state.len().checked_sub(1).map(|place| state.get::<W>(place))
    }

    fn charged_in<const W: usize>(self, state: &Charges, now: i64) -> Vec<(i64, u32)> {
        let (back, now) = self.frame(state, now);
        let mut charged: Vec<(i64, u32)> = Vec::new();
        for place in state.first_after::<W>(now.saturating_sub(self.quota.window_nanos()))..state.len() {
            let at = state.get::<W>(place).saturating_sub(back);
            match charged.last_mut() {
                Some((latest, cost)) if *latest == at => *cost += 1,
                _ => charged.push((at, 1)),
            }
        }
        charged
    }
}

impl Limit for SlidingWindow {
    type State = Charges;

    fn unused(&self) -> Charges {
        Charges::new()
    }

    fn capacity(&self) -> u32 {
        self.quota.requests().get()
    }

    fn decide(&self, state: &Charges, under_way: u32, cost: u32, now: Timestamp) -> Decision {
        by_bytes!(self, decide_in(state, under_way, cost, instant::from_timestamp(now)))
    }

    fn advance(&self, state: &mut Charges, now: Timestamp) {
        by_bytes!(self, advance_in(state, instant::from_timestamp(now)));
    }

    fn charge(&self, state: &mut Charges, cost: u32, now: Timestamp) {
        if cost > 0 {
            by_bytes!(self, charge_in(state, cost, instant::from_timestamp(now)));
        }
    }

    fn remaining(&self, state: &Charges, under_way: u32, now: Timestamp) -> u32 {
        let held = by_bytes!(self, held_in(state, instant::from_timestamp(now)));
        self.quota.requests().get().saturating_sub(held).saturating_sub(under_way)
    }

    fn idle_at(&self, state: &Charges) -> Timestamp {
        instant::to_timestamp(by_bytes!(self, latest_in(state)).map_or(instant::NEVER, |at| self.free_at(at)))
    }

    fn free_after_all(&self, now: Timestamp) -> Timestamp {
        instant::to_timestamp(self.free_at(instant::from_timestamp(now)))
    }

    fn quotas(&self) -> Vec<Quota> {
        vec![self.quota]
    }

    fn usage(&self, state: &Charges, now: Timestamp) -> Used {
        Used::Charged(by_bytes!(self, charged_in(state, instant::from_timestamp(now))))
    }

    fn resume(&self, used: &Used, now: Timestamp) -> Option<Charges> {
        let Used::Charged(charged) = used else { return None };
        let now = instant::from_timestamp(now);
        let mut charged: Vec<(i64, u32)> = charged.iter().map(|&(at, cost)| (at.min(now), cost)).collect();
        charged.sort_unstable();
        let mut state = self.unused();
        for (at, cost) in charged {
            if self.free_at(at) > now {
                by_bytes!(self, charge_in(&mut state, cost, at));
            }
        }
        Some(state)
    }

    #[inline]
    fn admit(&self, state: &mut Charges, cost: u32, now: Timestamp) -> Decision {
        by_bytes!(self, admit_in(state, cost, instant::from_timestamp(now)))
    }
}
