//! The program as it is run: with arguments, files and sockets.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The program while it runs; it is killed if the test does not stop it.
struct Program {
    child: Child,
    address: SocketAddr,
    /// What it said until it was ready.
    introduction: String,
}

/// The program, built beside the tests.
fn executable() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().unwrap().parent().unwrap().join("examples").join("service_provider");
    assert!(built.exists(), "expected `{}`", built.display());
    built
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(executable());
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).env_remove("SCIMKIT_TOKEN").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut introduction = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            introduction.push_str(&line);
            introduction.push('\n');
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        assert!(introduction.contains("Base address: http://"), "{introduction}");
        let base = introduction.split("Base address: http://").nth(1).unwrap();
        let address = base.split('/').next().unwrap().parse().unwrap();
        // Whatever else the program says must not keep it waiting.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, introduction }
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        send(self.address, method, path, headers, body)
    }

    fn get(&self, path: &str, token: &str) -> u16 {
        self.send("GET", path, &format!("Authorization: Bearer {token}\r\n"), "").0
    }

    /// Asks the program to stop and returns how it ended.
    fn stop(mut self) -> i32 {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
}

fn user(name: &str) -> String {
    json!({"schemas": [USER], "userName": name}).to_string()
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_token_of_a_file_lets_in_and_writes_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let token = file(&folder, "token", "hush-hush\nnot this\n");
    let audit = folder.path().join("audit.jsonl");
    let store = format!("sqlite:{}", folder.path().join("people.db").display());
    // The file counts more.
    let arguments = ["--token", "other", "--token-file", &token, "--audit", audit.to_str().unwrap(), "--store", &store];
    let program = Program::start(&arguments);
    assert!(!program.introduction.contains("hush"), "{}", program.introduction);
    let header = "Authorization: Bearer hush-hush\r\n";
    let (status, created) = program.send("POST", "/scim/v2/Users", header, &user("planted"));
    assert_eq!(status, 201, "{created}");
    assert_eq!(program.send("POST", "/scim/v2/Users", header, &user("planted")).0, 409);
    assert_eq!((program.get("/scim/v2/Users", "wrong"), program.get("/scim/v2/Users", "other")), (401, 401));
    assert_eq!(program.stop(), 0);
    let lines = std::fs::read_to_string(&audit).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<&Value> = records.iter().map(|record| &record["status"]).collect();
    assert_eq!(statuses, [&json!(201), &json!(409)]);
    assert_eq!((&records[0]["id"], &records[0]["operation"]), (&created["id"], &json!("create")));
    assert!(!lines.contains("planted"), "{lines}");
    let program = Program::start(&arguments);
    assert_eq!(program.send("GET", "/scim/v2/Users", header, "").1["totalResults"], 1);
}

#[test]
fn tenants_have_tokens_limits_dialects_and_places_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let tenants = file(
        &folder,
        "tenants.toml",
        r#"
        [[tenants]]
        name = "acme"
        tokens = ["acme-old", "acme-new"]
        reader_tokens = ["acme-reader"]
        dialect = "entra"
        write_limit = "1/3600"
        path = "/acme/scim/v2"

        [[tenants]]
        name = "globex"
        # The SHA-256 digest of `test`.
        token_digests = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
        resource_types = ["User"]
        host = "globex.example.com"
        "#,
    );
    let program = Program::start(&["--tenants", &tenants, "--trusted-proxy", "127.0.0.1"]);
    assert!(program.introduction.contains("/acme/scim/v2") && program.introduction.contains("https://globex.example.com/scim/v2"));
    let header = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let lenient = json!({"schemas": [USER], "userName": "ola", "active": "True"}).to_string();
    let (status, created) = program.send("POST", "/acme/scim/v2/Users", &header("acme-old"), &lenient);
    assert_eq!(status, 201, "{created}");
    assert!(created["meta"]["location"].as_str().unwrap().contains("/acme/scim/v2/Users/"), "{created}");
    for token in ["acme-old", "acme-new", "acme-reader"] {
        assert_eq!(program.send("GET", "/acme/scim/v2/Users", &header(token), "").1["totalResults"], 1);
        assert_eq!(program.send("GET", "/scim/v2/Users", &header(token), "").1["totalResults"], 1);
    }
    assert_eq!(program.send("POST", "/acme/scim/v2/Users", &header("acme-reader"), &user("kari")).0, 403);
    assert_eq!(program.send("POST", "/acme/scim/v2/Users", &header("acme-new"), &user("kari")).0, 429);
    assert_eq!(program.get("/acme/scim/v2/Users", "test"), 401);
    assert_eq!(program.send("GET", "/scim/v2/Users", &header("test"), "").1["totalResults"], 0);
    assert_eq!(program.send("POST", "/scim/v2/Users", &header("test"), &lenient).0, 400);
    assert_eq!(program.get("/scim/v2/Groups", "test"), 403);
    for host in ["Host: globex.example.com\r\n", "X-Forwarded-Host: globex.example.com\r\n"] {
        assert_eq!(program.send("GET", "/scim/v2/Users", &format!("{host}{}", header("test")), "").0, 200);
        assert_eq!(program.send("GET", "/scim/v2/Users", &format!("{host}{}", header("acme-old")), "").0, 401);
    }
    // Without a trusted proxy the forwarded host means nothing.
    let plain = Program::start(&["--tenants", &tenants]);
    let forwarded = format!("X-Forwarded-Host: globex.example.com\r\n{}", header("acme-old"));
    assert_eq!(plain.send("GET", "/scim/v2/Users", &forwarded, "").0, 200);
}

#[test]
fn those_who_watch_need_no_token() {
    let program = Program::start(&["--token", "secret", "--metrics", "127.0.0.1:0", "--read-limit", "2/3600"]);
    assert_eq!(program.send("GET", "/health", "", ""), (200, json!("up\n")));
    assert_eq!(program.send("GET", "/ready", "", ""), (200, json!("ready\n")));
    assert_eq!(program.get("/scim/v2/Users", "secret"), 200);
    assert_eq!(program.get("/scim/v2/Users?filter=userName+eq+%22planted%22", "secret"), 200);
    assert_eq!(program.get("/scim/v2/Users", "secret"), 429);
    let figures = program.introduction.split("Figures: http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let (status, text) = send(figures, "GET", "/metrics", "", "");
    let text = text.as_str().unwrap();
    assert_eq!(status, 200);
    for line in [
        r#"scim_requests_total{operation="query",resource_type="User",status="200"} 2"#,
        r#"scim_requests_total{operation="query",resource_type="User",status="429"} 1"#,
        r#"scim_rate_limited_total{class="read"} 1"#,
        r#"scim_request_seconds_count{operation="query"} 3"#,
        r#"scim_store_seconds_count{operation="query"} 2"#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("planted") && !text.contains("secret"));
}

/// Publishes no keys, and counts who asks.
#[test]
fn access_tokens_are_checked_against_published_keys() {
    let issuer = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = issuer.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = issuer.accept().unwrap();
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"keys\":[]}").unwrap();
        String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned()
    });
    let jwks = format!("http://{address}/keys");
    let program = Program::start(&["--jwks", &jwks, "--issuer", "i", "--audience", "a"]);
    assert!(!program.introduction.contains("Token: "));
    // The header {"alg":"ES256"} and the claims {"iss":"i","aud":"a","exp":9999999999}, signed by nobody.
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJpIiwiYXVkIjoiYSIsImV4cCI6OTk5OTk5OTk5OX0.AAAA";
    assert_eq!(program.get("/scim/v2/Users", token), 401);
    assert!(asked.join().unwrap().starts_with("GET /keys HTTP/1.1"));
    assert_eq!(program.get("/scim/v2/Users", "opaque"), 401);
}

#[test]
fn every_fault_of_the_new_arguments_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |arguments: &[&str]| {
        let output = Command::new(executable()).args(["--listen", "127.0.0.1:0"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let tenants = |text: &str| fault(&["--tenants", &file(&folder, "tenants.toml", text)]);
    assert!(fault(&["--token-file", "/no/such/file"]).starts_with("error: cannot read the token file `/no/such/file`"));
    assert!(fault(&["--read-limit", "many"]).contains("expected a limit such as `300/60` for `--read-limit`, found `many`"));
    assert!(fault(&["--jwks", "ftp://example.com/keys", "--issuer", "i", "--audience", "a"]).contains("for `--jwks`, found `ftp:"));
    assert!(fault(&["--write-limit", "0/60"]).contains("found `0/60`"));
    assert!(fault(&["--metrics", "x"]).contains("expected an address such as `127.0.0.1:9090` for `--metrics`, found `x`"));
    assert!(fault(&["--trusted-proxy", "x"]).contains("--trusted-proxy"));
    assert!(fault(&["--jwks", "https://login.example.com/keys"]).contains("--issuer"));
    assert!(fault(&["--audit", "/no/such/folder/x"]).contains("cannot write records of writes to `/no/such/folder/x`"));
    assert!(fault(&["--tenants", "/no/such/file"]).contains("cannot read the tenants `/no/such/file`"));
    let secret = tenants("[[tenants]]\nname = \"a\"\ntoken = \"hush\"");
    assert!(secret.contains("line 3") && !secret.contains("hush"), "{secret}");
    assert!(tenants("[[tenants]]\nname = \"a\"\ntokens = [\"a b\"]").contains("the tenant `a` cannot be used: expected tokens of letters"));
    assert!(tenants("[[tenants]]\nname = \"a\"\ntoken_digests = [\"abc\"]").contains("64 hexadecimal digits"));
    assert!(tenants("[[tenants]]\nname = \"a\"\n[[tenants]]\nname = \"a\"").contains("another one of this name"));
    assert!(tenants("[[tenants]]\nname = \"a\"\ndialect = \"klingon\"").contains("`klingon`"));
    assert!(tenants("[[tenants]]\nname = \"a\"\nbase_url = \"https://x\"").contains("a host or a path"));
    let two = |more: &str, other: &str| tenants(&format!("[[tenants]]\nname = \"a\"\n{more}\n[[tenants]]\nname = \"b\"\n{other}"));
    let shared = two("tokens = [\"hush\"]", "reader_tokens = [\"hush\"]");
    assert!(shared.contains("the tenant `b` cannot be used: one of its tokens stands elsewhere too") && !shared.contains("hush"));
    assert!(two("host = \"a.example\"", "host = \"A.example\"").contains("another tenant has the same host and path"));
    assert!(tenants("[[tenants]]\nname = \"a\"\nresource_types = [\"Usr\"]").contains("at `resource_types`, found `Usr`"));
    assert!(tenants("[[tenants]]\nname = \"a\"\nread_limit = \"1\"").contains("for `read_limit`, found `1`"));
    #[cfg(not(feature = "postgres"))]
    assert!(fault(&["--store", "postgres://scim:hush@localhost/people"]).contains("built without PostgreSQL"));
}
