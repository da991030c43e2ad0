//! A parsed filter or path as an indented tree.

use std::fmt::{self, Display};

use scimkit_filter::{AttributeExpression, Filter, PatchPath, ValuePath};

/// Shows a tree, one node a line.
pub(crate) struct Tree<'a>(pub(crate) &'a Filter);

/// Shows a path, one part a line.
pub(crate) struct PathTree<'a>(pub(crate) &'a PatchPath);

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        filter(f, self.0, 1)
    }
}

impl Display for PathTree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PatchPath::Attribute(path) => line(f, 1, format_args!("attribute {path}")),
            PatchPath::Schema(uri) => line(f, 1, format_args!("schema {uri}")),
            PatchPath::ValuePath { value_path: path, sub_attribute } => {
                value_path(f, path, 1)?;
                match sub_attribute {
                    Some(name) => line(f, 2, format_args!("sub-attribute {name}")),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Writes a line; `depth` counts steps of two blanks.
pub(crate) fn line(f: &mut fmt::Formatter<'_>, depth: usize, text: impl Display) -> fmt::Result {
    writeln!(f, "{:width$}{text}", "", width = 2 * depth)
}

// The depth of the recursion is that of the filter, which the parser limits.
fn filter(f: &mut fmt::Formatter<'_>, tree: &Filter, depth: usize) -> fmt::Result {
    match tree {
        Filter::And(parts) => {
            line(f, depth, "and")?;
            parts.iter().try_for_each(|part| filter(f, part, depth + 1))
        }
        Filter::Or(parts) => {
            line(f, depth, "or")?;
            parts.iter().try_for_each(|part| filter(f, part, depth + 1))
        }
        Filter::Not(inner) => {
            line(f, depth, "not")?;
            filter(f, inner, depth + 1)
        }
        Filter::Attribute(AttributeExpression::Present(path)) => line(f, depth, format_args!("present {path}")),
        Filter::Attribute(AttributeExpression::Compare { path, operator, value }) => {
            line(f, depth, format_args!("compare {path} {operator} {value}"))
        }
        Filter::ValuePath(path) => value_path(f, path, depth),
    }
}

fn value_path(f: &mut fmt::Formatter<'_>, path: &ValuePath, depth: usize) -> fmt::Result {
    line(f, depth, format_args!("elements of {}", path.path))?;
    filter(f, &path.value_filter, depth + 1)
}
