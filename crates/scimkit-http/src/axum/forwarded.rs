//! Which host a client asked for, if a proxy says so that is believed (RFC 7239).

use std::net::{IpAddr, SocketAddr};

use ::axum::extract::ConnectInfo;
use ::axum::http::HeaderMap;
use ::axum::http::header::{FORWARDED, HOST, HeaderValue};
use ::axum::http::request::Parts;
use ::axum::http::uri::Uri;

/// Puts the forwarded host in the place of the one in the request, if the peer is one of the proxies.
pub(super) fn apply(parts: &mut Parts, proxies: &[IpAddr]) {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    if !peer.is_some_and(|peer| proxies.iter().any(|proxy| proxy.to_canonical() == peer)) {
        return;
    }
    let Some(host) = host(&parts.headers) else { return };
    // The address of HTTP/2 names a host of its own, which would win.
    if parts.uri.authority().is_some()
        && let Some(path) = parts.uri.path_and_query().and_then(|path| Uri::try_from(path.as_str()).ok())
    {
        parts.uri = path;
    }
    parts.headers.insert(HOST, host);
}

/// The host that the nearest proxy names: it adds to the end of what it was sent.
fn host(headers: &HeaderMap) -> Option<HeaderValue> {
    let last = |name: &str| {
        let text = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        text.rsplit(',').next().map(str::trim)
    };
    let of_element = |element: &'_ str| {
        let pair = element.split(';').filter_map(|pair| pair.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("host"));
        pair.map(|(_, host)| host.trim().trim_matches('"').to_owned())
    };
    let host = match last(FORWARDED.as_str()) {
        Some(element) => of_element(element),
        None => last("x-forwarded-host").map(str::to_owned),
    };
    let host = host.filter(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'@'))?;
    HeaderValue::try_from(host).ok()
}

#[cfg(test)]
mod tests {
    use ::axum::http::Request;

    use super::*;

    #[track_caller]
    fn check(peer: Option<&str>, headers: &[(&str, &str)], expected: &str) {
        let mut request = Request::get("/scim/v2/Users?count=1").header("host", "own.example.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        if let Some(peer) = peer {
            parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        }
        apply(&mut parts, &["10.0.0.1".parse().unwrap()]);
        assert_eq!(parts.headers[HOST], expected);
        assert_eq!(parts.uri, "/scim/v2/Users?count=1");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let header = [("x-forwarded-host", "acme.example.com")];
        check(Some("10.0.0.1"), &header, "acme.example.com");
        check(Some("::ffff:10.0.0.1"), &header, "acme.example.com");
        check(Some("10.0.0.2"), &header, "own.example.com");
        check(None, &header, "own.example.com");
        check(Some("10.0.0.1"), &[], "own.example.com");
    }

    #[test]
    fn what_the_nearest_proxy_adds_counts() {
        check(Some("10.0.0.1"), &[("x-forwarded-host", "forged.example.com, acme.example.com")], "acme.example.com");
        let forwarded = [("forwarded", "host=forged.example.com"), ("forwarded", "for=1.2.3.4;Host=\"acme.example.com:8443\";proto=https")];
        check(Some("10.0.0.1"), &forwarded, "acme.example.com:8443");
        check(Some("10.0.0.1"), &[("forwarded", "for=1.2.3.4"), ("x-forwarded-host", "forged.example.com")], "own.example.com");
        for host in ["", "a b", "a/b", "user@a"] {
            check(Some("10.0.0.1"), &[("x-forwarded-host", host)], "own.example.com");
        }
    }
}
