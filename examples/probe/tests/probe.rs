//! The program against services on sockets.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use clap::Parser;
use scimkit_example_probe::{Arguments, main_with, run};
use scimkit_testing::fake;
use scimkit_types::{Profile, SystemClock};
use tokio::net::{TcpListener, TcpSocket};

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/scim/v2")
}

async fn ringcentral() -> String {
    let profile: Profile = ringcentral_profile();
    let service = fake::ringcentral(profile, &"secret".into(), Arc::new(SystemClock::default())).unwrap();
    listen(scimkit_http::axum::router(service.server)).await
}

fn ringcentral_profile() -> Profile {
    serde_json::from_str(include_str!("../../../testdata/profiles/ringcentral.json")).unwrap()
}

/// Arguments as they are given, whatever token stands in the environment of the tests.
fn arguments(rest: &[&str]) -> Arguments {
    let arguments = Arguments::try_parse_from(std::iter::once(&"probe").chain(rest)).unwrap();
    let token = arguments.token.clone().filter(|_| rest.contains(&"--token"));
    Arguments { token, ..arguments }
}

async fn fault(rest: &[&str]) -> String {
    let text = run(&arguments(rest)).await.unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[tokio::test]
async fn a_service_is_told_whole() {
    let url = ringcentral().await;
    let limits = ["--token", "secret", "--users", "2500", "--read-limit", "300/60", "--write-limit", "1000/3700"];
    let text = run(&arguments(&[&[url.as_str()], limits.as_slice()].concat())).await.unwrap();
    for part in [
        "filter            ",
        "User at /Users",
        "writes 1000 in 3700 s",
        // Two windows, and far less than an hour for the requests themselves.
        "2500 users take 2 reads and 2500 writes: 3 hours or more",
        "deviations",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    assert!(!text.contains("secret"));
}

#[tokio::test]
async fn what_is_no_service_is_one_line() {
    let html = listen(Router::new().fallback(|| async { Html("<p>Welcome</p>") })).await;
    assert!(fault(&[&html]).await.starts_with(&format!("there is no SCIM service at `{html}`: expected JSON")));
    let empty = listen(Router::new()).await;
    let text = fault(&[&empty]).await;
    assert!(text.starts_with(&format!("there is no SCIM service at `{empty}`: the end of the address may be missing")), "{text}");
    assert!(text.ends_with("expected a SCIM error, found 404 with an empty body"), "{text}");
    // The port is taken, and nobody listens on it.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = format!("http://{}", taken.local_addr().unwrap());
    let text = fault(&[&closed]).await;
    assert!(text.starts_with(&format!("`{closed}` cannot be reached: ")) && text.matches(": ").count() == 1, "{text}");
    let secure = empty.replacen("http://", "https://", 1);
    let text = fault(&[&secure]).await;
    assert!(text.starts_with(&format!("`{secure}` cannot be reached: ")) && text.ends_with("not to `https://`"), "{text}");
    assert!(fault(&["not an address"]).await.starts_with("expected an address, found `not an address`"));
    assert!(fault(&["/scim"]).await.contains("starts with `https://`"));
    assert!(fault(&["http://192.0.2.1/scim"]).await.contains("expected `https`"));
}

/// The address of the service without its end is what most people try first.
#[tokio::test]
async fn an_address_without_its_end_is_told() {
    let url = ringcentral().await;
    let root = url.strip_suffix("/scim/v2").unwrap();
    let text = fault(&[root, "--token", "secret"]).await;
    assert!(text.starts_with(&format!("there is no SCIM service at `{root}`")) && text.contains("`/scim/v2`"), "{text}");
}

#[tokio::test]
async fn a_wrong_token_is_one_line() {
    let url = ringcentral().await;
    assert_eq!(fault(&[&url, "--token", "wrong"]).await, format!("`{url}` refuses the token (401)"));
    assert_eq!(fault(&[&url]).await, format!("`{url}` wants a token (401): give one with `--token`"));
    assert!(fault(&[&url, "--token", "a b"]).await.starts_with("`--token`: expected a token"));
    assert!(!format!("{:?}", arguments(&[&url, "--token", "s3cret"])).contains("s3cret"));
}

#[test]
fn the_exit_code_says_whether_it_was_probed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(ringcentral());
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    assert_eq!(main_with(&arguments(&[&url, "--token", "secret"]), &mut out, &mut errors), ExitCode::SUCCESS);
    assert!(errors.is_empty() && !out.is_empty());
    out.clear();
    assert_eq!(main_with(&arguments(&[&url, "--token", "wrong"]), &mut out, &mut errors), ExitCode::from(2));
    assert_eq!((out.len(), String::from_utf8(errors).unwrap()), (0, format!("error: `{url}` refuses the token (401)\n")));
}

#[test]
fn limits_are_requests_in_seconds() {
    for text in ["300", "0/60", "300/0", "a/b", "-1/60"] {
        let read_limit = format!("--read-limit={text}");
        assert!(Arguments::try_parse_from(["probe", "http://localhost", &read_limit]).is_err(), "{text}");
    }
}
