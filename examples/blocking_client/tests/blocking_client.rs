//! The program against a service on a socket.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use clap::Parser;
use scimkit_example_blocking_client::{Arguments, main_with};
use scimkit_testing::fake;
use scimkit_types::{Profile, SystemClock};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A service on a socket, in a runtime of its own: the program has none.
fn listen(runtime: &Runtime, router: Router) -> String {
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/scim/v2")
}

fn program(arguments: &[&str]) -> (ExitCode, String, String) {
    let arguments = Arguments::try_parse_from(std::iter::once(&"blocking_client").chain(arguments)).unwrap();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let code = main_with(&arguments, &mut out, &mut errors);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
}

#[test]
fn a_user_is_created_found_disabled_and_deleted() {
    let runtime = Runtime::new().unwrap();
    let service = fake::service(Profile::standard(), Arc::new(SystemClock::default())).unwrap();
    let url = listen(&runtime, scimkit_http::axum::router(service.server.clone()));
    let (code, out, errors) = program(&[&url, "\"ola\"\\@example.com"]);
    assert_eq!((code, errors.as_str()), (ExitCode::SUCCESS, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.get(1..), Some(["found     1 by its name", "disabled  active is false", "deleted"].as_slice()), "{out}");
    assert!(runtime.block_on(service.resources("User")).unwrap().is_empty());
}

#[test]
fn what_goes_wrong_is_one_line() {
    let runtime = Runtime::new().unwrap();
    let redirect = listen(&runtime, Router::new().fallback(|| async { Redirect::permanent("https://elsewhere.example/") }));
    let profile: Profile = serde_json::from_str(include_str!("../../../testdata/profiles/ringcentral.json")).unwrap();
    let service = fake::ringcentral(profile, &"secret".into(), Arc::new(SystemClock::default())).unwrap();
    let locked = listen(&runtime, scimkit_http::axum::router(service.server));
    let shown = Arguments::try_parse_from(["blocking_client", "http://localhost", "--token", "s3cret"]).unwrap();
    assert!(!format!("{shown:?}").contains("s3cret"));
    for (arguments, expected) in [
        (vec![redirect.as_str()], "expected an answer, found a redirect (308)"),
        (vec![locked.as_str(), "ola", "--token", "wrong"], "the service provider answered 401"),
        (vec!["http://192.0.2.1/scim"], "expected `https`"),
        (vec!["http://127.0.0.1:1/scim"], "the service did not answer: "),
        (vec!["/scim/v2"], "expected an address that starts with `https://`"),
        (vec!["not an address"], "expected an address, found `not an address`"),
        (vec![locked.as_str(), "ola", "--token", "a b"], "`--token`: expected a token"),
    ] {
        let (code, out, errors) = program(&arguments);
        assert_eq!((code, out.as_str(), errors.lines().count()), (ExitCode::from(2), "", 1));
        let named = format!("error: `{}`: {expected}", arguments.first().unwrap());
        assert!(errors.starts_with(&named) || errors.starts_with(&format!("error: {expected}")), "{errors}");
    }
}
