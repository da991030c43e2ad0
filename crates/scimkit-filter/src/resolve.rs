//! A filter made ready for one resource type: attributes found, operators checked, values typed.

use scimkit_types::{Attribute, AttributeName, AttributeType, Catalog, Dialect, Number, ResourceType, SchemaUri, Timestamp};

use crate::ast::{AttributePath, CompareOperator, Filter};
use crate::error::ResolveError;

/// A filter that fits a resource type and can be evaluated without looking anything up.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedFilter {
    pub(crate) root: Node,
}

impl ResolvedFilter {
    /// The tree, for stores that translate it.
    pub const fn root(&self) -> &Node {
        &self.root
    }
}

/// One node of a resolved filter. The tree is as deep as the filter was, so a walk may recurse.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store that translates must know every kind")]
pub enum Node {
    /// All of these hold.
    And(Vec<Self>),
    /// At least one of these holds.
    Or(Vec<Self>),
    /// This does not hold; two-valued, so it holds whenever the inner one is false.
    Not(Box<Self>),
    /// The attribute has a value: not null, not empty text, not an empty list or complex value.
    Present(ResolvedPath),
    /// Some value of the attribute compares so. `Equal` with [`Operand::Null`] holds if there is no value, `NotEqual` if there is one;
    /// `NotEqual` with another operand holds if any value differs or there is none (AMB-07).
    Compare {
        /// The attribute.
        path: ResolvedPath,
        /// How it compares.
        operator: CompareOperator,
        /// With what.
        operand: Operand,
    },
    /// Some element of a complex multi-valued attribute (or the one value of a complex attribute) meets a filter whose paths are
    /// relative to the element: their `attribute` is the sub-attribute, their `extension` and `sub_attribute` are `None`.
    Element {
        /// The attribute, without sub-attribute.
        path: ResolvedPath,
        /// What the element must meet.
        filter: Box<Self>,
    },
    /// Always or never, such as for an attribute that a lenient dialect takes as one without value.
    Constant(bool),
}

/// An attribute of a resource type, found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolvedPath {
    /// The extension that the attribute belongs to; `None` for the base schema and the common attributes.
    pub extension: Option<SchemaUri>,
    /// The attribute in its canonical spelling.
    pub attribute: AttributeName,
    /// The sub-attribute in its canonical spelling; the implied `value` is filled in.
    pub sub_attribute: Option<AttributeName>,
    /// The type of what the path ends at.
    pub type_: AttributeType,
    /// Whether text compares with case.
    pub case_exact: bool,
    /// Whether the top-level attribute has a list of values.
    pub is_multi_valued: bool,
}

/// The value that an attribute compares with, in the attribute's type.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store that translates must know every kind")]
pub enum Operand {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// Text, with the key under which it compares (see `scimkit_types::compare::text_key`).
    Text {
        /// As it was given.
        text: String,
        /// The comparison key.
        key: String,
    },
    /// A dateTime.
    Instant(Timestamp),
}

impl Filter {
    /// Makes the filter ready for a resource type.
    ///
    /// # Errors
    /// [`ResolveError`] if an attribute is unknown or cannot be compared so.
    pub fn resolve(&self, catalog: &Catalog, resource_type: &ResourceType, dialect: Dialect) -> Result<ResolvedFilter, ResolveError> {
        todo!("{catalog:?} {resource_type:?} {dialect:?}")
    }
}

/// Finds the attribute that a path names, and its definition.
///
/// # Errors
/// [`ResolveError::UnknownAttribute`].
pub fn resolve_path<'a>(
    path: &AttributePath,
    catalog: &'a Catalog,
    resource_type: &'a ResourceType,
) -> Result<(ResolvedPath, &'a Attribute), ResolveError> {
    todo!("{path:?} {catalog:?} {resource_type:?}")
}
