//! Attribute values: JSON with names that compare without case.

mod complex;
mod equivalent;
mod json;
mod member;
mod number;
mod reader;
mod writer;

pub use complex::{ComplexValue, IntoIter};
pub use member::MemberName;
pub use number::{Number, NumberError};

/// The value of an attribute (RFC 7643 section 2.3), as it stands in JSON.
///
/// `Null` and an empty [`List`](Value::List) both mean that the attribute is unassigned (RFC 7643 section 2.5); they are kept apart so
/// that a document survives a round trip.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "closed by JSON, RFC 8259 section 3")]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer or a decimal.
    Number(Number),
    /// Text: also a dateTime, a reference or base64 data, as the schema says.
    String(String),
    /// The values of a multi-valued attribute.
    List(Vec<Self>),
    /// Sub-attributes.
    Complex(ComplexValue),
}

impl Value {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is a boolean.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub const fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The sub-attributes, if this is a complex value.
    pub const fn as_complex(&self) -> Option<&ComplexValue> {
        match self {
            Self::Complex(value) => Some(value),
            _ => None,
        }
    }

    /// The sub-attributes, if this is a complex value.
    pub const fn as_complex_mut(&mut self) -> Option<&mut ComplexValue> {
        match self {
            Self::Complex(value) => Some(value),
            _ => None,
        }
    }

    /// The elements of a list, or the value itself as the only element; nothing for null.
    ///
    /// ```
    /// use scimkit_types::Value;
    /// assert_eq!(Value::from("a").elements().len(), 1);
    /// assert_eq!(Value::Null.elements().len(), 0);
    /// ```
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Null => &[],
            Self::List(values) => values,
            other => std::slice::from_ref(other),
        }
    }

    /// Whether the attribute is unassigned: null, an empty list, or a complex value in which nothing is assigned
    /// (RFC 7643 section 2.5).
    pub fn is_unassigned(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(values) => values.iter().all(Self::is_unassigned),
            Self::Complex(value) => value.iter().all(|(_, value)| value.is_unassigned()),
            Self::Boolean(_) | Self::Number(_) | Self::String(_) => false,
        }
    }

    /// Whether the operator `pr` finds something: not null, not empty text, and something in it (RFC 7644 section 3.4.2.2).
    ///
    /// ```
    /// use scimkit_types::Value;
    /// assert!(Value::from(false).is_present());
    /// assert!(!Value::from("").is_present() && !Value::Null.is_present());
    /// ```
    pub fn is_present(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(_) | Self::Number(_) => true,
            Self::String(text) => !text.is_empty(),
            Self::List(values) => values.iter().any(Self::is_present),
            Self::Complex(value) => value.iter().any(|(_, value)| value.is_present()),
        }
    }

    /// Whether two values are equal up to what carries no meaning: element order, member order, the case of names,
    /// and null against absent.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(left), Self::List(right)) => equivalent::lists(left, right),
            (Self::Complex(left), Self::Complex(right)) => left.is_equivalent(right),
            (left, right) => left == right || (left.is_unassigned() && right.is_unassigned()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<ComplexValue> for Value {
    fn from(value: ComplexValue) -> Self {
        Self::Complex(value)
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        Self::List(values)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// R7643-2.5-01: null, an empty array and absence are the same state.
    #[test]
    fn null_empty_and_absent_are_equivalent() {
        assert!(value(r#"{"a": null, "b": [], "c": 1}"#).is_equivalent(&value(r#"{"C": 1}"#)));
        assert!(!value(r#"{"c": 2}"#).is_equivalent(&value(r#"{"c": 1}"#)));
    }

    /// R7643-2.3.8-01, R7643-2.4-01: neither members nor elements have an order.
    #[test]
    fn order_carries_no_meaning() {
        assert!(value(r#"[{"a": 1, "b": 2}, "x"]"#).is_equivalent(&value(r#"["x", {"b": 2, "A": 1}]"#)));
        assert!(!value(r#"["x", "x", "y"]"#).is_equivalent(&value(r#"["x", "y", "y"]"#)));
    }
}
