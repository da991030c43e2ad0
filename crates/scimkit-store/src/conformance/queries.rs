//! Queries: filters, sorting, paging.

use std::sync::Arc;

use scimkit_types::SortOrder;

use super::{at, check_filter, group, ids, json, resolve, resolve_path, tenant, user, user_key};
use crate::resource::{Query, ResourceStore, Selection, Sort, Update};

/// Users that differ in what comparisons stumble over.
const USERS: [&str; 12] = [
    r#"{"userName": "ola", "title": "Ms", "active": true, "emails": [{"value": "ola@work.test", "type": "work", "primary": true}, {"value": "ola@home.test", "type": "home"}]}"#,
    r#"{"userName": "OLA2", "title": "", "active": false, "emails": []}"#,
    r#"{"userName": "Straße", "title": null, "name": {"familyName": "Åse", "givenName": "A%b_c\\d"}}"#,
    r#"{"userName": "strasse-2", "displayName": "İstanbul", "emails": [{"type": "work"}, {"value": "x@home.test", "type": "WORK"}]}"#,
    r#"{"userName": "ΣΊΣΥΦΟΣ", "nickName": "ıi", "emails": ["plain@home.test", null, {}]}"#,
    r#"{"userName": "σίσυφος-2", "name": {"familyName": "A\u030ase"}, "externalId": "Ext-1"}"#,
    r#"{"userName": "e\u0301", "externalId": "ext-1", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "26118915", "displayName": "Kim"}}}"#,
    r#"{"userName": "é-2", "schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "URN:ietf:params:scim:schemas:EXTENSION:enterprise:2.0:User": {"Department": "r&d"}}"#,
    r#"{"USERNAME": "case", "Title": "ms", "roles": [{"value": "admin", "primary": true}, {"value": "Admin"}]}"#,
    r#"{"title": 5, "active": "true", "emails": {"value": "single@home.test", "type": "home"}}"#,
    r#"{"userName": "x'; DROP TABLE resource; --", "displayName": "100% _sure_", "name": {}}"#,
    r#"{"userName": "\ud83d\ude00 \uffff", "title": "Z", "name": {"familyName": null, "givenName": ["a", "b"]}}"#,
];

const FILTERS: [&str; 71] = [
    r#"userName eq "OLA""#,
    r#"userName ne "ola""#,
    r#"userName sw "o""#,
    r#"userName sw """#,
    r#"userName ew "-2""#,
    r#"userName co "TRASS""#,
    r#"userName eq "STRASSE""#,
    r#"userName sw "straß""#,
    r#"userName eq "σίσυφοσ""#,
    r#"userName co "Σ""#,
    r#"userName eq "É""#,
    r#"userName sw "e""#,
    r#"userName gt "ola""#,
    r#"userName ge "ola""#,
    r#"userName lt "ola""#,
    r#"userName le "OLA""#,
    r#"userName gt "zzz""#,
    r#"userName co "'; DROP TABLE""#,
    r#"userName pr"#,
    r#"not (userName pr)"#,
    r#"displayName co "%""#,
    r#"displayName co "_sure_""#,
    r#"displayName sw "i""#,
    r#"displayName eq "i̇stanbul""#,
    r#"nickName eq "II""#,
    r#"nickName ne "ıi""#,
    r#"title eq "ms""#,
    r#"title eq """#,
    r#"title ne "ms""#,
    r#"title pr"#,
    r#"title eq null"#,
    r#"title ne null"#,
    r#"not (title eq null)"#,
    r#"not (not (not (title sw "m")))"#,
    r#"active eq true"#,
    r#"active ne true"#,
    r#"active eq false or title gt "n""#,
    r#"not (active eq true)"#,
    r#"name pr"#,
    r#"name.familyName eq "åse""#,
    r#"name.familyName ew "se""#,
    r#"name.givenName co "\\""#,
    r#"name.givenName eq "b""#,
    r#"name.givenName ne "b""#,
    r#"emails pr"#,
    r#"not (emails pr)"#,
    r#"emails eq "ola@home.test""#,
    r#"emails ew "@home.test""#,
    r#"emails ne "ola@home.test""#,
    r#"emails.type eq "work" and emails.value ew "@home.test""#,
    r#"emails[type eq "work" and value ew "@home.test"]"#,
    r#"emails[not (type eq "work")]"#,
    r#"emails[not (value pr)]"#,
    r#"emails[value eq "plain@home.test"]"#,
    r#"emails[type ne "work" and not (primary eq true)]"#,
    r#"not (emails[type eq "home"])"#,
    r#"emails[primary eq true or value co "x"] and userName pr"#,
    r#"externalId eq "ext-1""#,
    r#"externalId ne "ext-1""#,
    r#"externalId gt "F""#,
    r#"roles.value eq "ADMIN""#,
    r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "R&D""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName sw "k""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr"#,
    r#"id eq "u3""#,
    r#"id eq "U3""#,
    r#"id gt "u2" and id ne "u5""#,
    r#"meta.created ge "2023-11-14T23:13:25+01:00""#,
    r#"meta.created eq "2023-11-14T22:13:22Z""#,
    r#"meta.lastModified lt "2023-11-14T22:13:22.5Z" and meta.resourceType eq "User""#,
];

async fn fill(store: &impl ResourceStore) {
    for (n, document) in (0i64..).zip(USERS) {
        let mut user = user(&format!("u{n}"), document);
        user.created_at = at(n);
        store.create(user).await.unwrap();
    }
}

/// R7644-3.4.2-03: pages without sort are stable, complete and know the number of all.
pub async fn pages_follow_the_order_of_creation(store: Arc<impl ResourceStore + 'static>) {
    for (id, seconds) in [("b", 2), ("d", 1), ("a", 2), ("c", 3)] {
        let mut user = user(id, "{}");
        user.created_at = at(seconds);
        store.create(user).await.unwrap();
    }
    let mut query = Query::new(tenant(), "User".to_owned(), 10);
    assert_eq!(ids(&store.query(&query).await.unwrap().resources), ["d", "a", "b", "c"]);
    for filter in [None, Some(resolve("not (title pr)", "User"))] {
        query.filter = filter;
        let expected: [(u64, u64, &[&str]); 6] =
            [(0, 2, &["d", "a"]), (1, 2, &["a", "b"]), (3, 5, &["c"]), (4, 1, &[]), (9, 1, &[]), (1, 0, &[])];
        for (offset, count, page) in expected {
            (query.offset, query.count) = (offset, count);
            let found = store.query(&query).await.unwrap();
            assert_eq!((found.total, ids(&found.resources)), (4, page.to_vec()), "{query:?}");
        }
        (query.offset, query.count) = (u64::MAX, u64::MAX);
        assert_eq!(store.query(&query).await.unwrap().resources, []);
    }
    // Wherever a page begins and ends, by offset from the first or counted from the last, the next one goes on after it.
    let all = ["d", "a", "b", "c"];
    query.filter = None;
    for (offset, count) in (0..6).flat_map(|offset| (1..6).map(move |count| (offset, count))) {
        (query.offset, query.count, query.after) = (offset as u64, count as u64, None);
        let found = store.query(&query).await.unwrap();
        let expected: Vec<&str> = all.into_iter().skip(offset).take(count).collect();
        assert_eq!((found.total, ids(&found.resources)), (4, expected), "{query:?}");
        assert_eq!(found.next.is_some(), offset + count < 4, "{query:?}");
        if let Some(next) = found.next {
            (query.offset, query.after) = (0, Some(next));
            let rest: Vec<&str> = all.into_iter().skip(offset + count).take(count).collect();
            assert_eq!(ids(&store.query(&query).await.unwrap().resources), rest, "{query:?}");
        }
    }
}

/// A filter means the same in the store and in the evaluator.
pub async fn filters_mean_what_the_evaluator_says(store: Arc<impl ResourceStore + 'static>) {
    fill(&*store).await;
    for filter in FILTERS {
        check_filter(&*store, &tenant(), "User", &resolve(filter, "User")).await;
    }
    for (left, right) in FILTERS.iter().zip(FILTERS.iter().skip(7)) {
        check_filter(&*store, &tenant(), "User", &resolve(&format!("({left}) and ({right})"), "User")).await;
        check_filter(&*store, &tenant(), "User", &resolve(&format!("not ({left}) or ({right})"), "User")).await;
    }
}

/// Filters reach members, whether they are loaded or not.
pub async fn filters_reach_members(store: Arc<impl ResourceStore + 'static>) {
    store
        .create(group("1", r#"{"displayName": "a", "members": [{"value": "u1", "type": "User"}, {"value": "u2", "type": "Group"}]}"#))
        .await
        .unwrap();
    store.create(group("2", r#"{"displayName": "b", "members": [{"value": "U1", "display": "One"}]}"#)).await.unwrap();
    store.create(group("3", r#"{"displayName": "c", "members": []}"#)).await.unwrap();
    for filter in [
        r#"members eq "u1""#,
        r#"members.value eq "u2" and displayName eq "A""#,
        r#"members ne "u1""#,
        r#"members pr"#,
        r#"not (members pr)"#,
        r#"members[value eq "u1" and type eq "Group"]"#,
        r#"members[value eq "u1" and type eq "User"]"#,
        r#"members[not (type pr)]"#,
        r#"members.display co "ne""#,
    ] {
        check_filter(&*store, &tenant(), "Group", &resolve(filter, "Group")).await;
    }
    let mut query = Query::new(tenant(), "Group".to_owned(), 10);
    query.filter = Some(resolve(r#"members[value eq "u2"]"#, "Group"));
    query.selection = Selection::WithoutMembers;
    let found = store.query(&query).await.unwrap().resources;
    assert_eq!(found.iter().map(|group| group.document.clone()).collect::<Vec<_>>(), [json(r#"{"displayName": "a"}"#)]);
    query.selection = Selection::Whole;
    let found = store.query(&query).await.unwrap().resources;
    assert!(found.iter().all(|group| group.document.get("members").is_some_and(|members| members.elements().len() == 2)));
}

/// R7644-3.4.2.3-02: sorted by the primary or first value under the attribute's case rule; without a value last when ascending.
pub async fn results_are_sorted(store: Arc<impl ResourceStore + 'static>) {
    for (id, document) in [
        ("1", r#"{"userName": "b", "externalId": "b", "emails": [{"value": "z"}, {"value": "a", "primary": true}], "active": true}"#),
        ("2", r#"{"userName": "A", "externalId": "a", "emails": [{"value": "C"}, {"value": "a"}]}"#),
        ("3", r#"{"userName": "é", "externalId": "B", "emails": ["b"], "active": false}"#),
        ("5", r#"{"userName": "a"}"#),
        ("4", r#"{"userName": "z", "externalId": null, "emails": [], "active": "x"}"#),
    ] {
        let mut user = user(id, document);
        user.created_at = at(10 - id.parse::<i64>().unwrap());
        store.create(user).await.unwrap();
    }
    let expected: [(&str, [&str; 5], [&str; 5]); 6] = [
        ("userName", ["2", "5", "1", "3", "4"], ["4", "3", "1", "2", "5"]),
        ("externalId", ["3", "2", "1", "4", "5"], ["4", "5", "1", "2", "3"]),
        ("emails.value", ["1", "3", "2", "4", "5"], ["4", "5", "2", "3", "1"]),
        ("active", ["3", "1", "2", "4", "5"], ["2", "4", "5", "1", "3"]),
        ("meta.created", ["5", "4", "3", "2", "1"], ["1", "2", "3", "4", "5"]),
        ("id", ["1", "2", "3", "4", "5"], ["5", "4", "3", "2", "1"]),
    ];
    for (path, ascending, descending) in expected {
        for (order, expected) in [(SortOrder::Ascending, ascending), (SortOrder::Descending, descending)] {
            let mut query = Query::new(tenant(), "User".to_owned(), 10);
            query.sort = Some(Sort::new(resolve_path(path, "User"), order));
            assert_eq!(ids(&store.query(&query).await.unwrap().resources), expected, "{path} {order:?}");
            query.filter = Some(resolve(r#"userName pr and id ne "9""#, "User"));
            (query.offset, query.count) = (1, 3);
            let found = store.query(&query).await.unwrap();
            assert_eq!((found.total, ids(&found.resources)), (5, expected.iter().copied().skip(1).take(3).collect()), "{path} {order:?}");
        }
    }
}

/// R9865-2-03, R9865-2.2-01, invariant 13: pages by position are those by index, whatever they are sorted by, and the last one is known.
pub async fn a_walk_by_positions_sees_each_result_once(store: Arc<impl ResourceStore + 'static>) {
    fill(&*store).await;
    for (id, document) in [("x1", r#"{"userName": "ola", "title": "b"}"#), ("x2", r#"{"userName": "OLA", "title": "B"}"#), ("x0", "{}")] {
        let mut user = user(id, document);
        user.created_at = at(3);
        store.create(user).await.unwrap();
    }
    let paths =
        [None, Some("userName"), Some("title"), Some("externalId"), Some("active"), Some("emails.value"), Some("meta.created"), Some("id")];
    for (path, order) in paths.into_iter().flat_map(|path| [(path, SortOrder::Ascending), (path, SortOrder::Descending)]) {
        for filter in [None, Some(resolve(r#"userName pr and not (id eq "u2")"#, "User"))] {
            let mut query = Query::new(tenant(), "User".to_owned(), 100);
            query.sort = path.map(|path| Sort::new(resolve_path(path, "User"), order));
            query.filter = filter;
            let all = store.query(&query).await.unwrap();
            assert_eq!(all.next, None);
            for count in [1, 2, 5, all.total - 1, all.total] {
                (query.count, query.after) = (count, None);
                let mut walked = Vec::new();
                loop {
                    let page = store.query(&query).await.unwrap();
                    assert_eq!(page.total, all.total, "{query:?}");
                    assert!(page.next.is_none() || page.resources.len() as u64 == count, "{query:?}");
                    walked.extend(page.resources);
                    let Some(next) = page.next else { break };
                    query.after = Some(next);
                }
                assert_eq!(ids(&walked), ids(&all.resources), "{path:?} {order:?} {count}");
            }
        }
    }
}

/// Invariant 13: what is created and deleted during a walk shifts nothing.
pub async fn a_walk_goes_on_where_it_was(store: Arc<impl ResourceStore + 'static>) {
    for path in [None, Some("userName")] {
        for id in ["b", "d", "f", "h"] {
            store.create(user(id, &format!(r#"{{"userName": "{id}"}}"#))).await.unwrap();
        }
        let mut query = Query::new(tenant(), "User".to_owned(), 2);
        query.sort = path.map(|path| Sort::new(resolve_path(path, "User"), SortOrder::Ascending));
        let first = store.query(&query).await.unwrap();
        assert_eq!(ids(&first.resources), ["b", "d"]);
        for id in ["b", "d"] {
            assert!(store.delete(&user_key(id), None, at(9)).await.unwrap());
        }
        for id in ["a", "e", "i"] {
            store.create(user(id, &format!(r#"{{"userName": "{id}"}}"#))).await.unwrap();
        }
        query.after = first.next;
        let second = store.query(&query).await.unwrap();
        assert_eq!((second.total, ids(&second.resources)), (5, vec!["e", "f"]));
        (query.after, query.offset) = (second.next, 1);
        let third = store.query(&query).await.unwrap();
        assert_eq!((ids(&third.resources), third.next), (vec!["i"], None));
        for id in ["a", "e", "f", "h", "i"] {
            assert!(store.delete(&user_key(id), None, at(9)).await.unwrap());
        }
    }
}

/// After an update or delete, filters and sorts see what is, not what was.
pub async fn a_changed_resource_is_found_by_what_it_is_now(store: Arc<impl ResourceStore + 'static>) {
    fill(&*store).await;
    for (n, document) in USERS.iter().enumerate() {
        let mut update = Update::new(user_key(&format!("u{}", (n * 5 + 1) % USERS.len())), at(50));
        update.document = Some(json(document));
        store.update(update).await.unwrap().unwrap();
    }
    assert!(store.delete(&user_key("u4"), None, at(9)).await.unwrap());
    for filter in FILTERS {
        check_filter(&*store, &tenant(), "User", &resolve(filter, "User")).await;
    }
}

/// A filter at the limits of the parser is answered.
pub async fn deep_and_wide_filters_are_answered(store: Arc<impl ResourceStore + 'static>) {
    fill(&*store).await;
    let wide: Vec<String> = (0..500).map(|n| format!(r#"id eq "{n}""#)).chain([r#"id eq "u3""#.to_owned()]).collect();
    let deep = format!(r#"{}title pr{}"#, "not (".repeat(63), ")".repeat(63));
    let wall: Vec<String> = (0..120).map(|n| format!(r#"emails[type ne "{n}" and not (value eq "x{n}")]"#)).collect();
    let instants: Vec<String> = (0..140).map(|n| format!(r#"meta.created eq "2011-05-13T04:42:34.{n:03}Z""#)).collect();
    let instants = format!(r#"{} or id eq "u3""#, instants.join(" or "));
    for filter in [wide.join(" or "), wide.join(" and "), deep, wall.join(" and "), instants] {
        check_filter(&*store, &tenant(), "User", &resolve(&filter, "User")).await;
    }
}
