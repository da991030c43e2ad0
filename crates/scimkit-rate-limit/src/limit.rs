//! What all limits have in common: a decision by a state.

use std::fmt::Debug;

use jiff::Timestamp;

use crate::decision::Decision;
use crate::quota::Quota;
use crate::usage::Used;

/// How many requests may be made in how much time, decided by a state that the caller keeps.
///
/// # Contract
/// Pure: a decision depends on the limit, the state and `now`, nothing else; `decide` and `remaining` change nothing, and a refusal by `admit`
/// takes note of the time only. `now` may be smaller than in an earlier call; that never admits more. A cost of 0 is
/// charged nothing. No method panics.
pub trait Limit: Debug {
    /// What was used, as far as it still counts.
    type State: Clone + Debug;

    /// The state when nothing was used.
    fn unused(&self) -> Self::State;

    /// The most cost that can be admitted at once.
    fn capacity(&self) -> u32;

    /// Decides on a request; charges nothing.
    ///
    /// `under_way` is cost that was admitted and has not arrived yet, as far as is known: it counts as charged now.
    fn decide(&self, state: &Self::State, under_way: u32, cost: u32, now: Timestamp) -> Decision;

    /// Takes note of the time, so that a clock that was set back is counted from there.
    fn advance(&self, state: &mut Self::State, now: Timestamp);

    /// Charges cost that arrived now.
    fn charge(&self, state: &mut Self::State, cost: u32, now: Timestamp);

    /// How much cost could be admitted now.
    fn remaining(&self, state: &Self::State, under_way: u32, now: Timestamp) -> u32;

    /// The instant from which the state is as if nothing had been used.
    fn idle_at(&self, state: &Self::State) -> Timestamp;

    /// The instant from which everything is free again if the whole quota was used now.
    fn free_after_all(&self, now: Timestamp) -> Timestamp;

    /// What is promised, as a quota for each rule.
    fn quotas(&self) -> Vec<Quota>;

    /// What counts at this instant, to be kept.
    fn usage(&self, state: &Self::State, now: Timestamp) -> Used;

    /// The state that a usage describes; `None` if it is not one of such a limit. What lies in the future counts as used now.
    fn resume(&self, used: &Used, now: Timestamp) -> Option<Self::State>;

    /// Decides on a request and charges it if it is admitted.
    fn admit(&self, state: &mut Self::State, cost: u32, now: Timestamp) -> Decision {
        self.advance(state, now);
        let decision = self.decide(state, 0, cost, now);
        if decision.is_admitted() {
            self.charge(state, cost, now);
        }
        decision
    }
}
