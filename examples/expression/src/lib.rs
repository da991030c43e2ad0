//! Explains an expression of attribute mappings, and evaluates expressions line by line.
//!
//! [`run`] is the program: arguments and input in, text out. [`answer_lines`] is its `--jsonl`.
//!
//! ```
//! use scimkit_example_expression::answer_lines;
//!
//! let mut output = Vec::new();
//! answer_lines(&br#"{"expression": "ToLower([a])", "inputs": {"a": "X"}}"#[..], &mut output)?;
//! assert_eq!(output, b"{\"ok\":true,\"value\":\"x\"}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod lines;
mod program;
mod setting;

pub use lines::answer_lines;
pub use program::{Arguments, Failure, run};
