//! Places for the provisioning log: lines of JSON, `tracing`, and the state itself.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use scimkit_store::Table;

use crate::engine::Engine;
use crate::error::CycleError;
use crate::event::{Observer, ProvisioningEvent};
use crate::notice::{Notice, Notifier};
use crate::quarantine::Quarantine;

/// Writes the provisioning log as lines of JSON. Records hold attribute values, so the file is for its owner only.
///
/// A cycle does not stop because the log cannot be written; [`finish`](Self::finish) tells the first failure.
pub struct JsonLines<W> {
    state: Mutex<Lines<W>>,
}

struct Lines<W> {
    out: W,
    failure: Option<io::Error>,
}

impl<W: Write + Send> JsonLines<W> {
    /// A log that is written there.
    pub const fn new(out: W) -> Self {
        Self { state: Mutex::new(Lines { out, failure: None }) }
    }

    /// Writes out what is still in memory.
    ///
    /// # Errors
    /// The first failure to write since the last call.
    pub fn finish(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.failure.take() {
            Some(failure) => Err(failure),
            None => state.out.flush(),
        }
    }
}

impl<W> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

impl<W: Write + Send> Observer for JsonLines<W> {
    fn event(&self, event: &ProvisioningEvent) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_writer(&mut state.out, event).map_err(io::Error::from).and_then(|()| state.out.write_all(b"\n"));
        if let Err(error) = written {
            state.failure.get_or_insert(error);
        }
    }
}

/// Tells `tracing` what becomes of each object: ids, actions and codes, and no attribute value.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TracingLog;

impl Observer for TracingLog {
    fn event(&self, event: &ProvisioningEvent) {
        tracing::info!(
            id = event.id,
            cycle = event.cycle,
            object_type = event.object_type,
            source_id = event.source_id,
            target_id = event.target_id,
            action = ?event.action,
            status = ?event.status,
            code = event.code.map(tracing::field::debug),
            milliseconds = event.duration_in_milliseconds,
            "object provisioned"
        );
    }
}

/// Tells `tracing` what people are told of, as a warning.
#[async_trait]
impl Notifier for TracingLog {
    async fn notify(&self, notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Quarantine { reason, next_attempt_at, .. } = &notice.quarantine;
        tracing::warn!(id = notice.id, job = notice.job, kind = ?notice.kind, ?reason, %next_attempt_at, "{}", notice.subject());
        Ok(())
    }
}

impl Engine {
    /// Some records of the provisioning log that the state keeps, in order of time, after the one with this key; each with its key.
    /// There are none unless the job [keeps them](crate::ProvisioningJob::log_retention).
    ///
    /// # Errors
    /// [`CycleError::State`] if the state cannot be read.
    pub async fn log(&self, after: Option<&str>, limit: usize) -> Result<Vec<(String, ProvisioningEvent)>, CycleError> {
        self.reading().page(Table::Log, after, limit).await
    }
}
