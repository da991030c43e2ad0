use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::{Quota as TheirQuota, RateLimiter};
use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_rate_limit::{AtomicGcra, Decision, Gcra, Keyed, Limit, Limiter, Quota};

use crate::support::{at, quota};

/// The algorithm as the textbooks state it: admit if the theoretical arrival time is at most the tolerance ahead.
struct Model {
    interval: i64,
    tolerance: i64,
    arrival: Option<i64>,
}

impl Model {
    /// `None` if admitted, else when to ask again.
    fn admit(&mut self, cost: u32, now: i64) -> Option<i64> {
        let more = self.interval * (i64::from(cost) - 1);
        let arrival = self.arrival.unwrap_or(now);
        let earliest = arrival + more - self.tolerance;
        if now < earliest {
            return Some(earliest);
        }
        self.arrival = Some(arrival.max(now) + more + self.interval);
        None
    }
}

proptest! {
    #[test]
    fn equals_the_model(requests in 1_u32..50, burst in 1_u32..20, arrivals in vec((0_i64..60, 1_u32..25), 1..100)) {
        let interval = 50;
        let mut limiter = Limiter::new(Gcra::new(quota(requests, u64::from(requests) * 50), NonZeroU32::new(burst).unwrap()));
        let mut model = Model { interval, tolerance: interval * (i64::from(burst) - 1), arrival: None };
        let mut now = 0;
        for (pause, cost) in arrivals {
            now += pause;
            let free = limiter.remaining(at(now));
            let decision = limiter.admit(cost, at(now));
            if cost > burst {
                prop_assert_eq!(decision, Decision::Impossible);
                continue;
            }
            let expected = model.admit(cost, now).map_or(Decision::Admitted, |millis| Decision::Refused { retry_at: at(millis) });
            prop_assert_eq!(decision, expected);
            prop_assert_eq!(decision.is_admitted(), cost <= free);
        }
    }

    /// However long requests are under way, the service, which runs the same algorithm, refuses none.
    #[test]
    fn latency_cannot_squeeze_requests_together(
        requests in 1_u32..20,
        burst in 1_u32..10,
        calls in vec((0_i64..100, 0_i64..=300, 0_i64..=300), 1..60),
    ) {
        let quota = quota(requests, 1000);
        let burst = NonZeroU32::new(burst).unwrap();
        let mut limiter = Limiter::new(Gcra::new(quota, burst));
        let (mut now, mut arrivals, mut under_way) = (0, Vec::new(), Vec::new());
        for (pause, there, back) in calls {
            now += pause;
            loop {
                under_way.sort_unstable();
                while let Some(&end) = under_way.first().filter(|end| **end <= now) {
                    limiter.finish(1, at(end));
                    under_way.remove(0);
                }
                let Decision::Refused { retry_at } = limiter.start(1, at(now)) else { break };
                let wait = retry_at.as_nanosecond() - at(now).as_nanosecond();
                prop_assert!(wait > 0);
                now += i64::try_from(wait.div_euclid(1_000_000) + 1).unwrap();
            }
            arrivals.push(now + there);
            under_way.push(now + there + back);
        }
        arrivals.sort_unstable();
        let mut service = Limiter::new(Gcra::new(quota, burst));
        for arrival in arrivals {
            prop_assert!(service.admit(1, at(arrival)).is_admitted());
        }
    }

    #[test]
    fn a_clock_that_steps_back_admits_no_more(steps in vec(-5000_i64..3000, 1..80)) {
        let mut limiter = Limiter::new(Gcra::new(quota(5, 1000), NonZeroU32::new(5).unwrap()));
        let (mut now, mut latest) = (0, 0);
        for step in steps {
            let before = limiter.remaining(at(latest));
            now += step;
            prop_assert!(now >= latest || limiter.remaining(at(now)) <= before);
            limiter.admit(1, at(now));
            latest = if now < latest - 1000 { now } else { latest.max(now) };
        }
    }
}

#[test]
fn nothing_is_admitted_during_a_pause() {
    let mut limiter = Limiter::new(Gcra::new(quota(5, 1000), NonZeroU32::new(5).unwrap()));
    limiter.pause_until(at(3000));
    assert_eq!(limiter.admit(1, at(0)), Decision::Refused { retry_at: at(3000) });
    assert_eq!((limiter.remaining(at(2999)), limiter.remaining(at(3000))), (0, 5));
    assert_eq!(limiter.idle_at(), Some(at(3000)));
}

/// What governor says, as a decision at so many nanoseconds.
fn theirs(answer: Result<Result<(), governor::NotUntil<governor::nanos::Nanos>>, governor::InsufficientCapacity>, now: u64) -> Decision {
    match answer {
        Err(_) => Decision::Impossible,
        Ok(Ok(())) => Decision::Admitted,
        Ok(Err(until)) => Decision::Refused { retry_at: at(0) + Duration::from_nanos(now) + until.wait_time_from(now.into()) },
    }
}

proptest! {
    /// Call by call and to the nanosecond, with state, atomic, keyed and as a limiter.
    #[test]
    fn equals_governor(
        per in prop_oneof![Just(1_u64), Just(60), Just(3600)],
        requests in 1_u32..2000,
        burst in 1_u32..50,
        calls in vec((prop_oneof![Just(0_u64), 0_u64..2_000_000, 0_u64..5_000_000_000, 0_u64..500_000_000_000], 1_u32..60, 0_u8..3), 1..200),
    ) {
        let (cells, burst) = (NonZeroU32::new(requests).unwrap(), NonZeroU32::new(burst).unwrap());
        let quota = match per {
            1 => TheirQuota::per_second(cells),
            60 => TheirQuota::per_minute(cells),
            _ => TheirQuota::per_hour(cells),
        };
        let clock = FakeRelativeClock::default();
        let direct = RateLimiter::direct_with_clock(quota.allow_burst(burst), clock.clone());
        let keyed = RateLimiter::dashmap_with_clock(quota.allow_burst(burst), clock.clone());

        let gcra = Gcra::new(Quota::new(requests, Duration::from_secs(per)).unwrap(), burst);
        prop_assert_eq!(gcra.interval(), quota.replenish_interval());
        let (mut state, mut limiter, atomic) = (gcra.unused(), Limiter::new(gcra), AtomicGcra::new(gcra));
        let by_nanos = AtomicGcra::new(gcra);
        let ours = Keyed::<u8, Gcra>::new(gcra, NonZeroUsize::new(10).unwrap());
        let mut now = 0;
        for (step, cost, key) in calls {
            clock.advance(Duration::from_nanos(step));
            now += step;
            let (instant, cells) = (at(0) + Duration::from_nanos(now), NonZeroU32::new(cost).unwrap());
            let expected = theirs(direct.check_n(cells), now);
            prop_assert_eq!(gcra.decide(&state, 0, cost, instant), expected);
            prop_assert_eq!(gcra.admit(&mut state, cost, instant), expected);
            prop_assert_eq!(atomic.admit(cost, instant), expected);
            let answer = match by_nanos.admit_at(cost, i64::try_from(now).unwrap()) {
                Ok(()) => Decision::Admitted,
                Err(i64::MAX) => Decision::Impossible,
                Err(nanos) => Decision::Refused { retry_at: at(0) + Duration::from_nanos(nanos.unsigned_abs()) },
            };
            prop_assert_eq!(answer, expected);
            prop_assert_eq!(limiter.admit(cost, instant), expected);
            prop_assert_eq!(atomic.state(), state);
            prop_assert_eq!(ours.admit(&key, cost, instant), theirs(keyed.check_key_n(&key, cells), now));
        }
    }

    /// No window holds more than the quota and the burst, and nothing waits while a unit is free.
    #[test]
    fn no_window_holds_more_than_quota_and_burst(requests in 1_u32..20, burst in 1_u32..10, steps in vec((0_i64..300, 1_u32..4), 1..150)) {
        let mut limiter = Limiter::new(Gcra::new(quota(requests, 1000), NonZeroU32::new(burst).unwrap()));
        let (mut now, mut charges) = (0, Vec::new());
        for (step, cost) in steps {
            now += step;
            let free = limiter.remaining(at(now));
            let decision = limiter.admit(cost, at(now));
            prop_assert_eq!(decision.is_admitted(), cost <= free);
            if decision.is_admitted() {
                charges.push((now, cost));
            }
        }
        prop_assert!(crate::support::most_in_a_window(&charges, 1000) <= requests + burst);
    }
}

/// However many threads ask at the same instant, as many as the burst are admitted.
#[test]
fn threads_share_one_burst() {
    let atomic = AtomicGcra::new(Gcra::new(quota(1, 1000), NonZeroU32::new(100).unwrap()));
    let admitted: usize = std::thread::scope(|scope| {
        let ask = || (0..100).filter(|_| atomic.admit(1, at(0)).is_admitted()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 100);
}
