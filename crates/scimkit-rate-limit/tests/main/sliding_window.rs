use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_rate_limit::{Decision, Gcra, Limit, Limiter, Limits, Quota, Rule, SlidingWindow, Timestamp, Usage};

use crate::support::{at, most_in_a_window, quota};

fn sliding(quota: Quota) -> Limiter<SlidingWindow> {
    Limiter::new(SlidingWindow::new(quota))
}

fn full(quota: Quota, now: Timestamp) -> Limiter<SlidingWindow> {
    Limiter::full(SlidingWindow::new(quota), Duration::ZERO, now)
}

const NANOSECOND: Duration = Duration::from_nanos(1);

proptest! {
    /// Never more than the quota in any window, never a refusal while the quota is free, and a refusal names the first instant at which
    /// the same request is admitted.
    #[test]
    fn admissions_are_exact(requests in 1_u32..12, window in 1_i64..500, arrivals in vec((0_i64..200, 0_u32..5), 1..80)) {
        let mut limiter = sliding(quota(requests, window.unsigned_abs()));
        let (mut now, mut charges) = (0, Vec::new());
        for (pause, cost) in arrivals {
            now += pause;
            charges.push((now, cost));
            let fits = most_in_a_window(&charges, window) <= requests;
            prop_assert_eq!(limiter.decide(cost, at(now)).is_admitted(), fits);
            let free = limiter.remaining(at(now));
            match limiter.admit(cost, at(now)) {
                Decision::Admitted => prop_assert!(fits && cost <= free),
                Decision::Impossible => {
                    prop_assert!(cost > requests);
                    charges.pop();
                }
                Decision::Refused { retry_at } => {
                    prop_assert!(!fits && cost > free);
                    prop_assert!(retry_at > at(now));
                    prop_assert!(limiter.decide(cost, retry_at).is_admitted());
                    prop_assert!(!limiter.decide(cost, retry_at - NANOSECOND).is_admitted());
                    charges.pop();
                }
            }
        }
    }

    /// However long requests and answers are under way, the service counts no more than the quota in any window.
    #[test]
    fn latency_cannot_squeeze_two_windows_together(
        requests in 1_u32..8,
        window in 1_i64..1000,
        calls in vec((0_i64..100, 1_u32..4, 0_i64..=300, 0_i64..=300), 1..80),
    ) {
        let mut limiter = sliding(quota(requests, window.unsigned_abs()));
        let (mut now, mut arrivals, mut under_way) = (0, Vec::new(), Vec::new());
        for (pause, cost, there, back) in calls {
            now += pause;
            if cost > requests {
                prop_assert_eq!(limiter.start(cost, at(now)), Decision::Impossible);
                continue;
            }
            // The caller waits as it is told and asks again.
            loop {
                under_way.sort_unstable();
                while let Some(&(end, finished)) = under_way.first().filter(|(end, _)| *end <= now) {
                    limiter.finish(finished, at(end));
                    under_way.remove(0);
                }
                match limiter.start(cost, at(now)) {
                    Decision::Refused { retry_at } => {
                        let wait = retry_at.as_millisecond() - at(now).as_millisecond();
                        prop_assert!(wait > 0);
                        now += wait;
                    }
                    decision => {
                        prop_assert!(decision.is_admitted());
                        break;
                    }
                }
            }
            arrivals.push((now + there, cost));
            under_way.push((now + there + back, cost));
        }
        prop_assert!(most_in_a_window(&arrivals, window) <= requests);
    }

    /// What was used counts after a restart as before it.
    #[test]
    fn usage_survives_a_restart(requests in 1_u32..12, charges in vec((0_i64..300, 1_u32..4), 0..40), later in 0_i64..1500) {
        let mut limiter = sliding(quota(requests, 1000));
        let mut now = 0;
        for (pause, cost) in charges {
            now += pause;
            limiter.admit(cost, at(now));
        }
        let text = serde_json::to_string(&limiter.usage(at(now))).unwrap();
        let usage: Usage = serde_json::from_str(&text).unwrap();
        let restarted = Limiter::with_usage(*limiter.limit(), &usage, Duration::ZERO, at(now));
        prop_assert_eq!(restarted.remaining(at(now + later)), limiter.remaining(at(now + later)));
        prop_assert_eq!(restarted.decide(requests, at(now)), limiter.decide(requests, at(now)));
    }

    /// Whoever starts again in the middle, with what was used or without knowing it, is not over the quota together with what the process
    /// before left under way.
    #[test]
    fn a_restart_is_not_over_the_quota_with_what_arrives_late(
        requests in 1_u32..8,
        window in 1_i64..600,
        before in vec((0_i64..50, 1_u32..4, 0_i64..=300), 1..20),
        pause in 0_i64..100,
        after in vec(1_u32..4, 1..20),
        is_known in any::<bool>(),
    ) {
        let mut limiter = sliding(quota(requests, window.unsigned_abs()));
        let (mut now, mut arrivals) = (0, Vec::new());
        for (pause, cost, there) in before {
            now += pause;
            // Nobody is answered before the process is gone.
            if limiter.start(cost, at(now)).is_admitted() {
                arrivals.push((now + there, cost));
            }
        }
        let (usage, deadline) = (limiter.usage(at(now)), Duration::from_millis(300));
        now += pause;
        let mut limiter = match is_known {
            true => Limiter::with_usage(*limiter.limit(), &usage, deadline, at(now)),
            false => Limiter::full(*limiter.limit(), deadline, at(now)),
        };
        for cost in after.into_iter().filter(|cost| *cost <= requests) {
            while let Decision::Refused { retry_at } = limiter.admit(cost, at(now)) {
                now = retry_at.as_millisecond() - at(0).as_millisecond();
            }
            arrivals.push((now, cost));
        }
        arrivals.sort_unstable();
        prop_assert!(most_in_a_window(&arrivals, window) <= requests);
    }

    /// Whatever the clock does, no call panics, and an instant that is earlier never has more room than the latest one had.
    #[test]
    fn a_clock_that_steps_back_admits_no_more(steps in vec((-5000_i64..3000, 1_u32..4), 1..80)) {
        let mut limiter = sliding(quota(5, 1000));
        let (mut now, mut latest) = (0, 0);
        for (step, cost) in steps {
            let before = limiter.remaining(at(latest));
            now += step;
            prop_assert!(now >= latest || limiter.remaining(at(now)) <= before);
            limiter.admit(cost, at(now));
            // A clock that was set is the new latest one.
            latest = if now < latest - 1000 { now } else { latest.max(now) };
        }
    }
}

/// A slot is free exactly one window after it was taken: windows are half open.
#[test]
fn a_slot_is_free_after_one_window_and_not_before() {
    let mut limiter = sliding(quota(1, 60_000));
    assert!(limiter.admit(1, at(0)).is_admitted());
    assert_eq!(limiter.admit(1, at(59_999)), Decision::Refused { retry_at: at(60_000) });
    assert!(limiter.admit(1, at(60_000)).is_admitted());
}

#[test]
fn a_full_window_is_free_after_one_window() {
    let mut limiter = full(quota(u32::MAX, 1000), at(0));
    assert_eq!(limiter.remaining(at(999)), 0);
    assert_eq!(limiter.admit(1, at(500)), Decision::Refused { retry_at: at(1000) });
    assert_eq!(limiter.remaining(at(1000)), u32::MAX);
}

/// What an earlier process sent may arrive until its deadline, so the quota is free one window after that.
#[test]
fn an_unknown_past_may_be_under_way_still() {
    // A deadline that is longer than the window is no clock that was set back.
    for deadline in [300, 5000] {
        let mut limiter = Limiter::full(SlidingWindow::new(quota(3, 1000)), Duration::from_millis(deadline), at(0));
        let free = i64::try_from(deadline).unwrap() + 1000;
        assert_eq!(limiter.admit(1, at(0)), Decision::Refused { retry_at: at(free) });
        assert_eq!((limiter.remaining(at(free - 1)), limiter.remaining(at(free))), (0, 3));
    }
}

#[test]
fn a_request_under_way_holds_its_slot() {
    let mut limiter = sliding(quota(2, 1000));
    assert!(limiter.start(2, at(0)).is_admitted());
    assert_eq!(limiter.idle_at(), None);
    assert_eq!(limiter.start(1, at(5000)), Decision::Refused { retry_at: at(6000) });
    limiter.finish(1, at(5500));
    assert_eq!(limiter.start(1, at(6000)), Decision::Refused { retry_at: at(6500) });
    let mut restarted = Limiter::with_usage(*limiter.limit(), &limiter.usage(at(6000)), Duration::from_millis(300), at(6000));
    assert_eq!((restarted.remaining(at(6499)), restarted.remaining(at(6500)), restarted.remaining(at(7299))), (0, 1, 1));
    assert_eq!(restarted.admit(2, at(7299)), Decision::Refused { retry_at: at(7300) });
    assert_eq!(restarted.remaining(at(7300)), 2);
}

#[test]
fn nothing_is_admitted_during_a_pause() {
    let mut limiter = sliding(quota(5, 1000));
    limiter.pause_until(at(3000));
    limiter.pause_until(at(2000));
    assert_eq!(limiter.admit(1, at(0)), Decision::Refused { retry_at: at(3000) });
    assert_eq!((limiter.remaining(at(2999)), limiter.remaining(at(3000))), (0, 5));
}

/// A usage of a larger quota, from a clock that was ahead, fills the window and no more.
#[test]
fn a_usage_that_does_not_fit_fills_the_window() {
    let mut large = sliding(quota(9, 1000));
    large.admit(4, at(100));
    large.admit(5, at(9000));
    let small = Limiter::with_usage(SlidingWindow::new(quota(3, 1000)), &large.usage(at(9000)), Duration::ZERO, at(200));
    assert_eq!((small.remaining(at(1199)), small.remaining(at(1200))), (0, 3));
}

#[test]
fn a_clock_that_was_set_back_counts_the_whole_quota_as_used() {
    let mut limiter = sliding(quota(2, 1000));
    assert!(limiter.admit(1, at(10_000)).is_admitted());
    assert_eq!(limiter.admit(1, at(9_500)), Decision::Admitted, "a late caller");
    assert_eq!(limiter.admit(1, at(2_000)), Decision::Refused { retry_at: at(3_000) });
    assert!(limiter.admit(2, at(3_000)).is_admitted());
}

#[test]
fn instants_that_do_not_fit_admit_no_more_than_the_quota() {
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let mut limiter = sliding(quota(1, 1000));
        assert!(limiter.admit(1, now).is_admitted());
        assert!(!limiter.admit(1, now).is_admitted());
        assert!(full(quota(1, 1000), now).remaining(now) == 0);
    }
    let mut limiter = sliding(quota(2, 1000));
    assert!(limiter.admit(2, Timestamp::MAX).is_admitted());
    let Decision::Refused { retry_at } = limiter.decide(1, Timestamp::MIN) else { panic!("not refused") };
    assert_eq!(limiter.admit(1, Timestamp::MIN), Decision::Refused { retry_at });
    assert!(limiter.admit(1, retry_at).is_admitted(), "one window after the first instant that counts");
}

/// Ten a second and fifteen in ten seconds: both hold, and a refused request is charged to neither.
#[test]
fn several_limits_charge_all_or_none() {
    let mut limits = Limiter::new(Limits::new([quota(10, 1000), quota(15, 10_000)]));
    assert!(limits.start(10, at(0)).is_admitted());
    limits.finish(10, at(0));
    assert_eq!(limits.start(6, at(1000)), Decision::Refused { retry_at: at(10_000) });
    assert_eq!(limits.remaining(at(1000)), 5);
    assert!(limits.admit(5, at(1000)).is_admitted());
    assert_eq!(limits.admit(16, at(1000)), Decision::Impossible);
    assert!(Limiter::new(Limits::none()).admit(u32::MAX, at(0)).is_admitted());
    assert!(Limiter::full(Limits::none(), Duration::ZERO, at(0)).admit(1, at(0)).is_admitted());
}

/// A smooth pace under a hard limit: both kinds on one request.
#[test]
fn limits_of_both_kinds_hold_together() {
    let pace = Gcra::new(quota(10, 1000), 2.try_into().unwrap());
    let mut limits = Limiter::new(Limits::new([Rule::from(pace), Rule::from(quota(3, 1000))]));
    assert!(limits.admit(2, at(0)).is_admitted());
    assert_eq!(limits.admit(1, at(0)), Decision::Refused { retry_at: at(100) });
    assert!(limits.admit(1, at(100)).is_admitted());
    assert_eq!(limits.admit(1, at(200)), Decision::Refused { retry_at: at(1000) });
    let usage = limits.usage(at(200));
    let resumed = Limiter::with_usage(limits.limit().clone(), &usage, Duration::ZERO, at(200));
    assert_eq!((resumed.remaining(at(999)), resumed.remaining(at(1000))), (0, 2));
    // Of other rules: nothing is known.
    let other = Limiter::with_usage(Limits::from(quota(3, 1000)), &usage, Duration::ZERO, at(200));
    assert_eq!((other.remaining(at(1199)), other.remaining(at(1200))), (0, 3));
}

/// A request that was given up may still arrive until its deadline, so its slot is free one window after that.
#[test]
fn what_was_abandoned_counts_until_one_window_after_its_deadline() {
    let mut limiter = sliding(quota(2, 1000));
    assert!(limiter.start(1, at(0)).is_admitted());
    limiter.abandon(1, at(3000), at(10));
    assert_eq!(limiter.idle_at(), None);
    assert!(limiter.admit(1, at(20)).is_admitted());
    assert_eq!(limiter.remaining(at(1020)), 1);
    assert_eq!((limiter.remaining(at(3999)), limiter.remaining(at(4000))), (1, 2));
    assert!(limiter.admit(1, at(3999)).is_admitted());
    assert_eq!(limiter.admit(1, at(3999)), Decision::Refused { retry_at: at(4000) });
    assert!(limiter.start(1, at(4999)).is_admitted());
    limiter.abandon(1, at(4999), at(4999));
    assert_eq!((limiter.remaining(at(5998)), limiter.remaining(at(5999))), (1, 2));
}

/// What was to last a while lasts as long after a clock was set back, and not until it is there again.
#[test]
fn a_clock_that_was_set_back_delays_nothing_for_long() {
    let year = 365 * 86_400_000;
    let mut limiter = sliding(quota(2, 1000));
    assert!(limiter.start(1, at(year)).is_admitted());
    limiter.abandon(1, at(year + 3000), at(year));
    limiter.pause_until(at(year + 500));
    assert_eq!(limiter.decide(1, at(0)), Decision::Refused { retry_at: at(500) });
    assert_eq!(limiter.admit(1, at(0)), Decision::Refused { retry_at: at(500) });
    assert_eq!((limiter.remaining(at(500)), limiter.remaining(at(3999)), limiter.remaining(at(4000))), (1, 1, 2));
}

proptest! {
    /// Charges take 4, 5, 6 or 8 bytes, as the window needs: the same decisions to the nanosecond, and costs above 1 as so many of 1.
    #[test]
    fn windows_of_every_length_are_exact(
        requests in 1_u32..6,
        window in prop_oneof![1_i64..5_000_000_000, 4_294_967_290_i64..4_294_967_300, 1_i64..400_000_000_000_000, 1_099_511_627_770_i64..1_099_511_627_780, 1_i64..80_000_000_000_000_000],
        steps in vec((0.0_f64..0.7, 0_u32..4), 1..60),
    ) {
        let quota = Quota::new(requests, Duration::from_nanos(window.unsigned_abs())).unwrap();
        let limit = SlidingWindow::new(quota);
        let (mut state, mut now, mut charges) = (limit.unused(), 0_i64, Vec::new());
        for (share, cost) in steps {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any length will do")]
            let step = (share * window as f64) as i64;
            now += step;
            charges.push((now, cost));
            let instant = at(0) + Duration::from_nanos(now.unsigned_abs());
            let fits = most_in_a_window(&charges, window) <= requests;
            prop_assert_eq!(limit.decide(&state, 0, cost, instant).is_admitted(), fits);
            match limit.admit(&mut state, cost, instant) {
                Decision::Admitted => prop_assert!(fits),
                Decision::Refused { retry_at } => {
                    prop_assert!(!fits);
                    prop_assert!(limit.decide(&state, 0, cost, retry_at).is_admitted());
                    prop_assert!(!limit.decide(&state, 0, cost, retry_at - NANOSECOND).is_admitted());
                    charges.pop();
                }
                Decision::Impossible => {
                    prop_assert!(cost > requests);
                    charges.pop();
                }
            }
        }
    }
}
