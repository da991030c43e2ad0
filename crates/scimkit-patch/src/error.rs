//! Why a request cannot be applied, and why two resources cannot be led into each other.

use scimkit_filter::{ParseError, ResolveError};
use scimkit_types::ScimType;

/// Why a PATCH request cannot be applied. The resource is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The request has no operation (R7644-3.5.2-03).
    #[error("expected at least one operation, found none")]
    NoOperations,
    /// The request has too many operations.
    #[error("expected at most {limit} operations, found {found}")]
    TooManyOperations {
        /// The number of operations.
        found: usize,
        /// The most that are accepted.
        limit: usize,
    },
    /// A path cannot be read.
    #[error("operation {operation} has the path `{path}`, which cannot be read")]
    Path {
        /// The index of the operation.
        operation: usize,
        /// The path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: Box<ParseError>,
    },
    /// The filter inside a path cannot be read (AMB-12).
    #[error("operation {operation} has the path `{path}`, whose filter cannot be read")]
    Filter {
        /// The index of the operation.
        operation: usize,
        /// The path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: Box<ParseError>,
    },
    /// The filter inside a path compares what cannot be compared so.
    #[error("operation {operation} has the path `{path}`, whose filter does not fit the attribute")]
    FilterType {
        /// The index of the operation.
        operation: usize,
        /// The path.
        path: String,
        /// What does not fit.
        #[source]
        source: Box<ResolveError>,
    },
    /// A path names an attribute that the resource type does not have.
    #[error("operation {operation} has the path `{path}`, which is not an attribute of `{resource_type}`")]
    UnknownAttribute {
        /// The index of the operation.
        operation: usize,
        /// The path.
        path: String,
        /// The name of the resource type.
        resource_type: String,
    },
    /// A path has a filter and its attribute has one value only.
    #[error("operation {operation} has a filter on `{path}`, which is not multi-valued")]
    FilterOnSingular {
        /// The index of the operation.
        operation: usize,
        /// The attribute.
        path: String,
    },
    /// A name in a value is a path, which the standard does not provide for (AMB-29).
    #[error("operation {operation} has `{name}` in its value, expected the name of an attribute or extension")]
    PathAsName {
        /// The index of the operation.
        operation: usize,
        /// The name.
        name: String,
    },
    /// A value has an attribute that the schemas do not know.
    #[error("operation {operation} has `{name}` in its value, which is not a known attribute")]
    UnknownName {
        /// The index of the operation.
        operation: usize,
        /// The name.
        name: String,
    },
    /// `remove` has no path (R7644-3.5.2.2-01).
    #[error("operation {operation} removes, which needs a path")]
    MissingPath {
        /// The index of the operation.
        operation: usize,
    },
    /// The path selects nothing (R7644-3.5.2.3-07).
    #[error("operation {operation} selects no value of `{path}`")]
    NoMatch {
        /// The index of the operation.
        operation: usize,
        /// The attribute.
        path: String,
    },
    /// `add` or `replace` has no value (AMB-13).
    #[error("operation {operation} has no value")]
    MissingValue {
        /// The index of the operation.
        operation: usize,
    },
    /// `remove` has a value (AMB-28).
    #[error("operation {operation} removes and has a value, expected a filter in the path")]
    UnexpectedValue {
        /// The index of the operation.
        operation: usize,
    },
    /// An operation without path, or on a whole extension, has a value that is not an object.
    #[error("operation {operation} needs an object of attributes as its value, found {found}")]
    NotAnObject {
        /// The index of the operation.
        operation: usize,
        /// The kind of value.
        found: &'static str,
    },
    /// A value is not of the attribute's type.
    #[error("operation {operation} sets `{path}`, expected {expected}, found {found}")]
    Type {
        /// The index of the operation.
        operation: usize,
        /// The attribute.
        path: String,
        /// The kind of value that the attribute has.
        expected: &'static str,
        /// The kind of value that was found.
        found: &'static str,
    },
    /// `schemas` names a schema that the resource type does not have.
    #[error("operation {operation} adds a schema that `{resource_type}` does not have")]
    UnknownSchema {
        /// The index of the operation.
        operation: usize,
        /// The name of the resource type.
        resource_type: String,
    },
    /// Several values of one attribute would be primary (AMB-04).
    #[error("operation {operation} makes several values of `{path}` primary, expected at most one")]
    SeveralPrimaries {
        /// The index of the operation.
        operation: usize,
        /// The attribute.
        path: String,
    },
    /// The attribute is written by the service provider only.
    #[error("operation {operation} changes `{path}`, which is read-only")]
    ReadOnly {
        /// The index of the operation.
        operation: usize,
        /// The attribute.
        path: String,
    },
    /// The attribute has a value and can be set only once.
    #[error("operation {operation} changes `{path}`, which is immutable and has a value")]
    Immutable {
        /// The index of the operation.
        operation: usize,
        /// The attribute.
        path: String,
    },
    /// The attribute or extension must have a value.
    #[error("operation {operation} removes `{path}`, which is required")]
    Required {
        /// The index of the operation.
        operation: usize,
        /// The attribute, or the URI of the extension.
        path: String,
    },
}

impl PatchError {
    /// The keyword for the answer (RFC 7644 table 9).
    pub const fn scim_type(&self) -> ScimType {
        match self {
            Self::NoOperations | Self::UnexpectedValue { .. } | Self::NotAnObject { .. } => ScimType::InvalidSyntax,
            Self::TooManyOperations { .. } => ScimType::TooMany,
            Self::Path { .. } | Self::UnknownAttribute { .. } | Self::FilterOnSingular { .. } | Self::PathAsName { .. } => {
                ScimType::InvalidPath
            }
            Self::Filter { .. } | Self::FilterType { .. } => ScimType::InvalidFilter,
            Self::MissingPath { .. } | Self::NoMatch { .. } => ScimType::NoTarget,
            Self::UnknownName { .. }
            | Self::MissingValue { .. }
            | Self::Type { .. }
            | Self::UnknownSchema { .. }
            | Self::SeveralPrimaries { .. } => ScimType::InvalidValue,
            Self::ReadOnly { .. } | Self::Immutable { .. } | Self::Required { .. } => ScimType::Mutability,
        }
    }

    /// The index of the operation at fault; `None` if the request as a whole is.
    pub const fn operation(&self) -> Option<usize> {
        match self {
            Self::NoOperations | Self::TooManyOperations { .. } => None,
            Self::Path { operation, .. }
            | Self::Filter { operation, .. }
            | Self::FilterType { operation, .. }
            | Self::UnknownAttribute { operation, .. }
            | Self::FilterOnSingular { operation, .. }
            | Self::PathAsName { operation, .. }
            | Self::UnknownName { operation, .. }
            | Self::MissingPath { operation }
            | Self::NoMatch { operation, .. }
            | Self::MissingValue { operation }
            | Self::UnexpectedValue { operation }
            | Self::NotAnObject { operation, .. }
            | Self::Type { operation, .. }
            | Self::UnknownSchema { operation, .. }
            | Self::SeveralPrimaries { operation, .. }
            | Self::ReadOnly { operation, .. }
            | Self::Immutable { operation, .. }
            | Self::Required { operation, .. } => Some(*operation),
        }
    }
}

/// Why no operations lead from one resource to another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// An attribute that only the service provider writes is wanted with another value.
    #[error("`{path}` differs and is read-only")]
    ReadOnly {
        /// The attribute.
        path: String,
    },
    /// An attribute that can be set only once has a value and is wanted with another or none.
    #[error("`{path}` differs, is immutable and has a value")]
    Immutable {
        /// The attribute.
        path: String,
    },
    /// An attribute that must have a value is wanted without.
    #[error("`{path}` is required and has no value in the desired resource")]
    Required {
        /// The attribute.
        path: String,
    },
    /// The desired resource has an attribute that the schemas do not know.
    #[error("`{path}` is not a known attribute")]
    UnknownAttribute {
        /// The attribute.
        path: String,
    },
    /// The desired resource has a value that is not one of the attribute.
    #[error("`{path}` has a value in the desired resource that it cannot have")]
    Value {
        /// The attribute.
        path: String,
        /// What is wrong with it.
        #[source]
        source: Box<PatchError>,
    },
    /// The difference cannot be expressed within the options: an element can neither be addressed by a filter nor the list replaced.
    #[error("the difference of `{path}` cannot be expressed by operations within the options")]
    NotExpressible {
        /// The attribute.
        path: String,
    },
}
