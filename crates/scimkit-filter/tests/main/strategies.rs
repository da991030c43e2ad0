//! Generators of paths and filters.

use proptest::prelude::*;
use scimkit_filter::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, PatchPath, ValuePath};
use scimkit_types::{AttributeName, Number, SchemaUri, schema};

fn attribute_name() -> impl Strategy<Value = AttributeName> {
    let special = prop::sample::select(vec!["not", "and", "or", "pr", "eq", "true", "$ref", "userName", "emails", "value", "x-y_z$1"]);
    prop_oneof![special.prop_map(str::to_owned), "\\$?[a-zA-Z][a-zA-Z0-9_$-]{0,8}"].prop_map(|name| name.parse().unwrap())
}

fn schema_uri() -> impl Strategy<Value = SchemaUri> {
    let known = prop::sample::select(vec![schema::USER, schema::ENTERPRISE_USER]).prop_map(str::to_owned);
    prop_oneof![known, "urn:[a-z]{1,6}:[a-zA-Z0-9.]{1,6}[a-z]", "https://[a-z]{1,5}\\.example/[a-z0-9=&,;%å]{1,8}"]
        .prop_map(|uri| uri.parse().unwrap())
}

/// A path with or without schema and sub-attribute.
pub(crate) fn attribute_path() -> impl Strategy<Value = AttributePath> {
    (prop::option::weighted(0.2, schema_uri()), attribute_name(), prop::option::weighted(0.3, attribute_name())).prop_map(
        |(schema, attribute, sub_attribute)| {
            let mut path = AttributePath::new(attribute);
            path.schema = schema;
            path.sub_attribute = sub_attribute;
            path
        },
    )
}

fn operator() -> impl Strategy<Value = CompareOperator> {
    use CompareOperator as C;
    prop::sample::select(vec![
        C::Equal,
        C::NotEqual,
        C::Contains,
        C::StartsWith,
        C::EndsWith,
        C::GreaterThan,
        C::GreaterOrEqual,
        C::LessThan,
        C::LessOrEqual,
    ])
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        any::<i64>().prop_map(|number| Literal::Number(Number::from(number))),
        any::<u64>().prop_map(|number| Literal::Number(Number::from(number))),
        any::<f64>().prop_filter_map("finite", Number::from_f64).prop_map(Literal::Number),
        any::<String>().prop_map(Literal::String),
        "[ -~\\n\\t\"\\\\]{0,12}".prop_map(Literal::String),
    ]
}

fn expression() -> impl Strategy<Value = Filter> {
    prop_oneof![
        attribute_path().prop_map(|path| Filter::Attribute(AttributeExpression::Present(path))),
        (attribute_path(), operator(), literal()).prop_map(|(path, operator, value)| Filter::Attribute(AttributeExpression::Compare {
            path,
            operator,
            value
        })),
    ]
}

fn combined(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(6, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| Filter::and(parts).unwrap()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| Filter::or(parts).unwrap()),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn value_path() -> impl Strategy<Value = ValuePath> {
    (attribute_path(), combined(expression())).prop_map(|(mut path, filter)| {
        path.sub_attribute = None;
        ValuePath::new(path, filter)
    })
}

/// Any filter that the grammar can express.
pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    combined(prop_oneof![3 => expression().boxed(), 1 => value_path().prop_map(Filter::ValuePath).boxed()])
}

/// Any path of a PATCH operation that the grammar can express without knowing schemas.
pub(crate) fn patch_path() -> impl Strategy<Value = PatchPath> {
    prop_oneof![
        attribute_path().prop_map(PatchPath::Attribute),
        (value_path(), prop::option::of(attribute_name()))
            .prop_map(|(value_path, sub_attribute)| PatchPath::ValuePath { value_path, sub_attribute }),
    ]
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "(",
        ")",
        "[",
        "]",
        " ",
        "  ",
        "\t",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "not",
        "and",
        "or",
        "pr",
        "eq",
        "co",
        "emails",
        ".value",
        "urn:a:b:",
        schema::USER,
        ":",
        ".",
        "$",
        "-1",
        "0",
        "1e9",
        "true",
        "True",
        "null",
        "é",
        "\u{0}",
        "\u{202e}",
        "\"x\"",
        " or ",
        " pr and ",
        "not (",
    ])
}

/// Text made of pieces of the language in any order, and filters with a character replaced by a piece: both come further than arbitrary
/// text.
pub(crate) fn almost_filter() -> impl Strategy<Value = String> {
    let damaged = (filter(), any::<prop::sample::Index>(), 0..2usize, piece()).prop_map(|(filter, place, removed, piece)| {
        let text: Vec<char> = filter.to_string().chars().collect();
        let place = place.index(text.len());
        let (head, tail) = text.split_at(place);
        head.iter().copied().chain(piece.chars()).chain(tail.iter().skip(removed).copied()).collect()
    });
    prop_oneof![prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat()), damaged]
}
