//! Values of the simple types (RFC 7643 section 2.3).

use crate::compare;
use crate::schema::AttributeType;
use crate::value::Value;

/// What kind of JSON value this is, for people.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Complex(_) => "an object",
    }
}

/// What was expected of a value of this type, for people.
pub(super) const fn expected(type_: AttributeType) -> &'static str {
    match type_ {
        AttributeType::String => "a string",
        AttributeType::Boolean => "a boolean",
        AttributeType::Decimal => "a number",
        AttributeType::Integer => "a number without fraction and exponent",
        AttributeType::DateTime => "a date with a time such as `2011-05-13T04:42:34Z`",
        AttributeType::Binary => "base64 data",
        AttributeType::Reference => "a URI",
        AttributeType::Complex => "an object",
    }
}

/// Whether a value is one of a simple type.
pub(super) fn fits(type_: AttributeType, value: &Value) -> bool {
    match (type_, value) {
        (AttributeType::String, Value::String(_))
        | (AttributeType::Boolean, Value::Boolean(_))
        | (AttributeType::Decimal, Value::Number(_))
        | (AttributeType::Complex, Value::Complex(_)) => true,
        (AttributeType::Integer, Value::Number(number)) => number.is_integer(),
        (AttributeType::DateTime, Value::String(text)) => compare::instant(text).is_some(),
        (AttributeType::Binary, Value::String(text)) => is_base64(text),
        (AttributeType::Reference, Value::String(text)) => is_uri(text),
        _ => false,
    }
}

/// Whether text is base64 (RFC 4648 section 4); the padding may be left out (R7643-2.3.6-03).
fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    let padding = text.len() - data.len();
    let is_padded_right = padding == 0 || (padding <= 2 && text.len().is_multiple_of(4));
    is_padded_right && data.len() % 4 != 1 && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Whether text can be an absolute or relative URI (RFC 3986); letters beyond ASCII are let through, as in an IRI.
fn is_uri(text: &str) -> bool {
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(is_hex(bytes.next()) && is_hex(bytes.next())) {
            return false;
        }
    }
    // A colon in the first segment ends a scheme.
    let head = text.split(['/', '?', '#']).next().unwrap_or_default();
    let has_valid_scheme = head.split_once(':').is_none_or(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    });
    has_valid_scheme && text.chars().all(is_allowed)
}

/// Whether two references name the same resource whatever the base address and version of the protocol (R7643-2.4-05): their last two
/// segments, or the last one if one of them has no more, are equal.
pub(super) fn is_same_reference(left: &str, right: &str) -> bool {
    let segments = |text: &'_ str| -> (Option<String>, Option<String>) {
        let mut segments = text.trim_end_matches('/').rsplit('/').map(str::to_owned);
        (segments.next(), segments.next())
    };
    let ((left_id, left_type), (right_id, right_type)) = (segments(left), segments(right));
    left == right || (left_id == right_id && (left_type.is_none() || right_type.is_none() || left_type == right_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(type_: AttributeType, good: &[&str], bad: &[&str]) {
        let fits = |text: &&str| fits(type_, &serde_json::from_str(text).unwrap());
        assert_eq!(good.iter().filter(|text| !fits(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(bad.iter().filter(|text| fits(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    /// R7643-2.3.1-01, R7643-2.3.2-01, R7643-2.3.3-01, R7643-2.3.4-01: the JSON type decides.
    #[test]
    fn plain_types_follow_json() {
        check(AttributeType::String, &[r#""""#, r#""😀 e\u0301""#], &["1", "true", "{}"]);
        check(AttributeType::Boolean, &["true", "false"], &[r#""true""#, "1"]);
        check(AttributeType::Decimal, &["7.25", "-0.5", "3"], &[r#""7.25""#]);
        check(AttributeType::Integer, &["42", "-1", "9007199254740993"], &["1.0", "1e3", "1.5", r#""1""#]);
    }

    /// R7643-2.3.5-01: a dateTime has a date and a time.
    #[test]
    fn date_times_have_both_parts() {
        let good = [r#""2008-01-23T04:56:22Z""#, r#""2008-01-23T04:56:22.123+02:00""#, r#""2008-01-23T04:56:22""#];
        check(AttributeType::DateTime, &good, &[r#""2008-01-23""#, r#""04:56:22""#, "1201064182", r#""soon""#]);
    }

    /// R7643-2.3.6-01, R7643-2.3.6-02, R7643-2.3.6-03: base64 with or without padding, not base64url.
    #[test]
    fn binary_is_base64() {
        check(
            AttributeType::Binary,
            &[r#""YWJj""#, r#""YWI=""#, r#""YWI""#, r#""YQ==""#],
            &[r#""%%%""#, r#""a-_b""#, r#""YQ=""#, r#""Y""#, "1"],
        );
    }

    /// R7643-2.3.7-01, R7643-4.1.1-04: absolute and relative URIs.
    #[test]
    fn references_are_uris() {
        let good =
            [r#""Users/1""#, r#""../Users/2""#, r#""https://h/v2/Users/1?a=%20b#c""#, r#""urn:x:y""#, r#""https://bücher.example/""#];
        check(AttributeType::Reference, &good, &[r#""not a uri""#, r#""::bad::""#, r#""a%zz""#, r#""a%2""#, "1"]);
    }

    /// R7643-2.4-05: references compare without base address and version.
    #[test]
    fn references_compare_by_type_and_id() {
        assert!(is_same_reference("https://h/Users/1", "https://h/v2/Users/1"));
        assert!(is_same_reference("../Users/1", "Users/1"));
        assert!(!is_same_reference("https://h/v2/Users/1", "https://h/v2/Groups/1"));
        assert!(!is_same_reference("https://h/v2/Users/1", "https://h/v2/Users/2"));
    }
}
