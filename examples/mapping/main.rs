//! What is wrong with mappings, and what they do: `cargo run --release --example mapping -- --help`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_command::finish;
use scimkit_example_mapping::{Arguments, run};

fn main() -> ExitCode {
    finish(run(&Arguments::parse(), &mut std::io::stdout().lock()), &mut std::io::stderr())
}
