//! What a plan has given to whom, while it is made.
//!
//! There may be as many entries as a directory has objects, in no order that a database could use. So they are gathered in memory, as
//! hashes of fixed size, and go into the state many at once, in order; a filter in front of them tells of most that are not there that they
//! need not be looked for.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use scimkit_store::{Batch, Table};

use crate::error::Result;
use crate::state::{CHUNK, State};

/// How many entries stay in memory: as many as fit into a hash table of two MiB.
const MOST: usize = 57_344;
/// How many entries are written at once.
const WRITTEN_AT_ONCE: usize = 16 * CHUNK;
/// How many bits the filter has, two MiB: of a million entries, it lets one in a hundred be looked for that is not there.
const FILTER_BITS: usize = 1 << 24;

/// Entries of one plan: who has what, both by hashes with keys of this plan, so that nobody can choose values that are taken for others.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    state: &'a State,
    hashers: [RandomState; 2],
    entries: HashMap<u128, u64>,
    /// Of the entries in the state; empty as long as there are none.
    filter: Vec<u64>,
    most: usize,
}

/// The hash of who has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder(u64);

impl<'a> Given<'a> {
    pub(crate) fn new(state: &'a State) -> Self {
        Self { state, hashers: [RandomState::new(), RandomState::new()], entries: HashMap::new(), filter: Vec::new(), most: MOST }
    }

    /// Who somebody is among those who have something.
    pub(crate) fn holder(&self, id: &str) -> Holder {
        let [hasher, _] = &self.hashers;
        Holder(hasher.hash_one(id))
    }

    fn key(&self, what: &str) -> u128 {
        self.hashers.iter().fold(0, |key, hasher| key << 64 | u128::from(hasher.hash_one(what)))
    }

    /// Gives something to somebody.
    pub(crate) fn give(&mut self, what: &str, to: Holder) {
        self.entries.insert(self.key(what), to.0);
    }

    /// Who has each of these, in their order.
    pub(crate) async fn holders(&self, what: impl Iterator<Item = String>) -> Result<Vec<Option<Holder>>> {
        let keys: Vec<u128> = what.map(|what| self.key(&what)).collect();
        let in_state = keys.iter().filter(|key| !self.entries.contains_key(key) && self.may_be_in_state(**key));
        let rows: Vec<String> = in_state.map(|key| row(*key)).collect();
        let mut found = self.state.get_many::<u64>(Table::Claim, &rows).await?.into_iter();
        let holders = keys.iter().map(|key| match self.entries.get(key) {
            Some(holder) => Some(Holder(*holder)),
            None if self.may_be_in_state(*key) => found.next().flatten().map(Holder),
            None => None,
        });
        Ok(holders.collect())
    }

    /// Writes the entries into the state once there are many. They go in order, so that those written together lie together.
    pub(crate) async fn spill(&mut self) -> Result<()> {
        if self.entries.len() < self.most {
            return Ok(());
        }
        let mut entries: Vec<(u128, u64)> = self.entries.drain().collect();
        entries.sort_unstable();
        for entries in entries.chunks(WRITTEN_AT_ONCE) {
            // A plan that is lost is made anew.
            let mut batch = Batch::new().deferred();
            for (key, holder) in entries {
                batch.put(Table::Claim, row(*key), holder.to_string());
                self.let_through(*key);
            }
            self.state.commit(batch).await?;
        }
        Ok(())
    }

    fn may_be_in_state(&self, key: u128) -> bool {
        !self.filter.is_empty() && bits(key).all(|(word, bit)| self.filter.get(word).is_some_and(|word| word & bit != 0))
    }

    fn let_through(&mut self, key: u128) {
        self.filter.resize(FILTER_BITS / 64, 0);
        for (word, bit) in bits(key) {
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
        }
    }
}

/// The key of the record of an entry.
fn row(key: u128) -> String {
    format!("given/{key:032x}")
}

/// Where the filter has the bits of an entry: the number of a word, and a bit of it.
fn bits(key: u128) -> impl Iterator<Item = (usize, u64)> {
    let parts = [key, key >> 32, key >> 64, key >> 96];
    parts.into_iter().map(|part| {
        let place = usize::try_from(part & (FILTER_BITS as u128 - 1)).unwrap_or_default();
        (place / 64, 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;
    use scimkit_store::{JobId, MemoryState, StateStore};
    use scimkit_types::{Clock, ManualClock, Timestamp};

    use super::*;

    async fn state(store: &Arc<MemoryState>) -> State {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        State::open(Arc::clone(store) as _, clock, JobId::new("job"), "one".to_owned(), Duration::from_secs(60)).await.unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_given_is_known_wherever_it_is_kept(most in 1_usize..40, gifts in prop::collection::vec(prop::collection::vec((0_u8..60, 0_u8..9), 0..20), 1..12)) {
            futures_util::future::FutureExt::now_or_never(async {
                let state = state(&Arc::default()).await;
                let mut given = Given { most, ..Given::new(&state) };
                let mut expected = HashMap::new();
                for gifts in gifts {
                    for (what, to) in gifts {
                        given.give(&what.to_string(), given.holder(&to.to_string()));
                        expected.insert(what, given.holder(&to.to_string()));
                    }
                    given.spill().await.unwrap();
                    let holders = given.holders((0..70).map(|what: u8| what.to_string())).await.unwrap();
                    assert_eq!(holders, (0..70).map(|what| expected.get(&what).copied()).collect::<Vec<_>>());
                }
            })
            .expect("memory answers at once");
        }
    }

    #[test]
    fn a_few_stay_in_memory_and_many_do_not() {
        futures_util::future::FutureExt::now_or_never(async {
            let store = Arc::new(MemoryState::default());
            let state = state(&store).await;
            let mut given = Given::new(&state);
            for n in 0..MOST {
                let written = store.count(&JobId::new("job"), Table::Claim, "").await.unwrap();
                assert_eq!((written, given.entries.len()), (0, n));
                given.give(&n.to_string(), given.holder("somebody"));
                given.spill().await.unwrap();
            }
            assert_eq!(store.count(&JobId::new("job"), Table::Claim, "").await.unwrap(), MOST as u64);
            assert!(given.entries.is_empty());
            let asked = ["0", "nobody's", "57343", "57344"].into_iter().map(str::to_owned);
            let found: Vec<bool> = given.holders(asked).await.unwrap().iter().map(Option::is_some).collect();
            assert_eq!(found, [true, false, true, false]);
        })
        .expect("memory answers at once");
    }
}
