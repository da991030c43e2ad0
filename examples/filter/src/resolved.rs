//! What a filter or path stands for in a resource type.

use std::fmt::{self, Display};

use scimkit_example_patch::Failure;
use scimkit_filter::{AttributePath, Filter, Literal, Node, Operand, PatchPath, ResolveError, ResolvedPath, resolve_path};
use scimkit_types::{AttributeType, Catalog, Dialect, ResourceType};

use crate::tree::line;

/// Shows a resolved filter, one node a line.
pub(crate) struct Resolved<'a>(pub(crate) &'a Node);

impl Display for Resolved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        node(f, self.0, 1)
    }
}

// The depth of the recursion is that of the filter, which the parser limits.
fn node(f: &mut fmt::Formatter<'_>, tree: &Node, depth: usize) -> fmt::Result {
    match tree {
        Node::And(parts) => {
            line(f, depth, "all of")?;
            parts.iter().try_for_each(|part| node(f, part, depth + 1))
        }
        Node::Or(parts) => {
            line(f, depth, "any of")?;
            parts.iter().try_for_each(|part| node(f, part, depth + 1))
        }
        Node::Not(inner) => {
            line(f, depth, "not")?;
            node(f, inner, depth + 1)
        }
        Node::Present(path) => line(f, depth, format_args!("{} has a value", Place(path))),
        Node::Compare { path, operator, operand } => line(f, depth, format_args!("{} {operator} {}", Place(path), Value(operand))),
        Node::Element { path, filter } => {
            line(f, depth, format_args!("an element of {} where", Place(path)))?;
            node(f, filter, depth + 1)
        }
        Node::Constant(true) => line(f, depth, "always"),
        Node::Constant(false) => line(f, depth, "never"),
    }
}

/// An attribute with what comparing depends on.
struct Place<'a>(&'a ResolvedPath);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0;
        write!(f, "{} ({}", path.to_attribute_path(), type_name(path.type_))?;
        if matches!(path.type_, AttributeType::String | AttributeType::Reference | AttributeType::Binary) {
            f.write_str(if path.case_exact { ", case exact" } else { ", any case" })?;
        }
        f.write_str(if path.is_multi_valued { ", any value)" } else { ")" })
    }
}

const fn type_name(type_: AttributeType) -> &'static str {
    match type_ {
        AttributeType::String => "string",
        AttributeType::Boolean => "boolean",
        AttributeType::Decimal => "decimal",
        AttributeType::Integer => "integer",
        AttributeType::DateTime => "dateTime",
        AttributeType::Binary => "binary",
        AttributeType::Reference => "reference",
        AttributeType::Complex => "complex",
    }
}

struct Value<'a>(&'a Operand);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operand::Null => f.write_str("null"),
            Operand::Boolean(value) => value.fmt(f),
            Operand::Number(number) => number.fmt(f),
            Operand::Text { text, key, .. } if text == key => Literal::from(text.as_str()).fmt(f),
            Operand::Text { text, key, .. } => write!(f, "{}, compared as {}", Literal::from(text.as_str()), Literal::from(key.as_str())),
            Operand::Instant(at) => at.fmt(f),
        }
    }
}

/// What a PATCH path stands for, one part a line.
pub(crate) fn path(path: &PatchPath, catalog: &Catalog, type_: &ResourceType, dialect: Dialect) -> Result<String, Failure> {
    let place = |path: &AttributePath| resolve_path(path, catalog, type_).map(|(path, _)| Place(&path).to_string());
    match path {
        PatchPath::Attribute(path) => Ok(format!("  {}\n", place(path)?)),
        PatchPath::Schema(uri) if type_.schema == *uri => Ok("  all attributes of the base schema\n".to_owned()),
        PatchPath::Schema(uri) => match type_.schema_extensions.iter().find(|extension| extension.schema == *uri) {
            Some(extension) => Ok(format!("  all attributes of the extension {}\n", extension.schema)),
            None => Err(ResolveError::UnknownAttribute { path: uri.to_string(), resource_type: type_.name.clone() }.into()),
        },
        PatchPath::ValuePath { value_path, sub_attribute } => {
            let (found, _) = resolve_path(&value_path.path, catalog, type_)?;
            if !found.is_multi_valued {
                return Err(Failure::FilterOnSingular { path: value_path.path.to_string() });
            }
            let filter = Filter::ValuePath(value_path.clone()).resolve(catalog, type_, dialect)?;
            let sub_attribute = match sub_attribute {
                Some(name) => {
                    let path = value_path.path.clone().with_sub_attribute(name.clone());
                    format!("  of each {}\n", place(&path)?)
                }
                None => String::new(),
            };
            Ok(format!("{}{sub_attribute}", Resolved(filter.root())))
        }
    }
}
