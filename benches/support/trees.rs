//! Whether another crate has understood a filter: its tree as text, read again and compared with ours.

use entropy_auth::scim::{self as entropy, FilterValue};
use peer_scim_filter::parser::{self as plain, AttrExpData, CompValue, LogExpOperator, ValFilter};
use scimkit::filter::{AttributeExpression, AttributePath, Filter, ParseOptions, ValuePath};
use scimkit::types::Dialect;

/// Whether the text means the same as the filter, schema URIs aside if they are left out.
pub fn is_same(filter: &str, theirs: &str, without_schemas: bool) -> bool {
    let ours = Filter::parse(filter).expect("the corpus is right");
    let ours = if without_schemas { strip(ours) } else { ours };
    Filter::parse_with(theirs, &ParseOptions::default().with_dialect(Dialect::FILTER_GRAMMAR)).is_ok_and(|theirs| theirs == ours)
}

fn strip(filter: Filter) -> Filter {
    let bare = |mut path: AttributePath| {
        path.schema = None;
        path
    };
    match filter {
        Filter::And(parts) => Filter::And(parts.into_iter().map(strip).collect()),
        Filter::Or(parts) => Filter::Or(parts.into_iter().map(strip).collect()),
        Filter::Not(inner) => Filter::Not(Box::new(strip(*inner))),
        Filter::Attribute(AttributeExpression::Present(path)) => Filter::present(bare(path)),
        Filter::Attribute(AttributeExpression::Compare { path, operator, value }) => Filter::compare(bare(path), operator, value),
        Filter::ValuePath(ValuePath { path, value_filter, .. }) => Filter::ValuePath(ValuePath::new(bare(path), strip(*value_filter))),
    }
}

pub fn of_entropy(filter: &entropy::Filter) -> String {
    match filter {
        entropy::Filter::Present(path) => format!("({path} pr)"),
        entropy::Filter::Compare(path, operator, value) => {
            let value = match value {
                FilterValue::Str(text) => serde_json::to_string(text).expect("JSON"),
                FilterValue::Bool(value) => value.to_string(),
                FilterValue::Num(number) => number.to_string(),
                FilterValue::Null => "null".to_owned(),
            };
            format!("({path} {} {value})", format!("{operator:?}").to_lowercase())
        }
        entropy::Filter::And(left, right) => format!("({} and {})", of_entropy(left), of_entropy(right)),
        entropy::Filter::Or(left, right) => format!("({} or {})", of_entropy(left), of_entropy(right)),
        entropy::Filter::Not(inner) => format!("not ({})", of_entropy(inner)),
    }
}

pub fn of_scim_filter(filter: &plain::Filter<'_>) -> String {
    match filter {
        plain::Filter::AttrExp(expression) => expression_of(expression),
        plain::Filter::LogExp(both) => joined(both),
        plain::Filter::ValuePath(path) => format!("{}[{}]", path_of(path.attr_path()), inner_of(path.val_filter())),
        plain::Filter::Sub(is_negated, inner) => format!("{}({})", if *is_negated { "not " } else { "" }, of_scim_filter(inner)),
    }
}

fn joined(both: &plain::LogExpData<'_>) -> String {
    let word = if matches!(both.log_exp_operator, LogExpOperator::And) { "and" } else { "or" };
    format!("({} {word} {})", of_scim_filter(&both.left), of_scim_filter(&both.right))
}

fn inner_of(filter: &ValFilter<'_>) -> String {
    match filter {
        ValFilter::AttrExp(expression) => expression_of(expression),
        ValFilter::LogExp(both) => joined(both),
        ValFilter::SubFilter(is_negated, inner) => format!("{}({})", if *is_negated { "not " } else { "" }, inner_of(inner)),
    }
}

fn path_of(path: &plain::AttrPath) -> String {
    let name: &str = path.attr_name();
    path.sub_attr().as_ref().map_or_else(|| name.to_owned(), |sub_attribute| format!("{name}.{}", &**sub_attribute))
}

fn expression_of(expression: &AttrExpData<'_>) -> String {
    match expression {
        AttrExpData::Present(path) => format!("{} pr", path_of(path)),
        AttrExpData::Compare(path, operator, value) => {
            let operator = match operator {
                plain::CompareOp::Equal => "eq",
                plain::CompareOp::NotEqual => "ne",
                plain::CompareOp::Contains => "co",
                plain::CompareOp::StartsWith => "sw",
                plain::CompareOp::EndsWith => "ew",
                plain::CompareOp::GreaterThan => "gt",
                plain::CompareOp::GreaterThanOrEqual => "ge",
                plain::CompareOp::LessThan => "lt",
                plain::CompareOp::LessThanOrEqual => "le",
            };
            let value = match value {
                CompValue::False => "false".to_owned(),
                CompValue::True => "true".to_owned(),
                CompValue::Null => "null".to_owned(),
                CompValue::Number(number) => number.to_string(),
                CompValue::String(text) => serde_json::to_string(text).expect("JSON"),
            };
            format!("{} {operator} {value}", path_of(path))
        }
    }
}
