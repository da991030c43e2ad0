//! The SCIM filter and path language (RFC 7644 section 3.4.2.2 and figure 7).
//!
//! Text is parsed into a [`Filter`], an [`AttributePath`] or a [`PatchPath`]; each prints as the shortest text of the same meaning.
//! A filter is resolved against a [`Catalog`](scimkit_types::Catalog) once and then evaluated on many resources,
//! or translated by a store that folds the [`ResolvedFilter`].
//!
//! ```
//! use scimkit_filter::Filter;
//! use scimkit_types::{Catalog, Dialect, Resource};
//!
//! let catalog = Catalog::standard();
//! let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
//! let filter = Filter::parse(r#"active eq true and emails[type eq "work" and value ew "@example.com"]"#)?;
//! let resolved = filter.resolve(&catalog, user_type, Dialect::STRICT)?;
//!
//! let user: Resource = serde_json::from_str(
//!     r#"{"userName": "åsa", "active": true, "emails": [{"type": "Work", "value": "asa@example.com"}]}"#,
//! )?;
//! assert!(resolved.matches(&user));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - Text to tree: [`ParseOptions`] choose what is tolerated, the [`Limits`] and the schemas whose URIs are known; a [`ParseError`] points at
//!   the place and says what was expected there.
//! - Tree: [`Filter`], [`AttributeExpression`], [`ValuePath`], [`Literal`]. Trees that code builds print with all escapes in place.
//! - Meaning: [`Filter::resolve`] finds the attributes, checks operators against types and types the values; [`Node`] is what an evaluator
//!   or a translator to SQL needs to know, and nothing else; a [`Fold`] makes something else of it, from its leaves up.
//!
//! Parsing takes linear time, bounded memory and a bounded stack. There is no I/O.
//!
//! | feature | purpose |
//! |---|---|
//! | `generators` | random filters, paths and PATCH requests for property tests; not part of the stable API |

mod ast;
mod error;
mod evaluate;
mod fold;
#[cfg(feature = "generators")]
pub mod generators;
mod parse;
mod print;
mod resolve;
mod search;
mod text;

pub use ast::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, PatchPath, Text, ValuePath};
pub use error::{ParseError, ParseErrorKind, ResolveError};
pub use fold::Fold;
pub use parse::{Limits, ParseOptions};
pub use resolve::{Node, Operand, ResolvedFilter, ResolvedPath, resolve_path};
pub use search::Borders;
