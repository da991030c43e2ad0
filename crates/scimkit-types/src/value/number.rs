//! JSON numbers that keep what was sent.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::ser::Error as _;

/// A JSON number: an integer or a decimal (RFC 7643 sections 2.3.3 and 2.3.4), kept as it was written.
///
/// Numbers compare by value, exactly and whatever their size: `1.10` equals `1.1`, `-0.0` equals `0`, and `9007199254740993` is greater
/// than `9007199254740992.0`. [`Number::key`] orders as they do.
///
/// A number is at most 1,024 bytes long and in the range of a double, which is what peers can read (RFC 8259 section 6).
///
/// ```
/// use scimkit_types::Number;
/// let number: Number = "1.10".parse()?;
/// assert_eq!(number.to_string(), "1.10");
/// assert_eq!(number, "1.1".parse()?);
/// assert!("1e400".parse::<Number>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Number(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Unsigned(u64),
    Negative(i64),
    /// INVARIANT (a JSON number): the text follows the grammar of RFC 8259 section 6, within the limits that [`Number`] names, and is
    /// not how an integer of the other variants is printed.
    Text(Box<Text>),
}

/// The text of a number; on the heap once more, since such numbers are rare and every value is as large as the largest kind.
#[derive(Clone, Debug)]
struct Text(Box<str>);

/// A text that is not a number that can be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// The text does not follow the grammar of RFC 8259 section 6.
    #[error("expected a number such as `42` or `-1.5`, found something else")]
    Syntax,
    /// The number is longer than 1,024 bytes or beyond the range of a double.
    #[error("expected a number of at most {LONGEST} bytes in the range of a double, found a number out of range")]
    OutOfRange,
}

/// The length up to which a number is kept: enough for every decimal that a double stands for exactly.
const LONGEST: usize = 1024;

impl Number {
    /// The integer, if the number is one in this range and was written without fraction or exponent.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Unsigned(value) => i64::try_from(*value).ok(),
            Repr::Negative(value) => Some(*value),
            Repr::Text(text) => text.0.parse().ok(),
        }
    }

    /// The integer, if the number is one in this range and was written without fraction or exponent.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Unsigned(value) => Some(*value),
            Repr::Negative(_) => None,
            Repr::Text(text) => text.0.strip_prefix('-').unwrap_or(&text.0).parse().ok().filter(|value| *value == 0),
        }
    }

    /// The nearest double.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Repr::Unsigned(value) => *value as f64,
            Repr::Negative(value) => *value as f64,
            Repr::Text(text) => text.0.parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether the number was written without fraction and exponent.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Unsigned(_) | Repr::Negative(_) => true,
            Repr::Text(text) => text.0.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'),
        }
    }

    /// A decimal, written as briefly as reads back the same; `None` for infinities and NaN, which JSON cannot hold.
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self(Repr::Text(Box::new(Text(format!("{value:?}").into_boxed_str())))))
    }

    /// Orders two numbers by value, exactly.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Unsigned(left), Repr::Unsigned(right)) => left.cmp(right),
            (Repr::Negative(left), Repr::Negative(right)) => left.cmp(right),
            (Repr::Negative(_), Repr::Unsigned(_)) => Ordering::Less,
            (Repr::Unsigned(_), Repr::Negative(_)) => Ordering::Greater,
            _ => self.with_parts(|left| other.with_parts(|right| left.compare(&right))),
        }
    }

    /// Bytes that order as the numbers do: equal for equal numbers, and less for lesser ones.
    ///
    /// A byte for the sign, and unless it is zero four for the power of ten and one for each digit: what a store keeps beside the text.
    ///
    /// ```
    /// use scimkit_types::Number;
    /// let key = |text: &str| text.parse().map(|number: Number| number.key());
    /// assert!(key("-2")? < key("-1.5")? && key("-1.5")? < key("0")? && key("9")? < key("1e1")?);
    /// assert_eq!(key("1.10")?, key("11e-1")?);
    /// # Ok::<(), scimkit_types::value::NumberError>(())
    /// ```
    pub fn key(&self) -> Vec<u8> {
        self.with_parts(|parts| parts.key())
    }

    fn with_parts<R>(&self, then: impl FnOnce(Parts<'_>) -> R) -> R {
        let integer = |is_negative: bool, magnitude: u64| {
            let mut digits = [0; 20];
            let mut rest = magnitude;
            for digit in digits.iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
            (is_negative, digits)
        };
        let (is_negative, digits) = match &self.0 {
            Repr::Unsigned(value) => integer(false, *value),
            Repr::Negative(value) => integer(true, value.unsigned_abs()),
            Repr::Text(text) => return then(Parts::of_text(&text.0)),
        };
        then(Parts::new(is_negative, &digits, digits.len(), 0))
    }
}

/// A number taken apart: `sign * 0.digits * 10^exponent`, where the digits begin and end with another one than zero.
struct Parts<'a> {
    sign: i8,
    exponent: i64,
    /// Digits that may hold a decimal point.
    digits: &'a [u8],
}

impl<'a> Parts<'a> {
    /// `text` follows the grammar.
    fn of_text(text: &'a str) -> Self {
        let unsigned = text.strip_prefix('-');
        let (mantissa, exponent) = split_exponent(unsigned.unwrap_or(text));
        let point = mantissa.find('.').unwrap_or(mantissa.len());
        Self::new(unsigned.is_some(), mantissa.as_bytes(), point, exponent)
    }

    /// `point` is the place of the decimal point, or the number of digits.
    fn new(is_negative: bool, digits: &'a [u8], point: usize, exponent: i64) -> Self {
        let is_significant = |byte: &u8| !matches!(byte, b'0' | b'.');
        let Some(first) = digits.iter().position(is_significant) else { return Self { sign: 0, exponent: 0, digits: &[] } };
        let last = digits.iter().rposition(is_significant).unwrap_or(first);
        let wide = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
        // The first digit stands `point - first` places before the point, or after it with the point itself in between.
        let shift = wide(point) - wide(first) + i64::from(first > point);
        Self {
            sign: if is_negative { -1 } else { 1 },
            exponent: exponent.saturating_add(shift),
            digits: digits.get(first..=last).unwrap_or_default(),
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.digits.iter().copied().filter(|byte| *byte != b'.')
    }

    fn compare(&self, other: &Self) -> Ordering {
        let magnitudes = || self.exponent.cmp(&other.exponent).then_with(|| self.digits().cmp(other.digits()));
        self.sign.cmp(&other.sign).then_with(|| match self.sign {
            0 => Ordering::Equal,
            1 => magnitudes(),
            _ => magnitudes().reverse(),
        })
    }

    fn key(&self) -> Vec<u8> {
        if self.sign == 0 {
            return vec![1];
        }
        // `Number::from_str` bounds the exponent.
        let exponent = i32::try_from(self.exponent).unwrap_or(if self.exponent < 0 { i32::MIN } else { i32::MAX });
        let magnitude = (exponent.cast_unsigned() ^ (1 << 31)).to_be_bytes().into_iter().chain(self.digits());
        if self.sign > 0 {
            return std::iter::once(2).chain(magnitude).collect();
        }
        // Of two negative numbers the one with more digits is the lesser, so what ends the digits is greater than all of them.
        std::iter::once(0).chain(magnitude.map(|byte| !byte)).chain(std::iter::once(u8::MAX)).collect()
    }
}

/// The digits with their point, and the power of ten: beyond any that can be kept where it does not fit.
fn split_exponent(text: &str) -> (&str, i64) {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return (text, 0) };
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    (mantissa, exponent.parse().unwrap_or(beyond))
}

/// `number = [ minus ] int [ frac ] [ exp ]`
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (integer, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(integer, fraction)| (integer, Some(fraction)));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(integer)
        && (integer.len() == 1 || !integer.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Reads a number as JSON writes it.
impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        // The integers that are printed as they were written.
        let is_plain = !text.starts_with("-0") && !text.starts_with('+') && (text.len() == 1 || !text.starts_with('0'));
        if is_plain {
            if let Ok(value) = text.parse::<u64>() {
                return Ok(Self::from(value));
            }
            if let Ok(value) = text.parse::<i64>() {
                return Ok(Self::from(value));
            }
        }
        if text.len() > LONGEST {
            return Err(NumberError::OutOfRange);
        }
        if !is_number(text) {
            return Err(NumberError::Syntax);
        }
        let is_kept = text.parse::<f64>().is_ok_and(f64::is_finite) && i32::try_from(Parts::of_text(text).exponent).is_ok();
        if is_kept { Ok(Self(Repr::Text(Box::new(Text(text.into()))))) } else { Err(NumberError::OutOfRange) }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(u64::try_from(value).map_or(Repr::Negative(value), Repr::Unsigned))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(Repr::Unsigned(value))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.with_parts(|parts| {
            parts.sign.hash(state);
            parts.exponent.hash(state);
            parts.digits().for_each(|digit| state.write_u8(digit));
        });
    }
}

/// Prints the number as it was written.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Unsigned(value) => value.fmt(f),
            Repr::Negative(value) => value.fmt(f),
            Repr::Text(text) => f.write_str(&text.0),
        }
    }
}

impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Unsigned(value) => serializer.serialize_u64(*value),
            Repr::Negative(value) => serializer.serialize_i64(*value),
            Repr::Text(text) => {
                serde_json::from_str::<&serde_json::value::RawValue>(&text.0).map_err(S::Error::custom)?.serialize(serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers as JSON writes them, many of them close to each other.
    fn texts() -> impl Strategy<Value = String> {
        let near = prop::sample::select(vec![
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1",
            "10",
            "0",
        ]);
        prop_oneof![
            ("-?(0|[1-9][0-9]{0,30})", "(\\.[0-9]{1,30})?", "([eE][+-]?[0-9]{1,2})?").prop_map(|(a, b, c)| format!("{a}{b}{c}")),
            (prop::bool::ANY, near, "(\\.0{0,3}[01]?0)?", "(e[+-]?0{0,2}[0-3])?")
                .prop_map(|(is_negative, a, b, c)| format!("{}{a}{b}{c}", if is_negative { "-" } else { "" })),
            any::<f64>().prop_filter_map("finite", Number::from_f64).prop_map(|number| number.to_string()),
        ]
        .prop_filter("in range", |text| text.parse::<f64>().is_ok_and(f64::is_finite))
    }

    /// The slow model: both numbers written out with as many places before and after the point.
    fn model(left: &str, right: &str) -> Ordering {
        let expand = |text: &str| {
            let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
            let lower = text.to_ascii_lowercase();
            let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
            let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let places = 800 + exponent.parse::<i64>().unwrap();
            let mut digits: Vec<u8> = std::iter::repeat_n(b'0', 400).chain(integer.bytes()).chain(fraction.bytes()).collect();
            // The point stands after `400 + integer.len()` digits; the exponent moves it to a common place.
            let wanted = usize::try_from(places).unwrap() + integer.len();
            digits.extend(std::iter::repeat_n(b'0', 2000));
            let shift = 2000 - wanted;
            let mut common = vec![b'0'; shift];
            common.extend(digits);
            common.resize(5000, b'0');
            (is_negative && common.iter().any(|digit| *digit != b'0'), common)
        };
        match (expand(left), expand(right)) {
            ((true, _), (false, _)) => Ordering::Less,
            ((false, _), (true, _)) => Ordering::Greater,
            ((false, left), (false, right)) => left.cmp(&right),
            ((true, left), (true, right)) => right.cmp(&left),
        }
    }

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    proptest! {
        #[test]
        fn comparison_agrees_with_numbers_written_out(left in texts(), right in texts()) {
            prop_assert_eq!(number(&left).compare(&number(&right)), model(&left, &right), "{} and {}", left, right);
        }

        #[test]
        fn keys_order_as_numbers_do(left in texts(), right in texts()) {
            let (left, right) = (number(&left), number(&right));
            prop_assert_eq!(left.key().cmp(&right.key()), left.compare(&right), "{} and {}", left, right);
        }

        /// R7643-2.3.3-01: a number keeps its text.
        #[test]
        fn a_number_is_printed_as_it_was_read(text in texts()) {
            let number = number(&text);
            prop_assert_eq!(&number.to_string(), &text);
            prop_assert_eq!(serde_json::to_string(&number).unwrap(), text);
        }

        #[test]
        fn doubles_are_kept(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            prop_assert_eq!(Number::from_f64(value).unwrap().as_f64().to_bits(), value.to_bits());
        }

        #[test]
        fn what_is_read_is_what_json_reads(text in "[-+0-9.eE]{1,8}") {
            prop_assert_eq!(text.parse::<Number>().is_ok(), serde_json::from_str::<f64>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn integers_and_decimals_compare_exactly() {
        let ascending = [
            "-1e300",
            "-9007199254740993",
            "-9007199254740992.5",
            "-9007199254740992",
            "-1e-300",
            "0",
            "1e-300",
            "0.1",
            "0.1000000000000000055",
            "0.10000000000000001",
            "9007199254740992.0",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "123456789012345678901234567890",
            "1e300",
        ];
        for (index, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(number(left).compare(&number(right)), index.cmp(&other), "{left} and {right}");
            }
        }
        for (left, right) in [("-0.0", "0"), ("-0", "0e99999999999999999999"), ("1.10", "1.1"), ("1e2", "100"), ("0.001", "1e-3")] {
            assert_eq!(number(left), number(right));
            assert_eq!(number(left).key(), number(right).key());
        }
    }

    #[test]
    fn integers_of_any_size_are_integers() {
        let number = number("123456789012345678901234567890");
        assert!(number.is_integer() && number.as_i64().is_none() && number.as_u64().is_none());
        assert_eq!(self::number("-0").as_i64(), Some(0));
        assert_eq!(self::number("-0").as_u64(), Some(0));
        assert!(!self::number("1.0").is_integer() && self::number("1.0").as_u64().is_none() && self::number("1e0").as_i64().is_none());
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let long = "1".repeat(LONGEST + 1);
        for text in ["1e400", "-1e309", "1e-99999999999", "1e99999999999999999999", &long] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::OutOfRange), "{text}");
        }
        for text in ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "NaN", "inf", "0x1", " 1", "--1", "1_0"] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::Syntax), "{text}");
        }
    }
}
