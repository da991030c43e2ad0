//! The flow with OAuth 2: by itself, by a browser, and started again.
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clap::Parser;
use http::{Method, Request};
use scimkit_client::Transport;
use scimkit_example_provisioning_flow::{Failure, Options, run};
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use tokio::sync::mpsc;

fn options(arguments: &[&str]) -> Options {
    Options::try_parse_from(std::iter::once(&"provisioning_flow").chain(arguments)).unwrap()
}

async fn flow(arguments: &[&str]) -> (Result<bool, Failure>, String) {
    let mut out = Vec::new();
    let result = run(options(arguments), &mut out).await;
    (result, String::from_utf8(out).unwrap())
}

/// What an administrator sees: headless, the consent is given by itself; a second run needs none, since the tokens are kept for their owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_needs_no_consent() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let arguments = ["--people", "20", "--state", state.to_str().unwrap()];
    let (result, out) = flow(&arguments).await;
    assert!(result.unwrap() && out.contains("authorization     OAuth 2 at http://127.0.0.1:"), "{out}");
    // The first access token is withdrawn while the run goes on: it is renewed within the run, and the refresh token rotates.
    assert!(out.contains("access tokens     the service withdrew one; 1 renewal by refresh token"), "{out}");
    let (tokens, issued) = (read(&state, "tokens.json"), read(&state, "authority.json"));
    assert!(tokens.contains(&issued), "the refresh token is not the one that was given out");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(state.join("tokens.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (result, out) = flow(&arguments).await;
    assert!(result.unwrap() && !out.contains("renewal"), "the token of the first run is good still: {out}");
    assert_eq!((read(&state, "tokens.json"), read(&state, "authority.json")), (tokens.clone(), issued.clone()));

    // A token that has ended is renewed, and the refresh token rotates.
    let ended = tokens.replacen("\"useUntil\":\"2", "\"useUntil\":\"1", 1);
    assert_ne!(ended, tokens);
    fs::write(state.join("tokens.json"), ended).unwrap();
    let (result, _) = flow(&arguments).await;
    assert!(result.unwrap());
    assert_ne!(read(&state, "authority.json"), issued);
}

fn read(state: &Path, name: &str) -> String {
    fs::read_to_string(state.join(name)).unwrap()
}

/// Hands every line on.
struct Lines(mpsc::UnboundedSender<String>, Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut line = self.1.lock().unwrap();
        line.extend_from_slice(bytes);
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let text: Vec<u8> = line.drain(..=end).collect();
            self.0.send(String::from_utf8(text).unwrap()).unwrap();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// With `--browser` the flow prints the address, and goes on when the browser comes back from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_waited_for() {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let running = tokio::spawn(async move {
        let mut out = Lines(sender, Arc::default());
        run(options(&["--people", "20", "--browser"]), &mut out).await
    });
    let line = lines.recv().await.unwrap();
    let address = line.strip_prefix("authorization     open ").and_then(|rest| rest.strip_suffix(" and allow it\n")).unwrap().to_owned();
    let browser = ReqwestTransport::new(ReqwestOptions::default()).unwrap();
    let visit = async |method: Method, address: &str| {
        let request = Request::builder().method(method).uri(address).body(Bytes::new()).unwrap();
        browser.send(request).await.unwrap()
    };
    let page = visit(Method::GET, &address).await;
    assert!(page.status().is_success() && page.body().starts_with(b"<form method=post>"));
    // Who asks to be sent to another machine is sent nowhere.
    let foreign = address.replacen("redirect_uri=http%3A%2F%2F127.0.0.1", "redirect_uri=http%3A%2F%2Felsewhere.example", 1);
    assert_ne!(foreign, address);
    assert_eq!(visit(Method::POST, &foreign).await.status(), 400);
    let allowed = visit(Method::POST, &address).await;
    let back = allowed.headers().get("location").unwrap().to_str().unwrap().to_owned();
    assert!(back.starts_with("http://127.0.0.1:") && !back.contains("access_token"), "{back}");
    assert!(visit(Method::GET, &back).await.status().is_success());
    assert!(running.await.unwrap().unwrap());
}

/// A bearer token of the command line needs no authorization.
#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_remains_an_option() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let arguments = ["--people", "20", "--state", state.to_str().unwrap()];
    assert!(flow(&arguments).await.0.unwrap());
    let run: serde_json::Value = serde_json::from_str(&read(&state, "run.json")).unwrap();
    fs::remove_file(state.join("tokens.json")).unwrap();
    let token = run.get("token").and_then(serde_json::Value::as_str).unwrap();
    let (result, out) = flow(&[arguments.as_slice(), &["--token", token]].concat()).await;
    assert!(result.unwrap() && out.contains("the bearer token of `--token`"), "{out}");
    assert!(!state.join("tokens.json").exists() && !out.contains(token));
    assert!(Options::try_parse_from(["provisioning_flow", "--token", "x", "--browser"]).is_err());
}
