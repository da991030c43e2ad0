//! The service provider in process, from the bytes of a request to the bytes of its answer, beside `scim-server` with its store in memory.
//!
//! `SCIMKIT_BENCH_USERS` is a list of sizes, such as `1000,100000`; default: `10000`, and `200` with `--test`.

mod support;

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use scim_server::providers::{ResourceProvider, StandardResourceProvider};
use scim_server::storage::InMemoryStorage;
use scim_server::{ListQuery, RequestContext};
use scimkit::client::http::{Method, StatusCode};
use scimkit::server::Server;
use scimkit::store::MemoryResources;
use support::{corpus, group, served};
use tokio::runtime::Runtime;

const DISABLE: &str =
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}"#;
const ENABLE: &str =
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":true}]}"#;

fn sizes() -> Vec<usize> {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let is_test = has("--test") || !has("--bench");
    match std::env::var("SCIMKIT_BENCH_USERS") {
        Ok(list) => list.split(',').map(|size| size.trim().parse().expect("SCIMKIT_BENCH_USERS: expected numbers")).collect(),
        Err(_) if is_test => vec![200],
        Err(_) => vec![10_000],
    }
}

/// One request, asked again and again.
struct Ask<'a> {
    runtime: &'a Runtime,
    server: &'a Server,
}

impl Ask<'_> {
    fn expect(&self, status: StatusCode, method: Method, path: &str, body: impl Into<String>) -> Vec<u8> {
        let (found, answer) = self.runtime.block_on(served::ask(self.server, method, path, body));
        assert_eq!(found, status, "{path}: {}", String::from_utf8_lossy(&answer));
        answer
    }
}

fn ours(criterion: &mut Criterion, users: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = served::server(Arc::new(MemoryResources::new()));
    runtime.block_on(served::fill(&server, users));
    let ask = Ask { runtime: &runtime, server: &server };
    let id = |name: &str| BenchmarkId::new("scimkit", format!("{name}, {users} users"));
    let members = users.min(20_000);
    ask.expect(StatusCode::CREATED, Method::POST, "/Groups?excludedAttributes=members", served::group("large", members));
    let large = users + 1;
    ask.expect(StatusCode::CREATED, Method::POST, "/Groups?excludedAttributes=members", served::group("small", members.min(20)));
    let small = users + 2;

    let mut group = group(criterion, "server");
    let next = Cell::new(users);
    let turn = Cell::new(0_usize);
    let any = || {
        turn.set(turn.get() + 7919);
        turn.get() % users + 1
    };
    let read = |path: String| ask.expect(StatusCode::OK, Method::GET, &path, "");
    group.bench_function(id("get"), |bencher| bencher.iter(|| read(format!("/Users/{}", any()))));
    group.bench_function(id("userName eq"), |bencher| {
        bencher.iter(|| read(format!("/Users?filter=userName%20eq%20%22user{}@example.com%22", any())));
    });
    group.bench_function(id("emails[type eq \"work\"].value eq"), |bencher| {
        bencher.iter(|| read(format!("/Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22user{}@example.com%22", any())));
    });
    group.bench_function(id("page of 100"), |bencher| bencher.iter(|| read("/Users?count=100".to_owned())));
    group.bench_function(id("deep page by index"), |bencher| {
        bencher.iter(|| read(format!("/Users?count=100&startIndex={}", users * 9 / 10)));
    });
    let cursor = deep_cursor(&ask, users);
    group.bench_function(id("deep page by cursor"), |bencher| bencher.iter(|| read(format!("/Users?count=100&cursor={cursor}"))));
    group.bench_function(id("PATCH active"), |bencher| {
        let is_active = Cell::new(true);
        bencher.iter(|| {
            is_active.set(!is_active.get());
            ask.expect(StatusCode::OK, Method::PATCH, "/Users/1", if is_active.get() { ENABLE } else { DISABLE })
        });
    });
    for (name, group_id, member) in [("large", large, members), ("small", small, members.min(20))] {
        let path = format!("/Groups/{group_id}?excludedAttributes=members");
        let remove = patch(&format!(r#"{{"op":"remove","path":"members[value eq \"{member}\"]"}}"#));
        let add = patch(&format!(r#"{{"op":"add","path":"members","value":[{{"value":"{member}"}}]}}"#));
        group.bench_function(id(&format!("remove and add one member of a {name} group")), |bencher| {
            bencher.iter(|| {
                let (removed, _) = runtime.block_on(served::ask(&server, Method::PATCH, &path, remove.as_str()));
                let (added, _) = runtime.block_on(served::ask(&server, Method::PATCH, &path, add.as_str()));
                assert!(removed.is_success() && added.is_success(), "{removed}, {added}");
            });
        });
    }
    group.bench_function(id("create"), |bencher| {
        bencher.iter(|| {
            next.set(next.get() + 1);
            ask.expect(StatusCode::CREATED, Method::POST, "/Users", served::user(next.get()))
        });
    });
    group.bench_function(id("bulk of 1000 creates"), |bencher| {
        bencher.iter(|| {
            let operations: Vec<String> = (1..=1000)
                .map(|n| format!(r#"{{"method":"POST","path":"/Users","bulkId":"b{n}","data":{}}}"#, served::user(next.get() + n)))
                .collect();
            next.set(next.get() + 1000);
            let body =
                format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{}]}}"#, operations.join(","));
            ask.expect(StatusCode::OK, Method::POST, "/Bulk", body)
        });
    });
    group.finish();
}

fn patch(operation: &str) -> String {
    format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operation}]}}"#)
}

/// The cursor of a page near the end.
fn deep_cursor(ask: &Ask<'_>, users: usize) -> String {
    let mut cursor = String::new();
    for _ in 0..(users * 9 / 1000).max(1) {
        let page = ask.expect(StatusCode::OK, Method::GET, &format!("/Users?count=100&cursor={cursor}"), "");
        let page: serde_json::Value = serde_json::from_slice(&page).expect("JSON");
        page["nextCursor"].as_str().expect("a next page").clone_into(&mut cursor);
    }
    cursor
}

/// The peer's provider with its store in memory, from JSON text to JSON text.
fn theirs(criterion: &mut Criterion, users: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let provider = StandardResourceProvider::new(InMemoryStorage::new());
    let context = RequestContext::new("1".to_owned());
    let create = |text: &str| {
        let created = runtime.block_on(provider.create_resource("User", corpus::json(text), &context)).expect("a user");
        created.resource().to_json().expect("JSON")
    };
    let ids: Vec<String> = (1..=users).map(|n| create(&served::user(n))["id"].as_str().expect("an id").to_owned()).collect();
    let mut group: BenchmarkGroup<'_, WallTime> = group(criterion, "server");
    let id = |name: &str| BenchmarkId::new("scim-server", format!("{name}, {users} users"));
    let turn = Cell::new(0_usize);
    let any = || {
        turn.set(turn.get() + 7919);
        turn.get() % users
    };
    group.bench_function(id("get"), |bencher| {
        bencher.iter(|| {
            let found = runtime.block_on(provider.get_resource("User", &ids[any()], &context)).expect("an answer").expect("a user");
            found.resource().to_json().expect("JSON").to_string()
        });
    });
    group.bench_function(id("userName eq"), |bencher| {
        bencher.iter(|| {
            let name = format!("user{}@example.com", any() + 1);
            let found = runtime.block_on(provider.find_resources_by_attribute("User", "userName", &name, &context)).expect("an answer");
            assert_eq!(found.len(), 1);
            found.iter().map(|user| user.resource().to_json().expect("JSON").to_string()).collect::<Vec<_>>()
        });
    });
    group.bench_function(id("page of 100"), |bencher| {
        bencher.iter(|| {
            let query = ListQuery { count: Some(100), start_index: Some(1), ..ListQuery::default() };
            let found = runtime.block_on(provider.list_resources("User", Some(&query), &context)).expect("an answer");
            assert_eq!(found.len(), 100);
            found.iter().map(|user| user.resource().to_json().expect("JSON").to_string()).collect::<Vec<_>>()
        });
    });
    group.bench_function(id("PATCH active"), |bencher| {
        let is_active = Cell::new(true);
        bencher.iter(|| {
            is_active.set(!is_active.get());
            let request = corpus::json(if is_active.get() { ENABLE } else { DISABLE });
            let patched = runtime.block_on(provider.patch_resource("User", &ids[0], black_box(&request), None, &context)).expect("a user");
            patched.resource().to_json().expect("JSON").to_string()
        });
    });
    let next = Cell::new(users);
    group.bench_function(id("create"), |bencher| {
        bencher.iter(|| {
            next.set(next.get() + 1);
            create(&served::user(next.get())).to_string()
        });
    });
    group.finish();
}

fn server(criterion: &mut Criterion) {
    for users in sizes() {
        ours(criterion, users);
        theirs(criterion, users);
    }
}

criterion_group!(benches, server);
criterion_main!(benches);
