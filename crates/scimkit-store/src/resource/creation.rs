//! Resources in the order of their creation, in memory.

use std::sync::Arc;

use scimkit_types::Timestamp;

/// How many resources a chunk has at most.
const CHUNK: usize = 512;

/// When a resource was created, and its id.
pub(super) type Created = (Timestamp, Arc<str>);

/// Resources by creation, then id. Chunks are never empty, so that a page anywhere is found by counting chunks, not resources.
#[derive(Debug, Default)]
pub(super) struct Creations {
    chunks: Vec<Vec<Created>>,
}

impl Creations {
    /// Enters a resource, which is not there.
    pub(super) fn insert(&mut self, created: Created) {
        let place = self.chunks.partition_point(|chunk| chunk.first().is_some_and(|first| *first <= created)).saturating_sub(1);
        let is_last = place + 1 >= self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(place) else {
            self.chunks.push(vec![created]);
            return;
        };
        let within = chunk.partition_point(|other| *other < created);
        if chunk.len() < CHUNK {
            chunk.insert(within, created);
        } else if is_last && within == chunk.len() {
            // As nearly always: chunks that are filled in order stay full.
            self.chunks.push(vec![created]);
        } else {
            let mut upper = chunk.split_off(CHUNK / 2);
            if within <= CHUNK / 2 {
                chunk.insert(within, created);
            } else {
                upper.insert(within - CHUNK / 2, created);
            }
            self.chunks.insert(place + 1, upper);
        }
    }

    /// Takes a resource out.
    pub(super) fn remove(&mut self, created: &Created) {
        let place = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last < created));
        let Some(chunk) = self.chunks.get_mut(place) else { return };
        let Ok(within) = chunk.binary_search(created) else { return };
        chunk.remove(within);
        if chunk.is_empty() {
            self.chunks.remove(place);
            return;
        }
        for left in [Some(place), place.checked_sub(1)].into_iter().flatten() {
            if let Some([chunk, next]) = self.chunks.get(left..left.saturating_add(2))
                && chunk.len() + next.len() <= CHUNK / 2
            {
                let next = self.chunks.remove(left + 1);
                self.chunks.get_mut(left).into_iter().for_each(|chunk| chunk.extend_from_slice(&next));
            }
        }
    }

    /// All resources.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Created> {
        self.chunks.iter().flatten()
    }

    /// The resources after a place, whether there is one or not, without so many of them.
    pub(super) fn after(&self, place: Option<&Created>, mut offset: usize) -> impl Iterator<Item = &Created> {
        let (mut chunk, mut within) = (0, 0);
        if let Some(place) = place {
            chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last <= place));
            within = self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(|other| other <= place));
        }
        while let Some(found) = self.chunks.get(chunk) {
            let rest = found.len() - within;
            if offset < rest {
                within += offset;
                break;
            }
            offset -= rest;
            (chunk, within) = (chunk + 1, 0);
        }
        self.chunks.iter().skip(chunk).flatten().skip(within)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn created(n: u16) -> Created {
        (Timestamp::from_second(i64::from(n / 4)).unwrap(), Arc::from(format!("{n}")))
    }

    fn check(creations: &Creations, expected: &BTreeSet<Created>) {
        assert!(creations.iter().eq(expected));
        assert!(creations.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        /// What comes in any order stands in one, and is found from any place with any offset.
        #[test]
        fn resources_stand_in_the_order_of_creation(
            come in prop::collection::vec(0u16..4000, 0..3000),
            first in 0u16..4000,
            many in 0u16..2000,
            gone in prop::collection::vec(0u16..4000, 0..3000),
            places in prop::collection::vec((prop::option::of(0u16..4100), 0usize..5000), 8),
        ) {
            let (mut creations, mut expected) = (Creations::default(), BTreeSet::new());
            for n in (first..first + many).chain(come) {
                if expected.insert(created(n)) {
                    creations.insert(created(n));
                }
            }
            check(&creations, &expected);
            for n in gone {
                expected.remove(&created(n));
                creations.remove(&created(n));
            }
            check(&creations, &expected);
            for (place, offset) in places {
                let place = place.map(created);
                let after = expected.iter().filter(|other| place.as_ref().is_none_or(|place| *other > place)).skip(offset);
                assert!(creations.after(place.as_ref(), offset).eq(after));
            }
        }
    }

    /// Memory and time to find a page do not grow with what is gone.
    #[test]
    fn chunks_are_full_where_all_came_in_order_and_few_where_most_are_gone() {
        let mut creations = Creations::default();
        let at = |n: i64| (Timestamp::from_second(n).unwrap(), Arc::from("x"));
        for n in 0..100 * CHUNK as i64 {
            creations.insert(at(n));
        }
        assert_eq!(creations.chunks.len(), 100);
        for n in (0..100 * CHUNK as i64).filter(|n| n % 64 != 0) {
            creations.remove(&at(n));
        }
        assert!(creations.chunks.len() <= 8, "{} chunks of {CHUNK} for 800", creations.chunks.len());
    }
}
