//! Tree to text.

use std::fmt::{self, Display, Write};

use crate::ast::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, PatchPath, ValuePath};

/// The shortest text in the strict grammar: parentheses only where the meaning needs them.
impl Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => join(f, parts, " and ", |part| matches!(part, Self::Or(_))),
            Self::Or(parts) => join(f, parts, " or ", |_| false),
            Self::Not(inner) => {
                f.write_str("not (")?;
                inner.fmt(f)?;
                f.write_char(')')
            }
            Self::Attribute(expression) => expression.fmt(f),
            Self::ValuePath(value_path) => value_path.fmt(f),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str, needs_parentheses: fn(&Filter) -> bool) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(part) {
            f.write_char('(')?;
            part.fmt(f)?;
            f.write_char(')')?;
        } else {
            part.fmt(f)?;
        }
    }
    Ok(())
}

impl Display for AttributeExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(path) => {
                path.fmt(f)?;
                f.write_str(" pr")
            }
            Self::Compare { path, operator, value } => {
                path.fmt(f)?;
                f.write_char(' ')?;
                f.write_str(operator.as_str())?;
                f.write_char(' ')?;
                value.fmt(f)
            }
        }
    }
}

impl CompareOperator {
    /// The operator on the wire, such as `eq`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::GreaterThan => "gt",
            Self::GreaterOrEqual => "ge",
            Self::LessThan => "lt",
            Self::LessOrEqual => "le",
        }
    }
}

impl Display for CompareOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// JSON (RFC 8259), with no escapes but those that it demands.
impl Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::String(text) => quote(f, text),
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    let mut rest = text;
    while let Some(end) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        // What needs an escape is one byte long.
        let (plain, from_escaped) = rest.split_at_checked(end).unwrap_or((rest, ""));
        f.write_str(plain)?;
        let (escaped, after) = from_escaped.split_at_checked(1).unwrap_or_default();
        match escaped {
            // The shortest form of each, so that no value is longer than it was written and over a limit for it.
            "\n" => f.write_str("\\n")?,
            "\r" => f.write_str("\\r")?,
            "\t" => f.write_str("\\t")?,
            "\u{8}" => f.write_str("\\b")?,
            "\u{c}" => f.write_str("\\f")?,
            "\"" | "\\" => write!(f, "\\{escaped}")?,
            control => control.bytes().try_for_each(|byte| write!(f, "\\u{byte:04x}"))?,
        }
        rest = after;
    }
    f.write_str(rest)?;
    f.write_char('"')
}

impl Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            f.write_str(schema.as_str())?;
            f.write_char(':')?;
        }
        f.write_str(self.attribute.as_str())?;
        match &self.sub_attribute {
            Some(sub_attribute) => {
                f.write_char('.')?;
                f.write_str(sub_attribute.as_str())
            }
            None => Ok(()),
        }
    }
}

impl Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        f.write_char('[')?;
        self.value_filter.fmt(f)?;
        f.write_char(']')
    }
}

impl Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(path) => path.fmt(f),
            Self::ValuePath { value_path, sub_attribute: None } => value_path.fmt(f),
            Self::ValuePath { value_path, sub_attribute: Some(sub_attribute) } => write!(f, "{value_path}.{sub_attribute}"),
            Self::Schema(schema) => schema.fmt(f),
        }
    }
}
