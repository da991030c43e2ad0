//! SCIM without async: `cargo run --release --example blocking_client -- URL`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_blocking_client::{Arguments, main_with};

fn main() -> ExitCode {
    main_with(&Arguments::parse(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock())
}
