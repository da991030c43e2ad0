//! Jobs that are due, and who gets them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use scimkit_types::Timestamp;

use super::{at, at_once, kind};
use crate::error::StoreErrorKind;
use crate::state::{Batch, Fence, JobId, Lease, StateStore, Table};

const MINUTE: Duration = Duration::from_secs(60);

fn job(name: &str) -> JobId {
    JobId::new(name)
}

async fn offer(store: &impl StateStore, jobs: &[(&str, i64)]) {
    for (name, due) in jobs {
        store.offer(&job(name), at(*due)).await.unwrap();
    }
}

/// Asks for work and tells the names of what it gets.
async fn take(store: &impl StateStore, owner: &str, now: i64, limit: usize) -> Vec<String> {
    taken(store, owner, now, limit).await.into_iter().map(|(job, _)| job.as_str().to_owned()).collect()
}

async fn taken(store: &impl StateStore, owner: &str, now: i64, limit: usize) -> Vec<(JobId, Lease)> {
    store.take_due(owner, at(now), MINUTE, limit).await.unwrap()
}

/// Does a batch that sets when a job is due.
async fn schedule(store: &impl StateStore, name: &str, fence: Fence, due: Timestamp) -> Result<(), StoreErrorKind> {
    let mut batch = Batch::new();
    batch.put(Table::Job, "status", "null");
    batch.schedule(due);
    store.commit(&job(name), fence, batch).await.map_err(|error| error.kind().clone())
}

/// Only what is due is handed out, the longest due first, and no more than was asked for.
pub async fn jobs_are_handed_out_by_how_long_they_have_been_due(store: Arc<impl StateStore + 'static>) {
    assert_eq!(take(&*store, "one", 100, 10).await, Vec::<String>::new());
    // A job that was never offered is due never.
    let never = store.lease(&job("never"), "one", None, at(0), MINUTE).await.unwrap();
    store.release(&job("never"), never.fence).await.unwrap();
    offer(&*store, &[("c", 30), ("a", 10), ("e", 50), ("d", 40), ("b", 20)]).await;
    assert_eq!(take(&*store, "one", 9, 10).await, Vec::<String>::new());
    assert_eq!(take(&*store, "one", 40, 0).await, Vec::<String>::new());
    assert_eq!(take(&*store, "one", 40, 2).await, ["a", "b"]);
    assert_eq!(take(&*store, "two", 40, 10).await, ["c", "d"]);
    assert_eq!(take(&*store, "two", 49, 10).await, Vec::<String>::new());
    assert_eq!(take(&*store, "two", 50, usize::MAX).await, ["e"]);
}

/// Who was handed a job has its lease: it writes, renews and gives back under it, and nobody else gets the job, not even by asking again.
pub async fn a_job_that_was_handed_out_is_held(store: Arc<impl StateStore + 'static>) {
    offer(&*store, &[("a", 0)]).await;
    let before = store.lease(&job("a"), "other", None, at(0), MINUTE).await.unwrap();
    assert_eq!(take(&*store, "one", 1, 1).await, Vec::<String>::new());
    store.release(&job("a"), before.fence).await.unwrap();
    let handed = taken(&*store, "one", 1, 1).await;
    let [(name, lease)] = handed.as_slice() else { panic!("expected one job, found {handed:?}") };
    assert_eq!((name, lease.expires_at), (&job("a"), at(61)));
    assert!(lease.fence > before.fence);
    assert_eq!(take(&*store, "one", 2, 1).await, Vec::<String>::new());
    assert_eq!(kind(store.lease(name, "two", None, at(2), MINUTE).await), StoreErrorKind::Held);
    let renewed = store.lease(name, "one", Some(lease.fence), at(30), MINUTE).await.unwrap();
    assert_eq!((renewed.fence, renewed.expires_at), (lease.fence, at(90)));
    assert_eq!(take(&*store, "two", 61, 1).await, Vec::<String>::new());
    schedule(&*store, "a", lease.fence, at(70)).await.unwrap();
    store.release(name, lease.fence).await.unwrap();
    assert_eq!(schedule(&*store, "a", lease.fence, at(0)).await, Err(StoreErrorKind::Fenced));
    assert_eq!(take(&*store, "two", 69, 1).await, Vec::<String>::new());
    assert_eq!(take(&*store, "two", 70, 1).await, ["a"]);
}

/// A job whose worker gives no sign of life goes to another one when its lease has ended, and the first one writes no more.
pub async fn a_job_of_a_dead_worker_is_handed_out_again(store: Arc<impl StateStore + 'static>) {
    offer(&*store, &[("a", 0), ("b", 1)]).await;
    let lost = taken(&*store, "one", 10, 2).await;
    assert_eq!(take(&*store, "two", 69, 2).await, Vec::<String>::new());
    let found = taken(&*store, "two", 70, 2).await;
    assert_eq!(found.len(), 2);
    for ((name, old), (again, new)) in lost.iter().zip(&found) {
        assert_eq!(name, again);
        assert!(new.fence > old.fence);
        assert_eq!(schedule(&*store, name.as_str(), old.fence, at(500)).await, Err(StoreErrorKind::Fenced));
        assert_eq!(kind(store.lease(name, "one", Some(old.fence), at(71), MINUTE).await), StoreErrorKind::Fenced);
    }
}

/// However many ask at the same time, each job goes to one of them, and none is left.
pub async fn concurrent_workers_get_each_job_once(store: Arc<impl StateStore + 'static>) {
    const JOBS: usize = 60;
    for number in 0..JOBS {
        store.offer(&job(&format!("job {number}")), at(0)).await.unwrap();
    }
    let worker = |number: usize| {
        let store = Arc::clone(&store);
        async move {
            let (owner, mut mine) = (format!("worker {number}"), Vec::new());
            // What another one is taking is passed over, so nothing to be had is no sign that nothing is left to come.
            loop {
                let more = taken(&*store, &owner, 1, 3).await;
                if more.is_empty() {
                    return mine;
                }
                mine.extend(more.into_iter().map(|(job, lease)| (job, lease.fence, owner.clone())));
            }
        }
    };
    let all: Vec<_> = at_once((0..8).map(worker)).await.into_iter().flatten().collect();
    let by_job: BTreeMap<&JobId, &String> = all.iter().map(|(job, _, owner)| (job, owner)).collect();
    assert_eq!((all.len(), by_job.len()), (JOBS, JOBS));
    for (job, fence, owner) in &all {
        assert_eq!(store.lease(job, owner, Some(*fence), at(2), MINUTE).await.unwrap().fence, *fence);
    }
    assert_eq!(take(&*store, "late", 2, JOBS).await, Vec::<String>::new());
}

/// Many who ask while others write to their jobs get an answer, and lose nothing of what is written.
pub async fn who_asks_for_work_waits_for_nobody(store: Arc<impl StateStore + 'static>) {
    let names: Vec<String> = (0..12).map(|number| format!("job {number:02}")).collect();
    for name in &names {
        store.offer(&job(name), at(0)).await.unwrap();
    }
    let handed = taken(&*store, "one", 1, names.len()).await;
    let write = |(name, lease): (JobId, Lease)| {
        let store = Arc::clone(&store);
        async move {
            for round in 0..4 {
                schedule(&*store, name.as_str(), lease.fence, at(100 + round)).await.unwrap();
                // Nobody who is asked for work takes what is held.
                assert_eq!(take(&*store, name.as_str(), 1, 1).await, Vec::<String>::new());
            }
            store.release(&name, lease.fence).await.unwrap();
        }
    };
    at_once(handed.into_iter().map(write)).await;
    assert_eq!(take(&*store, "two", 102, 20).await, Vec::<String>::new());
    assert_eq!(take(&*store, "two", 103, 20).await.len(), names.len());
}

/// A job that is withheld goes to nobody, whoever had it, until it is offered again; it can be taken by name.
pub async fn a_withheld_job_is_handed_out_to_nobody(store: Arc<impl StateStore + 'static>) {
    assert_eq!(store.withheld(&job("a")).await.unwrap(), None);
    offer(&*store, &[("a", 0), ("b", 5)]).await;
    assert_eq!(store.withheld(&job("a")).await.unwrap(), None);
    let lease = store.lease(&job("a"), "one", None, at(0), MINUTE).await.unwrap();
    store.withhold(&job("a"), "its owner asked for it").await.unwrap();
    store.withhold(&job("new"), "not yet").await.unwrap();
    assert_eq!(store.withheld(&job("a")).await.unwrap().as_deref(), Some("its owner asked for it"));
    assert_eq!(store.withheld(&job("new")).await.unwrap().as_deref(), Some("not yet"));
    // Whoever has the job keeps it, and can say when it would be due.
    schedule(&*store, "a", lease.fence, at(20)).await.unwrap();
    store.release(&job("a"), lease.fence).await.unwrap();
    assert_eq!(take(&*store, "one", 1_000, 10).await, ["b"]);
    let lease = store.lease(&job("a"), "one", None, at(1_000), MINUTE).await.unwrap();
    store.release(&job("a"), lease.fence).await.unwrap();
    store.offer(&job("a"), at(30)).await.unwrap();
    store.offer(&job("new"), at(30)).await.unwrap();
    assert_eq!(store.withheld(&job("a")).await.unwrap(), None);
    assert_eq!(take(&*store, "one", 20, 10).await, ["a"]);
    assert_eq!(take(&*store, "one", 30, 10).await, ["new"]);
    assert!(matches!(kind(store.withhold(&job("a"), "\0").await), StoreErrorKind::NulCharacter { .. }));
}

/// When a job is due is written with the rest of the batch or not at all, and only by who has the job.
pub async fn a_schedule_is_part_of_its_batch(store: Arc<impl StateStore + 'static>) {
    let lease = store.lease(&job("a"), "one", None, at(0), MINUTE).await.unwrap();
    let mut batch = Batch::new();
    batch.schedule(at(10));
    assert!(!batch.is_empty());
    batch.put(Table::Link, "a\0", "null");
    assert!(store.commit(&job("a"), lease.fence, batch).await.is_err());
    assert_eq!(schedule(&*store, "a", Fence(lease.fence.0 + 1), at(10)).await, Err(StoreErrorKind::Fenced));
    assert_eq!(schedule(&*store, "b", lease.fence, at(10)).await, Err(StoreErrorKind::Fenced));
    assert_eq!(store.next_due().await.unwrap(), None);
    schedule(&*store, "a", lease.fence, at(20)).await.unwrap();
    schedule(&*store, "a", lease.fence, at(90)).await.unwrap();
    store.release(&job("a"), lease.fence).await.unwrap();
    assert_eq!(take(&*store, "one", 89, 1).await, Vec::<String>::new());
    assert_eq!(take(&*store, "one", 90, 1).await, ["a"]);
    assert_eq!(store.get(&job("a"), Table::Job, "status").await.unwrap().as_deref(), Some("null"));
}

/// A job that is offered is due at the earlier of what is known and what is offered.
pub async fn an_offer_never_puts_a_job_off(store: Arc<impl StateStore + 'static>) {
    offer(&*store, &[("a", 10), ("a", 20), ("b", 20), ("b", 10)]).await;
    assert_eq!(take(&*store, "one", 9, 10).await, Vec::<String>::new());
    let mut both = take(&*store, "one", 10, 10).await;
    both.sort_unstable();
    assert_eq!(both, ["a", "b"]);
}

/// When there is a job to be had is told beforehand, whether it is free or held.
pub async fn the_next_job_is_known_beforehand(store: Arc<impl StateStore + 'static>) {
    let next = async || store.next_due().await.unwrap();
    assert_eq!(next().await, None);
    offer(&*store, &[("later", 100), ("a", 10), ("withheld", 0)]).await;
    store.withhold(&job("withheld"), "paused").await.unwrap();
    assert_eq!(next().await, Some(at(10)));
    let a = taken(&*store, "one", 30, 1).await.pop().unwrap();
    // Its lease ends before the other one is due.
    assert_eq!(next().await, Some(at(90)));
    store.lease(&a.0, "one", Some(a.1.fence), at(60), MINUTE).await.unwrap();
    assert_eq!(next().await, Some(at(100)));
    schedule(&*store, "a", a.1.fence, at(95)).await.unwrap();
    store.release(&a.0, a.1.fence).await.unwrap();
    assert_eq!(next().await, Some(at(95)));
    let held = taken(&*store, "one", 95, 1).await.pop().unwrap();
    schedule(&*store, "a", held.1.fence, at(5_000)).await.unwrap();
    let other = taken(&*store, "one", 100, 1).await.pop().unwrap();
    schedule(&*store, "later", other.1.fence, at(4_000)).await.unwrap();
    assert_eq!(next().await, Some(at(4_000)));
}
