//! Resources as JSON: a round trip of a full user, beside the same round trip of `serde_json::Value`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scimkit::types::Resource;

const USER: &str = include_str!("../testdata/rfc7643/8.3-enterprise-user.json");

fn round_trips(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resource/round trip");
    group.throughput(Throughput::Bytes(u64::try_from(USER.len()).unwrap_or(u64::MAX)));
    group.bench_function("Resource", |bencher| {
        bencher.iter(|| {
            let resource: Resource = serde_json::from_str(black_box(USER)).expect("a resource");
            serde_json::to_vec(&resource).expect("JSON")
        });
    });
    group.bench_function("serde_json::Value", |bencher| {
        bencher.iter(|| {
            let value: serde_json::Value = serde_json::from_str(black_box(USER)).expect("JSON");
            serde_json::to_vec(&value).expect("JSON")
        });
    });
    group.finish();
}

criterion_group!(benches, round_trips);
criterion_main!(benches);
