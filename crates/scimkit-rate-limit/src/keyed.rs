//! One state for each key.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use jiff::Timestamp;

use crate::advice::Fields;
use crate::decision::Decision;
use crate::instant::{self, NEVER};
use crate::limit::Limit;

/// Keys for which one lock is enough.
const KEYS_A_SHARD: usize = 1024;

/// The most locks, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// How often in a window all keys are looked at for one that can be forgotten.
const LOOKS_A_WINDOW: i64 = 64;

/// One limit for each key, such as a tenant or an address, with a bound on how many keys are known. Shared by threads.
///
/// Each key costs its own size, the state's and a byte. A key whose state is as if nothing had been used is forgotten when room is needed,
/// within a 64th of a window. A
/// new key that finds no room is refused: no key is forgotten while it still counts, so that a flood of new keys does not lift anybody's limit.
pub struct Keyed<K, L: Limit> {
    limit: L,
    capacity: usize,
    hasher: RandomState,
    shards: Box<[Shard<K, L::State>]>,
    known: AtomicUsize,
    /// No key can be forgotten before.
    full_until: AtomicI64,
}

type Shard<K, S> = Mutex<HashTable<(K, S)>>;

impl<K: Eq + Hash, L: Limit> Keyed<K, L> {
    /// A limit for each of at most `capacity` keys at a time.
    pub fn new(limit: L, capacity: NonZeroUsize) -> Self {
        let capacity = capacity.get();
        let shards = (capacity / KEYS_A_SHARD).clamp(1, SHARDS).next_power_of_two();
        let shards = (0..shards).map(|_| Mutex::new(HashTable::new())).collect();
        let full_until = AtomicI64::new(NEVER);
        Self { limit, capacity, hasher: RandomState::new(), shards, known: AtomicUsize::new(0), full_until }
    }

    /// The limit of each key.
    pub const fn limit(&self) -> &L {
        &self.limit
    }

    /// Decides on a request of a key and charges it if it is admitted.
    pub fn admit<Q>(&self, key: &Q, cost: u32, now: Timestamp) -> Decision
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        if let Some(decision) = self.admit_known(hash, key, cost, now) {
            return decision;
        }
        if let Err(retry_at) = self.reserve(now) {
            return Decision::Refused { retry_at };
        }
        let mut shard = self.shard(hash);
        match shard.entry(hash, |(known, _)| known.borrow() == key, |(known, _)| self.hasher.hash_one(known.borrow())) {
            Entry::Occupied(mut entry) => {
                self.known.fetch_sub(1, Ordering::Relaxed);
                self.limit.admit(&mut entry.get_mut().1, cost, now)
            }
            Entry::Vacant(entry) => {
                let mut state = self.limit.unused();
                let decision = self.limit.admit(&mut state, cost, now);
                if decision.is_admitted() && cost > 0 {
                    entry.insert((key.to_owned(), state));
                } else {
                    // Nothing was charged, so there is nothing to know.
                    self.known.fetch_sub(1, Ordering::Relaxed);
                }
                decision
            }
        }
    }

    /// What [`admit`](Self::admit) would say, if there is room for the key; charges nothing.
    pub fn decide<Q: Eq + Hash + ?Sized>(&self, key: &Q, cost: u32, now: Timestamp) -> Decision
    where
        K: Borrow<Q>,
    {
        self.read(key, |state| self.limit.decide(state, 0, cost, now))
    }

    /// How much cost of a key could be admitted now, if there is room for the key.
    pub fn remaining<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: Timestamp) -> u32
    where
        K: Borrow<Q>,
    {
        self.read(key, |state| self.limit.remaining(state, 0, now))
    }

    /// The header fields that tell a client of the limit and of what remains for a key; `name` is that of the policy.
    pub fn fields<Q: Eq + Hash + ?Sized>(&self, name: &str, key: &Q, now: Timestamp) -> Fields
    where
        K: Borrow<Q>,
    {
        self.read(key, |state| Fields::of(name, &self.limit, state, now))
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.known.load(Ordering::Relaxed)
    }

    /// Whether no key is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn admit_known<Q: Eq + Hash + ?Sized>(&self, hash: u64, key: &Q, cost: u32, now: Timestamp) -> Option<Decision>
    where
        K: Borrow<Q>,
    {
        let mut shard = self.shard(hash);
        let (_, state) = shard.find_mut(hash, |(known, _)| known.borrow() == key)?;
        Some(self.limit.admit(state, cost, now))
    }

    fn read<Q: Eq + Hash + ?Sized, R>(&self, key: &Q, read: impl FnOnce(&L::State) -> R) -> R
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash);
        match shard.find(hash, |(known, _)| known.borrow() == key) {
            Some((_, state)) => read(state),
            None => {
                drop(shard);
                read(&self.limit.unused())
            }
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> MutexGuard<'_, HashTable<(K, L::State)>> {
        // Neither the bits that find a place in a table nor those that it compares.
        let place = usize::try_from((hash >> 32) & 0xFFFF).unwrap_or_default() & (self.shards.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "the number of shards is a power of two and one more than the mask")]
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for one key; when there is none, says when there may be.
    fn reserve(&self, now: Timestamp) -> Result<(), Timestamp> {
        let take =
            || self.known.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| (known < self.capacity).then_some(known + 1)).is_ok();
        if take() {
            return Ok(());
        }
        let at = instant::from_timestamp(now);
        let window = instant::from_timestamp(self.limit.free_after_all(now)).saturating_sub(at);
        let full_until = self.full_until.load(Ordering::Relaxed);
        // It lies further ahead only when the clock was set back.
        if at < full_until && full_until.saturating_sub(at) <= window.saturating_mul(2) {
            return Err(instant::to_timestamp(full_until));
        }
        // All keys are looked at so many times in a window at most, or a flood of new keys could keep everybody busy with that.
        let pace = at.saturating_add(window / LOOKS_A_WINDOW);
        let full_until = instant::from_timestamp(self.forget_idle(now)).max(pace);
        self.full_until.store(full_until, Ordering::Relaxed);
        if take() { Ok(()) } else { Err(instant::to_timestamp(full_until)) }
    }

    /// Forgets the keys that no longer count, and says when the next one will not.
    fn forget_idle(&self, now: Timestamp) -> Timestamp {
        let mut next = Timestamp::MAX;
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|(_, state)| {
                // A clock that was set back must not keep a key for longer than its limit lasts.
                self.limit.advance(state, now);
                let idle_at = self.limit.idle_at(state);
                if idle_at > now {
                    next = next.min(idle_at);
                }
                idle_at > now
            });
            self.known.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
        next
    }
}

impl<K, L: Limit> fmt::Debug for Keyed<K, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("limit", &self.limit).field("known", &self.known).finish_non_exhaustive()
    }
}
