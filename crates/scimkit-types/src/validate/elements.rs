//! The elements of multi-valued attributes (RFC 7643 section 2.4).

use std::collections::{HashMap, VecDeque};

use super::checker::Checker;
use crate::compare;
use crate::dialect::Tolerance;
use crate::messages::ScimType;
use crate::schema::{Attribute, Mutability};
use crate::value::{ComplexValue, Value};

impl<'a> Checker<'a> {
    /// The elements in their canonical form, without those that are unassigned or faulty; a pair of `type` and `value` occurs once.
    pub(super) fn elements(&mut self, attribute: &'a Attribute, values: &[Value], present: Option<&Value>) -> Vec<Value> {
        let mut present_elements = PresentElements::new(attribute, present);
        // A list of references to resources is a set of their ids; other elements are told apart by their type too.
        let is_reference_list = attribute.sub_attribute("value").is_some_and(|value| value.mutability == Mutability::Immutable);
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut accepted: Vec<Value> = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_unassigned()) {
            self.enter_element(index);
            let present = present_elements.find(attribute, value);
            let value = if let Value::List(_) = value { self.mismatch(attribute, value) } else { self.single(attribute, value, present) };
            self.leave();
            let Some(value) = value else { continue };
            // A single element has none to be told apart from.
            let id = value.as_complex().filter(|_| values.len() > 1).and_then(|element| element.get("value")).and_then(Value::as_str);
            let place = id.map(|id| {
                let type_ = value.as_complex().and_then(|element| element.get("type")).and_then(Value::as_str);
                let type_ = type_.filter(|_| !is_reference_list).unwrap_or_default();
                format!("{}\0{id}", compare::text_key(type_, false))
            });
            match place.map(|place| *places.entry(place).or_insert(accepted.len())).and_then(|place| accepted.get_mut(place)) {
                Some(Value::Complex(earlier)) => {
                    if let Value::Complex(later) = value {
                        for (name, value) in later {
                            earlier.insert(name, value);
                        }
                    }
                }
                _ => accepted.push(value),
            }
        }
        self.check_primary(attribute, &mut accepted);
        accepted
    }

    /// At most one element is the primary one (R7643-2.4-03, AMB-04).
    fn check_primary(&mut self, attribute: &Attribute, elements: &mut [Value]) {
        if attribute.sub_attribute("primary").is_none() {
            return;
        }
        let is_primary =
            |element: &Value| element.as_complex().and_then(|element| element.get("primary")).and_then(Value::as_bool).unwrap_or_default();
        let surplus = elements.iter().filter(|element| is_primary(element)).count().saturating_sub(1);
        if surplus == 0 {
            return;
        }
        if self.tolerate(Tolerance::LastPrimaryWins) {
            let primaries = elements.iter_mut().filter(|element| is_primary(element));
            for element in primaries.take(surplus).filter_map(Value::as_complex_mut) {
                element.insert("primary", false);
            }
        } else {
            self.violation(ScimType::InvalidValue, "has more than one primary value".to_owned());
        }
    }
}

/// The `value` of an element, or the element itself where text stands for it.
fn key(element: &Value) -> Option<&str> {
    match element {
        Value::String(text) => Some(text),
        Value::Complex(element) => element.get("value").and_then(Value::as_str),
        _ => None,
    }
}

/// The present elements, where an element can hold something that a body cannot change.
#[derive(Default)]
struct PresentElements<'v> {
    by_value_and_type: HashMap<(&'v str, &'v str), &'v Value>,
    by_value: HashMap<&'v str, &'v Value>,
    /// Those without a text as `value` that a client can write, by all that is said of them and by what a client can write of it. Those that are alike are found in their order.
    others: HashMap<String, VecDeque<&'v Value>>,
}

impl<'v> PresentElements<'v> {
    fn new(attribute: &Attribute, present: Option<&'v Value>) -> Self {
        let keeps_something = attribute.sub_attributes.iter().any(|sub_attribute| sub_attribute.mutability != Mutability::ReadWrite);
        let is_value_fixed = attribute.sub_attribute("value").is_some_and(|value| value.mutability == Mutability::ReadOnly);
        let mut elements = Self::default();
        for element in present.filter(|_| keeps_something).map(Value::elements).unwrap_or_default() {
            if let Some(value) = key(element) {
                elements.by_value_and_type.insert((value, type_(element)), element);
                elements.by_value.insert(value, element);
            }
            if key(element).is_none() || is_value_fixed {
                elements.others.entry(whole(element)).or_default().push_back(element);
                elements.others.entry(written_part(attribute, element)).or_default().push_back(element);
            }
        }
        elements
    }

    /// The present element that an element of the body stands for: the one with its `value` and `type`, else one with its `value`;
    /// without a `value` the one of which a client would write the same.
    fn find(&mut self, attribute: &Attribute, element: &Value) -> Option<&'v Value> {
        match key(element) {
            Some(value) => self.by_value_and_type.get(&(value, type_(element))).or_else(|| self.by_value.get(value)).copied(),
            None if self.others.is_empty() => None,
            None => {
                let key = Some(whole(element)).filter(|key| self.others.contains_key(key));
                let alike = self.others.get_mut(&key.unwrap_or_else(|| written_part(attribute, element)))?;
                if alike.len() > 1 { alike.pop_front() } else { alike.front().copied() }
            }
        }
    }
}

fn type_(element: &Value) -> &str {
    element.as_complex().and_then(|element| element.get("type")).and_then(Value::as_str).unwrap_or_default()
}

/// All that is said of an element, as text.
fn whole(element: &Value) -> String {
    text_of(element, "whole", |_| true)
}

/// What a client writes of an element, as text.
fn written_part(attribute: &Attribute, element: &Value) -> String {
    let is_written = |name: &str| attribute.sub_attribute(name).is_some_and(|sub| sub.mutability != Mutability::ReadOnly);
    text_of(element, "part", is_written)
}

fn text_of(element: &Value, kind: &str, is_chosen: impl Fn(&str) -> bool) -> String {
    let members = element.as_complex().map(ComplexValue::iter).into_iter().flatten();
    let chosen = members.filter(|(name, value)| !value.is_unassigned() && is_chosen(name));
    let mut parts: Vec<String> = chosen.map(|(name, value)| format!("{}\0{value:?}", name.to_ascii_lowercase())).collect();
    parts.sort_unstable();
    format!("{kind}\0{}", parts.join("\0"))
}
