//! The engine without a service that holds it up: directories of several sizes, the state in SQLite on disk, a service that accepts everything
//! at once. An initial cycle, then one with a thousand changes, each in a process of its own, so that its peak memory can be told. Then
//! initial cycles under a quota, in virtual time.
//!
//! 10,000, 100,000 and 1,000,000 users are taken unless other numbers are named. With the word `assigned` before them only those who are
//! assigned are in scope, which is everybody, each by an assignment of their own; the second cycle has one assignment less.

mod directory;
mod measure;
mod quota;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use directory::{Directory, NullTarget};
use measure::{Phases, Took};
use scimkit::mapping::{MappingSet, SeededEntropy, SynchronizationSchema};
use scimkit::provisioning::{Engine, Phase, ProvisioningJob, Scope};
use scimkit::store::JobId;
use scimkit::store::sqlite::SqliteState;
use scimkit::types::{Profile, SystemClock};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
const CHANGES: u64 = 1000;
/// The argument by which the assigned are provisioned.
const ASSIGNED: &str = "assigned";
/// Under a quota, more users tell nothing new: each window is like the one before.
const MOST_UNDER_QUOTA: u64 = 100_000;

/// The job of the provisioning flow: fourteen mappings, users only.
fn job(scope: Scope) -> Result<ProvisioningJob> {
    let profile: Profile = serde_json::from_str(include_str!("../../testdata/profiles/ringcentral.json"))?;
    let schema = SynchronizationSchema::from_json(include_str!("../../examples/provisioning_flow/data/ringcentral-job.json"))?;
    let catalog = profile.catalog()?;
    let user = catalog.resource_type("User").ok_or("the profile has no users")?;
    let mappings: Result<Vec<_>, _> = schema.object_mappings().map(|mapping| MappingSet::compile(mapping, &catalog, user)).collect();
    let mappings = mappings.map_err(|faults| format!("{faults:?}"))?;
    let mut job = ProvisioningJob::new(JobId::new("bench"), mappings, profile)?;
    job.concurrency = 64;
    job.scope = scope;
    job.fingerprint = "1".to_owned();
    Ok(job)
}

/// Runs one cycle in this process, and prints what it took for the process above.
fn cycle(state: &Path, scope: Scope, users: u64, changes: Option<u64>) -> Result<()> {
    let target = Arc::new(NullTarget { users, ..NullTarget::default() });
    let phases = Arc::new(Phases::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let engine = Engine::new(
        job(scope)?,
        Arc::new(Directory { users, changes, assigns: scope == Scope::Assigned }),
        Arc::clone(&target) as _,
        Arc::new(SqliteState::open(state)?),
        Arc::new(SystemClock::default()),
        Arc::new(SeededEntropy::new(users)),
    );
    let report = runtime.block_on(engine.with_observer(Arc::clone(&phases) as _).run_cycle())?;
    // One has lost the assignment, and is not among the changed unless all are.
    let is_unassigned = scope == Scope::Assigned && changes.is_some_and(|changes| changes < users);
    let expected = changes.unwrap_or(users) + u64::from(is_unassigned);
    if report.written() != expected || report.failures() > 0 {
        return Err(format!("expected {expected} resources to be written, found {report:?}").into());
    }
    let groups: [&[Phase]; 3] =
        [&[Phase::Importing, Phase::Entitling], &[Phase::Matching, Phase::Planning], &[Phase::Applying, Phase::References]];
    for phases in groups.map(|group| phases.took(group)) {
        print!("{} {} {} ", phases.seconds, phases.cpu, phases.peak);
    }
    println!("{} {}", target.reads.load(Ordering::Relaxed), target.writes.load(Ordering::Relaxed));
    Ok(())
}

/// What a cycle took: import, plan, apply; and how many requests.
struct Cycle {
    import: Took,
    plan: Took,
    apply: Took,
    reads: u64,
    writes: u64,
}

/// Runs one cycle in a process of its own.
fn cycle_apart(state: &Path, scope: Scope, users: u64, changes: Option<u64>) -> Result<Cycle> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--cycle")
        .arg(state)
        .args((scope == Scope::Assigned).then_some(ASSIGNED))
        .arg(users.to_string())
        .args(changes.map(|changes| changes.to_string()));
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("the cycle failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let took = |at: usize| Took { seconds: numbers[at], cpu: numbers[at + 1], peak: numbers[at + 2] as u64 };
    Ok(Cycle { import: took(0), plan: took(3), apply: took(6), reads: numbers[9] as u64, writes: numbers[10] as u64 })
}

/// Per second of time, and per second of processor time of one core.
fn rates(objects: u64, took: Took) -> String {
    let rate = |seconds: f64| if seconds > 0.0 { format!("{:.0}", objects as f64 / seconds) } else { "-".to_owned() };
    format!("{:>8} {:>8}", rate(took.seconds), rate(took.cpu))
}

fn run(scope: Scope, sizes: &[u64]) -> Result<()> {
    println!("objects a second, and a second of processor time (one core); peak memory of the process in MiB; requests");
    println!(
        "{:>9} {:>5}  {:^17}  {:^17}  {:^17}  {:>6} {:>6} {:>8} {:>8}  {:>8}",
        "users", "cycle", "import", "plan", "apply", "plan", "peak", "reads", "writes", "seconds"
    );
    for users in sizes {
        let folder = tempfile::tempdir()?;
        let state = folder.path().join("state.db");
        for changes in [None, Some(CHANGES.min(*users))] {
            let Cycle { import, plan, apply, reads, writes } = cycle_apart(&state, scope, *users, changes)?;
            let objects = changes.unwrap_or(*users);
            println!(
                "{users:>9} {:>5}  {}  {}  {}  {:>6} {:>6} {reads:>8} {writes:>8}  {:>8.2}",
                if changes.is_none() { "first" } else { "next" },
                rates(objects, import),
                rates(objects, plan),
                rates(objects, apply),
                plan.peak / 1024,
                apply.peak / 1024,
                import.seconds + plan.seconds + apply.seconds,
            );
        }
        println!("{users:>9} state on disk: {} MiB", std::fs::metadata(&state)?.len() >> 20);
    }
    if scope == Scope::Assigned {
        return Ok(());
    }
    println!();
    println!("under 300 reads and 1000 writes a minute, each request and each answer taking up to 300 ms (virtual time)");
    println!(
        "{:>9} {:>9} {:>9} {:>9} {:>6} {:>7} {:>9} {:>10} {:>9} {:>9}",
        "users", "requests", "least", "ratio", "429", "window", "seconds", "a minute", "used", "possible"
    );
    for users in sizes.iter().filter(|users| **users <= MOST_UNDER_QUOTA) {
        quota::run(*users)?;
    }
    println!("beside it: Microsoft documents that its service provisions 12 to 100 objects a minute");
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let scope = if arguments.iter().any(|argument| argument == ASSIGNED) { Scope::Assigned } else { Scope::All };
    let arguments: Vec<String> = arguments.into_iter().filter(|argument| argument != ASSIGNED).collect();
    if let [first, state, users, changes @ ..] = arguments.as_slice()
        && first == "--cycle"
    {
        return cycle(Path::new(state), scope, users.parse()?, changes.first().map(|changes| changes.parse()).transpose()?);
    }
    let named: Vec<u64> = arguments.iter().map(|argument| argument.parse()).collect::<Result<_, _>>()?;
    run(scope, if named.is_empty() { &SIZES } else { &named })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_users_are_provisioned_and_then_changed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        cycle(&state, Scope::All, 600, None).unwrap();
        cycle(&state, Scope::All, 600, Some(50)).unwrap();
    }

    #[test]
    fn the_assigned_are_provisioned_page_by_page() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        cycle(&state, Scope::Assigned, 1300, None).unwrap();
        cycle(&state, Scope::Assigned, 1300, Some(50)).unwrap();
    }

    #[test]
    fn a_quota_is_kept() {
        quota::run(2000).unwrap();
    }
}
