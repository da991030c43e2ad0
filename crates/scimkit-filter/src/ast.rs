//! The tree that a filter or path is parsed into.

use std::fmt;
use std::ops::Deref;

use compact_str::CompactString;
use scimkit_types::{AttributeName, Number, SchemaUri};

/// A filter (RFC 7644 section 3.4.2.2).
///
/// `And` and `Or` are n-ary: they hold at least two filters, none of which is of the same kind. Build them with [`Filter::and`] and
/// [`Filter::or`], which flatten.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 section 3.4.2.2")]
pub enum Filter {
    /// All of these hold.
    And(Vec<Self>),
    /// At least one of these holds.
    Or(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// A comparison or a test for presence.
    Attribute(AttributeExpression),
    /// One element of a multi-valued attribute meets a filter.
    ValuePath(ValuePath),
}

impl Filter {
    /// All of these filters hold. Filters that are `And` themselves are taken apart; one filter stands for itself;
    /// `None` when there are none.
    pub fn and(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        let parts = filters.into_iter().flat_map(|filter| match filter {
            Self::And(parts) => parts,
            other => vec![other],
        });
        one_or(parts.collect(), Self::And)
    }

    /// At least one of these filters holds. Filters that are `Or` themselves are taken apart; one filter stands for itself;
    /// `None` when there are none.
    pub fn or(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        let parts = filters.into_iter().flat_map(|filter| match filter {
            Self::Or(parts) => parts,
            other => vec![other],
        });
        one_or(parts.collect(), Self::Or)
    }

    /// The attribute equals the value.
    ///
    /// ```
    /// use scimkit_filter::{AttributePath, Filter};
    /// let filter = Filter::equal(AttributePath::parse("userName")?, "o\"neil");
    /// assert_eq!(filter.to_string(), r#"userName eq "o\"neil""#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn equal(path: AttributePath, value: impl Into<Literal>) -> Self {
        Self::compare(path, CompareOperator::Equal, value)
    }

    /// The attribute compares with the value.
    pub fn compare(path: AttributePath, operator: CompareOperator, value: impl Into<Literal>) -> Self {
        Self::Attribute(AttributeExpression::Compare { path, operator, value: value.into() })
    }

    /// The attribute has a value.
    pub const fn present(path: AttributePath) -> Self {
        Self::Attribute(AttributeExpression::Present(path))
    }

    /// This filter does not hold.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Option<Filter> {
    if parts.len() > 1 { Some(join(parts)) } else { parts.pop() }
}

/// A comparison or a test for presence.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 section 3.4.2.2")]
pub enum AttributeExpression {
    /// `pr`: the attribute has a value.
    Present(AttributePath),
    /// The attribute compares with a value.
    Compare {
        /// The attribute.
        path: AttributePath,
        /// How it compares.
        operator: CompareOperator,
        /// With what.
        value: Literal,
    },
}

/// An operator of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 section 3.4.2.2")]
pub enum CompareOperator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    GreaterThan,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    LessThan,
    /// `le`
    LessOrEqual,
}

/// The value of a comparison: a JSON literal.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 section 3.4.2.2")]
pub enum Literal {
    /// `null`, which stands for no value.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// Text, unescaped.
    String(Text),
}

impl From<&str> for Literal {
    #[inline]
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Number> for Literal {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Literal {
    fn from(number: i64) -> Self {
        Self::Number(Number::from(number))
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

/// The text of a [`Literal`]: a string that takes no memory of its own up to 24 bytes.
///
/// ```
/// use scimkit_filter::Text;
/// let text = Text::from("Åsa");
/// assert!(text == *"Åsa" && text.len() == 4);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(CompactString);

impl Text {
    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn push(&mut self, c: char) {
        self.0.push(c);
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        self.0.push_str(text);
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Self {
        Self(CompactString::new(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An attribute, such as `name.familyName` or `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AttributePath {
    /// The schema whose URI stands in front.
    pub schema: Option<SchemaUri>,
    /// The attribute.
    pub attribute: AttributeName,
    /// The sub-attribute.
    pub sub_attribute: Option<AttributeName>,
}

impl AttributePath {
    /// The path of a top-level attribute.
    pub const fn new(attribute: AttributeName) -> Self {
        Self { schema: None, attribute, sub_attribute: None }
    }

    /// This path in the schema of this URI.
    #[must_use]
    pub fn with_schema(self, schema: SchemaUri) -> Self {
        Self { schema: Some(schema), ..self }
    }

    /// This path with this sub-attribute.
    #[must_use]
    pub fn with_sub_attribute(self, sub_attribute: AttributeName) -> Self {
        Self { sub_attribute: Some(sub_attribute), ..self }
    }
}

/// The elements of a multi-valued attribute that meet a filter, such as `emails[type eq "work"]`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValuePath {
    /// The attribute, without sub-attribute.
    pub path: AttributePath,
    /// What an element must meet; attributes are sub-attributes of `path`, and there is no value path inside.
    pub value_filter: Box<Filter>,
}

impl ValuePath {
    /// The elements of an attribute that meet a filter.
    pub fn new(path: AttributePath, value_filter: Filter) -> Self {
        Self { path, value_filter: Box::new(value_filter) }
    }
}

/// What a PATCH operation is done to (RFC 7644 figure 7).
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 figure 7 and AMB-26")]
pub enum PatchPath {
    /// An attribute or sub-attribute.
    Attribute(AttributePath),
    /// Elements of a multi-valued attribute, or a sub-attribute of each.
    ValuePath {
        /// The elements.
        value_path: ValuePath,
        /// The sub-attribute of each.
        sub_attribute: Option<AttributeName>,
    },
    /// An extension as a whole (AMB-26).
    Schema(SchemaUri),
}
