//! Mappings: one record of a directory becomes the attributes of a user.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scimkit::mapping::{Environment, Expression, MappingSet, Operation, SourceRecord, SynchronizationSchema};
use scimkit::types::Catalog;

const SCHEMA: &str = include_str!("../testdata/mapping/ringcentral.json");

const EXPRESSION: &str = r#"Switch([country], Join(" ", [givenName], [surname]), "US", Append(ToUpper([surname]), ", US"))"#;

fn record() -> SourceRecord {
    let mut record = SourceRecord::new("u1", "User");
    let attributes = [
        ("userPrincipalName", "kari@fjord.example"),
        ("mail", "Kari@fjord.example"),
        ("givenName", "Kari"),
        ("surname", "Berg"),
        ("jobTitle", "Pilot"),
        ("department", "Boats"),
        ("city", "Voss"),
        ("country", "NO"),
        ("streetAddress", "Quay 1"),
        ("mobilePhone", "+47 5"),
    ];
    for (name, value) in attributes {
        record.attributes.insert(name, value);
    }
    record
}

fn mappings(criterion: &mut Criterion) {
    let schema = SynchronizationSchema::from_json(SCHEMA).expect("a synchronization schema");
    let mapping = schema.object_mappings().next().expect("an object mapping");
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").expect("the standard has users");
    let set = MappingSet::compile(mapping, &catalog, user_type).expect("mappings without faults");
    let record = record();
    let environment = Environment::new("2026-03-01T08:00:00Z".parse().expect("an instant"));

    let mut group = criterion.benchmark_group("mapping");
    group.bench_function("parse an expression", |bencher| bencher.iter(|| Expression::parse(black_box(EXPRESSION))));
    group.bench_function("compile a set", |bencher| bencher.iter(|| MappingSet::compile(black_box(mapping), &catalog, user_type)));
    group.bench_function("scope", |bencher| bencher.iter(|| set.scope(black_box(&record))));
    set.evaluate(&record, &environment, Operation::Create).expect("a record that can be mapped");
    group.bench_function("evaluate", |bencher| bencher.iter(|| set.evaluate(black_box(&record), &environment, Operation::Create)));
    group.finish();
}

criterion_group!(benches, mappings);
criterion_main!(benches);
