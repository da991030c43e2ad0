//! HTTP as bytes on a socket, so that a test can send what no client library would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use scimkit_server::Tenants;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Servers that listen on 127.0.0.1 until this is dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
#[non_exhaustive]
pub struct WireReply {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Wire {
    /// Puts servers on a free port.
    pub async fn start(tenants: impl Into<Tenants>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = scimkit_http::axum::router(tenants);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }

    /// Sends bytes as they are, and reads until the server closes the connection.
    pub async fn raw(&self, request: Vec<u8>) -> WireReply {
        let address = self.address;
        let received = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            // The server may answer and close before it has read everything.
            let _ = stream.write_all(&request);
            let mut received = Vec::new();
            let _ = stream.read_to_end(&mut received);
            received
        });
        let received = String::from_utf8(received.await.unwrap()).unwrap();
        let (head, text) = received.split_once("\r\n\r\n").unwrap_or((received.as_str(), ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let body = serde_json::from_str(text).unwrap_or_default();
        WireReply { status, head: head.to_ascii_lowercase(), text: text.to_owned(), body }
    }

    /// Sends a request below `/scim/v2` with the token `token`, unless a header of the request says otherwise.
    pub async fn send(&self, method: &str, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> WireReply {
        let body = body.as_ref();
        let mut head =
            format!("{method} /scim/v2{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("authorization")) {
            head.push_str("Authorization: Bearer token\r\n");
        }
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        let mut request = format!("{head}\r\n").into_bytes();
        request.extend_from_slice(body);
        self.raw(request).await
    }
}

impl WireReply {
    /// Checks that this is a SCIM error with this status and keyword.
    #[track_caller]
    pub fn check_error(&self, status: u16, scim_type: Option<&str>) -> &Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text);
        assert!(self.head.contains("content-type: application/scim+json"), "{}", self.head);
        let member = |name: &str| self.body.get(name).unwrap_or(&Value::Null);
        assert_eq!(*member("schemas"), serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(*member("status"), status.to_string());
        assert_eq!(member("scimType").as_str(), scim_type, "{}", self.text);
        self
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}
