//! What a mapping may use besides the record.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use scimkit_types::Timestamp;
use serde::{Deserialize, Serialize};

/// What evaluation may use besides the record. Two evaluations with equal records and environments give equal results.
///
/// ```
/// use scimkit_mapping::Environment;
/// let environment = Environment::new("2026-03-01T08:00:00Z".parse()?);
/// assert!(!environment.is_soft_deleted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Environment<'a> {
    /// The present instant, for `Now`.
    pub now: Timestamp,
    /// The value of `[IsSoftDeleted]`: whether the object is deleted, disabled, unassigned or filtered out at its source.
    pub is_soft_deleted: bool,
    /// The roles that the application defines.
    pub app_roles: &'a [AppRole],
    /// The ids of the roles that the object is assigned to.
    pub assigned_roles: &'a [String],
    /// The bytes of every `Guid`, for replays; without them they come from `entropy`.
    pub guid: Option<[u8; 16]>,
    /// Where `Guid` and `RandomString` get their bytes; without it they are errors.
    pub entropy: Option<&'a dyn Entropy>,
    /// What `SelectUniqueValue` asks; without it that function is an error.
    pub taken: Option<&'a dyn TakenValues>,
    /// What an evaluation may cost.
    pub limits: EvaluationLimits,
}

/// What the evaluation of one expression may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvaluationLimits {
    /// The most steps: parts of an expression that are evaluated, and kilobytes that regular expressions search. Default 40,000.
    pub steps: usize,
    /// The most bytes of a text or list that a function makes. Default 65,536.
    pub text: usize,
    /// The most bytes of a text that a regular expression searches. Default 16,384.
    pub searched: usize,
}

impl Default for EvaluationLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl EvaluationLimits {
    const DEFAULT: Self = Self { steps: 40_000, text: 64 * 1024, searched: 16 * 1024 };
}

impl Environment<'_> {
    /// An environment with nothing but the time.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            now,
            is_soft_deleted: false,
            app_roles: &[],
            assigned_roles: &[],
            guid: None,
            entropy: None,
            taken: None,
            limits: EvaluationLimits::DEFAULT,
        }
    }
}

/// Gives random bytes. An implementation for production takes them from the operating system.
pub trait Entropy: Debug + Send + Sync {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// Knows which values the target has already.
pub trait TakenValues: Debug + Send + Sync {
    /// Whether another object has this value under the target attribute, such as `userName`.
    fn is_taken(&self, target: &str, value: &str) -> bool;
}

/// Bytes that follow from a seed, for tests and replays. They can be foretold, so they must not become passwords.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The sequence that follows from this seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // The SplitMix64 generator: a counter, and a mix of its bits.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        for chunk in bytes.chunks_mut(8) {
            let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^= bits >> 31;
            for (byte, random) in chunk.iter_mut().zip(bits.to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

/// A role that an application defines, as in Microsoft Graph's `appRoles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AppRole {
    /// The identifier that assignments name.
    pub id: String,
    /// The name that the application knows the role by.
    #[serde(default)]
    pub value: Option<String>,
    /// The name for people.
    #[serde(default)]
    pub display_name: String,
    /// Whether the role can be assigned. Default true.
    #[serde(default = "is_enabled")]
    pub is_enabled: bool,
}

const fn is_enabled() -> bool {
    true
}

impl AppRole {
    /// A role that can be assigned.
    pub fn new(id: impl Into<String>, value: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self { id: id.into(), value: Some(value.into()), display_name: display_name.into(), is_enabled: true }
    }
}

/// What an evaluation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "desired attributes are sent in these two operations only")]
pub enum Operation {
    /// A new object: defaults apply, and mappings that flow only when an object is created.
    Create,
    /// An object that the target has.
    Update,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_bytes() {
        let bytes = |seed| {
            let mut bytes = [0; 20];
            SeededEntropy::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn a_role_reads_from_the_manifest() {
        let role: AppRole = serde_json::from_str(
            r#"{"allowedMemberTypes": ["User"], "displayName": "Editors", "id": "1", "isEnabled": false, "value": null}"#,
        )
        .unwrap();
        assert_eq!((role.value, role.is_enabled), (None, false));
    }
}
