//! Multi-valued attributes: the whole list, or its elements one by one.

use std::collections::{HashMap, HashSet};

use scimkit_filter::{AttributePath, Filter, PatchPath, ValuePath};
use scimkit_types::{
    Attribute, AttributeName, AttributeType, ComplexValue, Mutability, OperationKind, PatchOperation, Returned, Value, compare,
};

use super::Differ;
use super::assign::Assignment;
use super::normal::is_primary;
use super::singular::{is_derived, sub_attributes};
use crate::equal::{identity, is_reference_list, is_same, is_same_list, key};
use crate::error::DiffError;
use crate::scope::Place;

/// A list for which both ways are open.
#[derive(Debug)]
pub(super) struct ListPlan<'a> {
    place: Place<'a>,
    steps: Vec<PatchOperation>,
    whole: Value,
}

/// The most elements of a list that are addressed one by one when the whole list can be replaced as well.
const MAX_ADDRESSED: usize = 64;

/// The longest text that a filter compares with.
const MAX_TEXT: usize = 1024;

pub(super) fn into_elements(value: Value) -> Vec<Value> {
    match value {
        Value::List(elements) => elements,
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

impl<'a> Differ<'a, '_> {
    pub(super) fn list(&mut self, place: Place<'a>, current: Vec<Value>, desired: Vec<Value>) -> Result<(), DiffError> {
        let can_replace = self.options.can_replace_lists && !desired.is_empty();
        let is_reference = is_reference_list(place.attribute);
        let steps = if is_reference {
            match self.reference_steps(place, &current, &desired) {
                None if is_same_list(&current, &desired) => Some(Vec::new()),
                None if has_duplicates(&desired) => return Err(DiffError::NotExpressible { path: place.to_string() }),
                steps => steps,
            }
        } else if can_replace && current.len().max(desired.len()) > MAX_ADDRESSED {
            None
        } else {
            Steps::new(place, current, self.options.has_value_paths).to(&desired)
        };
        match steps {
            Some(steps) if is_reference || !can_replace => self.after.extend(steps),
            Some(steps) => self.lists.push(ListPlan { place, steps, whole: Value::List(desired) }),
            None if can_replace => self.assignments.push(Assignment::whole(place, Value::List(desired))),
            None => return Err(DiffError::NotExpressible { path: place.to_string() }),
        }
        Ok(())
    }

    /// Takes the smaller way for each list: fewest operations, then fewest bytes.
    pub(super) fn choose_lists(&mut self) {
        for plan in std::mem::take(&mut self.lists) {
            let is_merged = !self.is_path_required && !self.assignments.is_empty();
            let path = plan.place.to_string();
            let whole = PatchOperation::new(OperationKind::Replace, Some(path), Some(plan.whole));
            let whole_cost = (usize::from(!is_merged), size(&whole));
            let steps_cost = (plan.steps.len(), plan.steps.iter().map(size).sum());
            if steps_cost <= whole_cost {
                self.after.extend(plan.steps);
            } else {
                self.assignments.push(Assignment::whole(plan.place, whole.value.unwrap_or_default()));
            }
        }
    }

    /// One addition for all new references and a removal for each that goes; `None` if that does not lead to the desired list.
    fn reference_steps(&self, place: Place<'a>, current: &[Value], desired: &[Value]) -> Option<Vec<PatchOperation>> {
        let before = by_value(current)?;
        let after = by_value(desired)?;
        let step = |value: &str, element: &ComplexValue| {
            let Some(before) = before.get(value) else { return Step::Add };
            let (set, mut gone) = sub_attributes(before, element);
            if self.options.ignores_derived {
                gone.retain(|name| !is_derived(name));
            }
            match (set.is_empty(), gone.is_empty()) {
                (true, true) => Step::Keep,
                (false, true) => Step::Add,
                (_, false) => Step::Renew,
            }
        };
        let mut kept = 0;
        let (mut steps, mut added) = (Vec::new(), Vec::new());
        for element in desired {
            let Value::Complex(members) = element else { return None };
            let value = value_of(members)?;
            let step = step(value, members);
            kept += usize::from(step != Step::Renew && before.contains_key(value));
            if step != Step::Keep {
                added.push(element.clone());
            }
        }
        for members in current.iter().filter_map(Value::as_complex) {
            let value = value_of(members)?;
            if after.get(value).is_none_or(|desired| step(value, desired) == Step::Renew) {
                steps.push(PatchOperation::new(OperationKind::Remove, Some(selector(place, &[("value", value)])?), None));
            }
        }
        let can_select = (self.options.has_value_paths || self.removes_by_value)
            && can_filter(place.attribute)
            && place.attribute.sub_attribute("value").is_some_and(can_filter);
        if !steps.is_empty() && (!can_select || (kept == 0 && place.attribute.is_required)) {
            return None;
        }
        // Adding a primary element would change the others.
        if added.iter().filter_map(Value::as_complex).any(is_primary) {
            return None;
        }
        if !added.is_empty() {
            steps.push(PatchOperation::new(OperationKind::Add, Some(place.to_string()), Some(Value::List(added))));
        }
        Some(steps)
    }
}

/// Whether a filter may name the attribute: not if its values are never returned.
fn can_filter(attribute: &Attribute) -> bool {
    attribute.returned != Returned::Never
}

/// What becomes of a reference that is desired.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Keep,
    /// It is new, or gets more sub-attributes: adding one that is there merges.
    Add,
    /// It has sub-attributes that it must lose: it is removed and added.
    Renew,
}

fn value_of(members: &ComplexValue) -> Option<&str> {
    members.get("value").and_then(Value::as_str).filter(|value| !value.is_empty() && value.len() <= MAX_TEXT)
}

/// Whether two references have the same `value`, which no operation leads to.
fn has_duplicates(elements: &[Value]) -> bool {
    let mut known = HashSet::with_capacity(elements.len());
    let value = |element| Value::as_complex(element).and_then(|members| members.get("value")).and_then(Value::as_str);
    elements.iter().filter_map(value).any(|value| !known.insert(value))
}

/// References by their `value`; `None` if one has none or two have the same.
fn by_value(elements: &[Value]) -> Option<HashMap<&str, &ComplexValue>> {
    let mut map = HashMap::with_capacity(elements.len());
    for element in elements {
        let members = element.as_complex()?;
        if map.insert(value_of(members)?, members).is_some() {
            return None;
        }
    }
    Some(map)
}

fn size(operation: &PatchOperation) -> usize {
    let path = operation.path.as_ref().map_or(0, |path| path.len() + r#""path":"","#.len());
    let value =
        operation.value.as_ref().and_then(|value| serde_json::to_string(value).ok()).map_or(0, |text| text.len() + r#","value":"#.len());
    r#"{"op":""},"#.len() + operation.kind.as_str().len() + path + value
}

/// The path of the elements that have these texts.
fn selector(place: Place<'_>, equalities: &[(&str, &str)]) -> Option<String> {
    let mut path = AttributePath::new(place.attribute.name.clone());
    path.schema = place.extension.map(|schema| schema.id.clone());
    let terms = equalities.iter().map(|(name, text)| Some(Filter::equal(AttributePath::new(name.parse::<AttributeName>().ok()?), *text)));
    let filter = Filter::and(terms.collect::<Option<Vec<_>>>()?)?;
    Some(PatchPath::ValuePath { value_path: ValuePath::new(path, filter), sub_attribute: None }.to_string())
}

/// A list on its way, one operation after the other.
struct Steps<'a> {
    place: Place<'a>,
    has_value_paths: bool,
    /// The elements; `None` where one was removed.
    slots: Vec<Option<Value>>,
    operations: Vec<PatchOperation>,
}

impl<'a> Steps<'a> {
    fn new(place: Place<'a>, current: Vec<Value>, has_value_paths: bool) -> Self {
        Self { place, has_value_paths, slots: current.into_iter().map(Some).collect(), operations: Vec::new() }
    }

    /// The operations to the desired list; `None` if an element cannot be addressed.
    fn to(mut self, desired: &[Value]) -> Option<Vec<PatchOperation>> {
        let (stale, mut fresh) = self.unmatched(desired);
        let (mut pairs, stale) = self.pairs(stale, &mut fresh);
        if !self.has_value_paths && (!pairs.is_empty() || !stale.is_empty()) {
            return None;
        }
        for (path, met) in self.removals(&stale)? {
            self.operations.push(PatchOperation::new(OperationKind::Remove, Some(path), None));
            for index in met {
                *self.slots.get_mut(index)? = None;
            }
        }
        if self.place.attribute.is_required && self.slots.iter().all(Option::is_none) {
            return None;
        }
        // A new primary unsets the others, so it comes when they are no longer primary.
        pairs.sort_by_key(|(_, element)| element.as_complex().is_some_and(is_primary));
        for (index, element) in pairs {
            self.change(index, element)?;
        }
        self.append(fresh)?;
        let reached = Value::List(self.slots.into_iter().flatten().collect());
        is_same(Some(&reached), Some(&Value::List(desired.to_vec()))).then_some(self.operations)
    }

    /// The indexes of elements that are not desired as they are, and the desired elements that are not there.
    fn unmatched(&self, desired: &[Value]) -> (Vec<usize>, Vec<Value>) {
        let mut there: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, element) in self.slots.iter().enumerate() {
            there.entry(element.as_ref().map(key).unwrap_or_default()).or_default().push(index);
        }
        let mut fresh = Vec::new();
        for element in desired {
            if there.get_mut(&key(element)).and_then(Vec::pop).is_none() {
                fresh.push(element.clone());
            }
        }
        let mut stale: Vec<usize> = there.into_values().flatten().collect();
        stale.sort_unstable();
        (stale, fresh)
    }

    /// Pairs stale elements with fresh ones that take their place: by `value` and `type` if there is one, then by a `type` that is the only one on both
    /// sides. Returns what stays stale.
    fn pairs(&self, stale: Vec<usize>, fresh: &mut Vec<Value>) -> (Vec<(usize, Value)>, Vec<usize>) {
        let text = |element: &Value, name: &str| {
            let text = element.as_complex()?.get(name)?.as_str()?;
            Some(compare::text_key(text, false).into_owned())
        };
        let mut pairs = Vec::new();
        let mut stale: Vec<(usize, &Value)> =
            stale.into_iter().filter_map(|index| Some((index, self.slots.get(index)?.as_ref()?))).collect();
        // No names stand for the identity by which adding an element would merge it with one that is there.
        let has_value = |element: &Value| element.as_complex().is_some_and(|members| members.get("value").is_some());
        for names in [[].as_slice(), &["value", "type"], &["type"]] {
            let signature = |element: &Value| match names {
                [] => has_value(element).then(|| vec![identity(self.place.attribute, element)]),
                names => names.iter().map(|name| text(element, name)).collect::<Option<Vec<String>>>(),
            };
            let mut unpaired = Vec::new();
            for (index, element) in std::mem::take(&mut stale) {
                let wanted = signature(element);
                let is_sole = wanted.is_some()
                    && self.slots.iter().flatten().filter(|other| signature(other) == wanted).count() == 1
                    && fresh.iter().filter(|other| signature(other) == wanted).count() == 1;
                let found = if is_sole { fresh.iter().position(|other| signature(other) == wanted) } else { None };
                match found {
                    Some(position) => pairs.push((index, fresh.remove(position))),
                    None => unpaired.push((index, element)),
                }
            }
            stale = unpaired;
        }
        (pairs, stale.into_iter().map(|(index, _)| index).collect())
    }

    fn change(&mut self, index: usize, desired: Value) -> Option<()> {
        let (Value::Complex(current), Value::Complex(desired)) = (self.slots.get(index)?.clone()?, desired) else { return None };
        let (set, gone) = sub_attributes(&current, &desired);
        let definition = self.place.attribute;
        for name in set.iter().map(|(name, _)| name).chain(gone.iter().map(String::as_str)) {
            let sub_attribute = definition.sub_attribute(name)?;
            let is_immutable = sub_attribute.mutability == Mutability::Immutable && current.get(name).is_some();
            if is_immutable || (sub_attribute.is_required && gone.iter().any(|gone| gone == name)) {
                return None;
            }
        }
        if !set.is_empty() {
            let path = self.address(index)?;
            let sole = if set.len() == 1 { set.iter().next() } else { None };
            let (path, value) = match sole {
                Some((name, value)) => (format!("{path}.{name}"), value.clone()),
                None => (path, Value::Complex(set.clone())),
            };
            self.operations.push(PatchOperation::new(OperationKind::Replace, Some(path), Some(value)));
            if is_primary(&set) {
                self.unset_primary();
            }
            if let Some(Value::Complex(members)) = self.slots.get_mut(index)?.as_mut() {
                for (name, value) in set {
                    members.insert(name, value);
                }
            }
        }
        for name in gone {
            let path = self.address(index)?;
            self.operations.push(PatchOperation::new(OperationKind::Remove, Some(format!("{path}.{name}")), None));
            if let Some(Value::Complex(members)) = self.slots.get_mut(index)?.as_mut() {
                members.remove(&name);
            }
        }
        Some(())
    }

    fn unset_primary(&mut self) {
        for members in self.slots.iter_mut().flatten().filter_map(Value::as_complex_mut) {
            if is_primary(members) {
                members.insert("primary", false);
            }
        }
    }

    fn append(&mut self, fresh: Vec<Value>) -> Option<()> {
        if fresh.is_empty() {
            return Some(());
        }
        let definition = self.place.attribute;
        let mut known: HashSet<String> = self.slots.iter().flatten().map(|element| identity(definition, element)).collect();
        if fresh.iter().any(|element| !known.insert(identity(definition, element))) {
            return None;
        }
        if fresh.iter().filter_map(Value::as_complex).any(is_primary) {
            self.unset_primary();
        }
        self.slots.extend(fresh.iter().cloned().map(Some));
        self.operations.push(PatchOperation::new(OperationKind::Add, Some(self.place.to_string()), Some(Value::List(fresh))));
        Some(())
    }

    /// Paths that together select these elements and no other, each with what it selects; none of them can be left out.
    fn removals(&self, stale: &[usize]) -> Option<Vec<(String, Vec<usize>)>> {
        let mut chosen: Vec<(String, Vec<usize>)> = Vec::new();
        for index in stale {
            if chosen.iter().any(|(_, met)| met.contains(index)) {
                continue;
            }
            let is_stale = |met: &Vec<usize>| !met.is_empty() && met.iter().all(|index| stale.binary_search(index).is_ok());
            let selections = self.selections(*index)?;
            let selections = selections.iter().map(|terms| (terms, self.met(terms))).filter(|(_, met)| is_stale(met));
            // Of the ways that select the most, the first and shortest.
            let (terms, met) = selections.rev().max_by_key(|(_, met)| met.len())?;
            chosen.push((selector(self.place, terms)?, met));
        }
        for place in (0..chosen.len()).rev() {
            let is_met_by_others = |index: &usize| chosen.iter().enumerate().any(|(other, (_, met))| other != place && met.contains(index));
            if chosen.get(place).is_some_and(|(_, met)| met.iter().all(is_met_by_others)) {
                chosen.remove(place);
            }
        }
        Some(chosen)
    }

    /// The shortest path that selects this element and no other.
    fn address(&self, index: usize) -> Option<String> {
        let selections = self.selections(index)?;
        let chosen = selections.iter().find(|terms| self.met(terms).len() == 1)?;
        selector(self.place, chosen)
    }

    /// The ways to select this element, shortest first.
    fn selections(&self, index: usize) -> Option<Vec<Vec<(&str, &str)>>> {
        let texts: Vec<(&str, &str)> = match self.slots.get(index)?.as_ref()? {
            Value::Complex(members) => members.iter().filter_map(|(name, value)| Some((name, self.comparable(name, value)?))).collect(),
            simple => self.comparable("value", simple).map(|text| ("value", text)).into_iter().collect(),
        };
        let pick = |names: &[&str]| -> Option<Vec<(&str, &str)>> {
            names.iter().map(|name| texts.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).copied()).collect()
        };
        let candidates = [pick(&["type"]), pick(&["value"]), pick(&["type", "value"]), Some(texts.clone())];
        Some(candidates.into_iter().flatten().filter(|terms| !terms.is_empty()).collect())
    }

    /// The text that a filter can compare with.
    fn comparable<'v>(&self, name: &str, value: &'v Value) -> Option<&'v str> {
        let attribute = self.place.attribute;
        let definition = if attribute.type_ == AttributeType::Complex { attribute.sub_attribute(name)? } else { attribute };
        let is_text = matches!(definition.type_, AttributeType::String | AttributeType::Reference);
        let can_filter = can_filter(attribute) && can_filter(definition);
        value.as_str().filter(|text| is_text && can_filter && !text.is_empty() && text.len() <= MAX_TEXT)
    }

    /// The indexes of the elements that meet all terms.
    fn met(&self, terms: &[(&str, &str)]) -> Vec<usize> {
        let has = |element: &Value, name: &str, text: &str| {
            let sub_attribute = self.place.attribute.sub_attribute(name);
            let is_exact = sub_attribute.unwrap_or(self.place.attribute).compares_case_exact();
            let found = match element {
                Value::Complex(members) => members.get(name).and_then(Value::as_str),
                simple => simple.as_str(),
            };
            found.is_some_and(|found| compare::text_key(found, is_exact) == compare::text_key(text, is_exact))
        };
        let meets = |element: &&Value| terms.iter().all(|(name, text)| has(element, name, text));
        let there = self.slots.iter().enumerate().filter_map(|(index, element)| Some((index, element.as_ref()?)));
        there.filter(|(_, element)| meets(element)).map(|(index, _)| index).collect()
    }
}
