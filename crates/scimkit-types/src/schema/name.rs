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

impl AttributeName {
    /// Takes a name off the start of a text: all bytes that can belong to one. Gives the name and the rest, or `None` if there is none.
    ///
    /// ```
    /// use scimkit_types::AttributeName;
    /// let (name, rest) = AttributeName::split_off("name.givenName").ok_or("no name")?;
    /// assert!(name == *"name" && rest == ".givenName");
    /// assert!(AttributeName::split_off("2nd").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn split_off(text: &str) -> Option<(Self, &str)> {
        let bytes = text.as_bytes();
        let end = bytes.iter().position(|byte| !is_in(*byte, NAME)).unwrap_or(bytes.len());
        let starts = match bytes {
            [b'$', first, ..] => end > 1 && first.is_ascii_alphabetic(),
            [first, ..] => first.is_ascii_alphabetic(),
            [] => false,
        };
        let (name, rest) = text.split_at_checked(end)?;
        starts.then(|| (Self(CompactString::new(name)), rest))
    }
}

impl std::str::FromStr for AttributeName {
    type Err = NameError;

    #[inline]
    fn from_str(name: &str) -> Result<Self, NameError> {
        match Self::split_off(name) {
            Some((name, "")) => Ok(name),
            _ => Err(NameError::Attribute { name: name.to_owned() }),
        }
    }
}

/// A byte of an attribute name.
const NAME: u8 = 1;
/// An ASCII byte of a schema URI.
const URI: u8 = 2;

/// Whether a byte is of a class; looked up, as every byte of every name is asked for.
#[inline]
fn is_in(byte: u8, class: u8) -> bool {
    const CLASSES: [u8; 256] = {
        let mut classes = [0; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            let is_name = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$');
            let is_uri = byte.is_ascii_graphic() && !matches!(byte, b'"' | b'[' | b']' | b'(' | b')');
            #[expect(clippy::indexing_slicing, reason = "the table has a place for every byte; the compiler would refuse another")]
            {
                classes[byte as usize] = if is_name { NAME } else { 0 } | if is_uri { URI } else { 0 };
            }
            byte += 1;
        }
        classes
    };
    #[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
    let classes = CLASSES[usize::from(byte)];
    classes & class != 0
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

impl SchemaUri {
    /// The number of bytes at the start of a text that can belong to a URI: no blank, no control character, none of `"[]()`.
    ///
    /// ```
    /// use scimkit_types::SchemaUri;
    /// assert_eq!(SchemaUri::length_in("urn:example:User[type eq 1]"), 16);
    /// ```
    pub fn length_in(text: &str) -> usize {
        let end = text.bytes().position(|byte| !is_in(byte, URI)).unwrap_or(text.len());
        // A URI is ASCII nearly always.
        if text.as_bytes().get(end).is_none_or(u8::is_ascii) {
            return end;
        }
        let ends = |c: char| c.is_whitespace() || c.is_control() || u8::try_from(c).is_ok_and(|byte| byte.is_ascii() && !is_in(byte, URI));
        text.find(ends).unwrap_or(text.len())
    }
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
            && Self::length_in(uri) == uri.len();
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
