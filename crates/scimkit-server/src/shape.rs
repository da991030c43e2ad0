//! What a catalog says about the shape of a resource type: references, large references and derived attributes.

use std::collections::HashMap;

use scimkit_types::{
    Attribute, AttributeName, AttributeType, Catalog, ComplexValue, Mutability, Projection, Resource, ResourceType, Returned, Schema,
    Uniqueness, Value,
};

/// What every request to a resource type asks of its schemas, told once.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// The names of the [`member_attributes`].
    pub(crate) members: Vec<String>,
    /// The name of the [`groups_attribute`].
    pub(crate) groups: Option<AttributeName>,
    /// The attributes that can hold values that must occur once.
    pub(crate) unique: Vec<SchemaAttribute>,
    /// The attributes that have a `$ref` to resources.
    pub(crate) references: Vec<SchemaAttribute>,
    /// The attributes that can be written and not read.
    pub(crate) secrets: Vec<SchemaAttribute>,
    /// What is answered to a request that chooses no attributes.
    pub(crate) usual: Projection,
    /// What is shown of a resource that is not answered.
    pub(crate) least: Projection,
    /// Whether an answer can depend on what its request wrote (R7643-7-12).
    pub(crate) has_returned_on_request: bool,
}

/// An attribute, and where it stands.
#[derive(Debug)]
pub(crate) struct SchemaAttribute {
    /// The URI of an extension; `None` for the base schema.
    pub(crate) extension: Option<String>,
    pub(crate) attribute: Attribute,
}

impl SchemaAttribute {
    /// The part of a resource that holds it.
    pub(crate) fn holder<'r>(&self, resource: &'r Resource) -> Option<&'r ComplexValue> {
        match &self.extension {
            None => Some(resource.as_complex()),
            Some(uri) => resource.extension(uri),
        }
    }

    /// Its value in a resource.
    pub(crate) fn find<'r>(&self, resource: &'r Resource) -> Option<&'r Value> {
        self.holder(resource)?.get(self.attribute.name.as_str())
    }

    /// Its value in a resource.
    pub(crate) fn find_mut<'r>(&self, resource: &'r mut Resource) -> Option<&'r mut Value> {
        let members = match &self.extension {
            None => resource.as_complex_mut(),
            Some(uri) => resource.get_mut(uri)?.as_complex_mut()?,
        };
        members.get_mut(self.attribute.name.as_str())
    }
}

/// The shapes of all resource types.
#[derive(Debug)]
pub(crate) struct Shapes {
    by_name: HashMap<String, Shape>,
    /// That of a type without attributes.
    empty: Shape,
}

impl Shape {
    fn new(catalog: &Catalog, resource_type: &ResourceType) -> Self {
        let extensions = resource_type.schema_extensions.iter().map(|extension| extension.schema.as_str());
        let schemas = std::iter::once(resource_type.schema.as_str()).chain(extensions).filter_map(|uri| catalog.schema(uri));
        let schemas: Vec<&Schema> = schemas.collect();
        let extension = |schema: &Schema| Some(schema.id.to_string()).filter(|_| schema.id != resource_type.schema);
        let chosen = |is_chosen: &dyn Fn(&Attribute) -> bool| -> Vec<SchemaAttribute> {
            let attributes = schemas.iter().flat_map(|schema| schema.attributes.iter().map(move |attribute| (*schema, attribute)));
            let chosen = attributes.filter(|(_, attribute)| is_chosen(attribute));
            chosen.map(|(schema, attribute)| SchemaAttribute { extension: extension(schema), attribute: attribute.clone() }).collect()
        };
        let is_on_request = |attribute: &Attribute| attribute.returned == Returned::Request;
        let mut attributes = schemas.iter().flat_map(|schema| &schema.attributes);
        Self {
            members: member_attributes(catalog, resource_type).map(|attribute| attribute.name.to_string()).collect(),
            groups: groups_attribute(catalog, resource_type).map(|attribute| attribute.name.clone()),
            unique: chosen(&has_unique),
            references: chosen(&|attribute| !referenced_types(catalog, attribute).is_empty()),
            secrets: chosen(&|attribute| attribute.mutability == Mutability::WriteOnly),
            // Only names that are chosen can be at fault.
            usual: Projection::new(catalog, resource_type, &[], &[]).unwrap_or_default(),
            least: Projection::new(catalog, resource_type, &["id".to_owned()], &[]).unwrap_or_default(),
            has_returned_on_request: attributes
                .any(|attribute| is_on_request(attribute) || attribute.sub_attributes.iter().any(is_on_request)),
        }
    }
}

impl Shapes {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let shapes = catalog.resource_types().iter().map(|resource_type| (resource_type.name.clone(), Shape::new(catalog, resource_type)));
        Self { by_name: shapes.collect(), empty: Shape::default() }
    }

    /// The shape of a resource type of the catalog.
    pub(crate) fn of(&self, resource_type: &ResourceType) -> &Shape {
        self.by_name.get(&resource_type.name).unwrap_or(&self.empty)
    }
}

/// Whether an attribute or a part of it must occur once. A catalog bounds how deep attributes nest.
pub(crate) fn has_unique(attribute: &Attribute) -> bool {
    attribute.uniqueness != Uniqueness::None || attribute.sub_attributes.iter().any(has_unique)
}

/// The attributes of the base schema that are large multi-valued references to resources and that clients may write, such as `members`:
/// the same that `scimkit_patch::compile` makes changes of single members for.
fn member_attributes<'a>(catalog: &'a Catalog, resource_type: &ResourceType) -> impl Iterator<Item = &'a Attribute> {
    let base = catalog.schema(resource_type.schema.as_str()).map(|schema| schema.attributes.as_slice()).unwrap_or_default();
    let refers = |types: &[String]| types.iter().any(|name| !name.eq_ignore_ascii_case("external") && !name.eq_ignore_ascii_case("uri"));
    base.iter().filter(move |attribute| {
        attribute.is_multi_valued
            && attribute.mutability == Mutability::ReadWrite
            && attribute.sub_attribute("value").is_some()
            && attribute.sub_attribute("$ref").is_some_and(|reference| refers(&reference.reference_types))
    })
}

/// The attribute that lists the groups of a resource (R7643-4.1.2-07): derived from memberships, never written.
fn groups_attribute<'a>(catalog: &'a Catalog, resource_type: &ResourceType) -> Option<&'a Attribute> {
    let attribute = catalog.schema(resource_type.schema.as_str())?.attribute("groups")?;
    let is_derived = attribute.mutability == Mutability::ReadOnly && attribute.is_multi_valued && attribute.type_ == AttributeType::Complex;
    is_derived.then_some(attribute)
}

/// The resource types that an attribute's `$ref` can point at; none if it has no such sub-attribute.
pub(crate) fn referenced_types<'a>(catalog: &'a Catalog, attribute: &Attribute) -> Vec<&'a ResourceType> {
    let reference = attribute.sub_attribute("$ref").filter(|reference| reference.type_ == AttributeType::Reference);
    let names = reference.map(|reference| reference.reference_types.as_slice()).unwrap_or_default();
    names.iter().filter_map(|name| catalog.resource_type(name)).collect()
}
