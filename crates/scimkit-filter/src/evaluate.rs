//! A resolved filter on a resource.

use std::cmp::Ordering;

use scimkit_types::compare::{self, TextComparison};
use scimkit_types::{AttributeName, ComplexValue, Resource, Value};

use crate::ast::CompareOperator;
use crate::resolve::{Node, Operand, ResolvedFilter, ResolvedPath};
use crate::search::{self, Borders};

impl ResolvedFilter {
    /// Whether the resource meets the filter.
    ///
    /// Allocates nothing, with the one exception that [`TextComparison::try_for_each_of_key`] names.
    pub fn matches(&self, resource: &Resource) -> bool {
        self.root.holds(Subject::Resource(resource))
    }
}

impl Node {
    /// Whether an element of a complex multi-valued attribute meets a filter relative to it.
    pub fn matches_element(&self, element: &ComplexValue) -> bool {
        self.holds(Subject::Element(element))
    }

    fn holds(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(subject)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(subject)),
            Self::Not(inner) => !inner.holds(subject),
            Self::Present(path) => subject.any(path, Value::is_present),
            Self::Compare { path, operator, operand } => compare_values(subject, path, *operator, operand),
            Self::Element { path, filter } => {
                subject.get(path).is_some_and(|value| value.elements().iter().any(|element| filter.holds(Subject::of(element))))
            }
            Self::Constant(value) => *value,
        }
    }
}

/// What a filter is evaluated on.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Resource(&'a Resource),
    Element(&'a ComplexValue),
    /// An element of a complex attribute that is not complex itself, as some peers send it; it stands for its `value`.
    Scalar(&'a Value),
}

impl<'a> Subject<'a> {
    const fn of(element: &'a Value) -> Self {
        match element {
            Value::Complex(element) => Self::Element(element),
            other => Self::Scalar(other),
        }
    }

    fn get(self, path: &ResolvedPath) -> Option<&'a Value> {
        let name = path.attribute.as_str();
        match (self, &path.extension) {
            (Self::Resource(resource), Some(extension)) => resource.extension(extension.as_str())?.get(name),
            (Self::Resource(resource), None) => resource.get(name),
            (Self::Element(element), _) => element.get(name),
            (Self::Scalar(value), _) => is_value(&path.attribute).then_some(value),
        }
    }

    /// Whether `test` holds for any value at the end of the path.
    fn any(self, path: &ResolvedPath, mut test: impl FnMut(&Value) -> bool) -> bool {
        let Some(value) = self.get(path) else { return false };
        let Some(sub_attribute) = &path.sub_attribute else { return value.elements().iter().any(test) };
        value.elements().iter().any(|element| match element {
            Value::Complex(element) => element.get(sub_attribute.as_str()).is_some_and(|value| value.elements().iter().any(&mut test)),
            scalar => is_value(sub_attribute) && test(scalar),
        })
    }
}

fn is_value(name: &AttributeName) -> bool {
    *name == *"value"
}

fn compare_values(subject: Subject<'_>, path: &ResolvedPath, operator: CompareOperator, operand: &Operand) -> bool {
    if matches!(operand, Operand::Null) {
        let is_present = subject.any(path, Value::is_present);
        return match operator {
            CompareOperator::Equal => !is_present,
            CompareOperator::NotEqual => is_present,
            _ => false,
        };
    }
    if operator != CompareOperator::NotEqual {
        return subject.any(path, |value| compares(value, path.comparison, operator, operand));
    }
    let mut is_there = false;
    let differs = subject.any(path, |value| {
        is_there |= *value != Value::Null;
        *value != Value::Null && !compares(value, path.comparison, CompareOperator::Equal, operand)
    });
    differs || !is_there
}

/// Whether one value compares so. A value of another type than the operand's compares with nothing.
fn compares(value: &Value, comparison: TextComparison, operator: CompareOperator, operand: &Operand) -> bool {
    match (operand, value) {
        (Operand::Boolean(operand), Value::Boolean(value)) => operator == CompareOperator::Equal && value == operand,
        (Operand::Number(operand), Value::Number(value)) => is_ordered(value.compare(operand), operator),
        (Operand::Text { key, borders, .. }, Value::String(text)) => compares_text(text, comparison, operator, key, borders),
        (Operand::Instant(operand), Value::String(text)) => {
            compare::instant(text).is_some_and(|instant| is_ordered(instant.cmp(operand), operator))
        }
        _ => false,
    }
}

const fn is_ordered(ordering: Ordering, operator: CompareOperator) -> bool {
    match operator {
        CompareOperator::Equal => ordering.is_eq(),
        CompareOperator::NotEqual => ordering.is_ne(),
        CompareOperator::GreaterThan => ordering.is_gt(),
        CompareOperator::GreaterOrEqual => ordering.is_ge(),
        CompareOperator::LessThan => ordering.is_lt(),
        CompareOperator::LessOrEqual => ordering.is_le(),
        CompareOperator::Contains | CompareOperator::StartsWith | CompareOperator::EndsWith => false,
    }
}

fn compares_text(text: &str, comparison: TextComparison, operator: CompareOperator, key: &str, borders: &Borders) -> bool {
    if comparison == TextComparison::CaseExact {
        return match operator {
            CompareOperator::Contains => text.contains(key),
            CompareOperator::StartsWith => text.starts_with(key),
            CompareOperator::EndsWith => text.ends_with(key),
            // Bytes of UTF-8 are in the order of code points.
            other => is_ordered(text.cmp(key), other),
        };
    }
    if text.is_ascii()
        && let Some(found) = compares_ascii(text.as_bytes(), operator, key.as_bytes())
    {
        return found;
    }
    match operator {
        CompareOperator::Contains => search::contains(text, comparison, key, borders),
        CompareOperator::StartsWith => search::starts_with(text, comparison, key),
        CompareOperator::EndsWith => search::ends_with(text, comparison, key, borders),
        other => is_ordered(search::compare(text, comparison, key), other),
    }
}

/// The longest text that is looked for at every place of another; a longer one is searched for in linear time.
const SEARCHED: usize = 64;

/// How ASCII text compares, whose key is its lower case. `None` if it takes a search.
fn compares_ascii(text: &[u8], operator: CompareOperator, key: &[u8]) -> Option<bool> {
    let is_key = |part: Option<&[u8]>| part.is_some_and(|part| part.eq_ignore_ascii_case(key));
    let holds = match operator {
        CompareOperator::Equal => text.eq_ignore_ascii_case(key),
        CompareOperator::NotEqual => !text.eq_ignore_ascii_case(key),
        CompareOperator::StartsWith => is_key(text.get(..key.len())),
        CompareOperator::EndsWith => is_key(text.len().checked_sub(key.len()).and_then(|start| text.get(start..))),
        CompareOperator::Contains if key.is_empty() => true,
        CompareOperator::Contains if key.len() <= SEARCHED => text.windows(key.len()).any(|part| is_key(Some(part))),
        CompareOperator::Contains => return None,
        other => is_ordered(text.iter().map(u8::to_ascii_lowercase).cmp(key.iter().copied()), other),
    };
    Some(holds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPERATORS: [CompareOperator; 9] = [
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

    /// What the operator says of the keys.
    fn expected(key: &str, operator: CompareOperator, operand: &str) -> bool {
        match operator {
            CompareOperator::Contains => key.contains(operand),
            CompareOperator::StartsWith => key.starts_with(operand),
            CompareOperator::EndsWith => key.ends_with(operand),
            other => is_ordered(key.cmp(operand), other),
        }
    }

    proptest! {
        /// Streaming and the short way of ASCII text come to what the keys do.
        #[test]
        fn text_compares_as_its_key_does(
            text in prop_oneof!["[aAbB ]{0,8}", "[aAbBßİıςΣσåÅéＡﬁ \u{30a}\u{301}]{0,8}", "[aA]{0,200}"],
            operand in prop_oneof!["[aAbBé\u{212a} ]{0,3}", "[aAbBßİıςΣσåÅéＡﬁ \u{30a}\u{301}]{0,4}", "a{60,80}"],
        ) {
            for comparison in [TextComparison::CaseExact, TextComparison::Caseless, TextComparison::UserName] {
                let (key, operand) = (comparison.key(&text), comparison.key(&operand));
                for operator in OPERATORS {
                    let found = compares_text(&text, comparison, operator, &operand, &Borders::of(&operand));
                    prop_assert_eq!(found, expected(&key, operator, &operand), "{:?} {:?}", comparison, operator);
                }
            }
        }
    }

    /// A search goes on where the key may begin again, and never looks at a byte of the text twice.
    #[test]
    fn long_text_is_found() {
        let caseless = |text: &str, operator, key: &str| compares_text(text, TextComparison::Caseless, operator, key, &Borders::of(key));
        let (text, key) = (format!("{}B", "A".repeat(100_000)), format!("{}b", "a".repeat(8_000)));
        for operator in [CompareOperator::Contains, CompareOperator::EndsWith] {
            assert!(caseless(&text, operator, &key));
            assert!(caseless(&format!("Å{text}"), operator, &key));
            assert!(!caseless(&text, operator, &format!("{key}b")));
        }
        assert!(!caseless(&format!("{text}Å"), CompareOperator::EndsWith, &key));
    }
}
