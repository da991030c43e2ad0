//! The product as an axum application.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use scimkit_server::{Actor, Argon2Passwords, BearerTokens, ConfigError, Server};
use scimkit_store::Tenant;
use scimkit_types::{Dialect, Profile};
use secrecy::SecretString;

use crate::accounts::Accounts;
use crate::provisioning::Provisioning;

const PROFILE: &str = include_str!("profile.json");

#[derive(Clone)]
struct Wiki {
    accounts: Arc<Accounts>,
    passwords: Argon2Passwords,
}

/// The wiki: `/` says who is there, `/sign-in` takes a form with `login` and `password`, and directories that have the token provision
/// accounts below `/scim/v2`. `/health` and `/ready` are for those who watch over it.
///
/// # Errors
/// Why the SCIM server cannot be built.
pub fn application(accounts: Arc<Accounts>, base_url: &str, token: &SecretString) -> Result<Router, Box<dyn std::error::Error>> {
    let provisioning = Arc::new(Provisioning::new(Arc::clone(&accounts)));
    let passwords = Argon2Passwords::new(Arc::<Provisioning>::clone(&provisioning));
    let server = scim_server(&provisioning, &passwords, base_url, token, serde_json::from_str(PROFILE)?)?;
    let own = Router::new().route("/", get(people)).route("/sign-in", post(sign_in)).with_state(Wiki { accounts, passwords });
    Ok(own.merge(scimkit_http::axum::probes(provisioning)).merge(scimkit_http::axum::router(server)))
}

fn scim_server(
    provisioning: &Arc<Provisioning>,
    passwords: &Argon2Passwords,
    base_url: &str,
    token: &SecretString,
    profile: Profile,
) -> Result<Server, ConfigError> {
    let tokens = BearerTokens::new().with_token(token, Actor::new("directory", Tenant::default()));
    Server::builder(Arc::<Provisioning>::clone(provisioning), Arc::new(tokens))
        .profile(profile)
        .dialect(Dialect::ENTRA)
        .base_url(base_url)
        .passwords(Arc::new(passwords.clone()))
        .hook(Arc::<Provisioning>::clone(provisioning))
        .build()
}

/// Everybody who can sign in.
async fn people(State(wiki): State<Wiki>) -> String {
    let active = wiki.accounts.all().into_iter().filter(|account| account.is_active);
    active.map(|account| format!("{}\n", account.display_name.unwrap_or(account.login))).collect()
}

/// What the sign-in form holds.
struct Credentials {
    login: String,
    password: SecretString,
}

impl Credentials {
    fn parse(form: &str) -> Self {
        let field = |wanted: &str| form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value);
        Self {
            login: field("login").unwrap_or_default().into_owned(),
            password: SecretString::from(field("password").unwrap_or_default().into_owned()),
        }
    }
}

async fn sign_in(State(wiki): State<Wiki>, form: String) -> (StatusCode, &'static str) {
    let credentials = Credentials::parse(&form);
    let account = wiki.accounts.all().into_iter().find(|account| account.is_active && account.login == credentials.login);
    // Somebody who is not there has no number; looking for their password takes as long.
    let id = account.map_or_else(String::new, |account| account.number.to_string());
    match wiki.passwords.verify(&Tenant::default(), "User", &id, &credentials.password).await {
        Ok(true) => (StatusCode::OK, "welcome\n"),
        Ok(false) => (StatusCode::UNAUTHORIZED, "the login or the password is wrong\n"),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "try again later\n"),
    }
}
