//! The service over PostgreSQL: the server that `SCIMKIT_TEST_POSTGRES_URL` names, else a private one.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a helper of tests reports by panicking")]

#[expect(dead_code, reason = "stores test more of a server than this")]
#[path = "../../../crates/scimkit-store/tests/cluster.rs"]
mod cluster;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use scimkit_example_service_provider::{Options, Running, ServiceProvider, StartError, TenantOptions, Token};
use scimkit_server::Permissions;
use scimkit_types::Profile;
use uuid::Uuid;

/// The address of the server as a client writes it; `None`, and a word on it, if there is none.
fn address() -> Option<String> {
    if let Ok(url) = std::env::var("SCIMKIT_TEST_POSTGRES_URL") {
        return Some(url);
    }
    let config = cluster::server()?;
    let folder = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Unix(folder)) => folder.to_str().unwrap().replace('/', "%2F"),
        other => panic!("expected a folder, found {other:?}"),
    };
    Some(format!("postgres://postgres@{folder}/postgres"))
}

async fn start(store: &str, tenant: &str) -> Running {
    try_start(store, tenant).await.unwrap()
}

async fn try_start(store: &str, tenant: &str) -> Result<Running, StartError> {
    let mut options = Options::new(Profile::standard()).with_store(store.parse().unwrap());
    // A tenant of its own, since the server may be used by others.
    let tokens = vec![(Token::Clear("token".into()), Permissions::ReadWrite)];
    options.tenants = vec![TenantOptions { name: tenant.to_owned(), tokens, ..TenantOptions::default() }];
    ServiceProvider::start(options).await
}

async fn send(address: SocketAddr, method: &'static str, path: &'static str, body: &'static str) -> (u16, String) {
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer token\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_survive_a_restart_in_postgres() {
    let Some(store) = address() else { return };
    let tenant = Uuid::new_v4().to_string();
    let user = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola"}"#;
    let running = start(&store, &tenant).await;
    assert_eq!(send(running.address(), "GET", "/ready", "").await, (200, "ready\n".to_owned()));
    assert_eq!(send(running.address(), "POST", "/scim/v2/Users", user).await.0, 201);
    running.stop().await;
    let running = start(&store, &tenant).await;
    assert_eq!(send(running.address(), "POST", "/scim/v2/Users", user).await.0, 409);
    let (status, body) = send(running.address(), "GET", "/scim/v2/Users?filter=userName+eq+%22OLA%22", "").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["totalResults"]), (200, &serde_json::json!(1)));
    let other = start(&store, &Uuid::new_v4().to_string()).await;
    assert_eq!(send(other.address(), "POST", "/scim/v2/Users", user).await.0, 201);
}

/// A certificate of an authority of its own, for these names: the authority's certificate, the certificate and its key.
fn certificate(names: &[&str]) -> (String, String, String) {
    let named = |name: &str, names: &[&str]| {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut authority = named("authority", &[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority.self_signed(&authority_key).unwrap();
    let signed = named("server", names).signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap();
    (root.pem(), signed.pem(), key.serialize_pem())
}

/// The server is believed only if it shows a certificate for its name by an authority that is trusted, and asked only over TLS.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_reached_over_tls_and_must_prove_its_name() {
    // An address of this machine that no other test has, and a port that systems do not hand out.
    let [.., high, middle, low] = std::process::id().to_be_bytes();
    let ip = format!("127.{}.{middle}.{}", 1 + high % 250, 1 + low % 250);
    let (root, certificate_of_server, key) = certificate(&[&ip, "db.test"]);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (trusted, foreign) = (write("root.pem", &root), write("foreign.pem", &certificate(&[]).0));
    let settings = format!("-c listen_addresses={ip} -c port=5433 -c ssl=on -c fsync=off");
    let cluster = cluster::Cluster::start(&settings, |data| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(data.join("server.crt"), &certificate_of_server).unwrap();
        std::fs::write(data.join("server.key"), &key).unwrap();
        std::fs::set_permissions(data.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.0/8 trust\n").unwrap();
    });
    let Some(_server) = cluster else { return };
    let tenant = Uuid::new_v4().to_string();
    let at = |host: &str, parameters: &str| format!("postgres://postgres@{host}:5433/postgres?{parameters}");
    let user = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola"}"#;

    let running = start(&at(&ip, &format!("sslmode=verify-full&sslrootcert={trusted}")), &tenant).await;
    assert_eq!(send(running.address(), "POST", "/scim/v2/Users", user).await.0, 201);
    let running = start(&at("db.test", &format!("hostaddr={ip}&sslmode=require&sslrootcert={trusted}")), &tenant).await;
    assert_eq!(send(running.address(), "POST", "/scim/v2/Users", user).await.0, 409);

    for (store, expected) in [
        (at(&ip, ""), "pg_hba.conf"),
        // The system trusts others, or nobody.
        (at(&ip, "sslmode=verify-full"), ""),
        (at(&ip, &format!("sslmode=require&sslrootcert={foreign}")), "invalid peer certificate"),
        (at("other.test", &format!("hostaddr={ip}&sslmode=require&sslrootcert={trusted}")), "other.test"),
    ] {
        let error = try_start(&store, &tenant).await.unwrap_err();
        let text = scimkit_example_command::with_causes(&error);
        assert!(text.contains(expected), "{store}: {text}");
    }
}
