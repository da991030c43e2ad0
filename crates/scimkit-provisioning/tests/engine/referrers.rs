//! Who refers to an object that lost its link is found by an index.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_store::StoreError;
use scimkit_store::state::{Batch, Fence, JobId, Lease, MemoryState, StateStore, Table};
use scimkit_types::{Clock, Timestamp};
use serde_json::json;

use crate::world::{World, block_on, person, present};

/// Counts the source records that are read.
#[derive(Debug, Default)]
struct Counting {
    state: MemoryState,
    records: AtomicUsize,
}

impl Counting {
    fn note(&self, table: Table, rows: usize) {
        if table == Table::Record {
            self.records.fetch_add(rows, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl StateStore for Counting {
    async fn lease(&self, job: &JobId, owner: &str, held: Option<Fence>, now: Timestamp, duration: Duration) -> Result<Lease, StoreError> {
        self.state.lease(job, owner, held, now, duration).await
    }

    async fn release(&self, job: &JobId, fence: Fence) -> Result<(), StoreError> {
        self.state.release(job, fence).await
    }

    async fn take_due(&self, owner: &str, now: Timestamp, duration: Duration, limit: usize) -> Result<Vec<(JobId, Lease)>, StoreError> {
        self.state.take_due(owner, now, duration, limit).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.state.next_due().await
    }

    async fn offer(&self, job: &JobId, due_at: Timestamp) -> Result<(), StoreError> {
        self.state.offer(job, due_at).await
    }

    async fn withhold(&self, job: &JobId, reason: &str) -> Result<(), StoreError> {
        self.state.withhold(job, reason).await
    }

    async fn withheld(&self, job: &JobId) -> Result<Option<String>, StoreError> {
        self.state.withheld(job).await
    }

    async fn get(&self, job: &JobId, table: Table, key: &str) -> Result<Option<String>, StoreError> {
        self.note(table, 1);
        self.state.get(job, table, key).await
    }

    async fn get_many(&self, job: &JobId, table: Table, keys: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        self.note(table, keys.len());
        self.state.get_many(job, table, keys).await
    }

    async fn scan(
        &self,
        job: &JobId,
        table: Table,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.state.scan(job, table, prefix, after, limit).await?;
        self.note(table, rows.len());
        Ok(rows)
    }

    async fn count(&self, job: &JobId, table: Table, prefix: &str) -> Result<u64, StoreError> {
        self.state.count(job, table, prefix).await
    }

    async fn commit(&self, job: &JobId, fence: Fence, batch: Batch) -> Result<(), StoreError> {
        self.state.commit(job, fence, batch).await
    }
}

/// A directory of so many people, of whom the first has the second as manager; the manager's account is lost.
fn world(people: usize) -> (World, Arc<Counting>) {
    let state = Arc::new(Counting::default());
    let mut world = World::new();
    world.state = Arc::clone(&state) as _;
    let ids: Vec<String> = (1..=people).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut round: Vec<_> = ids.iter().map(|id| person(id, &format!("{id}@example.com"))).collect();
    round.push(present("u1", json!({"manager+": ["u2"]})));
    world.source.tell("User", round);
    world.cycle();
    world.target.remove("User", "u2@example.com");
    world.source.tell("User", vec![present("u2", json!({"jobTitle": "Engineer"}))]);
    (world, state)
}

/// The manager's account is found to be gone, and made again.
#[track_caller]
fn check_manager_follows(world: &World) {
    world.cycle();
    world.advance(6);
    assert_eq!(world.cycle().created, 1);
    let id = |name: &str| world.target.user(name).unwrap().id().unwrap().to_owned();
    let user = serde_json::to_value(world.target.user("u1@example.com").unwrap()).unwrap();
    let manager = user.pointer("/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value");
    assert_eq!(manager.and_then(|manager| manager.as_str()), Some(id("u2@example.com").as_str()), "{user}");
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn whoever_else_is_in_the_directory_is_not_read_for_a_lost_link() {
    let read = [3, 700].map(|people| {
        let (world, state) = world(people);
        state.records.store(0, Ordering::Relaxed);
        check_manager_follows(&world);
        state.records.load(Ordering::Relaxed)
    });
    assert_eq!(read[0], read[1]);
}

#[test]
fn a_state_without_the_index_gets_it() {
    let (world, state) = world(3);
    block_on(async {
        let job = &world.job.id;
        let lease = state.lease(job, "another", None, world.clock.now(), Duration::from_secs(60)).await.unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&state.get(job, Table::Job, "job").await.unwrap().unwrap()).unwrap();
        assert_eq!(record.as_object_mut().unwrap().remove("hasReferrers"), Some(true.into()));
        let mut batch = Batch::new();
        batch.clear(Table::Referrer, "");
        batch.put(Table::Job, "job", record.to_string());
        state.commit(job, lease.fence, batch).await.unwrap();
        state.release(job, lease.fence).await.unwrap();
    });
    check_manager_follows(&world);
}
