//! Checks attribute mappings against a service provider, and traces one record through them.
//!
//! [`run`] is the program: arguments in, text out.

mod document;
mod program;

pub use program::{Arguments, Command, Failure, run};
