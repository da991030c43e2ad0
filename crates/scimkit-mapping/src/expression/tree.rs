//! An expression from the parameter tree of a synchronization schema.

use scimkit_types::Value;

use super::node::{CallNode, Node};
use super::{Expression, ExpressionError, ExpressionOptions, MAX_DEPTH, parse};
use crate::functions;
use crate::schema::{MappingSource, Parameter, SourceType};

/// The expression of a mapping's source: from the parameter tree when there is one, else from the text. `None` if there is neither.
///
/// What the tree cannot tell, such as a comparison, is read from the text.
///
/// # Errors
/// What is wrong with the text or the tree.
pub(crate) fn from_source(source: &MappingSource, options: &ExpressionOptions) -> Result<Option<Expression>, SourceFault> {
    let text = source.expression.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(root) = node(source, MAX_DEPTH, options) {
        return Ok(Some(Expression { root }));
    }
    match text {
        Some(text) => parse::parse(text, options).map(|root| Some(Expression { root })).map_err(SourceFault::Text),
        None => match (source.type_, &source.name) {
            (SourceType::Function, Some(name)) => Err(SourceFault::Tree(name.clone())),
            _ => Ok(None),
        },
    }
}

/// Why a source has no expression.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum SourceFault {
    #[error("the expression is not valid at byte {}: {_0}", _0.span().start)]
    Text(ExpressionError),
    #[error("`{_0}` with its parameters is not a valid expression")]
    Tree(String),
}

fn node(source: &MappingSource, depth: usize, options: &ExpressionOptions) -> Option<Node> {
    let depth = depth.checked_sub(1)?;
    let name = source.name.as_deref().filter(|name| !name.is_empty());
    match source.type_ {
        SourceType::Attribute => name.map(Node::attribute),
        SourceType::Constant => name.map(|text| Node::Text(Value::from(text))),
        SourceType::Function if source.parameters.is_empty() => None,
        SourceType::Function => {
            let function = functions::find(name?)?;
            let mut arguments: Vec<Option<Node>> = Vec::new();
            for parameter in &source.parameters {
                let value = match &parameter.value {
                    Some(value) => Some(node(value, depth, options)?),
                    None => None,
                };
                let known = function.parameters.iter().position(|known| known.eq_ignore_ascii_case(&parameter.key));
                // The last parameter of a function that takes any number of them repeats under the same key.
                let repeats = function.most == usize::MAX && known.is_none_or(|index| index + 1 >= function.parameters.len());
                let behind = if repeats { function.parameters.len().saturating_sub(1) } else { 0 };
                let index = known.filter(|_| !repeats).unwrap_or_else(|| arguments.len().max(behind));
                if arguments.len() <= index {
                    arguments.resize(index + 1, None);
                }
                *arguments.get_mut(index)? = value;
            }
            arguments.resize(arguments.len().max(function.least), None);
            CallNode::new(function, arguments, options).ok().map(Node::Call)
        }
        SourceType::None => None,
    }
}

impl Expression {
    /// The expression as it stands in a synchronization schema: the text, and the tree of functions and their parameters.
    ///
    /// What the tree of Microsoft Graph cannot say, such as a comparison, stands as a function of the operator's name; whoever reads it
    /// takes the text.
    pub fn to_source(&self) -> MappingSource {
        source_of(&self.root)
    }

    /// The tree for people, one part a line.
    ///
    /// ```
    /// use scimkit_mapping::Expression;
    /// let expression = Expression::parse(r#"Switch([IsSoftDeleted], , "False", "yes")"#)?;
    /// assert_eq!(expression.tree(), "Switch\n  source: attribute IsSoftDeleted\n  defaultValue: left out\n  switchValue: text \"False\"\n  switchValue: text \"yes\"\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tree(&self) -> String {
        let mut text = String::new();
        draw(&self.root, 0, "", &mut text);
        text
    }
}

// The depth of the recursion is that of the expression, which the parser limits.
fn draw(node: &Node, depth: usize, label: &str, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
    text.push_str(label);
    let mut line = |words: &str, what: &dyn std::fmt::Display| {
        text.push_str(words);
        text.push_str(&what.to_string());
        text.push('\n');
    };
    match node {
        Node::Text(_) => line("text ", node),
        Node::Number { text, .. } => line("number ", text),
        Node::Attribute { name, .. } => line("attribute ", name),
        Node::Word(word) => line("word ", &word.as_str()),
        Node::Call(call) => {
            line("", &call.function.name);
            for (index, argument) in call.arguments.iter().enumerate() {
                let label = format!("{}: ", call.function.parameter(index));
                match argument {
                    Some(argument) => draw(argument, depth + 1, &label, text),
                    None => {
                        text.extend(std::iter::repeat_n("  ", depth + 1));
                        text.push_str(&label);
                        text.push_str("left out\n");
                    }
                }
            }
        }
        Node::Concat(parts) => {
            line("", &"&");
            parts.iter().for_each(|part| draw(part, depth + 1, "", text));
        }
        Node::Compare { left, operator, right } => {
            line("", &operator.as_str());
            draw(left, depth + 1, "", text);
            draw(right, depth + 1, "", text);
        }
    }
}

fn source_of(node: &Node) -> MappingSource {
    let (type_, name, parameters) = match node {
        Node::Text(text) => (SourceType::Constant, text.as_str().unwrap_or_default().to_owned(), Vec::new()),
        Node::Number { text, .. } => (SourceType::Constant, text.clone(), Vec::new()),
        Node::Attribute { name, .. } => (SourceType::Attribute, name.clone(), Vec::new()),
        Node::Word(word) => (SourceType::Function, word.as_str().to_owned(), Vec::new()),
        Node::Call(call) => {
            let parameter = |(index, argument): (usize, &Option<Node>)| Parameter {
                key: call.function.parameter(index).to_owned(),
                value: argument.as_ref().map(source_of),
                ..Parameter::default()
            };
            (SourceType::Function, call.function.name.to_owned(), call.arguments.iter().enumerate().map(parameter).collect())
        }
        Node::Concat(parts) => (SourceType::Function, "&".to_owned(), parts.iter().map(operand).collect()),
        Node::Compare { left, operator, right } => {
            (SourceType::Function, operator.as_str().to_owned(), vec![operand(left), operand(right)])
        }
    };
    MappingSource { expression: Some(node.to_string()), name: Some(name), type_, parameters, ..MappingSource::default() }
}

fn operand(node: &Node) -> Parameter {
    Parameter { key: "value".to_owned(), value: Some(source_of(node)), ..Parameter::default() }
}
