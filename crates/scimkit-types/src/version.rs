//! Entity tags and the preconditions that name them (RFC 7644 section 3.14).

use std::fmt;

/// An entity tag: weak on output, compared by its opaque part (AMB-17).
///
/// ```
/// use scimkit_types::Version;
/// let version = Version::parse(r#"W/"3694e05e9dff590""#)?;
/// assert_eq!(version, Version::parse(r#""3694e05e9dff590""#)?);
/// assert_eq!(version.to_string(), r#"W/"3694e05e9dff590""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(String);

/// A text that is not an entity tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an entity tag such as `W/\"a1\"`, found `{found}`")]
#[non_exhaustive]
pub struct VersionError {
    /// What was found.
    pub found: String,
}

impl Version {
    /// A version with this opaque part; characters that an entity tag cannot hold are left out.
    pub fn new(opaque: &str) -> Self {
        if opaque.chars().all(is_tag_character) {
            return Self(opaque.to_owned());
        }
        Self(opaque.chars().filter(|c| is_tag_character(*c)).collect())
    }

    /// Reads an entity tag, weak or strong; one without quotes is taken as its opaque part.
    ///
    /// # Errors
    /// [`VersionError`] if the text holds a character that an entity tag cannot hold.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let text = text.trim();
        let tag = text.strip_prefix("W/").unwrap_or(text);
        let opaque = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(tag);
        if opaque.chars().all(is_tag_character) { Ok(Self(opaque.to_owned())) } else { Err(VersionError { found: text.to_owned() }) }
    }

    /// The opaque part, without quotes and weakness.
    pub fn opaque(&self) -> &str {
        &self.0
    }

    /// The entity tag, as headers and `meta.version` have it: `W/"3694e05e9dff590"`.
    pub fn to_tag(&self) -> String {
        ["W/\"", &self.0, "\""].concat()
    }
}

fn is_tag_character(c: char) -> bool {
    c != '"' && c != ',' && !c.is_whitespace() && !c.is_control()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_tag())
    }
}

/// What must hold of the present version for a request to be done (RFC 7232 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// `If-Match: *`: the resource exists.
    Exists,
    /// `If-Match`: the present version is one of these.
    Match(Vec<Version>),
    /// `If-None-Match: *`: the resource does not exist.
    NotExists,
    /// `If-None-Match`: the present version is none of these.
    NoneMatch(Vec<Version>),
}

impl Precondition {
    /// Whether the precondition holds for the present version; `None` means that the resource does not exist.
    pub fn holds(&self, present: Option<&Version>) -> bool {
        match self {
            Self::None => true,
            Self::Exists => present.is_some(),
            Self::Match(versions) => present.is_some_and(|present| versions.contains(present)),
            Self::NotExists => present.is_none(),
            Self::NoneMatch(versions) => present.is_none_or(|present| !versions.contains(present)),
        }
    }
}
