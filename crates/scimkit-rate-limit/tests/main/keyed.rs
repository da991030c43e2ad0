use std::collections::HashMap;
use std::num::NonZeroUsize;

use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_rate_limit::{Decision, Gcra, Keyed, SlidingWindow};

use crate::support::{at, most_in_a_window, quota};

fn keyed(capacity: usize) -> Keyed<String, SlidingWindow> {
    Keyed::new(SlidingWindow::new(quota(1, 1000)), NonZeroUsize::new(capacity).unwrap())
}

#[test]
fn keys_do_not_share_their_quota() {
    let keyed = keyed(2);
    assert!(keyed.admit("a", 1, at(0)).is_admitted());
    assert_eq!(keyed.admit("a", 1, at(0)), Decision::Refused { retry_at: at(1000) });
    assert!(keyed.admit("b", 1, at(0)).is_admitted());
    assert_eq!((keyed.remaining("a", at(0)), keyed.remaining("c", at(0))), (0, 1));
}

/// To look is free: neither a decision that was only asked for nor a refused request uses quota or room.
#[test]
fn looking_and_being_refused_use_no_quota() {
    let keyed = keyed(2);
    for _ in 0..3 {
        assert!(keyed.decide("a", 1, at(0)).is_admitted());
    }
    assert!(keyed.is_empty());
    assert!(keyed.admit("a", 1, at(0)).is_admitted());
    for now in 1..10 {
        assert_eq!(keyed.admit("a", 1, at(now)), Decision::Refused { retry_at: at(1000) });
    }
    assert_eq!(keyed.decide("a", 2, at(0)), Decision::Impossible);
    assert_eq!(keyed.fields("read", "a", at(500)).limit, r#""read";r=0;t=1"#);
    assert_eq!(keyed.fields("read", "b", at(500)).limit, r#""read";r=1"#);
}

/// A flood of keys neither grows memory nor lifts the limit of a known key.
#[test]
fn a_new_key_waits_until_an_idle_one_can_be_forgotten() {
    let keyed = keyed(2);
    assert!(keyed.admit("a", 1, at(0)).is_admitted());
    assert!(keyed.admit("b", 1, at(400)).is_admitted());
    assert_eq!(keyed.admit("c", 1, at(500)), Decision::Refused { retry_at: at(1000) });
    assert_eq!(keyed.admit("d", 1, at(999)), Decision::Refused { retry_at: at(1000) });
    assert!(!keyed.admit("a", 1, at(999)).is_admitted());
    assert!(keyed.admit("c", 1, at(1000)).is_admitted());
    assert_eq!(keyed.len(), 2);
    assert_eq!(keyed.admit("a", 1, at(1000)), Decision::Refused { retry_at: at(1400) });
}

/// A request that is never admitted, or charged nothing, leaves no trace.
#[test]
fn only_what_is_charged_takes_room() {
    let keyed = keyed(1);
    assert_eq!(keyed.admit("a", 2, at(0)), Decision::Impossible);
    assert!(keyed.admit("b", 0, at(0)).is_admitted());
    assert_eq!(keyed.len(), 0);
    assert!(keyed.admit("c", 1, at(0)).is_admitted());
    assert_eq!(keyed.len(), 1);
}

/// Keys of a clock that was far ahead are forgotten in time, and new ones wait no longer than two windows.
#[test]
fn a_clock_that_was_set_back_blocks_no_new_key() {
    let year = 365 * 86_400_000;
    let keyed = keyed(1);
    assert!(keyed.admit("a", 1, at(year)).is_admitted());
    assert!(!keyed.admit("b", 1, at(year)).is_admitted());
    assert_eq!(keyed.admit("b", 1, at(0)), Decision::Refused { retry_at: at(1000) });
    assert!(keyed.admit("b", 1, at(1000)).is_admitted());
}

/// However many new keys ask, all keys are looked at so many times in a window only.
#[test]
fn a_flood_of_keys_waits_between_two_looks() {
    let keyed = Keyed::<u32, _>::new(SlidingWindow::new(quota(1, 64_000)), NonZeroUsize::new(3).unwrap());
    for (key, millis) in [(1, 0), (2, 10), (3, 20)] {
        assert!(keyed.admit(&key, 1, at(millis)).is_admitted());
    }
    assert!(keyed.admit(&4, 1, at(64_000)).is_admitted());
    assert_eq!(keyed.admit(&5, 1, at(64_010)), Decision::Refused { retry_at: at(65_000) });
    assert!(keyed.admit(&5, 1, at(65_000)).is_admitted());
    assert!(keyed.admit(&6, 1, at(65_000)).is_admitted());
}

proptest! {
    /// Whatever is forgotten to make room: no key gets more than its quota in any window, the bound on keys holds, and a key that is known
    /// never waits while its quota is free.
    #[test]
    fn forgetting_lifts_no_limit(capacity in 1_usize..6, calls in vec((0_i64..400, 0_u8..12, 1_u32..3), 1..200)) {
        let keyed = Keyed::<u8, _>::new(SlidingWindow::new(quota(2, 1000)), NonZeroUsize::new(capacity).unwrap());
        let (mut now, mut charges) = (0, HashMap::<u8, Vec<(i64, u32)>>::new());
        for (step, key, cost) in calls {
            now += step;
            let free = keyed.remaining(&key, at(now));
            let is_known = charges.get(&key).is_some_and(|charges| charges.iter().any(|(at, _)| at + 1000 > now));
            let decision = keyed.admit(&key, cost, at(now));
            if decision.is_admitted() {
                charges.entry(key).or_default().push((now, cost));
            }
            prop_assert!(keyed.len() <= capacity);
            prop_assert!(!is_known || decision.is_admitted() == (cost <= free));
        }
        for charges in charges.values() {
            prop_assert!(most_in_a_window(charges, 1000) <= 2);
        }
    }
}

/// The bound holds over all shards of a large map, and every key that was admitted is known.
#[test]
fn threads_share_a_large_map() {
    let gcra = Gcra::new(quota(1, 1_000_000), 1.try_into().unwrap());
    let keyed = Keyed::<u64, _>::new(gcra, NonZeroUsize::new(5000).unwrap());
    let admitted: usize = std::thread::scope(|scope| {
        let ask = |first: u64| {
            let keyed = &keyed;
            move || (first..first + 4000).filter(|key| keyed.admit(key, 1, at(0)).is_admitted()).count()
        };
        let threads: Vec<_> = [0, 2000, 4000].into_iter().map(|first| scope.spawn(ask(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((admitted, keyed.len()), (5000, 5000));
}
