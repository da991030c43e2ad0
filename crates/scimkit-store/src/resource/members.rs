//! The members of one attribute of one resource, in memory.

use std::collections::{BTreeMap, HashMap};

use scimkit_types::Value;

/// Large multi-valued references in the order in which they were added; adding and removing one does not depend on how many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// The name of the attribute.
    pub(super) attribute: String,
    positions: HashMap<String, u64>,
    elements: BTreeMap<u64, (String, Value)>,
    next: u64,
}

impl Members {
    pub(super) fn new(attribute: &str) -> Self {
        Self { attribute: attribute.to_owned(), ..Self::default() }
    }

    /// Adds an element or replaces the one of the same key in its place; `false` if it was there already.
    pub(super) fn add(&mut self, key: &str, member: Value) -> bool {
        if let Some(known) = self.positions.get(key).and_then(|position| self.elements.get_mut(position)) {
            if known.1 == member {
                return false;
            }
            known.1 = member;
            return true;
        }
        self.positions.insert(key.to_owned(), self.next);
        self.elements.insert(self.next, (key.to_owned(), member));
        self.next += 1;
        true
    }

    /// Removes an element; `false` if there is none.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.positions.remove(key).is_some_and(|position| self.elements.remove(&position).is_some())
    }

    /// Removes all elements and returns their keys.
    pub(super) fn clear(&mut self) -> Vec<String> {
        self.positions.clear();
        std::mem::take(&mut self.elements).into_values().map(|(key, _)| key).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.elements.values().map(|(key, _)| key.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The elements as the value of the attribute.
    pub(super) fn to_value(&self) -> Value {
        Value::List(self.elements.values().map(|(_, member)| member.clone()).collect())
    }
}
