//! What a PATCH request does: `cargo run --release --example patch -- --help`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_command::finish;
use scimkit_example_patch::{Arguments, run};

fn main() -> ExitCode {
    let result = run(&Arguments::parse(), std::io::stdin().lock(), &mut std::io::stdout().lock());
    finish(result, &mut std::io::stderr())
}
