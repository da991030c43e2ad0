//! An expression from the parameter tree of a synchronization schema.

use super::node::{CallNode, Node};
use super::{Expression, MAX_DEPTH, parse};
use crate::functions;
use crate::schema::{MappingSource, SourceType};

/// The expression of a mapping's source: from the parameter tree when there is one, else from the text. `None` if there is neither.
///
/// What the tree cannot tell, such as a comparison, is read from the text.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn from_source(source: &MappingSource) -> Result<Option<Expression>, String> {
    let text = source.expression.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(root) = node(source, MAX_DEPTH) {
        return Ok(Some(Expression { root }));
    }
    match text {
        Some(text) => parse::parse(text).map(|root| Some(Expression { root })).map_err(|error| {
            let place = error.span().start;
            format!("the expression is not valid at byte {place}: {error}")
        }),
        None => match (source.type_, &source.name) {
            (SourceType::Function, Some(name)) => Err(format!("`{name}` with its parameters is not a valid expression")),
            _ => Ok(None),
        },
    }
}

fn node(source: &MappingSource, depth: usize) -> Option<Node> {
    let depth = depth.checked_sub(1)?;
    let name = source.name.as_deref().filter(|name| !name.is_empty());
    match source.type_ {
        SourceType::Attribute => name.map(Node::attribute),
        SourceType::Constant => name.map(|text| Node::Text(text.to_owned())),
        SourceType::Function if source.parameters.is_empty() => None,
        SourceType::Function => {
            let function = functions::find(name?)?;
            let mut arguments: Vec<Option<Node>> = Vec::new();
            for parameter in &source.parameters {
                let value = match &parameter.value {
                    Some(value) => Some(node(value, depth)?),
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
            CallNode::new(function, arguments).ok().map(Node::Call)
        }
        SourceType::None => None,
    }
}
