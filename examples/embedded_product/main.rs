//! A product that embeds a SCIM server: `SCIM_TOKEN=secret cargo run --example embedded_product`.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use scimkit_example_embedded_product::{Account, Accounts, application};
use scimkit_http::axum::ServeOptions;
use secrecy::SecretString;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
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
