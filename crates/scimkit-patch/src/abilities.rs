//! What a service can be asked to do, as data.

use scimkit_types::{Dialect, Profile, Tolerance};

use crate::diff::DiffOptions;

/// How a service wants to be told of changes, and how much at once.
///
/// The default is a service that follows the standard and has no limits.
///
/// ```
/// use scimkit_patch::Abilities;
/// use scimkit_types::Profile;
///
/// let profile: Profile = serde_json::from_str(
///     r#"{"name": "small", "dialect": "aws", "features": {"filter": false}, "limits": {"maxMembers": 100}}"#,
/// )?;
/// let abilities = Abilities::of(&profile);
/// assert!(abilities.has_patch && abilities.is_path_required && !abilities.has_value_paths);
/// assert_eq!(abilities.max_members, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Abilities {
    /// Whether there are PATCH requests; without them resources are replaced by PUT. Default true.
    pub has_patch: bool,
    /// Whether paths can have filters, as in `emails[type eq "work"]`. Default true.
    pub has_value_paths: bool,
    /// Whether each attribute needs an operation of its own with a path. Default false.
    pub is_path_required: bool,
    /// Whether members are removed by a list in `value` instead of a filter in the path. Default false.
    pub removes_by_value: bool,
    /// Whether `op` is capitalized and booleans are text. Default false.
    pub capitalizes_operations: bool,
    /// The most operations of one PATCH request; 0 is taken as 1. Default no limit.
    pub max_operations: usize,
    /// The most elements of lists that one PATCH request names; 0 is taken as 1. Default no limit.
    pub max_members: usize,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            has_patch: true,
            has_value_paths: true,
            is_path_required: false,
            removes_by_value: false,
            capitalizes_operations: false,
            max_operations: usize::MAX,
            max_members: usize::MAX,
        }
    }
}

impl Abilities {
    /// What the profile of a service says: its features, dialect and limits. A service without filters has none in paths either.
    pub fn of(profile: &Profile) -> Self {
        let limit = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Self {
            has_patch: profile.features.patch,
            has_value_paths: profile.features.filter,
            is_path_required: profile.dialect.allows(Tolerance::PathRequired),
            removes_by_value: profile.dialect.allows(Tolerance::SendRemoveByValue),
            capitalizes_operations: profile.dialect.allows(Tolerance::CapitalizedOperations),
            max_operations: limit(profile.limits.max_operations),
            max_members: limit(profile.limits.max_members),
        }
    }

    /// These abilities with or without PATCH requests.
    #[must_use]
    pub const fn with_patch(self, has_patch: bool) -> Self {
        Self { has_patch, ..self }
    }

    /// These abilities with or without filters in paths.
    #[must_use]
    pub const fn with_value_paths(self, has_value_paths: bool) -> Self {
        Self { has_value_paths, ..self }
    }

    /// These abilities with other limits of one PATCH request.
    #[must_use]
    pub const fn with_limits(self, max_operations: usize, max_members: usize) -> Self {
        Self { max_operations, max_members, ..self }
    }

    /// The switches of a dialect that say how a service is spoken to.
    pub const fn dialect(&self) -> Dialect {
        let mut dialect = Dialect::STRICT;
        if self.is_path_required {
            dialect = dialect.with(Tolerance::PathRequired);
        }
        if self.removes_by_value {
            dialect = dialect.with(Tolerance::SendRemoveByValue);
        }
        if self.capitalizes_operations {
            dialect = dialect.with(Tolerance::CapitalizedOperations);
        }
        dialect
    }

    /// The options as far as the service can follow them.
    pub(crate) fn limit(&self, options: &DiffOptions) -> DiffOptions {
        DiffOptions {
            has_value_paths: options.has_value_paths && self.has_value_paths,
            is_path_required: options.is_path_required || self.is_path_required,
            ..options.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_says_what_a_service_can_do() {
        assert_eq!(Abilities::of(&Profile::standard()), Abilities::default());
        let mut profile = Profile::standard();
        profile.dialect = Dialect::ENTRA;
        profile.features.patch = false;
        profile.limits.max_operations = Some(100);
        let abilities = Abilities::of(&profile);
        assert_eq!(abilities.dialect(), Dialect::of(&[Tolerance::CapitalizedOperations, Tolerance::SendRemoveByValue]));
        assert_eq!((abilities.has_patch, abilities.max_operations, abilities.max_members), (false, 100, usize::MAX));
        profile.dialect = Dialect::AWS;
        assert_eq!(Abilities::of(&profile).dialect(), Dialect::AWS);
    }
}
