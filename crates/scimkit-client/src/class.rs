//! What kind of request a request is.

use bytes::Bytes;
use http::{Method, Request};
use scimkit_types::Timestamp;

/// The class of a request, each with a quota of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a request changes something or it does not")]
pub enum Class {
    /// Changes nothing: GET, HEAD and `POST …/.search`.
    Read,
    /// May change something.
    Write,
}

impl Class {
    /// The class of a request, by its method and path.
    pub fn of(request: &Request<Bytes>) -> Self {
        let is_search = *request.method() == Method::POST && request.uri().path().trim_end_matches('/').ends_with("/.search");
        let is_read = is_search || matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if is_read { Self::Read } else { Self::Write }
    }
}

/// How much of a quota a request uses, as an extension of the request. Default 1; a bulk request costs its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost(pub u32);

/// Marks a PATCH request, as an extension of the request, as one that has the same effect done twice as done once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeatable;

/// When a request must be on its way, as an extension of the request: whoever lets it wait (for a quota, or before sending it again)
/// does not send it at this instant or later, and answers with [`Expired`](crate::TransportErrorKind::Expired).
///
/// Whoever owns a job for a limited time bounds its requests so: what waits when another one takes the job is never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAfter(pub Timestamp);

impl NotAfter {
    /// Whether a request may still be sent at this instant.
    pub(crate) fn allows(request: &Request<Bytes>, now: Timestamp) -> bool {
        request.extensions().get::<Self>().is_none_or(|bound| now < bound.0)
    }
}

/// Whether a request may be sent again although it may have had its effect (RFC 9110 section 9.2.2).
pub(crate) fn is_repeatable(request: &Request<Bytes>) -> bool {
    Class::of(request) == Class::Read
        || matches!(*request.method(), Method::PUT | Method::DELETE)
        || *request.method() == Method::PATCH && request.extensions().get::<Repeatable>().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, uri: &str, class: Class, repeatable: bool) {
        let request = Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
        assert_eq!((Class::of(&request), is_repeatable(&request)), (class, repeatable), "{} {uri}", request.method());
    }

    #[test]
    fn a_search_is_a_read_and_a_create_is_not_repeatable() {
        check(Method::GET, "https://h/Users", Class::Read, true);
        check(Method::POST, "https://h/Users/.search?x", Class::Read, true);
        check(Method::POST, "https://h/Users", Class::Write, false);
        check(Method::POST, "https://h/Bulk", Class::Write, false);
        check(Method::POST, "https://h/Users.search", Class::Write, false);
        check(Method::PUT, "https://h/Users/1", Class::Write, true);
        check(Method::DELETE, "https://h/Users/1", Class::Write, true);
        check(Method::PATCH, "https://h/Users/1", Class::Write, false);
    }

    #[test]
    fn a_patch_is_repeatable_when_it_is_marked() {
        let mut request = Request::patch("https://h/Users/1").body(Bytes::new()).unwrap();
        request.extensions_mut().insert(Repeatable);
        assert!(is_repeatable(&request));
    }
}
