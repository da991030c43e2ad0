//! A SCIM service provider for any client: `cargo run --release --example service_provider -- --help`.

use std::process::ExitCode;

use clap::Parser;
use scimkit_example_service_provider::{Arguments, main_with};

#[tokio::main]
async fn main() -> ExitCode {
    main_with(&Arguments::parse(), &mut std::io::stdout(), &mut std::io::stderr(), stop()).await
}

/// Ready once somebody wants the program to stop. Without a handler a signal ends the process at once, which stops the service too.
async fn stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => signal.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = interrupt => {}
            _ = terminate => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
