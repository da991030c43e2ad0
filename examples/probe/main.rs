//! What a SCIM service can do: `cargo run --release --example probe -- URL`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_probe::{Arguments, main_with};

fn main() -> ExitCode {
    main_with(&Arguments::parse(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock())
}
