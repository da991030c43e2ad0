//! What a process has used so far, and in which phase of a cycle.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use scimkit::provisioning::{Observer, Phase, Progress};

/// What the process has used since it began.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub at: Instant,
    /// Seconds of processor time, of all threads.
    pub cpu: f64,
    /// The most memory that it had at once, in KiB.
    pub peak: u64,
}

impl Usage {
    pub fn now() -> Self {
        Self { at: Instant::now(), cpu: cpu_seconds().unwrap_or_default(), peak: peak_memory().unwrap_or_default() }
    }
}

fn cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Remembers when each phase began.
#[derive(Debug, Default)]
pub struct Phases(Mutex<Vec<(Phase, Usage)>>);

/// What a phase took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
    pub seconds: f64,
    pub cpu: f64,
    /// The most memory that the process had at once until the phase ended, in KiB.
    pub peak: u64,
}

impl Phases {
    /// What these phases took together, if the cycle has just ended.
    pub fn took(&self, phases: &[Phase]) -> Took {
        let began = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Usage::now();
        let ends = began.iter().skip(1).map(|(_, usage)| *usage).chain([now]);
        let mut took = Took::default();
        for ((_, begin), end) in began.iter().zip(ends).filter(|((phase, _), _)| phases.contains(phase)) {
            took.seconds += end.at.duration_since(begin.at).as_secs_f64();
            took.cpu += end.cpu - begin.cpu;
            took.peak = end.peak;
        }
        took
    }
}

impl Observer for Phases {
    fn progress(&self, progress: &Progress) {
        let mut began = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if began.last().is_none_or(|(phase, _)| *phase != progress.phase) {
            began.push((progress.phase, Usage::now()));
        }
    }
}
