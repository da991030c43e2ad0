//! Attributes, schemas and catalogs.

use proptest::prelude::*;

use super::text::attribute_name;
use crate::schema::{Attribute, AttributeName, AttributeType, Catalog, Mutability, ResourceType, Returned, Schema, SchemaExtension};
use crate::schema::{SchemaUri, Uniqueness};

/// The name of the first resource type of every generated catalog.
pub const RESOURCE_TYPE: &str = "Thing";

/// The values that [`attribute`] takes canonical values from; no two are equal without case.
const CANONICAL: &[&str] = &["work", "home", "Straße", "İ"];

const SIMPLE: &[AttributeType] = &[
    AttributeType::String,
    AttributeType::Boolean,
    AttributeType::Decimal,
    AttributeType::Integer,
    AttributeType::DateTime,
    AttributeType::Binary,
    AttributeType::Reference,
];

/// The definition of an attribute with random characteristics: simple or complex, singular or multi-valued.
///
/// Half of the attributes are strings or complex. Sub-attributes are simple; those with the names of the defaults of RFC 7643 section 2.4
/// (`value`, `type`, `display`, `primary`, `$ref`) have the types that they have there, and `value` has any.
pub fn attribute() -> BoxedStrategy<Attribute> {
    let simple = (attribute_name(), simple_type()).prop_map(|(name, type_)| Attribute::new(name, type_));
    let simple = with_characteristics(simple.boxed(), 0.3);
    prop_oneof![3 => simple, 2 => complex()].boxed()
}

fn simple_type() -> impl Strategy<Value = AttributeType> {
    prop_oneof![1 => Just(AttributeType::String), 2 => prop::sample::select(SIMPLE)]
}

fn complex() -> BoxedStrategy<Attribute> {
    let extra = with_characteristics((attribute_name(), simple_type()).prop_map(|(name, type_)| Attribute::new(name, type_)).boxed(), 0.1);
    let defaults = prop::sample::subsequence(vec!["value", "type", "display", "primary", "$ref"], 0..=5);
    let defaults = (defaults, simple_type()).prop_flat_map(|(names, value_type)| {
        let strategies: Vec<_> = names.into_iter().filter_map(|name| Some(default_sub_attribute(name.parse().ok()?, value_type))).collect();
        strategies
    });
    let subs = (defaults, prop::collection::vec(extra, 0..4)).prop_map(|(mut subs, extra)| {
        subs.extend(extra);
        distinct(&mut subs);
        subs
    });
    let subs = subs.prop_filter("a complex attribute has sub-attributes", |subs| !subs.is_empty());
    let attribute = (attribute_name(), subs).prop_map(|(name, sub_attributes)| {
        let mut attribute = Attribute::new(name, AttributeType::Complex);
        attribute.sub_attributes = sub_attributes;
        attribute
    });
    with_characteristics(attribute.boxed(), 0.6)
}

fn default_sub_attribute(name: AttributeName, value_type: AttributeType) -> BoxedStrategy<Attribute> {
    let type_ = match name.as_str() {
        "value" => value_type,
        "primary" => AttributeType::Boolean,
        "$ref" => AttributeType::Reference,
        _ => AttributeType::String,
    };
    with_characteristics(Just(Attribute::new(name, type_)).boxed(), 0.0)
}

/// The attribute with random characteristics, multi-valued with this probability.
fn with_characteristics(attribute: BoxedStrategy<Attribute>, multi_valued: f64) -> BoxedStrategy<Attribute> {
    let mutability = prop_oneof![
        6 => Just(Mutability::ReadWrite),
        1 => Just(Mutability::ReadOnly),
        1 => Just(Mutability::Immutable),
        1 => Just(Mutability::WriteOnly),
    ];
    let returned = prop_oneof![
        6 => Just(Returned::Default),
        1 => Just(Returned::Always),
        1 => Just(Returned::Never),
        1 => Just(Returned::Request),
    ];
    let uniqueness = prop_oneof![4 => Just(Uniqueness::None), 1 => Just(Uniqueness::Server), 1 => Just(Uniqueness::Global)];
    let canonical = prop::option::weighted(0.3, prop::sample::subsequence(CANONICAL, 1..=CANONICAL.len()));
    let targets = prop::sample::select(vec![vec!["external"], vec!["uri"], vec!["User", "Group"], vec![RESOURCE_TYPE]]);
    let rest = (prop::bool::weighted(multi_valued), prop::bool::weighted(0.2), any::<bool>(), mutability, returned);
    (attribute, rest, uniqueness, canonical, targets)
        .prop_map(|(mut attribute, (is_multi_valued, is_required, case_exact, mutability, returned), uniqueness, canonical, targets)| {
            attribute.is_multi_valued = is_multi_valued;
            attribute.is_required = is_required;
            attribute.mutability = mutability;
            attribute.returned = if mutability == Mutability::WriteOnly { Returned::Never } else { returned };
            match attribute.type_ {
                AttributeType::String => {
                    attribute.case_exact = case_exact;
                    attribute.canonical_values = canonical.unwrap_or_default().into_iter().map(str::to_owned).collect();
                }
                AttributeType::Reference => attribute.reference_types = targets.into_iter().map(str::to_owned).collect(),
                _ => {}
            }
            if !matches!(attribute.type_, AttributeType::Complex | AttributeType::Boolean | AttributeType::Binary) && !is_multi_valued {
                attribute.uniqueness = uniqueness;
            }
            attribute
        })
        .boxed()
}

/// Leaves out attributes whose name another one has.
fn distinct(attributes: &mut Vec<Attribute>) {
    let mut known: Vec<AttributeName> = Vec::new();
    attributes.retain(|attribute| {
        let is_new = !known.contains(&attribute.name);
        known.push(attribute.name.clone());
        is_new
    });
}

fn attributes(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Attribute>> {
    prop::collection::vec(attribute(), count).prop_map(|mut attributes| {
        attributes.retain(|attribute| !["schemas", "id", "externalId", "meta"].iter().any(|common| attribute.name == **common));
        distinct(&mut attributes);
        attributes
    })
}

/// A catalog with one resource type called [`RESOURCE_TYPE`], or another one besides: each with a base schema and 0 to 2 extensions,
/// required or not. The URI of one extension starts with the URI of the base schema.
pub fn catalog() -> BoxedStrategy<Catalog> {
    let first = described(RESOURCE_TYPE, "/Things", ["urn:example:Thing", "urn:example:Thing:2.0:Extra", "https://schemas.example/thing"]);
    let second = described("Part", "/Parts", ["urn:example:core:1.0:Part", "urn:example:Übrig", "urn:ietf:params:scim:schemas:x:Part"]);
    (first, prop::option::weighted(0.2, second))
        .prop_filter_map("a catalog", |((mut schemas, first), second)| {
            let mut resource_types = vec![first];
            if let Some((more, second)) = second {
                schemas.extend(more);
                resource_types.push(second);
            }
            Catalog::new(schemas, resource_types).ok()
        })
        .boxed()
}

fn described(name: &'static str, endpoint: &'static str, uris: [&'static str; 3]) -> impl Strategy<Value = (Vec<Schema>, ResourceType)> {
    let extensions = prop::collection::vec((attributes(1..4), prop::bool::weighted(0.2)), 0..=2);
    (attributes(1..7), extensions).prop_filter_map("URIs", move |(base, extensions)| {
        let [base_uri, rest @ ..] = uris;
        let base_uri: SchemaUri = base_uri.parse().ok()?;
        let mut resource_type = ResourceType::new(name, endpoint, base_uri.clone());
        let mut schemas = vec![Schema::new(base_uri, base)];
        for ((mut attributes, is_required), uri) in extensions.into_iter().zip(rest) {
            let uri: SchemaUri = uri.parse().ok()?;
            // A resource cannot be without values in a required extension, so there must be one that a client can write.
            let writable = attributes.iter_mut().find(|attribute| super::value::is_writable(attribute)).filter(|_| is_required);
            let is_required = writable.map(|attribute| attribute.is_required = true).is_some();
            resource_type.schema_extensions.push(SchemaExtension::new(uri.clone(), is_required));
            schemas.push(Schema::new(uri, attributes));
        }
        Some((schemas, resource_type))
    })
}
