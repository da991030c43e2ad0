//! Limiters: one decision, at the rate at which half of the requests are refused.

use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use scimkit::rate_limit::{Gcra, Quota, SlidingWindow};

fn limiters(criterion: &mut Criterion) {
    let quota = Quota::new(100, Duration::from_secs(60)).expect("a quota");
    // Two requests arrive for each that the quota admits.
    let step = Duration::from_millis(300);

    let mut group = criterion.benchmark_group("limiter");
    group.bench_function("sliding window", |bencher| {
        let mut window = SlidingWindow::new(quota);
        let mut now = Timestamp::UNIX_EPOCH;
        bencher.iter(|| {
            now += step;
            window.admit(1, now)
        });
    });
    group.bench_function("sliding window, client side", |bencher| {
        let mut window = SlidingWindow::new(quota);
        let mut now = Timestamp::UNIX_EPOCH;
        bencher.iter(|| {
            now += step;
            let decision = window.start(1, now);
            if decision.is_admitted() {
                window.finish(1, now);
            }
            decision
        });
    });
    group.bench_function("GCRA", |bencher| {
        let mut gcra = Gcra::new(quota, NonZeroU32::MIN.saturating_add(9));
        let mut now = Timestamp::UNIX_EPOCH;
        bencher.iter(|| {
            now += step;
            gcra.admit(1, now)
        });
    });
    group.finish();
}

criterion_group!(benches, limiters);
criterion_main!(benches);
