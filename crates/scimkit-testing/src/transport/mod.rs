//! Transports for tests.

mod delayed;
mod flaky;
mod in_process;
mod recording;
mod scripted;

pub use delayed::Delayed;
pub use flaky::{Fault, FlakyTransport};
pub use in_process::InProcess;
pub use recording::{Exchange, Recording};
pub use scripted::ScriptedTransport;
