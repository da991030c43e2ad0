//! A SCIM service provider for any client: `cargo run --release --example service_provider -- --help`.

use std::future::Future;
use std::process::ExitCode;

use clap::Parser;
use scimkit_example_service_provider::{Arguments, main_with};

#[tokio::main]
async fn main() -> ExitCode {
    main_with(&Arguments::parse(), &mut std::io::stdout(), &mut std::io::stderr(), stop()).await
}

/// Ready once somebody wants the program to stop. Signals are heard from the call on: whoever reads that the program is ready can stop it.
/// Without a handler a signal ends the process at once, which stops the service too.
#[cfg(unix)]
fn stop() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn heard(signal: std::io::Result<Signal>) {
        match signal {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    }
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        tokio::select! {
            () = heard(interrupt) => {}
            () = heard(terminate) => {}
        }
    }
}

/// Ready once somebody wants the program to stop.
#[cfg(not(unix))]
async fn stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
