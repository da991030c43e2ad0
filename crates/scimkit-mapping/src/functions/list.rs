//! Functions on values with several elements.

use std::borrow::Cow;

use scimkit_types::Value;

use super::{Function, Gives, Lists};
use crate::expression::{Call, Outcome, owned, text_of};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Contains", &["attribute", "text"], contains).gives(Gives::Integer).lists(Lists::First),
    Function::new("Count", &["attribute"], |call| owned(number(call.list(0)?.len()))).gives(Gives::Integer).lists(Lists::First),
    Function::new("Item", &["attribute", "index"], item).lists(Lists::First),
    Function::new("RemoveDuplicates", &["attribute"], remove_duplicates).gives(Gives::List).lists(Lists::First),
    Function::new("Split", &["source", "delimiter"], split).gives(Gives::List),
];

fn number(count: usize) -> Value {
    Value::from(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The 1-based index of the first element that contains the text; 0 if none does.
fn contains(call: Call<'_>) -> Outcome<'_> {
    let part = call.text(1)?.unwrap_or_default();
    for (index, value) in call.list(0)?.iter().enumerate() {
        if text_of(value)?.is_some_and(|text| text.contains(&*part)) {
            return owned(number(index + 1));
        }
    }
    owned(number(0))
}

/// The element at a 1-based index.
fn item(call: Call<'_>) -> Outcome<'_> {
    let values = call.list(0)?;
    let index = call.required_integer(1)?;
    let place = index.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let found = place.and_then(|place| match values {
        Cow::Borrowed(values) => values.get(place).map(Cow::Borrowed),
        Cow::Owned(values) => values.into_iter().nth(place).map(Cow::Owned),
    });
    found.ok_or_else(|| call.expected(1, "the number of an element, from 1"))
}

/// The distinct elements in the order in which they first stand.
fn remove_duplicates(call: Call<'_>) -> Outcome<'_> {
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    for value in call.list(0)?.into_owned() {
        let is_new = text_of(&value)?.is_some_and(|text| seen.insert(text.into_owned()));
        if is_new {
            kept.push(value);
        }
    }
    owned(Value::List(kept))
}

/// The parts between delimiters, without blanks around them; empty parts are left out.
fn split(call: Call<'_>) -> Outcome<'_> {
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let delimiter = call.present(1)?.ok_or_else(|| call.expected(1, "text that is not empty"))?;
    let parts = source.split(&*delimiter).map(str::trim).filter(|part| !part.is_empty());
    owned(Value::List(parts.map(Value::from).collect()))
}
