//! Directories to provision from.
//!
//! With the feature `graph`, `graph::GraphSource` reads Microsoft Graph's delta queries over any transport, and `graph::RecordedPages` is a
//! transport that answers from files, so that a recorded directory is read by the very same code.
//!
//! | feature | purpose |
//! |---|---|
//! | `graph` | Microsoft Graph delta queries, live or recorded as files |
//!
//! Nothing is on by default. There is no HTTP stack and no runtime here: the transport brings them.

#[cfg(feature = "graph")]
pub mod graph;
