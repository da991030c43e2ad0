//! A SCIM service provider for any client: `cargo run --release --example service_provider -- --help`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_service_provider::{Arguments, main_with};

#[tokio::main]
async fn main() -> ExitCode {
    let stop = async {
        // Without a handler Ctrl-C ends the process at once, which stops the service too.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    main_with(&Arguments::parse(), &mut std::io::stdout(), &mut std::io::stderr(), stop).await
}
