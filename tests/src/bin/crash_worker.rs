//! Provisions until it is done or killed: `crash_worker KIND BASE STATE PROGRESS FOLDER SERVICE_PRINCIPAL`.
//!
//! What it must not forget stands in `STATE`, a SQLite file, and in `PROGRESS`, the number of cycles that are done.
#![expect(clippy::unwrap_used, reason = "only a test starts this, and it sees the exit code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scimkit_e2e::{ServiceKind, client, directory, engine};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_store::sqlite::SqliteState;
use scimkit_types::{ManualClock, Timestamp};

/// The first day, the next day, and once more with nothing new.
const CYCLES: usize = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, base, state, progress, folder, service_principal] = arguments.as_slice() else {
        std::process::exit(2);
    };
    let kind = ServiceKind::named(kind).unwrap();
    let progress = PathBuf::from(progress);
    let client = client(ReqwestTransport::new(ReqwestOptions::default()).unwrap(), base);
    let state = Arc::new(SqliteState::open(state).unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::constant(1_767_225_600, 0)));
    let job = kind.job(kind.profile());
    let mut done = read(&progress);
    while done < CYCLES {
        let day = if done == 0 { 1 } else { 2 };
        let source = directory::source(PathBuf::from(folder), service_principal, day);
        let engine = engine(job.clone(), source, &client, Arc::clone(&state) as _, Arc::clone(&clock) as _);
        engine.test_connection().await.unwrap();
        engine.run_cycle().await.unwrap();
        done += 1;
        write(&progress, done);
    }
}

fn read(progress: &Path) -> usize {
    fs::read_to_string(progress).map_or(0, |text| text.parse().unwrap())
}

/// Replaces the file as a whole, so that it is never half written.
fn write(progress: &Path, done: usize) {
    let new = progress.with_extension("new");
    fs::write(&new, done.to_string()).unwrap();
    fs::rename(new, progress).unwrap();
}
