use scimkit_store::postgres::{PostgresResources, PostgresState};
use scimkit_store::{JobId, NewResource, Query, ResourceKey, ResourceStore, Selection, StateStore, StoreErrorKind, Table, Tenant};
use scimkit_types::{Resource, Timestamp};

use crate::cluster::{Schema, pool, schema, server};

fn key(resource_type: &str, id: &str) -> ResourceKey {
    ResourceKey::new(Tenant::default(), resource_type, id)
}

fn resource(resource_type: &str, id: &str, document: &str) -> NewResource {
    let document: Resource = serde_json::from_str(document).unwrap();
    let mut new = NewResource::new(key(resource_type, id), document, Timestamp::UNIX_EPOCH);
    new.member_attributes = vec!["members".to_owned()];
    new
}

fn quoted(schema: &Schema) -> String {
    format!("\"{}\"", schema.name.replace('"', "\"\""))
}

/// Migrations run once, however many open a store at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_schema_is_set_up_once_however_many_open_it() {
    let Some(schema) = schema() else { return };
    let mut opening = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (pool, name) = (schema.pool.clone(), schema.name.clone());
        opening.spawn(async move {
            if n % 2 == 0 {
                PostgresResources::open_in(pool, &name).await.map(drop)
            } else {
                PostgresState::open_in(pool, &name).await.map(drop)
            }
        });
    }
    for opened in opening.join_all().await {
        opened.unwrap();
    }
    let client = schema.pool.get().await.unwrap();
    let versions = client.query(&format!("SELECT version FROM {}.version", quoted(&schema)), &[]).await.unwrap();
    assert_eq!(versions.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [5]);
}

/// A schema of the first version is brought to the present one, with the state that it holds.
#[tokio::test]
async fn the_state_of_an_older_version_is_brought_up_to_date() {
    let Some(schema) = schema() else { return };
    let client = schema.pool.get().await.unwrap();
    let name = quoted(&schema);
    let first = include_str!("../src/postgres/schema.sql").replace('@', &format!("{name}."));
    let old = format!(
        r#"CREATE SCHEMA IF NOT EXISTS {name}; CREATE TABLE {name}.version (version BIGINT NOT NULL); {first};
         INSERT INTO {name}.version (version) VALUES (1);
         INSERT INTO {name}.job_lease (job, fence) VALUES ('users', 4);
         INSERT INTO {name}.state (job, tbl, key, value)
         VALUES ('users', 'link', 'b', '2'), ('users', 'link', 'a', '1'), ('users', 'plan', 'a', '3'), ('users', 'pending', 'b', '6'), ('users', 'pending', 'a', '5'), ('other', 'link', 'a', '4'),
                ('users/control', 'job', 'control', '{{"state":"Paused"}}'), ('new/control', 'job', 'control', '{{"state":"Disabled"}}'),
                ('other/control', 'job', 'control', '{{"state":"Active"}}'), ('a/control', 'link', 'a', '5')"#
    );
    client.batch_execute(&old).await.unwrap();
    drop(client);
    let state = PostgresState::open_in(schema.pool.clone(), &schema.name).await.unwrap();
    let job = JobId::new("users");
    let links = state.scan(&job, Table::Link, "", None, 10).await.unwrap();
    assert_eq!(links, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    assert_eq!(state.count(&job, Table::Link, "").await.unwrap(), 2);
    let marks = state.scan(&job, Table::Pending, "", None, 10).await.unwrap();
    assert_eq!(marks, [("a".to_owned(), "5".to_owned()), ("b".to_owned(), "6".to_owned())]);
    assert_eq!(state.get(&JobId::new("other"), Table::Link, "a").await.unwrap().as_deref(), Some("4"));
    let lease = state.lease(&job, "one", None, Timestamp::UNIX_EPOCH, std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!(lease.fence.0, 5);
    for (job, reason) in [("users", Some("Paused")), ("new", Some("Disabled")), ("other", None)] {
        assert_eq!(state.withheld(&JobId::new(job)).await.unwrap().as_deref(), reason, "{job}");
        assert_eq!(state.count(&JobId::new(format!("{job}/control")), Table::Job, "").await.unwrap(), 0);
    }
    assert_eq!(state.get(&JobId::new("a/control"), Table::Link, "a").await.unwrap().as_deref(), Some("5"));
}

/// In a schema that was made before there were marks, a page by index is where it should be, and found by marks.
#[tokio::test]
async fn marks_are_set_in_a_schema_of_an_older_version() {
    let Some(schema) = schema() else { return };
    let name = quoted(&schema);
    let first = include_str!("../src/postgres/schema.sql").replace('@', &format!("{name}."));
    let old = format!(
        "CREATE SCHEMA {name}; CREATE TABLE {name}.version (version BIGINT NOT NULL); INSERT INTO {name}.version (version) VALUES (1); {first};
         INSERT INTO {name}.scope (tenant, resource_type) VALUES ('', 'Group'), ('', 'User');
         INSERT INTO {name}.scope_size (scope, shard, resources) SELECT scope, 3, CASE resource_type WHEN 'Group' THEN 5000 ELSE 1 END FROM {name}.scope;
         INSERT INTO {name}.resource (scope, id, document, revision, created_at, modified_at)
         SELECT scope, lpad(n::text, 4, '0'), '{{}}', 1, decode('80' || repeat('00', 15), 'hex'), decode('80' || repeat('00', 15), 'hex')
         FROM {name}.scope, generate_series(0, 4999) n WHERE resource_type = 'Group' OR n = 0"
    );
    schema.pool.get().await.unwrap().batch_execute(&old).await.unwrap();
    let store = PostgresResources::open_in(schema.pool.clone(), &schema.name).await.unwrap();
    let mut query = Query::new(Tenant::default(), "Group".to_owned(), 3);
    for offset in [0, 2047, 2048, 4096, 4997] {
        query.offset = offset;
        let ids: Vec<String> = store.query(&query).await.unwrap().resources.into_iter().map(|group| group.id).collect();
        assert_eq!(ids, (offset..offset + 3).map(|n| format!("{n:04}")).collect::<Vec<_>>());
    }
    let client = schema.pool.get().await.unwrap();
    let marks = client.query_one(&format!("SELECT count(*), CAST(sum(resources) AS BIGINT) FROM {name}.mark"), &[]).await.unwrap();
    assert_eq!((marks.get::<_, i64>(0), marks.get::<_, i64>(1)), (2, 4096));
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    let Some(schema) = schema() else { return };
    PostgresResources::open_in(schema.pool.clone(), &schema.name).await.unwrap();
    let client = schema.pool.get().await.unwrap();
    client.batch_execute(&format!("UPDATE {}.version SET version = 1000", quoted(&schema))).await.unwrap();
    let error = PostgresResources::open_in(schema.pool.clone(), &schema.name).await.unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Corrupt { .. }), "{error:?}");
    for name in ["", &"x".repeat(64), "a\0"] {
        assert!(PostgresResources::open_in(schema.pool.clone(), name).await.is_err());
    }
}

/// A transaction that the database gives up because it and another one wait for each other is done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_was_given_up_is_done_again() {
    // The server looks for a circle once, so long after the store began to wait; a busy machine may need more time to make the circle.
    for seconds in [2, 8, 32, 128] {
        let Some(schema) = schema() else { return };
        if circle(&schema, seconds).await {
            return;
        }
    }
    panic!("the other half of the circle was never there in time");
}

/// Whether the store was in the circle when the server looked for one; else it was the other transaction that noticed.
async fn circle(schema: &Schema, seconds: u32) -> bool {
    let notices_after = |seconds: u32| pool(server().unwrap().options(format!("-c deadlock_timeout={seconds}s")).clone(), 2);
    let store = std::sync::Arc::new(PostgresResources::open_in(notices_after(seconds), &schema.name).await.unwrap());
    store.create(resource("User", "u", "{}")).await.unwrap();
    store.create(resource("Group", "g", r#"{"members": [{"value": "u"}]}"#)).await.unwrap();
    let lock = |id: &str| format!("SELECT 1 FROM {}.resource WHERE id = '{id}' FOR UPDATE", quoted(schema));
    let patient = notices_after(2 * seconds);
    let mut client = patient.get().await.unwrap();
    let other = client.transaction().await.unwrap();
    other.execute(&lock("g"), &[]).await.unwrap();
    // The delete has the user and waits for the group; then the other one waits for the user.
    let delete = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move { store.delete(&key("User", "u"), None, Timestamp::UNIX_EPOCH).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
    while other.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        // What it tells of other sessions stays as it is within a transaction, unless told otherwise.
        other.execute("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
    }
    let is_store = other.execute(&lock("u"), &[]).await.is_ok();
    other.commit().await.unwrap();
    assert!(delete.await.unwrap().unwrap());
    let group = store.get(&key("Group", "g"), Selection::Whole).await.unwrap().unwrap();
    assert_eq!((group.revision.0, group.document.get("members")), (2, None));
    is_store
}

/// Invariant 5: what the server says of a failure has no values.
#[tokio::test]
async fn errors_have_a_cause_and_show_no_values() {
    let Some(schema) = schema() else { return };
    let store = PostgresResources::open_in(schema.pool.clone(), &schema.name).await.unwrap();
    let client = schema.pool.get().await.unwrap();
    let check = format!("ALTER TABLE {}.value ADD CONSTRAINT short CHECK (length(folded) < 5)", quoted(&schema));
    client.batch_execute(&check).await.unwrap();
    let error = store.create(resource("User", "u", r#"{"title": "a-secret-title"}"#)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(error.kind(), &StoreErrorKind::Backend);
    assert!(cause.to_string().contains("23514"), "{cause}");
    assert!(!format!("{error} {cause} {cause:?}").contains("secret"));
    assert_eq!(store.query(&Query::new(Tenant::default(), "User".to_owned(), 1)).await.unwrap().total, 0);
}
