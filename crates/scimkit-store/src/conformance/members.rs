//! Large multi-valued references.

use std::sync::Arc;

use scimkit_types::{Change, Value};

use super::{at, at_once, group, group_key, json, member, read, user, user_key};
use crate::resource::{ResourceStore, Revision, Selection, StoredResource, Update};

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
    let filter = super::resolve(r#"members[display eq "A"]"#, "Group");
    super::check_filter(&*store, &super::tenant(), "Group", &filter).await;
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

/// A deleted resource is nobody's member; the revisions of those that had it grow, by one each.
pub async fn memberships_end_with_the_member(store: Arc<impl ResourceStore + 'static>) {
    store.create(user("u1", "{}")).await.unwrap();
    for (id, name) in [
        ("g2", r#"{"displayName": "two", "members": [{"value": "u1"}, {"value": "u2"}]}"#),
        ("g1", r#"{"members": [{"value": "u1"}]}"#),
        ("g3", r#"{"members": [{"value": "U1"}]}"#),
    ] {
        store.create(group(id, name)).await.unwrap();
    }
    let group = |id: &str, name: Option<&str>| ("Group".to_owned(), id.to_owned(), name.map(str::to_owned));
    assert_eq!(store.memberships(&user_key("u1")).await.unwrap(), [group("g1", None), group("g2", Some("two"))]);
    change(&*store, "g1", vec![remove("u1")]).await;
    assert_eq!(store.memberships(&user_key("u1")).await.unwrap(), [group("g2", Some("two"))]);
    assert!(store.delete(&user_key("u1"), None).await.unwrap());
    assert_eq!(store.memberships(&user_key("u1")).await.unwrap(), []);
    assert_eq!(members(&*store, "g2").await, ["u2"]);
    assert_eq!(members(&*store, "g3").await, ["U1"]);
    let revisions = [read(&store, &group_key("g1")).await.revision, read(&store, &group_key("g2")).await.revision];
    assert_eq!(revisions, [Revision(2), Revision(2)]);
    assert!(store.delete(&group_key("g2"), None).await.unwrap());
    assert_eq!(store.memberships(&user_key("u2")).await.unwrap(), []);
}

/// Members that were created as part of a document are members once somebody treats the attribute so.
pub async fn members_that_were_part_of_documents_are_found(store: Arc<impl ResourceStore + 'static>) {
    let mut inline = group("1", r#"{"members": [{"value": "u1"}]}"#);
    inline.member_attributes.clear();
    store.create(inline).await.unwrap();
    change(&*store, "1", vec![add_element(r#"{"value": "u2"}"#)]).await;
    assert_eq!(members(&*store, "1").await, ["u1", "u2"]);
    assert_eq!(store.memberships(&user_key("u1")).await.unwrap().len(), 1);
    for filter in [r#"members eq "u1""#, r#"members eq "u2""#, r#"members eq "u3""#] {
        super::check_filter(&*store, &super::tenant(), "Group", &super::resolve(filter, "Group")).await;
    }
}
