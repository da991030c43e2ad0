//! What the benches share: inputs, and what other crates make of them.

#![allow(dead_code, reason = "each bench is a program of its own and uses a part")]

pub mod corpus;
pub mod served;
pub mod trees;

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};

/// Runs a future that is ready whenever it is asked, such as one on memory.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// A group whose members are measured briefly, as there are many and only their ratios count.
pub fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(150)).measurement_time(Duration::from_millis(400)).sample_size(30);
    group
}

/// The name under which a crate is measured: one that gives a wrong answer is shown, marked, and left out of the ratios.
pub fn label(name: &str, is_right: bool) -> String {
    if is_right { name.to_owned() } else { format!("{name} (wrong)") }
}
