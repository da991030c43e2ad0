//! PATCH: operations applied to a user, and the operations found between two users.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scimkit::patch::{Context, DiffOptions, apply, diff};
use scimkit::types::{Catalog, PatchOp, Resource, Value};

const USER: &str = include_str!("../testdata/rfc7643/8.3-enterprise-user.json");

const REQUEST: &str = r#"{
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [
        {"op": "replace", "path": "title", "value": "Guide"},
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "barbara@example.com"},
        {"op": "add", "path": "emails", "value": {"type": "other", "value": "b@example.org"}},
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "path": "active", "value": false}
    ]
}"#;

fn patches(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("User").expect("the standard has users"));
    let user: Resource = serde_json::from_str(USER).expect("a resource");
    let body: Value = serde_json::from_str(REQUEST).expect("JSON");
    let request = PatchOp::from_json(body).expect("a PATCH request");
    let changed = apply(&user, &request, &context).expect("operations that can be applied").resource;

    let mut group = criterion.benchmark_group("patch");
    group.bench_function("apply five operations", |bencher| bencher.iter(|| apply(black_box(&user), black_box(&request), &context)));
    let options = DiffOptions::default();
    group.bench_function("diff of a changed user", |bencher| {
        bencher.iter(|| diff(black_box(&user), black_box(&changed), &context, &options));
    });
    group.bench_function("diff of equal users", |bencher| bencher.iter(|| diff(black_box(&user), black_box(&user), &context, &options)));
    group.finish();
}

criterion_group!(benches, patches);
criterion_main!(benches);
