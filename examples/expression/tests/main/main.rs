//! Tests that run the program.

/// The program as a user runs it, and the tables of expressions through its `--jsonl`.
#[cfg(test)]
mod binary;
