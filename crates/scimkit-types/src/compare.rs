//! Comparison keys: the one place that says when two values are the same, for the evaluator and for every store.

use std::borrow::Cow;
use std::ops::ControlFlow;

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization;

use crate::time::Timestamp;

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
            Self::UserName => username_key(text),
        }
    }

    /// Hands the characters of [`key`](Self::key) to a function, one after the other, until it breaks.
    ///
    /// Nothing is allocated, but for letters with more than three marks and for names of users beyond ASCII that hold a capital sigma,
    /// whose lower case depends on what is around it.
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
            Self::UserName if text.contains('Σ') => username_key(text).chars().try_for_each(visit),
            // As often as `username_key` maps at most; what has settled stays as it is.
            Self::UserName => usual(usual(usual(usual(text.chars())))).nfd().try_for_each(visit),
        }
    }
}

/// Fullwidth and halfwidth characters mapped to the usual ones, lower case, NFC; for text without a capital sigma.
fn usual(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    text.map(without_width).flat_map(char::to_lowercase).nfc()
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

/// The key under which names of users compare: fullwidth and halfwidth characters mapped to the usual ones, lower case, NFC (RFC 8265
/// section 3.3.2), until nothing changes any more (RFC 8264 section 7).
///
/// It is a key only: the rules that forbid characters do not apply, so that every name has one. It ends decomposed as other keys do, so
/// that names sort like other text.
fn username_key(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text_key(text, false);
    }
    let map = |text: &str| -> String {
        let mapped: String = text.chars().map(without_width).collect();
        mapped.to_lowercase().nfc().collect()
    };
    let mut key = map(text);
    // Four times at most, as the standard has it.
    for _ in 0..3 {
        let again = map(&key);
        if again == key {
            break;
        }
        key = again;
    }
    Cow::Owned(key.nfd().collect())
}

/// A fullwidth or halfwidth character as the usual one: its decomposition mapping in the Unicode character database.
fn without_width(c: char) -> char {
    /// Halfwidth Hangul letters, whose usual ones decompose further: first, last, and the usual one of the first.
    const HANGUL: [(u32, u32, u32); 6] = [
        (0xffa0, 0xffa0, 0x3164),
        (0xffa1, 0xffbe, 0x3131),
        (0xffc2, 0xffc7, 0x314f),
        (0xffca, 0xffcf, 0x3155),
        (0xffd2, 0xffd7, 0x315b),
        (0xffda, 0xffdc, 0x3161),
    ];
    match c {
        '\u{ffa0}'..='\u{ffdc}' => {
            let code = u32::from(c);
            let row = HANGUL.iter().find(|(first, last, _)| (*first..=*last).contains(&code));
            row.and_then(|(first, _, usual)| char::from_u32(usual + code - first)).unwrap_or(c)
        }
        '\u{ffe3}' => '\u{af}',
        '\u{3000}' | '\u{ff01}'..='\u{ffee}' => {
            let mut mapped = c;
            unicode_normalization::char::decompose_compatible(c, |usual| mapped = usual);
            mapped
        }
        _ => c,
    }
}

/// The instant that an `xsd:dateTime` stands for; without a time zone it is taken as UTC (AMB-37). `None` if the text is none.
///
/// ```
/// use scimkit_types::compare::instant;
/// assert_eq!(instant("2011-05-13T04:42:34Z"), instant("2011-05-13T06:42:34+02:00"));
/// assert_eq!(instant("2011-05-13"), None);
/// ```
pub fn instant(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    if date.is_empty() || time.is_empty() {
        return None;
    }
    // Each is asked for what it can be only, as errors are made with an allocation.
    if time.ends_with(['Z', 'z']) || time.contains(['+', '-']) {
        return text.parse().ok();
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    local.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
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

    #[test]
    fn widths_are_mapped_as_unicode_decomposes() {
        let compatible = |text: String| text.nfkc().collect::<String>();
        for c in ('\u{ff01}'..='\u{ffee}').chain(['\u{3000}']) {
            assert_eq!(compatible(without_width(c).to_string()), compatible(c.to_string()), "{c:?}");
            let is_assigned = compatible(c.to_string()) != c.to_string();
            assert_eq!(without_width(c) != c, is_assigned, "{c:?}");
        }
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
                let _ = comparison.try_for_each_of_key(&text, |c| ControlFlow::<()>::Continue(key.push(c)));
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
