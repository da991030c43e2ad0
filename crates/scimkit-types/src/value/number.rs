//! JSON numbers that keep what was sent.

use std::fmt;

/// A JSON number: an integer or a decimal (RFC 7643 sections 2.3.3 and 2.3.4).
///
/// Integers from -2^63 to 2^64 - 1 are kept exactly; other numbers as the nearest double.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(Repr);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Repr {
    Unsigned(u64),
    Negative(i64),
    Decimal(f64),
}

impl Number {
    /// The integer, if the number is one in this range and was written without fraction or exponent.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Unsigned(value) => i64::try_from(value).ok(),
            Repr::Negative(value) => Some(value),
            Repr::Decimal(_) => None,
        }
    }

    /// The integer, if the number is one in this range and was written without fraction or exponent.
    pub const fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Repr::Unsigned(value) => Some(value),
            Repr::Negative(_) | Repr::Decimal(_) => None,
        }
    }

    /// The nearest double.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    pub const fn as_f64(&self) -> f64 {
        match self.0 {
            Repr::Unsigned(value) => value as f64,
            Repr::Negative(value) => value as f64,
            Repr::Decimal(value) => value,
        }
    }

    /// Whether the number was written without fraction and exponent.
    pub const fn is_integer(&self) -> bool {
        !matches!(self.0, Repr::Decimal(_))
    }

    /// A decimal; `None` for infinities and NaN, which JSON cannot hold.
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(Repr::Decimal(value)))
    }

    /// Orders two numbers by value, exactly for integers.
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let wide = |repr: Repr| match repr {
            Repr::Unsigned(value) => Some(i128::from(value)),
            Repr::Negative(value) => Some(i128::from(value)),
            Repr::Decimal(_) => None,
        };
        match (wide(self.0), wide(other.0)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.as_f64().total_cmp(&other.as_f64()),
        }
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

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Unsigned(value) => value.fmt(f),
            Repr::Negative(value) => value.fmt(f),
            Repr::Decimal(value) => write!(f, "{value:?}"),
        }
    }
}

impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Repr::Unsigned(value) => serializer.serialize_u64(value),
            Repr::Negative(value) => serializer.serialize_i64(value),
            Repr::Decimal(value) => serializer.serialize_f64(value),
        }
    }
}
