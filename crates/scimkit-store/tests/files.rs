use std::path::Path;
use std::time::Duration;

use scimkit_store::sqlite::{SqliteResources, SqliteState};
use scimkit_store::{
    Batch, JobId, NewResource, Query, ResourceKey, ResourceStore, Selection, StateStore, StoreErrorKind, Table, Tenant, UniqueKey,
};
use scimkit_types::{Resource, Timestamp};

fn key(id: &str) -> ResourceKey {
    ResourceKey::new(Tenant::default(), "Group", id)
}

fn group(id: &str) -> NewResource {
    let document: Resource = serde_json::from_str(r#"{"displayName": "all", "members": [{"value": "u1"}]}"#).unwrap();
    let mut group = NewResource::new(key(id), document, Timestamp::new(1, 999_999_999).unwrap());
    group.member_attributes = vec!["members".to_owned()];
    group.unique = vec![UniqueKey::new("displayName", id)];
    group
}

fn job() -> JobId {
    JobId::new("users")
}

#[tokio::test]
async fn everything_is_there_after_opening_a_file_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.db");
    let created = {
        // Both stores share the file.
        let (resources, state) = (SqliteResources::open(&path).unwrap(), SqliteState::open(&path).unwrap());
        let lease = state.lease(&job(), "one", None, Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap();
        let mut batch = Batch::new();
        batch.put(Table::Link, "a", "1");
        let created = resources.create(group("1")).await.unwrap();
        state.commit(&job(), lease.fence, batch).await.unwrap();
        created
    };
    let (resources, state) = (SqliteResources::open(&path).unwrap(), SqliteState::open(&path).unwrap());
    assert_eq!(resources.get(&key("1"), Selection::Whole).await.unwrap(), Some(created));
    assert_eq!(resources.memberships(&Tenant::default(), &["u1".to_owned()]).await.unwrap()[0].len(), 1);
    let mut twin = group("2");
    twin.unique = vec![UniqueKey::new("displayName", "1")];
    assert!(matches!(resources.create(twin).await.unwrap_err().kind(), StoreErrorKind::NotUnique { .. }));
    assert_eq!(state.get(&job(), Table::Link, "a").await.unwrap().as_deref(), Some("1"));
    let held = state.lease(&job(), "two", None, Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(held.kind(), &StoreErrorKind::Held);
}

#[test]
fn a_new_file_is_set_up_once_however_many_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    std::thread::scope(|scope| {
        let open = || scope.spawn(|| SqliteResources::open(&path).map(drop));
        let threads: Vec<_> = (0..16).map(|_| open()).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_share_a_file_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let stores = [SqliteResources::open(&path).unwrap(), SqliteResources::open(&path).unwrap()];
    let mut tasks = tokio::task::JoinSet::new();
    for (n, store) in stores.into_iter().enumerate() {
        tasks.spawn(async move {
            for m in 0..50 {
                store.create(group(&format!("{n}-{m}"))).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let store = SqliteResources::open(&path).unwrap();
    assert_eq!(store.query(&Query::new(Tenant::default(), "Group".to_owned(), 0)).await.unwrap().total, 100);
}

fn check_refused(path: &Path, expected: &str) {
    let error = SqliteResources::open(path).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(format!("{error}: {source}").contains(expected), "{error}: {source}");
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "no database, and long enough that nobody takes it for an empty one".repeat(20)).unwrap();
    check_refused(&text, "is not an SQLite database");
    check_refused(&folder.path().join("missing").join("file"), "unable to open database file");
    let other = folder.path().join("other");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    check_refused(&other, "belongs to another application");
    let newer = folder.path().join("newer");
    drop(SqliteResources::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    check_refused(&newer, "version 99");
}

#[tokio::test]
async fn a_file_that_was_moved_or_deleted_is_an_error_and_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("here.db");
    let store = SqliteResources::open(&path).unwrap();
    store.create(group("1")).await.unwrap();
    std::fs::rename(&path, folder.path().join("there.db")).unwrap();
    let error = store.create(group("2")).await.unwrap_err();
    assert_eq!(error.kind(), &StoreErrorKind::Backend);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("was moved"));
    assert!(store.get(&key("1"), Selection::Whole).await.is_err());
    std::fs::rename(folder.path().join("there.db"), &path).unwrap();
    assert!(store.get(&key("1"), Selection::Whole).await.unwrap().is_some());
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.db");
    let store = SqliteResources::open(&path).unwrap();
    store.create(group("1")).await.unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("UPDATE resource SET document = '{'").unwrap();
    let error = store.get(&key("1"), Selection::Whole).await.unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Corrupt { .. }));
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_call_outside_of_a_runtime_is_an_error() {
    let store = SqliteResources::open_in_memory().unwrap();
    let key = key("1");
    let mut call = store.get(&key, Selection::Whole);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = call.as_mut().poll(&mut context) else { panic!("the call waits") };
    assert_eq!(answer.unwrap_err().kind(), &StoreErrorKind::Backend);
}

/// A file of the first version is brought to the present one, with all that it holds.
#[tokio::test]
async fn a_file_of_an_older_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    {
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch(include_str!("../src/sqlite/schema.sql")).unwrap();
        old.execute_batch(
            r#"PRAGMA application_id = 0x5343494d; PRAGMA user_version = 1;
             INSERT INTO scope (scope, tenant, resource_type, resources) VALUES (1, '', 'Group', 1);
             INSERT INTO resource (scope, id, document, revision, created_at, modified_at)
             VALUES (1, '7', '{}', 3, X'80000000000000000000000000000000', X'80000000000000000000000000000000');
             INSERT INTO job_lease (job, fence) VALUES ('users', 4);
             INSERT INTO state (job, tbl, key, value) VALUES ('other', 'link', 'a', '4'), ('users', 'link', 'b', '2'), ('users', 'link', 'a', '1'), ('users', 'plan', 'a', '3'), ('users', 'pending', 'b', '6'), ('users', 'pending', 'a', '5');
             INSERT INTO job_lease (job, fence) VALUES ('users/control', 2), ('a/control', 1), ('new/control', 1);
             INSERT INTO state (job, tbl, key, value)
             VALUES ('users/control', 'job', 'control', '{"state":"Paused"}'), ('new/control', 'job', 'control', '{"state":"Disabled"}'),
                    ('other/control', 'job', 'control', '{"state":"Active"}'), ('a/control', 'link', 'a', '5')"#,
        )
        .unwrap();
    }
    let state = SqliteState::open(&path).unwrap();
    let links = state.scan(&JobId::new("users"), Table::Link, "", None, 10).await.unwrap();
    assert_eq!(links, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    assert_eq!(state.count(&JobId::new("users"), Table::Link, "").await.unwrap(), 2);
    let marks = state.scan(&JobId::new("users"), Table::Pending, "", None, 10).await.unwrap();
    assert_eq!(marks, [("a".to_owned(), "5".to_owned()), ("b".to_owned(), "6".to_owned())]);
    assert_eq!(state.get(&JobId::new("other"), Table::Link, "a").await.unwrap().as_deref(), Some("4"));
    let lease = state.lease(&JobId::new("users"), "one", None, Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap();
    assert_eq!(lease.fence.0, 5);
    for (job, reason) in [("users", Some("Paused")), ("new", Some("Disabled")), ("other", None)] {
        assert_eq!(state.withheld(&JobId::new(job)).await.unwrap().as_deref(), reason, "{job}");
        assert_eq!(state.count(&JobId::new(format!("{job}/control")), Table::Job, "").await.unwrap(), 0);
    }
    assert_eq!(state.get(&JobId::new("a/control"), Table::Link, "a").await.unwrap().as_deref(), Some("5"));
    let store = SqliteResources::open(&path).unwrap();
    let page = store.query(&Query::new(Tenant::default(), "Group".to_owned(), 10)).await.unwrap();
    assert_eq!((page.total, page.resources[0].revision.0), (1, 3));
    store.create(group("8")).await.unwrap();
    assert!(store.delete(&key("7"), None, Timestamp::UNIX_EPOCH).await.unwrap());
    assert_eq!(store.query(&Query::new(Tenant::default(), "Group".to_owned(), 10)).await.unwrap().total, 1);
}

/// In a file that was made before there were marks, a page by index is where it should be, and found by marks.
#[tokio::test]
async fn marks_are_set_in_a_file_of_an_older_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    {
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch(include_str!("../src/sqlite/schema.sql")).unwrap();
        old.execute_batch(
            "PRAGMA application_id = 0x5343494d; PRAGMA user_version = 1;
             INSERT INTO scope (scope, tenant, resource_type, resources) VALUES (1, '', 'Group', 5000), (2, '', 'User', 1);
             INSERT INTO resource (scope, id, document, revision, created_at, modified_at)
             WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 4999)
             SELECT 1, printf('%04d', n), '{}', 1, X'80000000000000000000000000000000', X'80000000000000000000000000000000' FROM n UNION ALL SELECT 2, 'u', '{}', 1, X'80000000000000000000000000000000', X'80000000000000000000000000000000'",
        )
        .unwrap();
    }
    let store = SqliteResources::open(&path).unwrap();
    let mut query = Query::new(Tenant::default(), "Group".to_owned(), 3);
    for offset in [0, 2047, 2048, 4096, 4997] {
        query.offset = offset;
        let ids: Vec<String> = store.query(&query).await.unwrap().resources.into_iter().map(|group| group.id).collect();
        assert_eq!(ids, (offset..offset + 3).map(|n| format!("{n:04}")).collect::<Vec<_>>());
    }
    let file = rusqlite::Connection::open(&path).unwrap();
    let marks: (i64, i64) = file.query_row("SELECT count(*), sum(resources) FROM mark", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(marks, (2, 4096));
}

/// What is written together fails apart: of calls that come at the same time, each gets its own answer and takes back only its own work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_written_together_fail_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("together.db");
    let store = std::sync::Arc::new(SqliteResources::open(&path).unwrap());
    // Another process writes, so that all calls but the first ones wait in the queue.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = std::sync::Arc::clone(&store);
        calls.spawn(async move { (n, store.create(group(&(n / 2).to_string())).await) });
    }
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    let answers = calls.join_all().await;
    for id in 0..50 {
        let of_id: Vec<bool> = answers.iter().filter(|(n, _)| n / 2 == id).map(|(_, answer)| answer.is_ok()).collect();
        assert_eq!(of_id.iter().filter(|is_ok| **is_ok).count(), 1, "{id}");
    }
    let refused = answers.into_iter().filter_map(|(_, answer)| answer.err());
    assert!(refused.map(|error| error.kind().clone()).all(|kind| kind == StoreErrorKind::NotUnique { attribute: "id".to_owned() }));
    let page = store.query(&Query::new(Tenant::default(), "Group".to_owned(), 1)).await.unwrap();
    assert_eq!(page.total, 50);
}
