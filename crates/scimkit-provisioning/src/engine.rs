//! The engine: tests the connection, runs cycles and says what is not provisioned.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use scimkit_filter::Filter;
use scimkit_mapping::Entropy;
use scimkit_store::{Batch, StateStore, Table};
use scimkit_types::{Clock, Resource, ScimType, Value};

use crate::apply::{apply_all, settle_open};
use crate::decide::{Decision, Known, Setting};
use crate::entitlement::entitle;
use crate::error::{ConnectionError, CycleError, Result};
use crate::escrow::release_due;
use crate::event::{ErrorCode, Observer, Phase, Silent};
use crate::import::{import, mark_all};
use crate::job::ProvisioningJob;
use crate::plan::plan;
use crate::records::{Escrow, JobRecord, Link, Presence, StoredRecord};
use crate::references::write_references;
use crate::report::{Cycle, CycleReport};
use crate::run::Run;
use crate::source::Source;
use crate::state::{State, Work, object_key, put_job};
use crate::target::{Target, TargetErrorKind};

/// Runs one job: a source on one side, a target on the other, and the state between them.
///
/// Cycles of one job do not overlap: the state's lease sees to that, as long as workers that may run at the same time have
/// [owners](ProvisioningJob::owner) of different names. Dropping a running cycle, or killing its process, loses nothing: the
/// next cycle settles what was left open and goes on.
#[derive(Clone, Debug)]
pub struct Engine {
    job: Arc<ProvisioningJob>,
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    state: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    observer: Arc<dyn Observer>,
    may_remove: bool,
}

impl Engine {
    /// An engine that tells nobody what it does.
    pub fn new(
        job: ProvisioningJob,
        source: Arc<dyn Source>,
        target: Arc<dyn Target>,
        state: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { job: Arc::new(job), source, target, state, clock, entropy, observer: Arc::new(Silent), may_remove: false }
    }

    /// This engine with an observer for the provisioning log and the progress.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// This engine with the removals released that the deletion threshold held back.
    #[must_use]
    pub fn with_removals_allowed(self) -> Self {
        Self { may_remove: true, ..self }
    }

    /// The job.
    pub fn job(&self) -> &ProvisioningJob {
        &self.job
    }

    /// Asks the service, for each matching attribute, for a value that nobody has; it must answer with an empty list.
    ///
    /// # Errors
    /// [`ConnectionError`], which says what to do.
    pub async fn test_connection(&self) -> Result<(), ConnectionError> {
        for mapping in &self.job.mappings {
            for attribute in mapping.matching() {
                let filter = Filter::equal(attribute.filter_path.clone(), self.value_of_nobody());
                match self.target.find(mapping.resource_type(), &filter).await {
                    Ok(found) if found.is_empty() => {}
                    Ok(found) => {
                        return Err(ConnectionError::IgnoresFilter { attribute: attribute.target.clone(), found: found.len() });
                    }
                    Err(error) => {
                        return Err(match error.kind {
                            _ if error.scim_type == Some(ScimType::InvalidFilter) => {
                                ConnectionError::CannotFilter { attribute: attribute.target.clone(), error }
                            }
                            TargetErrorKind::Unavailable | TargetErrorKind::Throttled => ConnectionError::Unreachable(error),
                            TargetErrorKind::Unauthorized => ConnectionError::Unauthorized(error),
                            TargetErrorKind::Incompatible | TargetErrorKind::Gone => ConnectionError::Incompatible(error),
                            _ => ConnectionError::Refused(error),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn value_of_nobody(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Runs a cycle: an initial one if there is no watermark or the job changed, else an incremental one. A cycle that was stopped goes on.
    ///
    /// # Errors
    /// [`CycleError`] if the cycle could not be completed; everything that was done is kept.
    pub async fn run_cycle(&self) -> Result<CycleReport, CycleError> {
        let state = self.open().await?;
        let result = self.run_held(&state).await;
        let closed = state.close().await;
        let report = result?;
        closed?;
        Ok(report)
    }

    async fn open(&self) -> Result<State> {
        let job = &self.job;
        State::open(Arc::clone(&self.state), Arc::clone(&self.clock), job.id.clone(), job.owner.clone(), job.lease_duration).await
    }

    /// The state for reading only, also while a cycle runs.
    fn reading(&self) -> State {
        State::reading(Arc::clone(&self.state), Arc::clone(&self.clock), self.job.id.clone(), self.job.owner.clone())
    }

    async fn run_held(&self, state: &State) -> Result<CycleReport> {
        let mut record = state.job().await?;
        if !record.is_cycle_open {
            record.is_cycle_open = true;
            record.cycles += 1;
            record.positions.clear();
            let mut batch = Batch::new();
            put_job(&mut batch, &record)?;
            state.commit(batch).await?;
        }
        let is_changed = record.fingerprint != self.job.fingerprint;
        let kind = if record.watermark.is_empty() || is_changed { Cycle::Initial } else { Cycle::Incremental };
        let run = self.run(state, &record, kind);

        run.progress(Phase::Settling, 0, None);
        settle_open(&run).await?;
        if is_changed {
            mark_all(&run).await?;
            record.fingerprint.clone_from(&self.job.fingerprint);
        }
        release_due(&run).await?;
        import(&run, &mut record).await?;
        let assignments = self.source.assignments().await?;
        entitle(&run, &mut record, &assignments).await?;
        let planned = plan(&run, &assignments.app_roles).await?;
        if let Some(threshold) = self.job.deletion_threshold.filter(|threshold| planned.removals > *threshold && !self.may_remove) {
            return Err(CycleError::TooManyDeletes { planned: planned.removals, threshold });
        }
        apply_all(&run, planned.actions).await?;
        write_references(&run, &assignments.app_roles, planned.actions).await?;
        finish(&run, record).await?;
        Ok(run.tally.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn run<'a>(&'a self, state: &'a State, record: &JobRecord, kind: Cycle) -> Run<'a> {
        let report = CycleReport { number: record.cycles, kind, ..CycleReport::default() };
        Run {
            job: &self.job,
            source: self.source.as_ref(),
            target: self.target.as_ref(),
            state,
            clock: self.clock.as_ref(),
            observer: self.observer.as_ref(),
            entropy: self.entropy.as_ref(),
            cycle: record.cycles,
            tally: Mutex::new(report),
        }
    }

    /// The linked objects with what was last written to each, by object type and source id. Nothing is sent to the service.
    ///
    /// # Errors
    /// [`CycleError`] if the state cannot be read.
    pub async fn linked(&self) -> Result<Vec<LinkedObject>, CycleError> {
        self.find_linked(&self.reading()).await
    }

    async fn find_linked(&self, state: &State) -> Result<Vec<LinkedObject>> {
        let mut linked = Vec::new();
        for mapping in &self.job.mappings {
            let object_type = mapping.object_type();
            let prefix = object_key(object_type, "");
            let mut walk = state.walk::<Link>(Table::Link, prefix.as_str());
            while let Some(rows) = walk.next().await? {
                linked.extend(rows.into_iter().map(|(key, link)| LinkedObject {
                    object_type: object_type.to_owned(),
                    source_id: key.strip_prefix(&prefix).unwrap_or(&key).to_owned(),
                    target_id: link.target_id,
                    exported: link.exported,
                    references: link.references,
                }));
            }
        }
        Ok(linked)
    }

    /// The source objects that the service does not have, each with the reason, by object type and id. Nothing is sent to the service.
    ///
    /// # Errors
    /// [`CycleError`] if the source's roles or the state cannot be read.
    pub async fn unprovisioned(&self) -> Result<Vec<Unprovisioned>, CycleError> {
        self.find_unprovisioned(&self.reading()).await
    }

    async fn find_unprovisioned(&self, state: &State) -> Result<Vec<Unprovisioned>> {
        let record = state.job().await?;
        let run = self.run(state, &record, Cycle::Incremental);
        let app_roles = self.source.assignments().await?.app_roles;
        let mut unprovisioned = Vec::new();
        for mapping in &self.job.mappings {
            let setting = run.setting(mapping, &app_roles);
            let prefix = object_key(mapping.object_type(), "");
            let mut walk = state.walk::<StoredRecord>(Table::Record, prefix.as_str());
            while let Some(rows) = walk.next().await? {
                let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
                let links = state.get_many::<Link>(Table::Link, &keys).await?;
                let roles = state.get_many::<Vec<String>>(Table::Assignment, &keys).await?;
                let escrows = state.get_many::<Escrow>(Table::Escrow, &keys).await?;
                for ((((_, stored), link), roles), escrow) in rows.into_iter().zip(links).zip(roles).zip(escrows) {
                    if link.is_none() {
                        let (code, reason) = why(&setting, &stored, roles.as_deref(), escrow);
                        unprovisioned.push(Unprovisioned {
                            object_type: mapping.object_type().to_owned(),
                            name: name_of(&stored),
                            source_id: stored.record.id,
                            is_deleted: stored.presence != Presence::Present,
                            code,
                            reason,
                        });
                    }
                }
            }
        }
        Ok(unprovisioned)
    }
}

fn name_of(stored: &StoredRecord) -> Option<String> {
    let text = |name: &str| stored.record.attributes.get(name).and_then(Value::as_str);
    text("userPrincipalName").or_else(|| text("displayName")).map(str::to_owned)
}

fn why(setting: &Setting<'_>, stored: &StoredRecord, roles: Option<&[String]>, escrow: Option<Escrow>) -> (ErrorCode, String) {
    match setting.decide(Known { stored, roles, link: None }) {
        Decision::Skip(reason) | Decision::Fail(reason) => (reason.code, reason.text),
        _ => escrow.map_or_else(
            || (ErrorCode::RedundantExport, "the object has not been looked at yet".to_owned()),
            |escrow| (escrow.code, escrow.reason),
        ),
    }
}

/// Ends the cycle: what was read up to here is the watermark of the next one.
async fn finish(run: &Run<'_>, mut record: JobRecord) -> Result<()> {
    record.watermark = std::mem::take(&mut record.positions).into_iter().map(|(object_type, read)| (object_type, read.next)).collect();
    record.is_cycle_open = false;
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
    run.state.commit(batch).await
}

/// A source object that the service has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinkedObject {
    /// The type of the object.
    pub object_type: String,
    /// The id of the object in the source.
    pub source_id: String,
    /// The id of the object in the target.
    pub target_id: String,
    /// The attributes that were last written.
    pub exported: Resource,
    /// The target ids that were last written, by the path of the reference.
    pub references: BTreeMap<String, Vec<String>>,
}

/// A source object that the service does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unprovisioned {
    /// The type of the object.
    pub object_type: String,
    /// The id of the object in the source.
    pub source_id: String,
    /// What people know the object by, if the source tells: `userPrincipalName` or `displayName`.
    pub name: Option<String>,
    /// Whether the source has deleted it.
    pub is_deleted: bool,
    /// Why the service does not have it.
    pub code: ErrorCode,
    /// The same for people.
    pub reason: String,
}
