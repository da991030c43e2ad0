//! PATCH: operations applied to a user or a group, members of small and large groups, and the operations found between two resources.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scim_server::RequestContext;
use scim_server::providers::{ResourceProvider, ScimPatchOperations, StandardResourceProvider};
use scim_server::storage::InMemoryStorage;
use scimkit::patch::{Context, DiffOptions, apply, apply_in_place, compile, diff};
use scimkit::types::{Catalog, PatchOp, Resource, Value};
use support::{corpus, group, label, ready};

/// What identity providers send for a user, and a request of five operations.
const REQUESTS: [(&str, &str); 5] = [
    ("disable", r#"[{"op": "replace", "path": "active", "value": false}]"#),
    ("disable without path", r#"[{"op": "replace", "value": {"active": false}}]"#),
    (
        "three names",
        r#"[{"op": "replace", "path": "displayName", "value": "B. Jensen"}, {"op": "replace", "path": "name.familyName", "value": "J."}, {"op": "add", "path": "title", "value": "Guide"}]"#,
    ),
    ("work e-mail", r#"[{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b.jensen@example.com"}]"#),
    (
        "five operations",
        r#"[{"op": "replace", "path": "title", "value": "Guide"},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "barbara@example.com"},
            {"op": "add", "path": "emails", "value": [{"type": "other", "value": "b@example.org"}]},
            {"op": "remove", "path": "displayName"},
            {"op": "replace", "path": "active", "value": false}]"#,
    ),
];

fn request(operations: &str) -> String {
    format!(r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#)
}

fn read(request: &str) -> PatchOp {
    let body: Value = serde_json::from_str(request).expect("JSON");
    PatchOp::from_json(body).expect("a PATCH request")
}

/// Whether the crate left what we did, `meta` aside.
fn is_same(ours: &Resource, theirs: &serde_json::Value) -> bool {
    let without_meta = |mut resource: Resource| {
        resource.remove("meta");
        Value::from(resource.into_complex())
    };
    let theirs: Resource = serde_json::from_value(theirs.clone()).expect("a resource");
    without_meta(ours.clone()).is_equivalent(&without_meta(theirs))
}

fn patch(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").expect("the standard has users");
    let group_type = catalog.resource_type("Group").expect("the standard has groups");
    let mut group = group(criterion, "patch apply");
    let member = r#"{"value": "ffffffff-7f76-453a-919d-413861904646", "type": "User"}"#;
    let add_member = format!(r#"[{{"op": "add", "path": "members", "value": [{member}]}}]"#);
    let cases = REQUESTS.map(|(name, operations)| (name, operations, corpus::TYPICAL_USER.to_owned(), user_type));
    let large = [("one of 1,000 members", add_member.as_str(), corpus::group(1_000), group_type)];
    for (name, operations, document, resource_type) in cases.into_iter().chain(large) {
        let context = Context::new(&catalog, resource_type);
        let resource = corpus::resource(&document);
        let ours = read(&request(operations));
        let applied = apply(&resource, &ours, &context).expect("operations that can be applied").resource;
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| {
            bencher.iter(|| apply(black_box(&resource), black_box(&ours), &context));
        });

        // As near to ours as it gets: each operation on a copy of the document, without the store.
        let provider = StandardResourceProvider::new(InMemoryStorage::new());
        let theirs = corpus::json(&request(operations));
        let json = corpus::json(&document);
        let run = |json: &serde_json::Value| {
            let mut json = json.clone();
            let operations = theirs["Operations"].as_array().expect("a list");
            operations.iter().try_for_each(|operation| provider.apply_patch_operation(&mut json, operation)).map(|()| json)
        };
        let is_right = run(&json).is_ok_and(|theirs| is_same(&applied, &theirs));
        group.bench_function(BenchmarkId::new(label("scim-server operations", is_right), name), |bencher| {
            bencher.iter(|| run(black_box(&json)));
        });

        // As it is used: with its store in memory.
        let request_context = RequestContext::new("1".to_owned());
        let created = ready(provider.create_resource(&resource_type.name, json.clone(), &request_context)).expect("a resource");
        let id = created.resource().to_json().expect("JSON")["id"].as_str().expect("an id").to_owned();
        let patched = ready(provider.patch_resource(&resource_type.name, &id, &theirs, None, &request_context));
        let is_right = patched.is_ok_and(|patched| {
            let mut patched = patched.resource().to_json().expect("JSON");
            patched["id"] = json["id"].clone();
            is_same(&applied, &patched)
        });
        group.bench_function(BenchmarkId::new(label("scim-server in process", is_right), name), |bencher| {
            bencher.iter(|| ready(provider.patch_resource(&resource_type.name, &id, black_box(&theirs), None, &request_context)).is_ok());
        });
    }
    group.finish();
}

/// One member comes and goes: as changes for a store, on the group itself, and on a copy of it.
fn members(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("Group").expect("the standard has groups"));
    let add = read(&request(r#"[{"op": "add", "path": "members", "value": [{"value": "ffffffff-7f76-453a-919d-413861904646"}]}]"#));
    let remove = read(&request(r#"[{"op": "remove", "path": "members[value eq \"ffffffff-7f76-453a-919d-413861904646\"]"}]"#));
    let rename = read(&request(r#"[{"op": "replace", "path": "displayName", "value": "Guides"}]"#));
    let rename_back = read(&request(r#"[{"op": "replace", "path": "displayName", "value": "Tours"}]"#));
    let mut group = group(criterion, "patch members");
    for size in [20, 20_000] {
        let resource = corpus::resource(&corpus::group(size));
        // The changes for a store; the group is not looked at.
        group.bench_function(BenchmarkId::new("compile add and remove", size), |bencher| {
            bencher.iter(|| (compile(black_box(&add), &context), compile(black_box(&remove), &context)));
        });
        for (name, there, back) in [("add and remove", &add, &remove), ("rename twice", &rename, &rename_back)] {
            let mut own = resource.clone();
            group.bench_function(BenchmarkId::new(format!("in place, {name}"), size), |bencher| {
                bencher.iter(|| {
                    let there = apply_in_place(&mut own, black_box(there), &context).expect("operations that can be applied");
                    let back = apply_in_place(&mut own, black_box(back), &context).expect("operations that can be applied");
                    (there, back)
                });
            });
            group.bench_function(BenchmarkId::new(format!("on a copy, {name}"), size), |bencher| {
                bencher.iter(|| {
                    let there = apply(black_box(&resource), there, &context).expect("operations that can be applied");
                    apply(&there.resource, back, &context)
                });
            });
        }
    }
    group.finish();
}

fn read_request(criterion: &mut Criterion) {
    let mut group = group(criterion, "patch read");
    for (name, operations) in REQUESTS {
        let text = request(operations);
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| bencher.iter(|| read(black_box(&text))));
        if serde_json::from_str::<scim_v2::models::others::PatchOp>(&text).is_ok() {
            group.bench_function(BenchmarkId::new("scim_v2", name), |bencher| {
                bencher.iter(|| serde_json::from_str::<scim_v2::models::others::PatchOp>(black_box(&text)));
            });
        }
    }
    group.finish();
}

fn differences(criterion: &mut Criterion) {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("User").expect("the standard has users"));
    let group_context = Context::new(&catalog, catalog.resource_type("Group").expect("the standard has groups"));
    let options = DiffOptions::default();
    let user = corpus::resource(corpus::TYPICAL_USER);
    let mut group = group(criterion, "patch diff");
    for (name, operations) in REQUESTS {
        let changed = apply(&user, &read(&request(operations)), &context).expect("operations that can be applied").resource;
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| {
            bencher.iter(|| diff(black_box(&user), black_box(&changed), &context, &options));
        });
    }
    group.bench_function(BenchmarkId::new("scimkit", "equal users"), |bencher| {
        bencher.iter(|| diff(black_box(&user), black_box(&user), &context, &options));
    });
    let minimal = corpus::resource(corpus::MINIMAL_USER);
    let mut titled = minimal.clone();
    titled.insert("title", "Guide");
    group.bench_function(BenchmarkId::new("scimkit", "minimal user, one attribute"), |bencher| {
        bencher.iter(|| diff(black_box(&minimal), black_box(&titled), &context, &options));
    });
    for (name, size) in [("one of 1,000 members", 1_000), ("one of 20,000 members", 20_000)] {
        let (before, after) = (corpus::resource(&corpus::group(size)), corpus::resource(&corpus::group(size + 1)));
        group.bench_function(BenchmarkId::new("scimkit", name), |bencher| {
            bencher.iter(|| diff(black_box(&before), black_box(&after), &group_context, &options));
        });
    }
    group.finish();
}

criterion_group!(benches, patch, members, read_request, differences);
criterion_main!(benches);
