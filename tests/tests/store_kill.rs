//! What a store has acknowledged is there after its process, or the server below it, was killed by the operating system.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

#[cfg(test)]
#[path = "../../crates/scimkit-store/tests/cluster.rs"]
#[expect(dead_code, reason = "tests of the stores use more of it")]
mod cluster;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use scimkit_e2e::stores::{create_group, key, open};
use scimkit_store::{ResourceStore, Selection, Tenant};
use scimkit_types::Value;

/// How many writes are acknowledged before each kill.
const ROUNDS: [usize; 5] = [1, 40, 133, 250, 7];

struct Worker {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    acknowledged: Vec<String>,
}

impl Worker {
    /// Starts a worker and waits until so many of its writes were acknowledged.
    fn start(kind: &str, place: &str, round: usize, writes: usize) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_store_worker"))
            .args([kind, place, &round.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let acknowledged = lines.by_ref().take(writes).map(Result::unwrap).collect();
        Self { process, lines, acknowledged }
    }

    /// What was acknowledged until the worker ended.
    fn end(mut self) -> Vec<String> {
        self.acknowledged.extend(self.lines.map_while(Result::ok));
        self.process.wait().unwrap();
        self.acknowledged
    }

    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.end()
    }
}

/// Whether everything that was acknowledged is there, as a whole, and found by its unique value.
async fn check(store: &dyn ResourceStore, acknowledged: &[String]) {
    let group = store.get(&key("Group", "all"), Selection::Whole).await.unwrap().unwrap();
    let members = group.document.get("members").map(Value::elements).unwrap_or_default();
    let value = |member: &Value| member.as_complex().and_then(|member| member.get("value")).and_then(Value::as_str).unwrap().to_owned();
    let members: HashSet<String> = members.iter().map(value).collect();
    for line in acknowledged {
        if let Some(id) = line.strip_prefix('+') {
            assert!(members.contains(id), "the member {id} is lost");
        } else {
            let user = store.get(&key("User", line), Selection::Whole).await.unwrap();
            assert!(user.is_some_and(|user| user.document.get("title").is_some()), "the user {line} is lost");
        }
    }
    // No write is there in part: the number that is kept is the number that there is.
    let query = scimkit_store::Query::new(Tenant::default(), "User".to_owned(), u64::MAX);
    let page = store.query(&query).await.unwrap();
    assert_eq!(page.total, page.resources.len() as u64);
    let users = acknowledged.iter().filter(|line| !line.starts_with('+')).count() as u64;
    assert!(page.total >= users, "{} users of {users}", page.total);
}

/// The process that holds the file is killed while eight write, again and again.
#[tokio::test]
async fn sqlite_loses_nothing_acknowledged_when_its_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let path = path.to_str().unwrap();
    create_group(&*open("sqlite", path).await).await.unwrap();
    let mut acknowledged = Vec::new();
    for (round, writes) in ROUNDS.into_iter().enumerate() {
        acknowledged.extend(Worker::start("sqlite", path, round, writes).kill());
        check(&*open("sqlite", path).await, &acknowledged).await;
    }
    assert!(acknowledged.len() >= ROUNDS.iter().sum());
}

/// The process that writes is killed, and then the server itself, while eight write, again and again.
#[tokio::test]
async fn postgres_loses_nothing_acknowledged_when_it_is_killed() {
    let Some(server) = cluster::Cluster::durable() else { return };
    let place = server.url();
    create_group(&*open("postgres", &place).await).await.unwrap();
    let mut acknowledged = Vec::new();
    for (round, writes) in ROUNDS.into_iter().enumerate() {
        let worker = Worker::start("postgres", &place, round, writes);
        if round % 2 == 0 {
            server.kill();
            acknowledged.extend(worker.end());
            server.start_again();
        } else {
            acknowledged.extend(worker.kill());
        }
        check(&*open("postgres", &place).await, &acknowledged).await;
    }
    assert!(acknowledged.len() >= ROUNDS.iter().sum());
}
