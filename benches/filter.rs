//! Filters: text to tree and back, tree to its meaning, and the question whether a resource meets it; beside the crates that do the same.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use entropy_auth::json::JsonValue;
use entropy_auth::scim::parse_filter;
use peer_scim_filter::parser::filter as scim_filter;
use scimkit::filter::Filter;
use scimkit::types::{Catalog, Dialect};
use support::{corpus, group, label, trees};

fn parse(criterion: &mut Criterion) {
    let mut group = group(criterion, "filter parse");
    for (name, text) in corpus::filters() {
        let text = text.as_str();
        let id = |crate_name: &str, is_right: bool| BenchmarkId::new(label(crate_name, is_right), &name);

        group.bench_function(id("scimkit", true), |bencher| bencher.iter(|| Filter::parse(black_box(text))));
        // A crate that refuses a filter of the standard cannot be measured on it.
        if let Ok(filter) = text.parse::<scim_v2::filter::Filter>() {
            let is_right = trees::is_same(text, &filter.to_string(), false);
            group.bench_function(id("scim_v2", is_right), |bencher| {
                bencher.iter(|| black_box(text).parse::<scim_v2::filter::Filter>());
            });
        }
        if let Ok(filter) = text.parse::<scim_proto::filter::ScimFilter>() {
            let is_right = trees::is_same(text, &filter.to_string(), false);
            group.bench_function(id("scim_proto", is_right), |bencher| {
                bencher.iter(|| black_box(text).parse::<scim_proto::filter::ScimFilter>());
            });
        }
        if let Ok(filter) = parse_filter(text) {
            let is_right = trees::is_same(text, &trees::of_entropy(&filter), false);
            group.bench_function(id("entropy-auth", is_right), |bencher| bencher.iter(|| parse_filter(black_box(text))));
        }
        if let Ok(("", filter)) = scim_filter(text) {
            let is_right = trees::is_same(text, &trees::of_scim_filter(&filter), true);
            group.bench_function(id("scim-filter", is_right), |bencher| bencher.iter(|| scim_filter(black_box(text)).is_ok()));
        }
    }
    group.finish();
}

fn print(criterion: &mut Criterion) {
    let mut group = group(criterion, "filter print");
    for (name, text) in corpus::sizes() {
        let text = text.as_str();
        let id = |crate_name: &str, is_right: bool| BenchmarkId::new(label(crate_name, is_right), &name);
        let ours = Filter::parse(text).expect("a filter");
        group.bench_function(id("scimkit", true), |bencher| bencher.iter(|| black_box(&ours).to_string()));
        if let Ok(filter) = text.parse::<scim_v2::filter::Filter>() {
            let is_right = trees::is_same(text, &filter.to_string(), false);
            group.bench_function(id("scim_v2", is_right), |bencher| bencher.iter(|| black_box(&filter).to_string()));
        }
        if let Ok(filter) = text.parse::<scim_proto::filter::ScimFilter>() {
            let is_right = trees::is_same(text, &filter.to_string(), false);
            group.bench_function(id("scim_proto", is_right), |bencher| bencher.iter(|| black_box(&filter).to_string()));
        }
    }
    group.finish();
}

/// No other crate looks the attributes of a filter up in schemas, so that this stands beside the versions before only.
fn resolve(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").expect("the standard has users");
    let mut group = group(criterion, "filter resolve");
    for (name, text) in corpus::sizes() {
        let filter = Filter::parse(&text).expect("a filter");
        // Some of them are about groups.
        if filter.resolve(&catalog, user_type, Dialect::STRICT).is_ok() {
            group.bench_function(BenchmarkId::new("scimkit", &name), |bencher| {
                bencher.iter(|| black_box(&filter).resolve(&catalog, user_type, Dialect::STRICT));
            });
        }
    }
    group.finish();
}

/// Each filter is evaluated on the user it is written for; a crate is right if it says so there and what follows on the user of the
/// standard.
fn evaluate(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").expect("the standard has users");
    let (user, other) = (corpus::resource(corpus::TYPICAL_USER), corpus::resource(corpus::ENTERPRISE_USER));
    let [json, other_json] = [corpus::TYPICAL_USER, corpus::ENTERPRISE_USER].map(corpus::json);
    let [entropy, other_entropy] = [corpus::TYPICAL_USER, corpus::ENTERPRISE_USER].map(|text| JsonValue::parse(text).expect("JSON"));

    let mut group = group(criterion, "filter evaluate");
    for (name, text, expected) in corpus::QUESTIONS {
        let resolved = Filter::parse(text).expect("a filter").resolve(&catalog, user_type, Dialect::STRICT).expect("known attributes");
        assert_eq!(resolved.matches(&user), expected, "{text}");
        let on_other = resolved.matches(&other);
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| bencher.iter(|| resolved.matches(black_box(&user))));
        if let Ok(filter) = parse_filter(text) {
            let is_right = filter.matches(&entropy) == expected && filter.matches(&other_entropy) == on_other;
            let id = BenchmarkId::new(label("entropy-auth", is_right), name);
            group.bench_function(id, |bencher| bencher.iter(|| filter.matches(black_box(&entropy))));
        }
        if let Ok(("", filter)) = scim_filter(text) {
            let is_right = filter.r#match(&json).ok() == Some(expected) && filter.r#match(&other_json).ok() == Some(on_other);
            let id = BenchmarkId::new(label("scim-filter", is_right), name);
            group.bench_function(id, |bencher| bencher.iter(|| filter.r#match(black_box(&json))));
        }
    }
    group.finish();
}

criterion_group!(benches, parse, print, resolve, evaluate);
criterion_main!(benches);
