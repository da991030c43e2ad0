//! The SCIM filter and path language (RFC 7644 section 3.4.2.2 and figure 7).
//!
//! Text is parsed into a [`Filter`], an [`AttributePath`] or a [`PatchPath`]; each prints as the shortest text of the same meaning.
//! A filter is resolved against a [`Catalog`](scimkit_types::Catalog) once and then evaluated on many resources,
//! or translated by a store that walks the [`ResolvedFilter`].

mod ast;
mod error;
mod evaluate;
mod parse;
mod print;
mod resolve;

pub use ast::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, PatchPath, ValuePath};
pub use error::{ParseError, ParseErrorKind, ResolveError};
pub use parse::{Grammar, Limits, ParseOptions};
pub use resolve::{Node, Operand, ResolvedFilter, ResolvedPath, resolve_path};
