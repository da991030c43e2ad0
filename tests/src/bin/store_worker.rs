//! Writes to a store until it is killed: `store_worker sqlite PATH ROUND` or `store_worker postgres URL ROUND`.
//!
//! A line on standard output says what was acknowledged: the id of a user that was created, or `+` and the id of a member that was added
//! to the group `all`, which must be there.
#![expect(clippy::unwrap_used, reason = "only a test starts this, and it sees what was written")]

use std::io::Write;
use std::sync::Arc;

use scimkit_e2e::stores::{add, create, open};

/// How many write at the same time.
const WRITERS: usize = 8;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place, round] = arguments.as_slice() else {
        std::process::exit(2);
    };
    let store = open(kind, place).await;
    let writers = (0..WRITERS).map(|writer| {
        let (store, round) = (Arc::clone(&store), round.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let id = format!("{round}-{writer}-{n}");
                // A server that was killed ends the work; what it had acknowledged was told before.
                if create(&*store, &id).await.is_err() {
                    return;
                }
                tell(&id);
                if add(&*store, &id).await.is_err() {
                    return;
                }
                tell(&format!("+{id}"));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn tell(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").unwrap();
    out.flush().unwrap();
}
