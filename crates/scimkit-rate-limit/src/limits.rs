//! Several limits at once.

use jiff::Timestamp;

use crate::charges::Charges;
use crate::decision::Decision;
use crate::gcra::{Arrival, Gcra};
use crate::limit::Limit;
use crate::quota::Quota;
use crate::sliding_window::SlidingWindow;
use crate::usage::Used;

/// One limit of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Never more than a quota in a window.
    SlidingWindow(SlidingWindow),
    /// An even rate with bursts.
    Gcra(Gcra),
}

/// The state of a [`Rule`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RuleState {
    /// Of a sliding window.
    Charges(Charges),
    /// Of GCRA.
    Arrival(Arrival),
}

impl From<SlidingWindow> for Rule {
    fn from(window: SlidingWindow) -> Self {
        Self::SlidingWindow(window)
    }
}

impl From<Gcra> for Rule {
    fn from(gcra: Gcra) -> Self {
        Self::Gcra(gcra)
    }
}

impl From<Quota> for Rule {
    fn from(quota: Quota) -> Self {
        Self::SlidingWindow(SlidingWindow::new(quota))
    }
}

/// Does the same for both kinds; a state of the other kind, which no method makes, gives the last value.
macro_rules! by_kind {
    ($rule:expr, $state:expr, |$limit:ident, $of:ident| $then:expr, else $never:expr) => {
        match ($rule, $state) {
            (Rule::SlidingWindow($limit), RuleState::Charges($of)) => $then,
            (Rule::Gcra($limit), RuleState::Arrival($of)) => $then,
            _ => $never,
        }
    };
}

impl Limit for Rule {
    type State = RuleState;

    fn unused(&self) -> RuleState {
        match self {
            Self::SlidingWindow(window) => RuleState::Charges(window.unused()),
            Self::Gcra(gcra) => RuleState::Arrival(gcra.unused()),
        }
    }

    fn capacity(&self) -> u32 {
        match self {
            Self::SlidingWindow(window) => window.capacity(),
            Self::Gcra(gcra) => gcra.capacity(),
        }
    }

    fn decide(&self, state: &RuleState, under_way: u32, cost: u32, now: Timestamp) -> Decision {
        by_kind!(self, state, |limit, state| limit.decide(state, under_way, cost, now), else Decision::Impossible)
    }

    fn advance(&self, state: &mut RuleState, now: Timestamp) {
        by_kind!(self, state, |limit, state| limit.advance(state, now), else ());
    }

    fn charge(&self, state: &mut RuleState, cost: u32, now: Timestamp) {
        by_kind!(self, state, |limit, state| limit.charge(state, cost, now), else ());
    }

    fn remaining(&self, state: &RuleState, under_way: u32, now: Timestamp) -> u32 {
        by_kind!(self, state, |limit, state| limit.remaining(state, under_way, now), else 0)
    }

    fn idle_at(&self, state: &RuleState) -> Timestamp {
        by_kind!(self, state, |limit, state| limit.idle_at(state), else Timestamp::MAX)
    }

    fn free_after_all(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::SlidingWindow(window) => window.free_after_all(now),
            Self::Gcra(gcra) => gcra.free_after_all(now),
        }
    }

    fn quotas(&self) -> Vec<Quota> {
        match self {
            Self::SlidingWindow(window) => window.quotas(),
            Self::Gcra(gcra) => gcra.quotas(),
        }
    }

    fn usage(&self, state: &RuleState, now: Timestamp) -> Used {
        by_kind!(self, state, |limit, state| limit.usage(state, now), else Used::All(Vec::new()))
    }

    fn resume(&self, used: &Used, now: Timestamp) -> Option<RuleState> {
        match self {
            Self::SlidingWindow(window) => window.resume(used, now).map(RuleState::Charges),
            Self::Gcra(gcra) => gcra.resume(used, now).map(RuleState::Arrival),
        }
    }
}

/// Several limits that must all admit a request, such as ten a second and five hundred a minute. Charges all of them or none.
///
/// Without a rule every request is admitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    rules: Vec<Rule>,
}

impl Limits {
    /// All of these limits.
    pub fn new(rules: impl IntoIterator<Item = impl Into<Rule>>) -> Self {
        Self { rules: rules.into_iter().map(Into::into).collect() }
    }

    /// No limit.
    pub fn none() -> Self {
        Self::default()
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl<R: Into<Rule>> From<R> for Limits {
    fn from(rule: R) -> Self {
        Self::new([rule])
    }
}

impl Limit for Limits {
    type State = Vec<RuleState>;

    fn unused(&self) -> Vec<RuleState> {
        self.rules.iter().map(Limit::unused).collect()
    }

    fn capacity(&self) -> u32 {
        self.rules.iter().map(Limit::capacity).min().unwrap_or(u32::MAX)
    }

    fn decide(&self, state: &Vec<RuleState>, under_way: u32, cost: u32, now: Timestamp) -> Decision {
        let decisions = self.rules.iter().zip(state).map(|(rule, state)| rule.decide(state, under_way, cost, now));
        decisions.fold(Decision::Admitted, Decision::and)
    }

    fn advance(&self, state: &mut Vec<RuleState>, now: Timestamp) {
        for (rule, state) in self.rules.iter().zip(state) {
            rule.advance(state, now);
        }
    }

    fn charge(&self, state: &mut Vec<RuleState>, cost: u32, now: Timestamp) {
        for (rule, state) in self.rules.iter().zip(state) {
            rule.charge(state, cost, now);
        }
    }

    fn remaining(&self, state: &Vec<RuleState>, under_way: u32, now: Timestamp) -> u32 {
        let remaining = self.rules.iter().zip(state).map(|(rule, state)| rule.remaining(state, under_way, now));
        remaining.min().unwrap_or(u32::MAX)
    }

    fn idle_at(&self, state: &Vec<RuleState>) -> Timestamp {
        self.rules.iter().zip(state).map(|(rule, state)| rule.idle_at(state)).max().unwrap_or(Timestamp::MIN)
    }

    fn free_after_all(&self, now: Timestamp) -> Timestamp {
        self.rules.iter().map(|rule| rule.free_after_all(now)).max().unwrap_or(now)
    }

    fn quotas(&self) -> Vec<Quota> {
        self.rules.iter().flat_map(Limit::quotas).collect()
    }

    fn usage(&self, state: &Vec<RuleState>, now: Timestamp) -> Used {
        Used::All(self.rules.iter().zip(state).map(|(rule, state)| rule.usage(state, now)).collect())
    }

    fn resume(&self, used: &Used, now: Timestamp) -> Option<Vec<RuleState>> {
        let Used::All(used) = used else { return None };
        if used.len() != self.rules.len() {
            return None;
        }
        self.rules.iter().zip(used).map(|(rule, used)| rule.resume(used, now)).collect()
    }
}
