//! Comparison keys: the one place that says when two values are the same, for the evaluator and for every store.

use std::borrow::Cow;

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
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        local.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
    })
}
