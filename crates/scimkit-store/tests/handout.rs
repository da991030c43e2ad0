use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use scimkit_store::sqlite::SqliteState;
use scimkit_store::{Batch, Fence, JobId, Lease, MemoryState, StateStore};
use scimkit_types::Timestamp;

const JOBS: i64 = 4;
const LEASE: Duration = Duration::from_secs(100);

/// What workers and people do to jobs.
#[derive(Clone, Debug)]
enum Act {
    Offer { job: i64, due: i64 },
    Withhold { job: i64 },
    TakeDue { owner: &'static str, limit: usize },
    Lease { job: i64, owner: &'static str },
    Renew { job: i64 },
    Schedule { job: i64, due: i64 },
    Release { job: i64 },
    Wait { seconds: i64 },
}

fn act() -> impl Strategy<Value = Act> {
    let (job, due) = (0..JOBS, 0_i64..60);
    let owner = prop::sample::select(vec!["one", "two"]);
    prop_oneof![
        3 => (job.clone(), due.clone()).prop_map(|(job, due)| Act::Offer { job, due }),
        1 => job.clone().prop_map(|job| Act::Withhold { job }),
        6 => (owner.clone(), 0_usize..4).prop_map(|(owner, limit)| Act::TakeDue { owner, limit }),
        2 => (job.clone(), owner).prop_map(|(job, owner)| Act::Lease { job, owner }),
        2 => job.clone().prop_map(|job| Act::Renew { job }),
        3 => (job.clone(), due).prop_map(|(job, due)| Act::Schedule { job, due }),
        3 => job.prop_map(|job| Act::Release { job }),
        2 => (1_i64..80).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

fn id(job: i64) -> JobId {
    JobId::new(format!("job {job}"))
}

/// Jobs are due at different instants, so that their order is known.
fn due_at(job: i64, due: i64) -> Timestamp {
    Timestamp::from_second(due * JOBS + job).unwrap()
}

/// A store, and what those who use it know.
#[derive(Debug)]
struct Users<S> {
    store: S,
    now: i64,
    /// Who last had each job, and under which fence.
    last: BTreeMap<JobId, (&'static str, Fence)>,
}

impl<S: StateStore> Users<S> {
    fn new(store: S) -> Self {
        Self { store, now: 100, last: BTreeMap::new() }
    }

    fn know(&mut self, job: &JobId, owner: &'static str, lease: Lease) -> String {
        self.last.insert(job.clone(), (owner, lease.fence));
        format!("{} {} until {}", job.as_str(), lease.fence.0, lease.expires_at)
    }

    fn known(&self, job: i64) -> (&'static str, Fence) {
        self.last.get(&id(job)).copied().unwrap_or(("nobody", Fence(7)))
    }

    /// Does it, and says what came of it.
    async fn act(&mut self, act: &Act) -> Vec<String> {
        let now = Timestamp::from_second(self.now).unwrap();
        let mut said = match *act {
            Act::Offer { job, due } => vec![format!("{:?}", self.store.offer(&id(job), due_at(job, due)).await.is_ok())],
            Act::Withhold { job } => vec![format!("{:?}", self.store.withhold(&id(job), "why").await.is_ok())],
            Act::TakeDue { owner, limit } => {
                let taken = self.store.take_due(owner, now, LEASE, limit).await.unwrap();
                taken.into_iter().map(|(job, lease)| self.know(&job, owner, lease)).collect()
            }
            Act::Lease { job, owner } => match self.store.lease(&id(job), owner, None, now, LEASE).await {
                Ok(lease) => vec![self.know(&id(job), owner, lease)],
                Err(error) => vec![format!("{:?}", error.kind())],
            },
            Act::Renew { job } => {
                let (owner, fence) = self.known(job);
                match self.store.lease(&id(job), owner, Some(fence), now, LEASE).await {
                    Ok(lease) => vec![self.know(&id(job), owner, lease)],
                    Err(error) => vec![format!("{:?}", error.kind())],
                }
            }
            Act::Schedule { job, due } => {
                let mut batch = Batch::new();
                batch.schedule(due_at(job, due));
                let done = self.store.commit(&id(job), self.known(job).1, batch).await;
                vec![format!("{:?}", done.map_err(|error| error.kind().clone()))]
            }
            Act::Release { job } => {
                self.store.release(&id(job), self.known(job).1).await.unwrap();
                Vec::new()
            }
            Act::Wait { seconds } => {
                self.now += seconds;
                Vec::new()
            }
        };
        said.push(format!("next {:?}", self.store.next_due().await.unwrap()));
        for job in 0..JOBS {
            said.push(format!("{:?}", self.store.withheld(&id(job)).await.unwrap()));
        }
        said
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is done to jobs, a database hands them out as the store in memory does, and one that is asked at the instant that it named
    /// has a job.
    #[test]
    fn databases_hand_out_as_memory_does(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut memory, mut sqlite) = (Users::new(MemoryState::new()), Users::new(SqliteState::open_in_memory().unwrap()));
            for act in &acts {
                let (expected, found) = (memory.act(act).await, sqlite.act(act).await);
                prop_assert_eq!(expected, found, "{:?}", act);
            }
            if let Some(next) = sqlite.store.next_due().await.unwrap() {
                let before = next.checked_sub(Duration::from_nanos(1)).unwrap();
                prop_assert_eq!(sqlite.store.take_due("three", before, LEASE, 9).await.unwrap(), Vec::new());
                prop_assert!(!sqlite.store.take_due("three", next, LEASE, 9).await.unwrap().is_empty());
            }
            Ok(())
        })?;
    }
}
