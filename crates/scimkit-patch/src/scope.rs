//! What an operation is read with: the schemas, the dialect, and the place at which it stands.

use std::fmt;

use scimkit_types::{Attribute, Catalog, Dialect, ResourceType, Schema, Tolerance};

use crate::apply::Journal;

/// What gives a PATCH request its meaning: the schemas, the type of the resource, and what is tolerated of the peer.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The schemas and resource types.
    pub catalog: &'a Catalog,
    /// The type of the resource.
    pub resource_type: &'a ResourceType,
    /// What is tolerated of the peer on the way in, and how it is spoken to on the way out.
    pub dialect: Dialect,
}

impl<'a> Context<'a> {
    /// A strict context.
    pub const fn new(catalog: &'a Catalog, resource_type: &'a ResourceType) -> Self {
        Self { catalog, resource_type, dialect: Dialect::STRICT }
    }

    /// This context with another dialect.
    #[must_use]
    pub const fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// An extension of the resource type, by its URI without case.
    pub(crate) fn extension(&self, uri: &str) -> Option<&'a Schema> {
        let extension = self.resource_type.schema_extensions.iter().find(|extension| extension.schema == *uri)?;
        self.catalog.schema(extension.schema.as_str())
    }

    /// The extensions of the resource type.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = &'a Schema> {
        let catalog = self.catalog;
        self.resource_type.schema_extensions.iter().filter_map(move |extension| catalog.schema(extension.schema.as_str()))
    }

    /// Whether every resource must carry the extension.
    pub(crate) fn is_required_extension(&self, schema: &Schema) -> bool {
        self.resource_type.schema_extensions.iter().any(|extension| extension.required && extension.schema == schema.id)
    }

    /// An attribute of the base schema or a common attribute; of the extension if there is one.
    pub(crate) fn attribute(&self, extension: Option<&Schema>, name: &str) -> Option<&'a Attribute> {
        self.catalog.attribute(self.resource_type, extension.map(|schema| schema.id.as_str()), name)
    }
}

/// One operation being read: where it stands in the request, and which tolerances have fired so far.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) operation: usize,
    pub(crate) tolerances: Vec<Tolerance>,
    /// Where changes of the list that is being worked on are noted; `None` if there is a copy of it.
    pub(crate) journal: Option<Journal<'a>>,
}

impl<'a> Scope<'a> {
    pub(crate) const fn new(context: Context<'a>) -> Self {
        Self { context, operation: 0, tolerances: Vec::new(), journal: None }
    }

    pub(crate) const fn allows(&self, tolerance: Tolerance) -> bool {
        self.context.dialect.allows(tolerance)
    }

    /// Whether the deviation is tolerated; notes that it occurred if it is.
    pub(crate) fn tolerate(&mut self, tolerance: Tolerance) -> bool {
        let is_allowed = self.allows(tolerance);
        if is_allowed && !self.tolerances.contains(&tolerance) {
            self.tolerances.push(tolerance);
        }
        is_allowed
    }
}

/// An attribute or sub-attribute, and where it is defined. `Display` is the path that a request would use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) extension: Option<&'a Schema>,
    pub(crate) attribute: &'a Attribute,
    pub(crate) sub_attribute: Option<&'a Attribute>,
}

impl<'a> Place<'a> {
    pub(crate) const fn new(extension: Option<&'a Schema>, attribute: &'a Attribute) -> Self {
        Self { extension, attribute, sub_attribute: None }
    }

    /// The definition of what the place ends at.
    pub(crate) const fn definition(self) -> &'a Attribute {
        match self.sub_attribute {
            Some(sub_attribute) => sub_attribute,
            None => self.attribute,
        }
    }

    pub(crate) const fn child(self, sub_attribute: &'a Attribute) -> Self {
        Self { sub_attribute: Some(sub_attribute), ..self }
    }

    pub(crate) const fn parent(self) -> Self {
        Self { sub_attribute: None, ..self }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(extension) = self.extension {
            write!(f, "{}:", extension.id)?;
        }
        f.write_str(self.attribute.name.as_str())?;
        match self.sub_attribute {
            Some(sub_attribute) => write!(f, ".{}", sub_attribute.name),
            None => Ok(()),
        }
    }
}
