//! `Replace`, which has five ways of working.

use std::borrow::Cow;

use scimkit_types::Value;

use super::Function;
use super::regular::{self, Replacement};
use crate::expression::{Call, EvaluationErrorKind, Outcome, Output, Pattern, Stop};

pub(super) const FUNCTIONS: &[Function] = &[Function::new(
    "Replace",
    &["source", "oldValue", "regexPattern", "regexGroupName", "replacementValue", "replacementAttributeName", "template"],
    replace,
)
.required(1)
.at_least(2)];

const OLD_VALUE: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const VALUE: usize = 4;
const ATTRIBUTE: usize = 5;
const TEMPLATE: usize = 6;

/// | given | result |
/// |---|---|
/// | old value and replacement | every occurrence in the source becomes the replacement |
/// | old value and template | every occurrence in the template becomes the source |
/// | pattern and replacement | every match in the source becomes the replacement |
/// | pattern, group and replacement | the group's text in every match becomes the replacement |
/// | pattern, group and attribute | the source, or without one the group's text in the attribute |
fn replace(call: &Call<'_>) -> Outcome {
    let source = call.text(0)?;
    if call.has(PATTERN) && call.has(ATTRIBUTE) {
        return extract(call, source);
    }
    let Some(source) = source else { return Ok(Value::Null) };
    let replacement = call.text(VALUE)?.unwrap_or_default();
    if call.has(PATTERN) {
        let pattern = pattern(call)?;
        let group = call.present(GROUP)?;
        let replacement = group.as_deref().map_or(Replacement::Template(&replacement), |group| Replacement::Group(group, &replacement));
        return regular::replace_all(&pattern.0, &source, &replacement).map(Value::from);
    }
    let old = call.present(OLD_VALUE)?.ok_or_else(|| call.expected(OLD_VALUE, "text that is not empty"))?;
    if call.has(TEMPLATE) && !call.has(VALUE) {
        let template = call.text(TEMPLATE)?.unwrap_or_default();
        return replace_text(&template, &old, &source);
    }
    replace_text(&source, &old, &replacement)
}

fn replace_text(text: &str, old: &str, new: &str) -> Outcome {
    let mut output = Output::default();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(old) {
        output.push(head)?;
        output.push(new)?;
        rest = tail;
    }
    output.push(rest)?;
    Ok(output.into())
}

/// The source if it has a value, else what the group matches in the other attribute.
fn extract(call: &Call<'_>, source: Option<String>) -> Outcome {
    if let Some(source) = source.filter(|source| !source.is_empty()) {
        return Ok(Value::from(source));
    }
    let Some(text) = call.text(ATTRIBUTE)? else { return Ok(Value::Null) };
    regular::searchable(&text)?;
    let group = call.present(GROUP)?.ok_or_else(|| call.expected(GROUP, "the name of a group"))?;
    let pattern = pattern(call)?;
    let found = pattern.0.captures(&text).and_then(|captures| captures.name(&group).map(|found| found.as_str().to_owned()));
    Ok(Value::from(found))
}

/// The pattern that was compiled with the expression, or one that is computed.
fn pattern<'a>(call: &'a Call<'_>) -> Result<Cow<'a, Pattern>, Stop> {
    if let Some(pattern) = call.prepared(PATTERN) {
        return Ok(Cow::Borrowed(pattern));
    }
    let text = call.text(PATTERN)?.unwrap_or_default();
    let compiled = regular::compile(&text).ok_or(EvaluationErrorKind::Pattern { function: "Replace" })?;
    Ok(Cow::Owned(compiled))
}
