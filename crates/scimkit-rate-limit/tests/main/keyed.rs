use std::num::NonZeroUsize;

use scimkit_rate_limit::{Decision, Keyed, SlidingWindow};

use crate::support::{at, quota};

fn two_keys() -> Keyed<&'static str, SlidingWindow> {
    Keyed::new(SlidingWindow::new(quota(1, 1000)), NonZeroUsize::new(2).unwrap())
}

#[test]
fn keys_do_not_share_their_quota() {
    let mut keyed = two_keys();
    assert!(keyed.admit("a", 1, at(0)).is_admitted());
    assert_eq!(keyed.admit("a", 1, at(0)), Decision::Refused { retry_at: at(1000) });
    assert!(keyed.admit("b", 1, at(0)).is_admitted());
    assert_eq!((keyed.remaining(&"a", at(0)), keyed.remaining(&"c", at(0))), (0, 1));
}

/// A flood of keys neither grows memory nor lifts the limit of a known key.
#[test]
fn a_new_key_waits_until_an_idle_one_can_be_forgotten() {
    let mut keyed = two_keys();
    assert!(keyed.admit("a", 1, at(0)).is_admitted());
    assert!(keyed.admit("b", 1, at(400)).is_admitted());
    assert_eq!(keyed.admit("c", 1, at(500)), Decision::Refused { retry_at: at(1000) });
    assert_eq!(keyed.admit("d", 1, at(999)), Decision::Refused { retry_at: at(1000) });
    assert!(!keyed.admit("a", 1, at(999)).is_admitted());
    assert!(keyed.admit("c", 1, at(1000)).is_admitted());
    assert_eq!(keyed.len(), 2);
    assert_eq!(keyed.admit("a", 1, at(1000)), Decision::Refused { retry_at: at(1400) });
}

#[test]
fn a_key_with_a_request_under_way_is_not_forgotten() {
    let mut keyed = two_keys();
    assert!(keyed.start("a", 1, at(0)).is_admitted());
    assert!(keyed.start("b", 1, at(0)).is_admitted());
    assert!(!keyed.start("c", 1, at(5000)).is_admitted());
    keyed.finish(&"a", 1, at(5000));
    assert!(!keyed.start("c", 1, at(5999)).is_admitted());
    assert!(keyed.start("c", 1, at(7000)).is_admitted());
    keyed.pause_until("b", at(9000), at(7000));
    assert_eq!(keyed.len(), 2);
}
