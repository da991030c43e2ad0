//! Resources one by one.

use std::sync::Arc;

use super::{at, at_once, group, groups_of, json, kind, read, tenant, user, user_key};
use crate::error::StoreErrorKind;
use crate::resource::{Membership, NewResource, Query, ResourceKey, ResourceStore, Revision, Selection, Tenant, UniqueKey, Update};

fn named(id: &str, name: &str) -> NewResource {
    let mut user = user(id, &format!(r#"{{"userName": "{name}"}}"#));
    user.unique = vec![UniqueKey::new("userName", name)];
    user
}

fn not_unique(attribute: &str) -> StoreErrorKind {
    StoreErrorKind::NotUnique { attribute: attribute.to_owned() }
}

/// What was created is read back as it was returned.
pub async fn a_created_resource_is_read_back(store: Arc<impl ResourceStore + 'static>) {
    let created = store.create(user("1", r#"{"userName": "ola", "active": true}"#)).await.unwrap();
    assert_eq!((created.id.as_str(), created.revision, created.created_at, created.modified_at), ("1", Revision(1), at(0), at(0)));
    assert_eq!(created.document, json(r#"{"userName": "ola", "active": true}"#));
    assert_eq!(read(&store, &user_key("1")).await, created);
}

/// Unknown extensions, numbers beyond doubles, nulls and every plane of Unicode survive; `id` and `meta` are not part of a document.
pub async fn everything_of_a_document_survives(store: Arc<impl ResourceStore + 'static>) {
    let text = r#"{"schemas": ["urn:x"], "a": 9007199254740993, "b": 18446744073709551615, "c": -9223372036854775808, "d": 1.5e300,
        "e": null, "f": [], "g": [null, 1, "x", {"h": [true]}], "urn:example:unknown:1.0:Thing": {"İ ß ς": "e\u0301 \ud83d\ude00 \\ % _ '"}}"#;
    store.create(user("1", text)).await.unwrap();
    assert_eq!(read(&store, &user_key("1")).await.document, json(text));
    store.create(user("2", r#"{"id": "x", "meta": {"version": "y"}, "userName": "ola"}"#)).await.unwrap();
    assert_eq!(read(&store, &user_key("2")).await.document, json(r#"{"userName": "ola"}"#));
}

/// A second resource under an id is refused; another type may use it.
pub async fn an_id_is_given_once(store: Arc<impl ResourceStore + 'static>) {
    store.create(user("1", r#"{"userName": "ola"}"#)).await.unwrap();
    assert_eq!(kind(store.create(user("1", "{}")).await), not_unique("id"));
    store.create(group("1", "{}")).await.unwrap();
    assert_eq!(read(&store, &user_key("1")).await.document, json(r#"{"userName": "ola"}"#));
}

/// R7644-3.5.1-01: a new document takes the place of the old one; each change counts.
pub async fn an_update_replaces_the_document_and_counts(store: Arc<impl ResourceStore + 'static>) {
    store.create(user("1", r#"{"userName": "ola", "title": "Ms"}"#)).await.unwrap();
    let mut update = Update::new(user_key("1"), at(5));
    update.document = Some(json(r#"{"userName": "ola", "nickName": "o"}"#));
    update.expected = Some(Revision(1));
    let updated = store.update(update.clone()).await.unwrap().unwrap();
    assert_eq!((updated.revision, updated.created_at, updated.modified_at), (Revision(2), at(0), at(5)));
    assert_eq!(updated.document, json(r#"{"userName": "ola", "nickName": "o"}"#));
    assert_eq!(read(&store, &user_key("1")).await, updated);
    update.expected = None;
    assert_eq!(store.update(update).await.unwrap().unwrap().revision, Revision(3));
}

/// An update that holds neither document nor members leaves the resource as it is.
pub async fn an_update_of_nothing_changes_nothing(store: Arc<impl ResourceStore + 'static>) {
    let created = store.create(user("1", r#"{"userName": "ola"}"#)).await.unwrap();
    assert_eq!(store.update(Update::new(user_key("1"), at(5))).await.unwrap(), Some(created));
}

/// R7644-3.14-03: a change or delete that expects another revision is refused and does nothing.
pub async fn a_stale_revision_is_refused(store: Arc<impl ResourceStore + 'static>) {
    let created = store.create(user("1", r#"{"userName": "ola"}"#)).await.unwrap();
    let mut update = Update::new(user_key("1"), at(5));
    update.document = Some(json("{}"));
    update.expected = Some(Revision(2));
    assert_eq!(kind(store.update(update).await), StoreErrorKind::RevisionMismatch);
    assert_eq!(kind(store.delete(&user_key("1"), Some(Revision(7)), at(9)).await), StoreErrorKind::RevisionMismatch);
    assert_eq!(read(&store, &user_key("1")).await, created);
    assert!(store.delete(&user_key("1"), Some(Revision(1)), at(9)).await.unwrap());
}

/// A resource that is not there is a value, whatever is expected of it.
pub async fn what_is_not_there_is_no_error(store: Arc<impl ResourceStore + 'static>) {
    for _ in 0..2 {
        let mut update = Update::new(user_key("1"), at(5));
        update.expected = Some(Revision(1));
        assert_eq!(store.get(&user_key("1"), Selection::Whole).await.unwrap(), None);
        assert_eq!(store.update(update).await.unwrap(), None);
        assert!(!store.delete(&user_key("1"), Some(Revision(1)), at(9)).await.unwrap());
        assert_eq!(groups_of(&*store, "1").await, []);
        assert_eq!(store.query(&Query::new(tenant(), "Device".to_owned(), 10)).await.unwrap().total, 0);
        store.create(user("2", "{}")).await.unwrap_or_else(|_| panic!("the second resource is the only one"));
        assert!(store.delete(&user_key("2"), None, at(9)).await.unwrap());
    }
}

/// R7644-3.6-01, R7644-3.6-02: nothing is left of a deleted resource, and its id may be used again.
pub async fn a_deleted_resource_is_gone(store: Arc<impl ResourceStore + 'static>) {
    store.create(named("1", "ola")).await.unwrap();
    assert!(store.delete(&user_key("1"), None, at(9)).await.unwrap());
    assert!(!store.delete(&user_key("1"), None, at(9)).await.unwrap());
    assert_eq!(store.get(&user_key("1"), Selection::Whole).await.unwrap(), None);
    assert_eq!(store.query(&Query::new(tenant(), "User".to_owned(), 10)).await.unwrap().total, 0);
    assert_eq!(store.create(named("1", "ola")).await.unwrap().revision, Revision(1));
}

/// A unique value is refused while another resource of the type has it, and free once none has.
pub async fn a_unique_value_occurs_once(store: Arc<impl ResourceStore + 'static>) {
    store.create(named("1", "ola")).await.unwrap();
    assert_eq!(kind(store.create(named("2", "ola")).await), not_unique("userName"));
    assert_eq!(store.get(&user_key("2"), Selection::Whole).await.unwrap(), None);
    store.create(named("2", "kim")).await.unwrap();
    let mut update = Update::new(user_key("2"), at(1));
    update.document = Some(json(r#"{"userName": "ola"}"#));
    update.unique = vec![UniqueKey::new("userName", "ola")];
    assert_eq!(kind(store.update(update.clone()).await), not_unique("userName"));
    update.key = user_key("1");
    assert_eq!(store.update(update).await.unwrap().unwrap().revision, Revision(2), "a resource may keep its own value");
    let mut rename = Update::new(user_key("1"), at(2));
    rename.document = Some(json(r#"{"userName": "lee"}"#));
    rename.unique = vec![UniqueKey::new("userName", "lee"), UniqueKey::new("userName", "lee")];
    store.update(rename).await.unwrap();
    store.create(named("3", "ola")).await.unwrap();
    let mut other = group("1", "{}");
    other.unique = vec![UniqueKey::new("userName", "ola")];
    store.create(other).await.unwrap();
}

/// Of 32 creates with one value at the same time, one is done.
pub async fn concurrent_creates_keep_a_value_unique(store: Arc<impl ResourceStore + 'static>) {
    let create = |n: usize| {
        let store = Arc::clone(&store);
        async move { store.create(named(&n.to_string(), "ola")).await.map_err(|error| error.kind().clone()) }
    };
    let answers = at_once((0..32).map(create)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.into_iter().filter_map(Result::err).all(|error| error == not_unique("userName")));
    assert_eq!(store.query(&Query::new(tenant(), "User".to_owned(), 0)).await.unwrap().total, 1);
}

/// Of 32 creates at the same time, as many are done as there may be.
pub async fn concurrent_creates_keep_the_limit(store: Arc<impl ResourceStore + 'static>) {
    let create = |n: usize| {
        let store = Arc::clone(&store);
        let mut user = user(&n.to_string(), "{}");
        user.limit = Some(5);
        async move { store.create(user).await.map_err(|error| error.kind().clone()) }
    };
    let answers = at_once((0..32).map(create)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    assert!(answers.into_iter().filter_map(Result::err).all(|error| error == StoreErrorKind::Full { limit: 5 }));
    let page = store.query(&Query::new(tenant(), "User".to_owned(), 10)).await.unwrap();
    assert_eq!(page.total, 5);
    assert!(store.delete(&user_key(&page.resources.first().unwrap().id), None, at(9)).await.unwrap());
    assert!(create(40).await.is_ok(), "a deleted resource makes room");
}

/// Of 16 updates that expect the same revision, one is done.
pub async fn concurrent_updates_of_one_revision_let_one_through(store: Arc<impl ResourceStore + 'static>) {
    store.create(user("1", "{}")).await.unwrap();
    let update = |n: usize| {
        let store = Arc::clone(&store);
        let mut update = Update::new(user_key("1"), at(1));
        update.document = Some(json(&format!(r#"{{"title": "{n}"}}"#)));
        update.expected = Some(Revision(1));
        async move { store.update(update).await.map_err(|error| error.kind().clone()) }
    };
    let answers = at_once((0..16).map(update)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.into_iter().filter_map(Result::err).all(|error| error == StoreErrorKind::RevisionMismatch));
    assert_eq!(read(&store, &user_key("1")).await.revision, Revision(2));
}

/// An update whose document is refused changes no member either.
pub async fn a_failed_update_changes_nothing(store: Arc<impl ResourceStore + 'static>) {
    let unique = |name: &str| vec![UniqueKey::new("displayName", name)];
    let mut first = group("1", r#"{"displayName": "a", "members": [{"value": "u1"}]}"#);
    first.unique = unique("a");
    let mut second = group("2", r#"{"displayName": "b"}"#);
    second.unique = unique("b");
    let before = store.create(first).await.unwrap();
    store.create(second).await.unwrap();
    let mut update = Update::new(before_key(), at(5));
    update.document = Some(json(r#"{"displayName": "b"}"#));
    update.unique = unique("b");
    update.members = vec![super::members::clear(), super::members::add("u2")];
    assert_eq!(kind(store.update(update).await), not_unique("displayName"));
    assert_eq!(read(&store, &before_key()).await, before);
    assert_eq!(groups_of(&*store, "u2").await, []);
    assert_eq!(groups_of(&*store, "u1").await.len(), 1);
}

fn before_key() -> ResourceKey {
    super::group_key("1")
}

/// R7644-6-01: no call of one tenant sees or changes what belongs to another, though all ids, types and values are the same.
pub async fn tenants_are_apart(store: Arc<impl ResourceStore + 'static>) {
    let (acme, globex) = (Tenant::new("acme"), Tenant::new("globex"));
    let key = |tenant: &Tenant, resource_type: &str| ResourceKey::new(tenant.clone(), resource_type, "1");
    for (tenant, title) in [(&acme, "Ms"), (&globex, "Mr")] {
        let mut user = named("1", "ola");
        user.key = key(tenant, "User");
        user.document.insert("title", title);
        user.limit = Some(1);
        store.create(user).await.unwrap();
        let mut group = group("1", r#"{"displayName": "all", "members": [{"value": "1"}]}"#);
        group.key = key(tenant, "Group");
        store.create(group).await.unwrap();
    }
    let mut query = Query::new(acme.clone(), "User".to_owned(), 10);
    for filter in [None, Some(super::resolve(r#"userName eq "ola" or not (title pr)"#, "User")), Some(super::resolve("title pr", "User"))] {
        query.filter = filter;
        let page = store.query(&query).await.unwrap();
        assert_eq!((page.total, page.resources.len()), (1, 1));
        assert_eq!(page.resources.first().unwrap().document.get("title").and_then(|title| title.as_str()), Some("Ms"));
    }
    let memberships = async |tenant: &Tenant| store.memberships(tenant, &["1".to_owned()]).await.unwrap().concat();
    assert_eq!(memberships(&acme).await.len(), 1);
    let mut update = Update::new(key(&acme, "User"), at(9));
    update.document = Some(json(r#"{"title": "Dr"}"#));
    store.update(update).await.unwrap().unwrap();
    assert!(store.delete(&key(&acme, "User"), None, at(9)).await.unwrap());
    let other = read(&store, &key(&globex, "User")).await;
    assert_eq!((other.revision, other.document.get("title").and_then(|title| title.as_str())), (Revision(1), Some("Mr")));
    assert_eq!(memberships(&acme).await, []);
    assert_eq!(memberships(&globex).await, [Membership::new("Group".to_owned(), "1".to_owned(), Some("all".to_owned()), true)]);
    assert_eq!(read(&store, &key(&globex, "Group")).await.revision, Revision(1));
    assert_eq!(read(&store, &key(&acme, "Group")).await.document.get("members"), None);
}

/// Text with U+0000 is refused wherever it stands, with the path of the attribute.
pub async fn the_null_character_is_refused(store: Arc<impl ResourceStore + 'static>) {
    let nul = |attribute: &str| StoreErrorKind::NulCharacter { attribute: attribute.to_owned() };
    let refused = store.create(user("1", r#"{"name": {"familyName": "a\u0000b"}}"#)).await;
    assert_eq!(kind(refused), nul("name.familyName"));
    assert_eq!(kind(store.create(user("1", r#"{"emails": [{"value": "\u0000"}]}"#)).await), nul("emails.value"));
    assert_eq!(kind(store.create(user("a\0", "{}")).await), nul("id"));
    assert!(matches!(kind(store.create(user("1", r#"{"a\u0000": 1}"#)).await), StoreErrorKind::NulCharacter { .. }));
    let mut unique = user("1", "{}");
    unique.unique = vec![UniqueKey::new("userName", "\0")];
    assert_eq!(kind(store.create(unique).await), nul("userName"));
    store.create(group("1", "{}")).await.unwrap();
    let mut update = Update::new(super::group_key("1"), at(1));
    update.members = vec![super::members::add("ok"), super::members::add("\\u0000")];
    assert_eq!(kind(store.update(update).await), nul("members.value"));
    assert_eq!(read(&store, &super::group_key("1")).await.document.get("members"), None);
    let mut query = Query::new(tenant(), "User".to_owned(), 10);
    query.filter = Some(super::resolve(r#"title pr or not (userName eq "a\u0000b")"#, "User"));
    assert_eq!(kind(store.query(&query).await), nul("userName"));
    assert_eq!(store.get(&user_key("a\0"), Selection::Whole).await.unwrap(), None);
    assert!(!store.delete(&user_key("a\0"), None, at(9)).await.unwrap());
    assert_eq!(groups_of(&*store, "a\0").await, []);
}
