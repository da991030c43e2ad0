//! A small directory that a test changes as it likes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use scimkit_provisioning::{
    AppRole, AssignmentPage, Position, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
use scimkit_types::{ComplexValue, Value};

/// People, each by an id, with a log of what happened to them.
#[derive(Debug, Default)]
pub struct People {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    people: BTreeMap<String, ComplexValue>,
    /// Everything that happened, in order; a position is a place in it.
    log: Vec<SourceChange>,
    /// Positions before this place are not known any more.
    oldest: usize,
    reads: u64,
}

impl People {
    /// A directory of so many people.
    pub fn new(count: usize) -> Self {
        let people = Self::default();
        for number in 1..=count {
            people.set(&format!("p{number}"), [("mail", format!("p{number}@example.com")), ("jobTitle", "Clerk".to_owned())]);
        }
        people
    }

    /// Gives a person attributes; whoever is not there joins.
    pub fn set<const N: usize>(&self, id: &str, attributes: [(&str, String); N]) {
        let attributes: ComplexValue = attributes.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        let mut state = self.state();
        let person = state.people.entry(id.to_owned()).or_default();
        for (name, value) in attributes.iter() {
            person.insert(name, value.clone());
        }
        state.log.push(SourceChange::new(id, SourceChangeKind::Present { attributes, references: Vec::new() }));
    }

    /// Deletes a person; whether it can be restored is for the caller to say.
    pub fn remove(&self, id: &str, kind: SourceChangeKind) {
        let mut state = self.state();
        state.people.remove(id);
        state.log.push(SourceChange::new(id, kind));
    }

    /// Forgets what happened so far, so that positions before now are too old; people who left leave no trace.
    pub fn expire(&self) {
        let mut state = self.state();
        state.oldest = state.log.len() + 1;
        let gone = SourceChange::new("nobody", SourceChangeKind::Deleted);
        state.log.push(gone);
    }

    /// Tells once more, in the next round, what happened since the given place.
    pub fn replay(&self, from: usize) {
        let mut state = self.state();
        let again: Vec<SourceChange> = state.log.iter().skip(from).cloned().collect();
        state.log.extend(again);
    }

    /// The present place.
    pub fn place(&self) -> usize {
        self.state().log.len()
    }

    /// How often the directory was read.
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Source for People {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned()]
    }

    async fn read(&self, _object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        let mut state = self.state();
        state.reads += 1;
        let next = Position::new(state.log.len().to_string());
        let changes = match position {
            None => {
                let present = |(id, attributes): (&String, &ComplexValue)| {
                    SourceChange::new(id, SourceChangeKind::Present { attributes: attributes.clone(), references: Vec::new() })
                };
                state.people.iter().map(present).collect()
            }
            Some(position) => {
                let place: usize = position.as_str().parse().unwrap();
                if place < state.oldest {
                    return Err(SourceError::new(SourceErrorKind::PositionExpired, "the position is too old"));
                }
                state.log.iter().skip(place).cloned().collect()
            }
        };
        Ok(SourcePage::new(changes, next, true))
    }

    async fn assignments(&self, _after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        Ok(AssignmentPage::default())
    }

    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
        Ok(Vec::new())
    }
}
