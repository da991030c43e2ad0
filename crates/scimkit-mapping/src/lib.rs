//! Attribute mappings with an expression language and scoping filters: from a source record to the desired SCIM attributes.
//!
//! A [`SynchronizationSchema`] is read from Microsoft Graph's JSON, or an [`ObjectMapping`] is made in code. Compiled against a target's
//! schemas it becomes a [`MappingSet`], which says whether a [`SourceRecord`] is in scope and what the target should have for it.
//! Everything is a pure function of values: no clock is read and nothing is sent.
//!
//! ```
//! use scimkit_mapping::{Environment, MappingSet, Operation, SourceRecord, SynchronizationSchema};
//! use scimkit_types::Catalog;
//!
//! let schema = SynchronizationSchema::from_json(r#"{"synchronizationRules": [{"objectMappings": [{
//!     "sourceObjectName": "User",
//!     "targetObjectName": "urn:ietf:params:scim:schemas:core:2.0:User",
//!     "attributeMappings": [
//!         {"targetAttributeName": "userName", "matchingPriority": 1, "source": {"expression": "[userPrincipalName]"}},
//!         {"targetAttributeName": "name.formatted", "source": {"expression": "Join(\" \", [givenName], [surname])"}}
//!     ]
//! }]}]}"#)?;
//! let mapping = schema.object_mappings().next().ok_or("no mapping")?;
//! let catalog = Catalog::standard();
//! let user = catalog.resource_type("User").ok_or("no such resource type")?;
//! let set = MappingSet::compile(mapping, &catalog, user).map_err(|faults| faults[0].to_string())?;
//!
//! let mut record = SourceRecord::new("7", "User");
//! record.attributes.insert("userPrincipalName", "kari@example.com");
//! record.attributes.insert("givenName", "Kari");
//! let desired = set.evaluate(&record, &Environment::new("2026-03-01T08:00:00Z".parse()?), Operation::Create)?;
//! assert_eq!(desired.matching, [(0, "kari@example.com".to_owned())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`SourceRecord`], [`Environment`] | what goes in |
//! | [`SynchronizationSchema`], [`ObjectMapping`], [`AttributeMapping`] | mappings as a document of Microsoft Graph, read and written without loss |
//! | [`MappingFile`] | mappings in our own short form |
//! | [`Expression`], [`parse_expression`] | one expression, on its own |
//! | [`MappingSet`] | mappings that are ready: [`check`](MappingSet::check), [`scope`](MappingSet::scope), [`evaluate`](MappingSet::evaluate), [`trace`](MappingSet::trace) |
//! | [`Desired`] | what comes out; [`MappingSet::expected`] says what of it flows to an object that exists |
//! | [`RoleFunction`] | how the roles of an object stand in requests |
//!
//! All that is wrong with a document is found at once, with path and line, by [`SynchronizationSchema::check`] and [`MappingFile::check`].
//!
//! | feature | what it adds |
//! |---|---|
//! | `fancy-regex` | `BacktrackingEngine`, an engine for look-around and back-references that a caller can pass in by [`ExpressionOptions`] |
//! | `toml` | `MappingFile::from_toml` and `MappingFile::to_toml` |
//!
//! Without an engine that is passed in, regular expressions run on a linear one: look-around and back-references are faults, in scoping
//! filters always. Values are not fetched, sent or stored, and who is assigned to an application is for the caller to say.

mod environment;
mod expression;
mod fault;
mod file;
mod functions;
mod pattern;
mod record;
mod request;
mod role;
pub mod schema;
mod scope;
mod set;
mod target;
mod values;

pub use environment::{AppRole, Entropy, Environment, EvaluationLimits, Operation, SeededEntropy, TakenValues};
pub use expression::{
    Evaluation, EvaluationError, EvaluationErrorKind, Expression, ExpressionError, ExpressionErrorKind, ExpressionOptions, Step,
};
pub use fault::Fault;
pub use file::{MappedObject, MappingFile, ShortFormError};
#[cfg(feature = "fancy-regex")]
pub use pattern::BacktrackingEngine;
pub use pattern::{CompiledPattern, Groups, PatternEngine, PatternFault, PatternLimit};
pub use record::{SourceRecord, graph_name};
pub use request::{ParseExpressionFault, ParseExpressionRequest, ParseExpressionResponse, TestInput, TestProperty, parse_expression};
pub use role::{RoleForm, RoleFunction};
pub use schema::{
    AttributeDefinition, AttributeMapping, FlowType, FormatError, NullPolicy, ObjectFlow, ObjectMapping, SynchronizationSchema,
};
pub use scope::{ClauseReport, GroupReport, ScopeDecision, ScopeReport};
pub use set::{Desired, DesiredReference, MappingSet, MatchingAttribute, ResultType, Trace, TraceOutcome, ValueKind};
