//! When each unit of cost was charged, in 4 to 8 bytes each.

use std::fmt;

use crate::instant::NEVER;

/// What a [`SlidingWindow`](crate::SlidingWindow) has admitted and still counts.
///
/// A ring of instants, of each only as many low bytes as the window needs: all of them lie within one window of the latest instant seen.
#[derive(Clone)]
pub struct Charges {
    /// The latest instant seen.
    // INVARIANT (one window): seen - window < charge <= seen, for each charge in the ring
    pub(crate) seen: i64,
    slots: Box<[u8]>,
    head: u32,
    length: u32,
}

/// The bytes that are enough for instants less than `window` nanoseconds apart.
pub(crate) const fn bytes_for(window: i64) -> u8 {
    match window {
        ..=0xFFFF_FFFF => 4,
        0x1_0000_0000..=0xFF_FFFF_FFFF => 5,
        0x100_0000_0000..=0xFFFF_FFFF_FFFF => 6,
        _ => 8,
    }
}

const fn index(value: u32) -> usize {
    value as usize
}

impl Charges {
    pub(crate) fn new() -> Self {
        Self { seen: NEVER, slots: Box::default(), head: 0, length: 0 }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.length
    }

    /// Takes note of the time and forgets what was charged a window ago. A clock that was set back by more than a window moves all charges with
    /// it: how much time has passed since the last one is unknown, so it counts as none.
    #[inline]
    pub(crate) fn advance<const W: usize>(&mut self, now: i64, window: i64) {
        if now > self.seen {
            // Before the latest instant moves on, as what is older than a window cannot be held.
            while self.length > 0 && self.get::<W>(0).saturating_add(window) <= now {
                self.pop::<W>();
            }
            self.seen = now;
        } else if now < self.seen.saturating_sub(window) {
            let delta = now - self.seen;
            for place in 0..self.length {
                let moved = self.get::<W>(place).saturating_add(delta);
                self.set::<W>(place, moved);
            }
            self.seen = now;
        }
    }

    /// The place of the oldest charge after `at`.
    pub(crate) fn first_after<const W: usize>(&self, at: i64) -> u32 {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get::<W>(middle) > at { high = middle } else { low = middle + 1 }
        }
        low
    }

    /// The instant of a charge, oldest first.
    #[inline]
    pub(crate) fn get<const W: usize>(&self, place: u32) -> i64 {
        let start = self.start_of::<W>(place);
        let low = self.slots.get(start..).and_then(|slots| slots.first_chunk::<W>()).copied().unwrap_or([0; W]);
        let mut bytes = [0; 8];
        if let Some(chunk) = bytes.first_chunk_mut::<W>() {
            *chunk = low;
        }
        let age = self.seen.cast_unsigned().wrapping_sub(u64::from_le_bytes(bytes)) & mask::<W>();
        self.seen.wrapping_sub(age.cast_signed())
    }

    #[inline]
    fn set<const W: usize>(&mut self, place: u32, at: i64) {
        let start = self.start_of::<W>(place);
        let bytes = at.to_le_bytes();
        if let (Some(slot), Some(low)) =
            (self.slots.get_mut(start..).and_then(|slots| slots.first_chunk_mut::<W>()), bytes.first_chunk::<W>())
        {
            *slot = *low;
        }
    }

    #[inline]
    fn start_of<const W: usize>(&self, place: u32) -> usize {
        let (slots, place) = (self.slots.len() / W, index(self.head) + index(place));
        (if place >= slots { place - slots } else { place }) * W
    }

    #[inline]
    fn pop<const W: usize>(&mut self) {
        self.length -= 1;
        self.head += 1;
        if index(self.head) * W >= self.slots.len() {
            self.head = 0;
        }
    }

    /// Charges at the latest instant seen; of more than `most` the latest are kept.
    #[inline]
    pub(crate) fn push<const W: usize>(&mut self, cost: u32, most: u32) {
        let cost = cost.min(most);
        while self.length > most - cost {
            self.pop::<W>();
        }
        let needed = self.length + cost;
        if index(needed) * W > self.slots.len() {
            self.grow::<W>(needed, most);
        }
        for _ in 0..cost {
            self.length += 1;
            self.set::<W>(self.length - 1, self.seen);
        }
    }

    /// Doubles like any vector, but never beyond what the quota can need.
    #[cold]
    fn grow<const W: usize>(&mut self, needed: u32, most: u32) {
        let slots = needed.max(self.length.saturating_mul(2).min(most));
        let mut grown = Self { seen: self.seen, slots: vec![0; index(slots) * W].into_boxed_slice(), head: 0, length: self.length };
        for place in 0..self.length {
            grown.set::<W>(place, self.get::<W>(place));
        }
        *self = grown;
    }
}

const fn mask<const W: usize>() -> u64 {
    if W >= 8 { u64::MAX } else { (1 << (8 * W)) - 1 }
}

impl fmt::Debug for Charges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charges").field("seen", &self.seen).field("length", &self.length).finish_non_exhaustive()
    }
}
