//! Paging by cursor.

use std::sync::Arc;
use std::time::Duration;

use scimkit_server::{CursorKeys, DirectoryProviderSwitch};
use secrecy::SecretBox;
use serde_json::json;

use super::support::{Reply, Service, USER, encode};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

fn server(key: u8) -> Service {
    let profile = r#"{"name": "x", "paging": {"defaultCount": 4, "maxCount": 10}}"#;
    let key = SecretBox::new(Box::new([key; 32]));
    Service::with(|builder| builder.profile(serde_json::from_str(profile).unwrap()).cursors(&key, Duration::from_secs(600)))
}

/// A service with 25 users, every second of them with a title.
async fn service() -> Service {
    let service = server(7);
    for index in 0..25 {
        let mut body = json!({"schemas": [USER], "userName": format!("user{index:02}")});
        if index % 2 == 0 {
            body["title"] = json!(format!("title{}", index % 6));
        }
        assert_eq!(service.post("/Users", body).await.status, 201);
    }
    service
}

fn cursor(reply: &Reply) -> Option<&str> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["nextCursor"].as_str()
}

/// The names on all pages, and how many pages there were.
async fn walk(service: &Service, parameters: &str) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut next) = (Vec::new(), 0, String::new());
    loop {
        let page = service.get(&format!("/Users?{parameters}&cursor={next}")).await;
        assert!(page.body.get("previousCursor").is_none() && page.body.get("startIndex").is_none());
        names.extend(page.names().into_iter().map(str::to_owned));
        pages += 1;
        let Some(cursor) = cursor(&page) else { return (names, pages) };
        assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{cursor}");
        next = cursor.to_owned();
    }
}

/// R9865-2-01, R9865-2-03, R9865-2-04, R9865-2.2-01: pages in order, the last one without a cursor, nothing left out or twice; there is no way
/// back, which the standard leaves to the service.
#[tokio::test]
async fn a_walk_sees_everything_once() {
    let service = service().await;
    let all = |parameters: String| {
        let service = &service;
        async move {
            let (first, second, third) = ("&startIndex=1", "&startIndex=11", "&startIndex=21");
            let mut names = Vec::new();
            for start in [first, second, third] {
                let page = service.get(&format!("/Users?count=10{start}{parameters}")).await;
                names.extend(page.names().into_iter().map(str::to_owned));
            }
            names
        }
    };
    for parameters in
        ["", "&sortBy=title", "&sortBy=title&sortOrder=descending", "&sortBy=userName&sortOrder=descending", "&filter=title+pr"]
    {
        let expected = all(parameters.to_owned()).await;
        for (count, size) in [("count=10", 10), ("count=3", 3), ("count=999", 10), ("", 4)] {
            let (names, pages) = walk(&service, &format!("{count}{parameters}")).await;
            assert_eq!(names, expected, "{parameters} {count}");
            assert_eq!(pages, expected.len().div_ceil(size), "{parameters} {count}");
        }
    }
}

/// R9865-2-02, R9865-2.4-01, R9865-2.4-02: a count of 0 tells the total only; pages are by index unless a cursor is asked for.
#[tokio::test]
async fn the_method_is_that_of_the_request() {
    let service = service().await;
    for parameters in ["count=0&cursor", "count=-5&cursor="] {
        let page = service.get(&format!("/Users?{parameters}")).await;
        assert_eq!((&page.body["totalResults"], &page.body["Resources"], cursor(&page)), (&json!(25), &json!([]), None));
    }
    let page = service.get("/Users?count=2").await;
    assert_eq!((&page.body["startIndex"], cursor(&page)), (&json!(1), None));
    service.get("/Users?startIndex=1&cursor").await.check_error(400, Some("invalidValue"));
    service.get("?cursor").await.check_error(400, Some("invalidCursor"));
    let without = Service::new();
    without.user("ola").await;
    without.user("kari").await;
    assert_eq!(cursor(&without.get("/Users?count=1&cursor").await), None);
}

/// R9865-3-01: by POST too.
#[tokio::test]
async fn a_search_takes_cursors() {
    let service = service().await;
    let page =
        async |cursor: &str| service.post("/Users/.search", json!({"schemas": [SEARCH], "sortBy": "userName", "cursor": cursor})).await;
    let first = page("").await;
    let second = page(cursor(&first).unwrap()).await;
    assert_eq!((first.names()[3], second.names()[0], second.names().len()), ("user03", "user04", 4));
}

/// R9865-2.1-01, R9865-2.1-02, R9865-2-05, R9865-5.2-01, R9865-5.2-03, R9865-5.2-04, AMB-19, invariant 9: a cursor is good for its own
/// walk, and what else it is tells nothing.
#[tokio::test]
async fn a_cursor_is_good_for_its_own_walk() {
    let service = service().await;
    let filter = encode("title pr");
    let first = service.get(&format!("/Users?count=3&filter={filter}&cursor")).await;
    let cursor = cursor(&first).unwrap();
    let same = format!("/Users?count=3&filter={filter}&cursor={cursor}");
    assert_eq!(service.get(&same).await.names().len(), 3);
    assert_eq!(service.get(&format!("{same}&attributes=userName")).await.names().len(), 3);
    service.get(&same.replace("count=3", "count=4")).await.check_error(400, Some("invalidCount"));
    service.get(&same.replace("count=3&", "")).await.check_error(400, Some("invalidCount"));

    let (shortened, rest) = cursor.split_at(40);
    let (swapped, rest) = rest.split_at(1);
    let tampered = format!("{shortened}{}{rest}", if swapped == "A" { "B" } else { "A" });
    let reference = service.get("/Users?count=3&cursor=garbage").await;
    reference.check_error(400, Some("invalidCursor"));
    for path in [
        format!("/Users?count=3&filter={filter}&cursor={tampered}"),
        format!("/Users?count=3&filter={filter}&cursor={shortened}"),
        format!("/Users?count=3&cursor={cursor}"),
        format!("/Users?count=3&filter={filter}&sortBy=userName&cursor={cursor}"),
        format!("/Users?count=3&filter={filter}&sortOrder=descending&cursor={cursor}"),
        format!("/Groups?count=3&cursor={cursor}"),
    ] {
        assert_eq!(service.get(&path).await.check_error(400, Some("invalidCursor")).body, reference.body, "{path}");
    }
    for actor in ["other", "reader"] {
        let reply = service.send("GET", &same, &[&format!("authorization: Bearer {actor}")], "").await;
        assert_eq!(reply.check_error(400, Some("invalidCursor")).body, reference.body);
    }
    // Another server knows the cursor only if it has the key.
    assert_eq!(server(7).get(&same).await.status, 200);
    server(8).get(&same).await.check_error(400, Some("invalidCursor"));
}

/// R9865-2.1-01, R9865-4-01: a cursor lasts as long as is published.
#[tokio::test]
async fn a_cursor_expires() {
    let service = service().await;
    let body = service.get("/ServiceProviderConfig").await.body;
    let expected = json!({"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 4, "maxPageSize": 10, "cursorTimeout": 600});
    assert_eq!(body["pagination"], expected);
    let first = service.get("/Users?cursor").await;
    let next = format!("/Users?cursor={}", cursor(&first).unwrap());
    service.clock.advance(Duration::from_secs(599));
    assert_eq!(service.get(&next).await.status, 200);
    service.clock.advance(Duration::from_secs(1));
    service.get(&next).await.check_error(400, Some("expiredCursor"));
}

/// R9865-5.2-02: a cursor grants nothing; what an actor may do is asked for each page.
#[tokio::test]
async fn a_cursor_grants_nothing() {
    let switch = Arc::new(DirectoryProviderSwitch::new(true));
    let key = SecretBox::new(Box::new([7; 32]));
    let policy = Arc::<DirectoryProviderSwitch>::clone(&switch);
    let service = Service::with(|builder| builder.policy(policy).cursors(&key, Duration::from_secs(600)));
    service.user("ola").await;
    service.user("kari").await;
    let first = service.get("/Users?count=1&cursor").await;
    let next = format!("/Users?count=1&cursor={}", cursor(&first).unwrap());
    switch.set(false);
    service.get(&next).await.check_error(403, None);
    switch.set(true);
    assert_eq!(service.get(&next).await.names(), ["kari"]);
}

/// R9865-5.2-03: a cursor does not show what it is made of.
#[tokio::test]
async fn a_cursor_shows_nothing() {
    use base64::Engine;
    let service = service().await;
    let first = service.get("/Users?sortBy=userName&cursor").await;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(cursor(&first).unwrap()).unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"user"));
}

/// R9865-5.2-03: a key takes over from another without ending the walks under way: known first, then used, then the only one.
#[tokio::test]
async fn a_key_takes_over_from_another() {
    let key = |byte: u8| SecretBox::new(Box::new([byte; 32]));
    let with = |keys: CursorKeys| {
        let profile = r#"{"name": "x", "paging": {"defaultCount": 1}}"#;
        Service::with(|builder| builder.profile(serde_json::from_str(profile).unwrap()).cursors(keys, Duration::from_secs(600)))
    };
    let walk = async |service: &Service| {
        service.user("a").await;
        service.user("b").await;
        format!("/Users?cursor={}", cursor(&service.get("/Users?cursor").await).unwrap())
    };
    let (old, prepared) = (with(CursorKeys::new(key(1))), with(CursorKeys::new(key(1)).with(key(2))));
    let (changed, new) = (with(CursorKeys::new(key(2)).with(key(1))), with(CursorKeys::new(key(2))));
    let (before, after) = (walk(&old).await, walk(&changed).await);
    for service in [&old, &prepared, &changed] {
        assert_eq!(service.get(&before).await.status, 200);
    }
    new.get(&before).await.check_error(400, Some("invalidCursor"));
    for service in [&prepared, &changed, &new] {
        assert_eq!(service.get(&after).await.status, 200);
    }
    old.get(&after).await.check_error(400, Some("invalidCursor"));
}

/// R9865-5.3-01: nothing is kept for a cursor, so that nobody can fill the service with them; each page is bounded in size, each takes its
/// share of the quota, and a result that is too large is refused before the first.
#[tokio::test]
async fn walks_are_bounded_in_size_and_rate() {
    let profile = r#"{"name": "x", "paging": {"defaultCount": 4, "maxCount": 5},
        "limits": {"read": {"requests": 3, "seconds": 60}, "maxResults": 11}}"#;
    let key = SecretBox::new(Box::new([7; 32]));
    let service = Service::with(|builder| builder.profile(serde_json::from_str(profile).unwrap()).cursors(&key, Duration::from_secs(600)));
    for index in 0..11 {
        service.user(&format!("user{index:02}")).await;
    }
    let (mut next, mut sizes) = (String::new(), Vec::new());
    for _ in 0..3 {
        let page = service.get(&format!("/Users?count=1000&cursor={next}")).await;
        sizes.push(page.names().len());
        next = cursor(&page).unwrap_or_default().to_owned();
    }
    assert_eq!((sizes, next.as_str()), (vec![5, 5, 1], ""));
    let refused = service.get("/Users?cursor").await;
    assert_eq!(refused.check_error(429, None).header("retry-after"), "60");
    service.clock.advance(Duration::from_secs(60));
    service.user("user11").await;
    service.get("/Users?cursor").await.check_error(400, Some("tooMany"));
}
