//! Whether what an expression gives can fit its target, by what is known before there is a record.

use std::borrow::Cow;

use scimkit_types::{Attribute, AttributeType, Value};

use super::{Mapping, Source};
use crate::expression::{Expression, Node, Word};
use crate::functions::Gives;
use crate::schema::AttributeDefinition;
use crate::target::Target;

/// What is known of the source's attributes; nothing of an attribute that is not among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a>(pub(super) Option<&'a [AttributeDefinition]>);

/// What kind of value an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// Any text, which may stand for a value of another type.
    Text,
    /// `True` or `False`.
    Boolean,
    /// A whole number.
    Integer,
    /// A date, as text.
    Date,
    /// Values with sub-attributes.
    Complex,
}

/// What an expression gives, as far as can be told without a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResultType {
    /// The kinds of value, each once; none if the expression never gives a value.
    pub kinds: Vec<ValueKind>,
    /// Whether it gives several values.
    pub is_list: bool,
}

impl std::fmt::Display for ResultType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.kinds.is_empty() {
            return f.write_str("no value");
        }
        f.write_str(if self.is_list { "several values: " } else { "" })?;
        for (index, kind) in self.kinds.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { " or " } else { "" }, kind.name())?;
        }
        Ok(())
    }
}

impl Expression {
    /// What the expression gives. An attribute is text unless it is among the source's attributes with another type.
    ///
    /// ```
    /// use scimkit_mapping::Expression;
    /// let expression = Expression::parse(r#"IIF([a] = "x", Count([b]), [c])"#)?;
    /// assert_eq!(expression.result_type(None).to_string(), "a whole number or text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn result_type(&self, source: Option<&[AttributeDefinition]>) -> ResultType {
        let known = Known(source);
        let mut kinds = Vec::new();
        results(&self.root, &mut |result| {
            let kind = match result {
                Node::Number { .. } => Some(Kind::Integer),
                Node::Attribute { .. } => Some(kind_of(result, known).unwrap_or(Kind::Text)),
                Node::Word(Word::IgnoreAttributeFlow | Word::IgnoreObjectFlow) => None,
                Node::Text(_) | Node::Word(_) => Some(Kind::Text),
                other => kind_of(other, known),
            };
            kinds.extend(kind.filter(|kind| !kinds.contains(kind)));
        });
        ResultType { kinds, is_list: known.is_list(&self.root) }
    }
}

use ValueKind as Kind;

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "a boolean",
            Self::Integer => "a whole number",
            Self::Date => "a date",
            Self::Complex => "complex values",
        }
    }

    /// Whether some value of this kind fits.
    fn fits(self, definition: &Attribute) -> bool {
        match (definition.type_, self) {
            (AttributeType::Complex, Self::Complex) => true,
            (AttributeType::Complex, Self::Text | Self::Date) => definition.is_multi_valued && definition.sub_attribute("value").is_some(),
            (AttributeType::Complex, _) | (_, Self::Complex) => false,
            (_, Self::Text) | (AttributeType::String | AttributeType::Reference | AttributeType::Binary, _) => true,
            (AttributeType::Boolean, kind) => kind == Self::Boolean,
            (AttributeType::Integer | AttributeType::Decimal, kind) => kind == Self::Integer,
            (AttributeType::DateTime, kind) => kind == Self::Date,
        }
    }
}

impl<'a> Known<'a> {
    pub(super) fn attribute(self, name: &str) -> Option<&'a AttributeDefinition> {
        self.0?.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    fn kind(self, name: &str) -> Option<Kind> {
        if name.eq_ignore_ascii_case("IsSoftDeleted") {
            return Some(Kind::Boolean);
        }
        Some(match self.attribute(name)?.type_.as_deref()? {
            "Boolean" => Kind::Boolean,
            "Integer" => Kind::Integer,
            "DateTime" => Kind::Date,
            _ => Kind::Text,
        })
    }

    /// Whether a part of an expression gives several values, as far as is known.
    fn is_list(self, node: &Node) -> bool {
        match node {
            Node::Attribute { name, .. } => self.attribute(name).is_some_and(|attribute| attribute.multivalued == Some(true)),
            Node::Call(call) => match call.function.gives {
                Gives::List | Gives::Complex => true,
                Gives::LikeFirst => call.arguments.first().and_then(Option::as_ref).is_some_and(|first| self.is_list(first)),
                _ => call.branches().any(|branch| self.is_list(branch)),
            },
            _ => false,
        }
    }
}

impl Mapping {
    /// Why the expression cannot give a value that fits, one message for each reason.
    pub(super) fn misfits(&self, known: Known<'_>) -> Vec<String> {
        let Source::Expression(expression) = &self.source else { return Vec::new() };
        let mut messages = Vec::new();
        if self.target.is_single() && known.is_list(&expression.root) {
            messages.push("the expression gives several values, and the target has one".to_owned());
        }
        misused_lists(expression, known, &mut messages);
        results(&expression.root, &mut |result| messages.extend(misfit(result, &self.target, known)));
        messages
    }
}

/// Names the arguments that have several values where one is needed.
fn misused_lists(expression: &Expression, known: Known<'_>, messages: &mut Vec<String>) {
    let mut several = |node: &Node, place: &str| {
        if known.is_list(node) {
            messages.push(format!("{place} needs one value, and `{node}` gives several"));
        }
    };
    expression.root.walk(&mut |node| match node {
        Node::Call(call) => {
            for (index, argument) in call.arguments.iter().enumerate().filter(|(index, _)| !call.function.takes_list(*index)) {
                if let Some(argument) = argument {
                    several(argument, &format!("`{}` of `{}`", call.function.parameter(index), call.function.name));
                }
            }
        }
        Node::Concat(parts) => parts.iter().for_each(|part| several(part, "`&`")),
        Node::Compare { left, operator, right } => {
            let place = format!("`{}`", operator.as_str());
            several(left, &place);
            several(right, &place);
        }
        _ => {}
    });
}

/// Visits the parts of which one is what the expression gives. The tree is at most as deep as the parser lets it be.
fn results<'a>(node: &'a Node, visit: &mut impl FnMut(&'a Node)) {
    match node {
        Node::Call(call) if call.branches().next().is_some() => call.branches().for_each(|branch| results(branch, visit)),
        other => visit(other),
    }
}

/// The kind of what a part gives that is neither a constant nor a word, if it is known.
fn kind_of(result: &Node, known: Known<'_>) -> Option<Kind> {
    Some(match result {
        Node::Attribute { name, .. } => known.kind(name)?,
        Node::Call(call) => match call.function.gives {
            _ if call.function.name == "Error" => return None,
            Gives::Boolean => Kind::Boolean,
            Gives::Integer => Kind::Integer,
            Gives::Date => Kind::Date,
            Gives::Complex => Kind::Complex,
            _ => Kind::Text,
        },
        Node::Compare { .. } => Kind::Boolean,
        Node::Concat(_) => Kind::Text,
        Node::Text(_) | Node::Number { .. } | Node::Word(_) => return None,
    })
}

/// Why a result cannot fit.
fn misfit(result: &Node, target: &Target, known: Known<'_>) -> Option<String> {
    let constant = match result {
        Node::Text(text) => Some(text.clone()),
        Node::Number { value, .. } => Some(Value::from(*value)),
        _ => None,
    };
    if let Some(constant) = constant {
        return target.convert(Cow::Owned(constant)).err().map(|kind| format!("the constant `{result}` does not fit: {kind}"));
    }
    let kind = kind_of(result, known)?;
    let definition = target.definition();
    (!kind.fits(definition)).then(|| {
        let expected = serde_json::to_value(definition.type_).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        format!("expected a value of type {expected}, and `{result}` gives {}", kind.name())
    })
}
