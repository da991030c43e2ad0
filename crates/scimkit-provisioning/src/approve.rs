//! Planning without writing, and applying a plan that was approved.

use std::collections::BTreeMap;
use std::io::Write;

use scimkit_store::Table;

use crate::apply::{apply_all, settle_open};
use crate::engine::{Engine, Until, finish};
use crate::error::{CycleError, Result};
use crate::event::Phase;
use crate::records::{JobRecord, PlannedAction};
use crate::references::write_references;
use crate::report::{Cycle, CycleReport, Tally};
use crate::saved_plan::{PlanCounts, PlanDocument, PlanFormat, PlanHeader, PlanWriter, PlannedChange};
use crate::state::{CHUNK, State};

impl Engine {
    /// Does everything of a cycle up to the plan, and stops: nothing is written to the target, but what an earlier run left open is
    /// settled. The plan waits in the state until it is [applied](Self::apply_plan), or until another cycle plans anew.
    ///
    /// # Errors
    /// [`CycleError`] as of [`run_cycle`](Self::run_cycle).
    pub async fn plan_cycle(&self) -> Result<PlanHeader, CycleError> {
        self.check_active().await?;
        let state = self.open().await?;
        let (began_at, tally) = (self.clock.now(), Tally::default());
        let result = self.plan_held(&state, &tally).await;
        self.close(&state, began_at, &tally, result).await
    }

    async fn plan_held(&self, state: &State, tally: &Tally) -> Result<PlanHeader> {
        self.run_held(state, tally, Until::Planned).await?;
        let plan = state.job().await?.plan;
        plan.ok_or_else(|| CycleError::PlanRefused { reason: "it is gone".to_owned() })
    }

    /// The plan that waits to be applied, if there is one.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read.
    pub async fn waiting_plan(&self) -> Result<Option<PlanHeader>, CycleError> {
        Ok(self.reading().job().await?.plan)
    }

    /// Some actions of the waiting plan, in order, after the one with this key.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read.
    pub async fn planned_changes(&self, after: Option<&str>, limit: usize) -> Result<Vec<PlannedChange>, CycleError> {
        let rows = self.reading().page::<PlannedAction>(Table::Plan, after, limit).await?;
        Ok(rows.into_iter().map(|(key, planned)| PlannedChange::new(key, planned)).collect())
    }

    /// Writes the waiting plan. It holds people's data: a file of it is for its owner only.
    ///
    /// # Errors
    /// [`CycleError::PlanRefused`] if no plan waits; [`CycleError::Output`] if it cannot be written; [`CycleError::State`].
    pub async fn write_plan(&self, format: PlanFormat, out: &mut (dyn Write + Send)) -> Result<(), CycleError> {
        let Some(plan) = self.waiting_plan().await? else {
            return Err(CycleError::PlanRefused { reason: "no plan waits".to_owned() });
        };
        let mut writer = PlanWriter::begin(out, format, &plan)?;
        let mut after: Option<String> = None;
        loop {
            let changes = self.planned_changes(after.as_deref(), CHUNK).await?;
            let Some(last) = changes.last() else { break };
            after = Some(last.key.clone());
            for change in &changes {
                writer.write(change)?;
            }
        }
        Ok(writer.end()?)
    }

    /// The waiting plan as a whole, to be compared with another one; `None` if no plan waits.
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read.
    pub async fn plan_document(&self) -> Result<Option<PlanDocument>, CycleError> {
        let Some(plan) = self.waiting_plan().await? else { return Ok(None) };
        let actions = self.planned_changes(None, usize::MAX).await?;
        Ok(Some(PlanDocument { plan, actions }))
    }

    /// Applies the plan of this id, and ends its cycle. An action whose object's link changed since is skipped, and the log tells so. After
    /// a failure the plan waits for another call, which does what was not begun; a create that was begun and not done is for the next cycle.
    ///
    /// Where the deletion threshold holds the plan back, an engine [with removals allowed](Self::with_removals_allowed) applies this plan
    /// and no other removals, whereas a restart with [`FORCE_DELETES`](crate::ResetScope::FORCE_DELETES) drops it and lets pass whatever
    /// the next cycle finds.
    ///
    /// # Errors
    /// [`CycleError::PlanRefused`] if another plan or none waits, if the job has another fingerprint than when it was made, or if the
    /// source was read since; else as of [`run_cycle`](Self::run_cycle).
    pub async fn apply_plan(&self, id: &str) -> Result<CycleReport, CycleError> {
        self.check_active().await?;
        let state = self.open().await?;
        let (began_at, tally) = (self.clock.now(), Tally::default());
        let result = self.apply_held(&state, &tally, id).await;
        self.close(&state, began_at, &tally, result).await
    }

    async fn apply_held(&self, state: &State, tally: &Tally, id: &str) -> Result<CycleReport> {
        let record = state.job().await?;
        check(&record, id, &self.job.fingerprint)?;
        let mut run = self.run(state, tally, &record, Cycle::Incremental);
        run.is_approved = true;
        if let Some(plan) = &record.plan {
            let report = plan.report.clone();
            run.count(|tally| *tally = report);
        }
        run.progress(Phase::Settling, 0, None);
        settle_open(&run).await?;
        let mut counts = PlanCounts::default();
        let mut walk = state.walk::<PlannedAction>(Table::Plan, "");
        while let Some(rows) = walk.next().await? {
            rows.iter().for_each(|(_, planned)| counts.count(&planned.action));
        }
        self.guard(&run, counts).await?;
        let app_roles = self.source.app_roles().await?;
        apply_all(&run, counts.actions).await?;
        write_references(&run, &app_roles).await?;
        finish(&run, record).await?;
        Ok(tally.report())
    }
}

/// Refuses a plan that does not belong to what the job is now.
fn check(record: &JobRecord, id: &str, fingerprint: &str) -> Result<()> {
    let reason = match &record.plan {
        None => "no plan waits",
        Some(plan) if plan.id != id => "another plan waits",
        Some(plan) if plan.fingerprint != fingerprint => "the job has changed since it was made",
        Some(plan) if plan.watermark != record.positions_print() => "the source was read since it was made",
        Some(_) => return Ok(()),
    };
    Err(CycleError::PlanRefused { reason: reason.to_owned() })
}

impl JobRecord {
    /// Text that changes when the source is read on.
    pub(crate) fn positions_print(&self) -> String {
        let positions: BTreeMap<&str, &str> =
            self.positions.iter().map(|(object_type, position)| (object_type.as_str(), position.next.as_str())).collect();
        crate::records::print(&positions)
    }
}
