//! Whole deployments in virtual time, from a seed: a directory that changes, a service with limits, and workers that fail and are killed.

mod blocking;
mod deployment;
mod end;
mod model;
mod network;
mod orders;
mod process;
mod run;
mod scenario;
mod state;

pub use network::{Network, Sent};
pub use process::{Fate, Process};
pub use run::{Stats, Violation, simulate};
pub use scenario::{Event, INTERVAL, Meanwhile, Object, Other, Scenario};
pub use scimkit_testing::directory::{Change, Directory};
pub use state::FaultyState;
