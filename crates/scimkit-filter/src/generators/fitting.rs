//! Filters and paths that fit a resource type.

use proptest::prelude::*;
use scimkit_types::{Attribute, AttributeName, AttributeType, Catalog, Number, ResourceType, Returned, SchemaUri, Value, generators};

use super::grammar::{OPERATORS, combined};
use crate::ast::{AttributePath, CompareOperator, Filter, Literal, PatchPath, ValuePath};

/// An attribute of a resource type, with the URI of the schema that defines it unless that is the base schema.
#[derive(Clone, Debug)]
pub(super) struct Top {
    pub(super) extension: Option<SchemaUri>,
    pub(super) attribute: Attribute,
}

/// The attributes of the base schema, of the extensions, and `id` and `externalId`.
pub(super) fn tops(catalog: &Catalog, resource_type: &ResourceType) -> Vec<Top> {
    let mut tops: Vec<Top> = ["id", "externalId"]
        .iter()
        .filter_map(|name| Some(Top { extension: None, attribute: catalog.attribute(resource_type, None, name)?.clone() }))
        .collect();
    let base = catalog.schema(resource_type.schema.as_str()).map(|schema| (None, schema)).into_iter();
    let extensions = resource_type
        .schema_extensions
        .iter()
        .filter_map(|extension| Some((Some(extension.schema.clone()), catalog.schema(extension.schema.as_str())?)));
    for (extension, schema) in base.chain(extensions) {
        for attribute in &schema.attributes {
            if !tops.iter().any(|top| top.extension == extension && top.attribute.name == attribute.name) {
                tops.push(Top { extension: extension.clone(), attribute: attribute.clone() });
            }
        }
    }
    tops
}

/// The name as it is or in another case.
fn spelled(name: &AttributeName) -> BoxedStrategy<AttributeName> {
    let (name, upper) = (name.clone(), name.as_str().to_ascii_uppercase());
    prop::bool::weighted(0.2)
        .prop_map(move |is_upper| if is_upper { upper.parse().unwrap_or_else(|_| name.clone()) } else { name.clone() })
        .boxed()
}

/// The path of a top-level attribute. The URI of the base schema may be in front or not; that of an extension always is.
pub(super) fn path_of(top: &Top, resource_type: &ResourceType) -> BoxedStrategy<AttributePath> {
    let base = resource_type.schema.clone();
    let schema = match &top.extension {
        Some(uri) => Just(Some(uri.clone())).boxed(),
        None => prop::bool::weighted(0.2).prop_map(move |has_uri| has_uri.then(|| base.clone())).boxed(),
    };
    (schema, spelled(&top.attribute.name)).prop_map(|(schema, attribute)| AttributePath { schema, attribute, sub_attribute: None }).boxed()
}

fn one_of<T: std::fmt::Debug + 'static>(strategies: Vec<BoxedStrategy<T>>) -> BoxedStrategy<T> {
    proptest::strategy::Union::new(strategies).boxed()
}

/// The path of an attribute or sub-attribute of the resource type.
pub fn attribute_path(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<AttributePath> {
    let mut paths = Vec::new();
    for top in tops(catalog, resource_type) {
        paths.push(path_of(&top, resource_type));
        for sub in &top.attribute.sub_attributes {
            paths.push(with_sub_attribute(path_of(&top, resource_type), sub));
        }
    }
    one_of(paths)
}

fn with_sub_attribute(path: BoxedStrategy<AttributePath>, sub: &Attribute) -> BoxedStrategy<AttributePath> {
    (path, spelled(&sub.name)).prop_map(|(path, name)| path.with_sub_attribute(name)).boxed()
}

/// A filter that the resource type's attributes fit, so that it resolves strictly.
pub fn filter(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<Filter> {
    let mut leaves = Vec::new();
    for top in tops(catalog, resource_type).iter().filter(|top| top.attribute.returned != Returned::Never) {
        let path = || path_of(top, resource_type);
        leaves.push(path().prop_map(Filter::present).boxed());
        if top.attribute.type_ != AttributeType::Complex {
            leaves.push(comparison(path(), &top.attribute));
            continue;
        }
        let subs = || top.attribute.sub_attributes.iter().filter(|sub| sub.returned != Returned::Never);
        for sub in subs() {
            leaves.push(with_sub_attribute(path(), sub).prop_map(Filter::present).boxed());
            leaves.push(comparison(with_sub_attribute(path(), sub), sub));
        }
        // A complex attribute stands for its `value`.
        leaves.extend(subs().filter(|sub| sub.name == *"value").map(|sub| comparison(path(), sub)));
        if let Some(inner) = element_filter(&top.attribute) {
            leaves.push((path(), inner).prop_map(|(path, inner)| Filter::ValuePath(ValuePath::new(path, inner))).boxed());
        }
    }
    combined(one_of(leaves))
}

/// A filter on the elements of a complex attribute; `None` if no sub-attribute can be compared.
pub(super) fn element_filter(attribute: &Attribute) -> Option<BoxedStrategy<Filter>> {
    let mut leaves = Vec::new();
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.returned != Returned::Never) {
        let path = || spelled(&sub.name).prop_map(AttributePath::new).boxed();
        leaves.push(path().prop_map(Filter::present).boxed());
        leaves.push(comparison(path(), sub));
    }
    (!leaves.is_empty()).then(|| combined(one_of(leaves)))
}

/// A comparison of an attribute with one of its possible values, with part of one, or with null.
fn comparison(path: BoxedStrategy<AttributePath>, definition: &Attribute) -> BoxedStrategy<Filter> {
    use CompareOperator as C;
    let is_allowed = |operator: &C| match definition.type_ {
        AttributeType::String | AttributeType::Reference => true,
        AttributeType::Boolean | AttributeType::Binary | AttributeType::Complex => matches!(operator, C::Equal | C::NotEqual),
        AttributeType::Decimal | AttributeType::Integer | AttributeType::DateTime => {
            !matches!(operator, C::Contains | C::StartsWith | C::EndsWith)
        }
    };
    let operators: Vec<C> = OPERATORS.into_iter().filter(is_allowed).collect();
    let is_text = matches!(definition.type_, AttributeType::String | AttributeType::Reference);
    let value = prop_oneof![
        8 => generators::element(definition).prop_map(literal),
        1 => Just(Literal::Null),
        2 => if is_text { generators::text().prop_map(Literal::from).boxed() } else { generators::element(definition).prop_map(literal).boxed() },
    ];
    (path, prop::sample::select(operators), value)
        .prop_map(|(path, operator, value)| {
            let operator = if value == Literal::Null && operator != C::NotEqual { C::Equal } else { operator };
            Filter::compare(path, operator, value)
        })
        .boxed()
}

fn literal(value: Value) -> Literal {
    match value {
        Value::Boolean(value) => Literal::Boolean(value),
        Value::Number(number) => Literal::Number(number),
        Value::String(text) => Literal::from(text),
        Value::Null | Value::List(_) | Value::Complex(_) => Literal::Number(Number::from(0_i64)),
    }
}

/// A path of a PATCH operation that fits the resource type: an attribute, a sub-attribute, selected elements, or a schema.
pub fn patch_path(catalog: &Catalog, resource_type: &ResourceType) -> BoxedStrategy<PatchPath> {
    let mut paths = vec![Just(PatchPath::Schema(resource_type.schema.clone())).boxed()];
    paths.extend(resource_type.schema_extensions.iter().map(|extension| Just(PatchPath::Schema(extension.schema.clone())).boxed()));
    for top in tops(catalog, resource_type) {
        paths.extend(patch_paths_of(&top, resource_type).into_iter().map(|(path, _)| path));
    }
    one_of(paths)
}

/// The paths that lead to an attribute, its sub-attributes and its elements, each with the definition of its end; for elements that of
/// one element.
pub(super) fn patch_paths_of(top: &Top, resource_type: &ResourceType) -> Vec<(BoxedStrategy<PatchPath>, Attribute)> {
    let path = || path_of(top, resource_type);
    let mut paths = vec![(path().prop_map(PatchPath::Attribute).boxed(), top.attribute.clone())];
    for sub in &top.attribute.sub_attributes {
        paths.push((with_sub_attribute(path(), sub).prop_map(PatchPath::Attribute).boxed(), sub.clone()));
    }
    let inner = match top.attribute.type_ {
        AttributeType::Complex => element_filter(&top.attribute),
        _ if top.attribute.returned == Returned::Never => None,
        _ => "value".parse().ok().map(|value| comparison(Just(AttributePath::new(value)).boxed(), &top.attribute)),
    };
    if let (Some(inner), true) = (inner, top.attribute.is_multi_valued && top.attribute.returned != Returned::Never) {
        let value_path = (path(), inner).prop_map(|(path, inner)| ValuePath::new(path, inner)).boxed();
        let mut element = top.attribute.clone();
        element.is_multi_valued = false;
        let whole = value_path.clone().prop_map(|value_path| PatchPath::ValuePath { value_path, sub_attribute: None });
        paths.push((whole.boxed(), element));
        for sub in &top.attribute.sub_attributes {
            let selected = (value_path.clone(), spelled(&sub.name))
                .prop_map(|(value_path, name)| PatchPath::ValuePath { value_path, sub_attribute: Some(name) });
            paths.push((selected.boxed(), sub.clone()));
        }
    }
    paths
}
