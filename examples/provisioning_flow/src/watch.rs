//! What the user sees while a cycle runs: a progress bar, or plain lines where there is no terminal; and the provisioning log.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use scimkit_provisioning::{EventAction, Notice, Notifier, Observer, Phase, Progress, ProvisioningEvent};

/// Writes the provisioning log and shows the progress.
#[derive(Debug)]
pub(crate) struct Watch {
    bar: ProgressBar,
    state: Mutex<State>,
}

/// Removals that were held back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    /// How many.
    pub count: u64,
    /// The record of the first one.
    pub example: Option<String>,
}

#[derive(Debug)]
struct State {
    log: BufWriter<File>,
    phase: Option<Phase>,
    records: u64,
    staged: Staged,
    notices: Vec<Notice>,
    /// The first failure to write the log; told at the end, because a cycle must not stop for it.
    failure: Option<std::io::Error>,
}

impl Watch {
    /// Appends to a provisioning log.
    pub(crate) fn new(log: File) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let (log, staged, notices) = (BufWriter::new(log), Staged::default(), Vec::new());
        Self { bar, state: Mutex::new(State { log, phase: None, records: 0, staged, notices, failure: None }) }
    }

    /// Ends the bar of a cycle, and writes out what of the log is still in memory.
    pub(crate) fn finish(&self) -> Result<(), std::io::Error> {
        self.bar.finish_and_clear();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.phase = None;
        match state.failure.take() {
            Some(failure) => Err(failure),
            None => state.log.flush(),
        }
    }

    /// How many records the log got.
    pub(crate) fn records(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).records
    }

    /// The removals that were held back since this was last asked.
    pub(crate) fn staged(&self) -> Staged {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).staged)
    }

    /// What people were to be told since this was last asked.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).notices)
    }

    fn begin(&self, progress: &Progress) {
        let template = match progress.total {
            Some(_) => "  {prefix:<11} [{bar:30}] {pos:>5}/{len}  {rate}  {eta} to go",
            None => "  {prefix:<11} {spinner} {pos}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A bar that cannot be drawn is not worth stopping a cycle for.
            let _ = write!(out, "{:.0} a second", state.per_sec());
        };
        self.bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
        self.bar.reset();
        self.bar.set_prefix(progress.phase.name());
    }
}

/// A program that sends mail would do it here; this one shows what it would say.
#[async_trait]
impl Notifier for Watch {
    async fn notify(&self, notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).notices.push(notice.clone());
        Ok(())
    }
}

impl Observer for Watch {
    fn event(&self, event: &ProvisioningEvent) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.records += 1;
        if event.action == EventAction::StagedDelete {
            state.staged.count += 1;
            if state.staged.example.is_none() {
                state.staged.example = serde_json::to_string(event).ok();
            }
        }
        let written = serde_json::to_writer(&mut state.log, event).map_err(std::io::Error::from).and_then(|()| state.log.write_all(b"\n"));
        if let Err(error) = written {
            state.failure.get_or_insert(error);
        }
    }

    fn progress(&self, progress: &Progress) {
        let is_new = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.phase.replace(progress.phase) != Some(progress.phase)
        };
        if is_new {
            self.begin(progress);
        }
        if let Some(total) = progress.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.done);
    }
}
