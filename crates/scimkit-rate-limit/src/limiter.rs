//! One limit with its state: the client's side.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use jiff::Timestamp;

use crate::advice::{Advice, Answer};
use crate::decision::Decision;
use crate::instant::{self, NEVER};
use crate::learned::{Learned, Offer};
use crate::limit::Limit;
use crate::limits::Limits;
use crate::usage::Usage;

/// A limit with its state, requests that are under way, and what the service said.
///
/// A client does not know when its request arrives, only that it is between sending and the answer: [`start`](Self::start) takes a slot,
/// [`finish`](Self::finish) begins the window after which it is free again. What a service says makes it stricter for a time and never
/// looser than the limit: [`learn`](Self::learn).
#[derive(Clone, Debug)]
pub struct Limiter<L: Limit = Limits> {
    limit: L,
    state: L::State,
    /// Cost that has started and not finished, with what was abandoned.
    under_way: u32,
    /// Until when the cost of those who no longer wait for an answer may still arrive.
    abandoned: BinaryHeap<Reverse<(i64, u32)>>,
    /// Nothing is admitted before.
    paused_until: i64,
    /// The latest instant seen, since the clock was set.
    seen: i64,
    learned: Learned,
}

impl<L: Limit + Clone> Limiter<L> {
    /// A limiter of which nothing has been used.
    pub fn new(limit: L) -> Self {
        let state = limit.unused();
        Self { limit, state, under_way: 0, abandoned: BinaryHeap::new(), paused_until: NEVER, seen: NEVER, learned: Learned::default() }
    }

    /// A limiter for a start when what was used before is not known: the whole quota may be under way still, for as long as the deadline of
    /// a request, so it is free one window after that.
    pub fn full(limit: L, deadline: Duration, now: Timestamp) -> Self {
        let mut limiter = Self { seen: instant::from_timestamp(now), ..Self::new(limit) };
        if limiter.limit.capacity() < u32::MAX || !limiter.limit.quotas().is_empty() {
            limiter.pause_until(limiter.limit.free_after_all(after(now, deadline)));
        }
        limiter
    }

    /// A limiter that goes on with a usage, which may be one of another quota; [full](Self::full) if it is one of other rules.
    ///
    /// What was under way when the usage was taken may be so still, for as long as the deadline of a request: it is charged as if it
    /// arrived then.
    pub fn with_usage(limit: L, usage: &Usage, deadline: Duration, now: Timestamp) -> Self {
        let Some(state) = limit.resume(&usage.used, now) else { return Self::full(limit, deadline, now) };
        let mut limiter = Self { state, under_way: usage.under_way, seen: instant::from_timestamp(now), ..Self::new(limit) };
        limiter.abandon(usage.under_way, after(now, deadline), now);
        // A pause that was set by a clock ahead of this one is no reason to wait for longer than all could take, or a day.
        let day = instant::from_timestamp(now).saturating_add(instant::DAY);
        let longest = day.max(instant::exactly(limiter.limit.free_after_all(now)));
        limiter.paused_until = usage.paused_until.map_or(NEVER, |until| until.min(longest));
        limiter
    }

    /// The limit.
    pub const fn limit(&self) -> &L {
        &self.limit
    }

    /// What counts at this instant, to be kept over a restart.
    pub fn usage(&self, now: Timestamp) -> Usage {
        let at = instant::from_timestamp(now);
        Usage {
            used: self.limit.usage(&self.state, now),
            under_way: self.under_way,
            paused_until: (self.paused_until > at).then_some(self.paused_until),
        }
    }

    /// Decides on a request and charges it at once if it is admitted.
    pub fn admit(&mut self, cost: u32, now: Timestamp) -> Decision {
        let decision = self.settle(now).decide_settled(cost, now);
        if decision.is_admitted() {
            self.charge(cost, now);
        }
        decision
    }

    /// Decides on a request that begins now; if it is admitted, its cost is held until [`finish`](Self::finish) or [`abandon`](Self::abandon).
    ///
    /// While it is unknown when requests under way will finish, the instant of a refusal is the earliest one possible.
    pub fn start(&mut self, cost: u32, now: Timestamp) -> Decision {
        let decision = self.settle(now).decide_settled(cost, now);
        if decision.is_admitted() {
            self.under_way = self.under_way.saturating_add(cost);
        }
        decision
    }

    /// Says that a request that was started has its answer, or that it can no longer arrive: it is charged as if it had arrived now.
    pub fn finish(&mut self, cost: u32, now: Timestamp) {
        let cost = cost.min(self.settle(now).under_way);
        self.under_way -= cost;
        self.charge(cost, now);
    }

    /// Says that nobody waits for the answer of a request any more, although it may still arrive until then: it is charged as if it arrived
    /// at that instant.
    pub fn abandon(&mut self, cost: u32, until: Timestamp, now: Timestamp) {
        if until <= now {
            self.finish(cost, now);
        } else if cost > 0 {
            self.abandoned.push(Reverse((instant::from_timestamp(until), cost)));
        }
    }

    /// What `admit` and `start` would say; charges nothing.
    pub fn decide(&self, cost: u32, now: Timestamp) -> Decision {
        if self.is_due(now) { self.clone().settle(now).decide_settled(cost, now) } else { self.decide_settled(cost, now) }
    }

    /// How much cost could be admitted now.
    pub fn remaining(&self, now: Timestamp) -> u32 {
        if self.is_due(now) {
            return self.clone().settle(now).remaining(now);
        }
        if instant::from_timestamp(now) < self.paused_until {
            return 0;
        }
        self.learned.remaining(self.limit.remaining(&self.state, self.under_way, now), self.under_way, now)
    }

    /// Admits nothing before this instant. An earlier pause stays if it is longer.
    pub fn pause_until(&mut self, at: Timestamp) {
        self.paused_until = self.paused_until.max(instant::exactly(at));
    }

    /// Takes note of what an answer said: from now on no more is admitted than the service offers, and never more than the limit.
    ///
    /// Returns for how long nothing is admitted because of this answer. A pause lasts at most a day. What the service offers is forgotten when its
    /// time is over, at the latest after a day, or when it says something else.
    pub fn learn(&mut self, answer: Answer, advice: &Advice, now: Timestamp) -> Option<Duration> {
        self.settle(now);
        let at = instant::from_timestamp(now);
        let pause = self.pause(answer, advice, now).map(|pause| pause.min(instant::DAY));
        if let Some(pause) = pause {
            self.paused_until = self.paused_until.max(at.saturating_add(pause));
        }
        let offer = Offer {
            quotas: self.limit.quotas(),
            used: self.limit.usage(&self.state, now),
            remaining: self.limit.remaining(&self.state, self.under_way, now),
            // Where both are named, `Retry-After` says when there is more.
            longest: advice.retry_after.filter(|_| answer == Answer::Throttled),
        };
        self.learned.learn(advice, &offer, now);
        pause.map(|pause| Duration::from_nanos(pause.unsigned_abs()))
    }

    /// The instant from which the limiter is as if it had never been used; `None` while a request is under way.
    pub fn idle_at(&self) -> Option<Timestamp> {
        let paused_until = instant::to_timestamp(self.paused_until);
        (self.under_way == 0).then(|| self.limit.idle_at(&self.state).max(paused_until).max(self.learned.idle_at()))
    }

    /// For how long a refusal holds, in nanoseconds.
    fn pause(&self, answer: Answer, advice: &Advice, now: Timestamp) -> Option<i64> {
        if answer == Answer::Served {
            return None;
        }
        let named = advice.retry_after.or_else(|| advice.exhausted_for()).map(instant::from_duration);
        // Without a word from the service: what it counts against us is free after one window.
        let window = || {
            let all = self.limit.free_after_all(now).duration_since(now);
            i64::try_from(all.as_nanos()).unwrap_or(DEFAULT_PAUSE).clamp(0, DEFAULT_PAUSE)
        };
        Some(named.unwrap_or_else(window))
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.set_back_by(now).is_some() || self.is_late(now)
    }

    /// Whether something that was abandoned can no longer arrive.
    fn is_late(&self, now: Timestamp) -> bool {
        self.abandoned.peek().is_some_and(|Reverse((until, _))| *until <= instant::from_timestamp(now))
    }

    /// By how much the clock was set back, if by more than late callers explain: than everything takes to be free again.
    fn set_back_by(&self, now: Timestamp) -> Option<i64> {
        let back = self.seen.saturating_sub(instant::from_timestamp(now));
        let all = self.limit.free_after_all(now).duration_since(now);
        (back > 0 && i128::from(back) > all.as_nanos()).then_some(back)
    }

    /// Takes note of the time, and charges what was abandoned and can no longer arrive.
    fn settle(&mut self, now: Timestamp) -> &Self {
        if let Some(back) = self.set_back_by(now) {
            // How much time has passed is unknown, so it counts as none: whatever was to last, lasts as long from here.
            self.seen = instant::from_timestamp(now);
            self.paused_until = self.paused_until.saturating_sub(back);
            self.learned.set_back(back);
            let abandoned = self.abandoned.drain().map(|Reverse((until, cost))| Reverse((until.saturating_sub(back), cost)));
            self.abandoned = abandoned.collect();
        }
        self.seen = self.seen.max(instant::from_timestamp(now));
        while self.is_late(now) {
            let Some(Reverse((until, cost))) = self.abandoned.pop() else { break };
            let cost = cost.min(self.under_way);
            self.under_way -= cost;
            self.charge(cost, instant::to_timestamp(until));
        }
        self.limit.advance(&mut self.state, now);
        self.learned.advance(now);
        self
    }

    fn charge(&mut self, cost: u32, now: Timestamp) {
        self.limit.charge(&mut self.state, cost, now);
        self.learned.charge(cost, now);
    }

    fn decide_settled(&self, cost: u32, now: Timestamp) -> Decision {
        let decision = self.limit.decide(&self.state, self.under_way, cost, now);
        if decision == Decision::Impossible {
            return decision;
        }
        let paused = instant::from_timestamp(now) < self.paused_until;
        let pause = if paused { Decision::Refused { retry_at: instant::to_timestamp(self.paused_until) } } else { Decision::Admitted };
        let others = |under_way| self.limit.decide(&self.state, under_way, cost, now);
        decision.and(pause).and(self.learned.decide(self.under_way, cost, now, others))
    }
}

fn after(now: Timestamp, duration: Duration) -> Timestamp {
    now.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// The longest pause after a refusal without a reason.
const DEFAULT_PAUSE: i64 = 30 * instant::SECOND;
