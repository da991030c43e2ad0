//! Restarting a job: what is forgotten, by name.

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

/// What a restart clears: a set with the names of Microsoft Graph's `resetScope`.
///
/// | name | clears |
/// |---|---|
/// | `None` | nothing |
/// | `ConnectorDataStore` | links and stored objects; everything is read and matched again |
/// | `Escrows` | failures and their back-off; their objects are tried at once |
/// | `Watermark` | the place in the source's changes; everything is read and evaluated again |
/// | `QuarantineState` | the quarantine; a job that was disabled by it is active again |
/// | `Full` | all of these |
/// | `ForceDeletes` | nothing, but the removals of the next cycle pass the deletion threshold |
///
/// ```
/// use scimkit_provisioning::ResetScope;
/// let scope: ResetScope = "Escrows, Watermark".parse()?;
/// assert!(scope.contains(ResetScope::ESCROWS) && !scope.contains(ResetScope::QUARANTINE_STATE));
/// assert_eq!(ResetScope::default(), ResetScope::QUARANTINE_STATE | ResetScope::WATERMARK | ResetScope::ESCROWS);
/// # Ok::<(), scimkit_provisioning::ResetScopeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResetScope(u8);

impl ResetScope {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Links and stored objects.
    pub const CONNECTOR_DATA_STORE: Self = Self(1);
    /// Failures and their back-off.
    pub const ESCROWS: Self = Self(2);
    /// The place in the source's changes.
    pub const WATERMARK: Self = Self(4);
    /// The quarantine.
    pub const QUARANTINE_STATE: Self = Self(8);
    /// All of these.
    pub const FULL: Self = Self(15);
    /// Lets the removals of the next cycle pass.
    pub const FORCE_DELETES: Self = Self(16);

    const NAMES: [(&'static str, Self); 7] = [
        ("None", Self::NONE),
        ("Full", Self::FULL),
        ("ConnectorDataStore", Self::CONNECTOR_DATA_STORE),
        ("Escrows", Self::ESCROWS),
        ("Watermark", Self::WATERMARK),
        ("QuarantineState", Self::QUARANTINE_STATE),
        ("ForceDeletes", Self::FORCE_DELETES),
    ];

    /// Whether all of another scope is in this one.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What the button of Microsoft's portal clears: quarantine, watermark and escrows; links stay.
impl Default for ResetScope {
    fn default() -> Self {
        Self::QUARANTINE_STATE | Self::WATERMARK | Self::ESCROWS
    }
}

impl BitOr for ResetScope {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for ResetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("None");
        }
        let mut left = *self;
        let mut is_first = true;
        for (name, scope) in Self::NAMES.into_iter().filter(|(_, scope)| *scope != Self::NONE) {
            if left.contains(scope) {
                write!(f, "{}{name}", if is_first { "" } else { "," })?;
                left = Self(left.0 & !scope.0);
                is_first = false;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ResetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResetScope({self})")
    }
}

/// A name that no reset scope has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected names such as `Escrows` or `Full` with commas between them, found `{found}`")]
#[non_exhaustive]
pub struct ResetScopeError {
    /// The name.
    pub found: String,
}

impl FromStr for ResetScope {
    type Err = ResetScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut scope = Self::NONE;
        for name in text.split(',').map(str::trim) {
            let known = Self::NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let (_, named) = known.ok_or_else(|| ResetScopeError { found: name.to_owned() })?;
            scope = scope | named;
        }
        Ok(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_by_commas() {
        let scope = ResetScope::ESCROWS | ResetScope::FORCE_DELETES;
        assert_eq!(scope.to_string(), "Escrows,ForceDeletes");
        assert_eq!("forcedeletes , Escrows".parse(), Ok(scope));
        assert_eq!(ResetScope::FULL.to_string(), "Full");
        assert_eq!("Full".parse(), Ok(ResetScope::FULL));
        assert_eq!("None".parse(), Ok(ResetScope::NONE));
        assert!("All".parse::<ResetScope>().is_err());
        assert!(!ResetScope::FULL.contains(ResetScope::FORCE_DELETES));
    }
}
