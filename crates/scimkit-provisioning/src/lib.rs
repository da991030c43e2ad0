//! Provisioning cycles that keep a target equal to what a source and its mappings say.
//!
//! An [`Engine`] runs a [`ProvisioningJob`], made in code or read from a [`JobFile`]: it reads the changes of a [`Source`], evaluates the
//! mappings of each object, decides what is to be done, and does it to a [`Target`]. What it must not forget is in a
//! [`StateStore`](scimkit_store::StateStore): links, source records, the watermark, and an intent for every request that is under way. It
//! can be stopped or killed at any moment and goes on where it was.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use scimkit_client::{Client, transport_fn};
//! use scimkit_mapping::{AppRole, SeededEntropy};
//! use scimkit_provisioning::{
//!     AssignmentPage, Engine, JobFile, Position, ScimTarget, Source, SourceChange, SourceChangeKind, SourceError, SourcePage,
//! };
//! use scimkit_store::state::MemoryState;
//! use scimkit_types::{SystemClock, Value};
//!
//! /// A directory of one person, in which nothing changes.
//! #[derive(Debug)]
//! struct Directory;
//!
//! #[async_trait]
//! impl Source for Directory {
//!     fn object_types(&self) -> Vec<String> {
//!         vec!["User".to_owned()]
//!     }
//!
//!     async fn read(&self, _object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
//!         let attributes = [("mail", Value::from("ada@example.com")), ("accountEnabled", Value::from(true))].into_iter().collect();
//!         let ada = SourceChange::new("u1", SourceChangeKind::Present { attributes, references: Vec::new() });
//!         let changes = if position.is_none() { vec![ada] } else { Vec::new() };
//!         Ok(SourcePage::new(changes, Position::new("1"), true))
//!     }
//!
//!     async fn assignments(&self, _after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
//!         Ok(AssignmentPage::whole([])) // the scope of the job below is everybody
//!     }
//!
//!     async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
//!         Ok(Vec::new())
//!     }
//! }
//!
//! let file = JobFile::from_json(r#"{
//!     "name": "wiki", "source": {"kind": "directory"}, "scope": {"objects": "all"}, "thresholds": {"removals": 50},
//!     "objects": [{"source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [
//!         {"target": "userName", "expression": "[mail]", "match": 1},
//!         {"target": "active", "expression": "Not([IsSoftDeleted])"}
//!     ]}]
//! }"#, &|name| Err(std::io::Error::other(format!("no file `{name}`")))).map_err(|faults| faults[0].to_string())?;
//!
//! # let transport = transport_fn(|request: http::Request<bytes::Bytes>| async move {
//! #     let empty = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0}"#;
//! #     let created = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "ada@example.com"}"#;
//! #     let (status, body) = if request.method() == "POST" { (201, created) } else { (200, empty) };
//! #     let answer = http::Response::builder().status(status).header("Content-Type", "application/scim+json");
//! #     Ok(answer.body(bytes::Bytes::from_static(body.as_bytes())).expect("an answer"))
//! # });
//! // `transport` carries requests to the service: of `scimkit-http`, within `Retry`, `Authorized` and `RateLimited` of `scimkit-client`.
//! let client = Client::new(Arc::new(transport), "https://example.com/scim/v2".parse()?)?;
//! let target = ScimTarget::new(client, file.job.profile.clone())?;
//! let state = MemoryState::default(); // what is to outlive the process goes into `SqliteState` or `PostgresState`
//! let entropy = SeededEntropy::new(1); // for production bytes of the operating system
//! let clock = SystemClock::default();
//! let engine = Engine::new(file.job, Arc::new(Directory), Arc::new(target), Arc::new(state), Arc::new(clock), Arc::new(entropy));
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let plan = engine.plan_cycle().await?;
//! assert_eq!((plan.counts.creates, plan.counts.removals()), (1, 0));
//! assert_eq!(engine.apply_plan(&plan.id).await?.created, 1);
//! assert_eq!(engine.run_cycle().await?.written(), 0, "nothing has changed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A cycle has these parts, each of which can be repeated:
//!
//! 1. the connection is tested by one request;
//! 2. what an earlier run left open is settled;
//! 3. the source's changes are merged into the stored records;
//! 4. assignments decide who is entitled;
//! 5. unlinked objects are matched with those of the target;
//! 6. every marked object is decided upon, and the actions are kept as a plan;
//! 7. the deletion threshold is held against the plan;
//! 8. the plan is applied, layer by layer, several requests at once;
//! 9. references (managers, members) are written where both ends are linked;
//! 10. the source's position becomes the watermark.
//!
//! | call | what it does |
//! |---|---|
//! | [`Engine::run_due`], [`Engine::run_cycle`] | a whole cycle, if it is due or at once |
//! | [`Engine::plan_cycle`], [`Engine::write_plan`], [`Engine::apply_plan`] | the same in two halves, with somebody to look between them |
//! | [`Engine::provision_on_demand`], [`Engine::provision_members_on_demand`] | one object, or a group with a few members, with the steps |
//! | [`Engine::test_connection`], [`Engine::connection_verdict`] | whether the service can be provisioned, and if not, what to do |
//! | [`Engine::status`], [`Engine::start`], [`Engine::pause`], [`Engine::restart`] | how the job is, and what it is to do |
//! | [`Worker::run_due`] | cycles of the jobs that are due, of thousands that any number of processes share |
//! | [`Engine::find_drift`] | what others changed in the target, and to whom its accounts belong |
//! | [`Engine::linked`], [`Engine::unprovisioned`], [`Engine::log`] | what the job knows |
//!
//! The log of what became of each object goes to an [`Observer`]: [`JsonLines`], [`TracingLog`], one of your own or
//! [several](Observers); and into the state if the job [keeps it](ProvisioningJob::log_retention). A [`Notifier`] tells people when the
//! job goes into quarantine, when it holds removals back, and when it is released.
//!
//! | feature | what it adds |
//! |---|---|
//! | `toml` | `JobFile::from_toml` |
//! | `metrics` | counters and a histogram through the crate `metrics`: `scimkit_provisioning_objects_total`, `scimkit_provisioning_cycles_total`, `scimkit_provisioning_imported_total`, `scimkit_provisioning_cycle_seconds` |
//!
//! The crate starts no task and waits for nothing by itself: whoever embeds it calls [`Engine::run_due`] as often as it likes, or, where
//! there are many jobs, [`Worker::run_due`], which says when to call it again.

mod apply;
mod approve;
mod claims;
mod code;
mod connection;
mod control;
mod decide;
mod differences;
mod drift;
mod drifted;
mod echo;
mod engine;
mod entitlement;
mod error;
mod escrow;
mod event;
mod explain;
mod given;
mod import;
mod inspect;
mod job;
mod job_file;
mod judged;
mod listing;
mod log;
mod lookup;
mod matching;
mod metering;
mod migration;
mod notice;
mod on_demand;
mod paging;
mod plan;
mod preview;
mod quarantine;
mod records;
mod reference_lists;
mod reference_rows;
mod reference_work;
mod references;
mod refusals;
mod report;
mod restart;
mod run;
mod saved_plan;
mod scim_bulk;
mod scim_target;
mod source;
mod state;
mod status;
mod step;
mod target;
mod together;
mod uncertain;
mod worker;

pub use scimkit_mapping::AppRole;

pub use code::{ErrorCategory, ErrorCode};
pub use connection::{ConnectionCheck, ConnectionFailure, ConnectionVerdict};
pub use control::Due;
pub use drift::{Account, AccountCounts, Drift, DriftPolicy, DriftReport};
pub use engine::Engine;
pub use error::{ConnectionError, CycleError};
pub use event::{
    EventAction, EventStatus, Initiator, Observer, Observers, Phase, Progress, PropertyChange, ProvisioningEvent, QuotaMeter, QuotaUse,
    Silent,
};
pub use inspect::{LinkedObject, Unprovisioned};
pub use job::{Actions, Label, LogLabels, MatchingPolicy, Notification, OutOfScope, ProvisioningJob, Scope, WhenGone};
pub use job_file::{JobFile, SourceSettings, TargetSettings};
pub use log::{JsonLines, TracingLog};
pub use notice::{Notice, NoticeKind, Notifier};
pub use on_demand::OnDemandReport;
pub use quarantine::{EscrowCounts, ExecutionError, Quarantine, QuarantineReason, QuarantineThresholds, ScheduleState};
pub use report::{Cycle, CycleReport, MatchingChoice, MatchingDecision};
pub use restart::{ResetScope, ResetScopeError};
pub use saved_plan::{PlanComparison, PlanCounts, PlanDocument, PlanFormat, PlanHeader, PlannedChange};
pub use scim_target::ScimTarget;
pub use source::{
    Assignment, AssignmentPage, Position, ReferenceChange, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
pub use status::{
    EntryCount, Execution, ExecutionState, JobSetting, JobStatus, ProgressUnits, Schedule, StatusCode, SynchronizationStatus,
};
pub use step::{ProvisioningStep, StepKind};
pub use target::{Target, TargetChange, TargetError, TargetErrorKind, TargetPage};
pub use worker::{Engines, JobRun, WorkError, WorkReport, Worker};
