//! The README shows this example as it is, and it does what it says.

use std::process::Command;

const README: &str = include_str!("../../../README.md");
const EXAMPLE: &str = include_str!("../main.rs");

#[test]
fn the_readme_shows_the_example_as_it_is_compiled() {
    let shown = README.split_once("```rust\n").and_then(|(_, rest)| rest.split_once("```")).map(|(block, _)| block);
    assert_eq!(shown, Some(EXAMPLE), "expected the first Rust block of README.md to be examples/embedding/main.rs");
}

#[test]
fn the_example_ends_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_embedding")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
