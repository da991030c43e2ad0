//! The reqwest transport over real sockets of this machine.
#![cfg(all(feature = "reqwest", feature = "tokio"))]

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use http::Request;
    use scimkit_client::{Transport, TransportError, TransportErrorKind};
    use scimkit_http::reqwest::{PlainHttp, ReqwestOptions, ReqwestTransport};
    use scimkit_http::tokio::TokioTimer;
    use scimkit_types::Timer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    /// What a peer does with a connection once it has the request.
    #[derive(Clone, Copy, Debug)]
    enum Then {
        /// Sends these bytes and closes.
        Says(&'static [u8]),
        /// Sends these bytes and keeps the connection open without a word more.
        Stalls(&'static [u8]),
        /// Closes at once, before it reads anything.
        Closes,
    }

    /// A peer on a socket of this machine, with the number of requests that it got.
    async fn peer(then: Then) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                match then {
                    Then::Closes => drop(stream),
                    Then::Says(bytes) | Then::Stalls(bytes) => {
                        read_head(&mut stream).await;
                        counter.fetch_add(1, Ordering::SeqCst);
                        stream.write_all(bytes).await.unwrap();
                        if matches!(then, Then::Stalls(_)) {
                            open.push(stream);
                        }
                    }
                }
            }
        });
        (address, requests)
    }

    async fn read_head(stream: &mut TcpStream) {
        let mut head = Vec::new();
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.unwrap() == 0 {
                return;
            }
            head.push(byte[0]);
        }
    }

    /// Times out only where nothing would ever come, however slow the machine is.
    fn options() -> ReqwestOptions {
        let long = Duration::from_secs(300);
        ReqwestOptions::default().with_timeout(long).with_connect_timeout(long).with_max_body(10)
    }

    async fn get(address: &str) -> Result<http::Response<Bytes>, TransportError> {
        get_with(options(), address).await
    }

    async fn get_with(options: ReqwestOptions, address: &str) -> Result<http::Response<Bytes>, TransportError> {
        let request = Request::get(address).header("accept", "application/json").body(Bytes::new()).unwrap();
        ReqwestTransport::new(options).unwrap().send(request).await
    }

    async fn kind(then: Then) -> TransportErrorKind {
        let (address, _) = peer(then).await;
        get(&format!("http://{address}/Users?filter=secret")).await.unwrap_err().kind()
    }

    #[tokio::test]
    async fn an_answer_is_passed_on_as_it_came() {
        let (address, requests) = peer(Then::Says(b"HTTP/1.1 201 Created\r\nETag: W/\"1\"\r\nContent-Length: 10\r\n\r\n0123456789")).await;
        let response = get(&format!("http://{address}/Users")).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_ref()), (201, b"0123456789".as_slice()));
        assert_eq!((&response.headers()["etag"], requests.load(Ordering::SeqCst)), (&"W/\"1\"".parse().unwrap(), 1));
    }

    /// R7644-3.12-04: a redirect is an answer, even one that leads to the same peer.
    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (address, requests) = peer(Then::Says(b"HTTP/1.1 307 x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(get(&format!("http://{address}/Users")).await.unwrap().status(), 307);
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_peer_that_is_not_there_was_never_reached() {
        // The port is taken, and nobody listens on it.
        let taken = TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = taken.local_addr().unwrap();
        let error = get(&format!("http://{address}/Users")).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_had_effect()), (TransportErrorKind::Connect, false));
        let error = get("http://localhost.invalid/").await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Refused);
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_an_interruption_and_is_not_made_again() {
        assert_eq!(kind(Then::Closes).await, TransportErrorKind::Interrupted);
        assert_eq!(kind(Then::Says(b"")).await, TransportErrorKind::Interrupted);
        assert_eq!(kind(Then::Says(b"HTTP/1.1 200 OK\r\nContent-Len")).await, TransportErrorKind::Interrupted);
        assert_eq!(kind(Then::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")).await, TransportErrorKind::Interrupted);
        assert_eq!(kind(Then::Says(b"this is not HTTP\r\n\r\n")).await, TransportErrorKind::Interrupted);
        let (address, requests) = peer(Then::Says(b"")).await;
        get(&format!("http://{address}/Users")).await.unwrap_err();
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_a_timeout() {
        let short = options().with_timeout(Duration::from_millis(500));
        for stalls in [Then::Stalls(b""), Then::Stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")] {
            let (address, _) = peer(stalls).await;
            let error = get_with(short.clone(), &format!("http://{address}/Users")).await.unwrap_err();
            assert_eq!(error.kind(), TransportErrorKind::Timeout);
        }
    }

    #[tokio::test]
    async fn a_body_is_bounded_whether_its_length_is_told_or_not() {
        assert_eq!(kind(Then::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")).await, TransportErrorKind::TooLarge);
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n";
        assert_eq!(kind(Then::Says(chunked)).await, TransportErrorKind::TooLarge);
    }

    /// An address holds a filter, which may name a person.
    #[tokio::test]
    async fn errors_do_not_show_the_address() {
        let (address, _) = peer(Then::Closes).await;
        let error = get(&format!("http://{address}/Users?filter=secret")).await.unwrap_err();
        assert!(!format!("{error:?}").contains("secret"));
    }

    /// R7644-7.2-01: without TLS only this machine is spoken to, unless told.
    #[tokio::test]
    async fn plain_http_is_for_this_machine() {
        for address in ["http://192.0.2.1/", "http://example.com/", "http://localhost.example.com/", "http://[2001:db8::1]/", "/Users"] {
            assert_eq!(get(address).await.unwrap_err().kind(), TransportErrorKind::Refused, "{address}");
        }
        for address in ["http://localhost:1/", "http://[::1]:1/", "http://127.9.9.9:1/"] {
            assert_eq!(get(address).await.unwrap_err().kind(), TransportErrorKind::Connect, "{address}");
        }
        // Who is told that there is no such name waits no longer than this.
        let anywhere = options().with_timeout(Duration::from_millis(500)).with_plain_http(PlainHttp::Anywhere);
        let error = get_with(anywhere, "http://name.invalid/").await.unwrap_err();
        assert_ne!(error.kind(), TransportErrorKind::Refused);
    }

    /// A peer that does not speak TLS never gets the request.
    #[cfg(feature = "rustls")]
    #[tokio::test]
    async fn a_failed_handshake_is_a_connection_that_was_not_made() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        });
        assert_eq!(get(&format!("https://{address}/")).await.unwrap_err().kind(), TransportErrorKind::Connect);
    }

    #[cfg(not(feature = "rustls"))]
    #[tokio::test]
    async fn https_needs_its_feature() {
        assert_eq!(get("https://localhost/").await.unwrap_err().kind(), TransportErrorKind::Refused);
    }

    #[tokio::test]
    async fn a_timer_waits_at_least_as_long_as_told() {
        let before = tokio::time::Instant::now();
        TokioTimer::new().sleep(Duration::from_millis(20)).await;
        assert!(before.elapsed() >= Duration::from_millis(20));
    }
}
