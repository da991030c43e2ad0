//! What was done to a list of references, so that it can be undone and judged without a copy of the list.

use std::collections::HashMap;

use scimkit_types::{ComplexValue, Value};

use super::list_in;
use crate::equal;

/// All that a request has done to one list of references: its cost is that of the change and not that of the list.
#[derive(Debug)]
pub(crate) struct Journal<'a> {
    name: &'a str,
    entries: Vec<Entry>,
    /// How often elements that are alike came, less how often they went.
    balance: HashMap<String, i64>,
}

#[derive(Debug)]
enum Entry {
    /// Elements were appended behind this many.
    Appended(usize),
    /// The element at this index was another.
    Merged(usize, Value),
    /// These were removed; each with the index that it had.
    Removed(Vec<(usize, Value)>),
    /// The whole list was this.
    Rewritten(Option<Value>),
}

impl<'a> Journal<'a> {
    pub(super) fn new(name: &'a str, members: &ComplexValue) -> Self {
        // What is no list yet is made one: nothing, null, or a single value.
        let entries = match members.get(name) {
            Some(Value::List(_)) => Vec::new(),
            other => vec![Entry::Rewritten(other.cloned())],
        };
        Self { name, entries, balance: HashMap::new() }
    }

    pub(super) const fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether the list has other elements than it had, in whatever order.
    pub(super) fn is_changed(&self) -> bool {
        self.balance.values().any(|count| *count != 0)
    }

    pub(super) fn append(&mut self, list: &mut Vec<Value>, element: Value) {
        self.count(&element, 1);
        if !matches!(self.entries.last(), Some(Entry::Appended(_))) {
            self.entries.push(Entry::Appended(list.len()));
        }
        list.push(element);
    }

    /// Notes that an element took the place of another one.
    pub(super) fn merged(&mut self, index: usize, before: Value, after: &Value) {
        if before != *after {
            self.count(&before, -1);
            self.count(after, 1);
            self.entries.push(Entry::Merged(index, before));
        }
    }

    pub(super) fn retain(&mut self, list: &mut Vec<Value>, mut keep: impl FnMut(&Value) -> bool) {
        let (mut index, mut removed) = (0, Vec::new());
        list.retain_mut(|element| {
            let is_kept = keep(element);
            if !is_kept {
                removed.push((index, std::mem::take(element)));
            }
            index += 1;
            is_kept
        });
        for (_, element) in &removed {
            self.count(element, -1);
        }
        if !removed.is_empty() {
            self.entries.push(Entry::Removed(removed));
        }
    }

    /// Notes that any element may be another than it was.
    pub(super) fn rewritten(&mut self, before: Option<Value>, after: Option<&Value>) {
        let (left, right) = (before.as_ref().map(Value::elements).unwrap_or_default(), after.map(Value::elements).unwrap_or_default());
        for index in 0..left.len().max(right.len()) {
            let (left, right) = (left.get(index), right.get(index));
            if left != right {
                left.into_iter().for_each(|element| self.count(element, -1));
                right.into_iter().for_each(|element| self.count(element, 1));
            }
        }
        self.entries.push(Entry::Rewritten(before));
    }

    fn count(&mut self, element: &Value, step: i64) {
        if !element.is_unassigned() {
            *self.balance.entry(equal::key(element)).or_default() += step;
        }
    }

    /// Makes the list what it was.
    pub(super) fn undo(self, members: &mut ComplexValue) {
        let name = self.name;
        for entry in self.entries.into_iter().rev() {
            match entry {
                Entry::Appended(length) => list_in(members, name).truncate(length),
                Entry::Merged(index, before) => {
                    if let Some(element) = list_in(members, name).get_mut(index) {
                        *element = before;
                    }
                }
                Entry::Removed(removed) => put_back(list_in(members, name), removed),
                Entry::Rewritten(before) => restore(members, name, before),
            }
        }
    }
}

/// Puts elements back where they were; the indexes rise.
fn put_back(list: &mut Vec<Value>, removed: Vec<(usize, Value)>) {
    let mut kept = std::mem::take(list).into_iter();
    for (index, element) in removed {
        list.extend(kept.by_ref().take(index.saturating_sub(list.len())));
        list.push(element);
    }
    list.extend(kept);
}

/// Gives an attribute the value that it had.
pub(super) fn restore(members: &mut ComplexValue, name: &str, before: Option<Value>) {
    match before {
        Some(before) => drop(members.insert(name, before)),
        None => drop(members.remove(name)),
    }
}
