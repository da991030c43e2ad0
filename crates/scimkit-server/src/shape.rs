//! What a catalog says about the shape of a resource type: references, large references and derived attributes.

use scimkit_types::{Attribute, AttributeType, Catalog, Mutability, ResourceType};

/// The attributes of the base schema that are large multi-valued references to resources and that clients may write, such as `members`:
/// the same that `scimkit_patch::compile` makes changes of single members for.
pub(crate) fn member_attributes<'a>(catalog: &'a Catalog, resource_type: &ResourceType) -> impl Iterator<Item = &'a Attribute> {
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
pub(crate) fn groups_attribute<'a>(catalog: &'a Catalog, resource_type: &ResourceType) -> Option<&'a Attribute> {
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
