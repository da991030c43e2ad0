//! The part of a target's resource that mappings own.

use scimkit_types::{ComplexValue, Resource, Value};

use super::{Desired, Mapping, MappingSet, Source};
use crate::schema::FlowType;
use crate::target::Target;
use crate::values::Values;

impl MappingSet {
    /// The part of a resource that the mappings own: the mapped attributes, of lists the elements that the paths select, of references
    /// their values only. `schemas` names the base schema and the extensions that occur.
    pub fn managed(&self, resource: &Resource) -> Resource {
        let mut managed = Resource::new([self.schema.as_str()]);
        for (number, mapping) in self.mappings.iter().enumerate() {
            let target = &mapping.target;
            let Some(value) = target.attribute_in(resource).filter(|value| !value.is_unassigned()) else { continue };
            if target.is_reference() {
                let values = value.elements().iter().map(reference_value).collect();
                target.place_whole(&mut managed, values);
            } else if target.leaf.is_none() || target.is_single() {
                target.place(&mut managed, Values::from(target.values_in(resource)));
            } else {
                // The first of the mappings that share elements gathers what all of them own.
                let is_first = !self.mappings.iter().take(number).any(|other| other.target.is_same_element(target));
                if is_first {
                    let elements = value.elements().iter().filter(|element| target.meets(element));
                    let elements = elements.filter_map(|element| self.owned_part(target, element.as_complex()?)).collect();
                    append(target, &mut managed, elements);
                }
            }
        }
        self.set_schemas(&mut managed);
        managed
    }

    /// What a resource that exists is to be: the managed part of it with the desired attributes in their places and the cleared ones
    /// removed, as far as each mapping's flow type lets them flow. Attributes that are left out stay. References are not touched.
    ///
    /// `current` is what the target has, or what was last exported to it. Since the object exists, what flows only when an object is
    /// created does not, and neither does a default, but that of a mapping without source, if the target has no value.
    pub fn expected(&self, current: &Resource, desired: &Desired) -> Resource {
        self.expected_of(self.managed(current), desired)
    }

    /// What [`expected`](Self::expected) gives for a resource of which the [managed](Self::managed) part is known.
    pub fn expected_of(&self, managed: Resource, desired: &Desired) -> Resource {
        let mut expected = managed;
        let mappings = self.mappings.iter().filter(|mapping| !mapping.target.is_reference());
        let flowing: Vec<(&Target, Vec<Value>)> =
            mappings.filter_map(|mapping| Some((&mapping.target, mapping.flowing(&expected, desired)?))).collect();
        for (target, _) in &flowing {
            target.remove_from(&mut expected);
        }
        for (target, values) in flowing {
            target.place(&mut expected, Values::from(values));
        }
        self.set_schemas(&mut expected);
        expected
    }

    /// When the value of the mapping to a target attribute flows; `None` if there is no such mapping.
    pub fn flow_type(&self, target: &str) -> Option<FlowType> {
        let mapping = self.mappings.iter().find(|mapping| mapping.target.text.eq_ignore_ascii_case(target))?;
        Some(mapping.flow_type)
    }

    fn owned_part(&self, target: &Target, element: &ComplexValue) -> Option<Value> {
        let mut owned = target.new_element();
        let sharing = self.mappings.iter().filter(|mapping| mapping.target.is_same_element(target));
        let mut is_empty = true;
        for leaf in sharing.filter_map(|mapping| mapping.target.leaf.as_ref()) {
            if let Some(value) = element.get(leaf.name.as_str()).filter(|value| !value.is_unassigned()) {
                owned.insert(leaf.name.as_str(), value.clone());
                is_empty = false;
            }
        }
        (!is_empty).then_some(Value::Complex(owned))
    }
}

impl Mapping {
    /// The values that the attribute of an existing object is to have; `None` if it keeps those that it has.
    fn flowing(&self, current: &Resource, desired: &Desired) -> Option<Vec<Value>> {
        let target = &self.target;
        if self.flows_once() {
            return None;
        }
        let values = target.values_in(&desired.resource);
        if values.is_empty() && !desired.cleared.contains(&target.text) {
            return None;
        }
        if self.flow_type == FlowType::Always && !desired.defaulted.contains(&target.text) {
            return Some(values);
        }
        let present = target.values_in(current);
        if desired.defaulted.contains(&target.text) {
            return (matches!(self.source, Source::Default) && present.is_empty()).then_some(values);
        }
        self.flow_type.merge(&present, &values, !target.is_single(), is_same_value)
    }
}

/// Whether two values of a list are the same one: equal, or complex and with the same `value`.
fn is_same_value(left: &Value, right: &Value) -> bool {
    let value = |of: &Value| of.as_complex().and_then(|of| of.get("value").cloned());
    left.is_equivalent(right) || value(left).is_some_and(|left| value(right).is_some_and(|right| left.is_equivalent(&right)))
}

/// Adds elements behind those that the attribute has.
fn append(target: &Target, resource: &mut Resource, elements: Vec<Value>) {
    let mut all = target.attribute_in(resource).map(|value| value.elements().to_vec()).unwrap_or_default();
    all.extend(elements);
    target.place_whole(resource, all);
}

fn reference_value(reference: &Value) -> Value {
    match reference.as_complex().and_then(|reference| reference.get("value")) {
        Some(value) => Value::Complex(std::iter::once(("value", value.clone())).collect()),
        None => reference.clone(),
    }
}
