//! Attribute names and schema URIs: both compare without ASCII case and keep their spelling.

use std::fmt;
use std::hash::{Hash, Hasher};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{ENTERPRISE_USER, GROUP, USER};

/// The length up to which text stands where the handle of longer text would.
const INLINE: usize = size_of::<CompactString>();

/// Text as it is kept: up to 24 bytes, and the URIs that nearly every document has take no memory of their own.
#[inline]
pub(crate) fn compact(text: &str) -> CompactString {
    known_uri(text).unwrap_or_else(|| CompactString::new(text))
}

/// The URI if it is one that is shared, in just this spelling.
#[inline]
fn known_uri(text: &str) -> Option<CompactString> {
    if text.len() <= INLINE {
        return None;
    }
    [USER, ENTERPRISE_USER, GROUP].into_iter().find(|known| *known == text).map(CompactString::const_new)
}

/// A text that is not an attribute name or schema URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// An attribute name starts with a letter, goes on with letters, digits, `-`, `_` and `$` (RFC 7643 section 2.1), or is `$ref`.
    #[error("expected an attribute name such as `userName`, found `{name}`")]
    Attribute {
        /// What was found.
        name: String,
    },
    /// A schema URI starts with a scheme, holds no blank and is at most 1,024 bytes long.
    #[error("expected a schema URI such as `urn:ietf:params:scim:schemas:core:2.0:User`, found `{uri}`")]
    SchemaUri {
        /// What was found.
        uri: String,
    },
}

macro_rules! caseless {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(CompactString);

        impl $name {
            /// The text as it was given.
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text as it is kept.
            pub(crate) fn into_compact(self) -> CompactString {
                self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                *self == *other.as_str()
            }
        }

        impl Eq for $name {}

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0.eq_ignore_ascii_case(other)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                // Hashers are slow byte by byte.
                let mut buffer = [0; 64];
                for chunk in self.0.as_bytes().chunks(buffer.len()) {
                    for (lower, byte) in buffer.iter_mut().zip(chunk) {
                        *lower = byte.to_ascii_lowercase();
                    }
                    state.write(buffer.get(..chunk.len()).unwrap_or_default());
                }
                state.write_usize(self.0.len());
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(other.0.bytes().map(|byte| byte.to_ascii_lowercase()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
    };
}

caseless! {
    /// The name of an attribute or sub-attribute (RFC 7643 section 2.1).
    ///
    /// ```
    /// use scimkit_types::AttributeName;
    /// let name: AttributeName = "userName".parse()?;
    /// assert_eq!(name, *"USERNAME");
    /// assert!("a.b".parse::<AttributeName>().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    AttributeName
}

impl std::str::FromStr for AttributeName {
    type Err = NameError;

    #[inline]
    fn from_str(name: &str) -> Result<Self, NameError> {
        let rest = name.strip_prefix('$').unwrap_or(name).as_bytes();
        let is_valid = rest.first().is_some_and(u8::is_ascii_alphabetic)
            && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$'));
        if is_valid { Ok(Self(CompactString::new(name))) } else { Err(NameError::Attribute { name: name.to_owned() }) }
    }
}

caseless! {
    /// The URI that names a schema; compares without ASCII case (R7643-2.1-01, AMB-38).
    ///
    /// ```
    /// use scimkit_types::SchemaUri;
    /// let uri: SchemaUri = "urn:ietf:params:scim:schemas:core:2.0:User".parse()?;
    /// assert_eq!(uri, *"URN:IETF:params:scim:schemas:core:2.0:user");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SchemaUri
}

impl std::str::FromStr for SchemaUri {
    type Err = NameError;

    fn from_str(uri: &str) -> Result<Self, NameError> {
        if let Some(known) = known_uri(uri) {
            return Ok(Self(known));
        }
        let scheme_ends = uri.find(':').filter(|end| *end > 0);
        let is_valid = scheme_ends.is_some()
            && uri.len() <= 1024
            && !uri.ends_with(':')
            && uri.starts_with(|first: char| first.is_ascii_alphabetic())
            && uri.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '[' | ']' | '(' | ')'));
        if is_valid { Ok(Self(CompactString::new(uri))) } else { Err(NameError::SchemaUri { uri: uri.to_owned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7643-2.1-01, AMB-38: equal names have equal hashes, whatever their case and length.
    #[test]
    fn hashes_follow_equality() {
        let hash = |uri: &SchemaUri| {
            let mut hasher = std::hash::DefaultHasher::new();
            uri.hash(&mut hasher);
            hasher.finish()
        };
        for length in [1, 63, 64, 65, 128, 200] {
            let uri: SchemaUri = format!("urn:{}", "a".repeat(length)).parse().unwrap();
            let other: SchemaUri = format!("URN:{}", "A".repeat(length)).parse().unwrap();
            assert!(uri == other && hash(&uri) == hash(&other));
            assert_ne!(hash(&uri), hash(&format!("{uri}a").parse().unwrap()));
        }
    }

    #[test]
    fn faulty_uris_are_refused() {
        let long = format!("urn:{}", "a".repeat(1024));
        assert!(["", "a", ":a", "urn:", "1urn:a", "urn:a b", "urn:a[b]", &long].into_iter().all(|uri| uri.parse::<SchemaUri>().is_err()));
    }
}
