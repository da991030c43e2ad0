//! Mappings: one record of a directory becomes the attributes of a user, as mappings say and as code written by hand does.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scimkit::mapping::{
    AttributeMapping, Desired, Environment, Expression, MappingFile, MappingSet, ObjectMapping, Operation, SourceRecord,
};
use scimkit::types::{Attribute, AttributeType, Catalog, ComplexValue, Resource, Schema, Value, schema};
use support::group;

/// Fourteen attributes, two of them expressions.
const MAPPINGS: &str = include_str!("../testdata/mapping/short-ringcentral.json");

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
        ("state", "Vestland"),
        ("country", "NO"),
        ("postalCode", "5700"),
        ("streetAddress", "Quay 1"),
        ("mobile", "+47 5"),
    ];
    for (name, value) in attributes {
        record.attributes.insert(name, value);
    }
    record
}

/// The same as the fourteen mappings do.
fn by_hand(record: &SourceRecord, is_soft_deleted: bool) -> Option<Desired> {
    let text = |name: &str| record.attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut desired = Desired::default();
    let mut resource = Resource::new([schema::USER]);
    let user_name = text("mail")?.to_lowercase();
    desired.matching.push((0, user_name.clone()));
    resource.insert("userName", user_name);
    if !record.id.is_empty() {
        resource.insert("externalId", record.id.as_str());
    }
    resource.insert("active", !is_soft_deleted);
    if let Some(title) = text("jobTitle") {
        resource.insert("title", title);
    }
    if let Some(mail) = text("mail") {
        resource.insert("emails", vec![element("work", [("value", Some(mail))])]);
    }
    let parts = [
        ("streetAddress", text("streetAddress")),
        ("postalCode", text("postalCode")),
        ("locality", text("city")),
        ("region", text("state")),
        ("country", Some(text("country").unwrap_or("NO"))),
    ];
    resource.insert("addresses", vec![element("work", parts)]);
    let mut name = ComplexValue::new();
    for (part, attribute) in [("givenName", "givenName"), ("familyName", "surname")] {
        if let Some(text) = text(attribute) {
            name.insert(part, text);
        }
    }
    resource.insert("name", name);
    if let Some(mobile) = text("mobile") {
        resource.insert("phoneNumbers", vec![element("mobile", [("value", Some(mobile))])]);
    }
    if let Some(department) = text("department") {
        let mut enterprise = ComplexValue::new();
        enterprise.insert("department", department);
        resource.insert(schema::ENTERPRISE_USER, enterprise);
        resource.set_schemas([schema::USER, schema::ENTERPRISE_USER]);
    }
    desired.resource = resource;
    Some(desired)
}

fn element<const N: usize>(type_: &str, parts: [(&str, Option<&str>); N]) -> Value {
    let mut element = ComplexValue::new();
    element.insert("type", type_);
    for (name, value) in parts {
        if let Some(value) = value {
            element.insert(name, value);
        }
    }
    Value::Complex(element)
}

fn mappings(criterion: &mut Criterion) {
    let file = MappingFile::from_json(MAPPINGS).expect("mappings in the short form");
    let mapping = &file.objects[0].mapping;
    assert_eq!(mapping.attribute_mappings.len(), 14);
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").expect("the standard has users");
    let set = MappingSet::compile(mapping, &catalog, user_type).expect("mappings without faults");
    let record = record();
    let environment = Environment::new("2026-03-01T08:00:00Z".parse().expect("an instant"));
    let evaluate = || set.evaluate(black_box(&record), &environment, Operation::Update).expect("a record that can be mapped");
    assert_eq!(Some(evaluate()), by_hand(&record, false), "both give the same");

    let mut mapped = group(criterion, "mapping of a user");
    mapped.bench_function(BenchmarkId::new("scimkit", "14 attributes"), |bencher| bencher.iter(evaluate));
    mapped.bench_function(BenchmarkId::new("by hand", "14 attributes"), |bencher| bencher.iter(|| by_hand(black_box(&record), false)));
    mapped.finish();

    let mut other = group(criterion, "mapping");
    other.bench_function("parse an expression", |bencher| bencher.iter(|| Expression::parse(black_box(EXPRESSION))));
    other.bench_function("compile a set", |bencher| bencher.iter(|| MappingSet::compile(black_box(mapping), &catalog, user_type)));
    other.bench_function("scope", |bencher| bencher.iter(|| set.scope(black_box(&record))));
    other.finish();
}

/// Sets of more and more mappings, for cost that grows with their number and no faster.
fn sizes(criterion: &mut Criterion) {
    const URI: &str = "urn:example:wide";
    let mut wide = group(criterion, "mapping by number of mappings");
    let environment = Environment::new("2026-03-01T08:00:00Z".parse().expect("an instant"));
    for count in [16_u64, 64, 256] {
        let names: Vec<String> = (0..count).map(|number| format!("attribute{number}")).collect();
        let attributes = names.iter().map(|name| Attribute::new(name.parse().expect("a name"), AttributeType::String));
        let schema = Schema::new(URI.parse().expect("a URI"), attributes.collect());
        let mut resource_type = Catalog::standard().resource_type("User").expect("the standard has users").clone();
        (resource_type.schema, resource_type.schema_extensions) = (schema.id.clone(), Vec::new());
        let catalog = Catalog::new(vec![schema], vec![resource_type]).expect("a catalog");
        let mut mapping = ObjectMapping::new("User", URI);
        mapping.attribute_mappings = names.iter().map(|name| AttributeMapping::new(name, format!("[{name}]"))).collect();
        let set = MappingSet::compile(&mapping, &catalog, &catalog.resource_types()[0]).expect("mappings without faults");
        let mut record = SourceRecord::new("u1", "User");
        record.attributes = names.iter().map(|name| (name.as_str(), "value")).collect();
        wide.throughput(criterion::Throughput::Elements(count));
        wide.bench_function(BenchmarkId::new("scimkit", count), |bencher| {
            bencher.iter(|| set.evaluate(black_box(&record), &environment, Operation::Update));
        });
    }
    wide.finish();
}

criterion_group!(benches, mappings, sizes);
criterion_main!(benches);
