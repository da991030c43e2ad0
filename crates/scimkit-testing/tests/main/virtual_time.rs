//! Time passes only when nothing else can happen, and the same way every time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join;
use futures_util::stream::{self, StreamExt};
use proptest::prelude::*;
use scimkit_testing::{Stalled, VirtualTime};
use scimkit_types::{Clock, Timer, Timestamp};

fn is_send_and_sync<T: Send + Sync>(_: &T) {}

#[test]
fn a_run_is_as_long_as_its_longest_wait() {
    let time = VirtualTime::default();
    is_send_and_sync(&time);
    let began_at = time.now();
    time.run(join(time.sleep(Duration::from_secs(3)), time.sleep(Duration::from_secs(7)))).unwrap();
    assert_eq!(time.now(), began_at + Duration::from_secs(7));
}

#[test]
fn no_time_passes_without_a_wait() {
    let time = VirtualTime::default();
    let began_at = time.now();
    assert_eq!(time.run(async { 7 }), Ok(7));
    time.run(time.sleep(Duration::ZERO)).unwrap();
    assert_eq!(time.now(), began_at);
}

#[test]
fn whoever_waits_for_nothing_that_can_happen_is_a_deadlock() {
    let time = VirtualTime::default();
    let stalled = time.run(join(time.sleep(Duration::from_secs(1)), std::future::pending::<()>()));
    assert_eq!(stalled, Err(Stalled::Deadlock { at: time.now() }));
}

#[test]
fn whoever_never_ends_is_stopped() {
    let time = VirtualTime::default().with_max_steps(1000);
    let stalled = time.run(async {
        loop {
            time.sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(matches!(stalled, Err::<(), _>(Stalled::TooManySteps { steps: 1000, .. })), "{stalled:?}");
}

#[test]
fn a_wait_that_was_dropped_moves_nothing() {
    let time = VirtualTime::default();
    let began_at = time.now();
    time.run(async {
        let long = time.sleep(Duration::from_secs(60));
        futures_util::future::select(long, time.sleep(Duration::from_secs(1))).await;
        time.sleep(Duration::from_secs(1)).await;
    })
    .unwrap();
    assert_eq!(time.now(), began_at + Duration::from_secs(2));
    assert!(format!("{time:?}").contains("sleepers: 0"), "{time:?}");
}

#[test]
fn time_stops_at_the_last_instant_there_is() {
    let time = VirtualTime::new(Timestamp::MAX);
    time.run(time.sleep(Duration::MAX)).unwrap();
    time.advance(Duration::MAX);
    assert_eq!(time.now(), Timestamp::MAX);
}

#[test]
fn the_night_between_two_runs_passes_at_once() {
    let time = VirtualTime::default();
    let waits = time.sleep(Duration::from_secs(60));
    time.advance(Duration::from_secs(90));
    let at = time.now();
    time.run(waits).unwrap();
    assert_eq!(time.now(), at);
}

/// What a number of tasks, so many at once, tell: who ended when.
fn history(waits: &[Vec<u16>], at_once: usize) -> Vec<(usize, Timestamp)> {
    let time = VirtualTime::default();
    let history = Mutex::new(Vec::new());
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tasks = waits.iter().enumerate().map(|(index, waits)| {
        let (time, history, running, most) = (&time, &history, &running, &most);
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            for wait in waits {
                time.sleep(Duration::from_millis(u64::from(*wait))).await;
            }
            running.fetch_sub(1, Ordering::Relaxed);
            history.lock().unwrap().push((index, Clock::now(time)));
        }
    });
    time.run(stream::iter(tasks).buffer_unordered(at_once).collect::<Vec<()>>()).unwrap();
    assert!(most.into_inner() <= at_once);
    history.into_inner().unwrap()
}

proptest! {
    /// Every task ends, in order of time, at the end of its own waits if all run at once; and a second run tells the same.
    #[test]
    fn tasks_end_in_the_order_of_time(waits in prop::collection::vec(prop::collection::vec(0_u16..500, 0..5), 0..20), at_once in 1_usize..8) {
        let told = history(&waits, at_once);
        prop_assert_eq!(told.len(), waits.len());
        prop_assert!(told.is_sorted_by_key(|(_, at)| *at));
        prop_assert_eq!(&told, &history(&waits, at_once));

        let began_at = VirtualTime::default().now();
        for (index, at) in history(&waits, waits.len().max(1)) {
            let sum: u64 = waits[index].iter().map(|wait| u64::from(*wait)).sum();
            prop_assert_eq!(at, began_at + Duration::from_millis(sum));
        }
    }
}
