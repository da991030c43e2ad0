use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_rate_limit::{Advice, Answer, Decision, Fields, Limit, Limiter, Limits, SlidingWindow};

use crate::support::{at, most_in_a_window, quota};

fn limiter(requests: u32, window_millis: u64) -> Limiter {
    Limiter::new(Limits::from(quota(requests, window_millis)))
}

fn advice(fields: &[(&str, &str)]) -> Advice {
    Advice::read(fields.iter().copied(), at(0))
}

#[test]
fn a_refusal_pauses_for_as_long_as_it_says() {
    for (fields, millis) in [
        (vec![("Retry-After", "5")], 5000),
        (vec![("Retry-After", "Fri, 15 Jan 2027 08:00:05 GMT")], 5000),
        (vec![("Retry-After", "3"), ("RateLimit", r#""a";r=0;t=9"#)], 3000),
        (vec![("RateLimit", r#""a";r=0;t=9"#)], 9000),
        (vec![("X-Rate-Limit-Remaining", "0"), ("X-Rate-Limit-Window", "60")], 60_000),
        // Without a word: one window, at most half a minute.
        (vec![], 30_000),
        (vec![("Retry-After", "999999999999")], 86_400_000),
    ] {
        let mut limiter = limiter(10, 60_000);
        limiter.learn(Answer::Throttled, &advice(&fields), at(0));
        assert_eq!(limiter.admit(1, at(0)), Decision::Refused { retry_at: at(millis) }, "{fields:?}");
        assert_eq!((limiter.remaining(at(millis - 1)), limiter.remaining(at(millis + 60_000))), (0, 10), "{fields:?}");
    }
    let mut served = limiter(10, 60_000);
    served.learn(Answer::Served, &advice(&[("Retry-After", "5")]), at(0));
    assert!(served.admit(1, at(0)).is_admitted());
}

/// What others use of the same quota is not there for us, until the service says that more is left, or its time is over.
#[test]
fn what_is_left_lowers_the_quota_and_it_recovers() {
    let mut limiter = limiter(10, 60_000);
    limiter.learn(Answer::Served, &advice(&[("RateLimit", r#""a";r=3;t=20"#)]), at(0));
    assert_eq!(limiter.remaining(at(0)), 3);
    assert!(limiter.start(3, at(0)).is_admitted());
    assert_eq!(limiter.start(1, at(0)), Decision::Refused { retry_at: at(20_000) });
    limiter.finish(3, at(0));
    assert_eq!((limiter.remaining(at(19_999)), limiter.remaining(at(20_000))), (0, 7));
    limiter.learn(Answer::Served, &advice(&[("RateLimit", r#""a";r=5;t=20"#)]), at(1000));
    assert_eq!(limiter.remaining(at(1000)), 5);
    // More than the quota is of no use.
    limiter.learn(Answer::Served, &advice(&[("RateLimit", r#""a";r=5000;t=20"#)]), at(2000));
    assert_eq!(limiter.remaining(at(2000)), 7);
}

/// A mistake of the service cannot stop a client for good.
#[test]
fn nothing_is_believed_for_longer_than_a_day() {
    let day = 86_400_000;
    for (used, field) in [(0, ("RateLimit", r#""a";r=0;t=4294967295"#)), (1, ("RateLimit-Policy", r#""a";q=1;w=2000000000"#))] {
        let mut limiter = limiter(10, 60_000);
        assert!(limiter.admit(used, at(0)).is_admitted());
        limiter.learn(Answer::Served, &advice(&[field]), at(0));
        assert!(!limiter.admit(1, at(day - 1)).is_admitted(), "{field:?}");
        assert_eq!((limiter.remaining(at(day - 1)), limiter.remaining(at(day))), (0, 10), "{field:?}");
    }
}

/// RingCentral says 50 in a minute where 300 were configured.
#[test]
fn a_smaller_limit_is_kept_to_while_the_service_names_it() {
    let fields = |limit: &'static str| [("X-Rate-Limit-Group", "light"), ("X-Rate-Limit-Limit", limit), ("X-Rate-Limit-Window", "60")];
    let mut limiter = limiter(300, 60_000);
    assert!(limiter.admit(1, at(0)).is_admitted());
    limiter.learn(Answer::Served, &advice(&fields("50")), at(100));
    assert_eq!(limiter.remaining(at(100)), 49, "what was sent before counts");
    assert!(limiter.admit(49, at(100)).is_admitted());
    assert_eq!(limiter.admit(1, at(200)), Decision::Refused { retry_at: at(60_000) });
    assert!(limiter.admit(1, at(60_000)).is_admitted());
    // Named no more, or as large as the quota: as configured.
    assert_eq!(limiter.clone().remaining(at(60_100)), 299);
    limiter.learn(Answer::Served, &advice(&fields("50")), at(60_000));
    assert_eq!(limiter.remaining(at(60_050)), 0);
    limiter.learn(Answer::Served, &advice(&fields("1000")), at(60_050));
    assert_eq!(limiter.remaining(at(60_100)), 299);
}

/// A limit of another window holds beside the configured one.
#[test]
fn a_limit_of_another_window_holds_too() {
    let mut limiter = limiter(100, 60_000);
    limiter.learn(Answer::Served, &advice(&[("RateLimit-Policy", r#""burst";q=10;w=1, "minute";q=100;w=60"#)]), at(0));
    assert!(limiter.start(10, at(0)).is_admitted());
    limiter.finish(10, at(5));
    assert_eq!(limiter.admit(1, at(500)), Decision::Refused { retry_at: at(1005) });
    // A request that costs more than the service's limit waits for all of it.
    assert!(limiter.admit(20, at(1005)).is_admitted());
}

/// A name or a value from anywhere, some of them like those of the fields.
fn field() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        Just("RateLimit"),
        Just("RateLimit-Policy"),
        Just("Retry-After"),
        Just("Date"),
        Just("RateLimit-Limit"),
        Just("RateLimit-Reset"),
        Just("RateLimit-Remaining"),
        Just("X-RateLimit-Limit"),
        Just("X-RateLimit-Reset"),
        Just("X-RateLimit-Remaining"),
        Just("X-Rate-Limit-Group"),
        Just("X-Rate-Limit-Limit"),
        Just("X-Rate-Limit-Remaining"),
        Just("X-Rate-Limit-Window"),
    ];
    let number = prop_oneof![Just(0_u64), 0_u64..20, any::<u64>(), 0_u64..2_000_000_000];
    let policy = ("[a-c]", number.clone(), number.clone()).prop_map(|(name, q, w)| format!(r#""{name}";q={q};w={w}"#));
    let limit = ("[a-c]", number.clone(), number.clone()).prop_map(|(name, r, t)| format!(r#""{name}";r={r};t={t}"#));
    let early = (number.clone(), number.clone()).prop_map(|(r, t)| format!("limit=9, remaining={r}, reset={t}"));
    let value = prop_oneof![
        number.prop_map(|number| number.to_string()),
        vec(policy, 1..4).prop_map(|all| all.join(", ")),
        vec(limit, 1..4).prop_map(|all| all.join(", ")),
        early,
        "[ -~]{0,30}",
        r#"[a-z";=, 0-9:?]{0,30}"#,
        Just("Fri, 15 Jan 2027 08:00:05 GMT".to_owned()),
    ];
    (name.prop_map(str::to_owned), value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a service says, it makes the limiter only stricter, never looser than the quota, and not for ever; and nothing panics.
    #[test]
    fn no_answer_raises_the_quota(
        requests in 1_u32..12,
        steps in vec((0_i64..2000, 1_u32..4, prop::bool::ANY, vec(field(), 0..5)), 1..60),
    ) {
        let mut limiter = limiter(requests, 1000);
        let mut plain = SlidingWindow::new(quota(requests, 1000)).unused();
        let (mut now, mut charges) = (0, Vec::new());
        for (step, cost, is_refusal, fields) in steps {
            now += step;
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let answer = if is_refusal { Answer::Throttled } else { Answer::Served };
            limiter.learn(answer, &Advice::read(fields, at(now)), at(now));
            let limit = SlidingWindow::new(quota(requests, 1000));
            prop_assert!(limiter.remaining(at(now)) <= limit.remaining(&plain, 0, at(now)));
            let decision = limiter.admit(cost, at(now));
            if decision.is_admitted() {
                prop_assert!(limit.admit(&mut plain, cost, at(now)).is_admitted());
                charges.push((now, cost));
            }
            if let Decision::Refused { retry_at } = decision {
                prop_assert!(retry_at > at(now));
            }
        }
        prop_assert!(most_in_a_window(&charges, 1000) <= requests);
        let next_day = at(now) + Duration::from_secs(86_400 + 1);
        prop_assert_eq!(limiter.remaining(next_day), requests, "everything is forgotten after a day");
    }

    /// What our service says of its state, our client understands and agrees with.
    #[test]
    fn fields_are_read_as_they_were_written(requests in 1_u32..50, used in 0_u32..50, later in 0_i64..90_000, name in "[ -~]{0,20}") {
        let limit = SlidingWindow::new(quota(requests, 60_000));
        let mut state = limit.unused();
        limit.charge(&mut state, used.min(requests), at(0));
        let fields = Fields::of(&name, &limit, &state, at(later));
        let advice = Advice::read([("RateLimit-Policy", fields.policy.as_str()), ("RateLimit", fields.limit.as_str())], at(later));
        prop_assert_eq!(advice.policies.len(), 1);
        prop_assert_eq!(&advice.policies[0].name, &name);
        prop_assert_eq!((advice.policies[0].quota, advice.policies[0].window), (u64::from(requests), Some(Duration::from_secs(60))));
        let remaining = limit.remaining(&state, 0, at(later));
        prop_assert_eq!(advice.service_limits[0].remaining, u64::from(remaining));
        if let Some(window) = advice.service_limits[0].effective_window {
            prop_assert!(limit.remaining(&state, 0, at(later) + window) > remaining);
        }
        let mut limiter = Limiter::new(Limits::from(quota(requests, 60_000)));
        limiter.learn(Answer::Served, &advice, at(later));
        prop_assert_eq!(limiter.remaining(at(later)), remaining);
    }
}
