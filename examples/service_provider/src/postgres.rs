//! Opening a store in PostgreSQL, over TLS if its address says so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, Pool, Runtime, Timeouts};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use scimkit_example_command::with_causes;
use scimkit_store::ResourceStore;
use scimkit_store::postgres::PostgresResources;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{PostgresAddress, Store};
use crate::service::StartError;

/// How long a request waits for a connection to the database.
const WAIT: Duration = Duration::from_secs(10);

/// Opens a store, and makes it if there is none.
pub(crate) async fn open(store: &Store, address: &PostgresAddress) -> Result<Arc<dyn ResourceStore>, StartError> {
    let fault = |fault: String| StartError::Database { store: store.clone(), fault };
    let (address, tls) = Tls::taken_from(address.expose()).map_err(fault)?;
    let mut config: Config = address.parse().map_err(|error: tokio_postgres::Error| fault(with_causes(&error)))?;
    let manager = match tls {
        Tls::Off => Manager::new(config, NoTls),
        Tls::Verified { roots } => {
            config.ssl_mode(SslMode::Require);
            Manager::new(config, MakeRustlsConnect::new(client_config(roots.as_deref()).map_err(fault)?))
        }
    };
    let timeouts = Timeouts { wait: Some(WAIT), create: Some(WAIT), recycle: Some(WAIT) };
    let pool = Pool::builder(manager).max_size(16).runtime(Runtime::Tokio1).timeouts(timeouts).build();
    let opened = PostgresResources::open(pool.map_err(|error| fault(error.to_string()))?).await;
    Ok(Arc::new(opened.map_err(|source| StartError::Store { store: store.clone(), source })?))
}

/// Whether a connection is encrypted.
#[derive(Debug, PartialEq, Eq)]
enum Tls {
    /// Not at all.
    Off,
    /// Always, to a server whose certificate is valid for its name: by the authorities in a file, or by those of the system.
    Verified { roots: Option<String> },
}

impl Tls {
    /// What the parameters `sslmode` and `sslrootcert` of an address say, and the address without them.
    fn taken_from(address: &str) -> Result<(String, Self), String> {
        let (place, parameters) = address.split_once('?').unwrap_or((address, ""));
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => {
                    let decoded = percent_decode_str(value).decode_utf8();
                    roots = Some(decoded.map_err(|_| "expected the name of a file in UTF-8 for `sslrootcert`".to_owned())?.into_owned());
                }
                _ => others.push(parameter),
            }
        }
        let tls = match mode {
            None | Some("disable") if roots.is_none() => Self::Off,
            None | Some("require" | "verify-full") => Self::Verified { roots },
            Some("disable") => return Err("expected no `sslrootcert` beside `sslmode=disable`".to_owned()),
            Some(other) => return Err(format!("expected `disable`, `require` or `verify-full` for `sslmode`, found `{other}`")),
        };
        let mark = if others.is_empty() { "" } else { "?" };
        Ok((format!("{place}{mark}{}", others.join("&")), tls))
    }
}

fn client_config(roots: Option<&str>) -> Result<ClientConfig, String> {
    let Some(path) = roots else { return scimkit_http::tls::client_config().map_err(|error| with_causes(&error)) };
    let unreadable =
        |error: &dyn std::fmt::Display| format!("expected a file of certificates in PEM at `sslrootcert`, found `{path}`: {error}");
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(Path::new(path)).map_err(|error| unreadable(&error))? {
        let added = trusted.add(certificate.map_err(|error| unreadable(&error))?);
        added.map_err(|error| unreadable(&error))?;
    }
    if trusted.is_empty() {
        return Err(unreadable(&"it has none"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|error| error.to_string())?.with_root_certificates(trusted).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Result<(&str, Tls), &str>) {
        let expected = expected.map(|(address, tls)| (address.to_owned(), tls)).map_err(str::to_owned);
        assert_eq!(Tls::taken_from(address), expected);
    }

    #[test]
    fn an_address_says_whether_to_encrypt() {
        let verified = |roots: Option<&str>| Tls::Verified { roots: roots.map(str::to_owned) };
        check("postgres://scim@db/people", Ok(("postgres://scim@db/people", Tls::Off)));
        check("postgres://db/people?sslmode=disable&user=scim", Ok(("postgres://db/people?user=scim", Tls::Off)));
        check("postgres://db/people?sslmode=require", Ok(("postgres://db/people", verified(None))));
        check("postgres://db/people?user=scim&sslmode=verify-full&port=1", Ok(("postgres://db/people?user=scim&port=1", verified(None))));
        check(
            "postgres://db/people?sslmode=verify-full&sslrootcert=%2Fetc/a%20b.pem",
            Ok(("postgres://db/people", verified(Some("/etc/a b.pem")))),
        );
        check("postgres://db/people?sslrootcert=root.pem", Ok(("postgres://db/people", verified(Some("root.pem")))));
        check("postgres://db/people?sslmode=disable&sslrootcert=x", Err("expected no `sslrootcert` beside `sslmode=disable`"));
        for mode in ["prefer", "allow", "verify-ca", "VERIFY-FULL", ""] {
            let fault = format!("expected `disable`, `require` or `verify-full` for `sslmode`, found `{mode}`");
            check(&format!("postgres://db/people?sslmode={mode}"), Err(&fault));
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        std::fs::write(&path, "no certificate").unwrap();
        for path in [path, folder.path().join("missing.pem")] {
            let fault = client_config(path.to_str()).unwrap_err();
            assert!(fault.starts_with("expected a file of certificates in PEM at `sslrootcert`, found `"), "{fault}");
            assert!(fault.contains(path.to_str().unwrap()), "{fault}");
        }
    }
}
