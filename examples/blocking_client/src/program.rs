//! The life of one user.

use std::convert::Infallible;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use http::Uri;
use scimkit_client::request::BaseUri;
use scimkit_client::response::ResponseLimits;
use scimkit_client::{BearerToken, ClientError, TokenError};
use scimkit_example_command::with_causes;
use scimkit_types::{OperationKind, PatchOp, PatchOperation, SearchRequest, User, Value};
use secrecy::SecretString;

use crate::carry::{Carrier, CarryError};

/// Creates a user, finds it, disables it, and deletes it, without async.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    /// The address of the service, such as `http://127.0.0.1:8080/scim/v2`.
    #[arg(value_name = "URL")]
    pub url: String,

    /// The name of the user, which must not be in use.
    #[arg(value_name = "NAME", default_value = "blocking@example.com")]
    pub user_name: String,

    /// The bearer token.
    #[arg(long, value_name = "TOKEN", env = "SCIMKIT_TOKEN", hide_env_values = true, value_parser = secret)]
    pub token: Option<SecretString>,
}

/// Any text, which is shown nowhere, not even in a message about it.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

/// Why it did not go well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The address is none.
    #[error("expected an address, found `{0}`")]
    Address(String),
    /// The token is none.
    #[error("`--token`")]
    Token(#[from] TokenError),
    /// There is no answer.
    #[error(transparent)]
    Carry(#[from] CarryError),
    /// The answer is an error, or not one of SCIM.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service lost the user in between.
    #[error("expected one user with the name, found {0}")]
    Lost(u64),
    /// The result cannot be written.
    #[error("cannot write the result")]
    Output(#[from] std::io::Error),
}

/// Runs the program; what goes wrong is one line on `errors` and exit code 2.
pub fn main_with(arguments: &Arguments, out: &mut dyn Write, errors: &mut dyn Write) -> ExitCode {
    let Err(failure) = run(arguments, out) else { return ExitCode::SUCCESS };
    let mut text = with_causes(&failure);
    if matches!(failure, Failure::Carry(_) | Failure::Client(_)) {
        text = format!("`{}`: {text}", arguments.url);
    }
    // When standard error is gone there is nobody left to tell; the exit code says the rest.
    let _ = writeln!(errors, "error: {}", text.replace('\n', " "));
    ExitCode::from(2)
}

/// The life of one user: each step makes a request, carries it, and reads its answer.
///
/// # Errors
/// [`Failure`].
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    let uri: Uri = arguments.url.parse().map_err(|_| Failure::Address(arguments.url.clone()))?;
    let (base, limits) = (BaseUri::new(uri)?, ResponseLimits::default());
    let token = arguments.token.clone().map(BearerToken::new).transpose()?;
    let carrier = Carrier::new(token, limits);

    let mut user = User::new(arguments.user_name.as_str());
    user.active = Some(true);
    let created = limits.created(&carrier.send(base.create("/Users", &user.to_resource())?)?)?;
    let id = created.id().unwrap_or_default();
    writeln!(out, "created   {id}")?;

    let mut search = SearchRequest::default();
    search.filter = Some(format!("userName eq {}", quoted(&arguments.user_name)));
    let found = limits.list(&carrier.send(base.search("/Users", &search)?)?, false)?;
    if found.total_results != 1 {
        return Err(Failure::Lost(found.total_results));
    }
    writeln!(out, "found     {} by its name", found.total_results)?;

    let patched = limits.resource(&carrier.send(base.patch("/Users", id, &disabled().to_json(), None)?)?)?;
    let is_active = patched.as_ref().and_then(|user| user.get("active")).and_then(Value::as_bool);
    writeln!(out, "disabled  active is {}", is_active.map_or_else(|| "not told".to_owned(), |active| active.to_string()))?;

    limits.value(&carrier.send(base.delete("/Users", id, None)?)?)?;
    writeln!(out, "deleted")?;
    Ok(())
}

/// A text in a filter: a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The PATCH that disables a user.
fn disabled() -> PatchOp {
    PatchOp::new(vec![PatchOperation::new(OperationKind::Replace, Some("active".to_owned()), Some(Value::from(false)))])
}
