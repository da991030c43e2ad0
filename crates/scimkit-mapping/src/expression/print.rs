//! Tree to text.

use std::fmt::{self, Write as _};

use super::Expression;
use super::node::Node;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                f.write_char('"')?;
                for c in text.as_str().unwrap_or_default().chars() {
                    if matches!(c, '"' | '\\') {
                        f.write_char('\\')?;
                    }
                    f.write_char(c)?;
                }
                f.write_char('"')
            }
            Self::Number { text, .. } => f.write_str(text),
            Self::Attribute { name, .. } => write!(f, "[{name}]"),
            Self::Word(word) => f.write_str(word.as_str()),
            Self::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (index, argument) in call.arguments.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(argument) = argument {
                        argument.fmt(f)?;
                    }
                }
                f.write_char(')')
            }
            Self::Concat(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" & ")?;
                    }
                    part.fmt(f)?;
                }
                Ok(())
            }
            Self::Compare { left, operator, right } => write!(f, "{left} {} {right}", operator.as_str()),
        }
    }
}
