//! Cycles of the engine between a directory of lists and a service of maps, row by row of the decision table.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests report by panicking")]

mod adoption;
mod adversity;
mod assignments;
mod bulk;
mod connection;
mod counted;
mod cycles;
mod decisions;
mod drift;
mod failures;
mod group_decisions;
mod incidents;
mod job_files;
mod log;
mod members;
mod nested;
mod notices;
mod on_demand;
mod paging;
mod plans;
mod progress;
mod quarantine;
mod referrers;
mod refusals;
mod rings;
mod status;
mod uncertain;
mod workers;
mod world;
