//! The engine: what it is made of, and the order of a cycle.

use std::sync::{Arc, Mutex};

use scimkit_mapping::{Entropy, MappingSet};
use scimkit_store::{Batch, StateStore, Table};
use scimkit_types::{Clock, Timestamp};

use crate::apply::{apply_all, settle_open};
use crate::connection::check_connection;
use crate::entitlement::entitle;
use crate::error::{CycleError, Result};
use crate::escrow::{prune_log, release_due};
use crate::event::{EventAction, EventStatus, Observer, Phase, QuotaMeter, Silent};
use crate::import::{import, mark_all};
use crate::job::ProvisioningJob;
use crate::migration::migrate;
use crate::notice::Notifier;
use crate::plan::plan;
use crate::records::{JobRecord, Link, PlannedAction, print};
use crate::references::write_references;
use crate::refusals::Refusals;
use crate::report::{Cycle, CycleReport, Tally};
use crate::run::{Outcome, Run};
use crate::saved_plan::{PlanCounts, PlanHeader};
use crate::source::Source;
use crate::state::{State, Work, object_key, put_job};
use crate::target::Target;

/// Runs one job: a source on one side, a target on the other, and the state between them.
///
/// Cycles of one job do not overlap: the state's lease sees to that. Dropping a running cycle, or killing its process, loses nothing: the
/// next cycle settles what was left open and goes on.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) job: Arc<ProvisioningJob>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) notifier: Option<Arc<dyn Notifier>>,
    quota: Option<Arc<dyn QuotaMeter>>,
    owner: String,
    may_remove: bool,
}

/// What a run under the job's lease came to.
pub(crate) trait Ended {
    /// The numbers of a cycle, if one was completed.
    fn report(&self) -> Option<&CycleReport>;
}

impl Ended for CycleReport {
    fn report(&self) -> Option<&CycleReport> {
        Some(self)
    }
}

impl Ended for PlanHeader {
    fn report(&self) -> Option<&CycleReport> {
        None
    }
}

/// How far a cycle goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The plan stands in the state.
    Planned,
    /// Everything is done.
    Done,
}

impl Engine {
    /// An engine that tells nobody what it does. Unless the job has an [owner](ProvisioningJob::owner), the engine and its clones get a
    /// name of their own from the random bytes.
    pub fn new(
        job: ProvisioningJob,
        source: Arc<dyn Source>,
        target: Arc<dyn Target>,
        state: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let owner = job.owner.clone().unwrap_or_else(|| format!("{}-{}", job.id.as_str(), random_name(entropy.as_ref())));
        let observer = Arc::new(Silent);
        let (notifier, quota) = (None, None);
        Self { job: Arc::new(job), source, target, store: state, clock, entropy, observer, notifier, quota, owner, may_remove: false }
    }

    /// This engine with an observer for the provisioning log and the progress.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// This engine with somebody who tells people when the job goes into quarantine and out of it. Without one nobody is told, and what
    /// is to be told is not kept.
    #[must_use]
    pub fn with_notifier(self, notifier: Arc<dyn Notifier>) -> Self {
        Self { notifier: Some(notifier), ..self }
    }

    /// This engine with something that knows what the connection has used of its quotas, which the progress then tells.
    #[must_use]
    pub fn with_quota_meter(self, meter: Arc<dyn QuotaMeter>) -> Self {
        Self { quota: Some(meter), ..self }
    }

    /// This engine with the removals released that the deletion threshold held back, or that a source tells which shows nothing any more.
    #[must_use]
    pub fn with_removals_allowed(self) -> Self {
        Self { may_remove: true, ..self }
    }

    /// The job.
    pub fn job(&self) -> &ProvisioningJob {
        &self.job
    }

    pub(crate) fn random_name(&self) -> String {
        random_name(self.entropy.as_ref())
    }

    /// Runs a cycle: an initial one if there is no watermark or the job changed, else an incremental one. A cycle that was stopped goes on.
    /// Whether it is due does not matter; [`run_due`](Self::run_due) looks at that. It begins with a request that tests the connection.
    ///
    /// A failure may put the job into quarantine, which its [status](Self::status) tells.
    ///
    /// # Errors
    /// [`CycleError`] if the cycle could not be completed; everything that was done is kept.
    pub async fn run_cycle(&self) -> Result<CycleReport, CycleError> {
        self.check_active().await?;
        let state = self.open().await?;
        let (began_at, tally) = (self.clock.now(), Tally::default());
        let result = self.run_held(&state, &tally, Until::Done).await;
        self.close(&state, began_at, &tally, result).await
    }

    /// Writes how a cycle ended, and gives the job back.
    pub(crate) async fn close<T: Ended>(&self, state: &State, began_at: Timestamp, tally: &Tally, result: Result<T>) -> Result<T> {
        let concluded = self.conclude(state, began_at, tally, result).await;
        let closed = state.close().await;
        let ended = concluded?;
        closed?;
        Ok(ended)
    }

    /// Writes how a cycle ended.
    pub(crate) async fn conclude<T: Ended>(&self, state: &State, began_at: Timestamp, tally: &Tally, result: Result<T>) -> Result<T> {
        let took = self.clock.now().duration_since(began_at).try_into().unwrap_or_default();
        let recorded = match &result {
            // Whoever does not have the job writes nothing.
            Err(CycleError::State(_)) => Ok(()),
            Err(error) => self.record_execution(state, began_at, &tally.report(), Some(error)).await,
            Ok(ended) => match ended.report() {
                Some(report) => self.record_execution(state, began_at, report, None).await,
                None => Ok(()),
            },
        };
        crate::metering::count_cycle(result.as_ref().ok().and_then(Ended::report), took);
        let told = if recorded.is_ok() { self.give_notice(state).await } else { Ok(()) };
        let ended = result?;
        recorded?;
        told?;
        Ok(ended)
    }

    pub(crate) async fn open(&self) -> Result<State> {
        let job = &self.job;
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let state = State::open(store, clock, job.id.clone(), self.owner.clone(), job.lease_duration).await?;
        let migrated = migrate(&state, job).await;
        if migrated.is_err() {
            let closed = state.close().await;
            migrated?;
            closed?;
        }
        Ok(state)
    }

    /// The state for reading only, also while a cycle runs.
    pub(crate) fn reading(&self) -> State {
        State::reading(Arc::clone(&self.store), Arc::clone(&self.clock), self.job.id.clone(), self.owner.clone())
    }

    pub(crate) async fn run_held(&self, state: &State, tally: &Tally, until: Until) -> Result<CycleReport> {
        self.give_notice(state).await?;
        self.check_object_types()?;
        let mut record = state.job().await?;
        if !record.is_cycle_open || record.plan.is_some() {
            if !record.is_cycle_open {
                record.is_cycle_open = true;
                record.cycles += 1;
                record.positions.clear();
            }
            // A plan that waits to be applied is made anew.
            record.plan = None;
            let mut batch = Batch::new();
            put_job(&mut batch, &record)?;
            state.commit(batch).await?;
        }
        let is_changed = record.fingerprint != self.job.fingerprint || record.evaluates_all;
        let kind = if record.watermark.is_empty() || is_changed { Cycle::Initial } else { Cycle::Incremental };
        let mut run = self.run(state, tally, &record, kind);
        run.explains = until == Until::Planned;

        check_connection(&run).await?;
        run.progress(Phase::Settling, 0, None);
        settle_open(&run).await?;
        if is_changed {
            mark_all(&run).await?;
            record.fingerprint.clone_from(&self.job.fingerprint);
            record.evaluates_all = false;
        }
        release_due(&run).await?;
        import(&run, &mut record).await?;
        entitle(&run, &mut record).await?;
        let app_roles = self.source.app_roles().await?;
        let counts = plan(&run, &app_roles).await?;
        if until == Until::Planned {
            let (now, cycle, fingerprint) = (self.clock.now(), record.cycles, record.fingerprint.clone());
            let watermark = record.positions_print();
            let id = print(&(self.random_name(), cycle, now, &watermark));
            record.plan = Some(PlanHeader::new(id, now, cycle, fingerprint, watermark, counts, tally.report()));
            let mut batch = Batch::new();
            put_job(&mut batch, &record)?;
            state.commit(batch).await?;
            return Ok(tally.report());
        }
        self.guard(&run, counts).await?;
        apply_all(&run, counts.actions).await?;
        write_references(&run, &app_roles).await?;
        finish(&run, record).await?;
        Ok(tally.report())
    }

    /// Refuses a mapping that the source has no objects for, such as one of `user` or `Person` where there are only those of `User`.
    pub(crate) fn check_object_types(&self) -> Result<()> {
        let known = self.source.object_types();
        let mut object_types = self.job.mappings.iter().map(MappingSet::object_type);
        match object_types.find(|object_type| !known.iter().any(|known| known == object_type)) {
            Some(object_type) => Err(CycleError::UnknownObjectType { object_type: object_type.to_owned(), known }),
            None => Ok(()),
        }
    }

    /// Holds everything back if too much would be removed.
    ///
    /// INVARIANT (deletion guard): this stands between the plan and the first write.
    pub(crate) async fn guard(&self, run: &Run<'_>, counts: PlanCounts) -> Result<()> {
        let planned = counts.removals();
        let Some(threshold) = self.job.deletion_threshold.filter(|threshold| planned > *threshold) else { return Ok(()) };
        if run.are_removals_released().await? {
            return Ok(());
        }
        let mut walk = run.state.walk::<PlannedAction>(Table::Plan, "");
        while let Some(rows) = walk.next().await? {
            let mut batch = Batch::new();
            let mut events = Vec::new();
            let removals: Vec<PlannedAction> = rows.into_iter().map(|(_, held)| held).filter(|held| held.action.removes()).collect();
            let keys: Vec<String> = removals.iter().map(|held| object_key(&held.object_type, &held.source_id)).collect();
            let links = run.state.get_many::<Link>(Table::Link, &keys).await?;
            for (held, link) in removals.into_iter().zip(links) {
                let outcome = Outcome {
                    object_type: &held.object_type,
                    source_id: &held.source_id,
                    name: held.name,
                    target_id: held.action.target_id(),
                    target_name: link.and_then(|link| run.target_name(&held.object_type, &link.exported)),
                    action: EventAction::StagedDelete,
                    is_reference: false,
                    status: EventStatus::Warning,
                    reason: None,
                    escrow: None,
                    changes: held.changes,
                    took: std::time::Duration::ZERO,
                };
                events.push(run.record(&mut batch, outcome)?);
            }
            run.state.commit(batch).await?;
            events.iter().for_each(|event| run.emit(event));
        }
        Err(CycleError::TooManyDeletes { planned, threshold })
    }

    pub(crate) fn run<'a>(&'a self, state: &'a State, tally: &'a Tally, record: &JobRecord, kind: Cycle) -> Run<'a> {
        tally.count(|report| (report.number, report.kind) = (record.cycles, kind));
        Run {
            job: &self.job,
            source: self.source.as_ref(),
            target: self.target.as_ref(),
            state,
            clock: self.clock.as_ref(),
            observer: self.observer.as_ref(),
            entropy: self.entropy.as_ref(),
            quota: self.quota.as_deref(),
            cycle: record.cycles,
            explains: false,
            is_approved: false,
            may_remove: self.may_remove,
            few_members: None,
            tally,
            refusals: Refusals::default(),
            unsettled: Mutex::default(),
            phase: Mutex::new(None),
        }
    }
}

pub(crate) fn random_name(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ends the cycle: what was read up to here is the watermark of the next one.
pub(crate) async fn finish(run: &Run<'_>, mut record: JobRecord) -> Result<()> {
    record.watermark = std::mem::take(&mut record.positions).into_iter().map(|(object_type, read)| (object_type, read.next)).collect();
    record.is_cycle_open = false;
    record.plan = None;
    let mut batch = Batch::new();
    batch.clear(Table::Plan, "");
    batch.clear(Table::Listing, "");
    for object_type in run.source.object_types() {
        // Nobody works on objects of a type without mapping; a mapping that comes later marks them all.
        if run.job.mapping(&object_type).is_none() {
            batch.clear(Table::Pending, Work::Object.prefix(&object_type));
        }
    }
    put_job(&mut batch, &record)?;
    run.state.commit(batch).await?;
    prune_log(run).await
}
