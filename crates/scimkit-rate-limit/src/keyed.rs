//! One limiter for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;

use crate::limiter::{Decision, Limiter};

/// How long a new key waits at most before it is worth looking for room again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One limiter for each key, such as a tenant or an address, with a bound on how many keys are known.
///
/// A key whose limiter is as if it had never been used is forgotten when room is needed. A new key that finds no room is refused: no key is
/// forgotten while it still counts, so that a flood of new keys does not lift anybody's limit.
#[derive(Debug)]
pub struct Keyed<K, L> {
    prototype: L,
    capacity: NonZeroUsize,
    limiters: HashMap<K, L>,
    /// No key can be forgotten before.
    full_until: Timestamp,
}

impl<K: Eq + Hash, L: Limiter + Clone> Keyed<K, L> {
    /// Limiters that begin as copies of `prototype`, for at most `capacity` keys at a time.
    pub fn new(prototype: L, capacity: NonZeroUsize) -> Self {
        Self { prototype, capacity, limiters: HashMap::new(), full_until: Timestamp::MIN }
    }

    /// Decides on a request of a key and charges it at once.
    pub fn admit(&mut self, key: K, cost: u32, now: Timestamp) -> Decision {
        match self.limiter(key, now) {
            Ok(limiter) => limiter.admit(cost, now),
            Err(retry_at) => Decision::Refused { retry_at },
        }
    }

    /// Decides on a request of a key that begins now; if it is admitted, its cost is held until [`finish`](Self::finish).
    pub fn start(&mut self, key: K, cost: u32, now: Timestamp) -> Decision {
        match self.limiter(key, now) {
            Ok(limiter) => limiter.start(cost, now),
            Err(retry_at) => Decision::Refused { retry_at },
        }
    }

    /// Says that a request of a key that was started has its answer, or that none will come.
    pub fn finish(&mut self, key: &K, cost: u32, now: Timestamp) {
        if let Some(limiter) = self.limiters.get_mut(key) {
            limiter.finish(cost, now);
        }
    }

    /// Admits nothing of a key before this instant.
    pub fn pause_until(&mut self, key: K, at: Timestamp, now: Timestamp) {
        if let Ok(limiter) = self.limiter(key, now) {
            limiter.pause_until(at);
        }
    }

    /// How much cost of a key could be admitted now, if there is room for the key.
    pub fn remaining(&self, key: &K, now: Timestamp) -> u32 {
        self.limiters.get(key).unwrap_or(&self.prototype).remaining(now)
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.limiters.len()
    }

    /// Whether no key is known.
    pub fn is_empty(&self) -> bool {
        self.limiters.is_empty()
    }

    /// The limiter of a key; when there is no room for it, the instant at which there may be.
    fn limiter(&mut self, key: K, now: Timestamp) -> Result<&mut L, Timestamp> {
        if !self.limiters.contains_key(&key) && self.limiters.len() >= self.capacity.get() {
            if now < self.full_until {
                return Err(self.full_until);
            }
            self.forget_idle(now);
            if self.limiters.len() >= self.capacity.get() {
                return Err(self.full_until);
            }
        }
        Ok(self.limiters.entry(key).or_insert_with(|| self.prototype.clone()))
    }

    /// Forgets the keys that no longer count, and notes when the next one will not.
    fn forget_idle(&mut self, now: Timestamp) {
        let mut next = Timestamp::MAX;
        self.limiters.retain(|_, limiter| match limiter.idle_at() {
            Some(at) if at <= now => false,
            Some(at) => {
                next = next.min(at);
                true
            }
            None => true,
        });
        // A key under way does not tell when it will be free: worth asking again soon.
        let soon = now.saturating_add(RETRY_AFTER).unwrap_or(Timestamp::MAX);
        self.full_until = if self.limiters.len() < self.capacity.get() { Timestamp::MIN } else { next.min(soon) };
    }
}
