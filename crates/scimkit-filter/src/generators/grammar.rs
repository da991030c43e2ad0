//! Whatever the grammar can express, whether or not it fits any schema.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::SBoxedStrategy;
use scimkit_types::generators::{attribute_name, text};
use scimkit_types::{Number, SchemaUri, schema};

use crate::ast::{AttributePath, CompareOperator, Filter, Literal, PatchPath, ValuePath};

fn schema_uri() -> BoxedStrategy<SchemaUri> {
    static URI: LazyLock<SBoxedStrategy<SchemaUri>> = LazyLock::new(|| {
        let known = prop::sample::select(vec![schema::USER, schema::ENTERPRISE_USER]).prop_map(str::to_owned);
        prop_oneof![known, "urn:[a-z]{1,6}:[a-zA-Z0-9.]{1,6}[a-z]", "https://[a-z]{1,5}\\.example/[a-z0-9=&,;%å]{1,8}"]
            .prop_filter_map("a URI", |uri| uri.parse().ok())
            .sboxed()
    });
    URI.clone().boxed()
}

/// Any path of an attribute, with or without schema and sub-attribute.
pub fn any_attribute_path() -> BoxedStrategy<AttributePath> {
    (prop::option::weighted(0.2, schema_uri()), attribute_name(), prop::option::weighted(0.3, attribute_name()))
        .prop_map(|(schema, attribute, sub_attribute)| AttributePath { schema, attribute, sub_attribute })
        .boxed()
}

pub(super) const OPERATORS: [CompareOperator; 9] = [
    CompareOperator::Equal,
    CompareOperator::NotEqual,
    CompareOperator::Contains,
    CompareOperator::StartsWith,
    CompareOperator::EndsWith,
    CompareOperator::GreaterThan,
    CompareOperator::GreaterOrEqual,
    CompareOperator::LessThan,
    CompareOperator::LessOrEqual,
];

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        1 => Just(Literal::Null),
        1 => any::<bool>().prop_map(Literal::Boolean),
        1 => any::<i64>().prop_map(|number| Literal::Number(Number::from(number))),
        1 => any::<u64>().prop_map(|number| Literal::Number(Number::from(number))),
        1 => any::<f64>().prop_filter_map("a number", Number::from_f64).prop_map(Literal::Number),
        1 => any::<String>().prop_map(Literal::from),
        2 => text().prop_map(Literal::from),
    ]
}

fn expression() -> impl Strategy<Value = Filter> {
    prop_oneof![
        any_attribute_path().prop_map(Filter::present),
        (any_attribute_path(), prop::sample::select(OPERATORS.as_slice()), literal())
            .prop_map(|(path, operator, value)| Filter::compare(path, operator, value)),
    ]
}

/// Conjunctions, disjunctions and negations of these filters, a few levels deep.
pub(super) fn combined(leaf: impl Strategy<Value = Filter> + 'static) -> BoxedStrategy<Filter> {
    let leaf = leaf.prop_recursive(6, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_filter_map("parts", Filter::and),
            prop::collection::vec(inner.clone(), 2..4).prop_filter_map("parts", Filter::or),
            inner.prop_map(Filter::negated),
        ]
    });
    leaf.boxed()
}

fn value_path() -> impl Strategy<Value = ValuePath> {
    (any_attribute_path(), combined(expression())).prop_map(|(path, filter)| {
        let path = AttributePath { sub_attribute: None, ..path };
        ValuePath::new(path, filter)
    })
}

/// Any filter.
pub fn any_filter() -> BoxedStrategy<Filter> {
    combined(prop_oneof![3 => expression().boxed(), 1 => value_path().prop_map(Filter::ValuePath).boxed()])
}

/// Any path of a PATCH operation that needs no knowledge of schemas.
pub fn any_patch_path() -> BoxedStrategy<PatchPath> {
    prop_oneof![
        any_attribute_path().prop_map(PatchPath::Attribute),
        (value_path(), prop::option::of(attribute_name()))
            .prop_map(|(value_path, sub_attribute)| PatchPath::ValuePath { value_path, sub_attribute }),
    ]
    .boxed()
}
