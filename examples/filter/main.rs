//! What a filter or path means: `cargo run --release --example filter -- --help`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_command::finish;
use scimkit_example_filter::{Arguments, run};

fn main() -> ExitCode {
    let result = run(&Arguments::parse(), std::io::stdin().lock(), &mut std::io::stdout().lock());
    finish(result, &mut std::io::stderr())
}
