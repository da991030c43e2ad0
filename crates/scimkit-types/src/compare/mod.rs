//! Comparison keys: the one place that says when two values are the same, for the evaluator and for every store.

mod instant;
mod username;

use std::borrow::Cow;
use std::ops::ControlFlow;

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization;

pub use instant::instant;

/// The key under which text compares.
///
/// With `case_exact` the text itself; without it the Unicode canonical caseless folding (Unicode section 3.13, definition D145), so that
/// `STRASSE` and `straße` compare equal. Keys are ordered by code point.
///
/// ```
/// use scimkit_types::compare::text_key;
/// assert_eq!(text_key("Straße", false), text_key("STRASSE", false));
/// assert_ne!(text_key("a", true), text_key("A", true));
/// ```
pub fn text_key(text: &str, case_exact: bool) -> Cow<'_, str> {
    if case_exact {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let decomposed: String = text.nfd().collect();
    Cow::Owned(caseless::default_case_fold_str(&decomposed).nfd().collect())
}

/// How the text of an attribute compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextComparison {
    /// By its characters.
    CaseExact,
    /// Without case.
    #[default]
    Caseless,
    /// As names of users: by the profile `UsernameCaseMapped` (RFC 8265 section 3.3; R7644-5-01).
    UserName,
}

impl TextComparison {
    /// How the attribute at a path compares.
    ///
    /// `path` has the URI of an extension in front and none for the base schema: `userName`, `emails.value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter`. The attribute `userName` of a base schema compares as a
    /// name of a user unless its schema says that it is case exact.
    pub fn of(path: &str, case_exact: bool) -> Self {
        match case_exact {
            true => Self::CaseExact,
            false if path.eq_ignore_ascii_case("userName") => Self::UserName,
            false => Self::Caseless,
        }
    }

    /// The key under which text compares.
    pub fn key(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::CaseExact => Cow::Borrowed(text),
            Self::Caseless => text_key(text, false),
            Self::UserName if text.is_ascii() => text_key(text, false),
            Self::UserName => Cow::Owned(username::characters(text).collect()),
        }
    }

    /// Hands the characters of [`key`](Self::key) to a function, one after the other, until it breaks.
    ///
    /// Nothing is allocated, but for a letter with more than three marks, which are put in order before they are handed on.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use scimkit_types::compare::TextComparison;
    /// let mut key = String::new();
    /// let _ = TextComparison::Caseless.try_for_each_of_key("Straße", |c| ControlFlow::<()>::Continue(key.push(c)));
    /// assert_eq!(key, "strasse");
    /// ```
    pub fn try_for_each_of_key<B>(self, text: &str, mut visit: impl FnMut(char) -> ControlFlow<B>) -> ControlFlow<B> {
        match self {
            Self::CaseExact => text.chars().try_for_each(visit),
            _ if text.is_ascii() => text.chars().try_for_each(|c| visit(c.to_ascii_lowercase())),
            Self::Caseless => text.nfd().default_case_fold().nfd().try_for_each(visit),
            Self::UserName => username::characters(text).try_for_each(visit),
        }
    }
}

/// The key under which the text of the attribute at a path compares: what filters, sorting and uniqueness have in common.
///
/// See [`TextComparison::of`] for paths.
///
/// ```
/// use scimkit_types::compare::attribute_key;
/// // Fullwidth letters are the same in names of users and nowhere else.
/// assert_eq!(attribute_key("userName", "Ｏｌａ", false), attribute_key("userName", "ola", false));
/// assert_ne!(attribute_key("displayName", "Ｏｌａ", false), attribute_key("displayName", "ola", false));
/// ```
pub fn attribute_key<'a>(path: &str, text: &'a str, case_exact: bool) -> Cow<'a, str> {
    TextComparison::of(path, case_exact).key(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(left: &str, right: &str, is_same_name: bool, is_same_text: bool) {
        assert_eq!(attribute_key("USERNAME", left, false) == attribute_key("userName", right, false), is_same_name);
        assert_eq!(text_key(left, false) == text_key(right, false), is_same_text);
    }

    /// R7644-5-01, R7644-7.8-01: names of users compare by the PRECIS profile `UsernameCaseMapped`, other text by caseless folding.
    #[test]
    fn names_of_users_have_keys_of_their_own() {
        check("BJensen@Example.com", "bjensen@example.com", true, true);
        check("\u{c5}sa", "A\u{30a}SA", true, true);
        check("stra\u{df}e", "strasse", false, true);
        check("\u{ff2f}\u{ff4c}\u{ff41}\u{3000}1", "ola 1", true, false);
        check("\u{ff76}\u{ff9e}", "\u{30ac}", true, false);
        check("\u{ffa1}\u{ffdc}", "\u{3131}\u{3163}", true, false);
        check("\u{fb01}sh", "fish", false, true);
        assert_eq!(attribute_key("userName", "Ola", true), "Ola");
        assert_eq!(TextComparison::of("urn:example:x:userName", false), TextComparison::Caseless);
        assert_eq!(TextComparison::of("userName.value", false), TextComparison::Caseless);
    }

    /// R7643-7-05, R7644-3.4.2.2-12: what is case exact compares by its characters, other text without case.
    #[test]
    fn case_counts_where_the_schema_says_so() {
        assert_ne!(text_key("a", true), text_key("A", true));
        assert_eq!(text_key("B\u{c4}RBEL", false), text_key("b\u{e4}rbel", false));
    }

    proptest! {
        /// R7644-5-01: what is compared letter by letter compares as the keys do, in composed and decomposed text alike.
        #[test]
        fn the_characters_of_a_key_are_its_characters(
            text in prop_oneof!["\\PC{0,12}", "[aAßİıςΣσǅﬁåÅéΐᾳＡｶﾞ가 \u{30a}\u{301}\u{345}\u{307}]{0,10}"],
            is_decomposed: bool,
        ) {
            let text: String = if is_decomposed { text.nfd().collect() } else { text.nfc().collect() };
            for comparison in [TextComparison::CaseExact, TextComparison::Caseless, TextComparison::UserName] {
                let mut key = String::new();
                let _ = comparison.try_for_each_of_key(&text, |c| -> ControlFlow<()> {
                    key.push(c);
                    ControlFlow::Continue(())
                });
                prop_assert_eq!(comparison.key(&text), key.as_str(), "{:?}", comparison);
            }
        }

        #[test]
        fn the_key_of_a_key_is_itself(text in "\\PC{0,8}") {
            for path in ["userName", "displayName"] {
                let key = attribute_key(path, &text, false).into_owned();
                prop_assert_eq!(attribute_key(path, &key, false), key.as_str());
            }
        }
    }
}
