//! Filters: text to tree, tree to its meaning, and the question whether a resource meets it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scimkit::filter::Filter;
use scimkit::types::{Catalog, Dialect, Resource};

const USER: &str = include_str!("../testdata/rfc7643/8.3-enterprise-user.json");

/// Filters as identity providers send them, and one that is long.
const FILTERS: [(&str, &str); 4] = [
    ("short", r#"userName eq "bjensen@example.com""#),
    ("value path", r#"emails[type eq "work" and value ew "@example.com"]"#),
    ("extension", r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984""#),
    (
        "ten clauses",
        r#"userName sw "b" and (active eq true or title pr) and not (nickName co "x") and name.familyName eq "Jensen" and locale pr and emails.value ew "org" and emails.type eq "home" and displayName ne "Ann" and meta.created gt "2009-01-01T00:00:00Z""#,
    ),
];

fn filters(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").expect("the standard has users");
    let user: Resource = serde_json::from_str(USER).expect("a resource");

    let mut group = criterion.benchmark_group("filter/parse");
    for (name, text) in FILTERS {
        group.bench_function(name, |bencher| bencher.iter(|| Filter::parse(black_box(text))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("filter/evaluate");
    for (name, text) in FILTERS {
        let resolved = Filter::parse(text).expect("a filter").resolve(&catalog, user_type, Dialect::STRICT).expect("known attributes");
        group.bench_function(name, |bencher| bencher.iter(|| resolved.matches(black_box(&user))));
    }
    group.finish();
}

criterion_group!(benches, filters);
criterion_main!(benches);
