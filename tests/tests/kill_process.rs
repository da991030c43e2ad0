//! A worker process that is killed by the operating system at any request and started again ends where it would have ended undisturbed.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;

use scimkit_e2e::{Company, Content, KillAt, Loopback, ServiceKind, TOKEN, dump};
use scimkit_store::JobId;
use scimkit_store::sqlite::SqliteState;
use scimkit_testing::VirtualTime;
use scimkit_testing::fake::{self, FakeService};
use scimkit_types::ManualClock;
use tokio::process::Command;

const KIND: ServiceKind = ServiceKind::RingCentral;

/// A company, a service and the files of the workers.
struct Scene<'a> {
    company: &'a Company,
    service: FakeService,
    home: tempfile::TempDir,
}

impl<'a> Scene<'a> {
    fn new(company: &'a Company) -> Self {
        let clock = Arc::new(ManualClock::new(VirtualTime::default().now()));
        let service = fake::ringcentral(KIND.profile(), &TOKEN.into(), clock).unwrap();
        Self { company, service, home: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }

    /// Starts a worker, lets it be killed or come to its end, and says how it ended and how many requests it sent.
    async fn work(&self, kill_at: Option<KillAt>) -> (ExitStatus, u64) {
        let loopback = Loopback::start(self.service.server.clone(), kill_at).await;
        let mut worker = Command::new(env!("CARGO_BIN_EXE_crash_worker"))
            .args([KIND.name(), loopback.base()])
            .args([&self.file("state.sqlite") as &Path, &self.file("progress"), self.company.folder()])
            .arg(self.company.service_principal_id())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let status = tokio::select! {
            status = worker.wait() => status.unwrap(),
            () = loopback.kill() => {
                worker.start_kill().unwrap();
                worker.wait().await.unwrap()
            }
        };
        (status, loopback.requests())
    }

    /// What the service and the state hold.
    async fn outcome(&self) -> (Content, Vec<String>) {
        let state = SqliteState::open(self.file("state.sqlite")).unwrap();
        let store = self.service.store.as_ref();
        (Content::of(store).await, dump(&state, &JobId::new(KIND.name()), store).await)
    }
}

/// Crash safety for real: SIGKILL before a request has its effect and after it, at every request of three cycles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_by_the_system_at_any_request_ends_the_same() {
    let company = Company::new(20, 3);
    let undisturbed = Scene::new(&company);
    let (status, requests) = undisturbed.work(None).await;
    assert!(status.success(), "{status}");
    let (content, state) = undisturbed.outcome().await;
    assert!(requests > 20 && content.users() > 10, "{requests} requests, {} users", content.users());

    for number in 1..=requests {
        for kill_at in [KillAt::Before(number), KillAt::After(number)] {
            let scene = Scene::new(&company);
            let (killed, _) = scene.work(Some(kill_at)).await;
            assert!(!killed.success() && killed.code().is_none(), "{kill_at:?} killed nobody: {killed}");
            let (resumed, _) = scene.work(None).await;
            assert!(resumed.success(), "{kill_at:?}: {resumed}");

            let (found, found_state) = scene.outcome().await;
            found.assert_is(&content, &format!("{kill_at:?}: the service"));
            assert_eq!(found.users(), content.users());
            let differences: Vec<&String> = found_state.iter().filter(|line| !state.contains(line)).collect();
            assert!(differences.is_empty() && found_state.len() == state.len(), "{kill_at:?}: the state: {differences:#?}");
        }
    }
}
