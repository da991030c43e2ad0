//! Schemas and resource types that are made at run time.

use super::{Attribute, Mutability, ResourceType, Returned, Schema, SchemaExtension, SchemaUri, Uniqueness};

/// A definition is put together from its defaults:
///
/// ```
/// use scimkit_types::schema::USER;
/// use scimkit_types::{Attribute, AttributeType, Catalog, Mutability, ResourceType, Schema, Uniqueness};
///
/// let serial = Attribute::new("serial".parse()?, AttributeType::String)
///     .with_description("The number on the back.")
///     .required()
///     .case_exact()
///     .with_mutability(Mutability::Immutable)
///     .with_uniqueness(Uniqueness::Server);
/// let owner = Attribute::new("value".parse()?, AttributeType::String).required().case_exact();
/// let owners = Attribute::new("owners".parse()?, AttributeType::Complex).multi_valued().with_sub_attributes([owner]);
/// let device = Schema::new("urn:example:Device".parse()?, vec![serial, owners]).with_name("Device");
/// let site = Schema::new("urn:example:Site".parse()?, vec![Attribute::new("room".parse()?, AttributeType::String)]);
///
/// let devices = ResourceType::new("Device", "/Devices", device.id.clone()).with_extension(site.id.clone());
/// let mut schemas = Catalog::standard().schemas().to_vec();
/// schemas.extend([device, site]);
/// let mut resource_types = Catalog::standard().resource_types().to_vec();
/// resource_types.push(devices);
/// let catalog = Catalog::new(schemas, resource_types)?;
/// assert!(catalog.resource_type_at("/Devices").is_some() && catalog.schema(USER).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Attribute {
    /// Says what the attribute is, for people.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Makes it an attribute with a list of values.
    #[must_use]
    pub const fn multi_valued(mut self) -> Self {
        self.is_multi_valued = true;
        self
    }

    /// Makes a resource need a value.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Lets text compare with case.
    #[must_use]
    pub const fn case_exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    /// Suggests values.
    #[must_use]
    pub fn with_canonical_values<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.canonical_values = values.into_iter().map(Into::into).collect();
        self
    }

    /// Says when the attribute can be written.
    #[must_use]
    pub const fn with_mutability(mut self, mutability: Mutability) -> Self {
        self.mutability = mutability;
        self
    }

    /// Says when the attribute is part of a response.
    #[must_use]
    pub const fn with_returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    /// Says among which resources a value occurs once.
    #[must_use]
    pub const fn with_uniqueness(mut self, uniqueness: Uniqueness) -> Self {
        self.uniqueness = uniqueness;
        self
    }

    /// Says what a reference points at: names of resource types, `external` or `uri`.
    #[must_use]
    pub fn with_reference_types<V: Into<String>>(mut self, types: impl IntoIterator<Item = V>) -> Self {
        self.reference_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Gives a complex attribute its sub-attributes.
    #[must_use]
    pub fn with_sub_attributes(mut self, sub_attributes: impl IntoIterator<Item = Self>) -> Self {
        self.sub_attributes = sub_attributes.into_iter().collect();
        self
    }
}

impl Schema {
    /// Names the schema, for people.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Says what the schema is for, for people.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }
}

impl ResourceType {
    /// Says what the resources are, for people.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Lets resources carry an extension.
    #[must_use]
    pub fn with_extension(mut self, schema: SchemaUri) -> Self {
        self.schema_extensions.push(SchemaExtension::new(schema, false));
        self
    }

    /// Makes every resource carry an extension (R7643-6-06).
    #[must_use]
    pub fn with_required_extension(mut self, schema: SchemaUri) -> Self {
        self.schema_extensions.push(SchemaExtension::new(schema, true));
        self
    }
}
