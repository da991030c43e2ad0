//! The walk over a body: types, mutability, required and canonical values.

use std::fmt::Write;

use super::format::Format;
use super::{MAX_VIOLATIONS, Policy, Violation, simple};
use crate::compare;
use crate::dialect::Tolerance;
use crate::messages::ScimType;
use crate::schema::{Attribute, AttributeType, Mutability, ResourceType, USER};
use crate::value::{ComplexValue, Value};

/// What is done with the resource, without the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Replace,
    Patch,
}

/// One step of the way to the value that is looked at.
#[derive(Clone, Copy)]
enum Step<'a> {
    Schema(&'a str),
    Name(&'a str),
    Element(usize),
}

/// How much of an unknown name is shown.
const MAX_SHOWN_NAME: usize = 100;

pub(super) struct Checker<'a> {
    policy: &'a Policy,
    mode: Mode,
    /// Whether text must have the form that the standard prescribes.
    has_formats: bool,
    /// Whether the attribute is as it was: what was there before formats were asked for does not stand in the way of another change.
    is_unchanged: bool,
    place: Vec<Step<'a>>,
    violations: Vec<Violation>,
    tolerances: Vec<Tolerance>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(policy: &'a Policy, resource_type: &ResourceType, mode: Mode) -> Self {
        let has_formats = policy.enforces_formats && resource_type.schema == *USER;
        Self { policy, mode, has_formats, is_unchanged: false, place: Vec::new(), violations: Vec::new(), tolerances: Vec::new() }
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn enter(&mut self, name: &'a str) {
        self.place.push(Step::Name(name));
    }

    pub(super) fn enter_schema(&mut self, uri: &'a str) {
        self.place.push(Step::Schema(uri));
    }

    pub(super) fn enter_element(&mut self, index: usize) {
        self.place.push(Step::Element(index));
    }

    pub(super) fn leave(&mut self) {
        self.place.pop();
    }

    pub(super) fn finish(self) -> (Vec<Violation>, Vec<Tolerance>) {
        (self.violations, self.tolerances)
    }

    /// Notes a violation at the present place.
    pub(super) fn violation(&mut self, scim_type: ScimType, fault: String) {
        self.violation_of(None, scim_type, fault);
    }

    /// Notes a violation of a member of the present place.
    fn violation_of(&mut self, member: Option<&str>, scim_type: ScimType, fault: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            let mut path = String::new();
            let mut previous = None;
            for step in self.place.iter().copied().chain(member.map(Step::Name)) {
                // Writing to a `String` cannot fail.
                let _ = match (step, previous) {
                    (Step::Schema(uri), _) => write!(path, "{uri}"),
                    (Step::Name(name), None) => write!(path, "{name}"),
                    (Step::Name(name), Some(Step::Schema(_))) => write!(path, ":{name}"),
                    (Step::Name(name), Some(_)) => write!(path, ".{name}"),
                    (Step::Element(index), _) => write!(path, "[{index}]"),
                };
                previous = Some(step);
            }
            self.violations.push(Violation { path, fault, scim_type });
        }
    }

    /// Whether a deviation is tolerated; notes that it was met.
    pub(super) fn tolerate(&mut self, tolerance: Tolerance) -> bool {
        let is_allowed = self.policy.dialect.allows(tolerance);
        if is_allowed && !self.tolerances.contains(&tolerance) {
            self.tolerances.push(tolerance);
        }
        is_allowed
    }

    /// An attribute that the schemas do not know (AMB-05).
    pub(super) fn unknown(&mut self, name: &str) {
        if self.policy.rejects_unknown_attributes || self.policy.dialect.allows(Tolerance::RejectUnknown) {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_NAME).collect();
            self.violation_of(Some(&shown), ScimType::InvalidValue, "is not an attribute".to_owned());
        }
    }

    /// Takes a top-level attribute of the body into `accepted`; notes its name in `failures` if it cannot.
    pub(super) fn attribute(
        &mut self,
        attribute: &'a Attribute,
        value: &Value,
        present: Option<&Value>,
        accepted: &mut ComplexValue,
        failures: &mut Vec<&'a str>,
    ) {
        self.enter(attribute.name.as_str());
        self.is_unchanged = self.has_formats && present == Some(value);
        if is_read_only(attribute) {
            let is_changed =
                self.mode == Mode::Patch && !value.is_unassigned() && !present.is_some_and(|present| present.is_equivalent(value));
            if is_changed && !self.tolerate(Tolerance::IgnoreReadOnly) {
                self.violation(ScimType::Mutability, "is read-only".to_owned());
            }
        } else {
            let before = self.violations.len();
            let mut value = self.value(attribute, value, present);
            if let Some(value) = &mut value {
                match present.filter(|present| is_written_again(attribute, present, value)) {
                    // What only the service provider says of it stays with it.
                    Some(present) => *value = present.clone(),
                    None => self.check_immutable(attribute, value, present),
                }
            }
            if self.violations.len() > before || before >= MAX_VIOLATIONS {
                failures.push(attribute.name.as_str());
            } else if let Some(value) = value {
                accepted.insert(attribute.name.as_str(), value);
            }
        }
        self.leave();
    }

    /// Decides on a top-level attribute that the body does not assign: it keeps its value, is missing, or is nothing.
    pub(super) fn settle(
        &mut self,
        attribute: &'a Attribute,
        present: Option<&Value>,
        accepted: &mut ComplexValue,
        failures: &[&str],
        is_required_here: bool,
    ) {
        let name = attribute.name.as_str();
        if accepted.get(name).is_some() || failures.contains(&name) {
            return;
        }
        self.enter(name);
        let present = present.filter(|present| !present.is_unassigned());
        let is_read_only = is_read_only(attribute);
        match (present, attribute.mutability) {
            (Some(present), _) if is_read_only => {
                accepted.insert(name, present.clone());
            }
            (Some(present), Mutability::WriteOnly | Mutability::Immutable) if self.mode == Mode::Replace => {
                accepted.insert(name, present.clone());
            }
            (Some(_), Mutability::Immutable) => self.violation(ScimType::Mutability, "cannot be removed".to_owned()),
            // R7643-4.2-01: what was there and must stay cannot be removed; what never was there is missing.
            (Some(_), _) if attribute.is_required && is_required_here && self.mode == Mode::Patch => {
                self.violation(ScimType::Mutability, "is required".to_owned());
            }
            _ if attribute.is_required && is_required_here && !is_read_only => {
                self.violation(ScimType::InvalidValue, "is required".to_owned());
            }
            _ => {}
        }
        self.leave();
    }

    fn check_immutable(&mut self, attribute: &Attribute, value: &Value, present: Option<&Value>) {
        let present = present.filter(|present| !present.is_unassigned());
        if attribute.mutability == Mutability::Immutable && present.is_some_and(|present| !is_same(attribute, present, value)) {
            self.violation(ScimType::Mutability, "cannot change".to_owned());
        }
    }

    /// The value in its canonical form; `None` if it is unassigned or faulty.
    fn value(&mut self, attribute: &'a Attribute, value: &Value, present: Option<&Value>) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::List(values) if values.iter().all(Value::is_unassigned) => None,
            Value::List(values) if attribute.is_multi_valued => {
                let values = self.elements(attribute, values, present);
                (!values.is_empty()).then_some(Value::List(values))
            }
            other if attribute.is_multi_valued => {
                self.violation(ScimType::InvalidValue, format!("must be a list of values, found {}", simple::kind(other)));
                None
            }
            single => self.single(attribute, single, present),
        }
    }

    pub(super) fn single(&mut self, attribute: &'a Attribute, value: &Value, present: Option<&Value>) -> Option<Value> {
        let accepted = self.typed(attribute, value, present)?;
        if let (Some(format), Value::String(text)) = (self.format(), &accepted)
            && !format.fits(text)
        {
            self.violation(ScimType::InvalidValue, format!("must be {}", format.expected()));
            return None;
        }
        Some(accepted)
    }

    /// The form that the standard prescribes for text at the present place.
    fn format(&self) -> Option<Format> {
        if !self.has_formats || self.is_unchanged {
            return None;
        }
        match *self.place.as_slice() {
            [Step::Name(attribute)] => Format::of(attribute, None),
            [Step::Name(attribute), Step::Element(_), Step::Name(sub_attribute)] => Format::of(attribute, Some(sub_attribute)),
            _ => None,
        }
    }

    fn typed(&mut self, attribute: &'a Attribute, value: &Value, present: Option<&Value>) -> Option<Value> {
        match (attribute.type_, value) {
            (AttributeType::Complex, Value::Complex(body)) => self.complex(attribute, body, present),
            (AttributeType::Complex, Value::String(text))
                if attribute.sub_attribute("value").is_some() && self.tolerate(Tolerance::StringForComplex) =>
            {
                let body = if text.is_empty() { return None } else { ComplexValue::from_iter([("value", text.as_str())]) };
                self.complex(attribute, &body, present)
            }
            (AttributeType::Boolean, Value::String(text)) => {
                let truth = [true, false].into_iter().find(|truth| text.eq_ignore_ascii_case(if *truth { "true" } else { "false" }));
                match truth {
                    Some(truth) if self.tolerate(Tolerance::StringBooleans) => Some(Value::Boolean(truth)),
                    _ => self.mismatch(attribute, value),
                }
            }
            (AttributeType::String, Value::String(text)) => self.text(attribute, text),
            (type_, value) if simple::fits(type_, value) => Some(value.clone()),
            _ => self.mismatch(attribute, value),
        }
    }

    pub(super) fn mismatch(&mut self, attribute: &Attribute, value: &Value) -> Option<Value> {
        let (expected, found) = (simple::expected(attribute.type_), simple::kind(value));
        let found = if matches!(value, Value::String(_)) && !matches!(attribute.type_, AttributeType::Boolean | AttributeType::Complex) {
            "another string"
        } else {
            found
        };
        self.violation(ScimType::InvalidValue, format!("must be {expected}, found {found}"));
        None
    }

    fn text(&mut self, attribute: &Attribute, text: &str) -> Option<Value> {
        // R7643-4.1.1-01: what is required is not empty.
        if attribute.is_required && text.trim().is_empty() {
            self.violation(ScimType::InvalidValue, "is required and must not be empty".to_owned());
            return None;
        }
        if attribute.canonical_values.is_empty() {
            return Some(Value::from(text));
        }
        let is_canonical = |canonical: &&String| {
            if attribute.case_exact { **canonical == *text } else { compare::text_key(canonical, false) == compare::text_key(text, false) }
        };
        match attribute.canonical_values.iter().find(is_canonical) {
            Some(canonical) => Some(Value::from(canonical.as_str())),
            None if self.policy.enforces_canonical_values => {
                self.violation(ScimType::InvalidValue, format!("must be one of `{}`", attribute.canonical_values.join("`, `")));
                None
            }
            None => Some(Value::from(text)),
        }
    }

    fn complex(&mut self, attribute: &'a Attribute, body: &ComplexValue, present: Option<&Value>) -> Option<Value> {
        if attribute.sub_attributes.is_empty() {
            return Some(Value::Complex(body.clone()));
        }
        let present = present.and_then(Value::as_complex);
        let before = self.violations.len();
        let mut accepted = ComplexValue::new();
        for (name, value) in body.iter() {
            let Some(sub_attribute) = attribute.sub_attribute(name) else {
                self.unknown(name);
                continue;
            };
            if sub_attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            self.enter(sub_attribute.name.as_str());
            let present = present.and_then(|present| present.get(name));
            if let Some(value) = self.value(sub_attribute, value, present) {
                self.check_immutable(sub_attribute, &value, present);
                accepted.insert(sub_attribute.name.as_str(), value);
            }
            self.leave();
        }
        if accepted.is_empty() || self.violations.len() > before {
            return None;
        }
        if let Some(present) = present {
            self.keep_sub_attributes(attribute, present, &mut accepted);
        }
        for sub_attribute in &attribute.sub_attributes {
            let is_missing = sub_attribute.is_required && sub_attribute.mutability != Mutability::ReadOnly;
            if is_missing && accepted.get(sub_attribute.name.as_str()).is_none() {
                self.enter(sub_attribute.name.as_str());
                self.violation(ScimType::InvalidValue, "is required".to_owned());
                self.leave();
            }
        }
        Some(Value::Complex(accepted))
    }

    /// Sub-attributes that the body leaves out and that stay as they are.
    fn keep_sub_attributes(&mut self, attribute: &'a Attribute, present: &ComplexValue, accepted: &mut ComplexValue) {
        let is_same_thing = match (present.get("value"), accepted.get("value")) {
            (Some(present), Some(accepted)) => present == accepted,
            _ => true,
        };
        for sub_attribute in &attribute.sub_attributes {
            let name = sub_attribute.name.as_str();
            let Some(value) = present.get(name).filter(|value| !value.is_unassigned()) else { continue };
            if accepted.get(name).is_some() {
                continue;
            }
            let is_kept = match sub_attribute.mutability {
                Mutability::ReadOnly => is_same_thing,
                Mutability::Immutable => is_same_thing || !attribute.is_multi_valued,
                Mutability::WriteOnly => self.mode == Mode::Replace && is_same_thing,
                Mutability::ReadWrite => false,
            };
            if is_kept {
                accepted.insert(name, value.clone());
            }
        }
    }
}

/// Whether no part of an attribute can be written.
fn is_read_only(attribute: &Attribute) -> bool {
    let mut subs = attribute.sub_attributes.iter();
    attribute.mutability == Mutability::ReadOnly
        || (!attribute.sub_attributes.is_empty() && subs.all(|sub_attribute| sub_attribute.mutability == Mutability::ReadOnly))
}

/// Whether an immutable complex value is the present one in all that a client can write of it.
fn is_written_again(attribute: &Attribute, present: &Value, value: &Value) -> bool {
    let has_read_only = || attribute.sub_attributes.iter().any(|sub_attribute| sub_attribute.mutability == Mutability::ReadOnly);
    attribute.mutability == Mutability::Immutable
        && has_read_only()
        && without_read_only(attribute, present).is_equivalent(&without_read_only(attribute, value))
}

fn without_read_only(attribute: &Attribute, value: &Value) -> Value {
    let mut value = value.clone();
    let elements = match &mut value {
        Value::List(elements) => elements.as_mut_slice(),
        single => std::slice::from_mut(single),
    };
    let is_read_only = |name: &str| attribute.sub_attribute(name).is_some_and(|sub| sub.mutability == Mutability::ReadOnly);
    for members in elements.iter_mut().filter_map(Value::as_complex_mut) {
        members.retain(|name, _| !is_read_only(name));
    }
    value
}

/// Whether an immutable value stays the same.
fn is_same(attribute: &Attribute, present: &Value, value: &Value) -> bool {
    match (present, value) {
        (Value::String(present), Value::String(value)) => match attribute.type_ {
            AttributeType::Reference => simple::is_same_reference(present, value),
            AttributeType::DateTime => compare::instant(present) == compare::instant(value),
            _ => compare::text_key(present, attribute.compares_case_exact()) == compare::text_key(value, attribute.compares_case_exact()),
        },
        (present, value) => present.is_equivalent(value),
    }
}
