//! The documented deviations of a peer, as named switches.

use std::fmt;

/// One named deviation from the standard that can be tolerated or produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Tolerance {
    /// `"True"` and `"False"` stand for booleans (AMB-30).
    StringBooleans,
    /// A plain string stands for a complex value with that `value`, as in `manager` (AMB-31).
    StringForComplex,
    /// A PATCH value without path has dotted names and URNs with an attribute as keys (AMB-29).
    DottedKeys,
    /// `remove` names the elements in `value` instead of a filter in `path` (AMB-28).
    RemoveByValue,
    /// `add` and `replace` on a value path that selects nothing create the element.
    CreateFilteredElement,
    /// An empty string or null as the value of `replace` removes the attribute.
    EmptyClears,
    /// Several primary values in one list: the last one wins (AMB-04).
    LastPrimaryWins,
    /// readOnly attributes inside a PATCH value without path are ignored (AMB-36).
    IgnoreReadOnly,
    /// Unknown attributes of a body are an error instead of being ignored (AMB-05).
    RejectUnknown,
    /// An unknown attribute in a filter has no value instead of being an error (AMB-06).
    UnknownInFilter,
    /// A filter value of another JSON type is converted (AMB-08).
    ConvertFilterValues,
    /// An empty list of PATCH operations does nothing instead of being an error.
    EmptyOperations,
    /// PATCH operations carry capitalised `op` and boolean values as strings on the way out.
    CapitalizedOperations,
    /// One PATCH operation for each attribute, always with a path.
    PathRequired,
    /// Members are removed by a list in `value` on the way out.
    SendRemoveByValue,
    /// A body is accepted with a media type other than JSON's two.
    AnyMediaType,
    /// URIs in `schemas` that the resource type does not have are left out instead of being an error (R7644-3.3-09).
    IgnoreUnknownSchemas,
    /// White space in a filter or path where the grammar has none or another blank: several blanks, tabs, blanks inside brackets.
    FilterWhiteSpace,
    /// No blank before the value of a comparison in a filter, or before a parenthesis after `and` and `or`.
    FilterMissingBlank,
    /// `True`, `FALSE` or `Null` stands for the JSON literal in a filter.
    FilterLiteralCase,
    /// An operator follows the sub-attribute after the brackets of a filter: `emails[type eq "work"].value eq "a@b.c"`.
    FilterAfterBrackets,
    /// A dot in place of the colon stands after the URI of a schema in a filter or path.
    DotAfterSchema,
    /// `co`, `sw` and `ew` compare the text of a dateTime in a filter (AMB-09).
    DateTimeSubstring,
    /// A password that a service has no place for is left out of a create or change that does other things too, instead of refusing it.
    DropPassword,
}

impl Tolerance {
    /// Every switch, in order of declaration.
    pub const ALL: [Self; 24] = [
        Self::StringBooleans,
        Self::StringForComplex,
        Self::DottedKeys,
        Self::RemoveByValue,
        Self::CreateFilteredElement,
        Self::EmptyClears,
        Self::LastPrimaryWins,
        Self::IgnoreReadOnly,
        Self::RejectUnknown,
        Self::UnknownInFilter,
        Self::ConvertFilterValues,
        Self::EmptyOperations,
        Self::CapitalizedOperations,
        Self::PathRequired,
        Self::SendRemoveByValue,
        Self::AnyMediaType,
        Self::IgnoreUnknownSchemas,
        Self::FilterWhiteSpace,
        Self::FilterMissingBlank,
        Self::FilterLiteralCase,
        Self::FilterAfterBrackets,
        Self::DotAfterSchema,
        Self::DateTimeSubstring,
        Self::DropPassword,
    ];

    /// The name under which the switch is configured and counted, such as `string-booleans`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StringBooleans => "string-booleans",
            Self::StringForComplex => "string-for-complex",
            Self::DottedKeys => "dotted-keys",
            Self::RemoveByValue => "remove-by-value",
            Self::CreateFilteredElement => "create-filtered-element",
            Self::EmptyClears => "empty-clears",
            Self::LastPrimaryWins => "last-primary-wins",
            Self::IgnoreReadOnly => "ignore-read-only",
            Self::RejectUnknown => "reject-unknown",
            Self::UnknownInFilter => "unknown-in-filter",
            Self::ConvertFilterValues => "convert-filter-values",
            Self::EmptyOperations => "empty-operations",
            Self::CapitalizedOperations => "capitalized-operations",
            Self::PathRequired => "path-required",
            Self::SendRemoveByValue => "send-remove-by-value",
            Self::AnyMediaType => "any-media-type",
            Self::IgnoreUnknownSchemas => "ignore-unknown-schemas",
            Self::FilterWhiteSpace => "filter-white-space",
            Self::FilterMissingBlank => "filter-missing-blank",
            Self::FilterLiteralCase => "filter-literal-case",
            Self::FilterAfterBrackets => "filter-after-brackets",
            Self::DotAfterSchema => "dot-after-schema",
            Self::DateTimeSubstring => "date-time-substring",
            Self::DropPassword => "drop-password",
        }
    }

    const fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of [`Tolerance`]s. The default is strict: none.
///
/// ```
/// use scimkit_types::{Dialect, Tolerance};
/// let dialect: Dialect = "entra".parse()?;
/// assert!(dialect.allows(Tolerance::StringBooleans));
/// assert!(!Dialect::STRICT.allows(Tolerance::StringBooleans));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Dialect(u32);

/// A name that is not one of a preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of `strict`, `lenient`, `entra`, `entra-optscim`, `okta`, `aws` and `ringcentral`, found `{found}`")]
#[non_exhaustive]
pub struct DialectError {
    /// What was found.
    pub found: String,
}

impl Dialect {
    /// The standard, nothing else.
    pub const STRICT: Self = Self(0);
    /// Everything that real peers send and that has one sensible meaning.
    pub const LENIENT: Self = Self::of(&[
        Tolerance::StringBooleans,
        Tolerance::StringForComplex,
        Tolerance::DottedKeys,
        Tolerance::RemoveByValue,
        Tolerance::CreateFilteredElement,
        Tolerance::EmptyClears,
        Tolerance::LastPrimaryWins,
        Tolerance::IgnoreReadOnly,
        Tolerance::UnknownInFilter,
        Tolerance::ConvertFilterValues,
        Tolerance::EmptyOperations,
        Tolerance::AnyMediaType,
        Tolerance::IgnoreUnknownSchemas,
    ])
    .union(Self::FILTER_GRAMMAR)
    .with(Tolerance::DateTimeSubstring);
    /// Filters and paths that are written less strictly than the grammar has it, with one sensible meaning each.
    pub const FILTER_GRAMMAR: Self = Self::of(&[
        Tolerance::FilterWhiteSpace,
        Tolerance::FilterMissingBlank,
        Tolerance::FilterLiteralCase,
        Tolerance::FilterAfterBrackets,
        Tolerance::DotAfterSchema,
    ]);
    /// Microsoft Entra ID without its feature flag.
    pub const ENTRA: Self = Self::of(&[
        Tolerance::StringBooleans,
        Tolerance::StringForComplex,
        Tolerance::DottedKeys,
        Tolerance::RemoveByValue,
        Tolerance::CreateFilteredElement,
        Tolerance::EmptyClears,
        Tolerance::LastPrimaryWins,
        Tolerance::IgnoreReadOnly,
        Tolerance::EmptyOperations,
        Tolerance::CapitalizedOperations,
        Tolerance::SendRemoveByValue,
        Tolerance::IgnoreUnknownSchemas,
    ])
    .union(Self::FILTER_GRAMMAR);
    /// Microsoft Entra ID with the feature flag `aadOptscim062020`.
    pub const ENTRA_OPTSCIM: Self = Self::of(&[
        Tolerance::DottedKeys,
        Tolerance::CreateFilteredElement,
        Tolerance::EmptyClears,
        Tolerance::LastPrimaryWins,
        Tolerance::IgnoreReadOnly,
        Tolerance::EmptyOperations,
        Tolerance::IgnoreUnknownSchemas,
    ])
    .union(Self::FILTER_GRAMMAR);
    /// Okta, which sends a password with every create.
    pub const OKTA: Self =
        Self::of(&[Tolerance::IgnoreReadOnly, Tolerance::LastPrimaryWins, Tolerance::DropPassword]).union(Self::FILTER_GRAMMAR);
    /// AWS IAM Identity Center as a service.
    pub const AWS: Self = Self::of(&[Tolerance::PathRequired]);
    /// `RingCentral` as a service.
    pub const RINGCENTRAL: Self = Self::of(&[Tolerance::PathRequired]);

    /// The set of these switches.
    pub const fn of(tolerances: &[Tolerance]) -> Self {
        let mut bits = 0;
        let mut rest = tolerances;
        while let Some((first, others)) = rest.split_first() {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Whether the switch is on.
    pub const fn allows(self, tolerance: Tolerance) -> bool {
        self.0 & tolerance.bit() != 0
    }

    /// The switches of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This dialect with one switch on.
    #[must_use]
    pub const fn with(self, tolerance: Tolerance) -> Self {
        Self(self.0 | tolerance.bit())
    }

    /// This dialect with one switch off.
    #[must_use]
    pub const fn without(self, tolerance: Tolerance) -> Self {
        Self(self.0 & !tolerance.bit())
    }

    /// The switches that are on.
    pub fn tolerances(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::ALL.into_iter().filter(move |tolerance| self.allows(*tolerance))
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tolerances().map(Tolerance::name)).finish()
    }
}

impl std::str::FromStr for Dialect {
    type Err = DialectError;

    fn from_str(name: &str) -> Result<Self, DialectError> {
        match name {
            "strict" => Ok(Self::STRICT),
            "lenient" => Ok(Self::LENIENT),
            "entra" => Ok(Self::ENTRA),
            "entra-optscim" => Ok(Self::ENTRA_OPTSCIM),
            "okta" => Ok(Self::OKTA),
            "aws" => Ok(Self::AWS),
            "ringcentral" => Ok(Self::RINGCENTRAL),
            _ => Err(DialectError { found: name.to_owned() }),
        }
    }
}

impl TryFrom<String> for Dialect {
    type Error = DialectError;

    fn try_from(name: String) -> Result<Self, DialectError> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_has_its_own_bit_and_name() {
        for (index, tolerance) in Tolerance::ALL.into_iter().enumerate() {
            assert_eq!(tolerance as usize, index);
            assert_eq!(Tolerance::ALL.iter().filter(|other| other.name() == tolerance.name()).count(), 1);
            let dialect = Dialect::STRICT.with(tolerance);
            assert_eq!(dialect.tolerances().collect::<Vec<_>>(), [tolerance]);
            assert_eq!(dialect.without(tolerance), Dialect::STRICT);
        }
    }

    #[test]
    fn presets_are_read_by_name() {
        let names = ["strict", "lenient", "entra", "entra-optscim", "okta", "aws", "ringcentral"];
        assert!(names.iter().all(|name| name.parse::<Dialect>().is_ok()));
        assert!("Entra".parse::<Dialect>().unwrap_err().to_string().ends_with("found `Entra`"));
    }
}
