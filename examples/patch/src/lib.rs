//! Explains what a PATCH request does to a resource, and answers questions about filters, paths and PATCH line by line.
//!
//! [`run`] is the program: arguments and input in, text out. [`answer_lines`] is its `--jsonl`, which the `filter` example has too.
//!
//! ```
//! use scimkit_example_patch::answer_lines;
//! use scimkit_types::Dialect;
//!
//! let mut output = Vec::new();
//! answer_lines(&br#"{"filter": "(title pr)"}"#[..], &mut output, Dialect::STRICT)?;
//! assert_eq!(output, b"{\"ok\":true,\"print\":\"title pr\"}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod answer;
mod execute;
mod failure;
mod language;
mod lines;
mod program;
mod question;

pub use execute::{Outcome, execute};
pub use failure::Failure;
pub use language::{Language, ResourceKind, read_resource_file};
pub use lines::answer_lines;
pub use program::{Arguments, LINES_HELP, run};
