//! The program around the service.

use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

use scimkit_example_command::with_causes;
use uuid::Uuid;

use crate::arguments::Arguments;
use crate::options::{Options, Store};
use crate::service::{Running, ServiceProvider};

/// Starts the service, says on `out` what it serves, and stops it when `stop` is ready.
///
/// What goes wrong is one line on `errors` and exit code 2.
pub async fn main_with(
    arguments: &Arguments,
    out: &mut (dyn Write + Send),
    errors: &mut (dyn Write + Send),
    stop: impl Future<Output = ()> + Send,
) -> ExitCode {
    match run(arguments, out, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told that the error could not be written.
            let _ = writeln!(errors, "error: {}", with_causes(error.as_ref()).replace('\n', " "));
            ExitCode::from(2)
        }
    }
}

async fn run(
    arguments: &Arguments,
    out: &mut (dyn Write + Send),
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut options = arguments.options()?;
    // A token is made up only if nobody could get in otherwise.
    let generated = if options.token.is_none() && options.jwks.is_none() && options.tenants.is_empty() {
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        options = options.with_token(&token);
        Some(token)
    } else {
        None
    };
    let introduction = introduction(&options);
    let running = ServiceProvider::start(options).await?;
    write!(out, "{introduction}{}", directions(&running, generated.as_deref()))?;
    out.flush()?;
    stop.await;
    running.stop().await;
    let counts = running.counts();
    writeln!(
        out,
        "Stopped after {} requests, {} of them writes; {} were over the rate limit.",
        counts.requests, counts.writes, counts.rate_limited
    )?;
    Ok(())
}

fn introduction(options: &Options) -> String {
    let profile = &options.profile;
    let store = match &options.store {
        Store::Memory => "in memory".to_owned(),
        Store::Sqlite(path) => format!("in the SQLite file `{}`", path.display()),
        Store::Postgres(address) => format!("in the database `{address}`"),
    };
    let limit = |limit: Option<scimkit_types::profile::RequestLimit>, what: &str| {
        limit.map_or_else(|| format!("any number of {what}"), |limit| format!("{} {what} in {} s", limit.requests, limit.seconds))
    };
    format!(
        "A SCIM service provider with the profile `{}`, resources {store}; {} and {} a tenant.\n",
        profile.name,
        limit(profile.limits.read, "reads"),
        limit(profile.limits.write, "writes"),
    )
}

fn directions(running: &Running, token: Option<&str>) -> String {
    let base = running.base_url();
    let authorization = format!("-H \"Authorization: Bearer {}\"", token.unwrap_or("$SCIMKIT_TOKEN"));
    let token = token.map_or_else(String::new, |token| format!("Token: {token}\n"));
    let warning = if running.needs_directory_provider() {
        "The directory provider is not set to SCIM: requests are refused with 403. Start with `--directory-provider-set`.\n"
    } else {
        ""
    };
    let user = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola@example.com", "name": {"givenName": "Ola", "familyName": "Nordmann"}, "emails": [{"type": "work", "value": "ola@example.com"}]}"#;
    let tenants = running.tenant_urls().map(|url| format!("Tenant: {url}\n"));
    let figures = running.metrics_address().map(|address| format!("Figures: http://{address}/metrics\n"));
    let more: String = tenants.chain(figures).collect();
    format!(
        "Base address: {base}\n{token}{warning}{more}Try:\n  \
         curl {base}/ServiceProviderConfig\n  \
         curl {authorization} -H 'Content-Type: application/scim+json' -d '{user}' {base}/Users\n  \
         curl {authorization} -G --data-urlencode 'filter=userName eq \"ola@example.com\"' {base}/Users\n\
         Ctrl-C stops.\n"
    )
}
