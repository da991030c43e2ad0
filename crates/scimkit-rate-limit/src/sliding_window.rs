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
/// The cost of a request at `t` is free again at `t + window`. The state grows with use: 32 bytes, and for each request of the quota after the
/// first one 4 more if the window is up to 4 seconds, 5 up to 18 minutes, 6 up to three days, 7 up to two years, and else 8.
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
            7 => $window.$function::<7>($($argument),*),
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

    #[inline]
    fn decide_in<const W: usize>(self, state: &Charges, under_way: u32, cost: u32, now: i64) -> Decision {
        let quota = self.quota.requests().get();
        if cost > quota {
            return Decision::Impossible;
        }
        // How much must become free first, of what is kept and then of what is under way.
        let excess = (u64::from(state.len()) + u64::from(under_way) + u64::from(cost)).saturating_sub(u64::from(quota));
        let Some(last) = excess.checked_sub(1) else { return Decision::Admitted };
        let at = now.max(state.latest);
        // What is under way counts as if it arrived now.
        let charged_at = u32::try_from(last).ok().filter(|last| *last < state.len()).map_or(at, |last| state.get::<W>(last));
        let free_at = self.free_at(charged_at);
        if free_at <= at {
            return Decision::Admitted;
        }
        Decision::Refused { retry_at: instant::to_timestamp(self.by_clock(state, now, free_at)) }
    }

    /// An instant by the clock of the caller, when that was set back since the latest charge.
    const fn by_clock(self, state: &Charges, now: i64, at: i64) -> i64 {
        if state.is_ahead_of(now, self.quota.window_nanos()) { now.saturating_add(at.saturating_sub(state.latest)) } else { at }
    }

    #[inline]
    fn admit_in<const W: usize>(self, state: &mut Charges, cost: u32, now: i64) -> Decision {
        state.advance::<W>(now, self.quota.window_nanos());
        let decision = self.decide_in::<W>(state, 0, cost, now);
        if decision.is_admitted() {
            state.push::<W>(cost, self.quota.requests().get(), now, self.quota.window_nanos());
        }
        decision
    }

    fn advance_in<const W: usize>(self, state: &mut Charges, now: i64) {
        state.advance::<W>(now, self.quota.window_nanos());
    }

    fn charge_in<const W: usize>(self, state: &mut Charges, cost: u32, now: i64) {
        state.advance::<W>(now, self.quota.window_nanos());
        state.push::<W>(cost, self.quota.requests().get(), now, self.quota.window_nanos());
    }

    /// The place of the oldest charge that is not free.
    fn first_held<const W: usize>(self, state: &Charges, now: i64) -> u32 {
        state.first_after::<W>(now.max(state.latest).saturating_sub(self.quota.window_nanos()))
    }

    fn held_in<const W: usize>(self, state: &Charges, now: i64) -> u32 {
        state.len() - self.first_held::<W>(state, now)
    }

    fn charged_in<const W: usize>(self, state: &Charges, now: i64) -> Vec<(i64, u32)> {
        let mut charged: Vec<(i64, u32)> = Vec::new();
        for place in self.first_held::<W>(state, now)..state.len() {
            let at = self.by_clock(state, now, state.get::<W>(place));
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
        instant::to_timestamp(if state.len() == 0 { instant::NEVER } else { self.free_at(state.latest) })
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
