//! Tests that run the program.

/// The program as a user runs it.
#[cfg(test)]
mod binary;
