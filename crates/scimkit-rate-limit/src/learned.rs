//! What a service said about its limits.

use std::time::Duration;

use jiff::Timestamp;

use crate::advice::{Advice, Policy};
use crate::charges::Charges;
use crate::decision::Decision;
use crate::instant::{self, NEVER};
use crate::limit::Limit;
use crate::quota::Quota;
use crate::sliding_window::SlidingWindow;
use crate::usage::Used;

/// How many policies of a service are held at most.
const POLICIES: usize = 8;

/// A policy is held for at least so long after the service named it last, in nanoseconds.
const SHORTEST_STAY: i64 = 60 * instant::SECOND;

/// Nothing that a service says is held for longer, in nanoseconds, so that no mistake of its can stop a client for good.
const LONGEST_STAY: i64 = instant::DAY;

/// What makes a limiter stricter than its limit, for a time.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    policies: Vec<Held>,
    /// What others use of the quota, as it seems, and until when that is known.
    others: u32,
    others_until: i64,
}

/// A policy of the service that is stricter than the limit in some way.
#[derive(Clone, Debug)]
struct Held {
    name: String,
    window: SlidingWindow,
    state: Charges,
    until: i64,
}

/// What the limit itself offers, against which an answer is held.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) quotas: Vec<Quota>,
    pub(crate) used: Used,
    pub(crate) remaining: u32,
    /// For how long at most others may count.
    pub(crate) longest: Option<Duration>,
}

impl Default for Learned {
    fn default() -> Self {
        Self { policies: Vec::new(), others: 0, others_until: NEVER }
    }
}

impl Learned {
    /// Decides; `decide` is the decision of the limit with so much under way.
    pub(crate) fn decide(&self, under_way: u32, cost: u32, now: Timestamp, decide: impl Fn(u32) -> Decision) -> Decision {
        let at = instant::from_timestamp(now);
        let mut decision = Decision::Admitted;
        if self.others > 0 && at < self.others_until {
            decision = match decide(under_way.saturating_add(self.others)) {
                Decision::Refused { retry_at } => Decision::Refused { retry_at: retry_at.min(instant::to_timestamp(self.others_until)) },
                other => other,
            };
        }
        for policy in self.policies.iter().filter(|policy| at < policy.until) {
            // A request that costs more than the service offers at once waits for all of it.
            let cost = cost.min(policy.window.capacity());
            decision = match policy.window.decide(&policy.state, under_way, cost, now) {
                Decision::Refused { retry_at } => {
                    decision.and(Decision::Refused { retry_at: retry_at.min(instant::to_timestamp(policy.until)) })
                }
                _ => decision,
            };
        }
        decision
    }

    pub(crate) fn remaining(&self, of_limit: u32, under_way: u32, now: Timestamp) -> u32 {
        let at = instant::from_timestamp(now);
        let others = if at < self.others_until { self.others } else { 0 };
        let policies = self.policies.iter().filter(|policy| at < policy.until);
        let least = policies.map(|policy| policy.window.remaining(&policy.state, under_way, now)).min();
        of_limit.saturating_sub(others).min(least.unwrap_or(u32::MAX))
    }

    pub(crate) fn advance(&mut self, now: Timestamp) {
        for policy in &mut self.policies {
            policy.window.advance(&mut policy.state, now);
        }
    }

    /// Takes note of a clock that was set back by so many nanoseconds.
    pub(crate) fn set_back(&mut self, back: i64) {
        self.others_until = self.others_until.saturating_sub(back);
        for policy in &mut self.policies {
            policy.until = policy.until.saturating_sub(back);
        }
    }

    pub(crate) fn charge(&mut self, cost: u32, now: Timestamp) {
        for policy in &mut self.policies {
            policy.window.charge(&mut policy.state, cost, now);
        }
    }

    pub(crate) fn idle_at(&self) -> Timestamp {
        instant::to_timestamp(self.policies.iter().map(|policy| policy.until).max().unwrap_or(NEVER).max(self.others_until))
    }

    /// Takes note of an answer.
    pub(crate) fn learn(&mut self, advice: &Advice, offer: &Offer, now: Timestamp) {
        let at = instant::from_timestamp(now);
        self.policies.retain(|policy| at < policy.until);
        for policy in &advice.policies {
            self.hold(policy, offer, now);
        }
        if let Some((least, window)) = advice.least() {
            self.others = offer.remaining.saturating_sub(u32::try_from(least).unwrap_or(u32::MAX));
            let longest = offer.quotas.iter().map(|quota| quota.window_nanos()).max().unwrap_or_default();
            let window = window.map_or(longest, instant::from_duration);
            let stay = offer.longest.map_or(window, |longest| window.min(instant::from_duration(longest)));
            self.others_until = at.saturating_add(stay.min(LONGEST_STAY));
        }
    }

    fn hold(&mut self, policy: &Policy, offer: &Offer, now: Timestamp) {
        let quota = policy.window.and_then(|window| Quota::new(u32::try_from(policy.quota).unwrap_or(u32::MAX), window));
        let Some(quota) = quota else { return };
        let place = self.policies.iter().position(|held| held.name == policy.name);
        let old = place.map(|place| self.policies.swap_remove(place));
        let is_implied = offer.quotas.iter().any(|own| own.requests() <= quota.requests() && own.window() >= quota.window());
        if is_implied || self.policies.len() >= POLICIES {
            return;
        }
        let window = SlidingWindow::new(quota);
        let used = old.map_or_else(|| charged(&offer.used), |old| old.window.usage(&old.state, now));
        let state = window.resume(&used, now).unwrap_or_else(|| window.unused());
        let until = instant::from_timestamp(now).saturating_add(quota.window_nanos().clamp(SHORTEST_STAY, LONGEST_STAY));
        self.policies.push(Held { name: policy.name.clone(), window, state, until });
    }
}

/// The part of a usage that says most about when was charged what.
fn charged(used: &Used) -> Used {
    match used {
        Used::Charged(charged) => Used::Charged(charged.clone()),
        Used::Arrival(_) => Used::Charged(Vec::new()),
        Used::All(all) => all.iter().map(charged).max_by_key(total).unwrap_or(Used::Charged(Vec::new())),
    }
}

fn total(used: &Used) -> u64 {
    match used {
        Used::Charged(charged) => charged.iter().map(|(_, cost)| u64::from(*cost)).sum(),
        _ => 0,
    }
}
