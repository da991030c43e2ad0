//! Values as the schema has them: types checked, names in canonical spelling, tolerated forms made regular.

use scimkit_types::{AttributeType, ComplexValue, Mutability, Tolerance, Value, compare};

use crate::error::PatchError;
use crate::scope::{Place, Scope};

/// The kind of a value, for messages.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::List(_) => "a list",
        Value::Complex(_) => "an object",
    }
}

const fn expected(type_: AttributeType) -> &'static str {
    match type_ {
        AttributeType::String => "text",
        AttributeType::Boolean => "a boolean",
        AttributeType::Decimal => "a number",
        AttributeType::Integer => "an integer",
        AttributeType::DateTime => "a dateTime such as `2008-01-23T04:56:22Z`",
        AttributeType::Binary => "base64 text",
        AttributeType::Reference => "a URI",
        AttributeType::Complex => "an object",
    }
}

impl<'a> Scope<'a> {
    /// One value of a simple attribute: null when it stands for none.
    pub(crate) fn simple(&mut self, place: Place<'a>, value: Value) -> Result<Value, PatchError> {
        let definition = place.definition();
        let is_text = value.as_str().is_some();
        let is_empty = value.as_str() == Some("");
        // R7643-4.1.1-01: what is required cannot be empty, whether empty text is a value or clears.
        if is_empty && definition.is_required {
            return Err(PatchError::Type {
                operation: self.operation,
                path: place.to_string(),
                expected: "text that is not empty",
                found: "empty text",
            });
        }
        if is_empty && self.tolerate(Tolerance::EmptyClears) {
            return Ok(Value::Null);
        }
        let value = self.sole(value);
        let fits = match definition.type_ {
            AttributeType::Boolean => {
                if let Some(text) = value.as_str() {
                    let parsed = parse_boolean(text).filter(|_| self.tolerate(Tolerance::StringBooleans));
                    return parsed.map(Value::Boolean).ok_or_else(|| self.mistyped(place, &value));
                }
                value.as_bool().is_some()
            }
            AttributeType::Integer => value.as_number().is_some_and(scimkit_types::Number::is_integer),
            AttributeType::Decimal => value.as_number().is_some(),
            AttributeType::DateTime => value.as_str().is_some_and(|text| compare::instant(text).is_some()),
            AttributeType::String | AttributeType::Binary | AttributeType::Reference => is_text || value.as_str().is_some(),
            AttributeType::Complex => value.as_complex().is_some(),
        };
        if fits || matches!(value, Value::Null) { Ok(value) } else { Err(self.mistyped(place, &value)) }
    }

    /// The one element of a list where a single value is expected, as some peers send it; an empty list is no value.
    pub(crate) fn sole(&mut self, value: Value) -> Value {
        match value {
            Value::List(values) if values.is_empty() => Value::Null,
            Value::List(mut values) if values.len() == 1 && self.tolerate(Tolerance::StringForComplex) => values.pop().unwrap_or_default(),
            other => other,
        }
    }

    /// The sub-attributes of a complex value. Members that are null stay, as they clear; members that are unknown or read-only go.
    ///
    /// A value of which nothing is left that way is an error, so that no operation is ignored in silence.
    pub(crate) fn complex(&mut self, place: Place<'a>, members: ComplexValue) -> Result<ComplexValue, PatchError> {
        let definition = place.definition();
        let (mut kept, mut read_only, mut unknown) = (ComplexValue::new(), None, None);
        for (name, value) in members.into_members() {
            let Some(sub_attribute) = definition.sub_attribute(name.as_str()) else {
                if self.tolerate(Tolerance::RejectUnknown) {
                    return Err(PatchError::UnknownName { operation: self.operation, name: name.into() });
                }
                unknown = Some(name);
                continue;
            };
            if sub_attribute.mutability == Mutability::ReadOnly {
                read_only = Some(sub_attribute);
                continue;
            }
            let child = place.child(sub_attribute);
            let value = if sub_attribute.is_multi_valued {
                Value::List(self.elements(child, value)?)
            } else if sub_attribute.type_ == AttributeType::Complex {
                self.wrapped(child, value)?
            } else {
                self.simple(child, value)?
            };
            kept.insert(&sub_attribute.name, value);
        }
        match (kept.is_empty(), read_only, unknown) {
            (true, Some(sub_attribute), _) if !self.tolerate(Tolerance::IgnoreReadOnly) => {
                Err(PatchError::ReadOnly { operation: self.operation, path: place.child(sub_attribute).to_string() })
            }
            (true, None, Some(name)) => Err(PatchError::UnknownName { operation: self.operation, name: name.into() }),
            _ => Ok(kept),
        }
    }

    /// A complex value that may be given as text; null when it stands for none.
    fn wrapped(&mut self, place: Place<'a>, value: Value) -> Result<Value, PatchError> {
        match self.sole(value) {
            Value::Null => Ok(Value::Null),
            Value::Complex(members) => self.complex(place, members).map(Value::Complex),
            Value::String(text) => self.text_for_complex(place, text),
            other => Err(self.mistyped(place, &other)),
        }
    }

    /// Text that stands for a complex value with that `value` (AMB-31).
    pub(crate) fn text_for_complex(&mut self, place: Place<'a>, text: String) -> Result<Value, PatchError> {
        if text.is_empty() && self.tolerate(Tolerance::EmptyClears) {
            return Ok(Value::Null);
        }
        let value = Value::String(text);
        match place.definition().sub_attribute("value") {
            Some(sub_attribute) if self.tolerate(Tolerance::StringForComplex) => {
                let value = self.simple(place.child(sub_attribute), value)?;
                Ok(Value::Complex(ComplexValue::from_iter([(sub_attribute.name.as_str(), value)])))
            }
            _ => Err(self.mistyped(place, &value)),
        }
    }

    /// The elements of a multi-valued attribute; a single value stands for a list of one. Elements without a value are left out.
    pub(crate) fn elements(&mut self, place: Place<'a>, value: Value) -> Result<Vec<Value>, PatchError> {
        let values = match value {
            Value::List(values) => values,
            other => vec![other],
        };
        let mut elements = Vec::with_capacity(values.len());
        for value in values {
            let mut element = match value {
                Value::List(_) => return Err(self.mistyped(place, &value)),
                value if place.definition().type_ == AttributeType::Complex => self.wrapped(place, value)?,
                value => self.simple(place, value)?,
            };
            if let Value::Complex(members) = &mut element {
                members.retain(|_, value| !value.is_unassigned());
            }
            if !element.is_unassigned() {
                elements.push(element);
            }
        }
        Ok(elements)
    }

    pub(crate) fn mistyped(&self, place: Place<'_>, value: &Value) -> PatchError {
        let (expected, found) = (expected(place.definition().type_), kind(value));
        PatchError::Type { operation: self.operation, path: place.to_string(), expected, found }
    }
}

fn parse_boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}
