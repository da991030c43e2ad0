//! Two days of a company of 500 people over real HTTP on this machine, with the service and the state in SQLite.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::sync::Arc;

use scimkit_e2e::{Company, Content, Loopback, ServiceKind, TOKEN, client, engine};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_provisioning::{Cycle, CycleReport};
use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit_store::sqlite::{SqliteResources, SqliteState};
use scimkit_store::{ResourceStore, Tenant};
use scimkit_testing::{Recording, VirtualTime};
use scimkit_types::{Clock, ManualClock};

/// Convergence: after both days the service holds what was reviewed by people; idempotence: a third cycle sends no write, and nothing but
/// the test of the connection.
async fn two_days(kind: ServiceKind) {
    let company = Company::new(500, 20);
    let home = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(VirtualTime::default().now()));
    let resources: Arc<dyn ResourceStore> = Arc::new(SqliteResources::open(home.path().join("service.sqlite")).unwrap());
    let tokens = BearerTokens::new().with_token(&TOKEN.into(), Actor::new("flow", Tenant::default()));
    let server = Server::builder(Arc::new(StoreHandler::new(Arc::clone(&resources))), Arc::new(tokens))
        .profile(kind.profile())
        .clock(Arc::clone(&clock))
        .build()
        .unwrap();
    let loopback = Loopback::start(server, None).await;
    let recording = Arc::new(Recording::new(ReqwestTransport::new(ReqwestOptions::default()).unwrap()));
    let client = client(Arc::clone(&recording), loopback.base());
    let state = Arc::new(SqliteState::open(home.path().join("state.sqlite")).unwrap());

    let mut reports: Vec<CycleReport> = Vec::new();
    let mut sent: Vec<Vec<http::Method>> = Vec::new();
    for day in [1, 2, 2] {
        let job = kind.job(kind.profile());
        let engine = engine(job, company.on_day(day), &client, Arc::clone(&state) as _, Arc::clone(&clock));
        reports.push(engine.run_cycle().await.unwrap());
        let exchanges = recording.take();
        let refused = exchanges.iter().filter(|exchange| !exchange.outcome.as_ref().unwrap().as_ref().unwrap().status().is_success());
        assert_eq!(refused.count(), 0, "{kind:?}, day {day}");
        sent.push(exchanges.iter().map(|exchange| exchange.request.method().clone()).collect());
    }
    let kinds: Vec<Cycle> = reports.iter().map(|report| report.kind).collect();
    assert_eq!(kinds, [Cycle::Initial, Cycle::Incremental, Cycle::Incremental]);
    let [_, next_day, third] = reports.as_slice() else { panic!("{reports:?}") };
    let is_busy = [next_day.created, next_day.updated, next_day.disabled, next_day.deleted].iter().all(|count| *count > 0);
    assert!(is_busy, "{next_day:?}");
    assert_eq!(third.written(), 0, "{third:?}");
    assert_eq!(sent.pop().unwrap(), [http::Method::GET], "the test of the connection, {kind:?}");

    Content::of(resources.as_ref()).await.assert_is(&Content::from_resources(&kind.expected()), &format!("{kind:?}"));
}

#[tokio::test]
async fn the_service_like_ringcentral_is_in_step_after_two_days() {
    two_days(ServiceKind::RingCentral).await;
}

#[tokio::test]
async fn the_standard_service_is_in_step_after_two_days() {
    two_days(ServiceKind::Standard).await;
}
