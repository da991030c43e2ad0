//! The program with arguments and buffers, and the service inside of another program.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use clap::Parser;
use scimkit_example_service_provider::{Arguments, Counts, Options, Running, ServiceProvider, Store, main_with};
use scimkit_types::Profile;

const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola"}"#;

async fn run(arguments: &[&str], stop: impl Future<Output = ()> + Send) -> (ExitCode, String, String) {
    let arguments = Arguments::try_parse_from(std::iter::once("service_provider").chain(arguments.iter().copied())).unwrap();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let code = main_with(&arguments, &mut out, &mut errors, stop).await;
    (code, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
}

/// Runs with arguments that cannot be used and returns the one line of the error.
async fn fault(arguments: &[&str]) -> String {
    let (code, out, errors) = run(arguments, async {}).await;
    assert_eq!((code, out.as_str()), (ExitCode::from(2), ""));
    assert_eq!(errors.lines().count(), 1, "{errors}");
    errors.trim_end().to_owned()
}

#[tokio::test]
async fn the_program_says_what_it_serves() {
    let (code, out, errors) = run(&["--listen", "127.0.0.1:0", "--token", "secret", "--profile", "ringcentral"], async {}).await;
    assert_eq!((code, errors.as_str()), (ExitCode::SUCCESS, ""));
    assert!(out.contains("profile `ringcentral`") && out.contains("300 reads in 60 s"), "{out}");
    assert!(out.contains("Base address: http://127.0.0.1:") && out.contains("--directory-provider-set"), "{out}");
    assert!(!out.contains("secret") && out.contains("Stopped after 0 requests"), "{out}");
}

#[tokio::test]
async fn a_token_is_made_and_printed_when_there_is_none() {
    let arguments = Arguments { token: None, ..Arguments::parse_from(["service_provider", "--listen", "127.0.0.1:0"]) };
    let mut out = Vec::new();
    main_with(&arguments, &mut out, &mut Vec::new(), async {}).await;
    let out = String::from_utf8(out).unwrap();
    let token = out.lines().find_map(|line| line.strip_prefix("Token: ")).unwrap();
    assert!(token.len() == 64 && out.contains(&format!("Bearer {token}")), "{out}");
}

#[tokio::test]
async fn every_fault_is_one_line() {
    assert_eq!(fault(&["--listen", "8080"]).await, "error: expected an address such as `127.0.0.1:8080` for `--listen`, found `8080`");
    let store = fault(&["--listen", "127.0.0.1:0", "--store", "postgres"]).await;
    assert_eq!(
        store,
        "error: expected a store such as `memory`, `sqlite:people.db` or `postgres://scim@localhost/people`, found `postgres`"
    );
    let store = fault(&["--listen", "127.0.0.1:0", "--store", "sqlite:/no/such/folder/x.db"]).await;
    assert!(store.starts_with("error: cannot open the store `sqlite:/no/such/folder/x.db`: "), "{store}");
    let profile = fault(&["--profile", "/no/such/file.json"]).await;
    assert!(profile.starts_with("error: cannot read the profile `/no/such/file.json`"), "{profile}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.json");
    std::fs::write(&path, "{\"name\": \"x\",\n \"pagin\": {}}").unwrap();
    let profile = fault(&["--profile", path.to_str().unwrap()]).await;
    assert!(profile.contains("profile.json") && profile.contains("pagin") && profile.contains("line 2"), "{profile}");
    std::fs::write(&path, r#"{"name": "x", "paging": {"maxCount": 0}}"#).unwrap();
    let profile = fault(&["--listen", "127.0.0.1:0", "--profile", path.to_str().unwrap()]).await;
    assert_eq!(profile, "error: the profile `x` cannot be served: expected a page size of at least 1, found 0");
    let base_url = fault(&["--listen", "127.0.0.1:0", "--base-url", "nonsense"]).await;
    assert_eq!(
        base_url,
        "error: cannot be reached by clients at the base address: expected a base address such as `https://example.com/scim/v2`, found `nonsense`"
    );
    assert!(fault(&["--dialect", "klingon"]).await.contains("`klingon`"));
    assert!(!fault(&["--token", "not a token"]).await.contains("not a token"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = fault(&["--listen", &address]).await;
    assert!(listen.starts_with(&format!("error: cannot listen on `{address}`: ")), "{listen}");
}

async fn start(profile: &str, store: Store) -> Running {
    let profile: Profile = serde_json::from_str(profile).unwrap();
    ServiceProvider::start(Options::new(profile).with_store(store).with_token("token")).await.unwrap()
}

/// Sends a request with the right token and returns the status and the body.
async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{method} /scim/v2{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer token\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<String, std::io::Error>(answer)
    });
    let answer = answer.await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_as_the_service_sees_them() {
    let running = start(r#"{"name": "x", "limits": {"write": {"requests": 1, "seconds": 3600}}}"#, Store::Memory).await;
    let address = running.address();
    assert_eq!(send(address, "POST", "/Users", USER).await.0, 201);
    assert_eq!(send(address, "POST", "/Users", USER).await.0, 429);
    assert_eq!(send(address, "GET", "/Users", "").await.0, 200);
    let search = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}"#;
    assert_eq!(send(address, "POST", "/Users/.search", search).await.0, 200);
    assert_eq!(running.counts(), Counts { requests: 4, writes: 2, rate_limited: 1 });
    running.stop().await;
    running.stop().await;
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_answered_until_scim_is_the_directory_provider() {
    let running = start(r#"{"name": "x", "directoryProvider": "SCIM"}"#, Store::Memory).await;
    assert!(running.needs_directory_provider());
    assert_eq!(send(running.address(), "GET", "/Users", "").await.0, 403);
    running.set_directory_provider();
    assert!(!running.needs_directory_provider());
    assert_eq!(send(running.address(), "GET", "/Users", "").await.0, 200);
    assert!(!start(r#"{"name": "x"}"#, Store::Memory).await.needs_directory_provider());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_survive_a_restart_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::Sqlite(folder.path().join("people.db"));
    let running = start(r#"{"name": "x"}"#, store.clone()).await;
    assert_eq!(send(running.address(), "POST", "/Users", USER).await.0, 201);
    running.stop().await;
    drop(running);
    let running = start(r#"{"name": "x"}"#, store).await;
    let (status, body) = send(running.address(), "GET", "/Users?filter=userName+eq+%22OLA%22", "").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["totalResults"]), (200, &serde_json::json!(1)));
    assert_eq!(send(running.address(), "POST", "/Users", USER).await.0, 409);
}

/// A profile's limits are those of the service that it makes: RingCentral takes one comparison.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_the_profile_are_those_of_the_service() {
    let profile = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/profiles/ringcentral.json")).unwrap();
    let running = start(&profile, Store::Memory).await;
    running.set_directory_provider();
    let one = "/Users?filter=userName%20eq%20%22a%22";
    assert_eq!(send(running.address(), "GET", one, "").await.0, 200);
    let (status, body) = send(running.address(), "GET", &format!("{one}%20or%20userName%20eq%20%22b%22"), "").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["scimType"]), (400, &serde_json::json!("invalidFilter")), "{body}");
}
