//! The names of members.

use std::fmt;

use compact_str::CompactString;

use crate::schema::{AttributeName, SchemaUri, compact};

/// The name of a member of a [`ComplexValue`](super::ComplexValue), as it was spelled; compares without ASCII case.
///
/// Names of up to 24 bytes and the URIs of the standard's user and group schemas take no memory of their own.
///
/// ```
/// use scimkit_types::value::MemberName;
/// let name = MemberName::from("userName");
/// assert_eq!(name, *"USERNAME");
/// assert_eq!(name.as_str(), "userName");
/// ```
#[derive(Clone)]
pub struct MemberName(CompactString);

impl MemberName {
    /// The name as it was spelled.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for MemberName {
    fn eq(&self, other: &Self) -> bool {
        *self == *other.as_str()
    }
}

impl Eq for MemberName {}

impl PartialEq<str> for MemberName {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for MemberName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for MemberName {
    #[inline]
    fn from(name: &str) -> Self {
        Self(compact(name))
    }
}

impl From<&String> for MemberName {
    fn from(name: &String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<String> for MemberName {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<&AttributeName> for MemberName {
    fn from(name: &AttributeName) -> Self {
        Self::from(name.clone())
    }
}

impl From<AttributeName> for MemberName {
    fn from(name: AttributeName) -> Self {
        Self(name.into_compact())
    }
}

impl From<&SchemaUri> for MemberName {
    fn from(uri: &SchemaUri) -> Self {
        Self::from(uri.clone())
    }
}

impl From<SchemaUri> for MemberName {
    fn from(uri: SchemaUri) -> Self {
        Self(uri.into_compact())
    }
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> Self {
        name.0.into()
    }
}
