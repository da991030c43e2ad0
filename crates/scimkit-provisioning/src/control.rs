//! Starting, pausing and restarting a job, when it is due, and how it is.

use scimkit_store::{Batch, Table};
use scimkit_types::Timestamp;

use crate::engine::Engine;
use crate::error::{CycleError, Result};
use crate::import::mark_all;
use crate::quarantine::{EscrowCounts, ExecutionError, Quarantine, QuarantineReason, ScheduleState};
use crate::records::Escrow;
use crate::report::{Cycle, CycleReport, Tally};
use crate::restart::ResetScope;
use crate::state::{CHUNK, State, Work, object_key, put_job};
use crate::status::{
    EntryCount, Execution, ExecutionState, JobSetting, JobStatus, ProgressUnits, Schedule, StatusCode, StatusRecord, SynchronizationStatus,
    Totals,
};

/// When a job is to be run next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// Now.
    Now,
    /// At this instant, unless it is restarted before.
    At(Timestamp),
    /// Not before it is started.
    Never(ScheduleState),
}

impl Engine {
    /// When the job is to be run next: an interval after its last cycle began, in quarantine at its next attempt, never while it is
    /// paused. A cycle that was stopped goes on at once. A job that was in quarantine for four weeks is disabled.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read or written.
    pub async fn due(&self) -> Result<Due, CycleError> {
        self.due_in(&self.reading()).await
    }

    pub(crate) async fn due_in(&self, state: &State) -> Result<Due> {
        let schedule_state = self.schedule_state().await?;
        if schedule_state != ScheduleState::Active {
            return Ok(Due::Never(schedule_state));
        }
        let status = state.status().await?;
        let now = self.clock.now();
        if status.quarantine.as_ref().is_some_and(|quarantine| quarantine.has_ended(now)) {
            self.withhold(ScheduleState::Disabled).await?;
            return Ok(Due::Never(ScheduleState::Disabled));
        }
        let at = self.due_at(&status);
        Ok(if at <= now { Due::Now } else { Due::At(at) })
    }

    /// When a job that is like this is due.
    pub(crate) fn due_at(&self, status: &StatusRecord) -> Timestamp {
        match (&status.quarantine, &status.last_execution) {
            (Some(quarantine), _) => quarantine.next_attempt_at,
            (None, Some(last)) => last.time_began.saturating_add(self.job.interval).unwrap_or(Timestamp::MAX),
            (None, None) => self.clock.now(),
        }
    }

    /// Runs a cycle if the job is due; `None` if it is not.
    ///
    /// # Errors
    /// [`CycleError`] as of [`run_cycle`](Self::run_cycle).
    pub async fn run_due(&self) -> Result<Option<CycleReport>, CycleError> {
        match self.due().await? {
            Due::Now => self.run_cycle().await.map(Some),
            Due::At(_) | Due::Never(_) => self.give_left_notice().await.map(|()| None),
        }
    }

    /// Lets the job be run when it is due. From then on [workers](crate::Worker) are handed it, too. A job that was disabled after four
    /// weeks in quarantine stays in quarantine, is tried at once and has four more weeks.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read or written, or another worker has a job that was disabled.
    pub async fn start(&self) -> Result<(), CycleError> {
        if self.schedule_state().await? == ScheduleState::Disabled {
            let state = self.open().await?;
            let renewed = self.renew_quarantine(&state).await;
            let closed = state.close().await;
            renewed?;
            closed?;
        }
        let status = self.reading().status().await?;
        Ok(self.store.offer(&self.job.id, self.due_at(&status)).await?)
    }

    async fn renew_quarantine(&self, state: &State) -> Result<()> {
        let mut status = state.status().await?;
        let Some(quarantine) = &mut status.quarantine else { return Ok(()) };
        quarantine.renew(self.clock.now());
        let known = Some(quarantine.clone());
        let mut batch = Batch::new();
        self.put_status(&mut batch, known.as_ref(), status)?;
        state.commit(batch).await
    }

    /// Lets no further cycle begin until the job is started; one that runs comes to its end.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be written.
    pub async fn pause(&self) -> Result<(), CycleError> {
        self.withhold(ScheduleState::Paused).await
    }

    /// Puts the job into quarantine, as if it had failed.
    ///
    /// # Errors
    /// [`CycleError::State`] if another worker has the job, or the state cannot be written.
    pub async fn quarantine(&self) -> Result<(), CycleError> {
        let state = self.open().await?;
        let result = self.enter_quarantine(&state, QuarantineReason::OnDemand).await;
        let closed = state.close().await;
        result?;
        closed
    }

    async fn enter_quarantine(&self, state: &State, reason: QuarantineReason) -> Result<()> {
        let mut status = state.status().await?;
        let known = status.quarantine.clone();
        self.put_into_quarantine(&mut status, reason, None);
        let mut batch = Batch::new();
        self.put_status(&mut batch, known.as_ref(), status)?;
        state.commit(batch).await?;
        self.give_notice(state).await
    }

    /// Clears what the scope names, and lets the job be run again. What was begun in the target is settled by the next cycle.
    ///
    /// # Errors
    /// [`CycleError::State`] if another worker has the job, or the state cannot be written.
    pub async fn restart(&self, scope: ResetScope) -> Result<(), CycleError> {
        let state = self.open().await?;
        let result = self.reset(&state, scope).await;
        let closed = state.close().await;
        result?;
        closed?;
        if scope.contains(ResetScope::QUARANTINE_STATE) && self.schedule_state().await? == ScheduleState::Disabled {
            self.start().await?;
        }
        Ok(())
    }

    /// Each part can be repeated, and the record of the job comes last: a restart that is killed is done again.
    async fn reset(&self, state: &State, scope: ResetScope) -> Result<()> {
        let mut record = state.job().await?;
        let mut status = state.status().await?;
        let known = status.quarantine.clone();
        let tally = Tally::default();
        let run = self.run(state, &tally, &record, Cycle::Initial);
        if scope.contains(ResetScope::ESCROWS) {
            retry_escrowed(state).await?;
            status.escrows_pruned = false;
        }
        let mut batch = Batch::new();
        let forgets_objects = scope.contains(ResetScope::CONNECTOR_DATA_STORE);
        if forgets_objects {
            for table in [
                Table::Link,
                Table::LinkByTarget,
                Table::LinkByMatch,
                Table::Record,
                Table::Referrer,
                Table::Reference,
                Table::Written,
                Table::Touched,
                Table::Assignment,
                Table::Waiting,
                Table::Pending,
            ] {
                batch.clear(table, "");
            }
            record.assignments.clear();
        }
        if forgets_objects || scope.contains(ResetScope::WATERMARK) {
            // Whoever left unseen is found as after a position that is too old.
            batch.clear(Table::Seen, "");
            record.restarted.extend(self.source.object_types());
            record.positions.clear();
            record.watermark.clear();
            record.evaluates_all = true;
        }
        if scope.contains(ResetScope::QUARANTINE_STATE) {
            status.quarantine = None;
            status.count_successive_complete_failures = 0;
        }
        if scope.contains(ResetScope::FORCE_DELETES) {
            status.allows_removals = true;
            status.quarantine = status.quarantine.filter(|quarantine| quarantine.reason != QuarantineReason::TooManyDeletes);
        }
        if scope != ResetScope::NONE {
            record.plan = None;
        }
        self.put_status(&mut batch, known.as_ref(), status)?;
        put_job(&mut batch, &record)?;
        state.commit(batch).await?;
        self.give_notice(state).await?;
        if record.evaluates_all && !forgets_objects {
            mark_all(&run).await?;
        }
        Ok(())
    }

    /// How the job is. Nothing is sent to the service.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read.
    pub async fn status(&self) -> Result<JobStatus, CycleError> {
        let schedule_state = self.schedule_state().await?;
        let state = self.reading();
        let (record, status) = (state.job().await?, state.status().await?);
        let mut synchronized_entry_count_by_type = Vec::new();
        let mut progress = Vec::new();
        for mapping in &self.job.mappings {
            let key = mapping.object_type().to_owned();
            // As many as there are links, and much less to walk over.
            let value = state.count(Table::LinkByTarget, &object_key(&key, "")).await?;
            if record.is_cycle_open {
                let left = state.count(Table::Pending, &Work::Object.prefix(&key)).await?;
                let total_units = state.count(Table::Record, &object_key(&key, "")).await?;
                let completed_units = total_units.saturating_sub(left);
                let progress_observation_date_time = self.clock.now();
                progress.push(ProgressUnits { completed_units, total_units, units: key.clone(), progress_observation_date_time });
            }
            synchronized_entry_count_by_type.push(EntryCount { key, value });
        }
        let code = match schedule_state {
            _ if self.job.mappings.is_empty() => StatusCode::NotConfigured,
            ScheduleState::Paused | ScheduleState::Disabled => StatusCode::Paused,
            ScheduleState::Active if status.quarantine.is_some() => StatusCode::Quarantine,
            ScheduleState::Active if record.cycles == 0 => StatusCode::NotRun,
            ScheduleState::Active => StatusCode::Active,
        };
        Ok(JobStatus {
            id: self.job.id.as_str().to_owned(),
            template_id: self.job.profile.name.clone(),
            synchronization_job_settings: JobSetting::of(&self.job),
            schedule: Schedule { interval: self.job.interval, state: schedule_state },
            status: SynchronizationStatus {
                code,
                count_successive_complete_failures: status.count_successive_complete_failures,
                escrows_pruned: status.escrows_pruned,
                last_execution: status.last_execution,
                last_successful_execution: status.last_successful_execution,
                last_successful_execution_with_exports: status.last_successful_execution_with_exports,
                progress,
                quarantine: status.quarantine,
                steady_state_first_achieved_time: status.steady_state_first_achieved_time,
                steady_state_last_achieved_time: status.steady_state_last_achieved_time,
                synchronized_entry_count_by_type,
            },
        })
    }

    pub(crate) async fn check_active(&self) -> Result<()> {
        match self.schedule_state().await? {
            ScheduleState::Active => Ok(()),
            state => Err(CycleError::NotActive { state }),
        }
    }

    /// Writes how a cycle ended, and judges whether the job is in quarantine now.
    pub(crate) async fn record_execution(
        &self,
        state: &State,
        began_at: Timestamp,
        report: &CycleReport,
        error: Option<&CycleError>,
    ) -> Result<()> {
        let mut status = state.status().await?;
        let known = status.quarantine.clone();
        let references = state.count(Table::Escrow, "references/").await?;
        let escrowed = state.count(Table::Escrow, "").await?;
        let linked = state.count(Table::Link, "").await?;
        let totals = Totals { entitled: state.count(Table::Assignment, "").await?, linked, escrowed };
        let execution = Execution::new(self.random_name(), began_at, self.clock.now(), report, error, totals);
        let mut prunes = None;
        match error {
            None => {
                status.count_successive_complete_failures = 0;
                status.allows_removals = false;
                status.last_successful_execution = Some(execution.clone());
                if report.written() > 0 {
                    status.last_successful_execution_with_exports = Some(execution.clone());
                }
                if execution.state == ExecutionState::Succeeded && escrowed == 0 {
                    status.steady_state_first_achieved_time.get_or_insert(execution.time_ended);
                    status.steady_state_last_achieved_time = Some(execution.time_ended);
                }
                let thresholds = self.job.quarantine_thresholds;
                match thresholds.judge(EscrowCounts::new(escrowed - references.min(escrowed), references, linked)) {
                    Some(reason) => {
                        self.put_into_quarantine(&mut status, reason, None);
                        if report.kind == Cycle::Initial && escrowed > thresholds.total_failures {
                            prunes = Some(thresholds.total_failures);
                            status.escrows_pruned = true;
                        }
                    }
                    None => status.quarantine = None,
                }
            }
            Some(error) => {
                status.count_successive_complete_failures += 1;
                if let Some(reason) = QuarantineReason::of(error) {
                    self.put_into_quarantine(&mut status, reason, Some(ExecutionError::new(error)));
                }
            }
        }
        status.last_execution = Some(execution);
        if let Some(kept) = prunes {
            prune_escrows(state, kept).await?;
        }
        let mut batch = Batch::new();
        self.put_status(&mut batch, known.as_ref(), status)?;
        state.commit(batch).await
    }

    /// Puts the job into quarantine.
    fn put_into_quarantine(&self, status: &mut StatusRecord, reason: QuarantineReason, error: Option<ExecutionError>) {
        status.quarantine = Some(Quarantine::next(status.quarantine.as_ref(), self.clock.now(), reason, error));
    }

    /// Whether the job is run; kept beside its lease, since that may be with a cycle that runs.
    async fn schedule_state(&self) -> Result<ScheduleState> {
        Ok(ScheduleState::withheld(self.store.withheld(&self.job.id).await?.as_deref()))
    }

    async fn withhold(&self, state: ScheduleState) -> Result<()> {
        match state.reason() {
            Some(reason) => Ok(self.store.withhold(&self.job.id, reason).await?),
            None => Ok(()),
        }
    }
}

pub(crate) const STATUS_KEY: &str = "status";

/// Lets every object that failed be tried at once, with nothing known of its failures.
async fn retry_escrowed(state: &State) -> Result<()> {
    loop {
        let rows = state.page::<Escrow>(Table::Escrow, None, CHUNK).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for (key, _) in rows {
            batch.put(Table::Pending, Work::of_escrow(&key), "null");
            batch.delete(Table::Escrow, key);
        }
        state.commit(batch).await?;
    }
}

/// Drops failures until so many are left.
async fn prune_escrows(state: &State, kept: u64) -> Result<()> {
    let mut walk = state.walk::<Escrow>(Table::Escrow, "");
    let mut seen = 0;
    while let Some(rows) = walk.next().await? {
        let mut batch = Batch::new();
        for (key, _) in rows {
            seen += 1;
            if seen > kept {
                batch.delete(Table::Escrow, key);
            }
        }
        state.commit(batch).await?;
    }
    Ok(())
}
