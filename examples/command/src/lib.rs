//! What the programs of the examples have in common: [`finish`] ends them, [`answer_lines`] is their `--jsonl`.
//!
//! ```
//! use scimkit_example_command::answer_lines;
//!
//! let mut output = Vec::new();
//! answer_lines(&b"a\nbc"[..], &mut output, |line| line.map(<[u8]>::len))?;
//! assert_eq!(output, b"1\n2\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod finish;
mod lines;

pub use finish::{finish, with_causes};
pub use lines::{MAX_LINE, answer_lines, object};
