//! The address below which a service provider's endpoints stand.

use std::fmt;

use http::Uri;
use http::uri::{Parts, PathAndQuery, Scheme};

use super::encode::{Query, encode};
use crate::error::ClientError;

/// The address below which a service provider's endpoints stand (RFC 7644 section 1.3).
///
/// A query of the address, such as `?aadOptscim062020`, is part of every request.
///
/// ```
/// use scimkit_client::request::{BaseUri, Selection};
///
/// let base = BaseUri::new("https://example.com/scim/v2/".parse()?)?;
/// let request = base.get("/Users", "a/b", &Selection::Default)?;
/// assert_eq!(request.uri(), "https://example.com/scim/v2/Users/a%2Fb");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUri {
    /// Scheme, authority and path, without a slash at the end.
    address: String,
    /// Without the question mark; empty if there is none.
    query: String,
}

impl BaseUri {
    /// The base at this address.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] unless it is an absolute address with `http` or `https` and without user information
    /// (R7644-7.1-01).
    pub fn new(uri: Uri) -> Result<Self, ClientError> {
        let Parts { scheme, authority, path_and_query, .. } = uri.into_parts();
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (scheme.as_ref().map(Scheme::as_str), authority) else {
            return Err(ClientError::invalid_request("expected an address that starts with `https://` and a host"));
        };
        if authority.as_str().contains('@') {
            return Err(ClientError::invalid_request("expected an address without a user name or password"));
        }
        let path = path_and_query.as_ref().map_or("", PathAndQuery::path).trim_end_matches('/');
        let query = path_and_query.as_ref().and_then(PathAndQuery::query).unwrap_or_default();
        Ok(Self { address: format!("{scheme}://{authority}{path}"), query: query.to_owned() })
    }

    /// The address of an endpoint, or of what stands below it.
    pub(super) fn join(&self, endpoint: &str, last: Option<&str>, query: &Query) -> Result<Uri, ClientError> {
        let mut address = self.address.clone();
        let segments = endpoint.split('/').filter(|segment| !segment.is_empty());
        for segment in segments.chain(last) {
            // An empty id would address the endpoint itself, and dots what stands above it.
            if matches!(segment, "" | "." | "..") {
                return Err(ClientError::invalid_request(format!("expected an endpoint and an id, found `{segment}`")));
            }
            address.push('/');
            address.push_str(&encode(segment));
        }
        if address == self.origin() {
            address.push('/');
        }
        let query = query.as_str();
        let parts = [self.query.as_str(), query];
        for (index, part) in parts.into_iter().filter(|part| !part.is_empty()).enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(part);
        }
        address.parse().map_err(|_| ClientError::invalid_request("expected an address of at most 65,534 bytes"))
    }

    /// The endpoint of an address below this base, such as `/Users`: its first segment, without ids.
    pub(crate) fn endpoint_of(&self, uri: &Uri) -> String {
        let base = self.address.strip_prefix(self.origin()).unwrap_or_default();
        let path = uri.path().strip_prefix(base).unwrap_or_default();
        let first = path.split('/').find(|segment| !segment.is_empty()).unwrap_or_default();
        format!("/{first}")
    }

    /// Scheme and authority.
    fn origin(&self) -> &str {
        let host = self.address.find("://").map_or(0, |index| index + 3);
        let end = self.address.get(host..).and_then(|rest| rest.find('/')).map_or(self.address.len(), |index| host + index);
        self.address.get(..end).unwrap_or_default()
    }
}

impl fmt::Display for BaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}
