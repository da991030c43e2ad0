//! The part of a target's resource that mappings own.

use scimkit_types::{ComplexValue, Resource, Value};

use super::{Desired, MappingSet};
use crate::target::Target;

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
                target.place(&mut managed, target.values_in(resource));
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

    /// What a resource is to be: the managed part of the present one with the desired attributes in their places and the cleared ones
    /// removed. Attributes that are left out stay. References are not touched.
    pub fn expected(&self, current: &Resource, desired: &Desired) -> Resource {
        let mut expected = self.managed(current);
        for mapping in &self.mappings {
            let target = &mapping.target;
            if target.is_reference() {
                continue;
            }
            let values = target.values_in(&desired.resource);
            if !values.is_empty() || desired.cleared.contains(&target.text) {
                target.remove_from(&mut expected);
            }
        }
        for mapping in &self.mappings {
            if !mapping.target.is_reference() {
                mapping.target.place(&mut expected, mapping.target.values_in(&desired.resource));
            }
        }
        self.set_schemas(&mut expected);
        expected
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
