//! Functions that decide.

use std::borrow::Cow;

use scimkit_types::Value;

use super::{Function, Gives, Lists};
use crate::expression::{Call, EvaluationErrorKind, Node, Outcome, Stop, owned, text_of};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("BitAnd", &["value1", "value2"], bit_and).gives(Gives::Integer),
    Function::new("CBool", &["source"], |call| owned(call.condition(0)?)).gives(Gives::Boolean),
    Function::new("Coalesce", &["source"], coalesce).repeated().gives(Gives::Any).lists(Lists::All),
    Function::new("CStr", &["value"], |call| owned(call.text(0)?.map(Cow::into_owned))),
    Function::new("Error", &["message"], error),
    Function::new("IgnoreFlowIfNullOrEmpty", &["expression"], ignore_flow_if_null_or_empty).gives(Gives::First).lists(Lists::Branches),
    Function::new("IIF", &["condition", "valueIfTrue", "valueIfFalse"], iif)
        .required(1)
        .at_least(3)
        .gives(Gives::SecondOrThird)
        .lists(Lists::Branches),
    Function::new("IsNull", &["expression"], |call| owned(is_null(&*call.value(0)?))).gives(Gives::Boolean).lists(Lists::First),
    Function::new("IsNullOrEmpty", &["expression"], |call| owned(is_null_or_empty(&*call.value(0)?)))
        .gives(Gives::Boolean)
        .lists(Lists::First),
    Function::new("IsPresent", &["expression"], |call| owned(!is_null_or_empty(&*call.value(0)?)))
        .gives(Gives::Boolean)
        .lists(Lists::First),
    Function::new("IsString", &["expression"], |call| owned(matches!(*call.value(0)?, Value::String(_))))
        .gives(Gives::Boolean)
        .lists(Lists::First),
    Function::new("Not", &["source"], not).gives(Gives::Boolean),
    Function::new("SelectUniqueValue", &["uniqueValueRule"], select_unique_value).required(1).at_least(2).repeated().gives(Gives::Any),
    Function::new("Switch", &["source", "defaultValue", "switchValue"], switch)
        .required(1)
        .at_least(4)
        .repeated()
        .even()
        .gives(Gives::EverySecond)
        .lists(Lists::Branches),
];

fn is_null(value: &Value) -> bool {
    value.is_unassigned()
}

fn is_null_or_empty(value: &Value) -> bool {
    is_null(value) || value.elements().iter().all(|element| element.as_str() == Some(""))
}

fn bit_and(call: Call<'_>) -> Outcome<'_> {
    owned(call.required_integer(0)? & call.required_integer(1)?)
}

/// The first value that is neither null nor empty; else the last argument.
fn coalesce(call: Call<'_>) -> Outcome<'_> {
    let mut last = Cow::Owned(Value::Null);
    for index in 0..call.len() {
        last = call.value(index)?;
        if !is_null_or_empty(&last) {
            break;
        }
    }
    Ok(last)
}

fn error(call: Call<'_>) -> Outcome<'_> {
    let message = match call.node(0) {
        Some(Node::Text(message)) => message.as_str().map(str::to_owned),
        _ => None,
    };
    Err(EvaluationErrorKind::Raised { message }.into())
}

fn ignore_flow_if_null_or_empty(call: Call<'_>) -> Outcome<'_> {
    let value = call.value(0)?;
    if is_null_or_empty(&value) { Err(Stop::IgnoreAttribute) } else { Ok(value) }
}

/// Only the chosen value is evaluated.
fn iif(call: Call<'_>) -> Outcome<'_> {
    call.value(if call.condition(0)? { 1 } else { 2 })
}

/// `True` becomes `False`, everything else `True`.
fn not(call: Call<'_>) -> Outcome<'_> {
    let value = call.value(0)?;
    let is_true = text_of(&value)?.is_some_and(|text| text.eq_ignore_ascii_case("True"));
    owned(!is_true)
}

/// The first value that the target does not have; values behind it are not evaluated.
fn select_unique_value(call: Call<'_>) -> Outcome<'_> {
    let Some(taken) = call.context.environment.taken else {
        return Err(EvaluationErrorKind::Environment { function: "SelectUniqueValue", what: "the values that are taken" }.into());
    };
    let target = call.context.target.unwrap_or_default();
    for index in 0..call.len() {
        if let Some(text) = call.present(index)?
            && !taken.is_taken(target, &text)
        {
            return owned(text.into_owned());
        }
    }
    Err(EvaluationErrorKind::NotUnique { offered: call.len() }.into())
}

/// The value behind the first key that equals the source, compared with case; null is as empty text. Only keys up to that one and the
/// chosen value are evaluated.
fn switch(call: Call<'_>) -> Outcome<'_> {
    let source = call.text(0)?.unwrap_or_default();
    for key in (2..call.len()).step_by(2) {
        if call.text(key)?.unwrap_or_default() == source {
            return call.value(key + 1);
        }
    }
    call.value(1)
}
