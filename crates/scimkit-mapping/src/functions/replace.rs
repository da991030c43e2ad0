//! `Replace`, which has five ways of working.

use std::borrow::Cow;

use scimkit_types::Value;

use super::Function;
use super::regular::{self, Replacement};
use crate::expression::{Call, EvaluationErrorKind, Outcome, Stop, owned};
use crate::pattern::Pattern;

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
fn replace(call: Call<'_>) -> Outcome<'_> {
    let source = call.text(0)?;
    if call.has(PATTERN) && call.has(ATTRIBUTE) {
        return extract(call, source);
    }
    let Some(source) = source else { return owned(Value::Null) };
    let replacement = call.text(VALUE)?.unwrap_or_default();
    if call.has(PATTERN) {
        let pattern = pattern(call)?;
        let group = call.present(GROUP)?;
        let replacement = group.as_deref().map_or(Replacement::Template(&replacement), |group| Replacement::Group(group, &replacement));
        return regular::replace_all(call, &pattern, &source, &replacement)?.finish();
    }
    let old = call.present(OLD_VALUE)?.ok_or_else(|| call.expected(OLD_VALUE, "text that is not empty"))?;
    if call.has(TEMPLATE) && !call.has(VALUE) {
        let template = call.text(TEMPLATE)?.unwrap_or_default();
        return replace_text(call, &template, &old, &source);
    }
    replace_text(call, &source, &old, &replacement)
}

fn replace_text<'a>(call: Call<'a>, text: &str, old: &str, new: &str) -> Outcome<'a> {
    let mut output = call.context.output();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(old) {
        output.push(head)?;
        output.push(new)?;
        rest = tail;
    }
    output.push(rest)?;
    output.finish()
}

/// The source if it has a value, else what the group matches in the other attribute.
fn extract<'a>(call: Call<'a>, source: Option<Cow<'a, str>>) -> Outcome<'a> {
    if let Some(source) = source.filter(|source| !source.is_empty()) {
        return owned(source.into_owned());
    }
    let Some(text) = call.text(ATTRIBUTE)? else { return owned(Value::Null) };
    regular::searchable(call, &text)?;
    let name = call.present(GROUP)?.ok_or_else(|| call.expected(GROUP, "the name of a group"))?;
    let pattern = pattern(call)?;
    let found = regular::find(call, &pattern, &text, 0)?;
    let group = found.zip(pattern.group(&name)).and_then(|(found, group)| found.into_iter().nth(group)?);
    owned(group.and_then(|range| text.get(range)))
}

/// The pattern that was compiled with the expression, or one that is computed.
fn pattern(call: Call<'_>) -> Result<Cow<'_, Pattern>, Stop> {
    if let Some(pattern) = call.prepared(PATTERN) {
        return Ok(Cow::Borrowed(pattern));
    }
    let text = call.text(PATTERN)?.unwrap_or_default();
    let compiled = Pattern::compile(&text, call.call.options.patterns.as_deref());
    Ok(Cow::Owned(compiled.map_err(|fault| EvaluationErrorKind::Pattern { function: "Replace", fault })?))
}
