//! Multi-valued attributes: appending without duplicates, selecting by a filter, and the rule of one primary.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use scimkit_types::{Attribute, ComplexValue, Mutability, Tolerance, Value, compare};

use super::{Action, Verb, list_in};
use crate::equal::{has_same_identity, identity, is_reference_list};
use crate::error::PatchError;
use crate::scope::{Place, Scope};
use crate::target::{ElementFilter, is_complex};

impl<'a> Scope<'a> {
    /// Adds elements to a list or puts them in its place.
    pub(super) fn write_list(
        &mut self,
        container: &mut ComplexValue,
        place: Place<'a>,
        verb: Verb,
        elements: Vec<Value>,
    ) -> Result<(), PatchError> {
        let definition = place.definition();
        if elements.is_empty() {
            return if verb == Verb::Replace { self.clear(container, place) } else { Ok(()) };
        }
        let list = list_in(container, definition.name.as_str());
        let written = match verb {
            Verb::Add => self.append(definition, list, elements),
            Verb::Replace => {
                let elements = carry_over(definition, list, elements);
                if is_reference_list(definition) {
                    self.retain(list, |_| false);
                    self.append(definition, list, elements)
                } else {
                    *list = elements;
                    (0..list.len()).collect()
                }
            }
        };
        self.settle_primary(list, place, &written)
    }

    /// Keeps the elements for which `keep` is true.
    pub(super) fn retain(&mut self, list: &mut Vec<Value>, keep: impl FnMut(&Value) -> bool) {
        match &mut self.journal {
            Some(journal) => journal.retain(list, keep),
            None => list.retain(keep),
        }
    }

    /// Appends what is not there yet and merges what is. Returns the indexes of all elements that were given.
    fn append(&mut self, definition: &Attribute, list: &mut Vec<Value>, elements: Vec<Value>) -> Vec<usize> {
        let mut known = (elements.len() > SEARCHED).then(|| places(definition, list, &elements));
        let mut written = Vec::with_capacity(elements.len());
        for element in elements {
            let found = match &mut known {
                Some(known) => known.get(&identity(definition, &element)).copied(),
                None => list.iter().position(|present| has_same_identity(definition, present, &element)),
            };
            if let Some(index) = found {
                if let (Some(present), Value::Complex(given)) = (list.get_mut(index), element) {
                    let before = self.journal.as_ref().map(|_| present.clone());
                    present.as_complex_mut().into_iter().for_each(|members| overlay(members, &given));
                    if let (Some(journal), Some(before)) = (&mut self.journal, before) {
                        journal.merged(index, before, present);
                    }
                }
                written.push(index);
            } else {
                if let Some(known) = &mut known {
                    known.insert(identity(definition, &element), list.len());
                }
                written.push(list.len());
                match &mut self.journal {
                    Some(journal) => journal.append(list, element),
                    None => list.push(element),
                }
            }
        }
        written
    }

    /// Removes the elements that are given (AMB-28): references by their `value`, other elements by what is said of them.
    pub(super) fn remove_given(&mut self, container: &mut ComplexValue, place: Place<'a>, value: Value) -> Result<(), PatchError> {
        let definition = place.definition();
        let name = definition.name.as_str();
        // Some peers repeat the name: `{"members": [..]}` with the path `members`.
        let value = match value {
            Value::Complex(mut members) if definition.sub_attribute(name).is_none() && members.get(name).is_some() => {
                members.remove(name).unwrap_or_default()
            }
            other => other,
        };
        let wanted = self.elements(place, value)?;
        let list = list_in(container, name);
        if is_reference_list(definition) {
            let is_exact = definition.sub_attribute("value").is_some_and(Attribute::compares_case_exact);
            let wanted: HashSet<Cow<'_, str>> = wanted.iter().filter_map(|element| value_key(element, is_exact)).collect();
            self.retain(list, |element| value_key(element, is_exact).is_none_or(|key| !wanted.contains(&key)));
        } else {
            self.retain(list, |element| !wanted.iter().any(|wanted| is_meant(definition, wanted, element)));
        }
        self.settle_list(container, place)
    }

    /// Does something to the elements that meet the filter, or to all of them (AMB-41).
    pub(super) fn selected(
        &mut self,
        container: &mut ComplexValue,
        place: Place<'a>,
        filter: Option<&ElementFilter>,
        action: Action,
    ) -> Result<(), PatchError> {
        let list = list_in(container, place.attribute.name.as_str());
        let is_met = |element: &Value| filter.is_none_or(|filter| filter.matches(element));
        match action {
            Action::Write(verb, value) => {
                let matches: Vec<usize> = list.iter().enumerate().filter(|(_, element)| is_met(element)).map(|(index, _)| index).collect();
                if matches.is_empty() {
                    self.create_element(list, place, filter, verb, value)?;
                } else {
                    let clears = is_clearing(&value);
                    self.write_elements(list, place, &matches, verb, &value)?;
                    if clears {
                        self.drop_hollow(list, filter);
                    }
                }
            }
            Action::Remove | Action::RemoveGiven(_) if place.sub_attribute.is_none() => self.retain(list, |element| !is_met(element)),
            Action::Remove | Action::RemoveGiven(_) => {
                for element in list.iter_mut().filter(|element| is_met(element)) {
                    if let Value::Complex(members) = element {
                        self.clear(members, place)?;
                    }
                }
                self.drop_hollow(list, filter);
            }
        }
        self.settle_list(container, place)
    }

    fn write_elements(
        &mut self,
        list: &mut Vec<Value>,
        place: Place<'a>,
        matches: &[usize],
        verb: Verb,
        value: &Value,
    ) -> Result<(), PatchError> {
        let is_removal = place.sub_attribute.is_none() && is_clearing(value);
        if is_removal && (value.is_unassigned() || self.tolerate(Tolerance::EmptyClears)) {
            let mut index = 0;
            list.retain(|_| {
                index += 1;
                matches.binary_search(&(index - 1)).is_err()
            });
            return Ok(());
        }
        let mut writes_primary = place.sub_attribute.is_some_and(|sub_attribute| sub_attribute.name == *"primary");
        let whole = match place.sub_attribute {
            Some(_) => None,
            None => Some(self.one_element(place, value.clone())?),
        };
        if let Some(Value::Complex(members)) = &whole {
            writes_primary = members.get("primary").is_some();
        }
        for index in matches {
            let Some(element) = list.get_mut(*index) else { continue };
            match (&whole, &mut *element) {
                (None, Value::Complex(members)) => self.write(members, place, verb, value.clone())?,
                (Some(Value::Complex(given)), Value::Complex(members)) => self.merge(members, place, given.clone())?,
                (Some(simple), element) => *element = simple.clone(),
                (None, _) => return Err(self.mistyped(place.parent(), element)),
            }
        }
        if writes_primary { self.settle_primary(list, place.parent(), matches) } else { Ok(()) }
    }

    /// The value for a whole element; members that are null stay, as they clear.
    fn one_element(&mut self, place: Place<'a>, value: Value) -> Result<Value, PatchError> {
        if !is_complex(place) {
            return self.simple(place, value);
        }
        match self.sole(value) {
            Value::Complex(members) => self.complex(place, members).map(Value::Complex),
            Value::String(text) => self.text_for_complex(place, text),
            other => Err(self.mistyped(place, &other)),
        }
    }

    /// Makes the element that the filter describes, if that is tolerated (R7644-3.5.2.1-07).
    fn create_element(
        &mut self,
        list: &mut Vec<Value>,
        place: Place<'a>,
        filter: Option<&ElementFilter>,
        verb: Verb,
        value: Value,
    ) -> Result<(), PatchError> {
        let no_match = PatchError::NoMatch { operation: self.operation, path: place.parent().to_string() };
        if !is_complex(place.parent()) || !self.allows(Tolerance::CreateFilteredElement) {
            return Err(no_match);
        }
        let Some(equalities) = filter.map_or(Some(Vec::new()), ElementFilter::equalities) else { return Err(no_match) };
        let mut members = ComplexValue::new();
        for (name, value) in equalities {
            let sub_attribute =
                place.attribute.sub_attribute(name).filter(|sub_attribute| sub_attribute.mutability != Mutability::ReadOnly);
            let Some(sub_attribute) = sub_attribute else { return Err(no_match) };
            self.write(&mut members, place.child(sub_attribute), Verb::Replace, value)?;
        }
        self.tolerate(Tolerance::CreateFilteredElement);
        // Clearing what is not there makes nothing.
        if is_clearing(&value) && (value.is_unassigned() || self.tolerate(Tolerance::EmptyClears)) {
            return Ok(());
        }
        if place.sub_attribute.is_some() {
            self.write(&mut members, place, verb, value)?;
        } else {
            let Value::Complex(given) = self.one_element(place, value)? else { return Ok(()) };
            for (name, value) in given.into_members() {
                if !value.is_unassigned() {
                    members.insert(name, value);
                }
            }
        }
        list.push(Value::Complex(members));
        let last = list.len().saturating_sub(1);
        self.settle_primary(list, place.parent(), &[last])
    }

    /// Lets elements go that have nothing assigned. For a peer that relies on elements being created from a filter, also those of which
    /// only the filter's own values are left: it takes `emails[type eq "work"]` without `value` for no e-mail.
    fn drop_hollow(&self, list: &mut Vec<Value>, filter: Option<&ElementFilter>) {
        let described = if self.allows(Tolerance::CreateFilteredElement) { filter.and_then(ElementFilter::equalities) } else { None };
        list.retain(|element| {
            let Value::Complex(members) = element else { return !element.is_unassigned() };
            let is_described = |name: &str, value: &Value| {
                described.as_deref().unwrap_or_default().iter().any(|(described, wanted)| {
                    described.eq_ignore_ascii_case(name)
                        && !name.eq_ignore_ascii_case("value")
                        && (wanted == value
                            || wanted.as_str().zip(value.as_str()).is_some_and(|(left, right)| left.eq_ignore_ascii_case(right)))
                })
            };
            let is_idle = |(name, value): (&str, &Value)| {
                value.is_unassigned() || (described.is_some() && (name.eq_ignore_ascii_case("primary") || is_described(name, value)))
            };
            !members.iter().all(is_idle)
        });
    }

    /// Sees to it that at most one element is primary, the one just written (R7644-3.5.2-15, AMB-04, AMB-39).
    fn settle_primary(&mut self, list: &mut [Value], place: Place<'a>, written: &[usize]) -> Result<(), PatchError> {
        if place.definition().sub_attribute("primary").is_none() {
            return Ok(());
        }
        let is_primary = |element: Option<&Value>| {
            element.and_then(Value::as_complex).and_then(|members| members.get("primary")).and_then(Value::as_bool) == Some(true)
        };
        let mut primaries = written.iter().copied().filter(|index| is_primary(list.get(*index)));
        let Some(winner) = primaries.next_back() else { return Ok(()) };
        if primaries.next().is_some() && !self.tolerate(Tolerance::LastPrimaryWins) {
            return Err(PatchError::SeveralPrimaries { operation: self.operation, path: place.to_string() });
        }
        for (index, element) in list.iter_mut().enumerate() {
            if let Value::Complex(members) = element
                && index != winner
                && members.get("primary").and_then(Value::as_bool) == Some(true)
            {
                members.insert("primary", false);
            }
        }
        Ok(())
    }
}

/// Whether the value stands for none, or does so to a peer that clears with empty text.
fn is_clearing(value: &Value) -> bool {
    value.is_unassigned() || value.as_str() == Some("")
}

/// The number of new elements up to which the list is searched for each.
const SEARCHED: usize = 4;

/// The index of the first element of the list with each of the identities that the new elements have.
fn places(definition: &Attribute, list: &[Value], elements: &[Value]) -> HashMap<String, usize> {
    // Most elements of a long list are told from the new ones by their `value` alone.
    let values: HashSet<Option<&str>> = elements.iter().map(text_value).collect();
    let candidates = list.iter().enumerate().rev().filter(|(_, present)| values.contains(&text_value(present)));
    candidates.map(|(index, present)| (identity(definition, present), index)).collect()
}

fn text_value(element: &Value) -> Option<&str> {
    element.as_complex()?.get("value")?.as_str()
}

fn value_key(element: &Value, is_exact: bool) -> Option<Cow<'_, str>> {
    text_value(element).map(|text| compare::text_key(text, is_exact))
}

/// Sets what is said of an element that is there already.
fn overlay(present: &mut ComplexValue, given: &ComplexValue) {
    for (name, value) in given.iter() {
        let says_nothing = name.eq_ignore_ascii_case("primary") && value.as_bool() == Some(false) && present.get(name).is_none();
        if !says_nothing && present.get(name) != Some(value) {
            present.insert(name, value.clone());
        }
    }
}

/// Keeps what only the service provider says of elements that stay.
fn carry_over(definition: &Attribute, before: &[Value], mut elements: Vec<Value>) -> Vec<Value> {
    let read_only: Vec<&Attribute> =
        definition.sub_attributes.iter().filter(|sub_attribute| sub_attribute.mutability == Mutability::ReadOnly).collect();
    if read_only.is_empty() || before.is_empty() {
        return elements;
    }
    let known: HashMap<String, &Value> = before.iter().map(|element| (identity(definition, element), element)).collect();
    for element in &mut elements {
        let Some(Value::Complex(before)) = known.get(&identity(definition, element)) else { continue };
        let Value::Complex(members) = element else { continue };
        for sub_attribute in &read_only {
            if let Some(value) = before.get(sub_attribute.name.as_str()) {
                members.insert(&sub_attribute.name, value.clone());
            }
        }
    }
    elements
}

/// Whether the element is the one that a peer describes: all that is said of it is so, but for what follows from the rest.
fn is_meant(definition: &Attribute, wanted: &Value, element: &Value) -> bool {
    let (Value::Complex(wanted), Value::Complex(element)) = (wanted, element) else { return wanted == element };
    let mut said = wanted
        .iter()
        .filter(|(name, _)| !["$ref", "display", "primary"].iter().any(|derived| derived.eq_ignore_ascii_case(name)))
        .peekable();
    said.peek().is_some()
        && said.all(|(name, value)| {
            let is_exact = definition.sub_attribute(name).is_some_and(Attribute::compares_case_exact);
            match (element.get(name), value) {
                (Some(Value::String(left)), Value::String(right)) => {
                    compare::text_key(left, is_exact) == compare::text_key(right, is_exact)
                }
                (Some(left), right) => left == right,
                (None, _) => false,
            }
        })
}
