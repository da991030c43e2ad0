//! Resources as JSON, there and back, and their validation.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use entropy_auth::json::JsonValue;
use scim_v2::Validate as _;
use scimkit::types::validate::{Operation, Policy, accept};
use scimkit::types::{Catalog, Resource, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use support::{corpus, group, label};

fn round_trip<T: Serialize + DeserializeOwned>(text: &str) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::from_str::<T>(text)?)
}

/// Whether nothing was lost.
fn is_whole(text: &str, after: &str) -> bool {
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    value(text).is_equivalent(&value(after))
}

fn round_trips(criterion: &mut Criterion) {
    type Trip = fn(&str) -> Option<String>;
    let users: [(&str, Trip); 4] = [
        ("serde_json::Value", |text| round_trip::<serde_json::Value>(text).ok()),
        ("scim_v2", |text| round_trip::<scim_v2::models::user::User<String>>(text).ok()),
        ("scim_proto", |text| round_trip::<scim_proto::user::User>(text).ok()),
        ("scim-server", |text| {
            let resource = scim_server::Resource::from_json("User".to_owned(), serde_json::from_str(text).ok()?).ok()?;
            serde_json::to_string(&resource.to_json().ok()?).ok()
        }),
    ];
    let groups: [(&str, Trip); 3] = [
        ("serde_json::Value", |text| round_trip::<serde_json::Value>(text).ok()),
        ("scim_v2", |text| round_trip::<scim_v2::models::group::Group<String>>(text).ok()),
        ("scim_proto", |text| round_trip::<scim_proto::group::Group>(text).ok()),
    ];
    let cases: [(&str, String, &[(&str, Trip)]); 4] = [
        ("minimal user", compact(corpus::MINIMAL_USER), &users),
        ("typical user", corpus::TYPICAL_USER.to_owned(), &users),
        ("full user", compact(corpus::ENTERPRISE_USER), &users),
        ("group of 1,000", corpus::group(1_000), &groups),
    ];
    let mut group = group(criterion, "resource round trip");
    for (name, text, others) in &cases {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(u64::MAX)));
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| bencher.iter(|| round_trip::<Resource>(black_box(text))));
        for (other, trip) in *others {
            if let Some(after) = trip(text) {
                let id = BenchmarkId::new(label(other, is_whole(text, &after)), name);
                group.bench_function(id, |bencher| bencher.iter(|| trip(black_box(text))));
            }
        }
    }
    group.finish();

    let mut group = self::group(criterion, "resource read");
    for (name, text, _) in &cases {
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| {
            bencher.iter(|| serde_json::from_str::<Resource>(black_box(text)));
        });
        group.bench_function(BenchmarkId::new("serde_json::Value", name), |bencher| {
            bencher.iter(|| serde_json::from_str::<serde_json::Value>(black_box(text)));
        });
        group.bench_function(BenchmarkId::new("entropy-auth", name), |bencher| bencher.iter(|| JsonValue::parse(black_box(text))));
    }
    group.finish();
}

fn compact(text: &str) -> String {
    corpus::json(text).to_string()
}

/// What a service provider checks of the body of a `PUT`, from small to large; a crate is right if it accepts the resource and refuses one
/// with a number in place of a name.
fn validation(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let policy = Policy::default();
    let registry = scim_server::SchemaRegistry::new().expect("embedded schemas");
    let large = corpus::group(1_000);
    let cases = [
        ("minimal user", "User", "userName", corpus::MINIMAL_USER),
        ("typical user", "User", "userName", corpus::TYPICAL_USER),
        ("full user", "User", "userName", corpus::ENTERPRISE_USER),
        ("group of 1,000", "Group", "displayName", &large),
    ];
    let mut group = group(criterion, "resource validate");
    for (name, kind, name_of, text) in cases {
        let resource_type = catalog.resource_type(kind).expect("of the standard");
        let resource = corpus::resource(text);
        accept(&catalog, resource_type, &resource, Operation::Create, &policy).expect("a valid resource");
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| {
            bencher.iter(|| accept(&catalog, resource_type, black_box(&resource), Operation::Create, &policy));
        });
        // Types are checked while reading there, so that less is left to check; groups are not checked.
        if kind == "User"
            && let Ok(user) = serde_json::from_str::<scim_v2::models::user::User<String>>(text)
        {
            let id = BenchmarkId::new(label("scim_v2", user.validate_as(scim_v2::Context::ReplaceRequest).is_ok()), name);
            group.bench_function(id, |bencher| bencher.iter(|| black_box(&user).validate_as(scim_v2::Context::ReplaceRequest)));
        }
        let json = corpus::json(text);
        let mut faulty = json.clone();
        faulty[name_of] = serde_json::Value::from(1);
        let context = scim_server::schema::OperationContext::Update;
        let is_valid = |json: &serde_json::Value| registry.validate_json_resource_with_context(kind, json, context).is_ok();
        let id = BenchmarkId::new(label("scim-server", is_valid(&json) && !is_valid(&faulty)), name);
        group.bench_function(id, |bencher| bencher.iter(|| is_valid(black_box(&json))));
    }
    group.finish();
}

criterion_group!(benches, round_trips, validation);
criterion_main!(benches);
