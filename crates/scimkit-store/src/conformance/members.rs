//! Large multi-valued references.

use std::sync::Arc;

use scimkit_types::{Change, Value};

use super::{at, at_once, group, group_key, groups_of, json, member, read, resolve, tenant, user, user_key};
use crate::error::StoreErrorKind;
use crate::resource::{Membership, ResourceStore, Revision, Selection, StoredResource, UniqueKey, Update};

pub(super) fn add(value: &str) -> Change {
    add_element(&member(value))
}

fn add_element(element: &str) -> Change {
    Change::AddMember { attribute: "members".to_owned(), member: json(element).into_complex().into() }
}

fn remove(value: &str) -> Change {
    Change::RemoveMember { attribute: "members".to_owned(), value: value.to_owned() }
}

pub(super) fn clear() -> Change {
    Change::ClearMembers { attribute: "members".to_owned() }
}

async fn change(store: &impl ResourceStore, id: &str, members: Vec<Change>) -> StoredResource {
    let mut update = Update::new(group_key(id), at(7));
    update.members = members;
    store.update(update).await.unwrap().unwrap()
}

async fn members(store: &impl ResourceStore, id: &str) -> Vec<String> {
    let found = read(store, &group_key(id)).await;
    let elements = found.document.get("members").map(Value::elements).unwrap_or_default();
    let value = |element: &Value| element.as_complex().and_then(|element| element.get("value")).and_then(Value::as_str).map(str::to_owned);
    elements.iter().map(|element| value(element).unwrap()).collect()
}

/// Members come in the order in which they were added, as part of the document or by changes; they are left out when asked for so.
pub async fn members_are_kept_in_order(store: Arc<impl ResourceStore + 'static>) {
    let document = format!(r#"{{"displayName": "all", "members": [{}, {}]}}"#, member("z"), member("a"));
    let created = store.create(group("1", &document)).await.unwrap();
    assert_eq!(created.document, json(&document));
    let updated = change(&*store, "1", vec![add("m"), remove("z"), add("b"), add("z")]).await;
    assert_eq!((updated.revision, updated.modified_at), (Revision(2), at(7)));
    assert_eq!(updated.document, json(r#"{"displayName": "all"}"#), "an update returns no members");
    assert_eq!(members(&*store, "1").await, ["a", "m", "b", "z"]);
    assert_eq!(store.get(&group_key("1"), Selection::WithoutMembers).await.unwrap(), Some(updated));
    change(&*store, "1", vec![clear()]).await;
    assert_eq!(read(&store, &group_key("1")).await.document, json(r#"{"displayName": "all"}"#));
    change(&*store, "1", vec![clear(), add("y"), clear(), add("x")]).await;
    assert_eq!(members(&*store, "1").await, ["x"]);
}

/// A member that is added again takes the place of the one with the same value.
pub async fn a_member_is_there_once(store: Arc<impl ResourceStore + 'static>) {
    store.create(group("1", r#"{"members": [{"value": "a"}, {"value": "b"}, {"value": "a", "display": "A"}]}"#)).await.unwrap();
    assert_eq!(members(&*store, "1").await, ["a", "b"]);
    assert_eq!(read(&store, &group_key("1")).await.document, json(r#"{"members": [{"value": "a", "display": "A"}, {"value": "b"}]}"#));
    let updated = change(&*store, "1", vec![add_element(r#"{"value": "a", "display": "B"}"#), add("A")]).await;
    assert_eq!(updated.revision, Revision(2));
    assert_eq!(members(&*store, "1").await, ["a", "b", "A"], "ids compare with case");
    let filter = resolve(r#"members[display eq "A"]"#, "Group");
    super::check_filter(&*store, &tenant(), "Group", &filter).await;
}

/// R7644-3.5.2.1-03: a change that leaves members as they are keeps revision and modification time.
pub async fn member_changes_without_effect_keep_the_revision(store: Arc<impl ResourceStore + 'static>) {
    let created = store.create(group("1", &format!(r#"{{"members": [{}]}}"#, member("a")))).await.unwrap();
    for changes in [vec![add("a")], vec![remove("b")], vec![remove("A"), add("a")], vec![]] {
        let same = change(&*store, "1", changes).await;
        assert_eq!((same.revision, same.modified_at), (created.revision, created.modified_at));
    }
    assert_eq!(read(&store, &group_key("1")).await, created);
    change(&*store, "1", vec![clear()]).await;
    assert_eq!(change(&*store, "1", vec![clear()]).await.revision, Revision(2));
}

/// 64 changes at the same time that add one member each lose none.
pub async fn concurrent_adds_lose_no_member(store: Arc<impl ResourceStore + 'static>) {
    store.create(group("1", "{}")).await.unwrap();
    let add = |n: usize| {
        let store = Arc::clone(&store);
        async move { change(&*store, "1", vec![add(&n.to_string())]).await }
    };
    at_once((0..64).map(add)).await;
    let mut found = members(&*store, "1").await;
    found.sort_by_key(|value| value.parse::<usize>().unwrap());
    assert_eq!(found, (0..64).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(read(&store, &group_key("1")).await.revision, Revision(65));
}

/// A new document changes no member, even if it holds some: members are changed by changes.
pub async fn a_new_document_leaves_members_alone(store: Arc<impl ResourceStore + 'static>) {
    store.create(group("1", r#"{"displayName": "a", "members": [{"value": "u1"}]}"#)).await.unwrap();
    let mut update = Update::new(group_key("1"), at(1));
    update.document = Some(json(r#"{"displayName": "b", "MEMBERS": [{"value": "u2"}]}"#));
    update.members = vec![add_element(r#"{"value": "u3"}"#)];
    assert_eq!(store.update(update).await.unwrap().unwrap().revision, Revision(2));
    let expected = json(r#"{"displayName": "b", "members": [{"value": "u1"}, {"value": "u3"}]}"#);
    assert_eq!(read(&store, &group_key("1")).await.document, expected);
}

/// A deleted resource is nobody's member; those that had it were modified then, and their revisions grow by one each.
pub async fn memberships_end_with_the_member(store: Arc<impl ResourceStore + 'static>) {
    store.create(user("u1", "{}")).await.unwrap();
    for (id, name) in [
        ("g2", r#"{"displayName": "two", "members": [{"value": "u1"}, {"value": "u2"}]}"#),
        ("g1", r#"{"members": [{"value": "u1"}]}"#),
        ("g3", r#"{"members": [{"value": "U1"}]}"#),
    ] {
        store.create(group(id, name)).await.unwrap();
    }
    let group = |id: &str, name: Option<&str>| Membership::new("Group".to_owned(), id.to_owned(), name.map(str::to_owned), true);
    assert_eq!(groups_of(&*store, "u1").await, [group("g1", None), group("g2", Some("two"))]);
    change(&*store, "g1", vec![remove("u1")]).await;
    assert_eq!(groups_of(&*store, "u1").await, [group("g2", Some("two"))]);
    assert!(store.delete(&user_key("u1"), None, at(9)).await.unwrap());
    assert_eq!(groups_of(&*store, "u1").await, []);
    assert_eq!(members(&*store, "g2").await, ["u2"]);
    assert_eq!(members(&*store, "g3").await, ["U1"]);
    let revisions = [read(&store, &group_key("g1")).await.revision, read(&store, &group_key("g2")).await.revision];
    assert_eq!(revisions, [Revision(2), Revision(2)]);
    let modified = [read(&store, &group_key("g2")).await.modified_at, read(&store, &group_key("g3")).await.modified_at];
    assert_eq!(modified, [at(9), at(0)]);
    super::check_filter(&*store, &tenant(), "Group", &resolve(r#"meta.lastModified gt "2023-11-14T22:13:28Z""#, "Group")).await;
    assert!(store.delete(&group_key("g2"), None, at(9)).await.unwrap());
    assert_eq!(groups_of(&*store, "u2").await, []);
}

/// R7643-4.1.2-08: memberships through other groups are found and told apart from direct ones; circles end; one call answers for many.
pub async fn nested_memberships_are_found(store: Arc<impl ResourceStore + 'static>) {
    for (id, members) in [
        ("a", "[{\"value\": \"u1\"}, {\"value\": \"c\"}]"),
        ("b", "[{\"value\": \"a\"}, {\"value\": \"u2\"}]"),
        ("c", "[{\"value\": \"b\"}]"),
        ("d", "[{\"value\": \"u1\"}, {\"value\": \"b\"}]"),
        ("e", "[{\"value\": \"e\"}]"),
    ] {
        store.create(group(id, &format!(r#"{{"displayName": "group {id}", "members": {members}}}"#))).await.unwrap();
    }
    let ids = ["u1", "u2", "u3", "a", "u1", "e"].map(str::to_owned);
    let found = store.memberships(&tenant(), &ids).await.unwrap();
    let shown: Vec<Vec<String>> = found
        .iter()
        .map(|groups| groups.iter().map(|group| format!("{}{}", group.id, if group.is_direct { "" } else { "*" })).collect())
        .collect();
    let expected: [&[&str]; 6] =
        [&["a", "b*", "c*", "d"], &["a*", "b", "c*", "d*"], &[], &["b", "c*", "d*"], &["a", "b*", "c*", "d"], &["e"]];
    assert_eq!(shown, expected);
    assert!(found.iter().flatten().all(|group| group.resource_type == "Group" && group.display == Some(format!("group {}", group.id))));
    assert_eq!(store.memberships(&tenant(), &[]).await.unwrap(), Vec::<Vec<Membership>>::new());
}

/// Text that is longer than what an index of a database takes is kept, found, compared and kept unique all the same.
pub async fn long_text_is_kept_and_found(store: Arc<impl ResourceStore + 'static>) {
    // No two parts are alike, so that no database can make it small.
    let long = |seed: u64| {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
        };
        (0..3_500).map(|_| next()).collect::<String>()
    };
    let (name, other) = (long(1), long(2));
    let similar = format!("{name}x");
    for (id, name) in [("1", &name), ("2", &other), ("3", &similar)] {
        let mut user = user(id, &format!(r#"{{"userName": "{name}", "title": "{name}"}}"#));
        user.unique = vec![UniqueKey::new("userName", name.as_str())];
        store.create(user).await.unwrap();
    }
    let mut twin = user("4", "{}");
    twin.unique = vec![UniqueKey::new("userName", name.as_str())];
    assert!(matches!(store.create(twin).await.unwrap_err().kind(), StoreErrorKind::NotUnique { .. }));
    for filter in [format!(r#"userName eq "{name}""#), format!(r#"title sw "{name}""#), format!(r#"title gt "{name}""#)] {
        super::check_filter(&*store, &tenant(), "User", &resolve(&filter, "User")).await;
    }
    store.create(group("1", "{}")).await.unwrap();
    change(&*store, "1", vec![add(&name), add(&other)]).await;
    change(&*store, "1", vec![remove(&other)]).await;
    assert_eq!(members(&*store, "1").await, std::slice::from_ref(&name));
    assert_eq!(groups_of(&*store, &name).await.len(), 1);
}

/// A change of members alone, and a delete, never take the time of the last change back.
pub async fn the_time_of_a_change_never_goes_back(store: Arc<impl ResourceStore + 'static>) {
    store.create(user("u1", "{}")).await.unwrap();
    store.create(group("1", "{}")).await.unwrap();
    assert_eq!(change(&*store, "1", vec![add("u1")]).await.modified_at, at(7));
    let mut update = Update::new(group_key("1"), at(3));
    update.members = vec![add("u2")];
    assert_eq!(store.update(update).await.unwrap().unwrap().modified_at, at(7));
    assert!(store.delete(&user_key("u1"), None, at(2)).await.unwrap());
    let found = read(&store, &group_key("1")).await;
    assert_eq!((found.modified_at, found.revision), (at(7), Revision(4)));
}

/// Members that were created as part of a document are members once somebody treats the attribute so.
pub async fn members_that_were_part_of_documents_are_found(store: Arc<impl ResourceStore + 'static>) {
    let mut inline = group("1", r#"{"members": [{"value": "u1"}]}"#);
    inline.member_attributes.clear();
    store.create(inline).await.unwrap();
    change(&*store, "1", vec![add_element(r#"{"value": "u2"}"#)]).await;
    assert_eq!(members(&*store, "1").await, ["u1", "u2"]);
    assert_eq!(groups_of(&*store, "u1").await.len(), 1);
    for filter in [r#"members eq "u1""#, r#"members eq "u2""#, r#"members eq "u3""#] {
        super::check_filter(&*store, &tenant(), "Group", &resolve(filter, "Group")).await;
    }
}
