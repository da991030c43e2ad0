//! A product that embeds a SCIM server: `SCIM_TOKEN=secret cargo run --example embedded_product`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use scimkit_example_embedded_product::{Account, Accounts, application};
use scimkit_http::axum::ServeOptions;
use secrecy::SecretString;

/// What it takes.
const USAGE: &str = "Usage: SCIM_TOKEN=secret cargo run --example embedded_product

Serves a wiki at http://127.0.0.1:8081/ whose accounts a directory provisions at /scim/v2 with the bearer token in SCIM_TOKEN.
There are no arguments but `--help`.";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When standard error is gone there is nobody left to tell; the exit code says the rest.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    if let Some(argument) = std::env::args_os().nth(1) {
        return match argument.to_str() {
            Some("--help" | "-h") => Ok(writeln!(std::io::stdout(), "{USAGE}")?),
            _ => Err(format!("expected no argument but `--help`, found `{}`", argument.display()).into()),
        };
    }
    let token = std::env::var("SCIM_TOKEN").map_err(|_| "expected the token of the directory in the variable `SCIM_TOKEN`")?;
    let accounts = Arc::new(Accounts::new());
    accounts.add(Account { login: "admin".to_owned(), is_active: true, is_administrator: true, ..Account::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let router = application(accounts, &format!("{origin}/scim/v2"), &SecretString::from(token))?;
    writeln!(std::io::stdout(), "The wiki is at {origin}/, directories provision its accounts at {origin}/scim/v2.")?;
    let stop = async {
        // Without a handler Ctrl-C ends the process at once.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    scimkit_http::axum::serve(listener, router, ServeOptions::default(), stop).await;
    Ok(())
}
