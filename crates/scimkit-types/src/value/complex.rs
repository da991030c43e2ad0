//! Named values in the order in which they came.

use std::collections::HashMap;

use super::{MemberName, Value};

/// The members of a JSON object whose names compare without ASCII case (RFC 7643 section 2.1) and keep the order in which they came.
///
/// A resource has tens of attributes, so members are a list that is searched, not a map.
#[derive(Clone, Debug, Default)]
pub struct ComplexValue {
    members: Vec<(MemberName, Value)>,
}

impl ComplexValue {
    /// A complex value without members.
    pub const fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// A complex value of members whose names the caller knows to differ; they are not compared.
    pub const fn from_distinct(members: Vec<(MemberName, Value)>) -> Self {
        Self { members }
    }

    /// The value of a member; `None` when there is none of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.iter().find(|(member, _)| *member == *name).map(|(_, value)| value)
    }

    /// The value of a member.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.members.iter_mut().find(|(member, _)| *member == *name).map(|(_, value)| value)
    }

    /// Sets a member and returns the value that it had.
    ///
    /// An existing member keeps its place and takes the new spelling of the name.
    pub fn insert(&mut self, name: impl Into<MemberName>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        match self.members.iter_mut().find(|(member, _)| *member == name) {
            Some(member) => {
                member.0 = name;
                Some(std::mem::replace(&mut member.1, value))
            }
            None => {
                self.members.push((name, value));
                None
            }
        }
    }

    /// The value of a member, inserted as [`Value::Null`] when there is none.
    pub fn entry(&mut self, name: &str) -> &mut Value {
        let index = match self.members.iter().position(|(member, _)| *member == *name) {
            Some(index) => index,
            None => {
                self.members.push((name.into(), Value::Null));
                self.members.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the index was found or pushed just above")]
        &mut self.members[index].1
    }

    /// Removes a member and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.members.iter().position(|(member, _)| *member == *name)?;
        Some(self.members.remove(index).1)
    }

    /// Keeps the members for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.members.retain_mut(|(name, value)| keep(name.as_str(), value));
    }

    /// The members in the order in which they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The members in the order in which they came.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Value)> {
        self.members.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The number of members.
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Adds a member without looking for one of the same name; the caller knows that there is none.
    pub(super) fn push_unique(&mut self, name: impl Into<MemberName>, value: Value) {
        self.members.push((name.into(), value));
    }

    /// The members in the order in which they came, with their names as they are kept.
    pub fn into_members(self) -> impl ExactSizeIterator<Item = (MemberName, Value)> {
        self.members.into_iter()
    }

    /// Whether two complex values are equal up to what carries no meaning (see [`Value::is_equivalent`]).
    pub fn is_equivalent(&self, other: &Self) -> bool {
        let covers = |left: &Self, right: &Self| {
            let right = right.finder();
            left.iter().all(|(name, value)| match right.get(name) {
                Some(counterpart) => value.is_equivalent(counterpart),
                None => value.is_unassigned(),
            })
        };
        let own = self.finder();
        covers(self, other) && other.iter().all(|(name, value)| value.is_unassigned() || own.get(name).is_some())
    }

    /// Finds members by name: a short list is searched, a long one, which only a hostile peer sends, is indexed.
    fn finder(&self) -> Finder<'_> {
        let index = (self.len() > SEARCHED_MEMBERS)
            .then(|| self.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect::<HashMap<_, _>>());
        Finder { complex: self, index }
    }
}

/// The number of members up to which they are searched for each name.
const SEARCHED_MEMBERS: usize = 64;

struct Finder<'a> {
    complex: &'a ComplexValue,
    index: Option<HashMap<String, &'a Value>>,
}

impl<'a> Finder<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        match &self.index {
            Some(index) => index.get(&name.to_ascii_lowercase()).copied(),
            None => self.complex.get(name),
        }
    }
}

/// Members are compared by name without case; their order does not matter.
impl PartialEq for ComplexValue {
    fn eq(&self, other: &Self) -> bool {
        let other_members = other.finder();
        self.len() == other.len() && self.iter().all(|(name, value)| other_members.get(name) == Some(value))
    }
}

impl<N: Into<MemberName>, V: Into<Value>> FromIterator<(N, V)> for ComplexValue {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(members: I) -> Self {
        let mut complex = Self::new();
        for (name, value) in members {
            complex.insert(name, value);
        }
        complex
    }
}

impl IntoIterator for ComplexValue {
    type Item = (String, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter(self.members.into_iter())
    }
}

/// The members of a complex value in the order in which they came; see [`ComplexValue::into_members`] for names that are not copied.
#[derive(Clone, Debug)]
pub struct IntoIter(std::vec::IntoIter<(MemberName, Value)>);

impl Iterator for IntoIter {
    type Item = (String, Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.into(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for IntoIter {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name.into(), value))
    }
}

impl ExactSizeIterator for IntoIter {}
