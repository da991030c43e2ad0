//! A company's people arrive in a phone service: a directory, a service provider and the provisioning between them, in one process.
//!
//! `cargo run --release --example provisioning_flow -- --help` shows what can be changed.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_provisioning_flow::{Options, main_with};

fn main() -> ExitCode {
    main_with(Options::parse(), &mut std::io::stdout(), &mut std::io::stderr())
}
