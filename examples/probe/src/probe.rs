//! Asking a service, and telling what it said.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use scimkit_client::capabilities::Capabilities;
use scimkit_client::lint::{Expected, Lints, deviations};
use scimkit_client::{
    Authorized, BearerToken, Client, ClientError, Retry, RetryPolicy, StaticToken, Transport, TransportError, TransportErrorKind,
    random_from_seed,
};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_http::tokio::TokioTimer;
use scimkit_rate_limit::Advice;
use scimkit_types::{Clock, SearchRequest, SystemClock};

use crate::arguments::{Arguments, Rate};
use crate::estimate::{cycle, words};
use crate::failure::Failure;

/// What the service answered to one page of users.
struct Users {
    total: u64,
    round_trip: Duration,
    advice: Advice,
}

/// Probes the service and returns what is to be said of it.
///
/// # Errors
/// [`Failure`] if the service cannot be reached, refuses the token, or is no SCIM service.
pub async fn run(arguments: &Arguments) -> Result<String, Failure> {
    let lints = Arc::new(Lints::default());
    let client = client(arguments)?.with_lints(Arc::clone(&lints));
    let capabilities = client.capabilities().await.map_err(|error| failure(&arguments.url, &error))?;
    let users = users(&client, &capabilities, &lints).await.map_err(|error| failure(&arguments.url, &error))?;
    Ok(tell(arguments, &capabilities, &users, &lints))
}

fn client(arguments: &Arguments) -> Result<Client, Failure> {
    let base: Uri =
        arguments.url.parse().map_err(|error| Failure::new(format!("expected an address, found `{}`", arguments.url), &error))?;
    let wire = ReqwestTransport::new(ReqwestOptions::default()).map_err(|error| Failure::new("the client cannot be set up", &error))?;
    let transport: Arc<dyn Transport> = match &arguments.token {
        None => Arc::new(wire),
        Some(token) => {
            let token = BearerToken::new(token.clone()).map_err(|error| Failure::new("`--token`", &error))?;
            Arc::new(Authorized::new(wire, StaticToken::new(token)))
        }
    };
    // One more try is enough to tell a service that is down from one that was busy; the seed only spreads the waits of many.
    let retry = Retry::new(transport, RetryPolicy::default().with_max_attempts(2), Arc::new(TokioTimer::default()), random_from_seed(1));
    Client::new(Arc::new(retry), base).map_err(|error| Failure::new(format!("`{}`", arguments.url), &error))
}

/// Reads one page of one user, which every service allows whom it trusts to provision.
async fn users(client: &Client, capabilities: &Capabilities, lints: &Lints) -> Result<Users, ClientError> {
    let endpoint = capabilities.endpoint("User").unwrap_or("/Users");
    let mut search = SearchRequest::default();
    (search.start_index, search.count) = (Some(1), Some(1));
    let clock = SystemClock::default();
    let began_at = clock.now();
    let response = client.send(client.base().query(endpoint, &search)?).await?;
    let round_trip = clock.now().duration_since(began_at).unsigned_abs();
    let expected = Expected::List { start_index: search.start_index, count: search.count, by_cursor: false };
    lints.note(&format!("GET {endpoint}"), deviations(&response, expected, client.limits()));
    let total = client.limits().list(&response, false)?.total_results;
    let fields = response.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    Ok(Users { total, round_trip, advice: Advice::read(fields, clock.now()) })
}

/// Why a service could not be probed, in words of somebody who sets it up.
fn failure(url: &str, error: &ClientError) -> Failure {
    match (error, error.status()) {
        (ClientError::Transport(cause), _) => Failure::plain(match cause.kind() {
            TransportErrorKind::Token => format!("`{url}` refuses the token (401)"),
            TransportErrorKind::Timeout => format!("`{url}` does not answer in time"),
            TransportErrorKind::TooLarge => format!("`{url}` answers with more than a SCIM service does"),
            TransportErrorKind::Interrupted => format!("`{url}` breaks the connection: {}", reason(cause)),
            _ => format!("`{url}` cannot be reached: {}", reason(cause)),
        }),
        (_, Some(401)) => Failure::plain(format!("`{url}` wants a token (401): give one with `--token`")),
        (_, Some(404)) => {
            let hint = "the end of the address may be missing, such as `/scim/v2`";
            Failure::new(format!("there is no SCIM service at `{url}`: {hint}"), error)
        }
        (_, Some(403)) => Failure::new(format!("`{url}` does not allow it"), error),
        (ClientError::Unexpected { .. } | ClientError::InvalidBody { .. } | ClientError::Redirect { .. }, _) => {
            Failure::new(format!("there is no SCIM service at `{url}`"), error)
        }
        _ => Failure::new(format!("`{url}` cannot be probed"), error),
    }
}

/// The last of the causes, which says what happened, and what it may mean.
fn reason(error: &TransportError) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = last.to_string();
    let hint = if text.starts_with("invalid peer certificate") {
        "; this machine does not trust the certificate"
    } else if text.contains("InvalidContentType") {
        "; it may answer to `http://` and not to `https://`"
    } else {
        ""
    };
    format!("{text}{hint}")
}

fn tell(arguments: &Arguments, capabilities: &Capabilities, users: &Users, lints: &Lints) -> String {
    let mut text = String::new();
    let mut say = |label: &str, what: &str| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{label:<17} {what}");
    };
    say("service", &arguments.url);
    for (label, flag) in [
        ("PATCH", capabilities.patch),
        ("filter", capabilities.filter),
        ("sort", capabilities.sort),
        ("versions", capabilities.etag),
        ("bulk", capabilities.bulk),
        ("cursors", capabilities.cursor),
    ] {
        say(label, flag.map_or("not said", |flag| if flag { "yes" } else { "no" }));
    }
    let endpoints: Vec<String> = capabilities.endpoints.iter().map(|(name, endpoint)| format!("{name} at {endpoint}")).collect();
    say("resource types", &if endpoints.is_empty() { "not said".to_owned() } else { endpoints.join(", ") });
    let page = capabilities.max_page_size;
    say("page", &page.map_or_else(|| "not said, taken as 100".to_owned(), |page| format!("at most {page} resources")));
    say("users", &users.total.to_string());

    let told = users.advice.policies.iter().find_map(|policy| Rate::new(policy.quota, policy.window?));
    let (read, write) = (arguments.read_limit.or(told), arguments.write_limit.or(told));
    let limit =
        |rate: Option<Rate>| rate.map_or_else(|| "not said".to_owned(), |rate| format!("{} in {} s", rate.requests, rate.window.as_secs()));
    say("limits", &format!("reads {}, writes {}", limit(read), limit(write)));
    let estimate = cycle(u64::from(arguments.users), users.total, page.unwrap_or(100), users.round_trip, read, write);
    let sent = format!("{} reads and {} writes", estimate.reads, estimate.writes);
    say("initial cycle", &format!("{} users take {sent}: {} or more", arguments.users, words(estimate.time)));

    let found = lints.found();
    say("deviations", &found.len().to_string());
    for found in found {
        say("", &format!("{}: {}", found.endpoint, found.deviation));
    }
    text
}
