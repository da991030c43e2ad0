//! Which client asked, and for which host, if a proxy says so that is believed (RFC 7239).

use std::net::{IpAddr, SocketAddr};

use ::axum::extract::ConnectInfo;
use ::axum::http::HeaderMap;
use ::axum::http::header::{FORWARDED, HOST, HeaderValue};
use ::axum::http::request::Parts;
use ::axum::http::uri::Uri;

/// Puts the forwarded host in the place of the one in the request, if the peer is one of the proxies.
pub(super) fn apply(parts: &mut Parts, proxies: &[IpAddr]) {
    if !peer(parts).is_some_and(|peer| is_one(peer, proxies)) {
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

/// Whose request it is: the peer, or whom the nearest proxy names that is believed, and so on from there. `None` if no peer is known.
pub(super) fn client(parts: &Parts, proxies: &[IpAddr]) -> Option<IpAddr> {
    let mut client = peer(parts)?;
    if !is_one(client, proxies) {
        return Some(client);
    }
    for named in named_clients(&parts.headers) {
        // What is no address, such as `unknown`, leaves the proxy to answer for its client.
        let Some(named) = named.and_then(address) else { break };
        client = named;
        if !is_one(client, proxies) {
            break;
        }
    }
    Some(client)
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

fn is_one(address: IpAddr, proxies: &[IpAddr]) -> bool {
    proxies.iter().any(|proxy| proxy.to_canonical() == address)
}

/// The elements of a list that several headers of one name may hold, the last one first: each proxy adds to the end of what it was sent.
fn elements<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    // What cannot be read is an element that names nobody.
    headers.get_all(name).iter().rev().flat_map(|list| list.to_str().unwrap_or_default().rsplit(',')).map(str::trim)
}

/// A parameter of an element of `Forwarded`.
fn parameter<'e>(element: &'e str, wanted: &str) -> Option<&'e str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().trim_matches('"'));
    values.next()
}

/// The host that the nearest proxy names.
fn host(headers: &HeaderMap) -> Option<HeaderValue> {
    let host = match elements(headers, "forwarded").next() {
        Some(element) => parameter(element, "host"),
        None => elements(headers, "x-forwarded-host").next(),
    };
    let host = host.filter(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'@'))?;
    HeaderValue::try_from(host).ok()
}

/// The clients that proxies name, the nearest proxy's first; `None` where one names nobody.
fn named_clients(headers: &HeaderMap) -> impl Iterator<Item = Option<&str>> {
    let is_standard = headers.contains_key(FORWARDED);
    let name = if is_standard { "forwarded" } else { "x-forwarded-for" };
    elements(headers, name).map(move |element| if is_standard { parameter(element, "for") } else { Some(element) })
}

/// An address as proxies write it, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    text.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
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

    #[test]
    fn the_client_is_whom_the_nearest_trusted_proxies_name() {
        let proxies = ["10.0.0.1", "10.0.0.2"].map(|proxy| proxy.parse().unwrap());
        let check = |peer: &str, headers: &[(&str, &str)], expected: &str| {
            let mut request = Request::get("/");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(client(&parts, &proxies), None, "no peer is known");
            parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
            assert_eq!(client(&parts, &proxies), Some(expected.parse().unwrap()), "{headers:?}");
        };
        check("192.0.2.1", &[("x-forwarded-for", "1.2.3.4")], "192.0.2.1");
        check("10.0.0.1", &[], "10.0.0.1");
        check("::ffff:10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.2.3.4")], "1.2.3.4");
        check("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.2.3.4:5678, 10.0.0.2")], "1.2.3.4");
        check("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "10.0.0.2")], "6.6.6.6");
        check("10.0.0.1", &[("x-forwarded-for", "1.2.3.4, unknown, 10.0.0.2")], "10.0.0.2");
        check("10.0.0.1", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "\u{e9}")], "10.0.0.1");
        check("10.0.0.1", &[("forwarded", "for=6.6.6.6, host=a;For=\"[2001:db8::7]:4711\";proto=https")], "2001:db8::7");
        check("10.0.0.1", &[("forwarded", "for=\"[2001:db8::7]\""), ("x-forwarded-for", "6.6.6.6")], "2001:db8::7");
        check("10.0.0.1", &[("forwarded", "host=a"), ("x-forwarded-for", "6.6.6.6")], "10.0.0.1");
    }
}
