//! From a path to what it addresses (RFC 7644 section 3.2); nothing is looked up.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use scimkit_types::{Catalog, ResourceType};

/// What a path addresses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route<'a> {
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`
    ResourceTypes,
    /// `/ResourceTypes/{name}`
    ResourceType(String),
    /// `/Schemas`
    Schemas,
    /// `/Schemas/{uri}`
    Schema(String),
    /// The endpoint of a type, such as `/Users`
    Collection(&'a ResourceType),
    /// `/Users/.search`
    Search(&'a ResourceType),
    /// `/Users/{id}`
    Item(&'a ResourceType, String),
    /// The base itself: all resources
    Root,
    /// `/.search`
    RootSearch,
    /// `/Bulk`
    Bulk,
    /// `/Me`
    Me,
}

/// Why a path addresses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RouteError {
    /// There is no such path.
    NotFound,
    /// The path names a version of the protocol that is not spoken.
    Version(String),
}

/// The path below which the endpoints stand, such as `/scim/v2`.
///
/// A last segment such as `v2` may be left out by clients (R7644-3.13-02).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasePath {
    /// Without slashes.
    segments: Vec<String>,
}

impl BasePath {
    /// `None` unless the path is empty or starts with a slash, and has no empty segment, query, fragment or blank.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let inner = path.strip_suffix('/').unwrap_or(path);
        if inner.is_empty() {
            return Some(Self { segments: Vec::new() });
        }
        let segments: Vec<String> = inner.strip_prefix('/')?.split('/').map(str::to_owned).collect();
        let is_valid = |segment: &String| {
            !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%'))
        };
        segments.iter().all(is_valid).then_some(Self { segments })
    }

    /// As it stands in front of an endpoint.
    pub(crate) fn to_path(&self) -> String {
        self.segments.iter().flat_map(|segment| ["/", segment]).collect()
    }

    /// How many segments the base path has, if a path stands below it, with or without the version.
    pub(crate) fn covers(&self, path: &str) -> Option<usize> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        match self.strip(&segments) {
            Ok(_) | Err(RouteError::Version(_)) => Some(self.segments.len()),
            Err(RouteError::NotFound) => None,
        }
    }

    /// What follows the base path.
    fn strip<'p>(&self, segments: &'p [&'p str]) -> Result<&'p [&'p str], RouteError> {
        let is_version = |segment: &str| {
            segment.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let equal = |given: &[&str], base: &[String]| given.len() == base.len() && given.iter().zip(base).all(|(a, b)| a == b);
        let own = self.segments.len();
        if let Some((head, rest)) = segments.split_at_checked(own)
            && equal(head, &self.segments)
        {
            return Ok(rest);
        }
        let Some((version, stem)) = self.segments.split_last().filter(|(last, stem)| is_version(last) && !stem.is_empty()) else {
            return Err(RouteError::NotFound);
        };
        let (head, rest) = segments.split_at_checked(stem.len()).ok_or(RouteError::NotFound)?;
        if !equal(head, stem) {
            return Err(RouteError::NotFound);
        }
        match rest.first() {
            Some(other) if is_version(other) && other != version => Err(RouteError::Version((*other).to_owned())),
            _ => Ok(rest),
        }
    }
}

impl<'a> Route<'a> {
    /// What a path addresses. Segments are percent-decoded once (R7644-1.2-01); one slash at the end is left out.
    ///
    /// # Errors
    /// [`RouteError`].
    pub(crate) fn parse(base: &BasePath, path: &str, catalog: &'a Catalog) -> Result<Self, RouteError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
        let rest = base.strip(&segments)?;
        if rest.len() > MAX_SEGMENTS {
            return Err(RouteError::NotFound);
        }
        if !path.contains('%') {
            return Self::find(rest, catalog);
        }
        let decoded = rest.iter().map(|segment| decode(segment)).collect::<Result<Vec<Cow<'_, str>>, RouteError>>()?;
        Self::find(&decoded.iter().map(Cow::as_ref).collect::<Vec<&str>>(), catalog)
    }

    /// What segments below the base path address.
    fn find(rest: &[&str], catalog: &'a Catalog) -> Result<Self, RouteError> {
        // An endpoint may have several segments.
        let found = (1..=rest.len()).rev().find_map(|length| {
            let (endpoint, below) = rest.split_at_checked(length)?;
            let resource_type = catalog.resource_types().iter().find(|resource_type| is_endpoint(resource_type, endpoint))?;
            Some((resource_type, below))
        });
        if let Some((resource_type, below)) = found {
            return match below {
                [] => Ok(Self::Collection(resource_type)),
                [".search"] => Ok(Self::Search(resource_type)),
                [id] if !id.is_empty() => Ok(Self::Item(resource_type, (*id).to_owned())),
                _ => Err(RouteError::NotFound),
            };
        }
        match rest {
            [] => Ok(Self::Root),
            [".search"] => Ok(Self::RootSearch),
            ["ServiceProviderConfig"] => Ok(Self::ServiceProviderConfig),
            ["ResourceTypes"] => Ok(Self::ResourceTypes),
            ["ResourceTypes", name] => Ok(Self::ResourceType((*name).to_owned())),
            ["Schemas"] => Ok(Self::Schemas),
            ["Schemas", uri] => Ok(Self::Schema((*uri).to_owned())),
            ["Bulk"] => Ok(Self::Bulk),
            ["Me"] => Ok(Self::Me),
            _ => Err(RouteError::NotFound),
        }
    }

    /// The methods that the path takes, besides OPTIONS.
    pub(crate) const fn methods(&self) -> &'static [Method] {
        match self {
            Self::ServiceProviderConfig | Self::ResourceTypes | Self::ResourceType(_) | Self::Schemas | Self::Schema(_) | Self::Root => {
                &[Method::GET, Method::HEAD]
            }
            Self::Collection(_) => &[Method::GET, Method::HEAD, Method::POST],
            Self::Search(_) | Self::RootSearch | Self::Bulk => &[Method::POST],
            Self::Item(..) => &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE],
            Self::Me => &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
        }
    }

    /// Whether the path describes the service and holds nothing of a tenant.
    pub(crate) const fn is_discovery(&self) -> bool {
        matches!(self, Self::ServiceProviderConfig | Self::ResourceTypes | Self::ResourceType(_) | Self::Schemas | Self::Schema(_))
    }
}

/// More segments than any endpoint and id have together.
const MAX_SEGMENTS: usize = 8;

fn is_endpoint(resource_type: &ResourceType, segments: &[&str]) -> bool {
    resource_type.endpoint.trim_matches('/').split('/').eq(segments.iter().copied())
}

fn decode(segment: &str) -> Result<Cow<'_, str>, RouteError> {
    percent_decode_str(segment).decode_utf8().map_err(|_| RouteError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, path: &str, expected: &str) {
        let catalog = Catalog::standard();
        let found = match Route::parse(&BasePath::parse(base).unwrap(), path, &catalog) {
            Ok(Route::Collection(resource_type)) => format!("all of {}", resource_type.name),
            Ok(Route::Search(resource_type)) => format!("search {}", resource_type.name),
            Ok(Route::Item(resource_type, id)) => format!("{} {id}", resource_type.name),
            Ok(route) => format!("{route:?}"),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(found, expected, "{base} {path}");
    }

    /// R7644-3.2-02: the table of endpoints.
    #[test]
    fn every_endpoint_is_found() {
        check("/scim/v2", "/scim/v2/Users", "all of User");
        check("/scim/v2", "/scim/v2/Users/", "all of User");
        check("/scim/v2", "/scim/v2/Groups/7", "Group 7");
        check("/scim/v2", "/scim/v2/Users/.search", "search User");
        check("/scim/v2", "/scim/v2/.search", "RootSearch");
        check("/scim/v2", "/scim/v2", "Root");
        check("/scim/v2", "/scim/v2/Bulk", "Bulk");
        check("/scim/v2", "/scim/v2/Me", "Me");
        check("/scim/v2", "/scim/v2/ServiceProviderConfig", "ServiceProviderConfig");
        check("/scim/v2", "/scim/v2/ResourceTypes/User", "ResourceType(\"User\")");
    }

    /// R7644-1.3-02: any prefix, or none.
    #[test]
    fn a_path_outside_of_the_base_is_not_found() {
        check("", "/Users", "all of User");
        check("/tenants/a/v2", "/tenants/a/v2/Users", "all of User");
        check("/scim/v2", "/Users", "NotFound");
        check("/scim/v2", "/scim/v2x/Users", "NotFound");
        check("/scim/v2", "/scim/v2/users", "NotFound");
        check("/scim/v2", "/scim/v2/Users/1/2", "NotFound");
        check("/scim/v2", "/scim/v2/Users//", "NotFound");
    }

    /// R7644-3.13-01, R7644-3.13-02: another version is refused, none is the present one.
    #[test]
    fn a_version_is_honored_or_refused() {
        check("/scim/v2", "/scim/v1/Users", "Version(\"v1\")");
        check("/scim/v2", "/scim/Users", "all of User");
        check("/v2", "/Users", "NotFound");
    }

    /// R7644-1.2-01, R7643-7-02: segments are decoded once, and a slash inside stays inside.
    #[test]
    fn segments_are_decoded_once() {
        check("/v2", "/v2/Users/a%2Fb%2520c", "User a/b%20c");
        check("/v2", "/v2/Schemas/urn%3Aa:b", "Schema(\"urn:a:b\")");
        check("/v2", "/v2/Users/%FF", "NotFound");
    }

    #[test]
    fn a_base_path_is_checked() {
        for path in ["scim", "/a b", "/a?b", "/a//b", "/a#b"] {
            assert_eq!(BasePath::parse(path), None, "{path}");
        }
        assert_eq!(BasePath::parse("/scim/v2/").unwrap().to_path(), "/scim/v2");
        assert_eq!(BasePath::parse("/").unwrap().to_path(), "");
    }
}
