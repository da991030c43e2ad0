//! What an expression means and gives: `cargo run --release --example expression -- --help`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_command::finish;
use scimkit_example_expression::{Arguments, run};

fn main() -> ExitCode {
    let result = run(&Arguments::parse(), std::io::stdin().lock(), &mut std::io::stdout().lock());
    finish(result, &mut std::io::stderr())
}
