//! Provisioning cycles that keep a target equal to what a source and its mappings say.

pub mod source;

pub use source::{
    Assignment, Assignments, Position, ReferenceChange, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
