//! Whole chains of scimkit: what the tests of this package share.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "only tests use this, and a test reports by panicking")]

pub mod content;
pub mod directory;
pub mod job;
pub mod killed_state;
pub mod loopback;
pub mod people;
pub mod simulation;
pub mod stores;
pub mod wire;
pub mod world;

pub use content::{Content, dump};
pub use directory::Company;
pub use job::{ServiceKind, compile, without_uniqueness};
pub use killed_state::{CommitFault, KilledState};
pub use loopback::{KillAt, Loopback};
pub use people::People;
pub use wire::{Wire, WireReply};
pub use world::{BASE, TOKEN, World, client, engine};
