//! Provisioning state.

use std::sync::Arc;
use std::time::Duration;

use super::{at, at_once, kind};
use crate::error::StoreErrorKind;
use crate::state::{Batch, Fence, JobId, StateStore, Table};

const MINUTE: Duration = Duration::from_secs(60);

fn job() -> JobId {
    JobId::new("users")
}

async fn own(store: &impl StateStore) -> Fence {
    store.lease(&job(), "one", None, at(0), MINUTE).await.unwrap().fence
}

async fn put(store: &impl StateStore, fence: Fence, table: Table, keys: &[&str]) {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(table, *key, format!("\"{key}\""));
    }
    store.commit(&job(), fence, batch).await.unwrap();
}

async fn keys(store: &impl StateStore, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    store.scan(&job(), Table::Link, prefix, after, limit).await.unwrap().into_iter().map(|(key, _)| key).collect()
}

/// The steps of a batch are done in order.
pub async fn a_batch_is_done_in_order(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    let mut batch = Batch::new();
    batch.put(Table::Link, "a", "1");
    batch.put(Table::Link, "a", "2");
    batch.delete(Table::Link, "b");
    batch.put(Table::Link, "b", "3");
    batch.clear(Table::Link, "b");
    batch.put(Table::Link, "c", "4");
    batch.delete(Table::Link, "c");
    store.commit(&job(), fence, batch).await.unwrap();
    assert_eq!(store.scan(&job(), Table::Link, "", None, 10).await.unwrap(), [("a".to_owned(), "2".to_owned())]);
    store.commit(&job(), fence, Batch::new()).await.unwrap();
}

/// A batch that is refused, for whatever step, does nothing.
pub async fn a_refused_batch_does_nothing(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    put(&*store, fence, Table::Link, &["a"]).await;
    let mut batch = Batch::new();
    batch.put(Table::Link, "b", "1");
    batch.delete(Table::Link, "a");
    assert_eq!(kind(store.commit(&job(), Fence(fence.0 + 1), batch.clone()).await), StoreErrorKind::Fenced);
    batch.put(Table::Link, "c\0", "1");
    assert!(store.commit(&job(), fence, batch).await.is_err());
    assert_eq!(keys(&*store, "", None, 10).await, ["a"]);
}

/// Records are read one by one and many at once, in the order asked for.
pub async fn records_are_read_by_key(store: Arc<impl StateStore + 'static>) {
    let many = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(store.get(&job(), Table::Link, "a").await.unwrap(), None);
    assert_eq!(store.get_many(&job(), Table::Link, &many(&["a"])).await.unwrap(), [None]);
    let fence = own(&*store).await;
    put(&*store, fence, Table::Link, &["a", "b", ""]).await;
    assert_eq!(store.get(&job(), Table::Link, "a").await.unwrap().as_deref(), Some("\"a\""));
    assert_eq!(store.get(&job(), Table::Link, "A").await.unwrap(), None);
    assert_eq!(store.get(&job(), Table::Link, "").await.unwrap().as_deref(), Some("\"\""));
    let found = store.get_many(&job(), Table::Link, &many(&["b", "x", "a", "b"])).await.unwrap();
    assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), [Some("\"b\""), None, Some("\"a\""), Some("\"b\"")]);
    assert_eq!(store.get_many(&job(), Table::Link, &[]).await.unwrap(), Vec::<Option<String>>::new());
}

/// Scans follow the bytes of the keys, begin after a key and end at the limit.
pub async fn records_are_scanned_in_the_order_of_bytes(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    let sorted = ["", "A", "B", "a", "a\u{1f}b", "aa", "b", "ß", "e\u{301}", "\u{ffff}", "\u{10000}"];
    let mut sorted: Vec<&str> = sorted.to_vec();
    sorted.sort_unstable();
    let mut shuffled = sorted.clone();
    shuffled.rotate_left(4);
    shuffled.reverse();
    put(&*store, fence, Table::Link, &shuffled).await;
    assert_eq!(keys(&*store, "", None, usize::MAX).await, sorted);
    assert_eq!(keys(&*store, "", None, 0).await, Vec::<String>::new());
    let mut paged = Vec::new();
    let mut page = keys(&*store, "", None, 3).await;
    while let Some(last) = page.last().cloned() {
        paged.append(&mut page);
        page = keys(&*store, "", Some(&last), 3).await;
    }
    assert_eq!(paged, sorted);
    assert_eq!(keys(&*store, "a", Some("A"), 10).await, ["a", "a\u{1f}b", "aa"]);
    assert_eq!(keys(&*store, "a", Some("a\u{1f}zz"), 10).await, ["aa"]);
    assert_eq!(keys(&*store, "a", Some("b"), 10).await, Vec::<String>::new());
}

/// A prefix is text and no pattern.
pub async fn a_prefix_is_taken_literally(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    let all = ["%", "%a", "*", "[a]", "\\", "\\%", "_", "_a", "a", "a'b", "\u{10ffff}", "\u{10ffff}a", "\u{d7ff}b"];
    put(&*store, fence, Table::Link, &all).await;
    for prefix in ["", "%", "_", "\\", "*", "[", "a", "a'", "A", "\u{10ffff}", "\u{d7ff}", "x"] {
        let mut expected: Vec<&str> = all.iter().copied().filter(|key| key.starts_with(prefix)).collect();
        expected.sort_unstable();
        assert_eq!(keys(&*store, prefix, None, 100).await, expected, "{prefix}");
        assert_eq!(store.count(&job(), Table::Link, prefix).await.unwrap(), expected.len() as u64, "{prefix}");
    }
}

/// Clearing removes the records whose keys start so and no other.
pub async fn clearing_removes_what_starts_so(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    let clear = async |prefix: &str| {
        let mut batch = Batch::new();
        batch.clear(Table::Link, prefix);
        batch.clear(Table::Escrow, prefix);
        store.commit(&job(), fence, batch).await.unwrap();
    };
    put(&*store, fence, Table::Link, &["a", "a/1", "a/2", "a0", "b", "A/1"]).await;
    clear("a/").await;
    assert_eq!(keys(&*store, "", None, 10).await, ["A/1", "a", "a0", "b"]);
    clear("%").await;
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 4);
    clear("").await;
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 0);
}

/// How many records there are is right after whatever was done to them.
pub async fn counts_follow_every_change(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    let commit = async |steps: &[(&str, &str)]| {
        let mut batch = Batch::new();
        for (step, key) in steps {
            match *step {
                "put" => batch.put(Table::Link, *key, "null"),
                "delete" => batch.delete(Table::Link, *key),
                _ => batch.clear(Table::Link, *key),
            }
        }
        store.commit(&job(), fence, batch).await.unwrap();
        let all = keys(&*store, "", None, 100).await.len() as u64;
        let counted = store.count(&job(), Table::Link, "").await.unwrap();
        assert_eq!(counted, all, "{steps:?}");
        counted
    };
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 0);
    assert_eq!(commit(&[("put", "a"), ("put", "b"), ("put", "c")]).await, 3);
    assert_eq!(commit(&[("put", "a"), ("put", "d"), ("delete", "x")]).await, 4);
    assert_eq!(commit(&[("delete", "a"), ("put", "a"), ("put", "e"), ("delete", "e")]).await, 4);
    assert_eq!(commit(&[("put", "b/1"), ("put", "b/2"), ("clear", "b/"), ("put", "b/3")]).await, 5);
    assert_eq!(commit(&[("clear", "")]).await, 0);
    let mut batch = Batch::new();
    batch.put(Table::Link, "a", "null");
    batch.put(Table::Link, "b\0", "null");
    assert!(store.commit(&job(), fence, batch).await.is_err());
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 0);
}

/// A batch that need not be durable by itself is seen by whoever reads after it, and so is what comes after it.
pub async fn a_deferred_batch_is_seen_at_once(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    for number in 0..6 {
        let mut batch = Batch::new();
        batch.put(Table::Link, number.to_string(), "null");
        batch.delete(Table::Link, (number - 1).to_string());
        let batch = if number % 3 == 0 { batch } else { batch.deferred() };
        store.commit(&job(), fence, batch).await.unwrap();
        assert_eq!(keys(&*store, "", None, 10).await, [number.to_string()]);
    }
    let mut late = Batch::new();
    late.put(Table::Link, "late", "null");
    assert_eq!(kind(store.commit(&job(), Fence(fence.0 + 1), late.deferred()).await), StoreErrorKind::Fenced);
}

/// No record is seen through another table or job.
pub async fn tables_and_jobs_are_apart(store: Arc<impl StateStore + 'static>) {
    let other = JobId::new("groups");
    let fence = own(&*store).await;
    let other_fence = store.lease(&other, "one", None, at(0), MINUTE).await.unwrap().fence;
    for table in Table::ALL {
        put(&*store, fence, table, &[table.name()]).await;
    }
    for table in Table::ALL {
        let found = store.scan(&job(), table, "", None, 10).await.unwrap();
        assert_eq!(found, [(table.name().to_owned(), format!("\"{}\"", table.name()))]);
        assert_eq!(store.count(&other, table, "").await.unwrap(), 0);
    }
    let mut batch = Batch::new();
    batch.clear(Table::Link, "");
    store.commit(&other, other_fence, batch).await.unwrap();
    assert_eq!(store.get(&other, Table::Link, "link").await.unwrap(), None);
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 1);
}

/// Another owner gets the job when the lease has ended, and not before.
pub async fn a_lease_is_held_until_it_ends(store: Arc<impl StateStore + 'static>) {
    let lease = store.lease(&job(), "one", None, at(0), MINUTE).await.unwrap();
    assert_eq!(lease.expires_at, at(60));
    assert_eq!(kind(store.lease(&job(), "two", None, at(59), MINUTE).await), StoreErrorKind::Held);
    let taken = store.lease(&job(), "two", None, at(60), MINUTE).await.unwrap();
    assert!(taken.fence > lease.fence);
    assert_eq!(kind(store.lease(&job(), "one", None, at(61), MINUTE).await), StoreErrorKind::Held);
    assert_eq!(kind(store.lease(&job(), "one", Some(lease.fence), at(61), MINUTE).await), StoreErrorKind::Fenced);
}

/// An owner that was restarted gets its job back under a new fence.
pub async fn the_same_owner_gets_the_job_at_once(store: Arc<impl StateStore + 'static>) {
    let lease = store.lease(&job(), "one", None, at(0), MINUTE).await.unwrap();
    let again = store.lease(&job(), "one", None, at(1), MINUTE).await.unwrap();
    assert!(again.fence > lease.fence);
    assert_eq!(again.expires_at, at(61));
    assert_eq!(kind(store.commit(&job(), lease.fence, Batch::new()).await), StoreErrorKind::Fenced);
    store.commit(&job(), again.fence, Batch::new()).await.unwrap();
}

/// A worker that lost its lease writes nothing, and neither does one that never had it.
pub async fn a_stale_fence_is_refused(store: Arc<impl StateStore + 'static>) {
    assert_eq!(kind(store.commit(&job(), Fence(0), Batch::new()).await), StoreErrorKind::Fenced);
    let lost = own(&*store).await;
    let fence = store.lease(&job(), "two", None, at(100), MINUTE).await.unwrap().fence;
    let mut batch = Batch::new();
    batch.put(Table::Link, "a", "1");
    assert_eq!(kind(store.commit(&job(), lost, batch.clone()).await), StoreErrorKind::Fenced);
    assert_eq!(kind(store.commit(&JobId::new("groups"), fence, batch.clone()).await), StoreErrorKind::Fenced);
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 0);
    store.commit(&job(), fence, batch).await.unwrap();
    store.release(&job(), lost).await.unwrap();
    assert_eq!(kind(store.lease(&job(), "one", None, at(101), MINUTE).await), StoreErrorKind::Held);
}

/// A renewal keeps the fence and moves the end, even late, as long as nobody took the job.
pub async fn a_renewal_keeps_the_fence(store: Arc<impl StateStore + 'static>) {
    let lease = store.lease(&job(), "one", None, at(0), MINUTE).await.unwrap();
    for now in [30, 89, 500] {
        let renewed = store.lease(&job(), "one", Some(lease.fence), at(now), MINUTE).await.unwrap();
        assert_eq!((renewed.fence, renewed.expires_at), (lease.fence, at(now + 60)));
        assert_eq!(kind(store.lease(&job(), "two", None, at(now + 59), MINUTE).await), StoreErrorKind::Held);
    }
    assert_eq!(kind(store.lease(&job(), "two", Some(lease.fence), at(501), MINUTE).await), StoreErrorKind::Fenced);
    let endless = store.lease(&job(), "one", Some(lease.fence), at(501), Duration::MAX).await.unwrap();
    assert_eq!(endless.expires_at, scimkit_types::Timestamp::MAX);
}

/// A job that was given back is free at once, and its last owner writes no more.
pub async fn a_job_that_was_given_back_is_free(store: Arc<impl StateStore + 'static>) {
    store.release(&job(), Fence(1)).await.unwrap();
    let fence = own(&*store).await;
    put(&*store, fence, Table::Link, &["a"]).await;
    store.release(&job(), fence).await.unwrap();
    assert_eq!(kind(store.commit(&job(), fence, Batch::new()).await), StoreErrorKind::Fenced);
    assert_eq!(kind(store.lease(&job(), "one", Some(fence), at(1), MINUTE).await), StoreErrorKind::Fenced);
    let taken = store.lease(&job(), "two", None, at(1), MINUTE).await.unwrap();
    assert!(taken.fence > fence);
    assert_eq!(store.count(&job(), Table::Link, "").await.unwrap(), 1);
}

/// Of 16 owners that ask at the same time, one gets the job.
pub async fn concurrent_owners_get_the_job_once(store: Arc<impl StateStore + 'static>) {
    let lease = |n: usize| {
        let store = Arc::clone(&store);
        async move { store.lease(&job(), &n.to_string(), None, at(0), MINUTE).await.map_err(|error| error.kind().clone()) }
    };
    let answers = at_once((0..16).map(lease)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.into_iter().filter_map(Result::err).all(|error| error == StoreErrorKind::Held));
}

/// Keys and values with U+0000, which some databases refuse, are refused by all.
pub async fn the_null_character_is_refused(store: Arc<impl StateStore + 'static>) {
    let fence = own(&*store).await;
    for (key, value) in [("a\0", "1"), ("a", "1\0")] {
        let mut batch = Batch::new();
        batch.put(Table::Link, key, value);
        assert!(matches!(kind(store.commit(&job(), fence, batch).await), StoreErrorKind::NulCharacter { .. }));
    }
    assert_eq!(store.get(&job(), Table::Link, "a\0").await.unwrap(), None);
    assert_eq!(keys(&*store, "\0", None, 10).await, Vec::<String>::new());
}
