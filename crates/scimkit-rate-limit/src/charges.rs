//! When each unit of cost was charged, in 4 to 8 bytes each.

use std::fmt;
use std::mem;

use crate::instant::NEVER;

/// What a [`SlidingWindow`](crate::SlidingWindow) has admitted and still counts.
///
/// The latest instant, and a ring of the earlier ones, of each only as many low bytes as the window needs.
#[derive(Clone)]
pub struct Charges {
    /// When was charged last, which is also the latest instant known of the clock; before every instant if nothing was charged.
    // INVARIANT (one window): latest - window < charge <= latest, for each charge in the ring
    pub(crate) latest: i64,
    slots: Box<[u8]>,
    head: u32,
    /// How many there are in the ring.
    earlier: u32,
}

/// The bytes that are enough for instants less than `window` nanoseconds apart.
pub(crate) const fn bytes_for(window: i64) -> u8 {
    match window {
        ..=0xFFFF_FFFF => 4,
        0x1_0000_0000..=0xFF_FFFF_FFFF => 5,
        0x100_0000_0000..=0xFFFF_FFFF_FFFF => 6,
        0x1_0000_0000_0000..=0xFF_FFFF_FFFF_FFFF => 7,
        _ => 8,
    }
}

const fn index(value: u32) -> usize {
    value as usize
}

impl Charges {
    pub(crate) fn new() -> Self {
        Self { latest: NEVER, slots: Box::default(), head: 0, earlier: 0 }
    }

    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        if self.latest == NEVER { 0 } else { self.earlier.saturating_add(1) }
    }

    /// Whether a clock is behind by more than a late caller explains, so that it must have been set back.
    #[inline]
    pub(crate) const fn is_ahead_of(&self, now: i64, window: i64) -> bool {
        now < self.latest.saturating_sub(window)
    }

    /// A clock that was set back by more than a window moves all charges with it: how much time has passed since the last one is unknown, so it
    /// counts as none.
    #[inline]
    pub(crate) fn advance<const W: usize>(&mut self, now: i64, window: i64) {
        if self.is_ahead_of(now, window) {
            self.set_back::<W>(now);
        }
    }

    #[cold]
    fn set_back<const W: usize>(&mut self, now: i64) {
        for place in 0..self.earlier {
            let age = self.latest.saturating_sub(self.get::<W>(place));
            self.set::<W>(place, now.saturating_sub(age));
        }
        self.latest = now;
    }

    /// The place of the oldest charge after `at`.
    pub(crate) fn first_after<const W: usize>(&self, at: i64) -> u32 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get::<W>(middle) > at { high = middle } else { low = middle + 1 }
        }
        low
    }

    /// The instant of a charge, oldest first.
    #[inline]
    pub(crate) fn get<const W: usize>(&self, place: u32) -> i64 {
        if place >= self.earlier {
            return self.latest;
        }
        let start = self.start_of::<W>(place);
        let low = self.slots.get(start..).and_then(|slots| slots.first_chunk::<W>()).copied().unwrap_or([0; W]);
        let mut bytes = [0; 8];
        if let Some(chunk) = bytes.first_chunk_mut::<W>() {
            *chunk = low;
        }
        let age = self.latest.cast_unsigned().wrapping_sub(u64::from_le_bytes(bytes)) & mask::<W>();
        self.latest.wrapping_sub(age.cast_signed())
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
        self.earlier -= 1;
        self.head += 1;
        if index(self.head) * W >= self.slots.len() {
            self.head = 0;
        }
    }

    #[inline]
    fn append<const W: usize>(&mut self, at: i64) {
        self.set::<W>(self.earlier, at);
        self.earlier += 1;
    }

    /// Charges at an instant, or at the latest one if that is later, and forgets what was charged a window before; of more than `most` the
    /// latest are kept.
    #[inline]
    pub(crate) fn push<const W: usize>(&mut self, cost: u32, most: u32, now: i64, window: i64) {
        let cost = cost.min(most);
        if cost == 0 {
            return;
        }
        let (at, room) = (now.max(self.latest), most - cost);
        let keeps_latest = room > 0 && self.latest.saturating_add(window) > at;
        if keeps_latest {
            while self.earlier > 0 && (self.earlier >= room || self.get::<W>(0).saturating_add(window) <= at) {
                self.pop::<W>();
            }
        } else {
            (self.head, self.earlier) = (0, 0);
        }
        let needed = self.earlier + u32::from(keeps_latest) + (cost - 1);
        if index(needed) * W > self.slots.len() {
            self.grow::<W>(needed, most - 1);
        }
        let latest = mem::replace(&mut self.latest, at);
        if keeps_latest {
            self.append::<W>(latest);
        }
        for _ in 1..cost {
            self.append::<W>(at);
        }
    }

    /// Doubles like any vector, but never beyond what the quota can need.
    #[cold]
    fn grow<const W: usize>(&mut self, needed: u32, most: u32) {
        let slots = needed.max(self.earlier.saturating_mul(2).min(most));
        let slots = vec![0; index(slots) * W].into_boxed_slice();
        let mut grown = Self { latest: self.latest, slots, head: 0, earlier: self.earlier };
        for place in 0..self.earlier {
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
        f.debug_struct("Charges").field("latest", &self.latest).field("length", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::{Limit, Quota, SlidingWindow};

    /// The bytes of a state of a full window, all that is allocated for it included.
    #[track_caller]
    fn bytes_of_full(requests: u32, window: Duration) -> usize {
        let window = SlidingWindow::new(Quota::new(requests, window).unwrap());
        let mut state = window.unused();
        for nano in 0..requests {
            let now = Timestamp::UNIX_EPOCH + Duration::from_nanos(nano.into());
            assert!(window.admit(&mut state, 1, now).is_admitted());
            assert!(state.slots.len() <= 8 * index(requests - 1));
        }
        assert!(!window.admit(&mut state, 1, Timestamp::UNIX_EPOCH + Duration::from_nanos(requests.into())).is_admitted());
        size_of::<Charges>() + state.slots.len()
    }

    #[test]
    fn a_full_window_takes_at_most_eight_bytes_for_each_request() {
        let day = 86_400;
        for (least, seconds) in [(7, 4), (9, 60), (9, 18 * 60), (13, 3600), (13, 3 * day), (25, 30 * day)] {
            for requests in [least, least + 1, 50, 300, 1000] {
                let bytes = bytes_of_full(requests, Duration::from_secs(seconds));
                assert!(bytes <= 8 * index(requests), "{requests} in {seconds} s: {bytes} bytes");
            }
        }
    }

    /// A key that asks once needs nothing beside its place in a table.
    #[test]
    fn one_request_allocates_nothing() {
        assert_eq!(bytes_of_full(1, Duration::from_secs(60)), size_of::<Charges>());
        assert_eq!(size_of::<Charges>(), 32);
    }
}
